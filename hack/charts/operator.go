package main

import (
	"bytes"
	"os"
	"path/filepath"

	kubeyaml "sigs.k8s.io/yaml"

	"fountain.coach/fountainai/charts"
)

const operatorHead = `# The operator of FountainAI, for those who do not use Helm: the chart
# charts/fountain-operator with its defaults. Made by make generate.
#   kubectl apply --server-side -f manifests/operator.yaml
apiVersion: v1
kind: Namespace
metadata:
  name: fountain-system
  labels:
    pod-security.kubernetes.io/enforce: restricted
`

// operatorManifest renders the operator's chart, with what it does not render:
// the namespace and the definition of FountainStack.
func operatorManifest(path string) error {
	content := bytes.NewBufferString(operatorHead)
	definitions, err := filepath.Glob(filepath.Join(folder, charts.Operator, "crds", "*.yaml"))
	if err != nil {
		return err
	}
	for _, definition := range definitions {
		text, err := os.ReadFile(definition)
		if err != nil {
			return err
		}
		content.Write(text)
	}
	objects, err := charts.Render(charts.Operator, charts.Release{Name: charts.Operator, Namespace: "fountain-system"}, nil)
	if err != nil {
		return err
	}
	for _, object := range objects {
		text, err := kubeyaml.Marshal(object.Object)
		if err != nil {
			return err
		}
		content.WriteString("---\n")
		content.Write(text)
	}
	return os.WriteFile(path, content.Bytes(), 0o644)
}
