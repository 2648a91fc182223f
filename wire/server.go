package wire

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"millrace/exec"
	"millrace/sql/catalog"
	"millrace/sql/sqlerr"
	"millrace/wire/auth"
	"millrace/wire/session"
)

// Options configure a Server. Listener or Addr, and NewSession, are required;
// zero values of the others stand for the defaults they name.
type Options struct {
	// Listener takes connections. Where it is nil, Serve listens on Addr.
	Listener net.Listener
	Addr     string
	Logger   *slog.Logger
	// Registerer takes the server's metrics; nil for none.
	Registerer prometheus.Registerer
	// NewSession makes the session of a client that has said who it is. An error
	// refuses the client.
	NewSession func(session.Identity, session.Client) (*session.Session, error)
	// Databases are the names that clients may connect to; empty stands for
	// millrace and postgres.
	Databases []string
	// MaxConnections bounds the clients served at once; 0 means 20,000.
	MaxConnections int
	// Now is the clock for what is shown to users; nil means time.Now.
	Now func() time.Time
	// MaxMessageBytes bounds a message's body; 0 means PostgreSQL's limit of
	// 1 GiB. Memory follows the bytes that arrive, not the length announced.
	MaxMessageBytes int
	// BufferBytes bounds the memory of the messages over 1 MiB that all clients
	// are sending at one time; a client past it gets 53200 and is disconnected. 0
	// means 2 GiB.
	BufferBytes int
	// StartupTimeout bounds the time until a client has said who it is; 0 means
	// one minute.
	StartupTimeout time.Duration
	// Catalog returns the catalog, which knows the roles; nil where everybody is
	// believed and nobody has a role.
	Catalog func() *catalog.Snapshot
	// Authentication says how clients prove who they are; nil for auth.DefaultRules.
	Authentication auth.Rules
	// TLS are the certificates of connections that ask for TLS; nil for none.
	TLS *auth.Certificates
	// Peers are the nodes of the cluster, to which cancel requests are passed on; nil for
	// a server on its own.
	Peers exec.Peers
	// Refuse, where it is not nil, gives what every client is told in place of being served.
	Refuse func() error
	// WriteTimeout is how long a client may take nothing of what is sent to it
	// before it counts as gone; 0 means five minutes, negative no limit.
	WriteTimeout time.Duration
}

const (
	maxStartupLength       = 10_000
	secretBytes            = 32
	defaultMaxConnections  = 20_000
	defaultMaxMessageBytes = 1<<30 - 1
	defaultBufferBytes     = 2 << 30
	defaultStartupTimeout  = time.Minute
	defaultWriteTimeout    = 5 * time.Minute
)

// Server serves PostgreSQL's protocol.
type Server struct {
	options Options
	metrics *metrics
	keys    cancelKeys
	memory  memoryBudget
	// buffers are write buffers that connections have given back.
	buffers sync.Pool
	// secret makes up salts for roles that are not there.
	secret []byte

	mu       sync.Mutex
	listener net.Listener
	conns    map[*conn]struct{}
	closing  bool
	running  sync.WaitGroup
}

// New returns a server that does not listen yet.
func New(options Options) (*Server, error) {
	if options.Listener == nil && options.Addr == "" {
		return nil, errors.New("a server needs a listener or an address")
	}
	if options.NewSession == nil && options.Refuse == nil {
		return nil, errors.New("a server needs a way to make sessions")
	}
	if options.Logger == nil {
		options.Logger = slog.New(slog.DiscardHandler)
	}
	if len(options.Databases) == 0 {
		options.Databases = []string{"millrace", "postgres"}
	}
	if options.Now == nil {
		options.Now = time.Now
	}
	if options.Authentication == nil {
		options.Authentication = auth.DefaultRules()
	}
	setDefault(&options.MaxConnections, defaultMaxConnections)
	setDefault(&options.MaxMessageBytes, defaultMaxMessageBytes)
	setDefault(&options.BufferBytes, defaultBufferBytes)
	setDefault(&options.StartupTimeout, defaultStartupTimeout)
	setDefault(&options.WriteTimeout, defaultWriteTimeout)
	s := &Server{
		options:  options,
		metrics:  newMetrics(options.Registerer),
		listener: options.Listener,
		conns:    make(map[*conn]struct{}),
		secret:   make([]byte, secretBytes),
	}
	var node uint64
	if options.Peers != nil {
		node = options.Peers.Self()
		s.answerCancels()
	}
	s.keys.begin(session.ProcessIDs(node))
	s.memory.limit = int64(options.BufferBytes)
	_, _ = rand.Read(s.secret) // never fails (crypto/rand)
	return s, nil
}

