// Tests of building and keeping programs, with a tiny program in place of the real ones.
package binaries

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// workshop makes a repository whose only tool module, offline, is one of a program that prints its version.
func workshop(t *testing.T) string {
	t.Helper()
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	t.Setenv("FOUNTAIN_CONTROLPLANE", "build")
	saved := sources
	t.Cleanup(func() { sources = saved })
	sources = map[string]source{"hello": {folder: "hello", module: "example.org/hello", pkg: "example.org/hello", flags: "-X main.version=VERSION-MAJOR-MINOR"}}
	root := t.TempDir()
	for file, text := range map[string]string{
		"kubernetes/go.mod": "module example.org/kubernetes\n\nrequire k8s.io/kubernetes v1.2.3\n",
		"hello/go.mod":      "module example.org/tool\n\ngo 1.26.0\n\nrequire example.org/hello v1.2.3\n\nreplace example.org/hello => ./src\n",
		"hello/go.sum":      "",
		"hello/src/go.mod":  "module example.org/hello\n\ngo 1.26.0\n",
		"hello/src/main.go": "package main\n\nvar version string\n\nfunc main() { println(version) }\n",
	} {
		write(t, filepath.Join(root, "hack", "controlplane", filepath.FromSlash(file)), text)
	}
	return root
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestEnsureBuildsOnce(t *testing.T) {
	root := workshop(t)
	for _, tc := range []struct {
		name   string
		change func(bin string)
		builds int
	}{
		{"first", func(string) {}, 1},
		{"again", func(string) {}, 0},
		{"removed", func(bin string) { _ = os.Remove(filepath.Join(bin, "hello")) }, 1},
		{"another version", func(string) { write(t, filepath.Join(root, "hack/controlplane/hello/go.sum"), "\n") }, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			cache, _ := os.UserCacheDir()
			tc.change(filepath.Join(cache, "fountainai", "controlplane", "v1.2.3", "bin"))
			var progress bytes.Buffer
			bin, err := Ensure(t.Context(), root, &progress, "hello")
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Count(progress.String(), "done in"); got != tc.builds {
				t.Errorf("%d builds, want %d:\n%s", got, tc.builds, &progress)
			}
			out, err := exec.CommandContext(t.Context(), filepath.Join(bin, "hello")).CombinedOutput()
			if err != nil || string(out) != "v1.2.3-1-2\n" {
				t.Errorf("the program says %q: %v", out, err)
			}
		})
	}
}

func TestEnsureAtOnceBuildsOnce(t *testing.T) {
	root := workshop(t)
	var group sync.WaitGroup
	var progress [4]bytes.Buffer
	for i := range progress {
		group.Go(func() {
			if _, err := Ensure(t.Context(), root, &progress[i], "hello"); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	builds := 0
	for i := range progress {
		builds += strings.Count(progress[i].String(), "building hello (example.org/hello v1.2.3): done in")
	}
	if builds != 1 {
		t.Errorf("%d builds, want 1", builds)
	}
}

func TestEnsureFailsPlainly(t *testing.T) {
	root := workshop(t)
	write(t, filepath.Join(root, "hack/controlplane/hello/src/main.go"), "package main\n\nfunc main() { missing() }\n")
	for _, tc := range []struct{ name, want string }{
		{"hello", "undefined: missing"},
		{"unknown", `no program "unknown"; there are kube-apiserver`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var progress bytes.Buffer
			bin, err := Ensure(t.Context(), root, &progress, tc.name)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %s", err, tc.want)
			}
			if left, _ := filepath.Glob(filepath.Join(bin, "..", "build-*")); len(left) != 0 {
				t.Errorf("left behind: %q", left)
			}
		})
	}
}

// TestKubernetesModulesMatch fails when one of the modules that stand in for Kubernetes' own folders is of another release.
func TestKubernetesModulesMatch(t *testing.T) {
	file := filepath.Join("..", "..", "..", "hack", "controlplane", "kubernetes", "go.mod")
	version, err := required(file, "k8s.io/kubernetes")
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	replaced := regexp.MustCompile(`(?m)^\t(\S+) => (\S+) (\S+)$`).FindAllStringSubmatch(string(data), -1)
	if len(replaced) == 0 {
		t.Fatal("nothing is replaced")
	}
	for _, line := range replaced {
		if want := strings.Replace(version, "v1.", "v0.", 1); line[1] != line[2] || line[3] != want {
			t.Errorf("%s, want %s %s", line[0], line[1], want)
		}
	}
}

func TestEverySourceHasItsModule(t *testing.T) {
	names := map[string]bool{}
	for _, name := range append(Names(), NodeNames()...) {
		names[name] = true
	}
	if len(names) != len(sources) {
		t.Errorf("%d names, %d sources", len(names), len(sources))
	}
	for name := range names {
		src, ok := sources[name]
		if !ok {
			t.Errorf("%s has no source", name)
			continue
		}
		if _, err := required(filepath.Join("..", "..", "..", "hack", "controlplane", src.folder, "go.mod"), src.module); err != nil {
			t.Error(err)
		}
	}
}
