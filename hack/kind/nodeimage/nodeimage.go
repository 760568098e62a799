// Package nodeimage makes the image of a kind node where the published one cannot be had: the programs from their Go
// modules, the rest from Debian's packages, and no registry. The image is kept in the user's cache folder.
package nodeimage

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"fountain.coach/fountainai/internal/controlplane/binaries"
	"fountain.coach/fountainai/internal/controlplane/command"
	"fountain.coach/fountainai/internal/controlplane/progress"
)

// Registry is the name under which the images of the cluster's own pods are known. None of them can be pulled.
const Registry = "kind.local"

// Image is a node image in a file.
type Image struct {
	// Name is its name once it is loaded, as "kind.local/node:v1.36.3-0123456789ab".
	Name string
	// Archive is the file, as `docker load` takes it.
	Archive string
	// Patches are what kubeadm must be told, for kind's configuration.
	Patches []string
}

// Ensure returns the node image of this repository, whose folder is root. What is missing is built, which takes a quarter
// of an hour the first time and is told to out. It needs mmdebstrap, the Go command and a way to Debian's packages.
func Ensure(ctx context.Context, root string, out io.Writer) (Image, error) {
	b, err := newBuilder(root, out)
	if err != nil {
		return Image{}, err
	}
	lock, err := binaries.Lock(ctx, b.folder, b.log)
	if err != nil {
		return Image{}, err
	}
	defer lock.Unlock()
	patches, err := b.patches()
	if err != nil {
		return Image{}, err
	}
	image := Image{
		Name:    fmt.Sprintf("%s/node:%s-%s", Registry, b.version, b.stamp),
		Archive: filepath.Join(b.folder, "node-"+b.stamp+".tar"),
		Patches: patches,
	}
	if _, err := os.Stat(image.Archive); err == nil {
		return image, nil
	}
	if _, err := exec.LookPath("mmdebstrap"); err != nil {
		return Image{}, fmt.Errorf("a node image is built with Debian's packages, and mmdebstrap is not here: apt-get install mmdebstrap: %w", err)
	}
	return image, b.build(ctx, image)
}

type builder struct {
	root    string
	node    string // hack/kind/node
	folder  string // in the cache
	bin     string // the programs
	version string // of Kubernetes
	stamp   string // of everything the image is made of
	out     io.Writer
	log     *progress.Reporter
}

func newBuilder(root string, out io.Writer) (*builder, error) {
	folder, err := binaries.Cache("kind")
	if err != nil {
		return nil, err
	}
	b := &builder{
		root: root, node: filepath.Join(root, "hack", "kind", "node"), folder: folder,
		out: out, log: progress.New(out, "kind"),
	}
	if b.version, err = binaries.Version(root, "kubelet"); err != nil {
		return nil, err
	}
	if b.stamp, err = b.digest(); err != nil {
		return nil, err
	}
	return b, nil
}

// digest says what the image is made of: the programs, the files beside them and this package. Debian's packages are those
// of the day it was built.
func (b *builder) digest() (string, error) {
	programs, err := binaries.Stamp(b.root, binaries.NodeNames()...)
	if err != nil {
		return "", err
	}
	hash := sha256.New()
	_, _ = fmt.Fprintln(hash, programs, runtime.GOARCH)
	sources := os.DirFS(filepath.Join(b.root, "hack", "kind"))
	for _, folder := range []string{"node", "nodeimage", "pause"} {
		err := fs.WalkDir(sources, folder, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || strings.HasSuffix(path, "_test.go") {
				return err
			}
			data, err := fs.ReadFile(sources, path)
			_, _ = fmt.Fprintln(hash, path, len(data))
			hash.Write(data)
			return err
		})
		if err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(hash.Sum(nil))[:12], nil
}

// patches returns the documents of kubeadm.yaml with the versions filled in.
func (b *builder) patches() ([]string, error) {
	data, err := os.ReadFile(filepath.Join(b.node, "kubeadm.yaml"))
	if err != nil {
		return nil, err
	}
	text := string(data)
	for _, name := range []string{"etcd", "coredns"} {
		version, err := binaries.Version(b.root, name)
		if err != nil {
			return nil, err
		}
		text = strings.ReplaceAll(text, strings.ToUpper(name)+"_VERSION", version)
	}
	return strings.Split(text, "\n---\n"), nil
}

// build makes the archive in a folder of its own and moves it to its place when it is whole.
func (b *builder) build(ctx context.Context, image Image) error {
	var err error
	if b.bin, err = binaries.Ensure(ctx, b.root, b.out, binaries.NodeNames()...); err != nil {
		return err
	}
	work, err := os.MkdirTemp(b.folder, "build-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	finished := filepath.Join(work, "node.tar")
	for _, step := range []struct {
		what string
		do   func() error
	}{
		{"installing Debian for the node", func() error { return b.rootfs(ctx, work, "node") }},
		{"unpacking Debian's network tools", func() error { return b.rootfs(ctx, work, "network") }},
		{"packing the images of the control plane", func() error { return b.preload(ctx, work) }},
		{"packing the node image " + image.Name, func() error { return b.pack(work, finished, image.Name) }},
	} {
		if err := b.log.Do(step.what, step.do); err != nil {
			return fmt.Errorf("%s: %w", step.what, err)
		}
	}
	b.forgetOthers()
	return os.Rename(finished, image.Archive)
}

// forgetOthers removes images of earlier versions of this repository: each is more than a gigabyte.
func (b *builder) forgetOthers() {
	old, _ := filepath.Glob(filepath.Join(b.folder, "node-*.tar"))
	for _, file := range old {
		_ = os.Remove(file)
	}
}

func (b *builder) rootfs(ctx context.Context, work, kind string) error {
	cmd := exec.CommandContext(ctx, filepath.Join(b.node, "rootfs.sh"), kind, filepath.Join(work, kind+".rootfs.tar"))
	cmd.Env = append(os.Environ(), "TMPDIR="+work)
	_, err := command.Output(cmd)
	return err
}

// pack puts Debian, the programs and the files of the node into one image.
func (b *builder) pack(work, archive, name string) error {
	tree := filepath.Join(work, "tree")
	if err := os.CopyFS(tree, os.DirFS(filepath.Join(b.node, "tree"))); err != nil {
		return err
	}
	files := map[string]string{"kind/images.tar": filepath.Join(work, "images.tar")}
	for _, program := range []string{"kubeadm", "kubelet", "kubectl"} {
		files["usr/bin/"+program] = filepath.Join(b.bin, program)
	}
	for _, program := range []string{"containerd", "containerd-shim-runc-v2", "ctr"} {
		files["usr/local/bin/"+program] = filepath.Join(b.bin, program)
	}
	if err := place(tree, files); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(tree, "kind", "version"), []byte(b.version), 0o644); err != nil {
		return err
	}
	wanted := filepath.Join(tree, "etc", "systemd", "system", "multi-user.target.wants")
	if err := os.MkdirAll(wanted, 0o755); err != nil {
		return err
	}
	for _, unit := range []string{"containerd.service", "kubelet.service"} {
		if err := os.Symlink("../"+unit, filepath.Join(wanted, unit)); err != nil {
			return err
		}
	}
	return writeImages(archive, map[string]parts{name: {
		layers: []layer{{file: filepath.Join(work, "node.rootfs.tar")}, {tree: tree}},
		config: v1.Config{Env: []string{"container=docker", searchPath}, StopSignal: "SIGRTMIN+3", Entrypoint: []string{"/usr/local/bin/entrypoint"}},
	}})
}
