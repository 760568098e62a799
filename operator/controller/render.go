// The objects that a stack is made of.
package controller

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"fountain.coach/fountainai/charts"
	"fountain.coach/fountainai/operator/api/v1alpha1"
)

const (
	annotationHook      = "helm.sh/hook"             // tests, which only Helm runs
	annotationGenerated = "fountain.coach/generated" // a Secret whose value is made once
	annotationPolicy    = "helm.sh/resource-policy"  // keep: the object outlives the stack
)

// object is what a stack wants of one object.
type object struct {
	*unstructured.Unstructured
	item v1alpha1.InventoryItem
}

// generated reports whether the object is a Secret whose value is made once.
func (o object) generated() bool { return o.GetAnnotations()[annotationGenerated] == "true" }

// renderer renders the chart, and remembers what it rendered last of each stack.
type renderer struct {
	version string
	mu      sync.Mutex
	cache   map[string]rendered
}

type rendered struct {
	key     string
	objects []object
}

// objects returns what the stack is made of. The result is shared: it must not be changed.
func (r *renderer) objects(stack *v1alpha1.FountainStack) ([]object, error) {
	chosen, err := values(&stack.Spec, r.version)
	if err != nil {
		return nil, err
	}
	key := hash(map[string]any{"values": chosen, "uid": string(stack.UID)})
	name := stack.Namespace + "/" + stack.Name
	r.mu.Lock()
	known, found := r.cache[name]
	r.mu.Unlock()
	if found && known.key == key {
		return known.objects, nil
	}
	all, err := charts.Render(charts.Umbrella, charts.Release{Name: stack.Name, Namespace: stack.Namespace}, chosen)
	if err != nil {
		return nil, err
	}
	var wanted []object
	for _, each := range all {
		if _, isHook := each.GetAnnotations()[annotationHook]; isHook {
			continue
		}
		wanted = append(wanted, owned(stack, each))
	}
	r.mu.Lock()
	r.cache[name] = rendered{key, wanted}
	r.mu.Unlock()
	return wanted, nil
}

func (r *renderer) forget(name string) {
	r.mu.Lock()
	delete(r.cache, name)
	r.mu.Unlock()
}

// owned gives an object its owner, unless it must outlive the stack: the
// cluster's garbage collector would delete it with its owner.
func owned(stack *v1alpha1.FountainStack, each *unstructured.Unstructured) object {
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
	return object{each, item}
}

func hash(value map[string]any) string {
	content, err := json.Marshal(value)
	if err != nil {
		panic("values are plain data: " + err.Error())
	}
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:8])
}
