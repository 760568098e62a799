package centralsequence

import (
	"testing"

	"fountain.coach/fountainai/internal/httpapi/apitest"
)

// The requests and answers that the published v1 documents show.
func TestV1(t *testing.T) {
	s := apitest.Start(t, Definition())
	run(t, s, []exchange{
		{"number", "POST /sequence", `{"elementType": "script", "elementId": 1}`, nil, 201, map[string]any{"sequenceNumber": 1.0}},
		{"section 1", "POST /sequence", `{"elementType": "section", "elementId": 1}`, nil, 201, map[string]any{"sequenceNumber": 2.0}},
		{"section 2", "POST /sequence", `{"elementType": "section", "elementId": 2}`, nil, 201, map[string]any{"sequenceNumber": 3.0}},
		{"make room", "DELETE /sequence/script/1", nil, nil, 204, nil},
		{"first order", "POST /sequence/reorder",
			`{"elementType": "section", "elements": [{"elementId": 1, "newSequence": 1}, {"elementId": 2, "newSequence": 2}]}`,
			nil, 200, map[string]any{"message": "Reorder successful."}},
		{"reorder", "POST /sequence/reorder",
			`{"elementType": "section", "elements": [{"elementId": 1, "newSequence": 2}, {"elementId": 2, "newSequence": 1}]}`,
			nil, 200, map[string]any{"message": "Reorder successful."}},
		{"version", "POST /sequence/version",
			`{"elementType": "dialogue", "elementId": 1, "newVersionData": {"text": "O Romeo, Romeo! wherefore art thou Romeo?"}}`,
			nil, 201, map[string]any{"versionNumber": 2.0}},
	})
	if got, want := sequenceOf(s, "/sequence"), "section 2=1 section 1=2"; got != want {
		t.Errorf("after the reorder: got %s, want %s", got, want)
	}
}
