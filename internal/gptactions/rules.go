// The rules, each with where it comes from.
package gptactions

import (
	"fmt"
	"maps"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// faults collects what is wrong with a document.
type faults struct {
	document *Document
	found    []string
}

func (f *faults) add(format string, arguments ...any) {
	f.found = append(f.found, fmt.Sprintf(format, arguments...))
}

// top checks what the document says of itself.
func (f *faults) top(host string) {
	d := f.document
	if version := d.root["openapi"]; version != Version {
		f.add("openapi is %v, want %s", version, Version)
	}
	if d.Size > MaxDocument {
		f.add("the document has %d bytes, want at most %d", d.Size, MaxDocument)
	}
	if count := len(d.Operations); count == 0 || count > MaxOperations {
		f.add("the document has %d operations, want 1 to %d", count, MaxOperations)
	}
	f.server(host)
	seen := map[string]bool{}
	for _, operation := range d.Operations {
		if operation.ID != "" && seen[operation.ID] {
			f.add("%s: the operationId %s is used twice", operation.name(), operation.ID)
		}
		seen[operation.ID] = true
	}
	// The editor, as observed: "In components section, schemas subsection is not
	// an object", even where no schema is needed.
	components, _ := d.root["components"].(map[string]any)
	if _, ok := components["schemas"].(map[string]any); !ok {
		f.add("components.schemas is not an object")
	}
}

// server checks the one address of the service. The editor wants it to be an
// origin, in lower case; as observed: "Server URL … is not under the root
// origin …; ignoring it", for http, a port and capitals alike. TLS on port 443
// is in the production notes, "Use TLS and HTTPS".
func (f *faults) server(host string) {
	servers, _ := f.document.root["servers"].([]any)
	if len(servers) != 1 {
		f.add("servers has %d entries, want 1", len(servers))
		return
	}
	server, _ := servers[0].(map[string]any)
	if address := server["url"]; address != "https://"+host {
		f.add("the url of the server is %v, want https://%s", address, host)
	}
	if server["variables"] != nil {
		f.add("the url of the server has variables")
	}
	if host == "" || host != strings.ToLower(host) || strings.ContainsAny(host, ":/?#@{}% ") {
		f.add("%q is not a host in lower case, without a port", host)
	}
}

// hosts are the hosts that the document calls.
func (d *Document) hosts() []string {
	var hosts []string
	servers, _ := d.root["servers"].([]any)
	for _, entry := range servers {
		server, _ := entry.(map[string]any)
		text, _ := server["url"].(string)
		if address, err := url.Parse(text); err == nil {
			hosts = append(hosts, address.Hostname())
		}
	}
	return hosts
}

// security checks that the one key of the action opens every operation: the
// production notes allow a single kind of authentication. The editor, as
// observed: "Found multiple security schemes, only 1 is supported".
func (f *faults) security() {
	components, _ := f.document.root["components"].(map[string]any)
	schemes, _ := components["securitySchemes"].(map[string]any)
	if len(schemes) != 1 {
		f.add("there are %d security schemes, want 1", len(schemes))
		return
	}
	name := slices.Collect(maps.Keys(schemes))[0]
	scheme, _ := f.document.resolve(schemes[name]).(map[string]any)
	if scheme["type"] != "apiKey" || scheme["in"] != "header" || scheme["name"] != KeyHeader {
		f.add("the security scheme %s is not an API key in the header %s", name, KeyHeader)
	}
	if want := []any{map[string]any{name: []any{}}}; !reflect.DeepEqual(f.document.root["security"], want) {
		f.add("security is not just %s", name)
	}
}

// operationID is what the name of a function may be, which an operationId
// becomes: OpenAI's API reference, function name ("Must be a-z, A-Z, 0-9, or
// contain underscores and dashes, with a maximum length of 64").
var operationID = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

func (f *faults) operation(o Operation) {
	if !operationID.MatchString(o.ID) {
		f.add("%s: the operationId %q is not 1 to 64 letters, digits, underscores and dashes", o.name(), o.ID)
	}
	// The texts are all that the model knows of an operation, hence no empty one.
	for _, member := range []string{"summary", "description"} {
		text, _ := o.members[member].(string)
		if length := utf8.RuneCountInString(text); length == 0 || length > MaxOperationText {
			f.add("%s: the %s has %d characters, want 1 to %d", o.name(), member, length, MaxOperationText)
		}
	}
	for _, member := range []string{"servers", "security"} {
		if o.members[member] != nil {
			f.add("%s has %s of its own", o.name(), member)
		}
	}
	if got, ok := o.members[Consequential].(bool); !ok || got != o.Destructive() {
		f.add("%s: %s is %#v, want %v", o.name(), Consequential, o.members[Consequential], o.Destructive())
	}
	for _, parameter := range o.parameters {
		f.parameter(o, parameter)
	}
	f.body(o)
	f.responses(o)
}

// parameter checks one parameter. Production notes: "Custom headers are not
// supported". The editor passes over a header, as observed: "parameter … has
// location header; ignoring"; so each must be one that a caller can do without.
// Cookies are headers too.
func (f *faults) parameter(o Operation, parameter map[string]any) {
	place := fmt.Sprintf("%s: parameter %v", o.name(), parameter["name"])
	switch in := parameter["in"]; in {
	case "path", "query":
	case "header":
		if parameter["required"] == true {
			f.add("%s is a header, which GPTs do not send, and required", place)
		}
	default:
		f.add("%s is in %v, which GPTs do not send", place, in)
	}
	text, _ := parameter["description"].(string)
	if length := utf8.RuneCountInString(text); length > MaxParameterText {
		f.add("%s: the description has %d characters, want at most %d", place, length, MaxParameterText)
	}
}

// body checks that a body can be sent as application/json. Production notes:
// requests contain text alone. Another media type may stand beside it if it is
// JSON of the same schema, as application/merge-patch+json does: then it makes
// no difference which one the caller takes.
func (f *faults) body(o Operation) {
	if o.members["requestBody"] == nil {
		return
	}
	body, _ := f.document.resolve(o.members["requestBody"]).(map[string]any)
	content, _ := body["content"].(map[string]any)
	plain, ok := content["application/json"].(map[string]any)
	if !ok {
		f.add("%s: the body is not application/json", o.name())
		return
	}
	for _, mediaType := range slices.Sorted(maps.Keys(content)) {
		other, _ := content[mediaType].(map[string]any)
		json := mediaType == "application/json" || strings.HasSuffix(mediaType, "+json")
		if !json || !reflect.DeepEqual(other["schema"], plain["schema"]) {
			f.add("%s: the body as %s is not what it is as application/json", o.name(), mediaType)
		}
	}
}

// responses checks that the model is told what each answer means: OpenAPI 3.1,
// "Response Object", requires a description.
func (f *faults) responses(o Operation) {
	responses, _ := o.members["responses"].(map[string]any)
	if len(responses) == 0 {
		f.add("%s has no responses", o.name())
	}
	for _, status := range slices.Sorted(maps.Keys(responses)) {
		response, _ := f.document.resolve(responses[status]).(map[string]any)
		if text, _ := response["description"].(string); text == "" {
			f.add("%s: the response %s has no description", o.name(), status)
		}
	}
}
