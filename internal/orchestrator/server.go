package orchestrator

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"go.yaml.in/yaml/v3"

	"fountain.coach/fountainai/internal/client"
	"fountain.coach/fountainai/internal/httpapi/problem"
)

//go:embed openapi.yaml
var document []byte

const (
	largestQuestion = 64 << 10
	heartbeat       = 10 * time.Second // shorter than the read timeout of gateways
	toolsAge        = 5 * time.Minute
)

// Server answers questions over HTTP, as its OpenAPI document says. Everybody
// asks with a key of the gateway, and can do through a model what the key allows.
type Server struct {
	// API is the gateway; the key of each request takes the place of its own.
	API *client.Client
	// Model that is asked; nil: every question is refused with what to configure.
	Model  Model
	Limits Limits
	Logger *slog.Logger
	// PublicURL is the address in the OpenAPI document. Empty: that of the request.
	PublicURL string
	// Stop, if not nil, ends all questions when it ends; what was done is kept.
	Stop context.Context
	// AtOnce is how many questions are answered at a time. 0: 16.
	AtOnce int

	once    sync.Once
	slots   chan struct{}
	metrics *metrics
	mu      sync.Mutex
	toolbox *Toolbox
	read    time.Time
}

// Handler serves the API, health, metrics and the OpenAPI document.
func (s *Server) Handler() http.Handler {
	s.init()
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/ask", s.ask)
	mux.HandleFunc("POST /v1/undo", s.undo)
	mux.HandleFunc("GET /v1/tools", s.tools)
	mux.HandleFunc("GET /openapi.yaml", s.openapi)
	mux.HandleFunc("GET /openapi.json", s.openapi)
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, map[string]string{"status": "alive"})
	})
	mux.HandleFunc("GET /readyz", s.ready)
	mux.Handle("GET /metrics", inside(s.metrics.handler()))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, pattern := mux.Handler(r); pattern != "" {
			mux.ServeHTTP(w, r)
			return
		}
		refusal := &statusOnly{header: http.Header{}}
		mux.ServeHTTP(refusal, r)
		if allow := refusal.header.Get("Allow"); allow != "" {
			w.Header().Set("Allow", allow)
			problem.Write(w, r, problem.New(http.StatusMethodNotAllowed, "method_not_allowed", "This path takes "+allow+"."))
			return
		}
		problem.Write(w, r, problem.New(http.StatusNotFound, "not_found", "There is nothing here; /openapi.json says what there is."))
	})
}

