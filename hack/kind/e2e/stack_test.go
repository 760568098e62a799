//go:build e2e

// A stack as its users have it: an address and keys.

package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"fountain.coach/fountainai/internal/client"
	"fountain.coach/fountainai/internal/gateway/conformance"
	"fountain.coach/fountainai/internal/screenplay"
)

// reads are a request to each service that reads a little, once there is a script.
var reads = map[string]string{
	"centralsequence":  "/sequence?limit=5",
	"character":        "/characters?limit=5",
	"scriptmanagement": "/scripts?limit=5",
	"sessioncontext":   "/sessions?limit=5",
	"storyfactory":     "/stories/1/elements?limit=5",
}

// stack is a FountainAI in a namespace.
type stack struct {
	namespace, name string
	address         string   // of the gateway, on this machine
	writer, reader  string   // keys
	values          []string // that it was given with Helm and keeps
	kong            bool     // it is Kong that answers
}

// open finds the way into a stack, whose gateway is its own, and its keys.
func open(t *testing.T, namespace, name string) *stack {
	t.Helper()
	return openBehind(t, namespace, name, namespace, name+"-gateway", settings.gateway == "kong")
}

// openBehind finds the keys of a stack and the way into it through a Service of type NodePort, which may be of Kong.
func openBehind(t *testing.T, namespace, name, proxyNamespace, proxy string, kong bool) *stack {
	t.Helper()
	s := &stack{namespace: namespace, name: name, kong: kong, address: way(t, proxyNamespace, proxy)}
	s.writer, s.reader = key(t, namespace, name+"-key-writer"), key(t, namespace, name+"-key-reader")
	eventually(t, time.Minute, func() error { return s.answers(t.Context()) })
	return s
}

