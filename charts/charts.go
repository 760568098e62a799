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
	"helm.sh/helm/v4/pkg/ignore"
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
// are put in place anew. Files that a chart's .helmignore names are left out.
func Load(name string) (*chart.Chart, error) {
	return load(files, name)
}

// load returns the chart of the given name, with its dependencies, from a
// folder of charts.
func load(folder fs.FS, name string) (*chart.Chart, error) {
	loaded, err := loadAlone(folder, name)
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
		get := loadAlone
		if name == Umbrella {
			get = load
		}
		child, err := get(folder, dependency)
		if err != nil {
			return nil, err
		}
		loaded.AddDependency(child)
	}
	return loaded, nil
}

// loadAlone reads one chart without its dependencies.
func loadAlone(folder fs.FS, name string) (*chart.Chart, error) {
	content, err := read(folder, name)
	if err != nil {
		return nil, fmt.Errorf("chart %s: %w", name, err)
	}
	loaded, err := loader.LoadFiles(content)
	if err != nil {
		return nil, fmt.Errorf("chart %s: %w", name, err)
	}
	return loaded, nil
}

// read returns a chart's regular files but those that its .helmignore names.
func read(folder fs.FS, name string) ([]*archive.BufferedFile, error) {
	rules, err := ignored(folder, name)
	if err != nil {
		return nil, err
	}
	var content []*archive.BufferedFile
	err = fs.WalkDir(folder, name, func(file string, entry fs.DirEntry, err error) error {
		if err != nil || file == name {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		path := strings.TrimPrefix(file, name+"/")
		switch {
		case entry.IsDir() && rules.Ignore(path, info):
			return fs.SkipDir
		case !entry.Type().IsRegular() || rules.Ignore(path, info):
			return nil
		}
		data, err := fs.ReadFile(folder, file)
		content = append(content, &archive.BufferedFile{Name: path, Data: data})
		return err
	})
	return content, err
}

// ignored returns what a chart's .helmignore says. Helm reads it when it loads
// a folder, but not when it is given the files.
func ignored(folder fs.FS, name string) (*ignore.Rules, error) {
	file, err := folder.Open(name + "/" + ignore.HelmIgnore)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	rules, err := ignore.Parse(file)
	if err != nil {
		return nil, err
	}
	rules.AddDefaults()
	return rules, nil
}