// inside keeps what is for Prometheus from those who come through the gateway,
// whose route to here asks for no key.
func inside(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Forwarded-For") != "" || r.Header.Get("X-Forwarded-Host") != "" {
			problem.Write(w, r, problem.New(http.StatusNotFound, "not_found", "Metrics are not given out through the gateway."))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// statusOnly takes the mux's own refusals, whose headers say which methods there are.
type statusOnly struct{ header http.Header }

func (s *statusOnly) Header() http.Header            { return s.header }
func (s *statusOnly) WriteHeader(int)                {}
func (s *statusOnly) Write(text []byte) (int, error) { return len(text), nil }

func (s *Server) init() {
	s.once.Do(func() {
		if s.AtOnce == 0 {
			s.AtOnce = 16
		}
		if s.Logger == nil {
			s.Logger = slog.New(slog.DiscardHandler)
		}
		s.slots = make(chan struct{}, s.AtOnce)
		s.metrics = newMetrics()
	})
}

// Question is the body of POST /v1/ask.
type Question struct {
	// Question in words.
	Question string `json:"question"`
	// Session to continue; 0: a new one.
	Session int64 `json:"session"`
	// UserID of a new session. 0: 1.
	UserID int64 `json:"userId"`
	// AllowDestructive lets the model delete.
	AllowDestructive bool `json:"allowDestructive"`
	// ReadOnly lets it only look.
	ReadOnly bool `json:"readOnly"`
	// DryRun shows calls that change something, and does not make them.
	DryRun bool `json:"dryRun"`
}

// Answer is what a client that wants no stream is given.
type Answer struct {
	Answer  string       `json:"answer"`
	Session int64        `json:"session"`
	Calls   []*CallEvent `json:"calls"`
	Notes   []string     `json:"notes,omitempty"`
	Written []Written    `json:"written"`
	Usage   *Usage       `json:"usage"`
}

// caller checks the key of a request and returns a client with it.
func (s *Server) caller(r *http.Request) (*client.Client, error) {
	key := r.Header.Get("X-API-Key")
	if key == "" {
		return nil, problem.New(http.StatusUnauthorized, "missing_api_key", "Send a key of the gateway as X-API-Key.")
	}
	api := s.API.WithKey(key)
	_, err := api.Call(r.Context(), client.Request{Service: "sessioncontext", Method: http.MethodGet, Path: "/sessions?limit=1"})
	return api, err
}

// discovered returns the tools, read anew from time to time: services are upgraded.
func (s *Server) discovered(ctx context.Context) (*Toolbox, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.toolbox != nil && time.Since(s.read) < toolsAge {
		return s.toolbox, nil
	}
	toolbox, err := Discover(ctx, s.API)
	if err != nil {
		return nil, err
	}
	s.toolbox, s.read = toolbox, time.Now()
	return toolbox, nil
}

func (s *Server) ask(w http.ResponseWriter, r *http.Request) {
	var question Question
	if err := decodeBody(w, r, &question); err != nil {
		s.refuse(w, r, err)
		return
	}
	if err := question.check(); err != nil {
		s.refuse(w, r, err)
		return
	}
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	default:
		w.Header().Set("Retry-After", "10")
		s.refuse(w, r, problem.New(http.StatusServiceUnavailable, "busy", fmt.Sprintf("%d questions are being answered; ask again in a moment.", s.AtOnce)))
		return
	}
	agent, conversation, api, err := s.prepare(r, question)
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	if s.Stop != nil {
		defer context.AfterFunc(s.Stop, cancel)()
	}
	r = r.WithContext(ctx)
	save := question.keep(conversation, api)
	begun := time.Now()
	if wantsStream(r) {
		err = s.stream(w, r, agent, conversation, question, save)
	} else {
		err = s.whole(w, r, agent, conversation, question, save)
	}
	s.metrics.question(err, time.Since(begun))
	s.Logger.Info("question answered", "session", conversation.Session(), "seconds", time.Since(begun).Seconds(), "error", err)
}

func (q Question) check() error {
	switch {
	case strings.TrimSpace(q.Question) == "":
		return problem.New(http.StatusBadRequest, "invalid_request", "/question: is required.")
	case q.Session < 0 || q.UserID < 0:
		return problem.New(http.StatusBadRequest, "invalid_request", "/session and /userId must be positive.")
	case q.ReadOnly && q.AllowDestructive:
		return problem.New(http.StatusBadRequest, "invalid_request", "/readOnly and /allowDestructive contradict each other.")
	}
	return nil
}

// keep returns what saves the conversation after each turn. Nothing is kept of
// a dry run, nor of a look by a key that may only read.
func (q Question) keep(conversation *Conversation, api *client.Client) func(context.Context) error {
	if q.DryRun {
		return nil
	}
	return func(ctx context.Context) error {
		err := conversation.Save(ctx, api, max(q.UserID, 1))
		if q.ReadOnly && client.Status(err) == http.StatusForbidden {
			return nil
		}
		return err
	}
}

