package simulation

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/cespare/xxhash/v2"
)

// network is a network in memory between named hosts, as TCP shows one to its users:
// what is written arrives in order, late, or not before a cut is mended. It works by the
// clock of its bubble.
type network struct {
	mu        sync.Mutex
	listeners map[string]*listener
	// cut are pairs of hosts, from and to, between which nothing passes.
	cut map[[2]string]bool
	// delay is how long what passes takes.
	delay func() time.Duration
	// connections are the ends of those that are open, in the order in which they were made:
	// faults reach them in the same order each time.
	connections []*connection
	// messages is how many writes there were, and done a hash of when and what they wrote.
	messages int
	done     uint64
}

func newNetwork(delay func() time.Duration) *network {
	return &network{listeners: map[string]*listener{}, cut: map[[2]string]bool{}, delay: delay}
}

// side is a host's side of the network, as long as its power is on. It implements
// transport.Network.
type side struct {
	network *network
	host    string
	// off is set when the power is cut; nil for one that stays on.
	off *atomic.Bool
}

// isOff reports whether the power is cut.
func (s side) isOff() bool { return s.off != nil && s.off.Load() }

// address is one of a host: "host:port".
type address string

// Network implements net.Addr.
func (address) Network() string { return "memory" }

// String implements net.Addr.
func (a address) String() string { return string(a) }

// listener takes connections.
type listener struct {
	network *network
	address address
	arrived chan *connection
	closed  chan struct{}
	once    sync.Once
}

// Listen implements transport.Network.
func (s side) Listen(at string) (net.Listener, error) {
	n := s.network
	n.mu.Lock()
	defer n.mu.Unlock()
	if s.isOff() {
		return nil, syscall.ENETDOWN
	}
	if n.listeners[at] != nil {
		return nil, fmt.Errorf("%s: %w", at, syscall.EADDRINUSE)
	}
	l := &listener{network: n, address: address(at), arrived: make(chan *connection, 128), closed: make(chan struct{})}
	n.listeners[at] = l
	return l, nil
}

