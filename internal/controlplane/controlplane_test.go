// Tests of the API server that the tests of charts, manifests and operator rely on.
package controlplane

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

var cluster = NewShared(Kong(), CertManager(), ExternalDNS(), PrometheusOperator())

func TestMain(m *testing.M) {
	if folder := os.Getenv(victim); folder != "" {
		die(folder)
	}
	os.Exit(cluster.Run(m))
}

func TestSharedServerIsOne(t *testing.T) {
	if first, second := cluster.Start(t), cluster.Start(t); first != second {
		t.Error("two calls start two servers")
	}
}

func TestCustomResourcesAreServed(t *testing.T) {
	s := cluster.Start(t)
	served, err := discovery.NewDiscoveryClientForConfig(s.Config)
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct{ group, kind string }{
		{"configuration.konghq.com/v1", "KongPlugin"},
		{"configuration.konghq.com/v1", "KongConsumer"},
		{"configuration.konghq.com/v1beta1", "KongUpstreamPolicy"},
		{"cert-manager.io/v1", "Certificate"},
		{"cert-manager.io/v1", "ClusterIssuer"},
		{"externaldns.k8s.io/v1alpha1", "DNSEndpoint"},
		{"monitoring.coreos.com/v1", "ServiceMonitor"},
		{"monitoring.coreos.com/v1", "PrometheusRule"},
	} {
		t.Run(tc.kind, func(t *testing.T) {
			list, err := served.ServerResourcesForGroupVersion(tc.group)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.ContainsFunc(list.APIResources, func(r metav1.APIResource) bool { return r.Kind == tc.kind }) {
				t.Errorf("%s does not serve %s", tc.group, tc.kind)
			}
		})
	}
}

func TestNamespaceIsRestricted(t *testing.T) {
	s := cluster.Start(t)
	namespace := s.Namespace(t, "")
	c := newClient(t, s.Config)
	yes, no := true, false
	restricted := &corev1.SecurityContext{
		RunAsNonRoot:             &yes,
		AllowPrivilegeEscalation: &no,
		Capabilities:             &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
		SeccompProfile:           &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
	}
	for _, tc := range []struct {
		name     string
		security *corev1.SecurityContext
		account  string
		refusal  string
	}{
		{"restricted", restricted, "", ""},
		{"unrestricted", nil, "", `violates PodSecurity "restricted`},
		{"privileged", &corev1.SecurityContext{Privileged: &yes}, "", `violates PodSecurity "restricted`},
		{"no-account", restricted, "absent", `serviceaccount "absent" not found`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			err := c.Create(t.Context(), &corev1.Pod{
				ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: tc.name},
				Spec: corev1.PodSpec{
					ServiceAccountName: tc.account,
					Containers:         []corev1.Container{{Name: "main", Image: "example.org/image", SecurityContext: tc.security}},
				},
			})
			if tc.refusal == "" && err != nil {
				t.Fatalf("refused: %v", err)
			}
			if tc.refusal != "" && (!apierrors.IsForbidden(err) || !strings.Contains(err.Error(), tc.refusal)) {
				t.Fatalf("got %v, want a refusal that says %s", err, tc.refusal)
			}
		})
	}
}

