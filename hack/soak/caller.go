// Calling the services through the gateway.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"time"
)

// patience is how long a caller waits for an answer: longer than the gateway
// waits for a service.
const patience = 45 * time.Second

// caller sends requests to the gateway at an address of loopback.
type caller struct {
	address string
	key     string
	client  *http.Client
}

func newCaller(address, key string) *caller {
	return &caller{address: address, key: key, client: &http.Client{
		Timeout:   patience,
		Transport: &http.Transport{MaxIdleConnsPerHost: 256, DisableCompression: true},
	}}
}

// request is one request. key is its Idempotency-Key, "" for none.
type request struct {
	service, method, path string
	body                  any
	key                   string
}

// answer is a whole answer.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// send returns an error if no whole answer comes.
func (c *caller) send(ctx context.Context, r request) (answer, error) {
	var body io.Reader
	if r.body != nil {
		content, err := json.Marshal(r.body)
		if err != nil {
			return answer{}, err
		}
		body = bytes.NewReader(content)
	}
	sent, err := http.NewRequestWithContext(ctx, r.method, "http://"+c.address+r.path, body)
	if err != nil {
		return answer{}, err
	}
	_, port, _ := net.SplitHostPort(c.address)
	sent.Host = r.service + ".localhost:" + port
	sent.Header.Set("X-API-Key", c.key)
	if r.body != nil {
		sent.Header.Set("Content-Type", "application/json")
	}
	if r.key != "" {
		sent.Header.Set("Idempotency-Key", r.key)
	}
	response, err := c.client.Do(sent)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	return answer{response.StatusCode, response.Header, content}, err
}

// get is send for a GET that must succeed.
func (c *caller) get(ctx context.Context, service, path string) (answer, error) {
	given, err := c.send(ctx, request{service: service, method: http.MethodGet, path: path})
	if err == nil && given.status != http.StatusOK {
		err = fmt.Errorf("GET %s of %s: %d %.200s", path, service, given.status, bytes.TrimSpace(given.body))
	}
	return given, err
}

var nextPage = regexp.MustCompile(`<([^>]*)>; rel="next"`)

// all returns everything in the list of a kind.
func (c *caller) all(ctx context.Context, k *kind) ([]item, error) {
	var all []item
	for path := k.list + "?" + k.filter + "limit=1000"; path != ""; {
		given, err := c.get(ctx, k.service, path)
		if err != nil {
			return nil, err
		}
		var page []item
		if err := decode(given.body, &page); err != nil {
			return nil, fmt.Errorf("GET %s: %w", path, err)
		}
		all = append(all, page...)
		path = ""
		if next := nextPage.FindStringSubmatch(given.header.Get("Link")); next != nil {
			path = next[1]
		}
	}
	return all, nil
}

// sample returns the value of a metric of a service, summed over those of its
// series that have the label, as outcome="full"; "": all.
func (c *caller) sample(ctx context.Context, service, name, label string) (float64, error) {
	given, err := c.get(ctx, service, "/metrics")
	if err != nil {
		return 0, err
	}
	sum, found := 0.0, false
	line := regexp.MustCompile(`(?m)^` + name + `(\{[^}]*` + regexp.QuoteMeta(label) + `[^}]*\}|) (\S+)$`)
	for _, match := range line.FindAllSubmatch(given.body, -1) {
		value, err := strconv.ParseFloat(string(match[2]), 64)
		if err != nil {
			return 0, err
		}
		sum, found = sum+value, true
	}
	if !found {
		return 0, fmt.Errorf("%s exports no %s", service, name)
	}
	return sum, nil
}
