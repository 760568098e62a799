// The end-to-end tests: everything they need is made before them and gone after them.

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"sigs.k8s.io/kind/pkg/apis/config/defaults"
	"sigs.k8s.io/yaml"

	"fountain.coach/fountainai/hack/kind/engine"
	"fountain.coach/fountainai/hack/kind/nodeimage"
	"fountain.coach/fountainai/internal/controlplane/binaries"
	"fountain.coach/fountainai/internal/controlplane/command"
	"fountain.coach/fountainai/internal/controlplane/progress"
)

const (
	ownNetwork = "FOUNTAIN_E2E_NETWORK"      // "own" in the process that has a network of its own
	allowNone  = "FOUNTAIN_ALLOW_NO_CLUSTER" // lets a machine pass that cannot run a cluster
	keep       = "KEEP"                      // leaves the cluster as the tests left it
	resultsDir = "FOUNTAIN_E2E_RESULTS"      // where to collect what a failure needs
)

// e2e runs the tests. A machine that can run no cluster fails, unless it is allowed to pass.
func e2e(ctx context.Context, args []string) error {
	run := endToEnd{args: args, log: progress.New(os.Stderr, "e2e")}
	err := run.somewhere(ctx, engine.Answers(ctx))
	var cannot cannotCluster
	if errors.As(err, &cannot) && os.Getenv(allowNone) == "1" {
		fmt.Fprintf(os.Stderr, "e2e: THE CLUSTER WAS NOT TESTED; %s=1 lets that pass: %v\n", allowNone, err)
		return nil
	}
	return err
}

// somewhere runs the tests in a network of their own if the Docker engine is not there yet: then no bridge and no rule of
// this machine is touched, and whatever is left ends with the last process in it.
func (e endToEnd) somewhere(ctx context.Context, theirs bool) error {
	if os.Getenv(ownNetwork) == "own" {
		if err := loopbackUp(); err != nil {
			return cannotCluster{err}
		}
		return e.all(ctx, theirs)
	}
	if err := e.fetch(ctx, theirs); err != nil {
		return err
	}
	if theirs {
		return e.all(ctx, theirs)
	}
	return e.again(ctx)
}

// cannotCluster is the error of a machine on which there can be no cluster.
type cannotCluster struct{ error }

func (c cannotCluster) Unwrap() error { return c.error }

type endToEnd struct {
	args    []string
	log     *progress.Reporter
	folder  string
	cluster cluster
}

// fetch gets whatever comes over the network of this machine: modules, programs, packages.
func (e endToEnd) fetch(ctx context.Context, theirs bool) error {
	if _, err := binaries.Ensure(ctx, ".", os.Stderr, "helm", "kubectl"); err != nil {
		return err
	}
	if !theirs {
		if err := e.fetchNodeImage(ctx); err != nil {
			return cannotCluster{err}
		}
	}
	return e.log.Do("compiling", func() error {
		for _, args := range [][]string{
			{"build", "./services/...", "./cmd/...", "./operator/...", "./hack/kind/..."},
			{"build", "-o", os.DevNull, "-tags", "nostack,nomodel", "./cmd/fountain"},
			{"vet", "-tags", "e2e", "./hack/kind/e2e"},
		} {
			if _, err := command.Output(command.Go(ctx, ".", args...)); err != nil {
				return err
			}
		}
		return nil
	})
}

// fetchNodeImage gets the image of a node for an engine that has no way to a registry, and says which it is in the
// environment of what is started from here.
func (e endToEnd) fetchNodeImage(ctx context.Context) error {
	if os.Getenv(nodeImageFrom) == "" {
		archive, err := published(ctx, defaults.Image, os.Stderr)
		if err == nil {
			return os.Setenv(nodeImageFrom, archive)
		}
		e.log.Line("no registry can be reached, so the node image is one built here: " + err.Error())
		if err := os.Setenv(nodeImageFrom, "build"); err != nil {
			return err
		}
	}
	if os.Getenv(nodeImageFrom) != "build" {
		return nil
	}
	_, err := nodeimage.Ensure(ctx, ".", os.Stderr)
	return err
}

// again runs this program once more, in a network of its own.
func (e endToEnd) again(ctx context.Context) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, self, append([]string{"e2e"}, e.args...)...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), ownNetwork+"=own")
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	err = runInOwnNetwork(cmd)
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return cannotCluster{fmt.Errorf("no network of its own for a Docker engine; start Docker, or run this as root: %w", err)}
	}
	return err
}

func loopbackUp() error {
	if _, err := command.Output(exec.Command("ip", "link", "set", "lo", "up")); err != nil {
		return fmt.Errorf("the loopback device of a network namespace stays down: %w", err)
	}
	return nil
}

