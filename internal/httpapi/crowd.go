// Many connections: room is kept for those that come.
package httpapi

import (
	"container/list"
	"crypto/tls"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"syscall"
	"time"
)

const (
	// complainEvery is how often the log tells of too many connections.
	complainEvery = time.Minute
	// unknownLimit is for systems that do not tell how many files a process may
	// have, fewest for those that allow next to none.
	unknownLimit = 4096
	fewest       = 16
)

// crowd closes connections that wait for a request, the one that has waited
// longest first, when there are more than most. A process without a descriptor
// to spare can accept nobody and open no file: without this, clients that open
// connections and send nothing, or a header byte by byte, would shut all others
// out for as long as the time limits let them. Requests under way are never cut.
type crowd struct {
	most  int
	mutex sync.Mutex
	open  map[net.Conn]*list.Element // nil while a request is under way
	// waiting holds connections without a request, the longest waiting first.
	waiting    list.List
	complained time.Time
}

// processCrowd is for all servers of the process, since its descriptors are.
var processCrowd = newCrowd(connectionLimit())

func newCrowd(most int) *crowd { return &crowd{most: most, open: map[net.Conn]*list.Element{}} }

// track returns what a server calls for each change of its connections.
func (c *crowd) track(logger *slog.Logger) func(net.Conn, http.ConnState) {
	return func(connection net.Conn, state http.ConnState) {
		connection = beneath(connection)
		if _, hasDescriptor := connection.(syscall.Conn); !hasDescriptor {
			return // from inside the process
		}
		if surplus := c.note(connection, state); surplus != nil {
			c.complain(logger)
			// A failure means that it is closed already.
			_ = surplus.Close()
		}
	}
}

// note takes down the state of a connection and returns one to close, if any.
func (c *crowd) note(connection net.Conn, state http.ConnState) (surplus net.Conn) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if place := c.open[connection]; place != nil {
		c.waiting.Remove(place)
	}
	switch state {
	case http.StateNew, http.StateIdle:
		c.open[connection] = c.waiting.PushBack(connection)
	case http.StateActive:
		c.open[connection] = nil
	default:
		delete(c.open, connection)
	}
	if state != http.StateNew || len(c.open) <= c.most {
		return nil
	}
	// There is at least the one that came just now.
	longest := c.waiting.Remove(c.waiting.Front()).(net.Conn)
	delete(c.open, longest)
	return longest
}

func (c *crowd) complain(logger *slog.Logger) {
	c.mutex.Lock()
	silent := time.Since(c.complained) < complainEvery
	if !silent {
		c.complained = time.Now()
	}
	c.mutex.Unlock()
	if !silent {
		logger.Warn("too many connections; those that wait longest for a request are closed", "limit", c.most)
	}
}

// beneath returns the connection that TLS runs over: to close that one takes no
// farewell, for which nobody has the time here.
func beneath(connection net.Conn) net.Conn {
	if secure, ok := connection.(*tls.Conn); ok {
		return secure.NetConn()
	}
	return connection
}
