package wire

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"millrace/sql/sqlerr"
	"millrace/wire/session"
)

// conn serves one client. All fields but those under mu belong to its
// goroutine.
type conn struct {
	server  *Server
	options *Options
	logger  *slog.Logger
	socket  net.Conn
	// transport is the socket below TLS, and keepAlive what is set there.
	transport net.Conn
	keepAlive session.KeepAlive
	reader    *messageReader
	writer    *messageWriter
	session   *session.Session

	// processID and secret are what the client was told for cancel requests;
	// they do not change while the connection can be found by them.
	processID uint32
	secret    [4]byte

	// encrypted is the socket where it is one of TLS, and leaf the certificate that
	// the client was shown.
	encrypted *tls.Conn
	leaf      *x509.Certificate
	// role is the ID of the role that the client acts as since it has connected, 0
	// before, or where it has none.
	role atomic.Uint64

	// skipping says that messages are passed over until Sync, after an error in
	// the extended protocol.
	skipping bool
	// watch reads ahead while a statement runs; nil when none does.
	watch *watcher

	mu sync.Mutex
	// cancel ends the running statement; nil when none runs.
	cancel context.CancelCauseFunc
	// copying says that the running statement itself reads from the client.
	copying bool
	// terminated is why the connection has to end, nil while it may go on.
	terminated *sqlerr.Error
	// waiting says that the connection waits for a message, woken that notifications
	// have come since it last looked, and interrupted that they ended the wait.
	waiting, woken, interrupted bool
}

// errClientGone ends the statement of a client that vanished or said goodbye.
var errClientGone = sqlerr.New(sqlerr.ConnectionFailure, -1, "the client has closed the connection")

// errUserCancel ends a statement on a cancel request.
var errUserCancel = sqlerr.New(sqlerr.QueryCanceled, -1, "canceling statement due to user request")

func newConn(s *Server, socket net.Conn) *conn {
	c := &conn{
		server:  s,
		options: &s.options,
		logger:  s.options.Logger,
		socket:  socket, transport: socket,
	}
	c.reader = newMessageReader(socket, &s.memory, func(n int) { s.metrics.received.Add(float64(n)) })
	c.writer = &messageWriter{
		target:  socket,
		timeout: max(0, s.options.WriteTimeout),
		sent:    func(n int) { s.metrics.sent.Add(float64(n)) },
		buffers: &s.buffers,
	}
	return c
}

// serve runs the connection to its end. With full set the client is refused
// as one too many.
func (c *conn) serve(full bool) {
	defer c.closeSocket()
	defer c.reader.close()
	c.setKeepAlive(startupKeepAlive)
	start, err := c.handshake(full)
	if err != nil {
		c.fail(err)
		return
	}
	if start == nil {
		return
	}
	defer c.server.keys.remove(c.processID)
	defer c.session.Close()
	c.logger.Debug("client connected", "user", start.User, "database", start.Database)
	c.fail(c.run())
	c.logger.Debug("client disconnected")
}

// closeSocket closes the connection. Any goroutine may call it.
func (c *conn) closeSocket() {
	c.mu.Lock()
	defer c.mu.Unlock()
	_ = c.socket.Close()
}

// fail tells the client why its connection ends. A client that is gone is told
// nothing.
func (c *conn) fail(err error) {
	if why := c.termination(); why != nil {
		err = why
	}
	if err == nil || errors.Is(err, io.EOF) || errors.Is(err, errClientGone) || c.writer.failure != nil {
		return
	}
	if _, known := errors.AsType[*sqlerr.Error](err); !known {
		// A broken connection: there is nobody to tell.
		c.logger.Debug("connection failed", "error", err)
		return
	}
	c.logger.Debug("connection refused or ended", "error", err)
	response := errorResponse(severityFatal, err)
	c.server.metrics.failed(response.Code)
	if c.writer.send(response) != nil {
		return
	}
	_ = c.socket.SetWriteDeadline(time.Now().Add(time.Second))
	c.writer.timeout = 0
	if c.writer.flush() == nil && response.Code == string(sqlerr.ProtocolViolation) {
		c.linger()
	}
}

// lingerTime and lingerBytes bound what is read of a client that is to see an
// error first.
const (
	lingerTime  = 200 * time.Millisecond
	lingerBytes = 1 << 20
)

