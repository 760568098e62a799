package controller

import (
	"encoding/json"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"fountain.coach/fountainai/operator/api/v1alpha1"
	"fountain.coach/fountainai/operator/desired"
)

// renderer renders the chart, and remembers what it rendered last of each stack.
type renderer struct {
	version string
	mu      sync.Mutex
	cache   map[string]*rendered
}

// rendered is what a stack is made of, small enough to keep for every stack.
type rendered struct {
	key   string
	parts []part
	// verified are the versions, as the API server counts them, at which
	// objects were seen to be as they should.
	verified map[string]string
	refused  map[string]refused
}

// refused is what the API server refused, at which version of what is there.
type refused struct {
	version string
	err     error
	at      time.Time
}

// part is one object: packed, because hundreds of stacks are kept and an
// object is looked into only when it has changed.
type part struct {
	item    v1alpha1.InventoryItem
	content []byte
}

func (p part) unpack() (desired.Object, error) {
	object := &unstructured.Unstructured{}
	err := object.UnmarshalJSON(p.content)
	return desired.Object{Unstructured: object, Item: p.item}, err
}

// of returns what the stack is made of. The parts must not be changed; the
// rest belongs to whoever works on the stack, which one does at a time.
func (r *renderer) of(stack *v1alpha1.FountainStack) (*rendered, error) {
	chosen, key, err := desired.Values(stack, r.version)
	if err != nil {
		return nil, err
	}
	name := stack.Namespace + "/" + stack.Name
	r.mu.Lock()
	known := r.cache[name]
	r.mu.Unlock()
	if known != nil && known.key == key {
		return known, nil
	}
	wanted, err := desired.Objects(stack, chosen)
	if err != nil {
		return nil, err
	}
	result := &rendered{key: key, verified: map[string]string{}, refused: map[string]refused{}}
	for _, each := range wanted {
		content, err := json.Marshal(each.Object)
		if err != nil {
			return nil, err
		}
		result.parts = append(result.parts, part{each.Item, content})
	}
	r.mu.Lock()
	r.cache[name] = result
	r.mu.Unlock()
	return result, nil
}

func (r *renderer) forget(name string) {
	r.mu.Lock()
	delete(r.cache, name)
	r.mu.Unlock()
}
