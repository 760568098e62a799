package httpapi

import (
	"context"
	"encoding/json"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestParse(t *testing.T) {
	env := map[string]string{
		"FOUNTAIN_ADDR": ":1", "FOUNTAIN_DATABASE_URL": "file:env.db", "FOUNTAIN_LOG_FORMAT": "text", "FOUNTAIN_LOG_LEVEL": "warn",
		"FOUNTAIN_PUBLIC_URL": "https://env.example", "FOUNTAIN_PEER": "env peer",
	}
	defaults := settings{addr: ":8000", database: "file:data/items.db", logFormat: "json", logLevel: "info"}
	fromEnv := settings{addr: ":1", database: "file:env.db", logFormat: "text", logLevel: "warn", publicURL: "https://env.example"}
	fromFlags := settings{addr: ":2", database: "f.db", logFormat: "json", logLevel: "debug", publicURL: "https://flag.example"}
	flags := "--addr :2 --database f.db --log-format=json -log-level debug --public-url https://flag.example --peer flag"
	health := defaults
	health.addr, health.healthcheck = ":3", true
	tests := []struct {
		name, arguments string
		env             map[string]string
		want            settings
		peer            string
		fails           string
	}{
		{"defaults", "", nil, defaults, "default", ""},
		{"environment", "", env, fromEnv, "env peer", ""},
		{"flags", flags, nil, fromFlags, "flag", ""},
		{"flags win", flags, env, fromFlags, "flag", ""},
		{"empty environment", "", map[string]string{"FOUNTAIN_ADDR": ""}, defaults, "default", ""},
		{"healthcheck", "--addr :3 healthcheck", nil, health, "default", ""},
		{"healthcheck first", "healthcheck --addr :3", nil, health, "default", ""},
		{"unknown flag", "--nonsense", nil, settings{}, "", "not defined: -nonsense"},
		{"missing value", "--addr", nil, settings{}, "", "needs an argument"},
		{"unknown argument", "serve", nil, settings{}, "", `unknown argument "serve"`},
		{"argument too many", "healthcheck now", nil, settings{}, "", `unknown argument "now"`},
		{"help", "--help", nil, settings{}, "", "help requested"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			peer := "default"
			extra := []Setting{{Flag: "peer", Env: "FOUNTAIN_PEER", Usage: "a peer", Value: &peer}}
			got, usage, err := parse("items", strings.Fields(test.arguments), func(name string) string { return test.env[name] }, extra)
			if test.fails != "" {
				if err == nil || !strings.Contains(err.Error(), test.fails) {
					t.Errorf("got %v, want …%s…", err, test.fails)
				}
				return
			}
			if err != nil || !reflect.DeepEqual(got, test.want) || peer != test.peer || usage != "" {
				t.Errorf("got %+v, peer %q, usage %q (%v)", got, peer, usage, err)
			}
		})
	}
}

func TestCommand(t *testing.T) {
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	file := filepath.Join(t.TempDir(), "items.db")
	tests := []struct {
		arguments              []string
		code                   int
		wantStdout, wantStderr string
	}{
		{[]string{"--version"}, 0, "items " + Version() + "\n", ""},
		{[]string{"--help"}, 0, "FOUNTAIN_DATABASE_URL", ""},
		{[]string{"-h"}, 0, "items healthcheck", ""},
		{[]string{"--nonsense"}, 2, "", "items: flag provided but not defined: -nonsense; see --help\n"},
		{[]string{"--log-level", "loud"}, 2, "", `log level "loud"`},
		{[]string{"--log-format", "xml"}, 2, "", `log format "xml"`},
		{[]string{"healthcheck", "--addr", "nonsense"}, 2, "", "missing port"},
		{[]string{"--database", "mysql://x"}, 1, "", "only SQLite files"},
		{[]string{"--database", file, "--public-url", "x"}, 1, "", "public URL"},
		{[]string{"--database", file, "--addr", busy.Addr().String()}, 1, "", "choose another with --addr"},
		{[]string{"--database", file, "--addr", "127.0.0.1:0"}, 0, "", `"msg":"stopped"`},
	}
	for _, test := range tests {
		t.Run(strings.Join(test.arguments, " "), func(t *testing.T) {
			ctx, stop := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer stop()
			var stdout, stderr strings.Builder
			code := command(ctx, testDefinition(), nil, test.arguments, func(string) string { return "" }, &stdout, &stderr)
			if code != test.code || !strings.Contains(stdout.String(), test.wantStdout) || !strings.Contains(stderr.String(), test.wantStderr) {
				t.Errorf("got %d, %q, %q", code, stdout.String(), stderr.String())
			}
		})
	}
}

func TestHealthcheck(t *testing.T) {
	s := newTestAPI(t, Options{})
	healthy := s.newServer(nil)
	ill := httptest.NewServer(http.NotFoundHandler())
	defer ill.Close()
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone.Close()
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1") // must not matter
	address := healthy.Listener.Addr().String()
	_, port, _ := net.SplitHostPort(address)
	for addr, want := range map[string]int{
		address: 0, ":" + port: 0, "0.0.0.0:" + port: 0, "[::]:" + port: 0,
		ill.Listener.Addr().String(): 1, gone.Addr().String(): 1, "nonsense": 2, "host:port:x": 2,
	} {
		var stderr strings.Builder
		if got := healthcheck(t.Context(), addr, &stderr); got != want || (want == 0) != (stderr.Len() == 0) {
			t.Errorf("%s: got %d, want %d: %s", addr, got, want, stderr.String())
		}
	}
}

func TestNewLogger(t *testing.T) {
	var out strings.Builder
	logger, err := NewLogger(&out, "json", "WARN")
	if err != nil {
		t.Fatal(err)
	}
	logger.Info("no")
	logger.Warn("yes", "a", "line\nbreak")
	var line map[string]any
	if err := json.Unmarshal([]byte(out.String()), &line); err != nil || line["a"] != "line\nbreak" || line["level"] != slog.LevelWarn.String() {
		t.Errorf("got %s (%v)", out.String(), err)
	}
}

func TestVersion(t *testing.T) {
	defer func(before string) { version = before }(version)
	version = "v9.9.9"
	s := newTestAPI(t, Options{})
	if got := s.do("GET", "/healthz", "").Body.String(); !strings.Contains(got, `"version":"v9.9.9"`) {
		t.Errorf("/healthz: got %s", got)
	}
	if got := s.do("GET", "/metrics", "").Body.String(); !strings.Contains(got, `fountain_build_info{service="items",version="v9.9.9"} 1`) {
		t.Error("/metrics lacks the version")
	}
	version = ""
	if got := Version(); got == "" {
		t.Error("there is no version")
	}
}
