package testsql

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"millrace/cmd/node"
	"millrace/testsql/harness"
)

// deadClientDeadline is generous: what is waited for takes a second or two on an idle machine.
const deadClientDeadline = time.Minute

// proxy passes on what a client and the node send, until it is stalled: it takes nothing
// of either any more, and closes nothing.
type proxy struct {
	listener net.Listener
	stalled  chan struct{}
	target   string
}

func startProxy(t *testing.T, target string) *proxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{listener: listener, stalled: make(chan struct{}), target: target}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", target)
			if err != nil {
				_ = client.Close() // a client may come, to cancel, when the node is gone
				continue
			}
			_ = server.(*net.TCPConn).SetReadBuffer(16 << 10)
			t.Cleanup(func() { _, _ = client.Close(), server.Close() })
			go p.pass(client, server)
			go p.pass(server, client)
		}
	}()
	return p
}

func (p *proxy) pass(to, from net.Conn) {
	buffer := make([]byte, 4<<10)
	for {
		n, err := from.Read(buffer)
		select {
		case <-p.stalled:
			return
		default:
		}
		if err != nil {
			return
		}
		if _, err := to.Write(buffer[:n]); err != nil {
			return
		}
	}
}

// waitForCount waits until a query counts as many.
func waitForCount(t *testing.T, c *pgx.Conn, want int, query string) {
	t.Helper()
	harness.Eventually(t, deadClientDeadline, func() error {
		var n int
		if err := c.QueryRow(t.Context(), query).Scan(&n); err != nil || n != want {
			return fmt.Errorf("%s\n%d, want %d, error %v", query, n, want, err)
		}
		return nil
	})
}

// waitForSessions waits until the node has as many clients.
func waitForSessions(t *testing.T, c *pgx.Conn, want int) {
	t.Helper()
	waitForCount(t, c, want, `SELECT count(*) FROM pg_stat_activity`)
}

// waitForPushes waits until as many push queries have given what there is.
func waitForPushes(t *testing.T, c *pgx.Conn, want int) {
	t.Helper()
	waitForCount(t, c, want, `SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%EMIT CHANGES' AND wait_event IS NOT NULL`)
}

// TestClientThatStopsReading has a proxy take nothing more of what a push query sends:
// the connection ends after the write timeout, and other clients notice nothing.
func TestClientThatStopsReading(t *testing.T) {
	n := harness.StartNode(t, node.Options{Shards: 2, WriteTimeout: time.Second})
	c := harness.Connect(t, harness.NodeURL(n.Addr()))
	harness.Exec(t, c, `CREATE STREAM s (n INT, text TEXT)`)
	p := startProxy(t, n.Addr().String())
	stalled := harness.Connect(t, harness.NodeURL(p.listener.Addr()))
	harness.Exec(t, stalled, `SET push_buffer = '256kB'`)
	healthy := harness.Connect(t, harness.NodeURL(n.Addr()))
	ctx, cancel := context.WithCancel(t.Context())
	var following sync.WaitGroup
	defer following.Wait()
	defer cancel()
	first := make(chan struct{})
	following.Go(func() {
		results := stalled.PgConn().Exec(ctx, `SELECT * FROM s EMIT CHANGES`)
		for results.NextResult() {
			for results.ResultReader().NextRow() {
				select {
				case <-first:
				default:
					close(first)
				}
			}
		}
	})
	given := make(chan int, 1)
	following.Go(func() {
		rows, seen := healthy.PgConn().Exec(ctx, `SELECT n FROM s EMIT CHANGES`), 0
		for rows.NextResult() {
			for rows.ResultReader().NextRow() {
				seen++
				select {
				case given <- seen:
				case <-given:
					given <- seen
				}
			}
		}
	})
	waitForPushes(t, c, 2)
	harness.Exec(t, c, `INSERT INTO s VALUES (0, '')`)
	<-first
	close(p.stalled)
	wide, inserted := strings.Repeat("x", 64<<10), 1
	for end := time.Now().Add(deadClientDeadline); ; {
		harness.Exec(t, c, `INSERT INTO s VALUES (1, '`+wide+`')`)
		inserted++
		var others int
		if err := c.QueryRow(t.Context(), `SELECT count(*) FROM pg_stat_activity`).Scan(&others); err != nil {
			t.Fatal(err)
		}
		if others == 2 {
			break
		}
		if time.Now().After(end) {
			t.Fatal("the client that takes nothing is still there")
		}
	}
	for seen := 0; seen < inserted; {
		select {
		case seen = <-given:
		case <-time.After(deadClientDeadline):
			t.Fatalf("the other client has %d of %d rows", seen, inserted)
		}
	}
}

// tcpRepair is TCP_REPAIR of linux/tcp.h: a socket that is closed in that mode says
// nothing to the other side.
const tcpRepair = 0x13

// TestClientThatVanishes has a client go without a word, as a machine that loses power:
// keepalive finds out, both while a push query has nothing to send and in between
// statements.
func TestClientThatVanishes(t *testing.T) {
	n := harness.StartNode(t, node.Options{Shards: 1})
	c := harness.Connect(t, harness.NodeURL(n.Addr()))
	harness.Exec(t, c, `CREATE STREAM s (n INT)`)
	for _, query := range []string{`SELECT 1`, `SELECT * FROM s EMIT CHANGES`} {
		config, err := pgconn.ParseConfig(harness.NodeURL(n.Addr()))
		if err != nil {
			t.Fatal(err)
		}
		var socket *net.TCPConn
		config.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
			if err == nil {
				socket = conn.(*net.TCPConn)
			}
			return conn, err
		}
		client, err := pgconn.ConnectConfig(t.Context(), config)
		if err != nil {
			t.Fatal(err)
		}
		for _, setting := range []string{`idle = '1s'`, `interval = '1s'`, `count = 2`} {
			if _, err := client.Exec(t.Context(), `SET tcp_keepalives_`+setting).ReadAll(); err != nil {
				t.Fatal(err)
			}
		}
		if results := client.Exec(t.Context(), query); strings.Contains(query, "EMIT") {
			waitForPushes(t, c, 1)
		} else if _, err := results.ReadAll(); err != nil {
			t.Fatal(err)
		}
		waitForSessions(t, c, 2)
		vanish(t, socket)
		waitForSessions(t, c, 1)
	}
}

// vanish closes a socket without telling the other side.
func vanish(t *testing.T, socket *net.TCPConn) {
	t.Helper()
	raw, err := socket.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	controlled := raw.Control(func(fd uintptr) {
		// What has come is acknowledged first, so that nothing is on its way.
		_ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_QUICKACK, 1)
		err = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, tcpRepair, 1)
	})
	if controlled != nil {
		t.Fatal(controlled)
	}
	if errors.Is(err, syscall.EPERM) {
		t.Skip("needs the right to administer the network (CAP_NET_ADMIN)")
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := socket.Close(); err != nil {
		t.Fatal(err)
	}
}
