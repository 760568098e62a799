// Package binaries provides the programs that the tests against a real API server run: kube-apiserver, etcd, kubectl, Helm
// and external-dns, each in the version that its module under hack/controlplane asks for. They are kept in the user's
// cache folder.
package binaries

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"time"

	"github.com/gofrs/flock"
)

// source says where a program comes from.
type source struct {
	folder  string // below hack/controlplane
	module  string
	pkg     string
	flags   string // further linker flags; VERSION, MAJOR and MINOR are filled in
	envtest bool   // among the programs that setup-envtest downloads
}

const kubernetesVersion = "-X k8s.io/component-base/version.gitVersion=VERSION -X k8s.io/component-base/version.gitMajor=MAJOR -X k8s.io/component-base/version.gitMinor=MINOR"

var sources = map[string]source{
	"kube-apiserver": {"kubernetes", "k8s.io/kubernetes", "k8s.io/kubernetes/cmd/kube-apiserver", kubernetesVersion, true},
	"kubectl":        {"kubernetes", "k8s.io/kubernetes", "k8s.io/kubernetes/cmd/kubectl", kubernetesVersion, true},
	"etcd":           {"etcd", "go.etcd.io/etcd/server/v3", "go.etcd.io/etcd/server/v3", "", true},
	"helm":           {"helm", "helm.sh/helm/v4", "helm.sh/helm/v4/cmd/helm", "-X helm.sh/helm/v4/internal/version.version=VERSION", false},
	"external-dns":   {"external-dns", "sigs.k8s.io/external-dns", "sigs.k8s.io/external-dns", "-X sigs.k8s.io/external-dns/pkg/apis/externaldns.Version=VERSION", false},
}

// Names returns the names of all programs, the slowest to build first.
func Names() []string {
	return []string{"kube-apiserver", "etcd", "kubectl", "helm", "external-dns"}
}

// Ensure sees to it that the named programs are in the cache folder and returns the folder. What is missing is downloaded
// or built, which takes minutes and is told to progress. root is the folder of the repository.
func Ensure(ctx context.Context, root string, progress io.Writer, names ...string) (string, error) {
	s, err := open(root, progress)
	if err != nil {
		return "", err
	}
	missing, err := s.missing(names)
	if err != nil || len(missing) == 0 {
		return s.bin, err
	}
	lock, err := s.acquire(ctx)
	if err != nil {
		return "", err
	}
	err = s.provide(ctx, names)
	return s.bin, errors.Join(err, lock.Unlock())
}

// store is the cache folder of one version of Kubernetes.
type store struct {
	tools  string // hack/controlplane
	folder string
	bin    string
	log    *reporter
}

func open(root string, progress io.Writer) (*store, error) {
	tools := filepath.Join(root, "hack", "controlplane")
	version, err := required(filepath.Join(tools, "kubernetes", "go.mod"), "k8s.io/kubernetes")
	if err != nil {
		return nil, err
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return nil, fmt.Errorf("no folder for the programs of the control plane; set XDG_CACHE_HOME: %w", err)
	}
	folder := filepath.Join(cache, "fountainai", "controlplane", version)
	bin := filepath.Join(folder, "bin")
	if err := os.MkdirAll(bin, 0o755); err != nil {
		return nil, err
	}
	return &store{tools: tools, folder: folder, bin: bin, log: newReporter(progress)}, nil
}

// acquire waits until no other process builds into the folder.
func (s *store) acquire(ctx context.Context) (*flock.Flock, error) {
	lock := flock.New(filepath.Join(s.folder, "lock"))
	free, err := lock.TryLock()
	if err == nil && !free {
		done := s.log.begin("waiting for another process that builds into " + s.bin)
		free, err = lock.TryLockContext(ctx, time.Second/2)
		done(err)
	}
	if err != nil || !free {
		return nil, fmt.Errorf("cannot lock %s: %w", lock.Path(), err)
	}
	return lock, nil
}

// provide fetches what is missing now that the lock is held. Prebuilt programs come first.
func (s *store) provide(ctx context.Context, names []string) error {
	missing, err := s.missing(names)
	if err != nil {
		return err
	}
	if os.Getenv("FOUNTAIN_CONTROLPLANE") != "build" && anyPrebuilt(missing) {
		if err := s.download(ctx); err != nil {
			s.log.line("nothing prebuilt to be had, building instead: " + err.Error())
		}
		if missing, err = s.missing(names); err != nil {
			return err
		}
	}
	for _, name := range missing {
		if err := s.build(ctx, name); err != nil {
			return fmt.Errorf("cannot build %s: %w", name, err)
		}
	}
	return nil
}

// missing returns those of the names whose program is absent or of another version.
func (s *store) missing(names []string) ([]string, error) {
	var missing []string
	for _, name := range names {
		stamp, err := s.stamp(name)
		if err != nil {
			return nil, err
		}
		had, err := os.ReadFile(s.stampFile(name))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, err
		}
		if _, err := os.Stat(filepath.Join(s.bin, name)); err != nil || string(had) != stamp {
			missing = append(missing, name)
		}
	}
	return missing, nil
}

// stamp says what a program is made of: its modules and how it is linked.
func (s *store) stamp(name string) (string, error) {
	src, ok := sources[name]
	if !ok {
		return "", fmt.Errorf("no program %q; there are %s", name, strings.Join(Names(), ", "))
	}
	hash := sha256.New()
	for _, file := range []string{"go.mod", "go.sum"} {
		data, err := os.ReadFile(filepath.Join(s.tools, src.folder, file))
		if err != nil {
			return "", err
		}
		hash.Write(data)
	}
	_, _ = fmt.Fprintln(hash, runtime.GOOS, runtime.GOARCH, src)
	return hex.EncodeToString(hash.Sum(nil)), nil
}

func (s *store) stampFile(name string) string {
	return filepath.Join(s.folder, name+".stamp")
}

// install moves a finished program to its place, in one step.
func (s *store) install(file, name string) error {
	stamp, err := s.stamp(name)
	if err != nil {
		return err
	}
	if err := os.Remove(s.stampFile(name)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := os.Rename(file, filepath.Join(s.bin, name)); err != nil {
		return err
	}
	return os.WriteFile(s.stampFile(name), []byte(stamp), 0o644)
}

// required returns the version of a module that a go.mod file asks for.
func required(file, module string) (string, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	found := regexp.MustCompile(`(?m)^(?:require)?\s*` + regexp.QuoteMeta(module) + ` (v\S+)`).FindSubmatch(data)
	if found == nil {
		return "", fmt.Errorf("%s does not require %s", file, module)
	}
	return string(found[1]), nil
}
