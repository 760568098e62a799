// Editing kong.yml as a tree, so that its comments and its order stay.
package main

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

const renderedNotice = `# Rendered by fountain kong. It holds API keys: keep it to yourself. To change
# something, change the kong.yml it was made from and render it again.

`

// renderKong returns kong.yml with keys, certificate (nil: none) and domain.
func renderKong(source []byte, domain string, keys []apiKey, certificate *serverCertificate) ([]byte, error) {
	var document yaml.Node
	if err := yaml.Unmarshal(source, &document); err != nil {
		return nil, err
	}
	if document.Kind != yaml.DocumentNode || document.Content[0].Kind != yaml.MappingNode {
		return nil, errors.New("not a declarative configuration of Kong: it must be a mapping with services, consumers and so on")
	}
	root := document.Content[0]
	for _, route := range routesOf(root) {
		moveHosts(field(route, "hosts"), domain)
		if certificate != nil {
			demandHTTPS(route)
		}
	}
	for _, key := range keys {
		if err := addCredential(root, key); err != nil {
			return nil, err
		}
	}
	if certificate != nil {
		addCertificate(root, certificate, domain)
	}
	content := bytes.NewBufferString(renderedNotice)
	encoder := yaml.NewEncoder(content)
	encoder.SetIndent(2)
	err := errors.Join(encoder.Encode(&document), encoder.Close())
	return content.Bytes(), err
}

// field returns the value of a field of a mapping, or nil.
func field(mapping *yaml.Node, name string) *yaml.Node {
	if mapping == nil || mapping.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value == name {
			return mapping.Content[i+1]
		}
	}
	return nil
}

// setField sets a field of a mapping; a new one is put right behind the field
// after, or at the end.
func setField(mapping *yaml.Node, name string, value *yaml.Node, after string) {
	at := len(mapping.Content)
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		switch mapping.Content[i].Value {
		case name:
			value.LineComment = mapping.Content[i+1].LineComment
			mapping.Content[i+1] = value
			return
		case after:
			at = i + 2
		}
	}
	key := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: name}
	mapping.Content = append(mapping.Content[:at:at], append([]*yaml.Node{key, value}, mapping.Content[at:]...)...)
}

func items(list *yaml.Node) []*yaml.Node {
	if list == nil || list.Kind != yaml.SequenceNode {
		return nil
	}
	return list.Content
}

// routesOf returns all routes, those that stand in a service and those that do
// not.
func routesOf(root *yaml.Node) []*yaml.Node {
	routes := items(field(root, "routes"))
	for _, service := range items(field(root, "services")) {
		routes = append(routes, items(field(service, "routes"))...)
	}
	return routes
}

// moveHosts puts hosts under the default domain under another; any that are
// there already stay, and each is there once.
func moveHosts(hosts *yaml.Node, domain string) {
	if items(hosts) == nil {
		return
	}
	seen := make(map[string]bool)
	hosts.Content = slices.DeleteFunc(hosts.Content, func(host *yaml.Node) bool {
		// What is under the domain stays, also where that is one below the default.
		name, found := strings.CutSuffix(host.Value, "."+defaultDomain)
		if found && !strings.HasSuffix(host.Value, "."+domain) {
			host.Value = name + "." + domain
		}
		again := seen[host.Value]
		seen[host.Value] = true
		return again
	})
}

func demandHTTPS(route *yaml.Node) {
	protocols := &yaml.Node{Kind: yaml.SequenceNode, Style: yaml.FlowStyle, Content: []*yaml.Node{text("https")}}
	setField(route, "protocols", protocols, "hosts")
	setField(route, "https_redirect_status_code", number(308), "protocols")
}

func text(value string) *yaml.Node {
	node := new(yaml.Node)
	node.SetString(value) // quoted or as a block where it must be
	return node
}

func number(value int) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!int", Value: strconv.Itoa(value)}
}

func mapping(pairs ...any) *yaml.Node {
	node := &yaml.Node{Kind: yaml.MappingNode}
	for i := 0; i+1 < len(pairs); i += 2 {
		node.Content = append(node.Content, text(pairs[i].(string)), pairs[i+1].(*yaml.Node))
	}
	return node
}

// addCredential gives a consumer a key, unless it has it. Kong would not start
// with a key of two consumers.
func addCredential(root *yaml.Node, key apiKey) error {
	var owner *yaml.Node
	for _, consumer := range items(field(root, "consumers")) {
		name := field(consumer, "username")
		mine := name != nil && name.Value == key.consumer
		if mine {
			owner = consumer
		}
		if !hasCredential(consumer, key.value) {
			continue
		}
		if mine {
			return nil
		}
		return fmt.Errorf("the key of the %s in %s is a key of another consumer here; put another into the file, or take it out here", key.consumer, key.path)
	}
	if owner == nil {
		return fmt.Errorf("there is no consumer %s to give a key to; add one, as in the built-in file", key.consumer)
	}
	credentials := field(owner, "keyauth_credentials")
	if items(credentials) == nil {
		credentials = &yaml.Node{Kind: yaml.SequenceNode}
		setField(owner, "keyauth_credentials", credentials, "username")
	}
	credentials.Content = append(credentials.Content, mapping("key", text(key.value)))
	return nil
}

func hasCredential(consumer *yaml.Node, key string) bool {
	return slices.ContainsFunc(items(field(consumer, "keyauth_credentials")), func(known *yaml.Node) bool {
		value := field(known, "key")
		return value != nil && value.Value == key
	})
}

// addCertificate adds the certificate with the names that it is shown for. In
// the declarative format snis are records under their certificate.
func addCertificate(root *yaml.Node, certificate *serverCertificate, domain string) {
	snis := &yaml.Node{Kind: yaml.SequenceNode}
	for _, name := range tlsNames(domain) {
		snis.Content = append(snis.Content, mapping("name", text(name)))
	}
	certificates := field(root, "certificates")
	if items(certificates) == nil {
		certificates = &yaml.Node{Kind: yaml.SequenceNode}
		setField(root, "certificates", certificates, "")
	}
	certificates.Content = append(certificates.Content,
		mapping("cert", text(certificate.cert), "key", text(certificate.key), "snis", snis))
}
