package localstack

import (
	"context"
	"fmt"
	"net"
	"sync"
)

// network connects callers to listeners by address, inside the process: the
// gateway reaches the services by the names kong.yml has for them, and nobody
// else can.
type network struct {
	lock      sync.Mutex
	listeners map[string]*insideListener
}

func newNetwork() *network { return &network{listeners: map[string]*insideListener{}} }

// listen returns the listener of address, made by whoever comes first, caller
// or service, so that neither has to wait for the other to start.
func (n *network) listen(address string) *insideListener {
	n.lock.Lock()
	defer n.lock.Unlock()
	if n.listeners[address] == nil {
		n.listeners[address] = &insideListener{
			address: insideAddress(address), waiting: make(chan net.Conn), closed: make(chan struct{}),
		}
	}
	return n.listeners[address]
}

// dial connects to the listener of address.
func (n *network) dial(ctx context.Context, _, address string) (net.Conn, error) {
	listener := n.listen(address)
	near, far := net.Pipe()
	select {
	case listener.waiting <- far:
		return near, nil
	case <-listener.closed:
		return nil, fmt.Errorf("dial %s: the service has stopped", address)
	case <-ctx.Done():
		return nil, fmt.Errorf("dial %s: %w", address, ctx.Err())
	}
}

type insideListener struct {
	address insideAddress
	waiting chan net.Conn
	closed  chan struct{}
	once    sync.Once
}

func (l *insideListener) Accept() (net.Conn, error) {
	select {
	case conn := <-l.waiting:
		return conn, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *insideListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *insideListener) Addr() net.Addr { return l.address }

type insideAddress string

func (a insideAddress) Network() string { return "inside" }
func (a insideAddress) String() string  { return string(a) }