func setDefault[T int | time.Duration](value *T, standard T) {
	if *value == 0 {
		*value = standard
	}
}

// Serve takes connections until Shutdown, or until ctx ends, which shuts down
// as well without waiting. It returns nil after a shutdown, else the error that
// stopped it.
func (s *Server) Serve(ctx context.Context) error {
	listener, err := s.listen(ctx)
	if err != nil || listener == nil {
		return err
	}
	stop := context.AfterFunc(ctx, s.beginShutdown)
	defer stop()
	for {
		socket, err := listener.Accept()
		if err != nil {
			if s.isClosing() {
				return nil
			}
			if !retryAccept(ctx, err) {
				return err
			}
			s.options.Logger.Warn("accepting a connection failed", "error", err)
			continue
		}
		s.start(socket)
	}
}

// listen returns the listener, or nil when the server is shutting down.
func (s *Server) listen(ctx context.Context) (net.Listener, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		return nil, nil
	}
	if s.listener == nil {
		var config net.ListenConfig
		listener, err := config.Listen(ctx, "tcp", s.options.Addr)
		if err != nil {
			return nil, err
		}
		s.listener = listener
	}
	return s.listener, nil
}

// acceptRetryDelay is the pause after a failed accept: the usual reason is
// that the process has no file descriptors left.
const acceptRetryDelay = 20 * time.Millisecond

// retryAccept waits before the next attempt, and reports whether the listener
// may work again.
func retryAccept(ctx context.Context, err error) bool {
	if errors.Is(err, net.ErrClosed) {
		return false
	}
	timer := time.NewTimer(acceptRetryDelay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// start serves a connection on a goroutine of its own.
func (s *Server) start(socket net.Conn) {
	c := newConn(s, socket)
	s.mu.Lock()
	closing := s.closing
	full := len(s.conns) >= s.options.MaxConnections
	if !closing {
		s.conns[c] = struct{}{}
		s.running.Add(1)
	}
	s.mu.Unlock()
	if closing {
		_ = socket.Close()
		return
	}
	s.metrics.connections.Inc()
	s.metrics.connectionsTotal.Inc()
	go func() {
		defer s.running.Done()
		defer s.metrics.connections.Dec()
		defer s.forget(c)
		c.serve(full)
	}()
}

func (s *Server) forget(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
}

func (s *Server) isClosing() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closing
}

// errAdminShutdown is what clients are told at shutdown.
var errAdminShutdown = sqlerr.New(sqlerr.AdminShutdown, -1, "terminating connection due to administrator command")

// beginShutdown stops listening and tells every connection to end.
func (s *Server) beginShutdown() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		return
	}
	s.closing = true
	if s.listener != nil {
		_ = s.listener.Close()
	}
	for c := range s.conns {
		c.terminate(errAdminShutdown)
	}
}

// Shutdown stops listening, ends the statements that run and the connections
// with 57P01, and waits until all have ended. When ctx ends first, the sockets
// are closed under those that are left and ctx's error is returned once they
// have noticed.
func (s *Server) Shutdown(ctx context.Context) error {
	s.beginShutdown()
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.running.Wait()
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
	}
	s.mu.Lock()
	for c := range s.conns {
		c.closeSocket()
	}
	s.mu.Unlock()
	<-done
	return ctx.Err()
}

// Connections returns how many clients are connected.
func (s *Server) Connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns)
}

// connectionsOf returns how many clients act as a role.
func (s *Server) connectionsOf(role catalog.ObjectID) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	count := 0
	for c := range s.conns {
		if c.role.Load() == uint64(role) {
			count++
		}
	}
	return count
}
