package scriptmanagement

import (
	"fmt"
	"strings"
	"testing"

	"fountain.coach/fountainai/internal/httpapi/apitest"
)

func TestInvalidBodies(t *testing.T) {
	stage.Start(t).WantInvalid(t, [][3]string{
		{"POST /scripts/1/sections", `{"title":"a\u0000b"}`, "/title"},
		{"POST /scripts/1/sections", `{}`, "/title"},
		{"POST /scripts/1/sections", `{"title":null}`, "/title"},
		{"POST /scripts/1/sections", `{"title":7}`, "/title"},
		{"POST /scripts/1/sections", `{"title":{"text":"x"}}`, "/title"},
		{"POST /scripts/1/sections", `{"title":["x"]}`, "/title"},
		{"POST /scripts/1/sections", `{"title":""}`, "/title"},
		{"POST /scripts/1/sections", `{"title":"` + strings.Repeat("夜", 1025) + `"}`, "/title"},
		{"POST /scripts/1/sections", `{"title":"x","colour":"red"}`, "/colour"},
		{"POST /scripts/1/sections", `{"Title":"x"}`, "/Title"},
		{"POST /scripts/1/sections", `{"title":"x","headingId":7}`, "/headingId"},
		{"POST /scripts/1/sections", `{"title":"x","sequenceNumber":"7"}`, "/sequenceNumber"},
		{"POST /scripts/1/sections", `{"title":"x","sequenceNumber":null}`, "/sequenceNumber"},
		{"POST /scripts/1/sections", `{"title":"x","sequenceNumber":0}`, "/sequenceNumber"},
		{"POST /scripts/1/sections", `{"title":"x","sequenceNumber":-1}`, "/sequenceNumber"},
		{"POST /scripts/1/sections", `{"title":"x","sequenceNumber":1.5}`, "/sequenceNumber"},
		{"POST /scripts/1/sections", `{"title":"x","sequenceNumber":9007199254740992}`, "/sequenceNumber"},
		{"POST /scripts/1/sections", `{"title":"x","sequenceNumber":9223372036854775808}`, "/sequenceNumber"},
		{"POST /scripts/1/sections", `{"title":"x","sequenceNumber":7.0}`, "/sequenceNumber"},
		{"POST /scripts/1/sections", `{"title":"x","sequenceNumber":1e2}`, "/sequenceNumber"},
		{"POST /scripts/1/sections", `{"title":"x","sequenceNumber":1e400}`, "/sequenceNumber"},
		{"POST /scripts", `{"author":"x"}`, "/title"},
		{"POST /scripts", `{"title":"x","author":null}`, "/author"},
		{"POST /scripts", `{"title":"x","author":"` + strings.Repeat("a", 1025) + `"}`, "/author"},
		{"POST /scripts", `{"title":"x","description":"` + strings.Repeat("a", 65537) + `"}`, "/description"},
		{"POST /scripts", `{"title":"x","description":7}`, "/description"},
		{"PUT /scripts/1", `{"scriptId":1}`, "/scriptId"},
		{"PUT /scripts/1", `{"sequenceNumber":7}`, "/sequenceNumber"},
		{"PUT /scripts/1", `{"author":null}`, "/author"},
		{"PATCH /scripts/1", `{"title":null}`, "/title"},
		{"PATCH /scripts/1", `{"sequenceNumber":null}`, "/sequenceNumber"},
		{"PATCH /scripts/1", `{"author":"` + strings.Repeat("a", 1025) + `"}`, "/author"},
		{"PATCH /scripts/1/transitions/1", `{"text":null}`, "/text"},
		{"POST /scripts/1/transitions", `{"title":"CUT TO:"}`, "/text"},
		{"POST /scripts/1/transitions", `{"text":"` + strings.Repeat("a", 1025) + `"}`, "/text"},
		{"POST /scripts/1/sections/batch", `{}`, "/items"},
		{"POST /scripts/1/sections/batch", `{"items":{"title":"x"}}`, "/items"},
		{"POST /scripts/1/sections/batch", `[{"title":"x"}]`, ""},
		{"POST /scripts/1/transitions/batch", `{"items":[{"text":"x"},{"text":"x","sequenceNumber":0}]}`, "/items/1/sequenceNumber"},
		{"POST /scripts/1/sections/reorder", `{}`, "/elements"},
		{"POST /scripts/1/sections/reorder", `{"elements":[{"headingId":1}]}`, "/elements/0/newSequence"},
		{"POST /scripts/1/transitions/reorder", `{"elements":[{"headingId":1,"newSequence":2}]}`, "/elements/0/headingId"},
		{"POST /scripts/1/sections/reorder", `{"elements":[{"headingId":-1,"newSequence":2}]}`, "/elements/0/headingId"},
		{"POST /scripts/1/sections/reorder", `{"elements":[{"headingId":9223372036854775808,"newSequence":2}]}`, "/elements/0/headingId"},
	}, "/scripts", "/scripts/1/sections", "/scripts/1/transitions")
}

func TestInvalidParameters(t *testing.T) {
	stage.Start(t).WantInvalid(t, [][3]string{
		{"GET /scripts?title=", "", "query/title"},
		{"GET /scripts?title=" + strings.Repeat("a", 1025), "", "query/title"},
		{"GET /scripts/1/sections?title=x", "", "query/title"},
		{"GET /scripts?source=", "", "query/source"},
		{"GET /scripts?source=" + strings.Repeat("a", 256), "", "query/source"},
	})
}

// TestLongestTexts: the longest that is allowed is taken, and answered as it came.
func TestLongestTexts(t *testing.T) {
	s := stage.Start(t)
	title, description := strings.Repeat("夜", 1024), strings.Repeat("🎭", 65536)
	s.Want(201, "POST", "/scripts", map[string]any{"title": title, "author": title, "description": description}).
		Has("title", title, "author", title, "description", description)
	s.Want(201, "POST", "/scripts/3/sections", map[string]any{"title": title}).Has("title", title)
	s.Want(201, "POST", "/scripts/3/transitions", map[string]any{"text": title}).Has("text", title)
	// More than 1 MiB is too much for one element but not for a batch.
	s.Want(201, "POST", "/scripts/3/sections/batch", apitest.Items(`{"title":"%d`+strings.Repeat("夜", 1020)+`"}`, 1000))
}

// TestHostileTexts: what looks like SQL, markup or a format is only text.
func TestHostileTexts(t *testing.T) {
	s := apitest.Start(t, Definition())
	for _, text := range apitest.HostileTexts {
		created := s.Want(201, "POST", "/scripts", map[string]any{"title": text, "author": text, "description": text})
		created.Has("title", text, "author", text, "description", text)
		path := fmt.Sprint("/scripts/", created.Number("scriptId"))
		s.Want(201, "POST", path+"/sections", map[string]any{"title": text}).Has("title", text)
		s.Want(201, "POST", path+"/transitions", map[string]any{"text": text}).Has("text", text)
		s.Want(200, "GET", path, nil).Has("title", text)
	}
}
