// Checking a value along its schema, with an end to it.
package httpapi

import (
	"cmp"
	"encoding/json"
	"errors"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"

	"fountain.coach/fountainai/internal/httpapi/problem"
)

// maxFaults bounds the faults listed in one answer.
const maxFaults = 20

// schemaFaults returns what is wrong with value, at most maxFaults, by place.
func schemaFaults(schema *jsonschema.Schema, value any) []problem.FieldError {
	if schema == nil {
		return nil
	}
	var c checker
	c.check(schema, value)
	slices.SortFunc(c.faults, func(a, b problem.FieldError) int {
		return strings.Compare(a.Pointer+a.Reason, b.Pointer+b.Reason)
	})
	c.faults = slices.Compact(c.faults)
	return c.faults[:min(len(c.faults), maxFaults)]
}

// checker takes objects and arrays apart and leaves what is in them to the
// schema library. The library alone goes on to the end and keeps every fault:
// eight megabytes of "1," in a list of at most a thousand objects cost it
// seventeen gigabytes. The checker passes over the items of a list that is too
// long, and stops when it has found what one answer holds. It is also faster,
// since most texts and integers are seen to be good without the library.
type checker struct {
	path   []step
	faults []problem.FieldError
}

// step is one token of a JSON pointer: a name, or an index where name is "".
type step struct {
	name    string
	index   int
	isIndex bool
}

func (c *checker) check(schema *jsonschema.Schema, value any) {
	for onlyRefers(schema) {
		schema = schema.Ref
	}
	switch value := value.(type) {
	case map[string]any:
		if isPlainObject(schema) {
			c.object(schema, value)
			return
		}
	case []any:
		if isPlainArray(schema) {
			c.array(schema, value)
			return
		}
	case string:
		if isGoodText(schema, value) {
			return
		}
	case json.Number:
		if isGoodInteger(schema, value) {
			return
		}
	}
	c.ask(schema, value)
}

func (c *checker) full() bool { return len(c.faults) >= maxFaults }

func (c *checker) fault(pointer, reason string) {
	c.faults = append(c.faults, problem.FieldError{Pointer: pointer, Reason: reason})
}

func (c *checker) object(schema *jsonschema.Schema, object map[string]any) {
	if most := schema.MaxProperties; most != nil && len(object) > *most {
		c.fault(c.pointer(), reason(&kind.MaxProperties{Got: len(object), Want: *most}))
		return
	}
	if least := schema.MinProperties; least != nil && len(object) < *least {
		c.fault(c.pointer(), reason(&kind.MinProperties{Got: len(object), Want: *least}))
	}
	for _, name := range schema.Required {
		if _, found := object[name]; !found {
			c.fault(c.pointer()+pointerTo(name), "is required")
		}
	}
	for name, value := range object {
		if c.full() {
			return
		}
		c.property(schema, name, value)
	}
}

func (c *checker) property(schema *jsonschema.Schema, name string, value any) {
	target := schema.Properties[name]
	if target == nil {
		switch additional := schema.AdditionalProperties.(type) {
		case bool:
			if !additional {
				c.fault(c.pointer()+pointerTo(name), "is not a known property")
			}
		case *jsonschema.Schema:
			target = additional
		}
	}
	if target != nil {
		c.below(step{name: name}, target, value)
	}
}

func (c *checker) array(schema *jsonschema.Schema, array []any) {
	if most := schema.MaxItems; most != nil && len(array) > *most {
		c.fault(c.pointer(), reason(&kind.MaxItems{Got: len(array), Want: *most}))
		return
	}
	if least := schema.MinItems; least != nil && len(array) < *least {
		c.fault(c.pointer(), reason(&kind.MinItems{Got: len(array), Want: *least}))
	}
	if schema.Items2020 == nil {
		return
	}
	for i, item := range array {
		if c.full() {
			return
		}
		c.below(step{index: i, isIndex: true}, schema.Items2020, item)
	}
}

func (c *checker) below(next step, schema *jsonschema.Schema, value any) {
	c.path = append(c.path, next)
	c.check(schema, value)
	c.path = c.path[:len(c.path)-1]
}

// ask has the library judge the whole of value.
func (c *checker) ask(schema *jsonschema.Schema, value any) {
	var failure *jsonschema.ValidationError
	if errors.As(schema.Validate(value), &failure) {
		c.collect(failure, c.pointer())
	}
}

// collect gathers the leaves of the library's verdict: the branches only say
// that something below them failed.
func (c *checker) collect(failure *jsonschema.ValidationError, place string) {
	for _, cause := range failure.Causes {
		c.collect(cause, place)
	}
	if len(failure.Causes) > 0 || c.full() {
		return
	}
	pointer := place + pointerTo(failure.InstanceLocation...)
	switch fault := failure.ErrorKind.(type) {
	case *kind.Required:
		for _, name := range fault.Missing {
			c.fault(pointer+pointerTo(name), "is required")
		}
	case *kind.AdditionalProperties:
		for _, name := range fault.Properties[:min(len(fault.Properties), maxFaults)] {
			c.fault(pointer+pointerTo(name), "is not a known property")
		}
	default:
		c.fault(pointer, reason(failure.ErrorKind))
	}
}