// prepare puts together what is needed to answer.
func (s *Server) prepare(r *http.Request, question Question) (*Agent, *Conversation, *client.Client, error) {
	api, err := s.caller(r)
	if err != nil {
		return nil, nil, nil, err
	}
	if s.Model == nil {
		return nil, nil, nil, problem.New(http.StatusServiceUnavailable, "no_model", "No model is configured: set OPENAI_API_KEY, or OPENAI_BASE_URL for another OpenAI-compatible endpoint, and start again.")
	}
	toolbox, err := s.discovered(r.Context())
	if err != nil {
		return nil, nil, nil, err
	}
	conversation := &Conversation{}
	if question.Session > 0 {
		if conversation, err = Load(r.Context(), api, question.Session); err != nil {
			return nil, nil, nil, err
		}
	}
	caller := &Caller{Toolbox: toolbox, API: api, Permission: Permission{Destructive: question.AllowDestructive, ReadOnly: question.ReadOnly}, Watch: s.metrics.call}
	return &Agent{Model: s.Model, Caller: caller, Limits: s.Limits, Dry: question.DryRun}, conversation, api, nil
}

func wantsStream(r *http.Request) bool {
	accept := r.Header.Get("Accept")
	return !strings.Contains(accept, "application/json") || strings.Contains(accept, "text/event-stream")
}

// stream answers with server-sent events (WHATWG HTML, section 9.2).
func (s *Server) stream(w http.ResponseWriter, r *http.Request, agent *Agent, conversation *Conversation, question Question, save func(context.Context) error) error {
	header := w.Header()
	header.Set("Content-Type", "text/event-stream")
	header.Set("Cache-Control", "no-store")
	header.Set("X-Accel-Buffering", "no") // nginx, and Kong with it, would hold the stream back
	control := http.NewResponseController(w)
	_ = control.SetWriteDeadline(time.Time{})
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	var mu sync.Mutex
	send := func(text string) {
		mu.Lock()
		defer mu.Unlock()
		if _, err := io.WriteString(w, text); err != nil || control.Flush() != nil {
			cancel() // nobody listens: nothing more is to be done for them
		}
	}
	var beating sync.WaitGroup
	beating.Go(func() {
		for {
			select {
			case <-ctx.Done():
				return
			case <-time.After(heartbeat):
				send(": still at work\n\n")
			}
		}
	})
	told := conversation.Session()
	emit := func(event Event) {
		if id := conversation.Session(); id != told && event.Type != EventSession {
			told = id
			send(sse(Event{Type: EventSession, Session: id}))
		}
		send(sse(event))
	}
	if told != 0 {
		send(sse(Event{Type: EventSession, Session: told}))
	}
	err := agent.Ask(ctx, conversation, question.Question, emit, save)
	cancel()
	beating.Wait()
	return err
}

func sse(event Event) string {
	content, err := json.Marshal(event)
	if err != nil {
		return ": an event could not be written\n\n"
	}
	return "event: " + event.Type + "\ndata: " + string(content) + "\n\n"
}

// whole answers with one JSON document when all is done.
func (s *Server) whole(w http.ResponseWriter, r *http.Request, agent *Agent, conversation *Conversation, question Question, save func(context.Context) error) error {
	_ = http.NewResponseController(w).SetWriteDeadline(time.Time{})
	answer := Answer{Calls: []*CallEvent{}, Written: []Written{}}
	var trouble *problem.Problem
	err := agent.Ask(r.Context(), conversation, question.Question, func(event Event) {
		switch event.Type {
		case EventText:
			answer.Answer += event.Text
		case EventResult:
			answer.Calls = append(answer.Calls, event.Call)
		case EventNote:
			answer.Notes = append(answer.Notes, event.Text)
		case EventDone, EventError:
			answer.Usage, trouble = event.Usage, event.Problem
			answer.Written = append(answer.Written, event.Written...)
		}
	}, save)
	answer.Session = conversation.Session()
	if trouble != nil {
		if trouble.Detail += fmt.Sprintf(" Session: %d.", answer.Session); trouble.Status < 400 || trouble.Status == 499 {
			trouble.Status = http.StatusBadGateway
		}
		s.refuse(w, r, trouble)
		return err
	}
	writeJSON(w, http.StatusOK, answer)
	return err
}

