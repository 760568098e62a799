// Finding what answers a path: a tree of path segments.
package httpapi

import (
	"net/http"
	"strings"

	"github.com/gorilla/mux"
)

// pathTree finds the endpoints of a path. The generated code registers its
// routes with gorilla/mux, which tries one regular expression after the other
// and takes the first that fits. The tree takes the same time for any number of
// routes, prefers /actions/batch to /actions/{actionId} as OpenAPI demands, and
// knows every method of a path.
type pathTree struct {
	fixed    map[string]*pathTree
	variable *pathTree
	// methods is empty where no path ends.
	methods map[string]endpoint
	// allow lists the methods as the Allow header does.
	allow string
}

// endpoint is what answers one method of one path.
type endpoint struct {
	// variables names the parameters in the path, in order.
	variables []string
	handler   http.Handler
}

func newPathTree() *pathTree {
	return &pathTree{fixed: map[string]*pathTree{}, methods: map[string]endpoint{}}
}

// add registers handler for method and the paths that template describes, as
// /actions/{actionId}.
func (t *pathTree) add(method, template string, handler http.Handler) {
	entry := endpoint{handler: handler}
	for _, segment := range strings.Split(template, "/")[1:] {
		if name, isVariable := strings.CutPrefix(segment, "{"); isVariable {
			entry.variables = append(entry.variables, strings.TrimSuffix(name, "}"))
			t = t.belowVariable()
		} else {
			t = t.below(segment)
		}
	}
	t.methods[method] = entry
	if method == http.MethodGet {
		// HEAD is GET without a body (RFC 9110, 9.3.2); net/http leaves it out.
		t.methods[http.MethodHead] = entry
	}
	t.allow = allowed(t.methods)
}

func allowed(methods map[string]endpoint) string {
	var names []string
	for _, method := range []string{
		http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete,
	} {
		if _, ok := methods[method]; ok {
			names = append(names, method)
		}
	}
	return strings.Join(names, ", ")
}

func (t *pathTree) below(segment string) *pathTree {
	if t.fixed[segment] == nil {
		t.fixed[segment] = newPathTree()
	}
	return t.fixed[segment]
}

func (t *pathTree) belowVariable() *pathTree {
	if t.variable == nil {
		t.variable = newPathTree()
	}
	return t.variable
}

// find returns where path ends, nil if it is not in the tree, and the values of
// the variables passed on the way, appended to values.
func (t *pathTree) find(path string, values []string) (*pathTree, []string) {
	if path == "" {
		if len(t.methods) == 0 {
			return nil, nil
		}
		return t, values
	}
	if path[0] != '/' {
		return nil, nil
	}
	segment, rest := path[1:], ""
	if end := strings.IndexByte(segment, '/'); end >= 0 {
		segment, rest = segment[:end], segment[end:]
	}
	if next := t.fixed[segment]; next != nil {
		if found, all := next.find(rest, values); found != nil {
			return found, all
		}
	}
	if t.variable == nil || segment == "" {
		return nil, nil
	}
	return t.variable.find(rest, append(values, segment))
}

// route passes r on to what is registered for it.
func (a *API) route(w http.ResponseWriter, r *http.Request) {
	place, values := a.paths.find(r.URL.Path, nil)
	if place == nil || hidesSlash(r.URL.RawPath) {
		notFound(w, r)
		return
	}
	found, ok := place.methods[r.Method]
	if !ok {
		methodNotAllowed(w, r, place.allow)
		return
	}
	if len(values) > 0 {
		variables := make(map[string]string, len(values))
		for i, name := range found.variables {
			variables[name] = values[i]
		}
		r = mux.SetURLVars(r, variables)
	}
	found.handler.ServeHTTP(w, r)
}

// hidesSlash reports whether a path holds an encoded slash, which would make
// /characters%2F1 another name of /characters/1: a gateway in front that tells
// paths apart by their text must not be led astray. rawPath is empty for paths
// with no unusual encoding.
func hidesSlash(rawPath string) bool {
	return rawPath != "" && strings.Contains(strings.ToLower(rawPath), "%2f")
}
