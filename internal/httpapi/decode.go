// Strict JSON: what encoding/json would let pass silently is an error here.
package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"
	"sync"

	"github.com/go-json-experiment/json/jsontext"

	"fountain.coach/fountainai/internal/httpapi/problem"
)

const (
	// maxDepth bounds the nesting of a body; the contract needs less than ten.
	maxDepth = 64
	// maxNumber bounds the characters of a number: what is longer has more
	// digits than any database or client keeps, and is slow to compare.
	maxNumber = 64
	// maxValues bounds the values of a body, names not counted. Each takes some
	// fifty bytes while it is checked, for the two it may have on the wire.
	maxValues = 200_000
	// maxExponent is a little beyond the smallest exponent of a float64.
	maxExponent = 400
)

var (
	errDepth  = errors.New("is nested too deeply")
	errNUL    = errors.New("must not contain the character U+0000")
	errNumber = errors.New("is a number too large or too long to be kept")
	errMany   = errors.New("the body holds too many values")
	errAfter  = errors.New("there is text after the JSON value")
)

var (
	nothing  = bytes.NewBuffer(nil)
	decoders = sync.Pool{New: func() any { return jsontext.NewDecoder(nothing) }}
)

// decodeJSON reads one JSON value into the types the schema validator takes.
// It refuses what RFC 8259 leaves open and clients get wrong: duplicate names,
// invalid UTF-8, unpaired surrogates, text after the value, numbers beyond
// float64, and U+0000, which not every database can store.
func decodeJSON(source []byte) (any, *problem.FieldError) {
	decoder := &valueDecoder{Decoder: decoders.Get().(*jsontext.Decoder), left: maxValues}
	decoder.Reset(bytes.NewBuffer(source))
	defer func() {
		decoder.Reset(nothing) // lets go of source
		decoders.Put(decoder.Decoder)
	}()
	value, err := decoder.value()
	if err == nil {
		if _, trailing := decoder.ReadToken(); trailing == io.EOF {
			return value, nil
		}
		err = errAfter
	}
	var syntax *jsontext.SyntacticError
	switch {
	case errors.As(err, &syntax):
		return nil, &problem.FieldError{Pointer: string(syntax.JSONPointer), Reason: syntaxReason(syntax)}
	case errors.Is(err, io.EOF):
		return nil, &problem.FieldError{Reason: "a JSON request body is required"}
	case errors.Is(err, errAfter), errors.Is(err, errMany):
		return nil, &problem.FieldError{Reason: err.Error()}
	}
	return nil, &problem.FieldError{Pointer: string(decoder.StackPointer()), Reason: err.Error()}
}

func syntaxReason(syntax *jsontext.SyntacticError) string {
	switch {
	case errors.Is(syntax.Err, jsontext.ErrDuplicateName):
		return "the name appears twice in one object"
	case errors.Is(syntax.Err, io.ErrUnexpectedEOF):
		return "the JSON ends too early"
	}
	return "not valid JSON: " + strings.TrimPrefix(syntax.Err.Error(), "jsontext: ")
}

type valueDecoder struct {
	*jsontext.Decoder
	left int
}

func (d *valueDecoder) value() (any, error) {
	if d.left--; d.left < 0 {
		return nil, errMany
	}
	token, err := d.ReadToken()
	if err != nil {
		return nil, err
	}
	switch token.Kind() {
	case '{':
		return d.object()
	case '[':
		return d.array()
	case '"':
		return checkText(token.String())
	case '0':
		text := token.String()
		return json.Number(text), checkNumber(text)
	case 't', 'f':
		return token.Bool(), nil
	}
	return nil, nil
}

func checkText(text string) (string, error) {
	if strings.IndexByte(text, 0) >= 0 {
		return "", errNUL
	}
	return text, nil
}

// checkNumber refuses numbers that no float64 comes near to. The validator
// would work out every digit of 1e999999, at great cost, and panic at 1e9999999.
func checkNumber(text string) error {
	if len(text) > maxNumber {
		return errNumber
	}
	if _, err := strconv.ParseFloat(text, 64); err != nil {
		return errNumber
	}
	if e := strings.IndexAny(text, "eE"); e >= 0 {
		// What is too small to be told from 0 passes ParseFloat.
		if exponent, err := strconv.Atoi(text[e+1:]); err != nil || exponent < -maxExponent {
			return errNumber
		}
	}
	return nil
}

func (d *valueDecoder) object() (any, error) {
	if d.StackDepth() > maxDepth {
		return nil, errDepth
	}
	object := map[string]any{}
	for d.PeekKind() != '}' {
		name, err := d.ReadToken()
		if err != nil {
			return nil, err
		}
		// The token is only valid until the next read.
		key, err := checkText(name.String())
		if err != nil {
			return nil, err
		}
		if object[key], err = d.value(); err != nil {
			return nil, err
		}
	}
	_, err := d.ReadToken()
	return object, err
}

func (d *valueDecoder) array() (any, error) {
	if d.StackDepth() > maxDepth {
		return nil, errDepth
	}
	array := []any{}
	for d.PeekKind() != ']' {
		value, err := d.value()
		if err != nil {
			return nil, err
		}
		array = append(array, value)
	}
	_, err := d.ReadToken()
	return array, err
}
