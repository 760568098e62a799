// The plugin rate-limiting: how often may a client ask?

package gateway

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// period is one of Kong's fixed windows. They follow the calendar in UTC: the
// minute ends when the clock says so, not a minute after the first request.
type period struct {
	name    string
	seconds int64
	start   func(time.Time) time.Time
}

// periods has the lengths that Kong reckons with, a month of 30 days included.
var periods = []period{
	{"Second", 1, func(t time.Time) time.Time { return t.Truncate(time.Second) }},
	{"Minute", 60, func(t time.Time) time.Time { return t.Truncate(time.Minute) }},
	{"Hour", 3600, func(t time.Time) time.Time { return t.Truncate(time.Hour) }},
	{"Day", 86400, func(t time.Time) time.Time { return t.Truncate(24 * time.Hour) }},
	{"Month", 30 * 86400, func(t time.Time) time.Time {
		return time.Date(t.Year(), t.Month(), 1, 0, 0, 0, 0, time.UTC)
	}},
	{"Year", 365 * 86400, func(t time.Time) time.Time {
		return time.Date(t.Year(), time.January, 1, 0, 0, 0, 0, time.UTC)
	}},
}

// limit is how many requests fit into a period.
type limit struct {
	period
	count           int
	limitHeader     string
	remainingHeader string
}

func newLimit(p period, count int) limit {
	return limit{
		period:          p,
		count:           count,
		limitHeader:     "X-Ratelimit-Limit-" + p.name,
		remainingHeader: "X-Ratelimit-Remaining-" + p.name,
	}
}

// mostClients bounds the memory of a plugin. Beyond it, counters of other
// clients are forgotten, as Kong's shared memory does when it is full.
const mostClients = 1 << 16

// rateLimiting counts the requests of each client. Unlike Kong, which reads a
// counter first and adds to it later, it lets exactly as many pass as it says.
type rateLimiting struct {
	limits     []limit
	byIP       bool
	hidden     bool // clients are not told
	refusal    refusal
	now        func() time.Time
	mu         sync.Mutex
	clients    map[string]*clientCounter
	lastExpiry int64
}

// clientCounter holds what one client has used, limit by limit.
type clientCounter struct {
	windows []window
	expires int64 // when no window is current any more
}

type window struct {
	start int64
	used  int
}

func (s *rateLimitingSettings) install(chain *chain, g *Gateway) {
	plugin := &rateLimiting{
		limits:  s.limits(),
		byIP:    s.LimitBy == "ip",
		hidden:  s.HideClientHeaders,
		now:     g.options.Now,
		clients: make(map[string]*clientCounter),
	}
	var allowed []string
	for _, limit := range plugin.limits {
		allowed = append(allowed, fmt.Sprintf("%d a %s", limit.count, strings.ToLower(limit.name)))
	}
	plugin.refusal = refusal{
		status:  s.ErrorCode,
		code:    "rate_limited",
		message: s.ErrorMessage,
		detail:  "You may send " + strings.Join(allowed, " and ") + " requests. Wait as many seconds as Retry-After says, then go on.",
	}
	chain.rateLimit = plugin
}

// admit counts the request or refuses it.
func (l *rateLimiting) admit(x *exchange) bool {
	client := ""
	if !l.byIP && x.consumer != nil {
		client = x.consumer.id
	} else {
		client = x.clientIP()
	}
	state := l.take(client)
	if !l.hidden {
		x.limits = &state
	}
	if state.exceeded {
		x.Header().Set("Retry-After", strconv.FormatInt(state.reset, 10))
		return x.refuse(l.refusal)
	}
	return true
}

// take uses up one request of client, if it has one left in every period.
func (l *rateLimiting) take(client string) limitState {
	now := l.now().UTC()
	l.mu.Lock()
	defer l.mu.Unlock()
	counter := l.counter(client, now)
	exceeded := false
	for i, limit := range l.limits {
		exceeded = exceeded || counter.windows[i].used >= limit.count
	}
	state := limitState{limits: l.limits, exceeded: exceeded, remaining: make([]int, len(l.limits))}
	for i, limit := range l.limits {
		if !exceeded {
			counter.windows[i].used++
		}
		state.remaining[i] = max(0, limit.count-counter.windows[i].used)
		// The tightest limit is the one to tell, and of two the longer.
		if i == 0 || state.remaining[i] <= state.remaining[state.tightest] {
			state.tightest = i
			state.reset = max(1, limit.seconds-(now.Unix()-counter.windows[i].start))
		}
	}
	return state
}

// counter returns the counter of client, with windows that have ended emptied.
func (l *rateLimiting) counter(client string, now time.Time) *clientCounter {
	l.expire(now.Unix())
	counter := l.clients[client]
	if counter == nil {
		for other := range l.clients {
			if len(l.clients) < mostClients {
				break
			}
			delete(l.clients, other)
		}
		counter = &clientCounter{windows: make([]window, len(l.limits))}
		l.clients[client] = counter
	}
	for i, limit := range l.limits {
		start := limit.start(now).Unix()
		if counter.windows[i].start != start {
			counter.windows[i] = window{start: start}
			counter.expires = max(counter.expires, start+limit.seconds)
		}
	}
	return counter
}

// expire forgets clients whose windows have all ended. Once per shortest period
// is enough to bound the memory.
func (l *rateLimiting) expire(now int64) {
	if now-l.lastExpiry < l.limits[0].seconds {
		return
	}
	l.lastExpiry = now
	for client, counter := range l.clients {
		if counter.expires <= now {
			delete(l.clients, client)
		}
	}
}

// limitState is what a client has left after a request.
type limitState struct {
	limits    []limit
	remaining []int
	tightest  int
	reset     int64 // seconds until the tightest limit starts anew
	exceeded  bool
}

func (s *limitState) writeTo(header http.Header) {
	for i, limit := range s.limits {
		header[limit.limitHeader] = []string{strconv.Itoa(limit.count)}
		header[limit.remainingHeader] = []string{strconv.Itoa(s.remaining[i])}
	}
	header["Ratelimit-Limit"] = []string{strconv.Itoa(s.limits[s.tightest].count)}
	header["Ratelimit-Remaining"] = []string{strconv.Itoa(s.remaining[s.tightest])}
	header["Ratelimit-Reset"] = []string{strconv.FormatInt(s.reset, 10)}
}
