package node

import (
	"errors"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"millrace/wire/auth"
)

// TestRefuseClients connects to a node that starts, and to what comes behind it.
func TestRefuseClients(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := newPort(listener)
	n := &Node{options: Options{Logger: slog.New(slog.DiscardHandler), Now: time.Now}, rules: auth.DefaultRules()}
	n.startup.waits(n.options.Logger, "node 2 at 10.0.0.2:7433 is away")
	end, err := n.refuseClients(p, nil)
	if err != nil {
		t.Fatal(err)
	}
	url := "postgres://millrace@" + listener.Addr().String() + "/millrace?sslmode=prefer"
	_, err = pgconn.Connect(t.Context(), url)
	if failure, ok := errors.AsType[*pgconn.PgError](err); !ok || failure.Code != "57P03" || !strings.Contains(failure.Detail, "waits for other nodes") {
		t.Errorf("a client of a node that starts is told %+v", failure)
	}
	if health := n.startup.health(); !strings.Contains(health, "10.0.0.2:7433") {
		t.Errorf("a probe is told %s", health)
	}
	end()
	client, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	connection, err := p.Accept()
	if err != nil {
		t.Fatal(err)
	}
	_ = connection.Close() // it was taken, which is all that is asked for
	if err := errors.Join(p.Close(), p.Close()); err != nil {
		t.Error(err)
	}
	if _, err := p.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("a port that is closed gives %v", err)
	}
}
