package wire_test

import (
	"context"
	"net"
	"strconv"
	"testing"
	"time"

	"millrace/sql/catalog/systables"
	"millrace/wire"
	"millrace/wire/notify"
	"millrace/wire/session"
)

// testServer is a server over a fake backend, on a port of its own.
type testServer struct {
	*wire.Server
	backend  *fakeBackend
	registry *session.Registry
	// sessions are what sessions share; it may be changed before the first client.
	sessions *session.Options
	address  string
}

// startServer starts a server that is shut down at the end of the test.
func startServer(t testing.TB, change func(*wire.Options)) *testServer {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	backend := newFakeBackend()
	shared := &session.Options{Backend: backend, System: systables.New(), Registry: new(session.Registry), Notifications: notify.NewHub(0), Feeds: new(session.RelationFeeds)}
	options := wire.Options{
		Listener: listener,
		NewSession: func(identity session.Identity, client session.Client) (*session.Session, error) {
			return session.New(shared, identity, client)
		},
	}
	if change != nil {
		change(&options)
	}
	server, err := wire.New(options)
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(context.Background()) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := server.Shutdown(ctx); err != nil {
			t.Errorf("shutdown: %v", err)
		}
		if err := <-served; err != nil {
			t.Errorf("serve: %v", err)
		}
		if !waitFor(func() bool { return backend.openCursors() == 0 }) {
			t.Errorf("%d queries are still open", backend.openCursors())
		}
	})
	return &testServer{Server: server, backend: backend, registry: shared.Registry, sessions: shared, address: listener.Addr().String()}
}

// define runs statements that make what a test needs.
func (s *testServer) define(t testing.TB, statements ...string) {
	t.Helper()
	c := startRaw(t, "tcp", s.address, nil)
	for _, statement := range statements {
		answer := c.exchange("Query " + strconv.Quote(statement))
		if answer[len(answer)-1] != "ReadyForQuery I" || len(answer) > 2 && answer[0][:5] == "Error" {
			t.Fatalf("%s: %q", statement, answer)
		}
	}
	c.send("Terminate")
}

// TestScripts holds the protocol scripts against the server.
func TestScripts(t *testing.T) {
	server := startServer(t, nil)
	server.define(t, millraceSetup...)
	if *update {
		updateScripts(t, "millrace*.txt", "tcp", server.address)
		return
	}
	runScripts(t, "*.txt", "tcp", server.address)
}

// millraceSetup makes what scripts use, as postgresSetup does.
var millraceSetup = []string{
	"CREATE STREAM numbers (n int, word text)",
	"INSERT INTO numbers VALUES (1, 'one'), (2, 'two'), (3, 'three')",
	"CREATE STREAM words (word text NOT NULL, at timestamp, amount numeric(8,2))",
}