// way returns the address on this machine that leads to a Service of type NodePort.
func way(t *testing.T, namespace, service string) string {
	t.Helper()
	found, err := api.CoreV1().Services(namespace).Get(t.Context(), service, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("http://localhost:%d", forward(t, found.Spec.Ports[0].NodePort))
}

func key(t *testing.T, namespace, secret string) string {
	t.Helper()
	found, err := api.CoreV1().Secrets(namespace).Get(t.Context(), secret, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return string(found.Data["key"])
}

// forward leads a port of this machine to a port of the node and returns it. The node is looked up for each connection.
func forward(t *testing.T, nodePort int32) int {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go relay(listener, func() (net.Conn, error) {
		address, err := nodeAddress(context.Background())
		if err != nil {
			return nil, err
		}
		return net.DialTimeout("tcp", net.JoinHostPort(address, fmt.Sprint(nodePort)), 5*time.Second)
	})
	return portOf(listener)
}

func portOf(listener net.Listener) int { return listener.Addr().(*net.TCPAddr).Port }

// relay leads connections to what dial reaches until the listener is closed.
func relay(listener net.Listener, dial func() (net.Conn, error)) {
	for {
		connection, err := listener.Accept()
		if err != nil {
			return
		}
		go func() {
			defer connection.Close()
			if other, err := dial(); err == nil {
				join(connection, other)
			}
		}()
	}
}

// join passes on what comes on either of two connections until both have ended, and closes the second.
func join(a, b net.Conn) {
	defer b.Close()
	done := make(chan struct{}, 2)
	pipe := func(to, from net.Conn) {
		_, _ = io.Copy(to, from)
		_ = to.(interface{ CloseWrite() error }).CloseWrite()
		done <- struct{}{}
	}
	go pipe(a, b)
	go pipe(b, a)
	<-done
	<-done
}

// node is the container of the cluster's only node.
func node() string { return settings.cluster + "-control-plane" }

func nodeAddress(ctx context.Context) (string, error) {
	return try(ctx, "docker", "inspect", "-f", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", node())
}

func (s *stack) client(t *testing.T, key string) *client.Client {
	t.Helper()
	c, err := client.New(s.address, key)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// answers reports whether every service is ready behind the gateway.
func (s *stack) answers(ctx context.Context) error {
	_, err := s.fountain(ctx, "status", "--url", s.address, "--json")
	return err
}

// conforms runs the gateway's conformance suite from outside the cluster.
func (s *stack) conforms(t *testing.T) {
	conformance.Run(t, conformance.Target{URL: s.address, Domain: "localhost", WriterKey: s.writer, ReaderKey: s.reader, RateLimit: 6000, KongErrors: s.kong})
}

// importPlay writes a screenplay with `fountain import`.
func (s *stack) importPlay(ctx context.Context, file string) error {
	_, err := s.fountain(ctx, "import", "--url", s.address, file)
	return err
}

// fountain runs the command with the writer's key.
func (s *stack) fountain(ctx context.Context, args ...string) (string, error) {
	return tryWith(ctx, []string{"FOUNTAIN_API_KEY=" + s.writer}, settings.command, args...)
}

// holds checks that a script is, word for word, the screenplay that was written.
func (s *stack) holds(t *testing.T, script int64, file string) {
	t.Helper()
	exported, err := s.fountain(t.Context(), "export", "--url", s.address, fmt.Sprint(script))
	if err != nil {
		t.Fatal(err)
	}
	written, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := canonical(t, exported), canonical(t, string(written)); got != want {
		t.Errorf("script %d is not what was written: %d characters and not %d", script, len(got), len(want))
	}
}

// canonical is a screenplay as the project writes it.
func canonical(t *testing.T, text string) string {
	t.Helper()
	play, err := screenplay.Parse(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return string(play.Format())
}

// scripts returns the numbers of all scripts by their title.
func (s *stack) scripts(t *testing.T) map[string][]int64 {
	t.Helper()
	type script struct {
		ScriptID int64  `json:"scriptId"`
		Title    string `json:"title"`
	}
	found := map[string][]int64{}
	list, err := client.List[script](t.Context(), s.client(t, s.reader), "scriptmanagement", "/scripts?limit=100")
	if err != nil {
		t.Fatal(err)
	}
	for _, script := range list {
		found[script.Title] = append(found[script.Title], script.ScriptID)
	}
	return found
}

// rows returns how many rows each service has of each kind.
func (s *stack) rows(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	for _, service := range s.status(t) {
		_, _ = fmt.Fprintln(&all, service.Service, service.Rows)
	}
	return all.String()
}

// sample writes the project's sample to a file under another title.
func sample(t *testing.T, title string) string {
	t.Helper()
	text, err := os.ReadFile("../../../samples/the-lighthouse-keeper.fountain")
	if err != nil {
		t.Fatal(err)
	}
	play := strings.Replace(string(text), "_**THE LIGHTHOUSE KEEPER**_\n    *A Short Film in Two Watches*", title, 1)
	file := filepath.Join(t.TempDir(), strings.ReplaceAll(title, " ", "-")+".fountain")
	if err := os.WriteFile(file, []byte(play), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

// longPlay returns a play of full length: one of those that the tests read where they are, else the sample.
func longPlay(t *testing.T) string {
	t.Helper()
	folder := os.Getenv("FOUNTAIN_TESTDATA")
	if folder == "" {
		folder = "../../../../shared"
	}
	file := filepath.Join(folder, "data", "much-ado-about-nothing.fountain")
	if _, err := os.Stat(file); errors.Is(err, os.ErrNotExist) {
		t.Log("no play of full length here; the sample takes its place")
		return "../../../samples/the-lighthouse-keeper.fountain"
	}
	return file
}

// characters returns the numbers of all characters.
func (s *stack) characters(t *testing.T) []int64 {
	t.Helper()
	type character struct {
		CharacterID int64 `json:"characterId"`
	}
	list, err := client.List[character](t.Context(), s.client(t, s.reader), "character", "/characters?limit=1000")
	if err != nil {
		t.Fatal(err)
	}
	var ids []int64
	for _, c := range list {
		ids = append(ids, c.CharacterID)
	}
	return ids
}

// version returns what a service says of itself.
func (s *stack) version(t *testing.T, service string) string {
	t.Helper()
	for _, status := range s.status(t) {
		if status.Service == service {
			return status.Version
		}
	}
	t.Fatalf("there is no service %s", service)
	return ""
}

// serviceStatus is what `fountain status --json` says of a service.
type serviceStatus struct {
	Service string           `json:"service"`
	Version string           `json:"version"`
	Rows    map[string]int64 `json:"rows"`
}

func (s *stack) status(t *testing.T) []serviceStatus {
	t.Helper()
	output, err := s.fountain(t.Context(), "status", "--url", s.address, "--json")
	if err != nil {
		t.Fatal(err)
	}
	var services []serviceStatus
	if err := json.Unmarshal([]byte(output), &services); err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	return services
}
