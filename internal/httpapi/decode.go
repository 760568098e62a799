// Strict JSON: what encoding/json would let pass silently is an error here.
package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"fountain.coach/fountainai/internal/httpapi/problem"
)

// maxDepth bounds the nesting of a body; the contract needs less than ten.
const maxDepth = 64

// decodeJSON reads one JSON value into the types the schema validator takes.
// It refuses what RFC 8259 leaves open and clients get wrong: duplicate names,
// invalid UTF-8, unpaired surrogates, text after the value, and U+0000, which
// not every database can store.
func decodeJSON(source []byte) (any, *problem.FieldError) {
	decoder := jsontext.NewDecoder(bytes.NewBuffer(source))
	value, err := decodeValue(decoder)
	if err == nil {
		if _, trailing := decoder.ReadToken(); trailing != io.EOF {
			err = errors.New("there is text after the JSON value")
		}
	}
	if err == nil {
		return value, nil
	}
	var syntax *jsontext.SyntacticError
	if !errors.As(err, &syntax) {
		return nil, &problem.FieldError{Pointer: string(decoder.StackPointer()), Reason: err.Error()}
	}
	return nil, &problem.FieldError{Pointer: string(syntax.JSONPointer), Reason: syntaxReason(syntax)}
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

var (
	errDepth = errors.New("nested too deeply")
	errNUL   = errors.New("text must not contain the character U+0000")
)

func decodeValue(decoder *jsontext.Decoder) (any, error) {
	token, err := decoder.ReadToken()
	if err != nil {
		return nil, err
	}
	switch token.Kind() {
	case '{':
		return decodeObject(decoder)
	case '[':
		return decodeArray(decoder)
	case '"':
		return checkText(token.String())
	case '0':
		return json.Number(token.String()), nil
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

func decodeObject(decoder *jsontext.Decoder) (any, error) {
	if decoder.StackDepth() > maxDepth {
		return nil, errDepth
	}
	object := map[string]any{}
	for decoder.PeekKind() != '}' {
		name, err := decoder.ReadToken()
		if err != nil {
			return nil, err
		}
		// The token is only valid until the next read.
		key, err := checkText(name.String())
		if err != nil {
			return nil, err
		}
		if object[key], err = decodeValue(decoder); err != nil {
			return nil, err
		}
	}
	_, err := decoder.ReadToken()
	return object, err
}

func decodeArray(decoder *jsontext.Decoder) (any, error) {
	if decoder.StackDepth() > maxDepth {
		return nil, errDepth
	}
	array := []any{}
	for decoder.PeekKind() != ']' {
		value, err := decodeValue(decoder)
		if err != nil {
			return nil, err
		}
		array = append(array, value)
	}
	_, err := decoder.ReadToken()
	return array, err
}
