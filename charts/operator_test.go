// The chart of the operator, and its rendering for those without Helm.
package charts_test

import (
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"fountain.coach/fountainai/charts"
)

// operatorValues are value sets of the operator's chart.
var operatorValues = map[string]string{
	"defaults":   ``,
	"namespaces": `{namespaces: [stories, more]}`,
	"alone":      `{replicas: 1, networkPolicy: {enabled: false}, monitoring: {serviceMonitor: {enabled: true}, labels: {release: p}}}`,
	"extras": `{image: {registry: registry.example.org, tag: "1.0"}, imagePullSecrets: [{name: pull}], stackVersion: "2.0", podLabels: {a: b},
		podAnnotations: {a: b}, nodeSelector: {a: b}, tolerations: [{operator: Exists}], priorityClassName: high, affinity: {nodeAffinity: {}}}`,
}

func TestAPIServerAcceptsTheOperator(t *testing.T) {
	server := cluster.Start(t)
	for _, namespace := range []string{"stories", "more"} {
		server.Namespace(t, namespace)
	}
	for name, values := range operatorValues {
		t.Run(name, func(t *testing.T) {
			namespace := server.Namespace(t, "")
			objects, err := charts.Render(charts.Operator, charts.Release{Name: "op", Namespace: namespace}, parse(t, values))
			if err != nil {
				t.Fatal(err)
			}
			strict := strictClient(t, server.Config)
			for _, object := range objects {
				each := append(pods(t, object), object)
				for _, one := range each {
					if err := strict.Create(t.Context(), one.DeepCopy(), client.DryRunAll); err != nil {
						t.Errorf("%s %s: %v", one.GetKind(), one.GetName(), err)
					}
				}
			}
		})
	}
}
