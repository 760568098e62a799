// What a test may ask of its API server: CustomResourceDefinitions and flags.
package controlplane

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"

	"fountain.coach/fountainai/internal/controlplane/binaries"
)

// Option is something a test asks of its API server.
type Option func(*settings) error

type settings struct {
	crds  []string // files and folders
	bare  []*apiextensionsv1.CustomResourceDefinition
	flags map[string][]string
}

func newSettings(options []Option) (*settings, error) {
	s := &settings{flags: make(map[string][]string)}
	for _, option := range options {
		if err := option(s); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// CRDs installs the CustomResourceDefinitions of files and folders.
func CRDs(paths ...string) Option {
	return func(s *settings) error {
		s.crds = append(s.crds, paths...)
		return nil
	}
}

// Flag sets a flag of kube-apiserver.
func Flag(name string, values ...string) Option {
	return func(s *settings) error {
		s.flags[name] = values
		return nil
	}
}

// CertManager installs the CustomResourceDefinitions of cert-manager.
func CertManager() Option {
	return fromModule("crds", "github.com/cert-manager/cert-manager", "deploy/crds")
}

// ExternalDNS installs the CustomResourceDefinition of external-dns, DNSEndpoint.
func ExternalDNS() Option {
	return fromModule("external-dns", "sigs.k8s.io/external-dns", "config/crd/standard")
}

// PrometheusOperator installs the CustomResourceDefinitions of the Prometheus operator.
func PrometheusOperator() Option {
	return fromModule("crds", "github.com/prometheus-operator/prometheus-operator", "example/prometheus-operator-crd")
}

// fromModule installs what a folder of a Go module has.
func fromModule(tool, module, folder string) Option {
	return func(s *settings) error {
		root, err := repository()
		if err != nil {
			return err
		}
		dir, err := binaries.ModuleFolder(context.Background(), root, tool, module)
		if err != nil {
			return err
		}
		s.crds = append(s.crds, filepath.Join(dir, filepath.FromSlash(folder)))
		return nil
	}
}

// repository returns the root of the repository, above the folder of the test.
func repository() (string, error) {
	folder, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		data, err := os.ReadFile(filepath.Join(folder, "go.mod"))
		if err == nil && bytes.HasPrefix(data, []byte("module fountain.coach/fountainai\n")) {
			return folder, nil
		}
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return "", err
		}
		parent := filepath.Dir(folder)
		if parent == folder {
			return "", errors.New("this is not inside the fountainai repository")
		}
		folder = parent
	}
}

// complaints returns the last lines of log files that are no mere information.
func complaints(files []string, n int) string {
	var lines []string
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			lines = append(lines, err.Error())
		}
		for line := range strings.Lines(string(data)) {
			if !strings.HasPrefix(line, "I") && !strings.HasPrefix(line, `{"level":"info"`) {
				lines = append(lines, strings.TrimSuffix(line, "\n"))
			}
		}
	}
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