// linger reads what the client goes on to send, until it has seen the end: a
// socket that is closed with input unread is reset, and the error is lost.
func (c *conn) linger() {
	half, ok := c.socket.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil || c.socket.SetReadDeadline(time.Now().Add(lingerTime)) != nil {
		return
	}
	_, _ = io.CopyN(io.Discard, c.socket, lingerBytes)
}

// run reads and answers messages until the client leaves (nil) or the
// connection cannot go on.
func (c *conn) run() error {
	c.setKeepAlive(c.session.KeepAlive())
	// The time for the startup is over.
	if err := c.setReadDeadline(time.Time{}); err != nil {
		return err
	}
	for {
		kind, body, err := c.nextMessage()
		if err != nil {
			return err
		}
		if kind == 'X' {
			return nil
		}
		if err := c.handle(kind, body); err != nil {
			return err
		}
		if why := c.termination(); why != nil {
			return why
		}
	}
}

// readError turns a failed read into what the client is told.
func (c *conn) readError(err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		if why := c.termination(); why != nil {
			return why
		}
		return c.session.IdleError()
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		c.logger.Debug("unexpected end of a message from the client")
		return io.EOF
	}
	return err
}

// setReadDeadline sets when reads give up; the zero time means never. A
// connection that has to end stays interrupted.
func (c *conn) setReadDeadline(deadline time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.terminated != nil {
		deadline = longAgo
	}
	return c.socket.SetReadDeadline(deadline)
}

// longAgo is a deadline that has passed.
var longAgo = time.Unix(1, 0)

// terminate makes the connection end soon: the statement that runs is
// cancelled, the wait for a message interrupted. Any goroutine may call it.
func (c *conn) terminate(why *sqlerr.Error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.terminated != nil {
		return
	}
	c.terminated = why
	if c.cancel != nil {
		c.cancel(why)
	}
	_ = c.socket.SetReadDeadline(longAgo)
}

// termination returns why the connection has to end, or nil.
func (c *conn) termination() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.terminated == nil {
		return nil
	}
	return c.terminated
}

// cancelStatement ends the running statement, if any, because the user asked.
// Any goroutine may call it.
func (c *conn) cancelStatement() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cancel == nil {
		return
	}
	c.cancel(errUserCancel)
	if c.copying {
		_ = c.socket.SetReadDeadline(longAgo)
	}
}

// beginCopy says that the running statement reads from the client, until it
// ends.
func (c *conn) beginCopy() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.copying = true
}

// setCopyDeadline bounds the next read of COPY data to patience where that is
// positive. When ctx has ended it returns ctx's cause.
func (c *conn) setCopyDeadline(ctx context.Context, patience time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if c.reader.messageBuffered() {
		return nil
	}
	var deadline time.Time
	if patience > 0 {
		deadline = time.Now().Add(patience)
	}
	return c.socket.SetReadDeadline(deadline)
}

// statement runs fn with a context that ends when the user cancels, the client
// vanishes, or the connection has to end; the context's cause says which.
func (c *conn) statement(fn func(ctx context.Context) error) error {
	ctx, cancel := context.WithCancelCause(context.Background())
	c.mu.Lock()
	c.cancel = cancel
	if c.terminated != nil {
		cancel(c.terminated)
	}
	c.mu.Unlock()
	c.watch = startWatcher(c, cancel)
	began := time.Now()
	err := c.guarded(func() error { return fn(ctx) })
	c.server.metrics.seconds.Observe(time.Since(began).Seconds())
	c.stopWatching()
	c.mu.Lock()
	c.cancel = nil
	copied := c.copying
	c.copying = false
	c.mu.Unlock()
	cancel(nil)
	if copied {
		_ = c.setReadDeadline(time.Time{})
	}
	return err
}

// guarded runs fn and turns a panic into an error that ends this connection and
// nothing else: what the session holds may be half changed.
func (c *conn) guarded(fn func() error) (err error) {
	defer func() {
		r := recover()
		if r == nil {
			return
		}
		c.server.options.Logger.Error("a statement panicked and its connection is closed", "panic", r, "stack", string(debug.Stack()))
		failure := sqlerr.New(sqlerr.InternalError, -1, "internal error: %v", r)
		c.terminate(failure)
		err = failure
	}()
	return fn()
}
