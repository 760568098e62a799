// Package controlplane starts a real Kubernetes API server for tests: kube-apiserver and etcd, with RBAC, the usual
// admission plugins and the CustomResourceDefinitions that a test asks for. There are no controllers: no Pod comes of a
// StatefulSet, nothing is garbage-collected, a deleted namespace never goes, the ClusterRoles view, edit and admin, which a
// controller aggregates, are empty.
//
// The programs are built when they are missing, which takes minutes once; see Binary.
package controlplane

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"fountain.coach/fountainai/internal/controlplane/binaries"
)

// Server is a running API server with its database.
type Server struct {
	Config     *rest.Config // of a cluster administrator
	Kubeconfig string       // file with the same

	folder string
	env    *envtest.Environment
	admin  client.Client
	logs   []*os.File
	users  sync.Mutex
}

// Start starts an API server that stops when the test ends.
func Start(t testing.TB, options ...Option) *Server {
	t.Helper()
	skipIfAsked(t)
	s, err := start(t.TempDir(), options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.stop(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func skipIfAsked(t testing.TB) {
	t.Helper()
	if os.Getenv("FOUNTAIN_SKIP_CONTROLPLANE") == "1" {
		t.Skip("needs a Kubernetes API server, and FOUNTAIN_SKIP_CONTROLPLANE=1 is set")
	}
}

// start starts a server that keeps everything in folder.
func start(folder string, options []Option) (_ *Server, err error) {
	set, err := newSettings(options)
	if err != nil {
		return nil, err
	}
	paths := make(map[string]string)
	for _, name := range []string{"kube-apiserver", "etcd", "kubectl"} {
		if paths[name], err = binary(name); err != nil {
			return nil, fmt.Errorf("the test has no Kubernetes API server: %w\n"+
				"`make controlplane` builds it, FOUNTAIN_SKIP_CONTROLPLANE=1 leaves such tests out", err)
		}
	}
	s := &Server{folder: folder}
	if s.env, err = environment(folder, paths, set); err != nil {
		return nil, err
	}
	logs, err := s.log()
	if err != nil {
		return nil, err
	}
	if err := s.boot(); err != nil {
		return nil, fmt.Errorf("the API server does not start: %w\n%s", err, complaints(logs, 10))
	}
	return s, nil
}

// log has both programs write to files and returns their names.
func (s *Server) log() ([]string, error) {
	plane := &s.env.ControlPlane
	files := []string{filepath.Join(s.folder, "etcd.log"), filepath.Join(s.folder, "kube-apiserver.log")}
	for i, outputs := range [][]*io.Writer{{&plane.Etcd.Out, &plane.Etcd.Err}, {&plane.APIServer.Out, &plane.APIServer.Err}} {
		file, err := os.OpenFile(files[i], os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			return nil, err
		}
		s.logs = append(s.logs, file)
		for _, output := range outputs {
			*output = file
		}
	}
	return files, nil
}

// boot starts the processes and prepares what the methods of Server use.
func (s *Server) boot() (err error) {
	defer func() {
		if err != nil {
			_ = s.stop()
		}
	}()
	if s.Config, err = s.env.Start(); err != nil {
		return err
	}
	s.Kubeconfig = filepath.Join(s.folder, "kubeconfig")
	if err = os.WriteFile(s.Kubeconfig, s.env.KubeConfig, 0o600); err != nil {
		return err
	}
	if s.admin, err = client.New(s.Config, client.Options{}); err != nil {
		return err
	}
	return s.serviceAccount(context.Background(), "default")
}

func (s *Server) stop() error {
	err := s.env.Stop()
	for _, file := range s.logs {
		err = errors.Join(err, file.Close())
	}
	if err != nil {
		return fmt.Errorf("the API server does not stop: %w", err)
	}
	return nil
}

// environment describes the control plane to envtest. Both programs end with this process, even when it is killed.
func environment(folder string, paths map[string]string, set *settings) (*envtest.Environment, error) {
	etcd := &envtest.Etcd{DataDir: filepath.Join(folder, "etcd")}
	api := &envtest.APIServer{CertDir: filepath.Join(folder, "certificates")}
	for _, dir := range []string{etcd.DataDir, api.CertDir} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			return nil, err
		}
	}
	var err error
	if etcd.Path, err = tethered(folder, paths["etcd"]); err != nil {
		return nil, err
	}
	if api.Path, err = tethered(folder, paths["kube-apiserver"]); err != nil {
		return nil, err
	}
	etcd.Configure().Set("unsafe-no-fsync", "true")
	api.Configure().Disable("disable-admission-plugins").Set("service-cluster-ip-range", "10.96.0.0/16")
	for name, values := range set.flags {
		api.Configure().Set(name, values...)
	}
	existing := false
	env := &envtest.Environment{
		UseExistingCluster:       &existing,
		CRDDirectoryPaths:        set.crds,
		ErrorIfCRDPathMissing:    true,
		CRDInstallOptions:        envtest.CRDInstallOptions{CRDs: set.bare, MaxTime: time.Minute},
		ControlPlaneStartTimeout: time.Minute,
		ControlPlaneStopTimeout:  time.Minute,
	}
	env.ControlPlane.Etcd, env.ControlPlane.APIServer, env.ControlPlane.KubectlPath = etcd, api, paths["kubectl"]
	return env, nil
}

// Shared is one API server for all tests of a package. It starts with the first test that asks for it.
type Shared struct {
	options []Option
	once    sync.Once
	folder  string
	server  *Server
	err     error
}

// NewShared prepares an API server that starts with these options. TestMain has to call Run.
func NewShared(options ...Option) *Shared {
	return &Shared{options: options}
}

// Run runs the tests of a package and stops the API server after the last of them. It returns the code to exit with.
func (s *Shared) Run(m *testing.M) int {
	code := m.Run()
	if err := s.close(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return max(code, 1)
	}
	return code
}

// Start returns the server, which the first call starts.
func (s *Shared) Start(t testing.TB) *Server {
	t.Helper()
	skipIfAsked(t)
	s.once.Do(func() {
		if s.folder, s.err = os.MkdirTemp("", "controlplane-"); s.err == nil {
			s.server, s.err = start(s.folder, s.options)
		}
	})
	if s.err != nil {
		t.Fatal(s.err)
	}
	return s.server
}

func (s *Shared) close() error {
	if s.server != nil {
		if err := s.server.stop(); err != nil {
			return err
		}
	}
	if s.folder == "" {
		return nil
	}
	return os.RemoveAll(s.folder)
}

// Binary returns the path of kube-apiserver, etcd, kubectl, helm or external-dns. What is missing is built, or downloaded
// where that is possible, and kept in the user's cache folder; the test fails when that fails. The programs in
// KUBEBUILDER_ASSETS come first.
func Binary(t testing.TB, name string) string {
	t.Helper()
	skipIfAsked(t)
	path, err := binary(name)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func binary(name string) (string, error) {
	if assets := os.Getenv("KUBEBUILDER_ASSETS"); assets != "" {
		path := filepath.Join(assets, name)
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
	}
	root, err := repository()
	if err != nil {
		return "", err
	}
	folder, err := binaries.Ensure(context.Background(), root, os.Stderr, name)
	if err != nil {
		return "", err
	}
	return filepath.Join(folder, name), nil
}
