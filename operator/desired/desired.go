// Package desired tells what a FountainStack is to be made of: the operator
// applies it, and `fountain stack diff` shows what it would change.
package desired

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"fountain.coach/fountainai/charts"
	"fountain.coach/fountainai/operator/api/v1alpha1"
)

// FieldManager is the name under which the operator applies its fields.
const FieldManager = "fountain-operator"

const (
	annotationHook      = "helm.sh/hook"             // tests, which only Helm runs
	annotationGenerated = "fountain.coach/generated" // a Secret whose value is made once
	annotationPolicy    = "helm.sh/resource-policy"  // keep: the object outlives the stack
	annotationRelease   = "meta.helm.sh/release-name"
	labelInstance       = "app.kubernetes.io/instance"
)

// Object is what a stack wants of one object.
type Object struct {
	*unstructured.Unstructured
	Item v1alpha1.InventoryItem
}

// Key identifies an object of a stack, whatever the version of its kind.
func Key(item v1alpha1.InventoryItem) string { return item.Group + "/" + item.Kind + "/" + item.Name }

// Values returns the values of the chart for a stack, and a text that is
// another one whenever the stack's objects may differ. version is the tag of
// the images when the stack names none.
func Values(stack *v1alpha1.FountainStack, version string) (map[string]any, string, error) {
	chosen, err := values(&stack.Spec, version)
	if err != nil {
		return nil, "", err
	}
	return chosen, hash(map[string]any{"values": chosen, "uid": string(stack.UID)}), nil
}

// Objects returns what a stack with these values is made of, in the order of
// kind and name. An error names the value that the chart refuses.
func Objects(stack *v1alpha1.FountainStack, values map[string]any) ([]Object, error) {
	all, err := charts.Render(charts.Umbrella, charts.Release{Name: stack.Name, Namespace: stack.Namespace}, values)
	if err != nil {
		return nil, err
	}
	var wanted []Object
	for _, each := range all {
		if _, isHook := each.GetAnnotations()[annotationHook]; !isHook {
			wanted = append(wanted, owned(stack, each))
		}
	}
	return wanted, nil
}

// owned gives an object its owner, unless it must outlive the stack: the
// cluster's garbage collector would delete it with its owner.
func owned(stack *v1alpha1.FountainStack, each *unstructured.Unstructured) Object {
	kind := each.GroupVersionKind()
	item := v1alpha1.InventoryItem{Group: kind.Group, Version: kind.Version, Kind: kind.Kind, Name: each.GetName()}
	item.Retain = each.GetAnnotations()[annotationPolicy] == "keep"
	if !item.Retain {
		yes := true
		each.SetOwnerReferences([]metav1.OwnerReference{{
			APIVersion: v1alpha1.GroupVersion.String(), Kind: "FountainStack", Name: stack.Name, UID: stack.UID,
			Controller: &yes, BlockOwnerDeletion: &yes,
		}})
	}
	hashed := each
	if each.GetAnnotations()[annotationGenerated] == "true" {
		hashed = each.DeepCopy() // its value is another one each time
		unstructured.RemoveNestedField(hashed.Object, "data")
	}
	item.Hash = hash(hashed.Object)
	return Object{each, item}
}

// For returns what is to be applied where live is there (nil: where nothing
// is): a value that is made once stays what it is.
func (o Object) For(live *unstructured.Unstructured) *unstructured.Unstructured {
	result := o.DeepCopy()
	if live == nil || o.GetAnnotations()[annotationGenerated] != "true" {
		return result
	}
	wanted, _, _ := unstructured.NestedStringMap(result.Object, "data")
	have, _, _ := unstructured.NestedStringMap(live.Object, "data")
	for field := range wanted {
		if have[field] != "" {
			wanted[field] = have[field]
		}
	}
	_ = unstructured.SetNestedStringMap(result.Object, wanted, "data")
	return result
}

// MayTake refuses objects of others, with an error that says what to do. A
// claim that a former stack or release left behind is taken up again: that is
// what it was left for.
func (o Object) MayTake(stack *v1alpha1.FountainStack, live *unstructured.Unstructured) error {
	owner, isClaim := metav1.GetControllerOf(live), o.Item.Kind == "PersistentVolumeClaim"
	switch release := live.GetAnnotations()[annotationRelease]; {
	case owner != nil && owner.UID == stack.UID:
		return nil
	case owner != nil && owner.Kind == "FountainStack" && owner.Name == stack.Name:
		return fmt.Errorf("it belongs to a former FountainStack %s and goes with it; wait until it is gone, or delete it", owner.Name)
	case owner != nil:
		return fmt.Errorf("it belongs to the %s %s; give the stack another name", owner.Kind, owner.Name)
	case isClaim:
		return nil
	case release != "":
		return fmt.Errorf("it belongs to the Helm release %s; uninstall that first (volumes stay) or give the stack another name", release)
	case !o.wasApplied(stack) && live.GetLabels()[labelInstance] != stack.Name:
		return errors.New("it was there before and is no part of a stack; delete it or give the stack another name")
	}
	return nil
}

// wasApplied reports whether the stack has had the object: somebody may have
// taken its owner and its labels away.
func (o Object) wasApplied(stack *v1alpha1.FountainStack) bool {
	return slices.ContainsFunc(stack.Status.Inventory, func(item v1alpha1.InventoryItem) bool {
		return Key(item) == Key(o.Item) && item.Hash != ""
	})
}

func hash(value map[string]any) string {
	content, err := json.Marshal(value)
	if err != nil {
		panic("values are plain data: " + err.Error())
	}
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:8])
}
