// Requests that only one service refuses.
package apitest

import (
	"strings"
	"testing"
)

// WantInvalid fails the test unless each request is refused with 400, and none
// changes what GET of paths answers with. A request is its method and path, as
// "POST /scripts"; its body, "" for none; and the pointer to what is wrong.
func (s *Service) WantInvalid(t *testing.T, requests [][3]string, paths ...string) {
	t.Helper()
	before := s.Bodies(paths...)
	for _, r := range requests {
		name := r[0] + " " + r[1]
		t.Run(name[:min(len(name), 100)], func(t *testing.T) {
			method, path, _ := strings.Cut(r[0], " ")
			var body any
			if r[1] != "" {
				body = r[1]
			}
			s.For(t).Do(method, path, body).Refused(400, "invalid_request", r[2])
		})
	}
	if after := s.Bodies(paths...); after != before {
		t.Errorf("what was refused has changed something: before\n%s\nafter\n%s", before, after)
	}
}

// HostileTexts look like SQL, markup, a format or a path, and are only text.
var HostileTexts = []string{
	`'; DROP TABLE scripts; --`, `<script>alert(1)</script>`, `%s%n%x`, `{{.}}`, `\u0041`, "\u202egnp.exe", "a\tb\r\nc",
	`"quoted"`, "\U0010ffff", "é vs e\u0301", " ", "../../etc/passwd", "${HOME}", "?1 $1 :a", "null",
}
