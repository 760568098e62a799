// Package v1alpha1 is the API of the operator: the resource FountainStack.
//
// +kubebuilder:object:generate=true
// +groupName=fountain.coach
package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// GroupVersion is the API group and its version.
var GroupVersion = schema.GroupVersion{Group: "fountain.coach", Version: "v1alpha1"}

// AddToScheme makes the types known to a scheme.
func AddToScheme(scheme *runtime.Scheme) error {
	scheme.AddKnownTypes(GroupVersion, &FountainStack{}, &FountainStackList{})
	metav1.AddToGroupVersion(scheme, GroupVersion)
	return nil
}
