// Asking the peers: the services whose resources a story refers to.
package storyfactory

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"fountain.coach/fountainai/internal/httpapi/problem"
)

// Peers are the addresses of the services a story is refreshed from. A service
// without address is not asked.
type Peers struct {
	// Character, ScriptManagement and SessionContext are base URLs, as
	// http://character:8000.
	Character        string
	ScriptManagement string
	SessionContext   string
	// Timeout bounds one refresh; two seconds if zero.
	Timeout time.Duration
	// Rest is how long a peer that failed is left alone, so that an outage
	// costs one time-out and not one a request; five seconds if zero.
	Rest time.Duration
	// Transport makes the requests; like http.DefaultTransport if nil.
	Transport http.RoundTripper
}

const (
	defaultPeerTimeout = 2 * time.Second
	defaultPeerRest    = 5 * time.Second
	// peerPage is the page length asked for: the longest there is.
	peerPage = 1000
	// peerParallel bounds the requests for one list under way at once.
	peerParallel = 4
	// peerConnections is how many idle connections to a peer are kept.
	peerConnections = 16
	// peerAnswerLimit bounds one page of an answer, in bytes.
	peerAnswerLimit = 128 << 20
)

// errPeerUnknown means that the peer answered that it has no such thing.
var errPeerUnknown = errors.New("the peer knows nothing of it")

type peerClient struct {
	base   string
	client *http.Client
}

func newHTTPClient(transport http.RoundTripper) *http.Client {
	if standard, ok := http.DefaultTransport.(*http.Transport); ok && transport == nil {
		// The standard two would be closed and opened all the time.
		standard = standard.Clone()
		standard.MaxIdleConnsPerHost = peerConnections
		transport = standard
	}
	return &http.Client{Transport: transport}
}

// get decodes the JSON at path into target and returns the path of the next
// page, "" if there is none. It returns errPeerUnknown if there is no such
// resource.
func (c peerClient) get(ctx context.Context, path string, target any) (next string, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(c.base, "/")+path, nil)
	if err != nil {
		return "", err
	}
	response, err := c.client.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, peerAnswerLimit))
	if err != nil {
		return "", fmt.Errorf("GET %s: %w", path, err)
	}
	if response.StatusCode != http.StatusOK {
		return "", refusal(path, response, body)
	}
	if err := json.Unmarshal(body, target); err != nil {
		return "", fmt.Errorf("GET %s: %w", path, err)
	}
	return nextPage(path, response.Header.Get("Link"))
}

// refusal tells a resource that does not exist from a path that leads nowhere,
// as to a gateway without a route.
func refusal(path string, response *http.Response, body []byte) error {
	var p problem.Problem
	if response.StatusCode == http.StatusNotFound && json.Unmarshal(body, &p) == nil && p.Code == "not_found" {
		return errPeerUnknown
	}
	return fmt.Errorf("GET %s: %s", path, response.Status)
}

var nextLink = regexp.MustCompile(`<([^>]*)>; *rel="?next"?`)

func nextPage(path, header string) (string, error) {
	link := nextLink.FindStringSubmatch(header)
	switch {
	case link == nil:
		return "", nil
	case !strings.HasPrefix(link[1], "/"):
		return "", fmt.Errorf("GET %s: the next page is elsewhere, at %s", path, link[1])
	}
	return link[1], nil
}

// list collects all pages of the list at path. What moves while they are read
// can be met twice, and is returned once.
func list[T resource](ctx context.Context, c peerClient, path string, query url.Values) ([]T, error) {
	if query == nil {
		query = url.Values{}
	}
	query.Set("limit", strconv.Itoa(peerPage))
	var all []T
	seen := map[int64]bool{}
	for path += "?" + query.Encode(); path != ""; {
		var page []T
		next, err := c.get(ctx, path, &page)
		if err != nil {
			return nil, err
		}
		// What is not as promised must not replace what is known.
		if page == nil || slices.ContainsFunc(page, func(item T) bool { return !item.sound() }) {
			return nil, fmt.Errorf("GET %s: not a list of what it should hold", path)
		}
		for _, item := range page {
			if !seen[item.id()] {
				seen[item.id()] = true
				all = append(all, item)
			}
		}
		path = next
	}
	return all, nil
}

// listByID collects the resources with the given identifiers, asking for as
// many at a time as a page holds.
func listByID[T resource](ctx context.Context, c peerClient, path string, ids []int64) ([]T, error) {
	batches := slices.Collect(slices.Chunk(ids, peerPage))
	answers := make([][]T, len(batches))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(peerParallel)
	for i, batch := range batches {
		group.Go(func() (err error) {
			answers[i], err = list[T](ctx, c, path, url.Values{"ids": {joinIDs(batch)}})
			return err
		})
	}
	err := group.Wait()
	return slices.Concat(answers...), err
}

func joinIDs(ids []int64) string {
	var joined []byte
	for i, id := range ids {
		if i > 0 {
			joined = append(joined, ',')
		}
		joined = strconv.AppendInt(joined, id, 10)
	}
	return string(joined)
}

func ofScript(scriptID int64) url.Values {
	return url.Values{"scriptId": {strconv.FormatInt(scriptID, 10)}}
}
