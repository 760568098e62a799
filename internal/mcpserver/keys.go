// Keys of those who connect over HTTP.
package mcpserver

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/modelcontextprotocol/go-sdk/auth"

	"fountain.coach/fountainai/internal/client"
	"fountain.coach/fountainai/internal/httpapi/problem"
)

const (
	// keyMember is where a request's token information has the key.
	keyMember = "key"
	// keyHeader is where FountainAI expects keys.
	keyHeader = "X-API-Key"
	// trusted is how long a key that the gateway knew is not asked for again.
	trusted = time.Minute
	// mostKeys bounds how many of them are remembered.
	mostKeys = 1000
)

// keyring lets in who has a key.
type keyring struct {
	server *Server
	// optional: without a key the configured one is used.
	optional bool
	// bearer passes a request on with its key, next without.
	bearer, next http.Handler

	mu    sync.Mutex
	known map[string]time.Time // until when, by fingerprint
}

func (k *keyring) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	key, given := keyOf(r)
	switch {
	case given && k.accepts(r.Context(), key):
		k.bearer.ServeHTTP(w, withKey(r, key))
	case given:
		w.Header().Set("WWW-Authenticate", `Bearer realm="FountainAI", error="invalid_token"`)
		problem.Write(w, r, problem.New(http.StatusUnauthorized, "unauthorized", "The gateway does not know this API key."))
	case k.optional && !forwarded(r):
		k.next.ServeHTTP(w, r)
	default:
		w.Header().Set("WWW-Authenticate", `Bearer realm="FountainAI"`)
		problem.Write(w, r, problem.New(http.StatusUnauthorized, "unauthorized", "Send your API key as X-API-Key, or as Authorization: Bearer."))
	}
}

// keyOf returns the key that a request has.
func keyOf(r *http.Request) (key string, given bool) {
	if key := r.Header.Get(keyHeader); key != "" {
		return key, true
	}
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	token = strings.TrimSpace(token)
	return token, strings.EqualFold(scheme, "Bearer") && token != ""
}

// forwarded reports whether a request comes through a proxy: then it is not
// from this machine, though the connection is.
func forwarded(r *http.Request) bool {
	for _, name := range []string{"Forwarded", "X-Forwarded-For", "X-Real-Ip", "Via"} {
		if r.Header.Get(name) != "" {
			return true
		}
	}
	return false
}

// accepts asks the gateway whether it knows a key. Only a plain no counts: what
// else goes wrong there is told by the calls.
func (k *keyring) accepts(ctx context.Context, key string) bool {
	name, now := fingerprint(key), time.Now()
	k.mu.Lock()
	until := k.known[name]
	k.mu.Unlock()
	if now.Before(until) {
		return true
	}
	ctx, done, refusal := k.server.turn(ctx)
	if refusal != nil {
		return true
	}
	defer done()
	_, err := k.server.options.API.WithKey(key).Call(ctx, client.Request{Service: "scriptmanagement", Method: http.MethodGet, Path: "/scripts?limit=1"})
	if err != nil {
		return client.Status(err) != http.StatusUnauthorized
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.known) >= mostKeys {
		clear(k.known)
	}
	k.known[name] = now.Add(trusted)
	return true
}

// fingerprint stands for a key where the key itself need not be.
func fingerprint(key string) string {
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:])
}

type keyContext struct{}

// withKey returns the request as the SDK's check of bearer tokens takes it. The
// token is the fingerprint; the key goes along in the context.
func withKey(r *http.Request, key string) *http.Request {
	r = r.Clone(context.WithValue(r.Context(), keyContext{}, key))
	r.Header.Set("Authorization", "Bearer "+fingerprint(key))
	r.Header.Del(keyHeader)
	return r
}

// tokenOfKey gives the SDK what it keeps of a request's key. With UserID it
// binds a session to the key that opened it.
func tokenOfKey(ctx context.Context, token string, _ *http.Request) (*auth.TokenInfo, error) {
	key, is := ctx.Value(keyContext{}).(string)
	if !is {
		return nil, auth.ErrInvalidToken
	}
	return &auth.TokenInfo{UserID: token, Extra: map[string]any{keyMember: key}}, nil
}
