// Package stacktest runs a whole FountainAI for tests: the five services behind
// the embedded gateway with kong.yml, on a port of this machine.
package stacktest

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"sync"
	"testing"

	"fountain.coach/fountainai"
	"fountain.coach/fountainai/internal/client"
	"fountain.coach/fountainai/internal/gateway"
	"fountain.coach/fountainai/internal/httpapi"
	"fountain.coach/fountainai/internal/localstack"
	"fountain.coach/fountainai/internal/replica"
)

// Stack is a running FountainAI.
type Stack struct {
	// URL of the gateway: http://localhost:PORT; the services are its sub-domains.
	URL string
	// Writer and Reader are API keys.
	Writer, Reader string
}

// Start runs a stack with empty databases until the test ends.
func Start(t testing.TB) *Stack {
	t.Helper()
	config, err := gateway.ParseConfig(bytes.NewReader(fountainai.KongConfig))
	if err != nil {
		t.Fatal(err)
	}
	s := &Stack{Writer: "writer-key-of-the-test", Reader: "reader-key-of-the-test"}
	for consumer, key := range map[string]string{"writer": s.Writer, "reader": s.Reader} {
		if err := config.AddKey(consumer, key); err != nil {
			t.Fatal(err)
		}
	}
	logger := slog.New(slog.DiscardHandler)
	services, err := localstack.Open(t.Context(), t.TempDir(), logger, replica.Settings{})
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	s.URL = "http://localhost:" + port
	g := gateway.New(config, gateway.Options{Transport: services.Transport(), Logger: logger, AccessLog: io.Discard})
	server := httpapi.NewServer(g, logger)
	ctx, stop := context.WithCancel(context.Background())
	var ended sync.WaitGroup
	ended.Go(func() {
		err := services.Serve(ctx, func(ctx context.Context) error {
			go func() { _ = server.Serve(listener) }()
			<-ctx.Done()
			return httpapi.Drain(server)
		})
		if err != nil {
			t.Errorf("the stack ends with %v", err)
		}
	})
	t.Cleanup(func() {
		stop()
		ended.Wait()
		if err := g.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// Client returns a client with the writer's key.
func (s *Stack) Client(t testing.TB) *client.Client {
	t.Helper()
	api, err := client.New(s.URL, s.Writer)
	if err != nil {
		t.Fatal(err)
	}
	return api
}
