// What of an OpenAPI document serving needs.
package httpapi

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"
)

// Document is a parsed OpenAPI document. Only what serving needs is kept:
// oapi-codegen and the tests read the rest.
type Document struct {
	yaml       servedText
	json       servedText
	serverURL  string
	Operations []*Operation
}

// Operation is one method of one path.
type Operation struct {
	ID     string
	Method string
	// Path is the template as the document writes it: /scripts/{scriptId}.
	Path       string
	parameters []parameter
	body       *requestBody
	// Responses maps a status, as "201", to what the document says of it.
	Responses map[string]Response
}

// Response is what the document promises for one status.
type Response struct {
	// Bodies maps a media type to its schema.
	Bodies map[string]*jsonschema.Schema
	// Headers names the headers the document lists.
	Headers []string
}

// ParseDocument reads an OpenAPI 3.1 document in YAML. It returns an error for
// what this package could not check a request against.
func ParseDocument(source []byte) (*Document, error) {
	document, err := parseDocument(source)
	if err != nil {
		return nil, fmt.Errorf("openapi.yaml: %w", err)
	}
	return document, nil
}

// parsed holds the documents that this process has read, by their SHA-256: reading
// one takes longer than opening a database, and a process may open a service often.
var parsed sync.Map

// parseOnce is ParseDocument for what does not change while the process runs.
func parseOnce(source []byte) (*Document, error) {
	read, _ := parsed.LoadOrStore(sha256.Sum256(source), sync.OnceValues(func() (*Document, error) { return ParseDocument(source) }))
	return read.(func() (*Document, error))()
}

func parseDocument(source []byte) (*Document, error) {
	var root yaml.Node
	if err := yaml.Unmarshal(source, &root); err != nil {
		return nil, err
	}
	var tree any
	if err := root.Decode(&tree); err != nil {
		return nil, err
	}
	document := &Document{yaml: servedText{before: source}}
	if server := firstServer(tree); server != nil {
		document.serverURL, _ = server["url"].(string)
		server["url"] = urlMark
		var err error
		if document.yaml, err = splitYAML(source, &root); err != nil {
			return nil, err
		}
	}
	asJSON, err := json.Marshal(tree)
	if err != nil {
		return nil, err
	}
	document.json.before, document.json.after, _ = bytes.Cut(asJSON, []byte(`"`+urlMark+`"`))
	document.Operations, err = readOperations(asJSON)
	return document, err
}

// urlMark stands for the address of the service while the document becomes JSON.
const urlMark = "the-address-of-this-service"

func firstServer(tree any) map[string]any {
	document, _ := tree.(map[string]any)
	servers, _ := document["servers"].([]any)
	if len(servers) == 0 {
		return nil
	}
	server, _ := servers[0].(map[string]any)
	return server
}

// servedText is a document cut in two where the address of the service stands.
type servedText struct{ before, after []byte }

// at returns the document with url in its place.
func (s servedText) at(url string) []byte {
	if s.after == nil {
		return s.before
	}
	// A JSON string is a YAML string too, whatever url is.
	quoted, err := json.Marshal(url)
	if err != nil {
		quoted = []byte(`""`) // a string always becomes JSON
	}
	text := make([]byte, 0, len(s.before)+len(quoted)+len(s.after))
	return append(append(append(text, s.before...), quoted...), s.after...)
}

// yamlChild returns the member of a mapping, or the first item of a sequence;
// nil if there is none.
func yamlChild(node *yaml.Node, name string) *yaml.Node {
	if node == nil || len(node.Content) == 0 {
		return nil
	}
	switch node.Kind {
	case yaml.DocumentNode:
		return yamlChild(node.Content[0], name)
	case yaml.SequenceNode:
		return node.Content[0]
	case yaml.MappingNode:
		for i := 0; i+1 < len(node.Content); i += 2 {
			if node.Content[i].Value == name {
				return node.Content[i+1]
			}
		}
	}
	return nil
}

// splitYAML cuts the document as it was written at the url of its first server.
func splitYAML(source []byte, root *yaml.Node) (servedText, error) {
	place := yamlChild(yamlChild(yamlChild(root, "servers"), ""), "url")
	if place == nil {
		return servedText{}, errors.New("servers: the first server has no url")
	}
	start := 0
	for range place.Line - 1 {
		start += bytes.IndexByte(source[start:], '\n') + 1
	}
	start = min(start+place.Column-1, len(source))
	written := place.Value
	if place.Style&yaml.DoubleQuotedStyle != 0 {
		written = `"` + written + `"`
	} else if place.Style&yaml.SingleQuotedStyle != 0 {
		written = "'" + written + "'"
	}
	after, found := bytes.CutPrefix(source[start:], []byte(written))
	if !found {
		return servedText{}, fmt.Errorf("line %d: write the url of the server as plain text", place.Line)
	}
	return servedText{before: source[:start], after: after}, nil
}
