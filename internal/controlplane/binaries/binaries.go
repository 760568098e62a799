// Package binaries provides the programs that the tests against a real API server run: kube-apiserver, etcd, kubectl, Helm
// and external-dns, and those that make a machine a node of a cluster, each in the version that its module under
// hack/controlplane asks for. They are kept in the user's cache folder.
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
	"slices"
	"strings"
	"time"

	"github.com/gofrs/flock"

	"fountain.coach/fountainai/internal/controlplane/progress"
)

// source says where a program comes from.
type source struct {
	folder  string // below hack/controlplane
	module  string
	pkg     string
	flags   string // further linker flags; VERSION, MAJOR and MINOR are filled in
	envtest bool   // among the programs that setup-envtest downloads
	tags    string // build tags
}

const kubernetesVersion = "-X k8s.io/component-base/version.gitVersion=VERSION -X k8s.io/component-base/version.gitMajor=MAJOR -X k8s.io/component-base/version.gitMinor=MINOR"

// Of containerd, only what a node needs of it is compiled.
const (
	containerdModule = "github.com/containerd/containerd/v2"
	containerdFlags  = "-X github.com/containerd/containerd/v2/version.Version=VERSION"
	containerdTags   = "no_btrfs no_zfs no_devmapper"
)

var sources = map[string]source{
	"kube-apiserver": kubernetes("kube-apiserver", true),
	"kubectl":        kubernetes("kubectl", true),
	"etcd":           {folder: "etcd", module: "go.etcd.io/etcd/server/v3", pkg: "go.etcd.io/etcd/server/v3", envtest: true},
	"helm":           {folder: "helm", module: "helm.sh/helm/v4", pkg: "helm.sh/helm/v4/cmd/helm", flags: "-X helm.sh/helm/v4/internal/version.version=VERSION"},
	"external-dns":   {folder: "external-dns", module: "sigs.k8s.io/external-dns", pkg: "sigs.k8s.io/external-dns", flags: "-X sigs.k8s.io/external-dns/pkg/apis/externaldns.Version=VERSION"},

	"kubelet":                 kubernetes("kubelet", false),
	"kubeadm":                 kubernetes("kubeadm", false),
	"kube-controller-manager": kubernetes("kube-controller-manager", false),
	"kube-scheduler":          kubernetes("kube-scheduler", false),
	"kube-proxy":              kubernetes("kube-proxy", false),
	"containerd":              containerd("containerd"),
	"containerd-shim-runc-v2": containerd("containerd-shim-runc-v2"),
	"ctr":                     containerd("ctr"),
	"coredns":                 {folder: "coredns", module: "github.com/coredns/coredns", pkg: "."},
	"kube-router":             {folder: "kube-router", module: "github.com/cloudnativelabs/kube-router/v2", pkg: "github.com/cloudnativelabs/kube-router/v2/cmd/kube-router"},
	"local-path-provisioner":  {folder: "local-path-provisioner", module: "github.com/rancher/local-path-provisioner", pkg: "github.com/rancher/local-path-provisioner"},
}

func kubernetes(name string, envtest bool) source {
	return source{folder: "kubernetes", module: "k8s.io/kubernetes", pkg: "k8s.io/kubernetes/cmd/" + name, flags: kubernetesVersion, envtest: envtest}
}

func containerd(name string) source {
	return source{folder: "containerd", module: containerdModule, pkg: containerdModule + "/cmd/" + name, flags: containerdFlags, tags: containerdTags}
}

// Names returns the names of the programs of a control plane and of those that talk to it, the slowest to build first.
func Names() []string {
	return []string{"kube-apiserver", "etcd", "kubectl", "helm", "external-dns"}
}

// NodeNames returns the names of the programs of a node of a cluster with its control plane, network and volumes.
func NodeNames() []string {
	return []string{
		"kube-apiserver", "etcd", "kubectl", "kubelet", "kube-controller-manager", "kube-scheduler", "kube-proxy", "kubeadm",
		"containerd", "containerd-shim-runc-v2", "ctr", "coredns", "kube-router", "local-path-provisioner",
	}
}

// Ensure sees to it that the named programs are in the cache folder and returns the folder. What is missing is downloaded
// or built, which takes minutes and is told to out. root is the folder of the repository.
func Ensure(ctx context.Context, root string, out io.Writer, names ...string) (string, error) {
	s, err := open(root, out)
	if err != nil {
		return "", err
	}
	missing, err := s.missing(names)
	if err != nil || len(missing) == 0 {
		return s.bin, err
	}
	lock, err := Lock(ctx, s.folder, s.log)
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
	log    *progress.Reporter
}

func open(root string, out io.Writer) (*store, error) {
	tools := filepath.Join(root, "hack", "controlplane")
	version, err := required(filepath.Join(tools, "kubernetes", "go.mod"), "k8s.io/kubernetes")
	if err != nil {
		return nil, err
	}
	folder, err := Cache("controlplane", version)
	if err != nil {
		return nil, err
	}
	bin := filepath.Join(folder, "bin")
	if err := os.MkdirAll(bin, 0o755); err != nil {
		return nil, err
	}
	return &store{tools: tools, folder: folder, bin: bin, log: progress.New(out, "controlplane")}, nil
}

// Cache returns the folder of the user's cache in which the project keeps what takes long to make, and makes it. The parts
// name a folder below it.
func Cache(parts ...string) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("no folder for what is built once and kept; set XDG_CACHE_HOME: %w", err)
	}
	folder := filepath.Join(append([]string{cache, "fountainai"}, parts...)...)
	return folder, os.MkdirAll(folder, 0o755)
}

// Lock waits until no other process builds into the folder, and says so to log if it must wait.
func Lock(ctx context.Context, folder string, log *progress.Reporter) (*flock.Flock, error) {
	lock := flock.New(filepath.Join(folder, "lock"))
	free, err := lock.TryLock()
	if err == nil && !free {
		done := log.Begin("waiting for another process that builds into " + folder)
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
			s.log.Line("nothing prebuilt to be had, building instead: " + err.Error())
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
		return "", unknown(name)
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

// Version returns the version of a program, such as "v1.36.3", as its module under hack/controlplane asks for.
func Version(root, name string) (string, error) {
	src, ok := sources[name]
	if !ok {
		return "", unknown(name)
	}
	return required(filepath.Join(root, "hack", "controlplane", src.folder, "go.mod"), src.module)
}

// Stamp returns a digest of what the named programs are made of. It changes when one of them would be built anew.
func Stamp(root string, names ...string) (string, error) {
	s := &store{tools: filepath.Join(root, "hack", "controlplane")}
	hash := sha256.New()
	for _, name := range names {
		stamp, err := s.stamp(name)
		if err != nil {
			return "", err
		}
		_, _ = fmt.Fprintln(hash, name, stamp)
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}

func unknown(name string) error {
	names := Names()
	for _, node := range NodeNames() {
		if !slices.Contains(names, node) {
			names = append(names, node)
		}
	}
	return fmt.Errorf("no program %q; there are %s", name, strings.Join(names, ", "))
}
