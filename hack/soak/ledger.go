// The ledger: what was acknowledged, and so must be there.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
)

// entry is a thing that a service has said it has.
type entry struct {
	kind *kind
	id   json.Number
	// text is what must be shown.
	text string
}

// fate is what became of a mark.
type fate int

const (
	refused fate = iota + 1 // nothing may be there
	deleted
)

// ledger holds all entries of all clients. Its methods may be called by many.
type ledger struct {
	mutex   sync.Mutex
	entries map[*kind]map[string]*entry // by mark
	fates   map[string]fate
	// acknowledged counts the writes that were.
	acknowledged int
}

func newLedger() *ledger {
	l := &ledger{entries: map[*kind]map[string]*entry{}, fates: map[string]fate{}}
	for _, k := range kinds {
		l.entries[k] = map[string]*entry{}
	}
	return l
}

// created records things that were acknowledged in one write.
func (l *ledger) created(entries ...*entry) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.acknowledged++
	for _, e := range entries {
		l.entries[e.kind][markOf(e.text)] = e
	}
}

// changed records that e has another text.
func (l *ledger) changed(e *entry, text string) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.acknowledged++
	e.text = text
}

func (l *ledger) deleted(e *entry) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.acknowledged++
	delete(l.entries[e.kind], markOf(e.text))
	l.fates[markOf(e.text)] = deleted
}

// refused records marks of which the service has said that it kept nothing.
func (l *ledger) refused(texts ...string) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	for _, text := range texts {
		l.fates[markOf(text)] = refused
	}
}

func (l *ledger) writes() int {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.acknowledged
}

// mostDifferences is how many differences of a kind are told one by one.
const mostDifferences = 5

// verify reads everything back, in pages, and returns how many things were
// compared and how they differ from the ledger. Nobody may write meanwhile.
func (l *ledger) verify(ctx context.Context, c *caller) (compared int, differences []string) {
	for _, k := range kinds {
		found, err := c.all(ctx, k)
		if err != nil {
			differences = append(differences, fmt.Sprintf("%s cannot be read back: %v", k.list, err))
			continue
		}
		compared += len(found)
		of := l.compare(k, found)
		if more := len(of) - mostDifferences; more > 0 {
			of = append(of[:mostDifferences], fmt.Sprintf("%s: %d more differences", k.list, more))
		}
		differences = append(differences, of...)
	}
	return compared, differences
}

// compare holds what a list shows against the entries of its kind.
func (l *ledger) compare(k *kind, found []item) (differences []string) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	differ := func(format string, arguments ...any) {
		differences = append(differences, k.list+": "+fmt.Sprintf(format, arguments...))
	}
	seen := map[string]bool{}
	for _, i := range found {
		mark := markOf(k.textOf(i))
		if !strings.HasPrefix(mark, markPrefix) {
			continue // of an import
		}
		e := l.entries[k][mark]
		switch {
		case e == nil && l.fates[mark] == refused:
			differ("%s was refused and is there", mark)
		case e == nil && l.fates[mark] == deleted:
			differ("%s was deleted and is there", mark)
		case e == nil:
			differ("%s is there and nobody wrote it", mark)
		case seen[mark]:
			differ("%s was written once and is there twice", mark)
		case k.idOf(i) != e.id:
			differ("%s is %s, was acknowledged as %s", mark, k.idOf(i), e.id)
		case k.textOf(i) != e.text:
			differ("%s is not as it was acknowledged: %s; want %s", mark, short(k.textOf(i)), short(e.text))
		}
		seen[mark] = true
	}
	for mark := range l.entries[k] {
		if !seen[mark] {
			differ("%s was acknowledged and is lost", mark)
		}
	}
	return differences
}

func short(text string) string {
	if len(text) > 60 {
		return fmt.Sprintf("%.60q… (%d bytes)", text, len(text))
	}
	return fmt.Sprintf("%q", text)
}
