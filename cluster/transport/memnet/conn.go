package memnet

import (
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"
)

// room is how many bytes are on their way in a direction before writers wait.
const room = 256 << 10

// conn is one end of a connection; it implements net.Conn.
type conn struct {
	network       *Network
	local, remote address
	in, out       *flow
	closing       sync.Once
}

// flow is one direction of a connection.
type flow struct {
	network *Network
	path    path

	mu sync.Mutex
	// changed is closed, and replaced, when anything below has changed.
	changed chan struct{}
	// pieces are on their way, bytes of them.
	pieces []piece
	bytes  int
	// ended says that nothing comes behind pieces, deaf that nobody reads them, and
	// broken that the connection was reset.
	ended, deaf, broken bool

	readDeadline, writeDeadline time.Time
}

// piece is what one write has sent.
type piece struct {
	bytes  []byte
	arrive time.Time
}

func newFlow(n *Network, p path) *flow {
	return &flow{network: n, path: p, changed: make(chan struct{})}
}

// wake has whoever waits look again.
func (f *flow) wake() { f.update(func() {}) }

func (f *flow) update(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
	f.notify()
}

// notify wakes whoever waits. The caller holds the lock.
func (f *flow) notify() {
	close(f.changed)
	f.changed = make(chan struct{})
}

// wait returns when the flow has changed or it is time to look again; the caller does
// not hold the lock. A zero time is never.
func wait(changed <-chan struct{}, until ...time.Time) {
	var first time.Time
	for _, t := range until {
		if !t.IsZero() && (first.IsZero() || t.Before(first)) {
			first = t
		}
	}
	if first.IsZero() {
		<-changed
		return
	}
	timer := time.NewTimer(time.Until(first))
	defer timer.Stop()
	select {
	case <-changed:
	case <-timer.C:
	}
}

func passed(deadline time.Time) bool { return !deadline.IsZero() && !time.Now().Before(deadline) }

// attempt is what came of trying to read or write: done with a result, or what to wait
// for.
type attempt struct {
	done             bool
	n                int
	err              error
	changed          <-chan struct{}
	arrive, deadline time.Time
}

// read takes what has arrived.
func (f *flow) read(b []byte) (int, error) {
	for {
		a := f.tryRead(b)
		if a.done {
			return a.n, a.err
		}
		wait(a.changed, a.arrive, a.deadline)
	}
}

func (f *flow) tryRead(b []byte) attempt {
	f.mu.Lock()
	defer f.mu.Unlock()
	a := attempt{changed: f.changed, deadline: f.readDeadline}
	switch {
	case f.deaf:
		return attempt{done: true, err: net.ErrClosed}
	case f.broken:
		return attempt{done: true, err: syscall.ECONNRESET}
	case passed(f.readDeadline):
		return attempt{done: true, err: os.ErrDeadlineExceeded}
	case len(b) == 0:
		return attempt{done: true}
	case f.network.state(f.path).cut:
	case len(f.pieces) > 0 && !passed(f.pieces[0].arrive):
		a.arrive = f.pieces[0].arrive
	case len(f.pieces) > 0:
		return attempt{done: true, n: f.take(b)}
	case f.ended:
		return attempt{done: true, err: io.EOF}
	}
	return a
}

// take copies arrived bytes. The caller holds the lock.
func (f *flow) take(b []byte) (n int) {
	for n < len(b) && len(f.pieces) > 0 && passed(f.pieces[0].arrive) {
		p := &f.pieces[0]
		m := copy(b[n:], p.bytes)
		n, p.bytes = n+m, p.bytes[m:]
		if len(p.bytes) == 0 {
			f.pieces[0] = piece{}
			f.pieces = f.pieces[1:]
		}
	}
	f.bytes -= n
	f.notify()
	return n
}

// write sends bytes; it waits while there is no room.
func (f *flow) write(b []byte) (written int, err error) {
	for len(b) > 0 {
		a := f.tryWrite(b)
		if written += a.n; a.err != nil {
			return written, a.err
		}
		if b = b[a.n:]; !a.done {
			wait(a.changed, a.deadline)
		}
	}
	return written, nil
}

func (f *flow) tryWrite(b []byte) attempt {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.ended:
		return attempt{done: true, err: net.ErrClosed}
	case f.broken, f.deaf:
		return attempt{done: true, err: syscall.ECONNRESET}
	case passed(f.writeDeadline):
		return attempt{done: true, err: os.ErrDeadlineExceeded}
	case f.bytes >= room:
		return attempt{changed: f.changed, deadline: f.writeDeadline}
	}
	n := min(len(b), room-f.bytes)
	arrive := time.Now().Add(f.network.state(f.path).delay)
	if last := len(f.pieces) - 1; last >= 0 && f.pieces[last].arrive.After(arrive) {
		arrive = f.pieces[last].arrive // a delay that became shorter changes no order
	}
	f.pieces = append(f.pieces, piece{bytes: append([]byte(nil), b[:n]...), arrive: arrive})
	f.bytes += n
	f.notify()
	return attempt{done: true, n: n}
}

// Read implements net.Conn.
func (c *conn) Read(b []byte) (int, error) { return c.in.read(b) }

// Write implements net.Conn.
func (c *conn) Write(b []byte) (int, error) { return c.out.write(b) }

// CloseWrite ends the direction from here to there.
func (c *conn) CloseWrite() error {
	c.out.update(func() { c.out.ended = true })
	return nil
}

// Close implements net.Conn.
func (c *conn) Close() error {
	err := errors.New("memnet: already closed")
	c.closing.Do(func() {
		err = nil
		c.network.mu.Lock()
		if i := slices.Index(c.network.conns, c); i >= 0 {
			c.network.conns = slices.Delete(c.network.conns, i, i+1)
		}
		c.network.mu.Unlock()
		c.out.update(func() { c.out.ended = true })
		c.in.update(func() { c.in.deaf, c.in.pieces, c.in.bytes = true, nil, 0 })
	})
	return err
}

// reset breaks both directions.
func (c *conn) reset() {
	for _, f := range []*flow{c.in, c.out} {
		f.update(func() { f.broken, f.pieces, f.bytes = true, nil, 0 })
	}
}

// LocalAddr implements net.Conn.
func (c *conn) LocalAddr() net.Addr { return c.local }

// RemoteAddr implements net.Conn.
func (c *conn) RemoteAddr() net.Addr { return c.remote }

// SetDeadline implements net.Conn.
func (c *conn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

// SetReadDeadline implements net.Conn.
func (c *conn) SetReadDeadline(t time.Time) error {
	c.in.update(func() { c.in.readDeadline = t })
	return nil
}

// SetWriteDeadline implements net.Conn.
func (c *conn) SetWriteDeadline(t time.Time) error {
	c.out.update(func() { c.out.writeDeadline = t })
	return nil
}
