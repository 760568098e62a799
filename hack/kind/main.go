// Command kind makes clusters for the end-to-end tests and for people at work on the project, with or without a registry.
//
//	go run ./hack/kind up      make the cluster and load the images of the project into it
//	go run ./hack/kind load    build the images again and load them
//	go run ./hack/kind down    remove the cluster
//	go run ./hack/kind image   build the image of the node, as up and e2e do where it cannot be pulled
//	go run ./hack/kind e2e     make a cluster of its own, run the tests in hack/kind/e2e on it and remove it
//
// What follows e2e is for the tests: `e2e -test.run Backup`.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"

	"fountain.coach/fountainai/hack/kind/engine"
	"fountain.coach/fountainai/hack/kind/nodeimage"
	"fountain.coach/fountainai/internal/controlplane/binaries"
	"fountain.coach/fountainai/internal/controlplane/command"
	"fountain.coach/fountainai/internal/controlplane/progress"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "kind:", err)
		var exit *exec.ExitError
		if errors.As(err, &exit) && exit.ExitCode() > 0 {
			os.Exit(exit.ExitCode())
		}
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	name := ""
	if len(args) > 0 {
		name = args[0]
	}
	if name == "e2e" {
		return e2e(ctx, args[1:])
	}
	w, err := atWork()
	if err != nil {
		return err
	}
	switch name {
	case "up":
		return w.up(ctx)
	case "load":
		return w.load(ctx)
	case "down":
		return w.down()
	case "image":
		image, err := nodeimage.Ensure(ctx, ".", os.Stderr)
		if err == nil {
			fmt.Println(image.Name, image.Archive)
		}
		return err
	default:
		return fmt.Errorf("no command %q; want up, load, down, image or e2e", name)
	}
}

// workshop is the cluster of somebody at work on the project. It stays until it is taken down.
type workshop struct {
	folder string
	log    *progress.Reporter
}

const workshopName = "fountain"

func atWork() (workshop, error) {
	folder, err := binaries.Cache("kind", "cluster")
	return workshop{folder, progress.New(os.Stderr, "kind")}, err
}

func (w workshop) engine() engine.Engine {
	return engine.Engine{Folder: filepath.Join(w.folder, "engine")}
}

func (w workshop) cluster() cluster {
	return cluster{name: workshopName, kubeconfig: filepath.Join(w.folder, "kubeconfig"), log: w.log, ports: true}
}

// find points the docker command to the engine of up, if it is one of our own.
func (w workshop) find(ctx context.Context) error {
	if engine.Answers(ctx) {
		return nil
	}
	if err := os.Setenv("DOCKER_HOST", w.engine().Host()); err != nil {
		return err
	}
	if !engine.Answers(ctx) {
		return errors.Join(os.Unsetenv("DOCKER_HOST"), errNoCluster)
	}
	return nil
}

var errNoCluster = errors.New("there is no cluster; make one with `make kind-up`")

func (w workshop) up(ctx context.Context) error {
	if w.find(ctx) != nil {
		if err := w.start(ctx); err != nil {
			return err
		}
	}
	c := w.cluster()
	there, err := c.exists()
	if err != nil {
		return err
	}
	if !there {
		if err := c.create(ctx); err != nil {
			return err
		}
	}
	if err := w.load(ctx); err != nil {
		return err
	}
	fmt.Println("The cluster is there. Point kubectl and helm to it:")
	fmt.Println("  export KUBECONFIG=" + c.kubeconfig)
	if host := os.Getenv("DOCKER_HOST"); host != "" {
		fmt.Println("  export DOCKER_HOST=" + host)
	}
	fmt.Println("and install FountainAI with the gateway of its own:")
	fmt.Printf("  helm install fountain charts/fountainai -n fountain --create-namespace --set global.imageTag=%s -f hack/kind/values.yaml\n", imageTag)
	return nil
}

// start starts an engine of our own.
func (w workshop) start(ctx context.Context) error {
	if err := os.MkdirAll(w.engine().Folder, 0o755); err != nil {
		return err
	}
	runtime, err := buildRuntime(ctx, w.folder)
	if err != nil {
		return err
	}
	return w.log.Do("starting a Docker engine", func() error {
		_, err := engine.Start(ctx, w.engine().Folder, runtime)
		return err
	})
}

func (w workshop) load(ctx context.Context) error {
	if err := w.find(ctx); err != nil {
		return err
	}
	c := w.cluster()
	if there, err := c.exists(); err != nil || !there {
		return errors.Join(err, errNoCluster)
	}
	if err := buildImages(ctx, w.log, imageTag); err != nil {
		return err
	}
	return c.load(ctx, images(imageTag))
}

func (w workshop) down() error {
	if w.find(context.Background()) == nil {
		if err := w.cluster().remove(); err != nil {
			return err
		}
	}
	return errors.Join(w.engine().Stop(), os.RemoveAll(w.folder))
}

// buildRuntime builds the OCI runtime for machines without every capability.
func buildRuntime(ctx context.Context, folder string) (string, error) {
	file := filepath.Join(folder, "bounded")
	_, err := command.Output(command.Go(ctx, ".", "build", "-o", file, "./hack/kind/bounded"))
	return file, err
}