func (c *checker) pointer() string {
	pointer := ""
	for _, step := range c.path {
		if step.isIndex {
			pointer += "/" + strconv.Itoa(step.index)
		} else {
			pointer += pointerTo(step.name)
		}
	}
	return pointer
}

// pointerTo makes a JSON pointer (RFC 6901).
func pointerTo(steps ...string) string {
	pointer := ""
	for _, step := range steps {
		pointer += "/" + pointerEscaper.Replace(step)
	}
	return pointer
}

// The functions below say which schemas the checker knows all about.

var (
	objectType  = typeSet("object")
	arrayType   = typeSet("array")
	stringType  = typeSet("string")
	integerType = typeSet("integer")
	nullType    = typeSet("null")
)

func typeSet(name string) jsonschema.Types {
	var types jsonschema.Types
	types.Add(name)
	return types
}

func allows(s *jsonschema.Schema, wanted jsonschema.Types) bool {
	return s.Types == nil || *s.Types&wanted != 0
}

// isComposed reports whether the schema has keywords that concern values of
// every type, types aside.
func isComposed(s *jsonschema.Schema) bool {
	return s.Bool != nil || s.RecursiveRef != nil || s.DynamicRef != nil || s.Enum != nil || s.Const != nil ||
		s.Not != nil || s.AllOf != nil || s.AnyOf != nil || s.OneOf != nil || s.If != nil || s.Format != nil
}

func isPlainObject(s *jsonschema.Schema) bool {
	return allows(s, objectType) && s.Ref == nil && !isComposed(s) && s.PropertyNames == nil && s.PatternProperties == nil &&
		s.Dependencies == nil && s.DependentRequired == nil && s.DependentSchemas == nil && s.UnevaluatedProperties == nil
}

func isPlainArray(s *jsonschema.Schema) bool {
	return allows(s, arrayType) && s.Ref == nil && !isComposed(s) && !s.UniqueItems && s.Contains == nil &&
		s.Items == nil && s.PrefixItems == nil && s.UnevaluatedItems == nil
}

func isGoodText(s *jsonschema.Schema, text string) bool {
	if !allows(s, stringType) || s.Ref != nil || isComposed(s) || s.Pattern != nil || s.ContentEncoding != nil || s.ContentMediaType != nil {
		return false
	}
	if s.MinLength == nil && s.MaxLength == nil {
		return true
	}
	length := utf8.RuneCountInString(text)
	return (s.MinLength == nil || length >= *s.MinLength) && (s.MaxLength == nil || length <= *s.MaxLength)
}

func isGoodInteger(s *jsonschema.Schema, number json.Number) bool {
	if s.Types == nil || *s.Types&^nullType != integerType || s.Ref != nil || isComposed(s) ||
		s.ExclusiveMinimum != nil || s.ExclusiveMaximum != nil || s.MultipleOf != nil {
		return false
	}
	value, err := strconv.ParseInt(string(number), 10, 64)
	return err == nil && (s.Minimum == nil || compares(s.Minimum, value) <= 0) && (s.Maximum == nil || compares(s.Maximum, value) >= 0)
}

// compares returns -1, 0 or 1 as bound is less than, equal to or greater than
// value.
func compares(bound *big.Rat, value int64) int {
	if bound.IsInt() && bound.Num().IsInt64() {
		return cmp.Compare(bound.Num().Int64(), value)
	}
	return bound.Cmp(new(big.Rat).SetInt64(value))
}

// onlyRefers reports whether the schema says nothing beside its $ref.
func onlyRefers(s *jsonschema.Schema) bool {
	return s.Ref != nil && s.Types == nil && !isComposed(s) &&
		s.Properties == nil && s.AdditionalProperties == nil && s.Required == nil && s.MinProperties == nil && s.MaxProperties == nil &&
		s.PropertyNames == nil && s.PatternProperties == nil && s.Dependencies == nil && s.DependentRequired == nil &&
		s.DependentSchemas == nil && s.UnevaluatedProperties == nil &&
		s.MinItems == nil && s.MaxItems == nil && !s.UniqueItems && s.Items2020 == nil && s.Contains == nil &&
		s.Items == nil && s.PrefixItems == nil && s.UnevaluatedItems == nil &&
		s.MinLength == nil && s.MaxLength == nil && s.Pattern == nil && s.ContentEncoding == nil && s.ContentMediaType == nil &&
		s.Minimum == nil && s.Maximum == nil && s.ExclusiveMinimum == nil && s.ExclusiveMaximum == nil && s.MultipleOf == nil
}
