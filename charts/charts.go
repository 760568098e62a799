// Package charts holds the Helm charts, so that a program can render the stack
// without a copy of this repository beside it.
package charts

import (
	"embed"
	"fmt"
	"io/fs"
	"strings"

	"helm.sh/helm/v4/pkg/chart/loader/archive"
	chart "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
)

// Services names the charts of the five services, in the order of their names.
var Services = []string{"centralsequence", "character", "scriptmanagement", "sessioncontext", "storyfactory"}

// Library is the name of the chart whose templates all others use, Umbrella of
// the one that installs the whole stack, Operator of the one that installs the
// operator, which needs no other.
const (
	Library  = "fountain-lib"
	Umbrella = "fountainai"
	Operator = "fountain-operator"
)

//go:embed all:fountain-lib all:centralsequence all:character all:scriptmanagement all:sessioncontext all:storyfactory all:fountainai all:fountain-operator
var files embed.FS

// Load returns the chart of the given name with the charts it depends on. In
// the repository these are symbolic links, which are not embedded; here they
// are put in place anew.
func Load(name string) (*chart.Chart, error) {
	loaded, err := load(name)
	if err != nil {
		return nil, err
	}
	dependencies := []string{Library}
	switch name {
	case Library, Operator:
		return loaded, nil
	case Umbrella:
		dependencies = append(dependencies, Services...)
	}
	for _, dependency := range dependencies {
		get := load
		if name == Umbrella {
			get = Load
		}
		child, err := get(dependency)
		if err != nil {
			return nil, err
		}
		loaded.AddDependency(child)
	}
	return loaded, nil
}

// load reads one chart without its dependencies.
func load(name string) (*chart.Chart, error) {
	var content []*archive.BufferedFile
	err := fs.WalkDir(files, name, func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := files.ReadFile(file)
		if err != nil {
			return err
		}
		content = append(content, &archive.BufferedFile{Name: strings.TrimPrefix(file, name+"/"), Data: data})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("chart %s: %w", name, err)
	}
	loaded, err := loader.LoadFiles(content)
	if err != nil {
		return nil, fmt.Errorf("chart %s: %w", name, err)
	}
	return loaded, nil
}