// undo deletes what a session's questions have made.
func (s *Server) undo(w http.ResponseWriter, r *http.Request) {
	var request struct {
		Session int64 `json:"session"`
	}
	err := decodeBody(w, r, &request)
	if err == nil && request.Session < 1 {
		err = problem.New(http.StatusBadRequest, "invalid_request", "/session: is required.")
	}
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	api, err := s.caller(r)
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	conversation, err := Load(r.Context(), api, request.Session)
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	undone, kept := []Written{}, []map[string]any{}
	_ = Undo(r.Context(), api, conversation, func(change Written, err error) {
		if err == nil {
			undone = append(undone, change)
			return
		}
		kept = append(kept, map[string]any{"change": change, "reason": err.Error()})
	})
	if err := conversation.Save(r.Context(), api, 1); err != nil {
		s.refuse(w, r, err)
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{"undone": undone, "kept": kept})
}

// tools lists what a model can call.
func (s *Server) tools(w http.ResponseWriter, r *http.Request) {
	toolbox, err := s.discovered(r.Context())
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	type entry struct {
		Name        string         `json:"name"`
		Description string         `json:"description"`
		Service     string         `json:"service"`
		Method      string         `json:"method"`
		Path        string         `json:"path"`
		ReadOnly    bool           `json:"readOnly"`
		Destructive bool           `json:"destructive"`
		Schema      map[string]any `json:"schema"`
	}
	all := []entry{}
	for _, t := range toolbox.Tools() {
		all = append(all, entry{t.Name, t.Description, t.Service, t.Method, t.Path, t.ReadOnly, t.Destructive, t.Strict})
	}
	writeJSON(w, http.StatusOK, all)
}

func (s *Server) ready(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 5*time.Second)
	defer cancel()
	if _, err := s.discovered(ctx); err != nil {
		problem.Write(w, r, problem.New(http.StatusServiceUnavailable, "not_ready", "The services cannot be reached through the gateway: "+err.Error()))
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{"status": "ready", "model": s.Model != nil})
}

// openapi serves the document with the address under which it was asked for.
func (s *Server) openapi(w http.ResponseWriter, r *http.Request) {
	address := s.PublicURL
	if address == "" {
		scheme := "http"
		if r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https" {
			scheme = "https"
		}
		address = scheme + "://" + r.Host
	}
	var tree map[string]any
	if err := yaml.Unmarshal(document, &tree); err != nil {
		s.refuse(w, r, err)
		return
	}
	tree["servers"] = []any{map[string]any{"url": address}}
	w.Header().Set("Cache-Control", "no-cache")
	if strings.HasSuffix(r.URL.Path, ".json") {
		writeJSON(w, http.StatusOK, tree)
		return
	}
	content, err := yaml.Marshal(tree)
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "application/yaml")
	_, _ = w.Write(content)
}

// refuse answers with a problem document.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, err error) {
	var p *problem.Problem
	if !errors.As(err, &p) {
		s.Logger.Error("a request failed", "path", r.URL.Path, "error", err)
		p = problem.New(http.StatusBadGateway, "gateway_unreachable", err.Error())
	}
	problem.Write(w, r, p)
}

// decodeBody reads a JSON body strictly.
func decodeBody(w http.ResponseWriter, r *http.Request, into any) error {
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, largestQuestion))
	decoder.DisallowUnknownFields()
	err := decoder.Decode(into)
	if err == nil && decoder.More() {
		err = errors.New("something follows the object")
	}
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return problem.New(http.StatusRequestEntityTooLarge, "body_too_large", fmt.Sprintf("A question has at most %d bytes.", largestQuestion))
	}
	if err != nil {
		return problem.New(http.StatusBadRequest, "invalid_request", "The body is not what this operation takes: "+err.Error())
	}
	return nil
}

func writeJSON(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(value) // the client is gone if this fails
}
