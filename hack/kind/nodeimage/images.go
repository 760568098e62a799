// The images of the pods that make a machine a cluster: the control plane, names, network and volumes.

package nodeimage

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"fountain.coach/fountainai/internal/controlplane/binaries"
	"fountain.coach/fountainai/internal/controlplane/command"
)

const searchPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// component is an image of one program.
type component struct {
	name    string
	version string // its tag; kubeadm asks for versions, the manifests in hack/kind/node ask for 1
	network bool   // it calls what Debian's network tools are
	program string // the file; empty: as the name says
}

// components lists them. kubeadm wants the versions of what it starts itself.
func (b *builder) components(pause, busybox string) ([]component, error) {
	list := []component{
		{name: "kube-apiserver", version: b.version},
		{name: "kube-controller-manager", version: b.version},
		{name: "kube-scheduler", version: b.version},
		{name: "kube-proxy", version: b.version, network: true},
		{name: "kube-router", version: "1", network: true},
		{name: "local-path-provisioner", version: "1"},
		{name: "pause", version: "1", program: pause},
		{name: "busybox", version: "1", program: busybox},
	}
	for _, name := range []string{"etcd", "coredns"} {
		version, err := binaries.Version(b.root, name)
		if err != nil {
			return nil, err
		}
		list = append(list, component{name: name, version: version})
	}
	for i := range list {
		if list[i].program == "" {
			list[i].program = filepath.Join(b.bin, list[i].name)
		}
	}
	return list, nil
}

// preload writes the archive that a node imports when it first starts.
func (b *builder) preload(ctx context.Context, work string) error {
	pause := filepath.Join(work, "pause")
	if _, err := command.Output(command.Go(ctx, b.root, "build", "-ldflags", "-s -w", "-o", pause, "./hack/kind/pause")); err != nil {
		return err
	}
	busybox, err := unpackBusybox(ctx, work)
	if err != nil {
		return err
	}
	list, err := b.components(pause, busybox)
	if err != nil {
		return err
	}
	images := map[string]parts{}
	for _, c := range list {
		tree := filepath.Join(work, "images", c.name)
		if err := place(tree, map[string]string{"usr/local/bin/" + c.name: c.program}); err != nil {
			return err
		}
		p := parts{layers: []layer{{tree: tree}}, config: v1.Config{Env: []string{searchPath}, Entrypoint: []string{"/usr/local/bin/" + c.name}}}
		if c.network {
			p.layers = append([]layer{{file: filepath.Join(work, "network.rootfs.tar")}}, p.layers...)
		}
		if c.name == "busybox" {
			p.config.Entrypoint = nil
			if err := applets(tree); err != nil {
				return err
			}
		}
		images[fmt.Sprintf("%s/%s:%s", Registry, c.name, c.version)] = p
	}
	return writeImages(filepath.Join(work, "images.tar"), images)
}

// unpackBusybox takes busybox, which is static, out of the network tools.
func unpackBusybox(ctx context.Context, work string) (string, error) {
	if _, err := command.Output(exec.CommandContext(ctx, "tar", "-x", "-C", work, "-f", filepath.Join(work, "network.rootfs.tar"), "./bin/busybox")); err != nil {
		return "", fmt.Errorf("no busybox among the network tools: %w", err)
	}
	return filepath.Join(work, "bin", "busybox"), nil
}

// applets gives busybox the names under which the helper pods of volumes call it.
func applets(tree string) error {
	bin := filepath.Join(tree, "bin")
	if err := os.MkdirAll(bin, 0o755); err != nil {
		return err
	}
	for _, name := range []string{"sh", "mkdir", "rm", "ls", "cat", "sleep"} {
		if err := os.Symlink("/usr/local/bin/busybox", filepath.Join(bin, name)); err != nil {
			return err
		}
	}
	return nil
}
