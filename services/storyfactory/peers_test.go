package storyfactory

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"fountain.coach/fountainai/internal/httpapi/apitest"
	"fountain.coach/fountainai/internal/httpapi/problem"
)

// object is a resource of a peer.
type object = map[string]any

// world is what the peers of a test hold, and how they behave. Their lists have
// the filters, limits and Link headers of the real ones.
type world struct {
	t       testing.TB
	peers   map[string]*fakePeer
	refused string // an address where nobody listens

	lock     sync.Mutex
	scripts  map[int64]object
	lists    map[string][]object // by path, as "/actions"
	requests []string            // as "character /actions?ids=1,2"
}

// fakePeer is one service of a world. behave, if set, answers instead.
type fakePeer struct {
	server *httptest.Server

	lock   sync.Mutex
	behave http.HandlerFunc
	down   bool
}

const (
	characters = "character"
	scripts    = "scriptmanagement"
	contexts   = "sessioncontext"
)

var services = []string{characters, scripts, contexts}

// keys are the identifiers of each list.
var keyOf = map[string]string{
	"sections": "headingId", "transitions": "transitionId", "characters": "characterId", "actions": "actionId",
	"spokenWords": "dialogueId", "contexts": "contextId",
}

func newWorld(t testing.TB) *world {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	w := &world{
		t: t, peers: map[string]*fakePeer{}, refused: listener.Addr().String(),
		scripts: map[int64]object{}, lists: map[string][]object{},
	}
	for _, service := range services {
		p := &fakePeer{}
		p.server = httptest.NewServer(w.handler(service, p))
		t.Cleanup(p.server.Close)
		w.peers[service] = p
	}
	return w
}

// start runs the service with the peers of the world.
func (w *world) start(tune func(*Peers)) *apitest.Service {
	w.t.Helper()
	peers := Peers{
		Character: w.peers[characters].server.URL, ScriptManagement: w.peers[scripts].server.URL,
		SessionContext: w.peers[contexts].server.URL, Rest: time.Nanosecond, Timeout: 10 * time.Second, Transport: w,
	}
	if tune != nil {
		tune(&peers)
	}
	return apitest.Start(w.t, Definition(&peers))
}

// RoundTrip makes connections to peers that are down be refused.
func (w *world) RoundTrip(r *http.Request) (*http.Response, error) {
	for _, p := range w.peers {
		if p.isDown() && strings.HasSuffix(p.server.URL, r.URL.Host) {
			r = r.Clone(r.Context())
			r.URL.Host = w.refused
		}
	}
	return http.DefaultTransport.RoundTrip(r)
}

func (p *fakePeer) isDown() bool {
	p.lock.Lock()
	defer p.lock.Unlock()
	return p.down
}

func (p *fakePeer) set(down bool, behave http.HandlerFunc) {
	p.lock.Lock()
	defer p.lock.Unlock()
	p.down, p.behave = down, behave
}

func (w *world) handler(service string, p *fakePeer) http.HandlerFunc {
	return func(rw http.ResponseWriter, r *http.Request) {
		w.lock.Lock()
		w.requests = append(w.requests, service+" "+r.URL.RequestURI())
		w.lock.Unlock()
		p.lock.Lock()
		behave := p.behave
		p.lock.Unlock()
		if behave != nil {
			behave(rw, r)
			return
		}
		w.answer(rw, r)
	}
}

// answer is what a peer in good health answers.
func (w *world) answer(rw http.ResponseWriter, r *http.Request) {
	w.lock.Lock()
	defer w.lock.Unlock()
	steps := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	kind := steps[len(steps)-1]
	if steps[0] == "scripts" {
		id, _ := strconv.ParseInt(steps[1], 10, 64)
		script, found := w.scripts[id]
		if !found {
			problem.Write(rw, r, problem.New(404, "not_found", "There is no script."))
			return
		}
		if len(steps) == 2 {
			send(w.t, rw, script)
			return
		}
	}
	items, next, err := page(w.lists[r.URL.Path], keyOf[kind], r)
	if err != nil || keyOf[kind] == "" {
		problem.Write(rw, r, problem.New(400, "invalid_request", fmt.Sprint(r.URL, ": ", err)))
		w.t.Errorf("a peer was asked for %s: %v", r.URL, err)
		return
	}
	if next != "" {
		rw.Header().Set("Link", "<"+r.URL.Path+"?"+next+`>; rel="next"`)
	}
	send(w.t, rw, items)
}

func send(t testing.TB, rw http.ResponseWriter, value any) {
	rw.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(rw).Encode(value); err != nil {
		t.Error(err)
	}
}

// page is the part of a list that r asks for, and the query of the next one.
func page(list []object, key string, r *http.Request) (items []object, next string, err error) {
	query := r.URL.Query()
	limit, after := 100, -1
	items = []object{}
	for name, values := range query {
		switch name {
		case "limit":
			limit, err = strconv.Atoi(values[0])
		case "cursor":
			after, err = strconv.Atoi(values[0])
		case "ids":
			ids := strings.Split(values[0], ",")
			list = slices.DeleteFunc(slices.Clone(list), func(o object) bool { return !slices.Contains(ids, fmt.Sprint(o[key])) })
			if len(ids) > 1000 {
				err = fmt.Errorf("%d ids", len(ids))
			}
		case "scriptId":
			list = slices.DeleteFunc(slices.Clone(list), func(o object) bool { return fmt.Sprint(o["scriptId"]) != values[0] })
		default:
			err = fmt.Errorf("unknown parameter %s", name)
		}
		if err != nil {
			return nil, "", err
		}
	}
	if limit < 1 || limit > 1000 {
		return nil, "", fmt.Errorf("limit %d", limit)
	}
	for i, item := range list {
		if i <= after {
			continue
		}
		if len(items) == limit {
			query.Set("cursor", strconv.Itoa(i-1))
			return items, query.Encode(), nil
		}
		items = append(items, item)
	}
	return items, "", nil
}

