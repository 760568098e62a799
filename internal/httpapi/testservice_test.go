// A small service for the tests of this package: items with a name.
package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/gorilla/mux"

	"fountain.coach/fountainai/internal/storage"
)

const testDocument = `openapi: 3.1.0
info: {title: Items, version: 1.0.0, description: See https://items.fountain.coach for more.}
servers:
  - {description: https://items.fountain.coach, url: https://items.fountain.coach}
paths:
  /items:
    get:
      operationId: listItems
      parameters:
        - {name: name, in: query, schema: {type: string, minLength: 1, maxLength: 100}}
        - {name: ids, in: query, explode: false, schema: {type: array, minItems: 1, maxItems: 5, items: {$ref: '#/components/schemas/Identifier'}}}
        - {name: done, in: query, schema: {type: boolean}}
        - {name: weight, in: query, schema: {type: number, maximum: 10}}
        - {name: offset, in: query, schema: {type: integer}}
        - {name: limit, in: query, schema: {type: integer, minimum: 1, maximum: 1000}}
        - {name: cursor, in: query, schema: {type: string, minLength: 1, maxLength: 200}}
      responses: {'200': {description: A page.}}
    post:
      operationId: createItem
      parameters: &create
        - {name: Idempotency-Key, in: header, schema: {type: string, minLength: 1, maxLength: 255, pattern: '^[!-~]+$'}}
        - {name: X-Note, in: header, schema: {type: string, maxLength: 10}}
      requestBody:
        required: true
        x-body-limit: 4096
        content: {application/json: {schema: {$ref: '#/components/schemas/NewItem'}}}
      responses: {'201': {description: Created., content: {application/json: {schema: {type: object}}}}}
  /items/batch:
    post:
      operationId: createItems
      parameters: *create
      requestBody:
        required: true
        content:
          application/json:
            schema: {type: object, required: [items], properties: {items: {type: array, minItems: 1, items: {$ref: '#/components/schemas/NewItem'}}}}
      responses: {'201': {description: Created.}}
  /items/{itemId}:
    parameters:
      - {name: itemId, in: path, required: true, schema: {$ref: '#/components/schemas/Identifier'}}
    get:
      operationId: getItem
      responses: {'200': {description: One.}}
    patch:
      operationId: patchItem
      parameters: [{name: If-Match, in: header, schema: {type: string, minLength: 1, maxLength: 1024}}]
      requestBody:
        content:
          application/json: &patch {schema: {type: object, additionalProperties: false, properties: {name: {type: string}}}}
          application/merge-patch+json: *patch
      responses: {'200': {description: Changed.}}
    delete:
      operationId: deleteItem
      responses: {'204': {description: Gone.}}
  /items/{itemId}/parts/{part}:
    get:
      operationId: getPart
      parameters:
        - {name: itemId, in: path, required: true, schema: {$ref: '#/components/schemas/Identifier'}}
        - {name: part, in: path, required: true, schema: {type: string, maxLength: 20}}
      responses: {'200': {description: A part.}}
components:
  schemas:
    Identifier: {type: integer, format: int64, minimum: 1, maximum: 9223372036854775807}
    NewItem:
      type: object
      additionalProperties: false
      required: [name]
      properties:
        name: {type: string, minLength: 1, maxLength: 100}
        owner: {$ref: '#/components/schemas/Identifier'}
        parent: {type: [integer, 'null']}
        weight: {type: number, minimum: 0}
        kind: {enum: [scene, act]}
        born: {type: string, format: date-time}
        code: {type: string, pattern: '^[a-z]+$'}
        tags: {type: array, uniqueItems: true, maxItems: 3, items: {type: string}}
        data: {type: object, maxProperties: 2}
`

const testMigration = `-- +goose Up
CREATE TABLE items (item_id INTEGER PRIMARY KEY, name TEXT NOT NULL, revision BIGINT NOT NULL DEFAULT 1);
`

// behaviour is what the test service's handlers share.
type behaviour struct {
	db          *storage.DB
	handleError func(w http.ResponseWriter, r *http.Request, err error)
	runs        *sync.Map // name -> times created, including those undone
	// "wait" waits for release; waiting counts those that do.
	release chan struct{}
	waiting atomic.Int32
}

func newBehaviour() *behaviour { return &behaviour{runs: &sync.Map{}, release: make(chan struct{})} }

func testMigrations() fs.FS {
	return fstest.MapFS{"00001_items.sql": {Data: []byte(testMigration)}}
}

