package httpapi

import (
	"errors"
	"testing"

	"fountain.coach/fountainai/internal/httpapi/problem"
)

func TestCheckMatch(t *testing.T) {
	tests := map[string]int{ // If-Match -> status for revision 7; 0 where it matches
		`"7"`:         0,
		` "7" `:       0,
		`*`:           0,
		" *\t":        0,
		`"6", "7"`:    0,
		`"6","7","8"`: 0,
		`, "7",,`:     0,
		`W/"7", "7"`:  0,
		`"a,b", "7"`:  0,
		`"6"`:         412,
		`W/"7"`:       412,
		`"07"`:        412,
		`""`:          412,
		`"7 "`:        400,
		`"*"`:         412,
		`"6,7"`:       412,
		"\"\u00e9\"":  412,
		`7`:           400,
		`"7`:          400,
		`7"`:          400,
		`"7"8`:        400,
		`"7" "8"`:     400,
		`*, "7"`:      400,
		`"7", *`:      400,
		`w/"7"`:       400,
		`W/7`:         400,
		`W/ "7"`:      400,
		"\"\x7f\"":    400,
		``:            400,
		`,`:           400,
		`'7'`:         400,
		`"7"; "8"`:    400,
	}
	for header, want := range tests {
		err := CheckMatch(&header, 7)
		var p *problem.Problem
		got := 0
		if errors.As(err, &p) {
			got = p.Status
		}
		if got != want {
			t.Errorf("%q: got %d, want %d", header, got, want)
		}
		if got == 400 && p.Errors[0].Pointer != "header/If-Match" {
			t.Errorf("%q: got %+v", header, p.Errors)
		}
	}
	if err := CheckMatch(nil, 7); err != nil {
		t.Error(err)
	}
}
