package desired

import (
	"fmt"
	"testing"
)

func TestContains(t *testing.T) {
	type fields = map[string]any
	for _, test := range []struct {
		name          string
		live, desired any
		want          bool
	}{
		{"the same", fields{"a": "b"}, fields{"a": "b"}, true},
		{"more than is wanted", fields{"a": "b", "c": "d"}, fields{"a": "b"}, true},
		{"another value", fields{"a": "x"}, fields{"a": "b"}, false},
		{"missing", fields{}, fields{"a": "b"}, false},
		{"nothing wanted, nothing there", fields{}, fields{"a": fields{}}, true},
		{"numbers of other types", fields{"a": int64(2)}, fields{"a": float64(2)}, true},
		{"another number", fields{"a": int64(2)}, fields{"a": int64(3)}, false},
		{"the same quantity", fields{"cpu": "1"}, fields{"cpu": "1000m"}, true},
		{"another quantity", fields{"cpu": "1"}, fields{"cpu": "1500m"}, false},
		{"false is the default", fields{}, fields{"a": false}, true},
		{"true is not", fields{}, fields{"a": true}, false},
		{"named items of others", []any{fields{"name": "a", "v": "1"}, fields{"name": "b"}}, []any{fields{"name": "a", "v": "1"}}, true},
		{"a named item changed", []any{fields{"name": "a", "v": "2"}}, []any{fields{"name": "a", "v": "1"}}, false},
		{"named items in another order", []any{fields{"name": "b"}, fields{"name": "a"}}, []any{fields{"name": "a"}, fields{"name": "b"}}, true},
		{"a plain list is whole", []any{"a", "b"}, []any{"a"}, false},
		{"a plain list in order", []any{"b", "a"}, []any{"a", "b"}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := Contains(test.live, test.desired); got != test.want {
				t.Errorf("contains(%v, %v) is %v, want %v", fmt.Sprint(test.live), fmt.Sprint(test.desired), got, test.want)
			}
		})
	}
}