func testDefinition() Definition {
	return newBehaviour().definition()
}

func (b *behaviour) definition() Definition {
	return Definition{Name: "items", OpenAPI: []byte(testDocument), Migrations: testMigrations(), Register: b.register}
}

func (b *behaviour) register(router *mux.Router, deps Dependencies) {
	b.db, b.handleError = deps.DB, deps.HandleError
	router.HandleFunc("/items", b.list).Methods(http.MethodGet)
	router.HandleFunc("/items", b.create).Methods(http.MethodPost)
	router.HandleFunc("/items/{itemId}", b.get).Methods(http.MethodGet)
	router.HandleFunc("/items/{itemId}", b.patch).Methods(http.MethodPatch)
	router.HandleFunc("/items/{itemId}", b.remove).Methods(http.MethodDelete)
	router.HandleFunc("/items/{itemId}/parts/{part}", b.part).Methods(http.MethodGet)
	router.HandleFunc("/items/batch", b.createMany).Methods(http.MethodPost)
}

type item struct {
	ItemID int64  `json:"itemId"`
	Name   string `json:"name"`
}

// badParamError looks like the errors of generated code.
type badParamError struct{ ParamName string }

func (e *badParamError) Error() string { return "Invalid format for parameter " + e.ParamName }

// create does what the name asks for, else it creates an item of that name.
func (b *behaviour) create(w http.ResponseWriter, r *http.Request) {
	var given item
	if err := json.NewDecoder(r.Body).Decode(&given); err != nil {
		b.handleError(w, r, err)
		return
	}
	switch given.Name {
	case "panic":
		panic("secret of the handler")
	case "panic after writing":
		io.WriteString(w, `{"itemId":`)
		panic("too late")
	case "abort":
		panic(http.ErrAbortHandler)
	case "silent":
		return
	case "wait":
		b.waiting.Add(1)
		<-b.release
	case "bad parameter":
		b.handleError(w, r, &badParamError{ParamName: "X-Note"})
		return
	case "error":
		b.handleError(w, r, errors.New("SELECT secret FROM items"))
		return
	case "full":
		b.handleError(w, r, storage.ErrFull)
		return
	case "cancelled":
		b.handleError(w, r, context.Canceled)
		return
	}
	times, _ := b.runs.LoadOrStore(given.Name, new(int))
	*times.(*int)++ // the writer runs one at a time; others do not count
	created, err := b.insert(r.Context(), given.Name)
	if err != nil {
		b.handleError(w, r, err)
		return
	}
	if given.Name == "conflict" {
		b.handleError(w, r, Conflict("taken", "The name is taken."))
		return
	}
	w.Header().Set("ETag", ETag(1))
	w.Header().Set("Location", "/items/"+strconv.FormatInt(created.ItemID, 10))
	w.Header().Set("X-Private", "not kept")
	send(w, http.StatusCreated, created)
}

func (b *behaviour) insert(ctx context.Context, name string) (item, error) {
	return storage.WriteValue(ctx, b.db, func(tx *storage.Tx) (item, error) {
		created := item{Name: name}
		err := tx.QueryRow("INSERT INTO items (name) VALUES ($1) RETURNING item_id", []any{name}, &created.ItemID)
		return created, err
	})
}

func (b *behaviour) createMany(w http.ResponseWriter, r *http.Request) {
	send(w, http.StatusCreated, []item{})
}

func (b *behaviour) list(w http.ResponseWriter, r *http.Request) {
	page := PageOf(r.Context())
	var where storage.Where
	if name := r.URL.Query().Get("name"); name != "" {
		where.And("name = ?", name)
	}
	clause, arguments := where.Page("item_id", page.After, page.Limit)
	items, err := storage.ReadValue(r.Context(), b.db, func(tx *storage.Tx) ([]item, error) {
		return storage.All(tx, "SELECT item_id, name FROM items"+clause, arguments,
			func(row func(dest ...any) error, i *item) error { return row(&i.ItemID, &i.Name) })
	})
	if err != nil {
		b.handleError(w, r, err)
		return
	}
	items, next := CutPage(page, items, func(i item) int64 { return i.ItemID })
	if next != nil {
		w.Header().Set("Link", *next)
	}
	send(w, http.StatusOK, items)
}

func (b *behaviour) find(r *http.Request) (found item, revision int64, err error) {
	id, _ := strconv.ParseInt(mux.Vars(r)["itemId"], 10, 64)
	err = b.db.Read(r.Context(), func(tx *storage.Tx) error {
		return tx.QueryRow("SELECT item_id, name, revision FROM items WHERE item_id = $1", []any{id},
			&found.ItemID, &found.Name, &revision)
	})
	if storage.IsNoRows(err) {
		err = NotFound("item", id)
	}
	return found, revision, err
}

