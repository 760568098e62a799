package desired

import (
	"k8s.io/apimachinery/pkg/api/resource"
)

// Contains reports whether live has every field of desired with the same
// value. What live has besides is the API server's, or somebody else's.
func Contains(live, desired any) bool {
	switch desired := desired.(type) {
	case map[string]any:
		have, ok := live.(map[string]any)
		if !ok {
			return len(desired) == 0 && live == nil
		}
		for field, value := range desired {
			if !Contains(have[field], value) {
				return false
			}
		}
		return true
	case []any:
		have, ok := live.([]any)
		if !ok {
			return len(desired) == 0 && live == nil
		}
		return containsItems(have, desired)
	case string:
		have, ok := live.(string)
		return ok && (have == desired || sameQuantity(have, desired)) || !ok && live == nil && desired == "" || sameQuantityOfNumber(live, desired)
	case bool:
		have, ok := live.(bool)
		return ok && have == desired || live == nil && !desired
	case nil:
		return live == nil
	default:
		return number(live) == number(desired)
	}
}

// containsItems compares lists: of named items by their names, so that others
// may add theirs; of others one by one.
func containsItems(live, desired []any) bool {
	byName := map[string]any{}
	for _, item := range live {
		if name, ok := nameOf(item); ok {
			byName[name] = item
		}
	}
	if len(byName) < len(live) && len(live) != len(desired) {
		return false
	}
	for i, item := range desired {
		if name, ok := nameOf(item); ok && len(byName) == len(live) {
			if !Contains(byName[name], item) {
				return false
			}
			continue
		}
		if i >= len(live) || !Contains(live[i], item) {
			return false
		}
	}
	return len(byName) == len(live) || len(live) == len(desired)
}

func nameOf(item any) (string, bool) {
	fields, _ := item.(map[string]any)
	name, ok := fields["name"].(string)
	return name, ok
}

// sameQuantity reports whether two texts are the same quantity: the API server
// writes 1000m as 1.
func sameQuantity(a, b string) bool {
	x, err := resource.ParseQuantity(a)
	if err != nil {
		return false
	}
	y, err := resource.ParseQuantity(b)
	return err == nil && x.Cmp(y) == 0
}

func sameQuantityOfNumber(live any, desired string) bool {
	n, ok := live.(int64)
	if !ok {
		return false
	}
	y, err := resource.ParseQuantity(desired)
	return err == nil && y.CmpInt64(n) == 0
}

func number(value any) float64 {
	switch value := value.(type) {
	case int64:
		return float64(value)
	case float64:
		return value
	case int:
		return float64(value)
	}
	return 0
}
