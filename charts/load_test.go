// What an editor leaves in the folder of a chart is no part of the chart.
package charts

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	chart "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
)

// strays are names of files that editors, patches and systems leave behind.
var strays = []string{"service.yaml.bak", "service.yaml~", "service.yaml.orig", "service.yaml.rej", "service.yaml.swp",
	".service.yaml.swp", ".service.yaml.swo", "#service.yaml#", ".#service.yaml", "service.yaml.tmp", "service.yaml.save", ".DS_Store"}

func TestStrayFilesAreNoPartOfAChart(t *testing.T) {
	folder := t.TempDir()
	if output, err := exec.Command("cp", "-a", ".", folder).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	all := append(slices.Clone(Services), Library, Umbrella, Operator)
	clean := map[string][]string{}
	for _, name := range all {
		loaded, err := Load(name)
		if err != nil {
			t.Fatal(err)
		}
		clean[name] = names("", loaded)
	}
	for _, name := range all {
		for _, stray := range strays {
			if err := os.WriteFile(filepath.Join(folder, name, "templates", stray), []byte("kind: Stray\n"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	for how, load := range map[string]func(name string) (*chart.Chart, error){
		"Load": func(name string) (*chart.Chart, error) { return load(os.DirFS(folder), name) },
		"Helm": func(name string) (*chart.Chart, error) { return loader.Load(filepath.Join(folder, name)) },
	} {
		for _, name := range all {
			loaded, err := load(name)
			if err != nil {
				t.Errorf("%s, %s: %v", how, name, err)
			} else if got := names("", loaded); !slices.Equal(got, clean[name]) {
				t.Errorf("%s reads other files of %s than there should be:\n%v\nwant\n%v", how, name, got, clean[name])
			}
		}
	}
}

// names lists the templates of a chart and of those below it.
func names(prefix string, loaded *chart.Chart) []string {
	found := map[string]bool{}
	for _, template := range loaded.Templates {
		found[prefix+template.Name] = true
	}
	for _, child := range loaded.Dependencies() {
		for _, name := range names(prefix+child.Name()+"/", child) {
			found[name] = true
		}
	}
	return slices.Sorted(maps.Keys(found))
}