func (b *behaviour) get(w http.ResponseWriter, r *http.Request) {
	found, revision, err := b.find(r)
	if err != nil {
		b.handleError(w, r, err)
		return
	}
	w.Header().Set("ETag", ETag(revision))
	send(w, http.StatusOK, found)
}

func (b *behaviour) patch(w http.ResponseWriter, r *http.Request) {
	found, revision, err := b.find(r)
	if values := r.Header.Values("If-Match"); err == nil && len(values) > 0 {
		err = CheckMatch(&values[0], revision)
	}
	if err != nil {
		b.handleError(w, r, err)
		return
	}
	send(w, http.StatusOK, found)
}

func (b *behaviour) remove(w http.ResponseWriter, _ *http.Request) {
	w.WriteHeader(http.StatusNoContent)
}

func (b *behaviour) part(w http.ResponseWriter, r *http.Request) {
	send(w, http.StatusOK, mux.Vars(r))
}

func send(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(value)
}

// testAPI is the test service with its log.
type testAPI struct {
	*API
	t         testing.TB
	behaviour *behaviour
	path      string
	log       *logBuffer
}

// logBuffer takes the log lines of many goroutines.
type logBuffer struct {
	lock sync.Mutex
	text bytes.Buffer
}

func (l *logBuffer) Write(line []byte) (int, error) {
	l.lock.Lock()
	defer l.lock.Unlock()
	return l.text.Write(line)
}

func (l *logBuffer) String() string {
	l.lock.Lock()
	defer l.lock.Unlock()
	return l.text.String()
}

func (l *logBuffer) Reset() {
	l.lock.Lock()
	defer l.lock.Unlock()
	l.text.Reset()
}

func newTestAPI(t testing.TB, options Options) *testAPI {
	t.Helper()
	return openTestAPI(t, filepath.Join(t.TempDir(), "items.db"), options)
}

func openTestAPI(t testing.TB, path string, options Options) *testAPI {
	t.Helper()
	s := &testAPI{t: t, path: path, log: &logBuffer{}, behaviour: newBehaviour()}
	if options.Logger == nil {
		options.Logger = slog.New(slog.NewJSONHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	instance, err := Open(t.Context(), s.behaviour.definition(), "file:"+path, options)
	if err != nil {
		t.Fatal(err)
	}
	s.API = instance.API
	t.Cleanup(func() {
		if err := instance.Close(); err != nil {
			t.Error(err)
		}
	})
	s.log.Reset() // what opening the database logged
	return s
}

// do sends a request to the API without a network. headers are name, value…
func (s *testAPI) do(method, target, body string, headers ...string) *httptest.ResponseRecorder {
	s.t.Helper()
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	return s.serve(r)
}

func (s *testAPI) serve(r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

// problemOf decodes a problem document and checks what all of them have.
func problemOf(t testing.TB, w *httptest.ResponseRecorder) (p struct {
	Type, Title, Detail, Instance, Message, Code, RequestID string
	Status                                                  int
	Errors                                                  []struct{ Pointer, Reason string }
}) {
	t.Helper()
	if got := w.Header().Get("Content-Type"); got != "application/problem+json" {
		t.Fatalf("Content-Type: got %q: %s", got, w.Body)
	}
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
		t.Fatalf("%v: %s", err, w.Body)
	}
	if p.Status != w.Code || p.Type != "about:blank" || p.Title == "" || p.Code == "" || p.Message == "" || p.Message != p.Detail {
		t.Errorf("incomplete problem document with status %d: %s", w.Code, w.Body)
	}
	if p.RequestID == "" || p.RequestID != w.Header().Get("X-Request-Id") {
		t.Errorf("requestId %q is not that of the header, %q", p.RequestID, w.Header().Get("X-Request-Id"))
	}
	return p
}

// newServer serves the API on a real connection.
func (s *testAPI) newServer(change func(*http.Server)) *httptest.Server {
	s.t.Helper()
	server := httptest.NewUnstartedServer(nil)
	server.Config = NewServer(s.API, s.logger)
	if change != nil {
		change(server.Config)
	}
	server.Start()
	s.t.Cleanup(server.Close)
	return server
}

func waitUntil(t testing.TB, what string, happened func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !happened(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s did not happen", what)
		}
	}
}
