// The kinds of the Kong Ingress Controller: with their schemas where the test
// data are at hand, by name alone where they are not.
package controlplane

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
)

// Kong installs the CustomResourceDefinitions of the Kong Ingress Controller
// from the test data (FOUNTAIN_TESTDATA, ../shared beside the repository).
// Where these are absent it says so, and the API server takes Kong's objects
// without looking at their fields.
func Kong() Option {
	return func(s *settings) error {
		root, err := repository()
		if err != nil {
			return err
		}
		folder := os.Getenv("FOUNTAIN_TESTDATA")
		if folder == "" {
			folder = filepath.Join(root, "..", "shared")
		}
		file := filepath.Join(folder, "crds", "kong-ingress-controller.yaml")
		if _, err := os.Stat(file); err == nil {
			s.crds = append(s.crds, file)
			return nil
		}
		fmt.Fprintf(os.Stderr, "no %s: Kong's objects are taken without a look at their fields; set FOUNTAIN_TESTDATA to the folder that holds crds/\n", file)
		s.bare = append(s.bare,
			withoutSchema("KongPlugin", "kongplugins", "v1"),
			withoutSchema("KongConsumer", "kongconsumers", "v1"),
			withoutSchema("KongUpstreamPolicy", "kongupstreampolicies", "v1beta1"))
		return nil
	}
}

// withoutSchema defines a kind of Kong's that takes any fields.
func withoutSchema(kind, plural, version string) *apiextensionsv1.CustomResourceDefinition {
	const group = "configuration.konghq.com"
	return &apiextensionsv1.CustomResourceDefinition{
		ObjectMeta: metav1.ObjectMeta{Name: plural + "." + group},
		Spec: apiextensionsv1.CustomResourceDefinitionSpec{
			Group: group,
			Scope: apiextensionsv1.NamespaceScoped,
			Names: apiextensionsv1.CustomResourceDefinitionNames{Kind: kind, ListKind: kind + "List", Plural: plural, Singular: strings.ToLower(kind)},
			Versions: []apiextensionsv1.CustomResourceDefinitionVersion{{
				Name: version, Served: true, Storage: true,
				Schema: &apiextensionsv1.CustomResourceValidation{OpenAPIV3Schema: &apiextensionsv1.JSONSchemaProps{
					Type: "object", XPreserveUnknownFields: ptr.To(true),
				}},
			}},
		},
	}
}