// all makes the cluster, runs the tests and removes what it made.
func (e endToEnd) all(ctx context.Context, theirs bool) (err error) {
	if e.folder, err = os.MkdirTemp("", "fountain-e2e-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(e.folder)) }()
	e.cluster = cluster{fmt.Sprintf("fountain-e2e-%d", os.Getpid()), filepath.Join(e.folder, "kubeconfig"), e.log, false}
	if !theirs {
		stop, failed := e.startEngine(ctx)
		if failed != nil {
			return cannotCluster{failed}
		}
		defer func() { err = errors.Join(err, stop()) }()
	}
	if err := e.cluster.create(ctx); err != nil {
		return cannotCluster{errors.Join(err, e.cluster.remove())}
	}
	defer func() { err = errors.Join(err, e.cluster.remove()) }()
	if err := e.loadImages(ctx); err != nil {
		return err
	}
	err = e.test(ctx)
	if os.Getenv(keep) == "1" {
		e.log.Line(fmt.Sprintf("kept until interrupted: KUBECONFIG=%s DOCKER_HOST=%s, in the network of process %d", e.cluster.kubeconfig, os.Getenv("DOCKER_HOST"), os.Getpid()))
		<-ctx.Done()
	}
	return err
}

func (e endToEnd) startEngine(ctx context.Context) (stop func() error, err error) {
	folder := filepath.Join(e.folder, "engine")
	if err := os.Mkdir(folder, 0o755); err != nil {
		return nil, err
	}
	runtime, err := buildRuntime(ctx, e.folder)
	if err != nil {
		return nil, err
	}
	var docker engine.Engine
	err = e.log.Do("starting a Docker engine", func() error {
		docker, err = engine.Start(ctx, folder, runtime)
		return err
	})
	return docker.Stop, err
}

// gateway returns the engine of the gateway in mode dbless: Kong where its image can be had, which is then in the cluster, else
// the embedded one.
func (e endToEnd) gateway(ctx context.Context) (string, error) {
	if os.Getenv(nodeImageFrom) != "" {
		return "embedded", nil // nobody is asked for images
	}
	image, err := kongImage("charts/fountainai/values.yaml")
	if err != nil {
		return "", err
	}
	if err := e.log.Do("pulling "+image, func() error { return pull(ctx, image) }); err != nil {
		e.log.Line("the embedded gateway stands in for Kong, whose image cannot be pulled: " + err.Error())
		return "embedded", nil
	}
	return "kong", e.cluster.load(ctx, []string{image})
}

// kongImage reads from a chart's values which image of Kong it runs.
func kongImage(file string) (string, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	var values struct {
		Global struct {
			Gateway struct {
				Dbless struct {
					Image struct{ Repository, Tag string }
				}
			}
		}
	}
	if err := yaml.Unmarshal(data, &values); err != nil {
		return "", fmt.Errorf("%s: %w", file, err)
	}
	image := values.Global.Gateway.Dbless.Image
	if image.Repository == "" || image.Tag == "" {
		return "", fmt.Errorf("%s names no image of Kong", file)
	}
	return image.Repository + ":" + image.Tag, nil
}

// loadImages puts the images of the project into the cluster, and those that a test upgrades to.
func (e endToEnd) loadImages(ctx context.Context) error {
	upgraded := []string{"character", "operator"}
	if err := buildImages(ctx, e.log, imageTag); err != nil {
		return err
	}
	if err := buildImages(ctx, e.log, imageNext, upgraded...); err != nil {
		return err
	}
	return e.cluster.load(ctx, append(images(imageTag), images(imageNext, upgraded...)...))
}

// test runs the tests against the cluster, and collects what a person needs if they fail.
func (e endToEnd) test(ctx context.Context) error {
	bin, err := binaries.Ensure(ctx, ".", os.Stderr, "helm", "kubectl")
	if err != nil {
		return err
	}
	program := filepath.Join(e.folder, "e2e.test")
	if _, err := command.Output(command.Go(ctx, ".", "test", "-c", "-tags", "e2e", "-o", program, "./hack/kind/e2e")); err != nil {
		return err
	}
	fountain := filepath.Join(e.folder, "fountain")
	if _, err := command.Output(command.Go(ctx, ".", "build", "-o", fountain, "./cmd/fountain")); err != nil {
		return err
	}
	gateway, err := e.gateway(ctx)
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, program, append([]string{"-test.v", "-test.timeout=40m"}, e.args...)...)
	cmd.Dir = filepath.Join("hack", "kind", "e2e")
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), "KUBECONFIG="+e.cluster.kubeconfig, "FOUNTAIN_E2E_CLUSTER="+e.cluster.name, "FOUNTAIN_E2E_COMMAND="+fountain,
		"FOUNTAIN_E2E_TAG="+imageTag, "FOUNTAIN_E2E_NEXT_TAG="+imageNext, "FOUNTAIN_E2E_GATEWAY="+gateway, "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	start := time.Now()
	err = cmd.Run()
	e.log.Line(fmt.Sprintf("the tests took %s", time.Since(start).Round(time.Second)))
	if err != nil {
		e.collect(bin)
	}
	return err
}

// collect writes the state of the cluster to a folder: what there is, what happened, what was logged.
func (e endToEnd) collect(bin string) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	folder := os.Getenv(resultsDir)
	if folder == "" {
		folder = filepath.Join(os.TempDir(), "fountain-e2e-results-"+time.Now().Format("20060102-150405"))
	}
	e.log.Line("collecting events, descriptions and logs")
	if err := collect(ctx, filepath.Join(bin, "kubectl"), e.cluster, folder); err != nil {
		e.log.Line("not all of it could be had: " + err.Error())
	}
	e.log.Line("what the cluster says of itself is in " + folder)
}
