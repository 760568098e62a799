// The path as the router sees it and as the service gets it: one form, so that
// no spelling of a path is judged as one thing here and read as another there.

package gateway

import (
	"net/http"
	"strings"
)

// normalizePath brings an escaped path into the form that Kong routes by
// (RFC 3986, section 6.2.2): unreserved characters are not escaped, escapes are
// in capital letters, dot segments are resolved and slashes merged. Without it,
// GET /docs/%2e%2e/characters would pass as a page of the open documentation.
func normalizePath(escaped string) string {
	if isNormal(escaped) {
		return escaped
	}
	return resolveSegments(decodeUnreserved(escaped))
}

// isNormal reports whether there is nothing to do, as for nearly every request.
func isNormal(path string) bool {
	if path == "" || path[0] != '/' {
		return false
	}
	for i := range len(path) {
		if path[i] == '%' {
			return false
		}
		if path[i] == '/' && i+1 < len(path) && (path[i+1] == '/' || path[i+1] == '.') {
			return false
		}
	}
	return true
}

func decodeUnreserved(path string) string {
	if !strings.Contains(path, "%") {
		return path
	}
	var decoded strings.Builder
	for i := 0; i < len(path); i++ {
		if path[i] != '%' || i+2 >= len(path) {
			decoded.WriteByte(path[i])
			continue
		}
		if c := unhex(path[i+1])<<4 | unhex(path[i+2]); isUnreserved(c) {
			decoded.WriteByte(c)
		} else {
			decoded.WriteString(strings.ToUpper(path[i : i+3]))
		}
		i += 2
	}
	return decoded.String()
}

func unhex(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10
	}
	return 0
}

func isUnreserved(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' ||
		c == '-' || c == '.' || c == '_' || c == '~'
}

func resolveSegments(path string) string {
	var kept []string
	directory := true // whether the path ends in a slash
	for segment := range strings.SplitSeq(path, "/") {
		directory = true
		switch segment {
		case "", ".":
		case "..":
			kept = kept[:max(0, len(kept)-1)]
		default:
			kept = append(kept, segment)
			directory = false
		}
	}
	resolved := "/" + strings.Join(kept, "/")
	if directory && len(kept) > 0 {
		resolved += "/"
	}
	return resolved
}

// hostname is the host that r asks for, without port, in lower case.
func hostname(r *http.Request) string {
	host := r.Host
	if colon := strings.LastIndexByte(host, ':'); colon >= 0 && !strings.HasSuffix(host, "]") {
		host = host[:colon]
	}
	return strings.ToLower(strings.TrimSuffix(host, "."))
}
