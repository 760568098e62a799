// Connections that do not behave: floods, slow senders, and many that idle.
package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// perSource is how many connections one address of this machine opens: there
	// are 28,000 ports for those that have not been closed long enough yet.
	perSource = 20_000
	// sourceNetwork holds the addresses that connections come from.
	sourceNetwork = "127.1.0.0"
	dialIn        = 10 * time.Second
	// dialers is how many connections are opened at once.
	dialers = 32
)

// dialFrom opens the connection with the number i; the number chooses the
// address that it comes from, as often as perSource allows.
func dialFrom(ctx context.Context, address string, i int) (net.Conn, error) {
	source := net.ParseIP(sourceNetwork).To4()
	source[2], source[3] = byte(i/perSource/250), byte(1+i/perSource%250)
	dialer := net.Dialer{Timeout: dialIn, LocalAddr: &net.TCPAddr{IP: source}}
	return dialer.DialContext(ctx, "tcp", address)
}

// flood opens and leaves connections for a while: after a whole request, after
// half a one, after nothing. It returns how many it was.
func flood(ctx context.Context, address string, length time.Duration) int64 {
	ctx, cancel := context.WithTimeout(ctx, length)
	defer cancel()
	var opened atomic.Int64
	var all sync.WaitGroup
	for number := range dialers {
		all.Go(func() {
			for i := number; ctx.Err() == nil; i += dialers {
				// Each from another address, so that ports have time to rest.
				connection, err := dialFrom(ctx, address, i%250*perSource)
				if err != nil {
					continue
				}
				opened.Add(1)
				whole := "GET / HTTP/1.1\r\nHost: flood.invalid\r\nConnection: close\r\n\r\n"
				_, _ = io.WriteString(connection, whole[:len(whole)*(i%3)/2])
				if i%3 == 2 {
					_ = connection.SetReadDeadline(time.Now().Add(dialIn))
					_, _ = io.Copy(io.Discard, connection)
				}
				_ = connection.Close()
			}
		})
	}
	all.Wait()
	return opened.Load()
}

// slowSenders are clients that send a byte now and then.
type slowSenders struct {
	all sync.WaitGroup
	// cut counts those that the server has sent away, alive those that it has
	// not when their time was over.
	cut, alive atomic.Int64
}

// start lets count clients send first at once and then, byte by byte, filler
// without end. What is not cut off within bound counts as alive.
func (s *slowSenders) start(ctx context.Context, address string, count int, first string, bound time.Duration) error {
	for i := range count {
		connection, err := dialFrom(ctx, address, i)
		if err != nil {
			return fmt.Errorf("slow client %d: %w", i, err)
		}
		s.all.Go(func() {
			defer connection.Close()
			if dripsUntilCut(ctx, connection, first, bound) {
				s.cut.Add(1)
			} else {
				s.alive.Add(1)
			}
		})
	}
	return nil
}

// dripsUntilCut reports whether the server ended the connection within bound.
func dripsUntilCut(ctx context.Context, connection net.Conn, first string, bound time.Duration) bool {
	if _, err := io.WriteString(connection, first); err != nil {
		return true
	}
	buffer := make([]byte, 512)
	for began := time.Now(); time.Since(began) < bound && ctx.Err() == nil; {
		_ = connection.SetDeadline(time.Now().Add(500 * time.Millisecond))
		if _, err := connection.Write([]byte("x")); err != nil {
			return true
		}
		_, err := connection.Read(buffer)
		if timeout, ok := err.(net.Error); err != nil && !(ok && timeout.Timeout()) {
			return true
		}
	}
	return false
}

// idlers are connections that have been answered once and then wait.
type idlers struct {
	mutex sync.Mutex
	open  []net.Conn
}

// fill opens count connections. It returns an error if one cannot be opened.
func (i *idlers) fill(ctx context.Context, address string, count int) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var next atomic.Int64
	var all sync.WaitGroup
	for range dialers {
		all.Go(func() {
			for ctx.Err() == nil {
				number := int(next.Add(1)) - 1
				if number >= count {
					return
				}
				connection, err := dialFrom(ctx, address, number)
				if err == nil {
					i.keep(connection)
					err = askOnce(connection)
				}
				if err != nil {
					cancel(fmt.Errorf("idle connection %d: %w", number, err))
				}
			}
		})
	}
	all.Wait()
	return context.Cause(ctx)
}

func (i *idlers) keep(connection net.Conn) {
	i.mutex.Lock()
	defer i.mutex.Unlock()
	i.open = append(i.open, connection)
}

// askOnce sends a request that the gateway answers by itself.
func askOnce(connection net.Conn) error {
	_ = connection.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(connection, "GET / HTTP/1.1\r\nHost: idle.invalid\r\n\r\n"); err != nil {
		return err
	}
	response, err := http.ReadResponse(bufio.NewReaderSize(connection, 1024), nil)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		return err
	}
	if response.StatusCode != http.StatusNotFound {
		return fmt.Errorf("got %s", response.Status)
	}
	return nil
}

// askSome asks again on every hundredth connection and returns the first error.
func (i *idlers) askSome() error {
	for number := 0; number < len(i.open); number += 100 {
		if err := askOnce(i.open[number]); err != nil {
			return fmt.Errorf("idle connection %d: %w", number, err)
		}
	}
	return nil
}

func (i *idlers) close() {
	for _, connection := range i.open {
		_ = connection.Close()
	}
	i.open = nil
}