// Accept implements net.Listener.
func (l *listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.arrived:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (l *listener) Close() error {
	l.once.Do(func() {
		l.network.mu.Lock()
		if l.network.listeners[string(l.address)] == l {
			delete(l.network.listeners, string(l.address))
		}
		l.network.mu.Unlock()
		close(l.closed)
	})
	return nil
}

// Addr implements net.Listener.
func (l *listener) Addr() net.Addr { return l.address }

// Dial implements transport.Network.
func (s side) Dial(ctx context.Context, at string) (net.Conn, error) {
	host, _, err := net.SplitHostPort(at)
	if err != nil {
		return nil, err
	}
	n := s.network
	for n.isCut(s.host, host) || n.isCut(host, s.host) {
		// Without an answer, the dialler tries until it gives up.
		select {
		case <-time.After(200 * time.Millisecond):
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	select {
	case <-time.After(n.delay()):
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if s.isOff() {
		return nil, syscall.ENETDOWN
	}
	l := n.listeners[at]
	if l == nil {
		return nil, fmt.Errorf("%s: %w", at, syscall.ECONNREFUSED)
	}
	there, back := &way{network: n, from: s.host, to: host}, &way{network: n, from: host, to: s.host}
	there.reset()
	back.reset()
	dialled := &connection{network: n, local: address(s.host + ":0"), remote: address(at), in: back, out: there}
	accepted := &connection{network: n, local: address(at), remote: address(s.host + ":0"), in: there, out: back}
	select {
	case l.arrived <- accepted:
	default:
		return nil, fmt.Errorf("%s: %w", at, syscall.ECONNREFUSED)
	}
	n.connections = append(n.connections, dialled, accepted)
	return dialled, nil
}

// count adds a write to what has been done.
func (n *network) count(data []byte) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.messages++
	n.done = (n.done ^ xxhash.Sum64(data) ^ uint64(time.Now().UnixNano())) * 0x9e3779b97f4a7c15
}

func (n *network) isCut(from, to string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.cut[[2]string{from, to}]
}

// setCut cuts what passes from one host to another, or mends it.
func (n *network) setCut(from, to string, isCut bool) {
	n.mu.Lock()
	n.cut[[2]string{from, to}] = isCut
	n.mu.Unlock()
	n.wakeAll()
}

// wakeAll has all who read look again. Ways are locked before the network.
func (n *network) wakeAll() {
	n.mu.Lock()
	open := slices.Clone(n.connections)
	n.mu.Unlock()
	for _, c := range open {
		c.in.wake()
	}
}

// mend mends all cuts.
func (n *network) mend() {
	n.mu.Lock()
	clear(n.cut)
	n.mu.Unlock()
	n.wakeAll()
}

// drop ends a host: its listeners are gone, and its connections are reset at both ends.
func (n *network) drop(host string) {
	n.mu.Lock()
	var gone []*connection
	for _, c := range n.connections {
		if c.in.from == host || c.in.to == host {
			gone = append(gone, c)
		}
	}
	var listeners []*listener
	for _, at := range slices.Sorted(maps.Keys(n.listeners)) {
		if name, _, err := net.SplitHostPort(at); err == nil && name == host {
			listeners = append(listeners, n.listeners[at])
		}
	}
	n.mu.Unlock()
	for _, l := range listeners {
		_ = l.Close() // never fails
	}
	for _, c := range gone {
		c.in.end(syscall.ECONNRESET)
		c.out.end(syscall.ECONNRESET)
		c.forget()
	}
}

// wayBytes is how much may be on its way in one direction.
const wayBytes = 256 << 10

// way is one direction of a connection.
type way struct {
	network  *network
	from, to string

	mu    sync.Mutex
	parts []part
	bytes int
	// last is when the part before arrives.
	last time.Time
	// failure is why there is nothing more: io.EOF behind the parts that are there, and
	// another error at once.
	failure error
	changed chan struct{}
}

// part is what one write gave, and when it arrives.
type part struct {
	data []byte
	at   time.Time
}

func (w *way) reset() { w.changed = make(chan struct{}) }

// wake has those who wait look again.
func (w *way) wake() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.signal()
}

func (w *way) signal() {
	close(w.changed)
	w.reset()
}

// end has no more come this way.
func (w *way) end(why error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.failure == nil || errors.Is(w.failure, io.EOF) {
		w.failure = why
	}
	w.signal()
}

// connection is one end of a connection. It implements net.Conn.
type connection struct {
	network       *network
	local, remote address
	in, out       *way

	mu                          sync.Mutex
	readDeadline, writeDeadline time.Time
}

// Read implements net.Conn.
func (c *connection) Read(buf []byte) (int, error) {
	w := c.in
	for {
		w.mu.Lock()
		cut := w.network.isCut(w.from, w.to)
		var arrival <-chan time.Time
		switch {
		case w.failure != nil && !errors.Is(w.failure, io.EOF):
			err := w.failure
			w.mu.Unlock()
			return 0, err
		case len(w.parts) == 0 && w.failure != nil:
			err := w.failure
			w.mu.Unlock()
			return 0, err
		case len(w.parts) > 0 && !cut:
			if wait := time.Until(w.parts[0].at); wait <= 0 {
				n := copy(buf, w.parts[0].data)
				if w.parts[0].data = w.parts[0].data[n:]; len(w.parts[0].data) == 0 {
					w.parts = w.parts[1:]
				}
				w.bytes -= n
				w.signal()
				w.mu.Unlock()
				return n, nil
			} else {
				arrival = time.After(wait)
			}
		}
		changed := w.changed
		w.mu.Unlock()
		if err := c.await(changed, arrival, &c.readDeadline); err != nil {
			return 0, err
		}
	}
}

// Write implements net.Conn.
func (c *connection) Write(data []byte) (int, error) {
	w := c.out
	written := 0
	for {
		w.mu.Lock()
		if w.failure != nil {
			w.mu.Unlock()
			return written, syscall.EPIPE
		}
		if room := min(wayBytes-w.bytes, len(data)-written); room > 0 {
			at := time.Now().Add(w.network.delay())
			if at.Before(w.last) {
				at = w.last
			}
			w.last = at
			w.network.count(data[written : written+room])
			w.parts = append(w.parts, part{data: append([]byte(nil), data[written:written+room]...), at: at})
			w.bytes, written = w.bytes+room, written+room
			w.signal()
		}
		if written == len(data) {
			w.mu.Unlock()
			return written, nil
		}
		changed := w.changed
		w.mu.Unlock()
		if err := c.await(changed, nil, &c.writeDeadline); err != nil {
			return written, err
		}
	}
}

// await waits for a change, the arrival of something, or the deadline.
func (c *connection) await(changed <-chan struct{}, arrival <-chan time.Time, deadline *time.Time) error {
	c.mu.Lock()
	until := *deadline
	c.mu.Unlock()
	var expired <-chan time.Time
	if !until.IsZero() {
		left := time.Until(until)
		if left <= 0 {
			return os.ErrDeadlineExceeded
		}
		timer := time.NewTimer(left)
		defer timer.Stop()
		expired = timer.C
	}
	select {
	case <-changed:
		return nil
	case <-arrival:
		return nil
	case <-expired:
		return os.ErrDeadlineExceeded
	}
}

// Close implements net.Conn.
func (c *connection) Close() error {
	c.in.end(net.ErrClosed)
	c.out.end(io.EOF)
	c.forget()
	return nil
}

func (c *connection) forget() {
	c.network.mu.Lock()
	defer c.network.mu.Unlock()
	if i := slices.Index(c.network.connections, c); i >= 0 {
		c.network.connections = slices.Delete(c.network.connections, i, i+1)
	}
}

// LocalAddr implements net.Conn.
func (c *connection) LocalAddr() net.Addr { return c.local }

// RemoteAddr implements net.Conn.
func (c *connection) RemoteAddr() net.Addr { return c.remote }

// SetDeadline implements net.Conn.
func (c *connection) SetDeadline(t time.Time) error {
	_ = c.SetReadDeadline(t) // never fails
	return c.SetWriteDeadline(t)
}

// SetReadDeadline implements net.Conn.
func (c *connection) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	c.readDeadline = t
	c.mu.Unlock()
	c.in.wake()
	return nil
}

// SetWriteDeadline implements net.Conn.
func (c *connection) SetWriteDeadline(t time.Time) error {
	c.mu.Lock()
	c.writeDeadline = t
	c.mu.Unlock()
	c.out.wake()
	return nil
}
