package controller

import (
	"sync"

	"fountain.coach/fountainai/operator/api/v1alpha1"
	"fountain.coach/fountainai/operator/desired"
)

// renderer renders the chart, and remembers what it rendered last of each stack.
type renderer struct {
	version string
	mu      sync.Mutex
	cache   map[string]rendered
}

type rendered struct {
	key     string
	objects []desired.Object
}

// objects returns what the stack is made of. The result is shared: it must not be changed.
func (r *renderer) objects(stack *v1alpha1.FountainStack) ([]desired.Object, error) {
	chosen, key, err := desired.Values(stack, r.version)
	if err != nil {
		return nil, err
	}
	name := stack.Namespace + "/" + stack.Name
	r.mu.Lock()
	known, found := r.cache[name]
	r.mu.Unlock()
	if found && known.key == key {
		return known.objects, nil
	}
	wanted, err := desired.Objects(stack, chosen)
	if err != nil {
		return nil, err
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
