// A kind cluster and the images in it.

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"sigs.k8s.io/kind/pkg/apis/config/defaults"
	"sigs.k8s.io/kind/pkg/apis/config/v1alpha4"
	kind "sigs.k8s.io/kind/pkg/cluster"
	"sigs.k8s.io/kind/pkg/cluster/nodeutils"
	"sigs.k8s.io/kind/pkg/cmd"
	"sigs.k8s.io/yaml"

	"fountain.coach/fountainai/hack/kind/nodeimage"
	"fountain.coach/fountainai/internal/controlplane/command"
	"fountain.coach/fountainai/internal/controlplane/progress"
)

const (
	imageTag  = "kind"      // of the project's images in a cluster
	imageNext = "kind-next" // of those that tests upgrade to
)

const nodeImageFrom = "FOUNTAIN_NODE_IMAGE" // where the image of a node comes from

// programs are the images of the project, as they are called in the charts.
var programs = []string{"centralsequence", "character", "scriptmanagement", "sessioncontext", "storyfactory", "fountain", "orchestrator", "operator"}

// images returns the names of the project's images with a tag; without names, of all of them.
func images(tag string, names ...string) []string {
	if len(names) == 0 {
		names = programs
	}
	var list []string
	for _, name := range names {
		list = append(list, "fountainai/"+name+":"+tag)
	}
	return list
}

// buildImages builds images of the project outside of Docker, with the tag as their version; without names, all of them.
func buildImages(ctx context.Context, log *progress.Reporter, tag string, names ...string) error {
	return log.Do("building the images fountainai/…:"+tag, func() error {
		build := exec.CommandContext(ctx, "hack/compose/images.sh", append([]string{"host"}, names...)...)
		build.Env = append(os.Environ(), "FOUNTAIN_IMAGES=fountainai", "FOUNTAIN_VERSION="+tag, "VERSION="+tag,
			"LDFLAGS=-s -w -X fountain.coach/fountainai/internal/httpapi.version="+tag, "DOCKER_BUILDKIT=0")
		_, err := command.Output(build)
		return err
	})
}

type cluster struct {
	name       string
	kubeconfig string
	log        *progress.Reporter
	ports      bool // of the machine lead into the cluster, as cluster.yaml says
}

func (c cluster) provider() *kind.Provider {
	return kind.NewProvider(kind.ProviderWithDocker(), kind.ProviderWithLogger(cmd.NewLogger()))
}

func (c cluster) exists() (bool, error) {
	names, err := c.provider().List()
	return slices.Contains(names, c.name), err
}

// create makes the cluster. What a failed attempt left is removed.
func (c cluster) create(ctx context.Context) error {
	image, patches, err := c.nodeImage(ctx)
	if err != nil {
		return err
	}
	config, err := readConfig("hack/kind/cluster.yaml")
	if err != nil {
		return err
	}
	if !c.ports {
		config.Nodes[0].ExtraPortMappings = nil
	}
	config.KubeadmConfigPatches = append(config.KubeadmConfigPatches, patches...)
	err = c.provider().Create(c.name,
		kind.CreateWithV1Alpha4Config(config), kind.CreateWithNodeImage(image), kind.CreateWithKubeconfigPath(c.kubeconfig),
		kind.CreateWithWaitForReady(3*time.Minute), kind.CreateWithDisplayUsage(false), kind.CreateWithDisplaySalutation(false))
	if err != nil {
		return fmt.Errorf("kind cannot make a cluster: %w", err)
	}
	return nil
}

func readConfig(file string) (*v1alpha4.Cluster, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	config := new(v1alpha4.Cluster)
	if err := yaml.UnmarshalStrict(data, config); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	v1alpha4.SetDefaultsCluster(config)
	return config, nil
}

// nodeImage sees to it that the engine has the image of a node: the published one where there is a registry, else one of
// our own with what kubeadm must be told of it. FOUNTAIN_NODE_IMAGE names an archive of the published one, or is "build":
// then nobody is asked for it.
func (c cluster) nodeImage(ctx context.Context) (string, []string, error) {
	switch archive := os.Getenv(nodeImageFrom); archive {
	default:
		return withoutDigest(defaults.Image), nil, c.log.Do("loading "+archive, func() error { return docker(ctx, "load", "--quiet", "--input", archive) })
	case "build":
	case "":
		err := c.log.Do("pulling "+defaults.Image, func() error { return pull(ctx, defaults.Image) })
		if err == nil {
			return defaults.Image, nil, nil
		}
		c.log.Line("no registry can be reached, so the node image is one built here: " + err.Error())
	}
	image, err := nodeimage.Ensure(ctx, ".", os.Stderr)
	if err != nil {
		return "", nil, err
	}
	if docker(ctx, "image", "inspect", image.Name) != nil {
		err = c.log.Do("loading "+image.Name, func() error { return docker(ctx, "load", "--quiet", "--input", image.Archive) })
	}
	return image.Name, image.Patches, err
}

func pull(ctx context.Context, image string) error {
	if docker(ctx, "image", "inspect", image) == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	return docker(ctx, "pull", "--quiet", image)
}

// docker runs the docker command.
func docker(ctx context.Context, args ...string) error {
	_, err := command.Output(exec.CommandContext(ctx, "docker", args...))
	return err
}

// load copies images from the engine into the nodes.
func (c cluster) load(ctx context.Context, names []string) error {
	return c.log.Do("loading "+fmt.Sprint(len(names))+" images into the cluster", func() error {
		nodes, err := c.provider().ListInternalNodes(c.name)
		if err != nil {
			return err
		}
		folder, err := os.MkdirTemp("", "fountain-images-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(folder)
		file := filepath.Join(folder, "images.tar")
		if err := docker(ctx, append([]string{"save", "--output", file}, names...)...); err != nil {
			return err
		}
		for _, node := range nodes {
			archive, err := os.Open(file)
			if err != nil {
				return err
			}
			err = errors.Join(nodeutils.LoadImageArchive(node, archive), archive.Close())
			if err != nil {
				return fmt.Errorf("%s takes no images: %w", node, err)
			}
		}
		return nil
	})
}

func (c cluster) remove() error {
	return c.provider().Delete(c.name, c.kubeconfig)
}
