// Rules for the OpenAPI documents themselves.
package apitest

import (
	"context"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"fountain.coach/fountainai/internal/gptactions"
	"fountain.coach/fountainai/internal/httpapi"
)

// alwaysPossible are the failures that any operation behind the gateway may
// answer with.
var alwaysPossible = []string{"400", "401", "403", "429", "500", "503"}

// failures are the components that describe failures, by status.
var failures = map[string]string{
	"400": "BadRequest", "401": "Unauthorized", "403": "Forbidden", "404": "NotFound", "409": "Conflict", "412": "PreconditionFailed",
	"413": "ContentTooLarge", "415": "UnsupportedMediaType", "422": "IdempotencyKeyReused", "429": "TooManyRequests",
	"500": "InternalServerError", "503": "ServiceUnavailable", "507": "InsufficientStorage",
}

// CheckDocument checks a service's document: valid OpenAPI 3.1 including its
// examples, complete by the rules of this project, like those of the other
// services, and importable as an action of a custom GPT.
func CheckDocument(t *testing.T, definition httpapi.Definition) {
	t.Helper()
	document, err := openapi3.NewLoader().LoadFromData(definition.OpenAPI)
	if err != nil {
		t.Fatal(err)
	}
	if err := document.Validate(context.Background()); err != nil {
		t.Errorf("not a valid OpenAPI document: %v", err)
	}
	if document.OpenAPI != "3.1.0" {
		t.Errorf("openapi is %s, want 3.1.0", document.OpenAPI)
	}
	if want := "https://" + definition.Name + ".fountain.coach"; len(document.Servers) != 1 || document.Servers[0].URL != want {
		t.Errorf("servers: want only %s", want)
	}
	if len(document.Security) == 0 {
		t.Error("no security requirement for all operations")
	}
	checkComponents(t, definition.OpenAPI)
	seen := map[string]bool{}
	for path, item := range document.Paths.Map() {
		for method, operation := range item.Operations() {
			checkOperation(t, method+" "+path, operation)
			if seen[operation.OperationID] {
				t.Errorf("operationId %s is used twice", operation.OperationID)
			}
			seen[operation.OperationID] = true
		}
	}
	if len(seen) > gptactions.MaxOperations {
		t.Errorf("there are %d operations, at most %d fit into one set of GPT Actions", len(seen), gptactions.MaxOperations)
	}
}

func checkOperation(t *testing.T, name string, operation *openapi3.Operation) {
	t.Helper()
	if operation.OperationID == "" || operation.Summary == "" || operation.Description == "" || len(operation.Tags) == 0 {
		t.Errorf("%s: operationId, summary, description and tags are required", name)
	}
	if length := len([]rune(operation.Description)); length > gptactions.MaxOperationText {
		t.Errorf("%s: the description has %d characters, at most %d are allowed", name, length, gptactions.MaxOperationText)
	}
	wantResponses(t, name, operation, alwaysPossible...)
	if !strings.HasPrefix(name, "GET ") {
		wantResponses(t, name, operation, "507")
	}
	for status, response := range operation.Responses.Map() {
		if want := "#/components/responses/" + failures[status]; status >= "400" && response.Ref != want {
			t.Errorf("%s: response %s is %q, want %s", name, status, response.Ref, want)
		}
	}
	if operation.RequestBody == nil {
		return
	}
	wantResponses(t, name, operation, "413", "415")
	if strings.HasPrefix(name, "POST ") {
		wantResponses(t, name, operation, "422")
		if operation.Parameters.GetByInAndName("header", "Idempotency-Key") == nil {
			t.Errorf("%s: parameter Idempotency-Key is missing", name)
		}
	}
	for mediaType, content := range operation.RequestBody.Value.Content {
		if len(content.Examples) == 0 {
			t.Errorf("%s: the %s body has no example", name, mediaType)
		}
		checkBounds(t, name+" "+mediaType, content.Schema, map[*openapi3.Schema]bool{})
	}
}

func wantResponses(t *testing.T, name string, operation *openapi3.Operation, statuses ...string) {
	t.Helper()
	for _, status := range statuses {
		if operation.Responses.Value(status) == nil {
			t.Errorf("%s: response %s is missing", name, status)
		}
	}
}

// checkBounds checks that a body takes no unknown members, and no text or list
// without end.
func checkBounds(t *testing.T, place string, reference *openapi3.SchemaRef, seen map[*openapi3.Schema]bool) {
	t.Helper()
	if reference == nil || reference.Value == nil || seen[reference.Value] {
		return
	}
	schema := reference.Value
	seen[schema] = true
	if len(schema.Properties) > 0 && (schema.AdditionalProperties.Has == nil || *schema.AdditionalProperties.Has) {
		t.Errorf("%s: additionalProperties: false is missing", place)
	}
	if schema.Type.Includes("string") && schema.MaxLength == nil && schema.Enum == nil && schema.Format == "" {
		t.Errorf("%s: maxLength is missing", place)
	}
	if schema.Type.Includes("array") && schema.MaxItems == nil {
		t.Errorf("%s: maxItems is missing", place)
	}
	for name, property := range schema.Properties {
		checkBounds(t, place+"/"+name, property, seen)
	}
	checkBounds(t, place+"/*", schema.Items, seen)
}
