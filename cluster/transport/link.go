package transport

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// tick is how often a connection looks whether its peer is alive.
	tick = time.Second
	// silentTicks is after how many ticks a ping without an answer means that the peer
	// is gone. Ticks are counted, not time, since this process may have stood still.
	silentTicks = 4
	// idleTicks is after how many ticks without traffic a ping is sent.
	idleTicks = 4
	// acceptorTicks is after how many ticks without a word a dialer is gone.
	acceptorTicks = 30
)

// link is a connection that this node dials to send requests and messages. It takes them
// from when it is made: they wait in the outbox until the connection is there. A link
// fails once, and for good.
type link struct {
	transport *Transport
	peer      *peer
	class     Class
	out       *outbox
	// ctx ends when the link fails; its cause is why.
	ctx  context.Context
	fail context.CancelCauseFunc

	mu    sync.Mutex
	calls map[uint64]*call
	next  uint64
	// failed is set when no more calls are taken.
	failed error

	// connected is set once the handshake is done; waiting counts the calls without an
	// answer.
	connected atomic.Bool
	waiting   atomic.Int64
	// pinged is when the ping was sent that is not answered, 0 for none.
	pinged atomic.Int64
}

// call is a request without an answer. Its fields are set when done is closed.
type call struct {
	out    *outgoing
	done   chan struct{}
	status status
	answer []byte
	// err is set when the connection ended before the answer.
	err error
}

func newLink(t *Transport, p *peer, class Class) *link {
	l := &link{transport: t, peer: p, class: class, out: newOutbox(t.epoch), calls: map[uint64]*call{}}
	l.ctx, l.fail = context.WithCancelCause(t.ctx)
	return l
}

// run connects and carries until the link fails.
func (l *link) run(address string) {
	ctx, cancel := context.WithTimeoutCause(l.ctx, dialTimeout, errNoAnswer)
	conn, err := l.transport.dial(ctx, address, hello{class: l.class, to: l.peer.node})
	cancel()
	if err == nil {
		err = l.carry(conn)
	}
	l.fail(err)
	l.end(context.Cause(l.ctx))
}

// carry reads and writes until the connection ends.
func (l *link) carry(conn net.Conn) error {
	l.connected.Store(true)
	l.peer.connected(l)
	counted := &countedConn{Conn: conn, stats: &l.peer.stats}
	var parts sync.WaitGroup
	parts.Go(func() { l.fail(writeFrames(l.ctx, counted, l.out)) })
	parts.Go(func() { l.fail(l.watch(&counted.reads)) })
	parts.Go(func() {
		<-l.ctx.Done()
		_ = conn.Close() // so that reading and writing end
	})
	l.fail(l.read(newFrameReader(counted, maxTotal)))
	parts.Wait()
	return context.Cause(l.ctx)
}

// end gives all calls their error.
func (l *link) end(err error) {
	l.peer.lost(l, err)
	l.mu.Lock()
	calls := l.calls
	l.calls, l.failed = nil, err
	l.mu.Unlock()
	for _, c := range calls {
		c.err = l.callError(c, err)
		close(c.done)
	}
	l.out.close(err)
}

// callError is the error of a call that gets no answer because of err.
func (l *link) callError(c *call, err error) error {
	if l.out.began(c.out) {
		return fmt.Errorf("%w: node %d: %w", ErrFateUnknown, l.peer.node, err)
	}
	return unreachable(l.peer.node, err)
}

// begin sends a request. It waits for room in the outbox.
func (l *link) begin(ctx context.Context, o *outgoing) (*call, error) {
	c := &call{out: o, done: make(chan struct{})}
	l.mu.Lock()
	if l.failed != nil {
		l.mu.Unlock()
		return nil, unreachable(l.peer.node, l.failed)
	}
	l.next++
	c.out.id = l.next
	l.calls[c.out.id] = c
	l.mu.Unlock()
	l.waiting.Add(1)
	l.peer.stats.calls[l.class].Add(1)
	if err := l.out.put(ctx, c.out); err != nil {
		l.forget(c)
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return nil, unreachable(l.peer.node, err)
	}
	return c, nil
}