func TestUsersHaveTheRightsThatRBACGives(t *testing.T) {
	s := cluster.Start(t)
	namespace := s.Namespace(t, "")
	admin := newClient(t, s.Config)
	for _, object := range []client.Object{
		&corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "reader"}},
		&corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "stranger"}},
		// Not the ClusterRole view: a controller puts it together, and none runs here.
		&rbacv1.Role{
			ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "readers"},
			Rules:      []rbacv1.PolicyRule{{APIGroups: []string{""}, Resources: []string{"pods"}, Verbs: []string{"list"}}},
		},
		&rbacv1.RoleBinding{
			ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "readers"},
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: "readers"},
			Subjects: []rbacv1.Subject{
				{Kind: rbacv1.ServiceAccountKind, Namespace: namespace, Name: "reader"},
				{APIGroup: rbacv1.GroupName, Kind: rbacv1.GroupKind, Name: "readers-of-" + namespace},
			},
		},
	} {
		if err := admin.Create(t.Context(), object); err != nil {
			t.Fatal(err)
		}
	}
	for _, tc := range []struct {
		name   string
		config *rest.Config
		reads  bool
	}{
		{"user without rights", s.ConfigFor(t, "nobody"), false},
		{"user of the group", s.ConfigFor(t, "somebody", "readers-of-"+namespace), true},
		{"ServiceAccount without rights", s.ConfigForServiceAccount(t, namespace, "stranger"), false},
		{"ServiceAccount with the role", s.ConfigForServiceAccount(t, namespace, "reader"), true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			reader := newClient(t, tc.config)
			err := reader.List(t.Context(), &corev1.PodList{}, client.InNamespace(namespace))
			// The API server learns of new rights a moment after they are given.
			for deadline := time.Now().Add(10 * time.Second); tc.reads && err != nil && time.Now().Before(deadline); {
				time.Sleep(20 * time.Millisecond)
				err = reader.List(t.Context(), &corev1.PodList{}, client.InNamespace(namespace))
			}
			if tc.reads && err != nil {
				t.Errorf("cannot list Pods: %v", err)
			}
			if !tc.reads && !apierrors.IsForbidden(err) {
				t.Errorf("listing Pods: got %v, want Forbidden", err)
			}
			cmd := s.Command(t, "kubectl", "--kubeconfig", s.KubeconfigFor(t, tc.config), "auth", "can-i", "list", "pods", "-n", namespace)
			out, _ := cmd.CombinedOutput() // exits with 1 for no
			if want := map[bool]string{true: "yes", false: "no"}[tc.reads]; strings.TrimSpace(string(out)) != want {
				t.Errorf("kubectl auth can-i says %s, want %s", out, want)
			}
		})
	}
}

func TestCommandsTalkToTheServer(t *testing.T) {
	s := cluster.Start(t)
	namespace := s.Namespace(t, "")
	if got := s.Run(t, "kubectl", "get", "namespace", namespace, "-o", "name"); got != "namespace/"+namespace+"\n" {
		t.Errorf("kubectl says %q", got)
	}
	if got := s.Run(t, "helm", "list", "-n", namespace, "-o", "json"); strings.TrimSpace(got) != "[]" {
		t.Errorf("helm says %q", got)
	}
	if got, err := s.Command(t, "external-dns", "--version").CombinedOutput(); err != nil || !strings.Contains(string(got), "0.20.0") {
		t.Errorf("external-dns says %q: %v", got, err)
	}
}

func TestFlagReachesTheServer(t *testing.T) {
	s := Start(t, Flag("disable-admission-plugins", "ServiceAccount"))
	err := newClient(t, s.Config).Create(t.Context(), &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "pod"},
		Spec:       corev1.PodSpec{ServiceAccountName: "absent", Containers: []corev1.Container{{Name: "main", Image: "example.org/image"}}},
	})
	if err != nil {
		t.Errorf("the ServiceAccount admission plugin is still on: %v", err)
	}
}

func TestServerThatDoesNotStartSaysWhy(t *testing.T) {
	skipIfAsked(t)
	_, err := start(t.TempDir(), []Option{Flag("no-such-flag", "1")})
	if err == nil || !strings.Contains(err.Error(), "unknown flag: --no-such-flag") {
		t.Errorf("got %v, want what kube-apiserver complains of", err)
	}
}

// TestKongWithoutTestData: the kinds are there by name, so that the charts can be tried.
func TestKongWithoutTestData(t *testing.T) {
	t.Setenv("FOUNTAIN_TESTDATA", t.TempDir())
	s := Start(t, Kong())
	for _, kind := range []string{"kongplugins", "kongconsumers", "kongupstreampolicies"} {
		if got := s.Run(t, "kubectl", "get", kind+".configuration.konghq.com", "-A", "-o", "name"); got != "" {
			t.Errorf("%s: %q, want none yet", kind, got)
		}
	}
}

func newClient(t *testing.T, config *rest.Config) client.Client {
	t.Helper()
	c, err := client.New(config, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return c
}
