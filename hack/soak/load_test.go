package main

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestJudge(t *testing.T) {
	for _, test := range []struct {
		status int
		body   string
		err    error
		want   outcome
	}{
		{201, `{}`, nil, done},
		{507, `{"code":"storage_full"}`, nil, unchanged},
		{503, `{"code":"service_unavailable"}`, nil, unchanged},
		{504, `{"code":"gateway_timeout"}`, nil, unknown},
		{502, `{"code":"bad_gateway"}`, nil, unknown},
		{500, `{"code":"internal_error"}`, nil, unknown},
		{502, `<html>`, nil, unknown},
		{404, `{"code":"not_found"}`, nil, mistaken},
		{0, ``, errors.New("connection reset"), unknown},
	} {
		given := answer{status: test.status, body: []byte(test.body)}
		if got := judge(given, test.err, []int{201}); got != test.want {
			t.Errorf("%d %s %v: got %d, want %d", test.status, test.body, test.err, got, test.want)
		}
	}
}

// scripted answers each request with the next of its answers, and with the last
// for ever.
func scripted(t *testing.T, answers ...string) *client {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		next := answers[0]
		if len(answers) > 1 {
			answers = answers[1:]
		}
		status, body, _ := strings.Cut(next, " ")
		if status == "cut" {
			panic(http.ErrAbortHandler)
		}
		w.WriteHeader(map[string]int{"200": 200, "201": 201, "204": 204, "404": 404, "507": 507}[status])
		_, _ = w.Write([]byte(body))
	}))
	t.Cleanup(server.Close)
	s := &soak{
		caller: newCaller(strings.TrimPrefix(server.URL, "http://"), "key"), ledger: newLedger(), report: newReport(options{}), began: time.Now(),
	}
	s.window.Store(newWindow([]string{"507"}, []string{broken}))
	return s.newClient(1)
}

// TestRemove: 404 means deleted only if an attempt before it may have done it.
func TestRemove(t *testing.T) {
	const missing = `404 {"code":"not_found"}`
	for name, test := range map[string]struct {
		answers []string
		deleted bool
		wrong   bool
	}{
		"deleted":            {[]string{"204"}, true, false},
		"the answer is lost": {[]string{"cut", missing}, true, false},
		"it is not there":    {[]string{missing}, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			c := scripted(t, test.answers...)
			e := &entry{kinds[0], "1", "soak-1\nx"}
			c.own = []*entry{e}
			c.ledger.created(e)
			c.remove(context.Background())
			if gone := len(c.own) == 0; gone != test.deleted {
				t.Errorf("deleted: got %v", gone)
			}
			if wrong := len(c.window.Load().surprises()) > 0; wrong != test.wrong {
				t.Errorf("surprises: %q", c.window.Load().surprises())
			}
		})
	}
}

// TestCheck: a text that is not the acknowledged one is a failure.
func TestCheck(t *testing.T) {
	for body, wrong := range map[string]bool{`{"description":"soak-1\nx"}`: false, `{"description":"soak-1\nold"}`: true, `{}`: true} {
		c := scripted(t, "200 "+body)
		c.check(context.Background(), &entry{kinds[0], "1", "soak-1\nx"})
		if failed := len(c.report.Failures) > 0; failed != wrong {
			t.Errorf("%s: got %q", body, c.report.Failures)
		}
	}
}

// TestWindow: an answer is a surprise unless the fault explains it.
func TestWindow(t *testing.T) {
	w := newWindow([]string{"507"}, []string{"503"})
	note := func(method string, status int, err error, o outcome) {
		w.note(request{service: "character", method: method, path: "/x"}, answer{status: status}, err, o, time.Millisecond)
	}
	note("POST", 201, nil, done)
	note("GET", 200, nil, done)
	note("POST", 507, nil, unchanged)
	note("GET", 503, nil, unknown)
	if got := w.surprises(); len(got) > 0 {
		t.Errorf("got %q", got)
	}
	note("GET", 507, nil, unchanged)
	note("POST", 500, nil, unknown)
	note("POST", 0, errors.New("reset"), unknown)
	if got := w.surprises(); len(got) != 3 || !strings.Contains(strings.Join(got, " "), "GET 507") {
		t.Errorf("got %q", got)
	}
	if w.requests != 7 || w.acknowledged != 1 || w.fullServices() != 1 || w.percentile(0.99) != time.Millisecond {
		t.Errorf("got %d requests, %d acknowledged, %d full, %s", w.requests, w.acknowledged, w.fullServices(), w.percentile(0.99))
	}
}

func TestProgramLog(t *testing.T) {
	var kept strings.Builder
	l := &programLog{file: &kept}
	for _, piece := range []string{
		"gc 1 @0.020s 3%: 0.02+1.1+0.003 ms clock, 0.05+0.4/0.9/0+0.006 ms cpu, 3->4->2 MB, 4 MB goal, 0 MB stacks, 0 MB globals, 2 P\n",
		"level=WARN msg=", "\"slow\"\ngc 2 @1.5s 1%: 0.1+2+0.1 ms clock, 0.2+1/1/0+0.2 ms cpu, 12->13->7 MB, 14 MB goal, 0 MB stacks, 0 MB globals, 2 P\npanic: no\n",
	} {
		if _, err := l.Write([]byte(piece)); err != nil {
			t.Fatal(err)
		}
	}
	if cycles, live := l.collections(); cycles != 2 || live != 7 {
		t.Errorf("got %d collections, %d MiB", cycles, live)
	}
	if kept.String() != "level=WARN msg=\"slow\"\npanic: no\n" || len(l.alarms) != 1 {
		t.Errorf("kept %q, alarms %q", kept.String(), l.alarms)
	}
}

func TestPlan(t *testing.T) {
	for length, want := range map[time.Duration]int{time.Minute: 1, 7 * time.Minute: 1, time.Hour: 15} {
		rounds, unit := options{duration: length}.plan()
		total := time.Duration(0)
		for _, p := range append(append([]phase{}, living...), restarting...) {
			total += time.Duration(rounds*p.units) * unit
		}
		if rounds != want || total > length || total < length-time.Second {
			t.Errorf("%s: got %d rounds, %s in all", length, rounds, total)
		}
	}
}

// TestConfig: the configuration of the gateway is the committed one but for the
// budget.
func TestConfig(t *testing.T) {
	if err := writeConfig(filepath.Join(t.TempDir(), "kong.yml")); err != nil {
		t.Fatal(err)
	}
}