// put adds a resource to the list at path, or changes the one with its identifier.
func (w *world) put(path string, resource object) {
	w.lock.Lock()
	defer w.lock.Unlock()
	key := keyOf[path[strings.LastIndex(path, "/")+1:]]
	list := slices.Clone(w.lists[path])
	i := slices.IndexFunc(list, func(o object) bool { return o[key] == resource[key] })
	if i < 0 {
		w.lists[path] = append(list, resource)
		return
	}
	list[i] = resource
	w.lists[path] = list
}

// remove takes a resource out of the list at path.
func (w *world) remove(path string, id int) {
	w.lock.Lock()
	defer w.lock.Unlock()
	key := keyOf[path[strings.LastIndex(path, "/")+1:]]
	w.lists[path] = slices.DeleteFunc(slices.Clone(w.lists[path]), func(o object) bool { return o[key] == id })
}

func (w *world) putScript(id int64, title, author, description string) {
	w.lock.Lock()
	defer w.lock.Unlock()
	w.scripts[id] = object{"scriptId": id, "title": title, "author": author, "description": description, "sequenceNumber": id}
}

func (w *world) removeScript(id int64) {
	w.lock.Lock()
	defer w.lock.Unlock()
	delete(w.scripts, id)
}

// count counts the requests so far that begin with prefix, and forgets all if
// prefix is empty.
func (w *world) count(prefix string) int {
	w.lock.Lock()
	defer w.lock.Unlock()
	n := 0
	for _, request := range w.requests {
		if strings.HasPrefix(request, prefix) {
			n++
		}
	}
	if prefix == "" {
		w.requests = nil
	}
	return n
}

// The ways in which a peer can fail fast.
var failures = map[string]func(*fakePeer){
	"refused": func(p *fakePeer) { p.set(true, nil) },
	"500": func(p *fakePeer) {
		p.set(false, func(w http.ResponseWriter, r *http.Request) {
			problem.Write(w, r, problem.New(500, "internal_error", "Something went wrong."))
		})
	},
	"404": func(p *fakePeer) {
		p.set(false, func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(404)
			fmt.Fprint(w, `{"message":"no Route matched with those values"}`)
		})
	},
	"reset": func(p *fakePeer) {
		p.set(false, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	},
	"empty":          says(``),
	"HTML":           says(`<html>Welcome!</html>`),
	"null":           says(`null`),
	"half":           says(`[{"actionId":1,`),
	"text after":     says(`[] []`),
	"number":         says(`7`),
	"object":         says(`{}`),
	"list of {}":     says(`[{}]`),
	"list of texts":  says(`["Juliet"]`),
	"list of null":   says(`[null]`),
	"negative":       says(`[{"characterId":-1,"actionId":-1,"dialogueId":-1,"headingId":-1,"contextId":-1,"transitionId":-1}]`),
	"other types":    says(`[{"characterId":"1","actionId":"1","dialogueId":"1","headingId":"1","contextId":"1"}]`),
	"next elsewhere": says(`[]`, `<https://example.com/actions>; rel="next"`),
}

// says is a peer that answers 200 with the same text whatever it is asked.
func says(text string, link ...string) func(*fakePeer) {
	return func(p *fakePeer) {
		p.set(false, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.Header()["Link"] = link
			fmt.Fprint(w, text)
		})
	}
}

func (p *fakePeer) recover() { p.set(false, nil) }

// hang makes a peer answer nothing until the caller gives up.
func (p *fakePeer) hang() {
	p.set(false, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
}

// balcony is a world that holds what the stage's story refers to, linked to
// script 1, in the words of its own services.
func balcony(t testing.TB) *world {
	w := newWorld(t)
	w.putScript(1, "Romeo and Juliet", "Shakespeare", "A tragedy.")
	w.put("/scripts/1/sections", object{"headingId": 1, "scriptId": 1, "title": "Orchard", "sequenceNumber": 1})
	w.put("/actions", object{"actionId": 1, "description": "She appears.", "scriptId": 1, "characterId": 1, "sequenceNumber": 2})
	w.put("/spokenWords", object{"dialogueId": 1, "text": "Ay me!", "parenthetical": "softly", "scriptId": 1, "characterId": 1, "sequenceNumber": 3})
	w.put("/spokenWords", object{"dialogueId": 2, "text": "She speaks.", "scriptId": 1, "characterId": 2, "sequenceNumber": 4})
	w.put("/scripts/1/transitions", object{"transitionId": 1, "scriptId": 1, "text": "CUT TO:", "sequenceNumber": 5})
	w.put("/characters", object{"characterId": 1, "name": "JULIET", "description": "A Capulet."})
	w.put("/characters", object{"characterId": 2, "name": "ROMEO", "description": "A Montague."})
	w.put("/contexts", object{"contextId": 1, "characterId": 1, "scriptId": 1, "data": object{"mood": "in love"}})
	return w
}

// wantFreshness fails the test unless the answer has this state, and for each
// service, in the order of services, the peer state.
func wantFreshness(t *testing.T, answer *apitest.Answer, state string, peers ...string) {
	t.Helper()
	if answer.Get("freshness", "state") != state || answer.Column("service", "freshness", "peers") != strings.Join(services, " ") ||
		answer.Column("state", "freshness", "peers") != strings.Join(peers, " ") {
		t.Errorf("freshness: got %v, want %s of %v", answer.Get("freshness"), state, peers)
	}
}
