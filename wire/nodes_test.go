package wire_test

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"net"
	"slices"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"millrace/wire"
	"millrace/wire/notify"
	"millrace/wire/session"
)

// serverNetwork connects the servers of a cluster in one process.
type serverNetwork struct {
	mu       sync.Mutex
	members  []uint64
	down     map[uint64]bool
	handlers map[uint64]map[string]func(context.Context, uint64, []byte) ([]byte, error)
}

// serverPeers is one server's side of the network. It implements exec.Peers.
type serverPeers struct {
	*serverNetwork
	self uint64
}

var errServerDown = errors.New("the server cannot be reached")

func (p serverPeers) Self() uint64 { return p.self }

func (p serverPeers) Members() []uint64 { return p.members }

func (p serverPeers) Handle(method string, handler func(context.Context, uint64, []byte) ([]byte, error)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.handlers[p.self][method] = handler
}

func (p serverPeers) Call(ctx context.Context, node uint64, method string, request []byte) ([]byte, error) {
	p.mu.Lock()
	handler := p.handlers[node][method]
	if p.down[node] {
		handler = nil
	}
	p.mu.Unlock()
	if handler == nil {
		return nil, errServerDown
	}
	return handler(ctx, p.self, slices.Clone(request))
}

func (p serverPeers) Send(node uint64, method string, message []byte) {
	_, _ = p.Call(context.Background(), node, method, message) // nobody waits for it
}

// startServers starts the servers of a cluster.
func startServers(t *testing.T, count int) (*serverNetwork, []*testServer) {
	network := &serverNetwork{down: map[uint64]bool{}, handlers: map[uint64]map[string]func(context.Context, uint64, []byte) ([]byte, error){}}
	for i := range count {
		network.members = append(network.members, uint64(i+1))
		network.handlers[uint64(i+1)] = map[string]func(context.Context, uint64, []byte) ([]byte, error){}
	}
	var servers []*testServer
	for _, node := range network.members {
		peers := serverPeers{network, node}
		s := startServer(t, func(o *wire.Options) { o.Peers = peers })
		s.registry = session.NewRegistry(session.RegistryOptions{
			Peers: peers, Catalog: s.backend.Catalog, Logger: slog.New(slog.DiscardHandler),
			CatchUp: func(context.Context) error { return nil },
		})
		hub := notify.NewHub(0)
		hub.Join(t.Context(), peers, notify.RelayOptions{})
		t.Cleanup(func() { hub.Leave(context.WithoutCancel(t.Context())) })
		s.sessions.Registry, s.sessions.Notifications = s.registry, hub
		servers = append(servers, s)
	}
	return network, servers
}

// sleeping runs a statement that does not end by itself, and returns how it ended.
func sleeping(t *testing.T, s *testServer, c *pgx.Conn) <-chan error {
	t.Helper()
	ended := make(chan error, 1)
	go func() {
		_, err := c.Exec(context.Background(), `SELECT * FROM events EMIT CHANGES`)
		ended <- err
	}()
	process := int32(c.PgConn().PID())
	if !waitFor(func() bool {
		for _, status := range sessionsOf(t, s) {
			if status.PID == process && status.State == "active" {
				return true
			}
		}
		return false
	}) {
		t.Fatal("the statement does not run")
	}
	return ended
}

func sqlState(err error) string {
	if failure, ok := errors.AsType[*pgconn.PgError](err); ok {
		return failure.Code
	}
	return ""
}

// TestNodesSeeEachOther shows and signals the sessions of another node.
func TestNodesSeeEachOther(t *testing.T) {
	network, servers := startServers(t, 3)
	servers[2].define(t, "CREATE STREAM events (n int, word text)")
	first, third := servers[0].connect(t, ""), servers[2].connect(t, "")
	process := int32(third.PgConn().PID())
	if node := session.NodesOf(uint32(process), network.members); !slices.Equal(node, []uint64{3}) {
		t.Errorf("process %d is one of %v", process, node)
	}
	count := func() (n int) {
		t.Helper()
		if err := first.QueryRow(t.Context(), `SELECT count(*) FROM pg_stat_activity WHERE pid IN ($1, pg_backend_pid())`, process).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	if n := count(); n != 2 {
		t.Errorf("%d sessions are shown", n)
	}
	ended := sleeping(t, servers[0], third)
	var done bool
	if err := first.QueryRow(t.Context(), `SELECT pg_cancel_backend($1)`, process).Scan(&done); err != nil || !done {
		t.Fatalf("%v, %v", done, err)
	}
	if code := sqlState(<-ended); code != "57014" {
		t.Errorf("the cancelled statement ended with %q", code)
	}
	ended = sleeping(t, servers[2], third)
	sendCancel(t, servers[0], third)
	if code := sqlState(<-ended); code != "57014" {
		t.Errorf("the statement ended with %q after a request to another node", code)
	}
	network.mu.Lock()
	network.down[3] = true
	network.mu.Unlock()
	if n := count(); n != 1 {
		t.Errorf("%d sessions are shown without the node", n)
	}
	if _, err := first.Exec(t.Context(), `SELECT pg_terminate_backend($1)`, process); sqlState(err) != "08006" {
		t.Errorf("a session of a node that is gone: %v", err)
	}
	network.mu.Lock()
	network.down[3] = false
	network.mu.Unlock()
	if err := first.QueryRow(t.Context(), `SELECT pg_terminate_backend($1)`, process).Scan(&done); err != nil || !done {
		t.Fatalf("%v, %v", done, err)
	}
	if _, err := third.Exec(t.Context(), `SELECT 1`); err == nil {
		t.Error("the connection outlived pg_terminate_backend")
	}
	if err := first.QueryRow(t.Context(), `SELECT pg_terminate_backend($1)`, process).Scan(&done); err != nil || done {
		t.Errorf("a session that is gone: %v, %v", done, err)
	}
}

// sendCancel sends a connection's cancel request to another server.
func sendCancel(t *testing.T, s *testServer, of *pgx.Conn) {
	t.Helper()
	c, err := net.Dial("tcp", s.address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	message := binary.BigEndian.AppendUint32(nil, 16)
	message = binary.BigEndian.AppendUint32(message, 80877102)
	message = binary.BigEndian.AppendUint32(message, of.PgConn().PID())
	message = append(message, of.PgConn().SecretKey()...)
	if _, err := c.Write(message); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(c); err != nil {
		t.Fatal(err)
	}
}

// TestNotifyOtherNode notifies a client of another node.
func TestNotifyOtherNode(t *testing.T) {
	_, servers := startServers(t, 2)
	first, second := servers[0].connect(t, ""), servers[1].connect(t, "")
	if _, err := second.Exec(t.Context(), `LISTEN c`); err != nil {
		t.Fatal(err)
	}
	for _, payload := range []string{"1", "2", "3"} {
		if _, err := first.Exec(t.Context(), `SELECT pg_notify('c', $1)`, payload); err != nil {
			t.Fatal(err)
		}
	}
	for _, payload := range []string{"1", "2", "3"} {
		n, err := second.WaitForNotification(t.Context())
		if err != nil || n.Payload != payload || n.PID != first.PgConn().PID() {
			t.Fatalf("%+v, %v", n, err)
		}
	}
}
