// JSON Schema as this package uses it, and its verdicts in plain words.
package httpapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
)

func newCompiler() *jsonschema.Compiler {
	compiler := jsonschema.NewCompiler()
	compiler.DefaultDraft(jsonschema.Draft2020)
	compiler.AssertFormat()
	compiler.RegisterVocabulary(&jsonschema.Vocabulary{
		URL:     "fountain:integers",
		Compile: compileInteger,
	})
	compiler.AssertVocabs()
	return compiler
}

// plainInteger refuses what JSON Schema counts as an integer but the types of
// the handlers do not take: 1.0, 1e3, and numbers beyond 64 bits.
type plainInteger struct{}

func compileInteger(_ *jsonschema.CompilerContext, schema map[string]any) (jsonschema.SchemaExt, error) {
	types, isList := schema["type"].([]any)
	if schema["type"] == "integer" || isList && slices.Contains(types, any("integer")) {
		return plainInteger{}, nil
	}
	return nil, nil
}

func (plainInteger) Validate(ctx *jsonschema.ValidatorContext, value any) {
	number, ok := value.(json.Number)
	if !ok {
		return
	}
	if _, err := strconv.ParseInt(string(number), 10, 64); err != nil {
		ctx.AddError(notPlainInteger{outOfRange: errors.Is(err, strconv.ErrRange)})
	}
}

type notPlainInteger struct{ outOfRange bool }

func (notPlainInteger) KeywordPath() []string { return []string{"type"} }

func (n notPlainInteger) LocalizedString(*message.Printer) string {
	if n.outOfRange {
		return "must be an integer of at most 64 bits"
	}
	return "must be an integer written without fraction or exponent"
}

// reason says what is wrong without repeating the value, which may be long.
func reason(fault jsonschema.ErrorKind) string {
	switch fault := fault.(type) {
	case *kind.Type:
		return fmt.Sprintf("must be %s, not %s", strings.Join(fault.Want, " or "), fault.Got)
	case *kind.MinLength:
		return fmt.Sprintf("must have at least %d characters, not %d", fault.Want, fault.Got)
	case *kind.MaxLength:
		return fmt.Sprintf("must have at most %d characters, not %d", fault.Want, fault.Got)
	case *kind.MinItems:
		return fmt.Sprintf("must have at least %d items, not %d", fault.Want, fault.Got)
	case *kind.MaxItems:
		return fmt.Sprintf("must have at most %d items, not %d", fault.Want, fault.Got)
	case *kind.MinProperties:
		return fmt.Sprintf("must have at least %d members, not %d", fault.Want, fault.Got)
	case *kind.MaxProperties:
		return fmt.Sprintf("must have at most %d members, not %d", fault.Want, fault.Got)
	case *kind.UniqueItems:
		return fmt.Sprintf("has the same item twice, at %d and %d", fault.Duplicates[0], fault.Duplicates[1])
	case *kind.Minimum:
		return "must be at least " + number(fault.Want)
	case *kind.Maximum:
		return "must be at most " + number(fault.Want)
	case *kind.Pattern:
		return "must match the pattern " + fault.Want
	case *kind.Format:
		return "must be a " + fault.Want
	case *kind.Enum:
		return "must be one of " + oneOf(fault.Want)
	}
	return fault.LocalizedString(english)
}

func number(value *big.Rat) string {
	if value.IsInt() {
		return value.Num().String()
	}
	return strings.TrimRight(value.FloatString(9), "0")
}

func oneOf(values []any) string {
	texts := make([]string, len(values))
	for i, value := range values {
		texts[i] = fmt.Sprint(value)
	}
	return strings.Join(texts, ", ")
}

var english = message.NewPrinter(language.English)
