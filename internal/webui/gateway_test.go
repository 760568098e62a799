package webui_test

import (
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"testing"

	"fountain.coach/fountainai/internal/client"
)

// newGateway returns a client whose gateway is handler.
func newGateway(t *testing.T, handler http.HandlerFunc) *client.Client {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return clientOf(t, server.Listener.Addr())
}

func clientOf(t *testing.T, address net.Addr) *client.Client {
	t.Helper()
	_, port, err := net.SplitHostPort(address.String())
	if err != nil {
		t.Fatal(err)
	}
	api, err := client.New("http://localhost:"+port, "")
	if err != nil {
		t.Fatal(err)
	}
	return api
}

// unreachable returns a client whose gateway is not there.
func unreachable(t *testing.T) *client.Client {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return clientOf(t, listener.Addr())
}

// between returns a client that reaches the stack through a hand that is shown
// each request before it goes on.
func (s *stage) between(t *testing.T, hand func(*http.Request)) *client.Client {
	t.Helper()
	target, err := url.Parse(s.stack.URL)
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.Out.Host = r.In.Host
	}}
	return newGateway(t, func(w http.ResponseWriter, r *http.Request) {
		hand(r)
		proxy.ServeHTTP(w, r)
	})
}
