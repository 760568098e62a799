package fountainai

import (
	"encoding/json"
	"io"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"
)

// module is the prefix of every import of this project.
const module = "fountain.coach/fountainai"

// goPackage is what go list says of a package.
type goPackage struct {
	ImportPath   string
	Name         string
	Imports      []string
	TestImports  []string
	XTestImports []string
}

// imports returns the packages of this project that p imports, its tests
// included, without the module's name.
func (p goPackage) imports() []string {
	var own []string
	for _, imported := range slices.Concat(p.Imports, p.TestImports, p.XTestImports) {
		if rest, found := strings.CutPrefix(imported, module); found {
			own = append(own, strings.TrimPrefix(rest, "/"))
		}
	}
	slices.Sort(own)
	return slices.Compact(own)
}

func listPackages(t *testing.T) []goPackage {
	t.Helper()
	output, err := exec.Command("go", "list", "-json", "./...").Output()
	if err != nil {
		t.Fatal(err)
	}
	var packages []goPackage
	for decoder := json.NewDecoder(strings.NewReader(string(output))); ; {
		var p goPackage
		if err := decoder.Decode(&p); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		packages = append(packages, p)
	}
	if len(packages) < 10 {
		t.Fatalf("go list found only %d packages", len(packages))
	}
	return packages
}

// within reports whether the package at place is folder or below it.
func within(place, folder string) bool {
	return place == folder || strings.HasPrefix(place, folder+"/")
}

func TestImportGraph(t *testing.T) {
	for _, p := range listPackages(t) {
		from := strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/")
		for _, to := range p.imports() {
			if reason := forbidden(from, to); reason != "" {
				t.Errorf("%s imports %s: %s", from, to, reason)
			}
		}
		if slices.Contains([]string{"util", "utils", "common", "helpers"}, p.Name) {
			t.Errorf("package %s is named after nothing in particular", from)
		}
	}
}

// forbidden says why from must not import to, or "".
func forbidden(from, to string) string {
	service := func(place string) string {
		parts := strings.Split(place, "/")
		if parts[0] != "services" || len(parts) < 2 {
			return ""
		}
		return path.Join(parts[:2]...)
	}
	switch {
	case within(to, "cmd"):
		return "nothing imports a command"
	case service(from) != "" && !within(to, service(from)) && !within(to, "internal/httpapi") && !within(to, "internal/storage"):
		return "a service stands alone on internal/httpapi and internal/storage"
	case within(from, "internal") && (within(to, "services") || to == "") && !within(from, "internal/localstack") && from != "internal/play":
		return "internal packages know no service, but for the one that runs them and the one that reads stories"
	case within(from, "operator") && (within(to, "services") || within(to, "internal") && !within(to, "internal/controlplane") && to != "internal/stackctl"):
		return "the operator knows the services only through the charts"
	}
	return ""
}

func TestForbidden(t *testing.T) {
	for _, c := range []struct {
		from, to string
		want     bool
	}{
		{"services/character", "internal/httpapi", false},
		{"services/character/cmd", "services/character", false},
		{"services/character", "internal/httpapi/apitest", false},
		{"services/storyfactory", "services/character", true},
		{"services/character", "internal/gateway", true},
		{"internal/gateway", "services/character", true},
		{"internal/gateway", "internal/httpapi/problem", false},
		{"cmd/fountain", "services/character", false},
		{"operator", "internal/httpapi", true},
		{"internal/client", "cmd/fountain", true},
		{"internal/client", "services/character", true},
		{"internal/localstack", "services/character", false},
		{"internal/play", "services/storyfactory", false},
		{"operator", "internal/stackctl", false},
	} {
		if got := forbidden(c.from, c.to) != ""; got != c.want {
			t.Errorf("%s imports %s: forbidden is %v, want %v", c.from, c.to, got, c.want)
		}
	}
}
