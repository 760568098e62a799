package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"fountain.coach/fountainai/internal/gateway"
)

// keyFolder is a folder with files of keys.
func keyFolder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// keysOf renders kong.yml with the keys of a folder and returns those of each
// consumer, and what a person was told.
func keysOf(t *testing.T, folder string) (keys map[string][]string, output string) {
	t.Helper()
	options := kongOptions{out: filepath.Join(t.TempDir(), "kong.yml"), keys: folder, certs: t.TempDir(), domain: defaultDomain}
	var text bytes.Buffer
	if err := kong(&text, options, time.Now()); err != nil {
		t.Fatal(err)
	}
	config, err := gateway.LoadConfig(options.out)
	if err != nil {
		t.Fatal(err)
	}
	keys = map[string][]string{}
	for _, consumer := range config.Consumers {
		for _, credential := range consumer.Credentials {
			keys[consumer.Username] = append(keys[consumer.Username], credential.Key)
		}
	}
	return keys, text.String()
}

func TestFurtherKeys(t *testing.T) {
	var nine []string
	many := map[string]string{"api-key": "w", "api-key-reader": "r"}
	for i := range 9 {
		many[fmt.Sprintf("api-key.%d", i)] = fmt.Sprintf("w%d", i)
		nine = append(nine, fmt.Sprintf("w%d", i))
	}
	for name, c := range map[string]struct {
		files          map[string]string
		writer, reader []string
	}{
		"none":            {map[string]string{"api-key": "w", "api-key-reader": "r"}, []string{"w"}, []string{"r"}},
		"one of each":     {map[string]string{"api-key": "w", "api-key.old": "v\n", "api-key-reader": "r", "api-key-reader.old": "q\r\n"}, []string{"w", "v"}, []string{"r", "q"}},
		"in their order":  {map[string]string{"api-key": "z", "api-key.b": "b", "api-key.a": "a", "api-key-reader": "r"}, []string{"z", "a", "b"}, []string{"r"}},
		"the same twice":  {map[string]string{"api-key": "w", "api-key.old": " w\n", "api-key.older": "w", "api-key-reader": "r"}, []string{"w"}, []string{"r"}},
		"nine":            {many, append([]string{"w"}, nine...), []string{"r"}},
		"other files":     {map[string]string{"api-key": "w", "api-key-reader": "r", "api-key~": "x", ".api-key.old.swp": "x", "api-keys.old": "x", "api-key-other.old": "x", "character.db": "x"}, []string{"w"}, []string{"r"}},
		"as large as any": {map[string]string{"api-key": "w", "api-key-reader": "r", "api-key.long": strings.Repeat("k", maxKeyBytes)}, []string{"w", strings.Repeat("k", maxKeyBytes)}, []string{"r"}},
	} {
		for kind, folder := range map[string]string{"a folder": keyFolder(t, c.files), "a mounted Secret": mountSecret(t, c.files)} {
			t.Run(name+", "+kind, func(t *testing.T) {
				keys, output := keysOf(t, folder)
				if !slices.Equal(keys["writer"], c.writer) || !slices.Equal(keys["reader"], c.reader) {
					t.Errorf("got %v, want the writer's %v and the reader's %v", keys, c.writer, c.reader)
				}
				for i, want := range []string{c.writer[0], c.reader[0]} {
					if got, err := run(t, "key", "--keys", folder, fmt.Sprintf("--reader=%v", i == 1)); err != nil || got != want+"\n" {
						t.Errorf("fountain key prints %q, %v, want %q", got, err, want)
					}
				}
				further := len(c.writer)+len(c.reader) > 2
				if told := strings.Contains(output, "Accepted as well"); told != further {
					t.Errorf("told of further keys: %v, want %v: %s", told, further, output)
				}
			})
		}
	}
}

// TestFurtherKeysAreToldByTheirFiles: an old copy that somebody forgot must not
// be accepted unseen.
func TestFurtherKeysAreToldByTheirFiles(t *testing.T) {
	folder := keyFolder(t, map[string]string{"api-key.backup": "forgotten-secret", "api-key-reader.2026": "another-secret"})
	_, output := keysOf(t, folder)
	for _, want := range []string{"api-key.backup", "api-key-reader.2026"} {
		if !strings.Contains(output, filepath.Join(folder, want)) {
			t.Errorf("no word of %s in %s", want, output)
		}
	}
	if strings.Contains(output, "-secret") {
		t.Errorf("a key is told: %s", output)
	}
}

