package charts_test

import (
	"fmt"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// TestNodePorts is not among the sets of values that are all tried at once on one API server: a port can be taken only once.
func TestNodePorts(t *testing.T) {
	for _, c := range []struct{ service, want string }{
		{"{type: NodePort}", "<nil> <nil>"},
		{"{type: NodePort, nodePorts: {http: 30080, https: 30443}}", "30080 30443"},
		{"{type: LoadBalancer, nodePorts: {https: 30443}}", "<nil> 30443"},
		{"{type: ClusterIP, nodePorts: {http: 30080}}", "<nil> <nil>"}, // it has none
	} {
		objects := render(t, "fountainai", parse(t, fmt.Sprintf(
			"{global: {gateway: {mode: dbless, tls: {enabled: true, existingSecret: t}, dbless: {service: %s}}}}", c.service)))
		ports, _, err := unstructured.NestedSlice(find(t, objects, "Service", "fountainai-gateway").Object, "spec", "ports")
		if err != nil || len(ports) != 2 {
			t.Fatalf("%s: %v, %v", c.service, ports, err)
		}
		got := fmt.Sprint(ports[0].(map[string]any)["nodePort"], " ", ports[1].(map[string]any)["nodePort"])
		if got != c.want {
			t.Errorf("%s: the ports of the nodes are %s, want %s", c.service, got, c.want)
		}
	}
}
