package transport

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// maxHandlers bounds the requests of one connection that are being handled.
	maxHandlers = 16384
	// maxJoinHandlers and maxJoinTotal bound the requests, and each in bytes, of whoever
	// calls by address.
	maxJoinHandlers = 4
	maxJoinTotal    = 1 << 20
)

// server serves a connection that another node has made.
type server struct {
	transport *Transport
	peer      *peer
	class     Class
	out       *outbox
	// ctx ends when the connection does; its cause is why.
	ctx  context.Context
	fail context.CancelCauseFunc
	// ended is closed when nothing is read any more and no message can be handled
	// that was not put into its lane.
	ended chan struct{}
	// limit bounds the requests that are being handled.
	limit int
	// owing tells that there are answers in the outbox of which the writer has not been
	// told; it belongs to read.
	owing bool

	mu sync.Mutex
	// requests are those that are being handled, with what cancels them.
	requests map[uint64]context.CancelFunc
}

// serveFrames serves a connection until it ends, which is always with an error.
func (t *Transport) serveFrames(conn *countedConn, h hello) error {
	s := &server{
		transport: t, peer: t.peer(h.from), class: h.class, out: newOutbox(t.epoch),
		ended: make(chan struct{}), limit: maxHandlers, requests: map[uint64]context.CancelFunc{},
	}
	if h.class == ClassJoin {
		s.peer = &peer{transport: t, node: h.from}
		s.limit = maxJoinHandlers
	}
	s.ctx, s.fail = context.WithCancelCause(t.ctx)
	key := inboundKey{node: h.from, class: h.class}
	if err := t.inbound.enter(key, s); err != nil {
		s.fail(err)
		return err
	}
	var parts sync.WaitGroup
	parts.Go(func() { s.fail(writeFrames(s.ctx, conn, s.out)) })
	parts.Go(func() { s.fail(s.watch(&conn.reads)) })
	parts.Go(func() {
		<-s.ctx.Done()
		_ = conn.Close() // so that reading and writing end
	})
	s.fail(s.read(newFrameReader(conn, largestOf(h.class))))
	close(s.ended)
	err := context.Cause(s.ctx)
	s.out.close(err)
	parts.Wait()
	t.inbound.leave(key, s)
	return err
}

// watch ends the connection when its dialer says nothing any more. reads counts what
// arrives.
func (s *server) watch(reads *atomic.Int64) error {
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	heard, silent := int64(0), 0
	for {
		select {
		case <-ticker.C:
		case <-s.ctx.Done():
			return context.Cause(s.ctx)
		}
		now := reads.Load()
		if silent++; now != heard {
			heard, silent = now, 0
		}
		if silent > acceptorTicks {
			return errSilent
		}
	}
}

// read takes requests and messages until the connection ends.
func (s *server) read(in *frameReader) error {
	for {
		if s.owing && !in.ready() {
			// One write carries the answers to all heartbeats of one read.
			s.owing = false
			s.out.wake()
		}
		m, err := in.next()
		if err != nil {
			return err
		}
		switch m.kind {
		case frameRequest:
			err = s.request(m)
		case frameRaft:
			err = s.raft(m)
		case frameMessage:
			err = s.message(m)
		case frameCancel:
			s.mu.Lock()
			cancel := s.requests[m.id]
			s.mu.Unlock()
			if cancel != nil {
				cancel()
			}
		case framePing:
			s.out.hurry(&outgoing{kind: framePong, id: m.id})
		default:
			err = fmt.Errorf("%w: a frame of kind %d", errProtocol, m.kind)
		}
		if err != nil {
			return err
		}
	}
}

// request has a request handled.
func (s *server) request(m message) error {
	f := fields{data: m.payload}
	method := string(f.bytes(int(f.u8())))
	timeout := time.Duration(f.uvarint()) * time.Millisecond
	body := f.rest()
	if f.err != nil {
		return f.err
	}
	h := s.transport.handlers.get(method)
	switch {
	case h == nil:
		s.refuse(m.id, errUnhandled(method))
		return nil
	case s.class == ClassJoin && !h.anybody:
		s.refuse(m.id, fmt.Errorf("%s is answered to members only", method))
		return nil
	}
	s.run(m.id, timeout, func(ctx context.Context) ([]byte, outcome) {
		return s.transport.runHandler(ctx, h.handle, s.peer.node, method, body)
	})
	return nil
}

// message has a message handled.
func (s *server) message(m message) error {
	f := fields{data: m.payload}
	method := string(f.bytes(int(f.u8())))
	body := f.rest()
	if f.err == nil && s.class == ClassJoin {
		f.err = errProtocol
	}
	if f.err == nil {
		s.transport.lanes.message(s.peer, method, body)
	}
	return f.err
}

// run calls a function for a request, in a goroutine of its own, and sends its answer. A
// timeout of 0 is none.
func (s *server) run(id uint64, timeout time.Duration, answer func(context.Context) ([]byte, outcome)) {
	ctx, cancel := s.ctx, context.CancelFunc(nil)
	if timeout > 0 {
		ctx, cancel = context.WithTimeout(ctx, timeout)
	} else {
		ctx, cancel = context.WithCancel(ctx)
	}
	if !s.enter(id, cancel) {
		cancel()
		s.refuse(id, errBusy)
		return
	}
	taken := s.transport.run(func() {
		defer s.leave(id, cancel)
		s.answer(ctx, id, answer)
	})
	if !taken {
		s.leave(id, cancel)
	}
}

// answer calls a function for a request and sends its answer, unless the connection has
// ended.
func (s *server) answer(ctx context.Context, id uint64, answer func(context.Context) ([]byte, outcome)) {
	if s.ctx.Err() != nil {
		return
	}
	body, o := answer(ctx)
	if o.status != statusGiven {
		text := o.err.Error()
		body = []byte(text[:min(len(text), MaxMessage)])
	}
	// An error says that the connection has ended, and with it who asked.
	_ = s.out.put(s.ctx, &outgoing{kind: frameAnswer, id: id, head: []byte{byte(o.status)}, body: body})
}

// enter notes a request that is being handled, unless there are too many, or one with
// the same id.
func (s *server) enter(id uint64, cancel context.CancelFunc) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.requests) >= s.limit || s.requests[id] != nil {
		return false
	}
	s.requests[id] = cancel
	s.peer.stats.handled.Add(1)
	return true
}

// leave forgets a request.
func (s *server) leave(id uint64, cancel context.CancelFunc) {
	cancel()
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.requests, id)
}

// refuse answers a request that is not given to a handler.
func (s *server) refuse(id uint64, err error) {
	s.out.hurry(&outgoing{kind: frameAnswer, id: id, head: []byte{byte(statusUnhandled)}, body: []byte(err.Error())})
}