// TestTheKeyIsChangedAsTheHelpSays: the old key is accepted until its file goes.
func TestTheKeyIsChangedAsTheHelpSays(t *testing.T) {
	data := t.TempDir()
	status := func(s *runningStack, method, key string) int {
		var body io.Reader
		if method == http.MethodPost {
			body = strings.NewReader(`{"name": "Juliet", "description": ""}`)
		}
		request, err := http.NewRequestWithContext(t.Context(), method, s.remote.url+"/characters", body)
		if err != nil {
			t.Fatal(err)
		}
		request.Host = "character.localhost"
		request.Header.Set("X-API-Key", key)
		request.Header.Set("Content-Type", "application/json")
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		return response.StatusCode
	}
	first, err := ensureKeys(data)
	if err != nil {
		t.Fatal(err)
	}
	oldWriter, oldReader := first[0].value, first[1].value
	for _, consumer := range consumers {
		if err := os.Rename(keyPath(data, consumer), keyPath(data, consumer)+".old"); err != nil {
			t.Fatal(err)
		}
	}
	s := startStack(t, data)
	var fresh [2]string
	for i, consumer := range consumers {
		if fresh[i], err = readKey(data, consumer); err != nil || fresh[i] == first[i].value {
			t.Fatalf("no new key of the %s: %v", consumer, err)
		}
	}
	for _, c := range []struct {
		method, key string
		want        int
	}{
		{http.MethodPost, oldWriter, http.StatusCreated}, {http.MethodPost, fresh[0], http.StatusCreated},
		{http.MethodGet, oldReader, http.StatusOK}, {http.MethodGet, fresh[1], http.StatusOK},
		{http.MethodPost, oldReader, http.StatusForbidden}, {http.MethodPost, fresh[1], http.StatusForbidden},
	} {
		if got := status(s, c.method, c.key); got != c.want {
			t.Errorf("%s: %d, want %d", c.method, got, c.want)
		}
	}
	s.stop()
	if err := os.Remove(keyPath(data, "writer") + ".old"); err != nil {
		t.Fatal(err)
	}
	s = startStack(t, data)
	for key, want := range map[string]int{oldWriter: http.StatusUnauthorized, fresh[0]: http.StatusOK, oldReader: http.StatusOK} {
		if got := status(s, http.MethodGet, key); got != want {
			t.Errorf("after the old one is gone: %d, want %d", got, want)
		}
	}
}

func TestKeysThatAreRefused(t *testing.T) {
	with := func(name, content string) func(*testing.T) string {
		return func(t *testing.T) string {
			return keyFolder(t, map[string]string{"api-key": "secret-w", "api-key-reader": "secret-r", name: content})
		}
	}
	placed := func(name string, place func(path string) error) func(*testing.T) string {
		return func(t *testing.T) string {
			folder := with("api-key.fine", "secret-v")(t)
			if err := place(filepath.Join(folder, name)); err != nil {
				t.Fatal(err)
			}
			return folder
		}
	}
	for name, c := range map[string]struct {
		folder func(*testing.T) string
		want   []string // beside the name of the file
		file   string
	}{
		"empty":               {with("api-key.old", ""), []string{"is empty", "remove it"}, "api-key.old"},
		"white space":         {with("api-key-reader.old", " \t\r\n"), []string{"is empty", "reader"}, "api-key-reader.old"},
		"the first is empty":  {with("api-key", "\n"), []string{"is empty", "makes a new key"}, "api-key"},
		"two keys in a file":  {with("api-key.old", "secret-a\nsecret-b\n"), []string{"one key alone"}, "api-key.old"},
		"two in the first":    {with("api-key", "secret-a secret-b"), []string{"one key alone"}, "api-key"},
		"no ASCII":            {with("api-key.old", "ключ"), []string{"printable ASCII"}, "api-key.old"},
		"huge":                {with("api-key.dump", strings.Repeat("k", maxKeyBytes+1)), []string{"4096 bytes"}, "api-key.dump"},
		"endless":             {placed("api-key.zero", func(path string) error { return os.Symlink("/dev/zero", path) }), []string{"not a file"}, "api-key.zero"},
		"a folder":            {placed("api-key.d", func(path string) error { return os.Mkdir(path, 0o700) }), []string{"not a file"}, "api-key.d"},
		"a pipe":              {placed("api-key.pipe", func(path string) error { return syscall.Mkfifo(path, 0o600) }), []string{"not a file"}, "api-key.pipe"},
		"a link to nothing":   {placed("api-key.gone", func(path string) error { return os.Symlink("nowhere", path) }), []string{"a further key of the writer"}, "api-key.gone"},
		"the same for both":   {with("api-key-reader", "secret-w"), []string{"the same key", "not of both"}, "api-key-reader"},
		"an old one for both": {with("api-key-reader.old", "secret-w\n"), []string{"the same key", "api-key and "}, "api-key-reader.old"},
	} {
		t.Run(name, func(t *testing.T) {
			folder := c.folder(t)
			before := list(t, folder)
			options := kongOptions{out: filepath.Join(t.TempDir(), "kong.yml"), keys: folder, certs: t.TempDir(), domain: defaultDomain}
			ended, end := context.WithCancel(t.Context())
			end() // a start that is not refused ends all the same
			for command, err := range map[string]error{
				"kong": kong(io.Discard, options, time.Now()),
				"up":   up(ended, io.Discard, io.Discard, upOptions{addr: "127.0.0.1:0", data: folder, logFormat: "text", logLevel: "warn"}),
			} {
				for _, want := range append(c.want, filepath.Join(folder, c.file)) {
					requireError(t, want, err)
				}
				if err != nil && strings.Contains(err.Error(), "secret-") {
					t.Errorf("%s tells a key: %v", command, err)
				}
			}
			if _, err := os.Stat(options.out); err == nil {
				t.Error("a file was written all the same")
			}
			if after := list(t, folder); !slices.Equal(before, after) {
				t.Errorf("the folder changed: %v, %v", before, after)
			}
		})
	}
}

// TestAKeyThatIsAnothersInTheFile: kong.yml may hold keys already.
func TestAKeyThatIsAnothersInTheFile(t *testing.T) {
	config := filepath.Join(t.TempDir(), "kong.yml")
	text := "_format_version: \"3.0\"\nconsumers:\n  - username: writer\n  - username: reader\n    keyauth_credentials:\n      - key: shared\n"
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	folder := keyFolder(t, map[string]string{"api-key": "w", "api-key.old": "shared", "api-key-reader": "r"})
	options := kongOptions{config: config, out: filepath.Join(t.TempDir(), "kong.yml"), keys: folder, certs: t.TempDir(), domain: defaultDomain}
	requireError(t, "api-key.old is a key of another consumer", kong(io.Discard, options, time.Now()))
}
