package storyfactory

import (
	"fmt"
	"strings"
	"testing"

	"fountain.coach/fountainai/internal/httpapi/apitest"
)

// reorderCases are moves on the stage, as "element>sequence", and what comes of
// them: the elements in order with their sequences, or a refusal.
var reorderCases = []struct {
	name, moves    string
	status         int
	ids, sequences string
}{
	{"swap", "1>2 2>1", 200, "2 1 3 4 5", "1 2 3 4 5"},
	{"cycle", "1>2 2>3 3>1", 200, "3 1 2 4 5", "1 2 3 4 5"},
	{"reverse", "1>5 2>4 3>3 4>2 5>1", 200, "5 4 3 2 1", "1 2 3 4 5"},
	{"to the end", "1>9", 200, "2 3 4 5 1", "2 3 4 5 9"},
	{"shift into a gap", "5>6 4>5 3>4", 200, "1 2 3 4 5", "1 2 4 5 6"},
	{"nothing moves", "1>1 5>5", 200, "1 2 3 4 5", "1 2 3 4 5"},
	{"far", "2>9007199254740991", 200, "1 3 4 5 2", "1 3 4 5 9007199254740991"},
	{"taken", "1>2", 409, "", ""},
	{"taken by one that stays", "1>3 2>1", 409, "", ""},
	{"wanted twice", "1>9 2>9", 409, "", ""},
	{"unknown", "1>9 99>10", 404, "", ""},
	{"listed twice", "1>9 2>10 1>11", 400, "", ""},
	{"beyond 2^53", "1>9007199254740992", 400, "", ""},
}

func reorderBody(moves string) string {
	var list []string
	for _, move := range strings.Fields(moves) {
		id, to, _ := strings.Cut(move, ">")
		list = append(list, fmt.Sprintf(`{"elementId":%s,"newSequence":%s}`, id, to))
	}
	return `{"elements":[` + strings.Join(list, ",") + `]}`
}

func TestReorder(t *testing.T) {
	for _, test := range reorderCases {
		t.Run(test.name, func(t *testing.T) {
			s := stage.Start(t)
			before := everything(s)
			answer := s.Want(test.status, "POST", "/stories/1/elements/reorder", reorderBody(test.moves))
			if test.status == 200 {
				wantOrder(t, s, 1, test.ids, test.sequences)
				answer.Has("message", "Reorder successful.")
			} else if after := everything(s); after != before {
				t.Errorf("before %s, after %s", before, after)
			}
		})
	}
}

// TestReorderRefusals: what a refusal names.
func TestReorderRefusals(t *testing.T) {
	s := stage.Start(t)
	const reorder = "/stories/1/elements/reorder"
	s.Do("POST", reorder, reorderBody("3>9 1>2")).Refused(409, "sequence_taken", "/elements/1/newSequence")
	s.Do("POST", reorder, reorderBody("3>9 1>9")).Refused(409, "sequence_repeated", "/elements/1/newSequence")
	s.Do("POST", reorder, reorderBody("3>9 3>9")).Refused(400, "invalid_request", "/elements/1/elementId")
	s.Do("POST", reorder, reorderBody("3>9 99>8")).Refused(404, "not_found", "/elements/1/elementId")
	s.Want(404, "POST", "/stories/2/elements/reorder", reorderBody("1>9")).Problem("not_found", "The story of script 2 has no element 1.")
	s.Want(404, "POST", "/stories/9/elements/reorder", reorderBody("1>9")).Problem("not_found", "There is no story of script 9.")
}

// TestReorderTags: what stays in its place keeps its ETag, what moves does not,
// and the line goes on behind the last place taken.
func TestReorderTags(t *testing.T) {
	s := stage.Start(t)
	s.Want(200, "POST", "/stories/1/elements/reorder", reorderBody("1>1 2>7"))
	for element, want := range map[int]string{1: `"1"`, 2: `"2"`, 3: `"1"`} {
		if got := s.Want(200, "GET", fmt.Sprint("/stories/1/elements/", element), nil).ETag(); got != want {
			t.Errorf("element %d: got %s, want %s", element, got, want)
		}
	}
	s.Want(201, "POST", "/stories/1/elements", `{"text":"x"}`).Has("sequence", 8)
}

// TestReorderMany reverses as many as one request may name.
func TestReorderMany(t *testing.T) {
	s := stage.Start(t)
	s.Want(201, "POST", "/stories/2/elements/batch", apitest.Items(`{"text":"%d"}`, 1000))
	moves := make([]string, 1000)
	for i := range moves {
		moves[i] = fmt.Sprintf("%d>%d", i+6, len(moves)-i)
	}
	s.Want(200, "POST", "/stories/2/elements/reorder", reorderBody(strings.Join(moves, " ")))
	s.WantPages("/stories/2/elements?limit=1000", "text", 1000, -1, 1000, 1000)
}
