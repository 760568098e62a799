package replicatest

import (
	"io"
	"net"
	"sync"
	"testing"
)

// Proxy stands before a server and can be cut.
type Proxy struct {
	// Address is its host and port.
	Address string
	target  string

	mutex sync.Mutex
	state State
	open  map[net.Conn]bool
}

// State is how a Proxy treats connections.
type State int

// The states.
const (
	// Open passes everything on.
	Open State = iota
	// Cut closes connections and refuses new ones.
	Cut
	// Silent takes connections and answers nothing, as a network that loses all.
	Silent
	// Stalled does so too, and with connections that are open already.
	Stalled
)

// NewProxy starts a proxy of the server at target, HOST:PORT.
func NewProxy(t testing.TB, target string) *Proxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{Address: listener.Addr().String(), target: target, open: map[net.Conn]bool{}}
	t.Cleanup(func() {
		_ = listener.Close()
		p.Turn(Cut)
	})
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go p.carry(conn)
		}
	}()
	return p
}

// Turn changes the state. Connections that are open are closed, unless it is Stalled.
func (p *Proxy) Turn(state State) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if p.state = state; state == Stalled {
		return
	}
	for conn := range p.open {
		_ = conn.Close()
	}
	clear(p.open)
}

// admit remembers a connection, and says what becomes of it.
func (p *Proxy) admit(conns ...net.Conn) State {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	for _, conn := range conns {
		p.open[conn] = true
	}
	return p.state
}

func (p *Proxy) carry(near net.Conn) {
	defer near.Close()
	switch p.admit(near) {
	case Cut:
		return
	case Silent, Stalled:
		_, _ = io.Copy(io.Discard, near)
		return
	}
	far, err := net.Dial("tcp", p.target)
	if err != nil {
		return
	}
	defer far.Close()
	if p.admit(far) != Open {
		return
	}
	go func() {
		_, _ = io.Copy(gate{p, far}, near)
		_ = far.Close()
	}()
	_, _ = io.Copy(gate{p, near}, far)
}

// gate loses what is written while the Proxy is Stalled.
type gate struct {
	*Proxy
	io.Writer
}

func (g gate) Write(piece []byte) (int, error) {
	if g.admit() == Stalled {
		return len(piece), nil
	}
	return g.Writer.Write(piece)
}
