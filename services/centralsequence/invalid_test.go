package centralsequence

import (
	"strings"
	"testing"

	"fountain.coach/fountainai/internal/httpapi/apitest"
)

// What an element type must not be, wherever it stands in a body.
func TestInvalidElementTypes(t *testing.T) {
	var requests [][3]string
	for _, value := range []string{
		`1`, `null`, `["section"]`, `""`, `"a/b"`, `"."`, `".."`, `"a\tb"`, `"a\u007fb"`, `"a\u0085b"`, `"` + strings.Repeat("x", 256) + `"`,
	} {
		element := `"elementType":` + value + `,"elementId":1`
		requests = append(requests,
			[3]string{"POST /sequence", `{` + element + `}`, "/elementType"},
			[3]string{"POST /sequence/batch", `{"items":[{` + element + `}]}`, "/items/0/elementType"},
			[3]string{"POST /sequence/reorder", `{"elementType":` + value + `,"elements":[{"elementId":1,"newSequence":1}]}`, "/elementType"},
			[3]string{"POST /sequence/version", `{` + element + `,"newVersionData":{}}`, "/elementType"})
	}
	apitest.Start(t, Definition()).WantInvalid(t, requests, "/sequence", "/sequence/section/1/versions")
}

func TestInvalidBodies(t *testing.T) {
	stage.Start(t).WantInvalid(t, [][3]string{
		{"POST /sequence", `{"elementType":"a","elementId":1,"scriptId":0}`, "/scriptId"},
		{"POST /sequence", `{"elementType":"a","elementId":1,"scriptId":null}`, "/scriptId"},
		{"POST /sequence", `{"elementType":"a","elementId":1,"sequenceNumber":0}`, "/sequenceNumber"},
		{"POST /sequence", `{"elementType":"a","elementId":1,"sequenceNumber":"1"}`, "/sequenceNumber"},
		{"POST /sequence", `{"elementType":"a","elementId":1,"sequenceNumber":9007199254740992}`, "/sequenceNumber"},
		{"POST /sequence", `{"elementId":1}`, "/elementType"},
		{"POST /sequence", `{"elementType":"a"}`, "/elementId"},
		{"POST /sequence/batch", `{"items":{"elementType":"a","elementId":1}}`, "/items"},
		{"POST /sequence/batch", `{"items":["a"]}`, "/items/0"},
		{"POST /sequence/batch", `{"items":[{"elementType":"a","elementId":1},{"elementType":"a","elementId":1,"x":1}]}`, "/items/1/x"},
		{"POST /sequence/reorder", `{"elementType":"a"}`, "/elements"},
		{"POST /sequence/reorder", `{"elementType":"a","elements":[{"elementId":1}]}`, "/elements/0/newSequence"},
		{"POST /sequence/reorder", `{"elementType":"a","elements":[{"elementId":1,"newSequence":9007199254740992}]}`, "/elements/0/newSequence"},
		{"POST /sequence/reorder", `{"elementType":"a","elements":[{"elementId":1,"newSequence":1,"x":1}]}`, "/elements/0/x"},
		{"POST /sequence/version", `{"elementType":"a","elementId":1}`, "/newVersionData"},
		{"POST /sequence/version", `{"elementType":"a","elementId":1,"newVersionData":[]}`, "/newVersionData"},
		{"POST /sequence/version", `{"elementType":"a","elementId":1,"newVersionData":"{}"}`, "/newVersionData"},
		{"POST /sequence/version", `{"elementType":"a","elementId":1,"newVersionData":null}`, "/newVersionData"},
		{"POST /sequence/version", `{"elementType":"a","elementId":1,"newVersionData":{"x":{"y":1,"y":2}}}`, "/newVersionData/x/y"},
		{"PATCH /sequence/section/1", `{"sequenceNumber":null}`, "/sequenceNumber"},
		{"PATCH /sequence/section/1", `{"sequenceNumber":0}`, "/sequenceNumber"},
		{"PATCH /sequence/section/1", `{"sequenceNumber":"2"}`, "/sequenceNumber"},
		{"PATCH /sequence/section/1", `{"elementId":2}`, "/elementId"},
		{"POST /sequence/batch", `{"items":[]}`, "/items"},
		{"POST /sequence/batch", apitest.Items(`{"elementType":"a","elementId":%d}`, 1001), "/items"},
	}, "/sequence", "/sequence/a/1/versions")
}

func TestInvalidParameters(t *testing.T) {
	stage.Start(t).WantInvalid(t, [][3]string{
		{"GET /sequence?elementType=", "", "query/elementType"},
		{"GET /sequence?elementType=a%2Fb", "", "query/elementType"},
		{"GET /sequence?sort=down", "", "query/sort"},
		{"GET /sequence/sec%09tion/1", "", "path/elementType"},
		{"GET /sequence/%2E%2E/1", "", "path/elementType"},
		{"GET /sequence/.../1", "", "path/elementType"},
		{"GET /sequence/" + strings.Repeat("x", 256) + "/1", "", "path/elementType"},
		{"GET /sequence/section/1/versions?scriptId=1", "", "query/scriptId"},
		{"GET /sequence/section/1/versions/0", "", "path/versionNumber"},
		{"GET /sequence/section/1/versions/9223372036854775808", "", "path/versionNumber"},
	})
}

func TestUnknownPaths(t *testing.T) {
	s := apitest.Start(t, Definition())
	for _, path := range []string{"/sequences", "/sequence/section", "/sequence/a%2Fb/1/x", "/sequence/section/1/versions/2/data"} {
		s.Do("GET", path, nil).Refused(404, "no_such_path", "")
	}
}
