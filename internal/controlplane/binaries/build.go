// Building the programs with the go command, and downloading those that are built already.
package binaries

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"fountain.coach/fountainai/internal/controlplane/command"
)

// build makes one program. All are built with the same flags, so that the packages they share are compiled once.
func (s *store) build(ctx context.Context, name string) (err error) {
	src := sources[name]
	folder := filepath.Join(s.tools, src.folder)
	version, err := required(filepath.Join(folder, "go.mod"), src.module)
	if err != nil {
		return err
	}
	temp, err := os.MkdirTemp(s.folder, "build-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temp)
	done := s.log.Begin(fmt.Sprintf("building %s (%s %s)", name, src.module, version))
	defer func() { done(err) }()
	file := filepath.Join(temp, name)
	if _, err := command.Output(command.Go(ctx, folder, "build", "-o", file, "-tags", src.tags, "-ldflags", linkerFlags(src.flags, version), src.pkg)); err != nil {
		return err
	}
	return s.install(file, name)
}

func linkerFlags(flags, version string) string {
	parts := strings.SplitN(strings.TrimPrefix(version, "v"), ".", 3)
	fill := strings.NewReplacer("VERSION", version, "MAJOR", parts[0], "MINOR", parts[1])
	return strings.TrimSpace("-s -w " + fill.Replace(flags))
}

func anyPrebuilt(names []string) bool {
	return slices.ContainsFunc(names, func(name string) bool { return sources[name].envtest })
}

// download gets kube-apiserver, etcd and kubectl of the same minor version of Kubernetes from where setup-envtest finds
// them. A machine without a way out fails at the list, within seconds.
func (s *store) download(ctx context.Context) (err error) {
	version, err := required(filepath.Join(s.tools, "kubernetes", "go.mod"), "k8s.io/kubernetes")
	if err != nil {
		return err
	}
	temp, err := os.MkdirTemp(s.folder, "download-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temp)
	minor := strings.TrimPrefix(version[:strings.LastIndex(version, ".")], "v") + ".x"
	done := s.log.Begin("looking for a prebuilt API server " + minor)
	defer func() { done(err) }()
	folder, err := s.fetch(ctx, temp, minor)
	if err != nil {
		return err
	}
	for name, src := range sources {
		if src.envtest {
			if err := s.install(filepath.Join(folder, name), name); err != nil {
				return err
			}
		}
	}
	return nil
}

// fetch has setup-envtest download into a folder and returns the folder of the programs.
func (s *store) fetch(ctx context.Context, temp, version string) (string, error) {
	tool := filepath.Join(temp, "setup-envtest")
	err := within(ctx, time.Minute, func(ctx context.Context) error {
		_, err := command.Output(command.Go(ctx, filepath.Join(s.tools, "envtest"), "build", "-o", tool, "sigs.k8s.io/controller-runtime/tools/setup-envtest"))
		return err
	})
	if err != nil {
		return "", err
	}
	err = within(ctx, 10*time.Second, func(ctx context.Context) error {
		_, err := command.Output(exec.CommandContext(ctx, tool, "list", "--bin-dir", temp, version))
		return err
	})
	if err != nil {
		return "", err
	}
	var folder string
	err = within(ctx, 3*time.Minute, func(ctx context.Context) error {
		folder, err = command.Output(exec.CommandContext(ctx, tool, "use", "--bin-dir", temp, "-p", "path", version))
		return err
	})
	return folder, err
}

func within(ctx context.Context, limit time.Duration, do func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return do(ctx)
}
