// The orchestrator is told where the gateway is, and may go there.
package charts_test

import (
	"strings"
	"testing"

	networkingv1 "k8s.io/api/networking/v1"

	"fountain.coach/fountainai/charts"
)

func TestTheOrchestratorFindsTheGateway(t *testing.T) {
	for name, test := range map[string]struct{ gateway, settings, url, address, egress string }{
		"ingress":                {`{mode: ingress}`, ``, "http://fountain.coach", "kong-gateway-proxy.kong.svc:80", `{"ports":[{"protocol":"TCP","port":8000}],"to":[{"namespaceSelector":{"matchLabels":{"kubernetes.io/metadata.name":"kong"}}}]}`},
		"ingress, TLS":           {`{mode: ingress, tls: {enabled: true, existingSecret: c}}`, ``, "https://fountain.coach", "kong-gateway-proxy.kong.svc:443", `{"ports":[{"protocol":"TCP","port":8443}],"to":[{"namespaceSelector":{"matchLabels":{"kubernetes.io/metadata.name":"kong"}}}]}`},
		"ingress, elsewhere":     {`{mode: ingress, controller: {namespace: edge, podLabels: {app: proxy}}}`, ``, "http://fountain.coach", "kong-gateway-proxy.edge.svc:80", `"podSelector":{"matchLabels":{"app":"proxy"}}`},
		"ingress, another name":  {`{mode: ingress}`, `, gatewayAddress: "proxy.edge:8080"`, "http://fountain.coach", "proxy.edge:8080", `{"ports":[{"protocol":"TCP","port":8080}]}`},
		"dbless":                 {`{mode: dbless}`, ``, "http://fountain.coach", "fountainai-gateway.demo.svc:80", `{"ports":[{"protocol":"TCP","port":"http"}],"to":[{"podSelector":`},
		"dbless, TLS":            {`{mode: dbless, tls: {enabled: true, existingSecret: c}}`, ``, "https://fountain.coach", "fountainai-gateway.demo.svc:443", `{"ports":[{"protocol":"TCP","port":"https"}],"to":[{"podSelector":`},
		"a gateway of your own":  {`{mode: none}`, ``, "http://fountain.coach", "", `{"ports":[{"protocol":"TCP","port":80}]}`},
		"one behind an address":  {`{mode: none}`, `, gatewayAddress: "10.0.0.1:81"`, "http://fountain.coach", "10.0.0.1:81", `{"ports":[{"protocol":"TCP","port":81}]}`},
		"one with a certificate": {`{mode: none, tls: {enabled: true}}`, ``, "https://fountain.coach", "", `{"ports":[{"protocol":"TCP","port":443}]}`},
	} {
		t.Run(name, func(t *testing.T) {
			objects := render(t, charts.Umbrella, parse(t, "global: {gateway: "+test.gateway+"}\norchestrator: {enabled: true, existingSecret: model"+test.settings+"}"))
			container := templates(t, objects)["fountainai-orchestrator"].Spec.Containers[0]
			got := map[string]string{}
			for _, variable := range container.Env {
				got[variable.Name] = variable.Value
				if variable.Name == "OPENAI_API_KEY" && (variable.ValueFrom == nil || variable.ValueFrom.SecretKeyRef.Name != "model") {
					t.Errorf("the model's key is %+v", variable)
				}
			}
			if _, found := got["OPENAI_API_KEY"]; !found || got["FOUNTAIN_URL"] != test.url || got["FOUNTAIN_GATEWAY"] != test.address {
				t.Errorf("it is told %v, want %s at %q and a key", got, test.url, test.address)
			}
			policy := as[networkingv1.NetworkPolicy](t, find(t, objects, "NetworkPolicy", "fountainai-orchestrator"))
			if text := asJSON(t, policy.Spec.Egress); !strings.Contains(text, test.egress) {
				t.Errorf("it may go out to %s, want %s", text, test.egress)
			}
		})
	}
}

// TestWithoutTheOrchestratorNothingIsThere: not a trace, in any mode.
func TestWithoutTheOrchestratorNothingIsThere(t *testing.T) {
	for _, mode := range []string{"ingress", "dbless", "none"} {
		for _, object := range render(t, charts.Umbrella, parse(t, `{global: {gateway: {mode: `+mode+`}}}`)) {
			if object.GetKind() != "ConfigMap" && strings.Contains(asJSON(t, object.Object), "orchestrator") {
				t.Errorf("%s: %s %s", mode, object.GetKind(), object.GetName())
			}
		}
	}
}
