package transport

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime/debug"
	"time"
)

// StreamHandler serves a stream that another node has opened, from its start to its end,
// when the stream is closed. ctx ends when this transport is closed; so does the stream.
type StreamHandler func(ctx context.Context, from uint64, stream io.ReadWriteCloser)

// streamPatience is how long a stream waits for the other side to take anything before
// a write fails.
const streamPatience = time.Minute

// Stream is a connection of its own to another node, in both directions, with TCP's flow
// control. Reading and writing may go on at the same time. A write that the other side
// does not take for a minute fails.
type Stream struct {
	conn net.Conn
	stop func() bool
}

// Open opens a stream to a method of a node. ctx bounds the opening only. The error is
// ErrUnreachable (errors.Is) when no handler has got the stream.
func (t *Transport) Open(ctx context.Context, node uint64, method string) (*Stream, error) {
	p := t.peer(node)
	p.mu.Lock()
	address, removed := p.address, p.removed
	p.mu.Unlock()
	switch {
	case t.ctx.Err() != nil:
		return nil, unreachable(node, ErrClosed)
	case removed:
		return nil, unreachable(node, errRemoved)
	case address == "":
		return nil, unreachable(node, errUnknown)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, dialTimeout, errNoAnswer)
	defer cancel()
	stopDialing := context.AfterFunc(t.ctx, cancel)
	defer stopDialing()
	conn, err := t.dial(ctx, address, hello{class: ClassStream, to: node})
	if err != nil {
		return nil, unreachable(node, err)
	}
	s := newStream(t, &countedConn{Conn: conn, stats: &p.stats})
	if err := s.ask(ctx, method); err != nil {
		_ = s.Close() // the first error is the one to tell
		return nil, unreachable(node, err)
	}
	return s, nil
}

func newStream(t *Transport, conn net.Conn) *Stream {
	return &Stream{conn: conn, stop: context.AfterFunc(t.ctx, func() { _ = conn.Close() })}
}

// ask names the method and reads whether it is served.
func (s *Stream) ask(ctx context.Context, method string) error {
	stop := context.AfterFunc(ctx, func() { _ = s.conn.Close() })
	defer stop()
	if _, err := s.conn.Write(appendMethod(nil, method)); err != nil {
		return err
	}
	var answer [1]byte
	if _, err := io.ReadFull(s.conn, answer[:]); err != nil {
		return err
	}
	if status(answer[0]) != statusGiven {
		return errUnhandled(method)
	}
	if !stop() {
		return context.Cause(ctx)
	}
	return nil
}

// Read implements io.Reader: io.EOF says that the other side has closed the stream, or
// its direction of it, after everything before has been read.
func (s *Stream) Read(b []byte) (int, error) { return s.conn.Read(b) }

// Write implements io.Writer.
func (s *Stream) Write(b []byte) (written int, err error) {
	for len(b) > 0 {
		if err := s.conn.SetWriteDeadline(time.Now().Add(streamPatience)); err != nil {
			return written, err
		}
		n, err := s.conn.Write(b[:min(len(b), maxPart)])
		if written += n; err != nil {
			return written, err
		}
		b = b[n:]
	}
	return written, nil
}

// CloseWrite tells the other side that nothing more comes; reading goes on.
func (s *Stream) CloseWrite() error {
	conn := s.conn
	if counted, ok := conn.(*countedConn); ok {
		conn = counted.Conn
	}
	if half, ok := conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.New("transport: the network cannot close one direction")
}

// Close closes both directions. What the other side has not read yet may be lost to it,
// unless CloseWrite went before and the other side's end has been read.
func (s *Stream) Close() error {
	s.stop()
	return s.conn.Close()
}

// HandleStream has the streams of a method served, each in a goroutine of its own.
func (t *Transport) HandleStream(method string, handle StreamHandler) {
	if len(method) == 0 || len(method) > maxMethod {
		panic("transport: a method's name has 1 to 255 bytes")
	}
	h := &t.handlers
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.streams == nil {
		h.streams = map[string]StreamHandler{}
	}
	h.streams[method] = handle
}

// serveStream serves a connection that is one stream.
func (t *Transport) serveStream(conn *countedConn, from uint64) error {
	if !t.inbound.enterStream(from) {
		return errBusy
	}
	defer t.inbound.leaveStream(from)
	s := newStream(t, conn)
	defer func() { _ = s.Close() }() // the handler may have closed it
	method, err := readMethod(conn)
	if err != nil {
		return err
	}
	t.handlers.mu.RLock()
	handle := t.handlers.streams[method]
	t.handlers.mu.RUnlock()
	answer := []byte{byte(statusGiven)}
	if handle == nil {
		answer[0] = byte(statusUnhandled)
	}
	if _, err := s.Write(answer); err != nil || handle == nil {
		return err
	}
	return t.runStream(handle, from, method, s)
}

// readMethod reads a stream's method.
func readMethod(conn net.Conn) (string, error) {
	if err := conn.SetReadDeadline(time.Now().Add(greetTimeout)); err != nil {
		return "", err
	}
	var size [1]byte
	if _, err := io.ReadFull(conn, size[:]); err != nil {
		return "", err
	}
	name := make([]byte, size[0])
	if _, err := io.ReadFull(conn, name); err != nil {
		return "", err
	}
	return string(name), conn.SetReadDeadline(time.Time{})
}

// runStream calls a stream's handler; a panic ends only the stream.
func (t *Transport) runStream(handle StreamHandler, from uint64, method string, s *Stream) (err error) {
	defer func() {
		if reason := recover(); reason != nil {
			t.logger.Error("a stream's handler has panicked", "method", method, "from", from, "reason", reason, "stack", string(debug.Stack()))
			err = fmt.Errorf("transport: the handler of %s panicked: %v", method, reason)
		}
	}()
	handle(t.ctx, from, s)
	return nil
}

// enterStream counts a node's stream, unless it has too many.
func (in *inbound) enterStream(node uint64) bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.streams[node] >= maxStreams {
		return false
	}
	in.streams[node]++
	return true
}

func (in *inbound) leaveStream(node uint64) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.streams[node]--; in.streams[node] <= 0 {
		delete(in.streams, node)
	}
}
