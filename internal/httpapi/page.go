// Keyset paging: a cursor names the last item seen, so a page costs the same
// however deep it lies.
package httpapi

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"net/http"
	"net/url"
	"strconv"
)

// defaultLimit is the page length where ?limit= is absent.
const defaultLimit = 100

// macLength is how many bytes of the HMAC a cursor carries.
const macLength = 12

// Page is the part of a list a request asks for.
type Page struct {
	// Limit is the largest number of items to return, 1 to 1000.
	Limit int
	// After is the key of the last item of the page before; 0 for the first.
	After int64

	operation string
	path      string
	query     url.Values
	secret    []byte
}

type pageKey struct{}

// PageOf returns the page that the request behind ctx asks for.
func PageOf(ctx context.Context) Page {
	page, _ := ctx.Value(pageKey{}).(Page)
	return page
}

// CutPage returns the items to answer with, and the Link header of the next
// page (RFC 8288), nil on the last one. Stores fetch Limit+1 items; key returns
// the key that paging follows.
func CutPage[T any](page Page, items []T, key func(T) int64) ([]T, *string) {
	if len(items) <= page.Limit {
		return items, nil
	}
	items = items[:page.Limit]
	query := url.Values{}
	for name, values := range page.query {
		query[name] = values
	}
	query.Set("cursor", page.sign(key(items[page.Limit-1])))
	link := "<" + page.path + "?" + query.Encode() + `>; rel="next"`
	return items, &link
}

// page reads limit and cursor from a query that validation has found good.
func (a *API) page(o *Operation, r *http.Request, query url.Values) (Page, error) {
	page := Page{
		Limit:     defaultLimit,
		operation: o.ID,
		path:      r.URL.EscapedPath(),
		query:     query,
		secret:    a.db.Secret(),
	}
	if limit, err := strconv.Atoi(query.Get("limit")); err == nil {
		page.Limit = limit
	}
	cursor := query.Get("cursor")
	if cursor == "" {
		return page, nil
	}
	after, ok := page.verify(cursor)
	if !ok {
		return page, Invalid("query/cursor",
			"is not a cursor of this list with these filters; take it unchanged from a Link header, or leave it out to begin again")
	}
	page.After = after
	return page, nil
}

// sign makes a cursor: the key, and a MAC that binds it to this list with
// these filters, so that a client can neither make nor mix up cursors.
func (p Page) sign(key int64) string {
	raw := binary.BigEndian.AppendUint64(nil, uint64(key))
	return base64.RawURLEncoding.EncodeToString(append(raw, p.mac(raw)...))
}

func (p Page) verify(cursor string) (int64, bool) {
	raw, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil || len(raw) < 8 {
		return 0, false
	}
	key := int64(binary.BigEndian.Uint64(raw))
	// Compared as text, since different texts may decode to the same bytes.
	return key, hmac.Equal([]byte(cursor), []byte(p.sign(key)))
}

func (p Page) mac(raw []byte) []byte {
	filters := url.Values{}
	for name, values := range p.query {
		if name != "cursor" && name != "limit" {
			filters[name] = values
		}
	}
	mac := hmac.New(sha256.New, p.secret)
	mac.Write([]byte(p.operation + "\n" + p.path + "\n" + filters.Encode() + "\n"))
	mac.Write(raw)
	return mac.Sum(nil)[:macLength]
}

// isList reports whether the operation pages its answer.
func (o *Operation) isList() bool {
	return o.Method == http.MethodGet && o.has("query", "cursor")
}
