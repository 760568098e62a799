// Namespaces, users and the commands that work with the server.
package controlplane

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
)

// Namespace makes a namespace that enforces the Pod Security Standard "restricted", with the ServiceAccount "default" that
// the controllers of a cluster would make. An empty name gets a new one.
func (s *Server) Namespace(t testing.TB, name string) string {
	t.Helper()
	labels := make(map[string]string)
	for _, mode := range []string{"enforce", "warn", "audit"} {
		labels["pod-security.kubernetes.io/"+mode] = "restricted"
	}
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels}}
	if name == "" {
		namespace.GenerateName = "test-"
	}
	if err := s.admin.Create(t.Context(), namespace); err != nil {
		t.Fatal(err)
	}
	if err := s.serviceAccount(t.Context(), namespace.Name); err != nil {
		t.Fatal(err)
	}
	return namespace.Name
}

func (s *Server) serviceAccount(ctx context.Context, namespace string) error {
	return s.admin.Create(ctx, &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "default"}})
}

// ConfigFor is for a user with a client certificate, who may do what RBAC allows that user and the groups.
func (s *Server) ConfigFor(t testing.TB, user string, groups ...string) *rest.Config {
	t.Helper()
	s.users.Lock()
	defer s.users.Unlock()
	added, err := s.env.AddUser(envtest.User{Name: user, Groups: groups}, &rest.Config{QPS: s.Config.QPS, Burst: s.Config.Burst})
	if err != nil {
		t.Fatal(err)
	}
	return added.Config()
}

// ConfigForServiceAccount is for a ServiceAccount that exists, with a token that the API server issues for an hour.
func (s *Server) ConfigForServiceAccount(t testing.TB, namespace, name string) *rest.Config {
	t.Helper()
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
	request := &authenticationv1.TokenRequest{}
	if err := s.admin.SubResource("token").Create(t.Context(), account, request); err != nil {
		t.Fatal(err)
	}
	config := rest.AnonymousClientConfig(s.Config)
	config.BearerToken = request.Status.Token
	return config
}

// KubeconfigFor writes a kubeconfig file with what a Config says and returns its path.
func (s *Server) KubeconfigFor(t testing.TB, config *rest.Config) string {
	t.Helper()
	const name = "test"
	file := filepath.Join(t.TempDir(), "kubeconfig")
	err := clientcmd.WriteToFile(clientcmdapi.Config{
		Clusters:       map[string]*clientcmdapi.Cluster{name: {Server: config.Host, CertificateAuthorityData: config.CAData}},
		AuthInfos:      map[string]*clientcmdapi.AuthInfo{name: {ClientCertificateData: config.CertData, ClientKeyData: config.KeyData, Token: config.BearerToken}},
		Contexts:       map[string]*clientcmdapi.Context{name: {Cluster: name, AuthInfo: name}},
		CurrentContext: name,
	}, file)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// Command prepares kubectl, helm or external-dns for the administrator of this server, with a home folder of its own.
func (s *Server) Command(t testing.TB, name string, args ...string) *exec.Cmd {
	t.Helper()
	home := filepath.Join(s.folder, "home")
	if err := os.MkdirAll(home, 0o700); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), Binary(t, name), args...)
	for _, entry := range os.Environ() {
		if !strings.HasPrefix(entry, "HELM_") && !strings.HasPrefix(entry, "XDG_") {
			cmd.Env = append(cmd.Env, entry)
		}
	}
	cmd.Env = append(cmd.Env, "KUBECONFIG="+s.Kubeconfig, "HOME="+home)
	return cmd
}

// Run runs such a command and returns what it prints; the test fails when the command does.
func (s *Server) Run(t testing.TB, name string, args ...string) string {
	t.Helper()
	cmd := s.Command(t, name, args...)
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s%s", name, strings.Join(args, " "), err, complaint.String(), out)
	}
	return string(out)
}
