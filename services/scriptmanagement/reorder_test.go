package scriptmanagement

import (
	"fmt"
	"strings"
	"testing"

	"fountain.coach/fountainai/internal/httpapi/apitest"
)

// reorderCases are played on a script whose elements 1 to 5 of one kind have the
// numbers 1 to 5, and which has one element of the other kind, number 6. Each
// pair of moves is identifier, number.
var reorderCases = []struct {
	name    string
	moves   string
	status  int
	ids     string
	numbers string
	code    string
	pointer string
	detail  string
}{
	{"swap", "1>2 2>1", 200, "2 1 3 4 5", "1 2 3 4 5", "", "", ""},
	{"cycle", "1>2 2>3 3>4 4>5 5>1", 200, "5 1 2 3 4", "1 2 3 4 5", "", "", ""},
	{"reversal", "1>5 2>4 3>3 4>2 5>1", 200, "5 4 3 2 1", "1 2 3 4 5", "", "", ""},
	{"behind all", "1>7", 200, "2 3 4 5 1", "2 3 4 5 7", "", "", ""},
	{"into a gap that a move leaves", "5>9 4>5", 200, "1 2 3 4 5", "1 2 3 5 9", "", "", ""},
	{"stays", "3>3", 200, "1 2 3 4 5", "1 2 3 4 5", "", "", ""},
	{"nothing", "", 200, "1 2 3 4 5", "1 2 3 4 5", "", "", ""},
	{"number of one not listed", "1>8 2>3", 409, "", "", "sequence_taken", "/elements/1/newSequence", "number 3"},
	{"number of the other kind", "1>8 2>6", 409, "", "", "sequence_taken", "/elements/1/newSequence", "number 6"},
	{"number wanted twice", "1>8 2>9 3>8", 409, "", "", "sequence_repeated", "/elements/2/newSequence", "Elements 0 and 2"},
	{"half a swap", "1>2", 409, "", "", "sequence_taken", "/elements/0/newSequence", "number 2"},
	{"unknown element", "1>8 99>9", 404, "", "", "not_found", "/elements/1/ID", "99"},
	{"element of another script", "1>8 6>9", 404, "", "", "not_found", "/elements/1/ID", "6"},
	{"element listed twice", "1>8 2>9 1>10", 400, "", "", "invalid_request", "/elements/2/ID", "/elements/0"},
	{"element listed twice alike", "1>8 1>8", 400, "", "", "invalid_request", "/elements/1/ID", "/elements/0"},
	{"number 0", "1>0", 400, "", "", "invalid_request", "/elements/0/newSequence", "at least 1"},
	{"negative number", "1>8 2>-1", 400, "", "", "invalid_request", "/elements/1/newSequence", "at least 1"},
}

// reorderBody turns "1>2 2>1" into a request body.
func reorderBody(shape shape, moves string) string {
	var elements []string
	for _, pair := range strings.Fields(moves) {
		id, number, _ := strings.Cut(pair, ">")
		elements = append(elements, fmt.Sprintf(`{"%s":%s,"newSequence":%s}`, shape.id, id, number))
	}
	return `{"elements":[` + strings.Join(elements, ",") + `]}`
}

// startReorder sets the stage that reorderCases describes; element 6 of the
// kind is in script 2.
func startReorder(t *testing.T, shape, other shape) *apitest.Service {
	s := apitest.Start(t, Definition())
	s.Want(201, "POST", "/scripts", `{"title":"one"}`)
	s.Want(201, "POST", "/scripts", `{"title":"two"}`)
	s.Want(201, "POST", "/scripts/1/"+shape.folder+"/batch", texts(shape, 5))
	s.Want(201, "POST", "/scripts/2/"+shape.folder+"/batch", texts(shape, 1))
	s.Want(201, "POST", "/scripts/1/"+other.folder+"/batch", texts(other, 1))
	return s
}

func TestReorder(t *testing.T) {
	for i, shape := range shapes {
		other := shapes[1-i]
		for _, test := range reorderCases {
			t.Run(shape.folder+"/"+test.name, func(t *testing.T) {
				s := startReorder(t, shape, other)
				path := "/scripts/1/" + shape.folder
				before := s.Want(200, "GET", path, nil)
				answer := s.Do("POST", path+"/reorder", reorderBody(shape, test.moves))
				if test.status == 200 {
					answer.Has("message", "Reorder successful.")
					wantOrder(t, s, "/scripts/1", shape, test.ids, test.numbers)
					return
				}
				answer.Refused(test.status, test.code, strings.Replace(test.pointer, "ID", shape.id, 1)).Problem(test.code, test.detail)
				s.Want(200, "GET", path, nil).Same(before)
				// The numbers that a refused reorder gave up are held again.
				s.Want(409, "POST", path, map[string]any{shape.text: "x", "sequenceNumber": 1})
				wantOrder(t, s, "/scripts/1", other, "1", "6")
			})
		}
	}
}

// TestReorderRevisions: what moves gets a new ETag, what stays keeps its own.
func TestReorderRevisions(t *testing.T) {
	eachShape(t, func(t *testing.T, shape shape) {
		s := stage.Start(t)
		path := "/scripts/2/" + shape.folder
		s.Want(201, "POST", path+"/batch", texts(shape, 2))
		tag := func(id string) string { return s.Want(200, "GET", path+"/"+id, nil).ETag() }
		moved, stayed := tag("4"), tag("5")
		s.Want(200, "POST", path+"/reorder", reorderBody(shape, "4>7 5>4"))
		if tag("4") == moved || tag("5") != stayed {
			t.Errorf("ETags: moved %s to %s, stayed %s to %s", moved, tag("4"), stayed, tag("5"))
		}
		s.Want(412, "DELETE", path+"/4", nil, "If-Match", moved)
		s.Want(204, "DELETE", path+"/5", nil, "If-Match", stayed)
	})
}

// TestReorderAfterwards: the next number goes on above what a reorder took, and
// a number that it left is free.
func TestReorderAfterwards(t *testing.T) {
	s := stage.Start(t)
	s.Want(200, "POST", "/scripts/1/sections/reorder", reorderBody(shapes[0], "1>100"))
	s.Want(201, "POST", "/scripts/1/transitions", `{"text":"CUT TO:"}`).Has("sequenceNumber", 101)
	s.Want(201, "POST", "/scripts/1/transitions", `{"text":"CUT TO:","sequenceNumber":1}`).Has("sequenceNumber", 1)
}

func TestReorderMany(t *testing.T) {
	s := stage.Start(t)
	s.Want(201, "POST", "/scripts", `{"title":"Long"}`)
	s.Want(201, "POST", "/scripts/3/sections/batch", texts(shapes[0], 1000))
	var reversal, tooMany strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&reversal, "%d>%d ", i+4, 1000-i)
	}
	for i := range 1001 {
		fmt.Fprintf(&tooMany, "%d>%d ", i+4, i+1)
	}
	s.Want(200, "POST", "/scripts/3/sections/reorder", reorderBody(shapes[0], reversal.String()))
	s.WantPages("/scripts/3/sections?limit=1000", "headingId", 1003, -1, 1000, 1000)
	s.WantPages("/scripts/3/sections?limit=1000", "sequenceNumber", 1, 1, 1000, 1000)
	s.Want(400, "POST", "/scripts/3/sections/reorder", reorderBody(shapes[0], tooMany.String()))
}