// wait returns the answer to a request.
func (l *link) wait(ctx context.Context, c *call) ([]byte, error) {
	select {
	case <-c.done:
		return l.result(c)
	case <-ctx.Done():
		l.abandon(c)
		return nil, context.Cause(ctx)
	}
}

// result is a call's answer once it is done.
func (l *link) result(c *call) ([]byte, error) {
	switch {
	case c.err != nil:
		return nil, c.err
	case c.status == statusGiven:
		return c.answer, nil
	case c.status == statusFailed:
		return nil, &RemoteError{Node: l.peer.node, Text: string(c.answer)}
	case c.status == statusUnhandled:
		return nil, unreachable(l.peer.node, errors.New(string(c.answer)))
	}
	return nil, fmt.Errorf("%w: node %d: %s", ErrFateUnknown, l.peer.node, c.answer)
}

// abandon ends a call whose answer nobody waits for.
func (l *link) abandon(c *call) {
	begun := l.out.drop(c.out)
	if l.forget(c) && begun {
		l.out.hurry(&outgoing{kind: frameCancel, id: c.out.id})
	}
}

// forget takes a call away, unless it is done.
func (l *link) forget(c *call) bool {
	l.mu.Lock()
	_, there := l.calls[c.out.id]
	delete(l.calls, c.out.id)
	l.mu.Unlock()
	if there {
		l.waiting.Add(-1)
	}
	return there
}

// read takes answers until the connection ends.
func (l *link) read(in *frameReader) error {
	for {
		m, err := in.next()
		switch {
		case errors.Is(err, io.EOF):
			return errHungUp
		case err != nil:
			return err
		}
		switch m.kind {
		case frameAnswer:
			if len(m.payload) == 0 {
				return errProtocol
			}
			l.answer(m.id, status(m.payload[0]), m.payload[1:])
		case framePong:
			if sent := l.pinged.Swap(0); sent != 0 {
				l.peer.stats.roundTrip.Store(time.Now().UnixNano() - sent)
			}
		default:
			return errProtocol
		}
	}
}

// answer completes a call, if anybody still waits for it.
func (l *link) answer(id uint64, s status, payload []byte) {
	l.mu.Lock()
	c := l.calls[id]
	delete(l.calls, id)
	l.mu.Unlock()
	if c == nil {
		return
	}
	l.waiting.Add(-1)
	c.status, c.answer = s, payload
	close(c.done)
}

// watch sends pings, and ends when nothing has arrived for too long after one. reads
// counts what arrives.
func (l *link) watch(reads *atomic.Int64) error {
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	heard, silent := reads.Load(), 0
	for {
		select {
		case <-ticker.C:
		case <-l.ctx.Done():
			return context.Cause(l.ctx)
		}
		now := reads.Load()
		if silent++; now != heard {
			heard, silent = now, 0
		}
		switch {
		case l.pinged.Load() != 0:
			if silent > silentTicks {
				return errSilent
			}
		case silent == 0, l.waiting.Load() > 0, silent >= idleTicks:
			silent = 0
			l.pinged.Store(time.Now().UnixNano())
			l.out.hurry(&outgoing{kind: framePing})
		}
	}
}

// writeFrames writes what the outbox has until ctx ends.
func writeFrames(ctx context.Context, conn net.Conn, out *outbox) error {
	var buf []byte
	for {
		frames, err := out.next(buf[:0])
		if err != nil {
			return err
		}
		if len(frames) > 0 {
			if _, err := conn.Write(frames); err != nil {
				return err
			}
			// A buffer that one burst has made large is not kept.
			if buf = frames; cap(buf) > 2*maxWrite {
				buf = nil
			}
			continue
		}
		select {
		case <-out.ready:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
