package wire_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgproto3"

	"millrace/wire"
)

// sendBytes sends bytes on a new connection, half-closes it, and returns all that
// comes back.
func sendBytes(t *testing.T, address string, data []byte) []byte {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	// The server may close before it has read all: that is an answer too.
	_, _ = conn.Write(data)
	_ = conn.(*net.TCPConn).CloseWrite()
	answer, _ := io.ReadAll(conn)
	return answer
}

// startupPacket returns a StartupMessage.
func startupPacket(version uint32, parameters ...string) []byte {
	body := binary.BigEndian.AppendUint32(nil, version)
	for _, p := range parameters {
		body = append(append(body, p...), 0)
	}
	body = append(body, 0)
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(body)+4)), body...)
}

// message returns a message with a length of its own.
func message(kind byte, length uint32, body string) []byte {
	return append(binary.BigEndian.AppendUint32([]byte{kind}, length), body...)
}

// TestBadInput sends what no client should. Each gets a clear error, and the
// server goes on.
func TestBadInput(t *testing.T) {
	server := startServer(t, nil)
	good := startupPacket(3<<16, "user", "millrace", "database", "millrace")
	for _, test := range []struct {
		name string
		data []byte
		want string
	}{
		{"nothing", nil, ""},
		{"HTTP", []byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), "invalid length of startup packet"},
		{"zeros", make([]byte, 64), "invalid length of startup packet"},
		{"half a packet", good[:9], ""},
		{"version 2", startupPacket(2<<16, "user", "x"), "unsupported frontend protocol 2.0: server supports 3.0 to 3.0"},
		{"version 9", startupPacket(9<<16, "user", "x"), "unsupported frontend protocol 9.0: server supports 3.0 to 3.0"},
		{"no user", startupPacket(3<<16, "database", "millrace"), "no PostgreSQL user name specified in startup packet"},
		{"no terminator", startupPacket(3 << 16)[:8], ""},
		{"odd layout", startupPacket(3<<16, "user"), "invalid startup packet layout"},
		{"other database", startupPacket(3<<16, "user", "x", "database", "nothing"), `database "nothing" does not exist`},
		{"replication", startupPacket(3<<16, "user", "x", "database", "millrace", "replication", "database"), "replication connections are not supported"},
		{"unknown setting", startupPacket(3<<16, "user", "x", "database", "millrace", "nonsense", "1"), `unrecognized configuration parameter "nonsense"`},
		{"unknown option", startupPacket(3<<16, "user", "x", "database", "millrace", "options", "-c nonsense=1"), `unrecognized configuration parameter "nonsense"`},
		{"wrong setting", startupPacket(3<<16, "user", "x", "database", "millrace", "timezone", "Nowhere"), `invalid value for parameter "TimeZone": "Nowhere"`},
		{"unknown message", append(bytes.Clone(good), message('!', 4, "")...), "invalid frontend message type 33"},
		{"short length", append(bytes.Clone(good), message('Q', 3, "")...), "invalid message length"},
		{"negative length", append(bytes.Clone(good), message('Q', 0x80000000, "")...), "invalid message length"},
		{"huge length", append(bytes.Clone(good), message('Q', 0x7fffffff, "")...), "invalid message length"},
		{"announced and not sent", append(bytes.Clone(good), message('Q', 1<<29, "SELECT")...), "ReadyForQuery"},
		{"query without end", append(bytes.Clone(good), message('Q', 5, "x")...), "invalid string in message"},
		{"query with zero", append(bytes.Clone(good), message('Q', 8, "a\x00b\x00")...), "invalid message format"},
		{"truncated Bind", append(bytes.Clone(good), message('B', 6, "a\x00")...), "invalid Bind message"},
		{"truncated Parse", append(bytes.Clone(good), message('P', 4, "")...), "invalid Parse message"},
		{"wrong Describe", append(bytes.Clone(good), message('D', 6, "x\x00")...), "invalid Describe message"},
		{"function call", append(bytes.Clone(good), message('F', 4, "")...), "function call protocol is not supported"},
		{"invalid text", append(bytes.Clone(good), message('Q', 6, "\xff\x00")...), "invalid byte sequence"},
	} {
		t.Run(test.name, func(t *testing.T) {
			answer := sendBytes(t, server.address, test.data)
			if test.want == "ReadyForQuery" {
				if !bytes.HasSuffix(answer, []byte("Z\x00\x00\x00\x05I")) {
					t.Errorf("answer %q", answer)
				}
				return
			}
			if test.want == "" && len(answer) > 0 || !bytes.Contains(answer, []byte(test.want)) {
				t.Errorf("answer %q, want %q", answer, test.want)
			}
		})
	}
	var one int
	if err := server.connect(t, "").QueryRow(context.Background(), "SELECT 1").Scan(&one); err != nil {
		t.Error(err)
	}
}

// TestMemoryFollowsData makes sure that a length that was only announced costs
// nothing.
func TestMemoryFollowsData(t *testing.T) {
	server := startServer(t, nil)
	before := heap()
	var clients []*rawClient
	for range 20 {
		c := startRaw(t, "tcp", server.address, nil)
		if _, err := c.conn.Write(message('Q', 1<<29, strings.Repeat("x", 1000))); err != nil {
			t.Fatal(err)
		}
		clients = append(clients, c)
	}
	if grown := heap() - before; grown > 20<<20 {
		t.Errorf("%d connections took %d bytes", len(clients), grown)
	}
}

// heap returns the bytes in use after a collection.
func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc) + int64(m.StackInuse)
}

func TestIdleConnections(t *testing.T) {
	const count = 1000
	server := startServer(t, nil)
	server.define(t, "CREATE STREAM s (a text)")
	// A first connection fills what all share.
	startRaw(t, "tcp", server.address, nil).exchange(`Query "SELECT 1"`)
	before := heap()
	var held []net.Conn
	for range count {
		conn, err := net.Dial("tcp", server.address)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		data := startupPacket(3<<16, "user", "millrace", "database", "millrace")
		query := "SELECT '" + strings.Repeat("x", 10_000) + "'\x00"
		data = append(data, message('Q', uint32(len(query)+4), query)...)
		if _, err := conn.Write(data); err != nil {
			t.Fatal(err)
		}
		readUntilReady(t, conn, 2)
		held = append(held, conn)
	}
	perConnection := (heap() - before) / count
	t.Logf("%d bytes per idle connection, both ends", perConnection)
	if perConnection > 32<<10 {
		t.Errorf("an idle connection keeps %d bytes", perConnection)
	}
	if n := server.Connections(); n < len(held) {
		t.Errorf("%d connections", n)
	}
}

// readUntilReady reads until n ReadyForQuery have come.
func readUntilReady(t *testing.T, conn net.Conn, n int) {
	t.Helper()
	ready := []byte("Z\x00\x00\x00\x05I")
	var seen []byte
	buffer := make([]byte, 16<<10)
	for bytes.Count(seen, ready) < n {
		read, err := conn.Read(buffer)
		if err != nil {
			t.Fatal(err)
		}
		seen = append(seen, buffer[:read]...)
	}
}

func TestLargeStatement(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a moment")
	}
	server := startServer(t, nil)
	conn := server.connect(t, "&default_query_exec_mode=simple_protocol")
	var length int
	text := "SELECT length('" + strings.Repeat("x", 100<<20) + "')"
	if err := conn.QueryRow(context.Background(), text).Scan(&length); err != nil || length != 100<<20 {
		t.Errorf("%d, %v", length, err)
	}
}

// TestMemoryOfMessages bounds the large messages of all clients together.
func TestMemoryOfMessages(t *testing.T) {
	server := startServer(t, func(o *wire.Options) { o.BufferBytes = 13 << 20 })
	query := "SELECT length('" + strings.Repeat("x", 8<<20) + "')\x00"
	half := func() *rawClient {
		c := startRaw(t, "tcp", server.address, nil)
		if _, err := c.conn.Write(message('Q', uint32(len(query)+4), query[:len(query)-10])); err != nil {
			t.Log(err)
		}
		return c
	}
	// One of them is refused, whichever sent its bytes last, and the other goes on.
	type answer struct {
		of   int
		text string
	}
	clients := []*rawClient{half(), half()}
	answers := make(chan answer, 2)
	for i, c := range clients {
		go func() {
			message, err := c.frontend.Receive()
			if err != nil {
				answers <- answer{i, err.Error()}
				return
			}
			answers <- answer{i, printMessage(message)}
		}()
	}
	refused := <-answers
	if _, err := clients[1-refused.of].conn.Write([]byte(query[len(query)-10:])); err != nil {
		t.Fatal(err)
	}
	if other := <-answers; strings.HasPrefix(refused.text, "RowDescription") || !strings.HasPrefix(other.text, "RowDescription") {
		t.Errorf("answers %q and %q", refused.text, other.text)
	}
}

func TestTooManyConnections(t *testing.T) {
	server := startServer(t, func(o *wire.Options) { o.MaxConnections = 1 })
	startRaw(t, "tcp", server.address, nil)
	answer := sendBytes(t, server.address, startupPacket(3<<16, "user", "x", "database", "millrace"))
	if !bytes.Contains(answer, []byte("53300")) {
		t.Errorf("answer %q", answer)
	}
}

func TestSlowStartup(t *testing.T) {
	server := startServer(t, func(o *wire.Options) { o.StartupTimeout = 20 * time.Millisecond })
	c := dialRaw(t, "tcp", server.address)
	if _, err := c.conn.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("read: %v, want the end of the connection", err)
	}
}

// TestErrorIsSeen sends more than the server reads before it gives up: the error
// arrives in spite of it.
func TestErrorIsSeen(t *testing.T) {
	server := startServer(t, nil)
	for range 20 {
		answer := sendBytes(t, server.address, bytes.Repeat([]byte("GET / HTTP/1.1\r\n"), 10_000))
		if !bytes.Contains(answer, []byte("invalid length of startup packet")) {
			t.Fatalf("answer %q", answer)
		}
	}
}

func TestMinorVersionIsNegotiated(t *testing.T) {
	server := startServer(t, nil)
	answer := sendBytes(t, server.address, append(
		startupPacket(3<<16|2, "user", "x", "database", "millrace", "_pq_.test", "1"), message('X', 4, "")...))
	if !bytes.HasPrefix(answer, []byte("v\x00\x00\x00\x16\x00\x03\x00\x00\x00\x00\x00\x01_pq_.test\x00R")) {
		t.Errorf("answer %q", answer)
	}
}

func TestShutdown(t *testing.T) {
	server := pushServer(t)
	idle := startRaw(t, "tcp", server.address, nil)
	busy := startRaw(t, "tcp", server.address, nil)
	busy.send(`Query "SELECT n FROM events EMIT CHANGES"`)
	busy.receive()
	server.waitForCursors(t, 1)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		t.Error(err)
	}
	for _, c := range []*rawClient{idle, busy} {
		if got := c.receive(); got != `ErrorResponse FATAL 57P01 "terminating connection due to administrator command"` {
			t.Errorf("got %s", got)
		}
	}
	if _, err := net.Dial("tcp", server.address); err == nil {
		t.Error("the server still listens")
	}
}

func TestTimeouts(t *testing.T) {
	server := pushServer(t)
	c := startRaw(t, "tcp", server.address, map[string]string{"options": "-c statement_timeout=20ms"})
	got := c.exchange(`Query "SELECT n FROM events EMIT CHANGES"`)
	if !strings.Contains(strings.Join(got, "\n"), `ERROR 57014 "canceling statement due to statement timeout"`) {
		t.Errorf("got %q", got)
	}
	c.exchange(`Query "SET idle_in_transaction_session_timeout = 20"`, `Query "BEGIN"`)
	if got := c.receive(); got != `ErrorResponse FATAL 25P03 "terminating connection due to idle-in-transaction timeout"` {
		t.Errorf("got %s", got)
	}
}

// TestCancelNeedsTheSecret sends a cancel request with another secret.
func TestCancelNeedsTheSecret(t *testing.T) {
	server := pushServer(t)
	c := startRaw(t, "tcp", server.address, nil)
	ready := c.send(`Query "SELECT n FROM events EMIT CHANGES"`)
	c.receive()
	right := c.key.SecretKey
	c.key.SecretKey = []byte{1, 2, 3, 4}
	c.cancel(server)
	if n := server.backend.openCursors(); n != 1 {
		t.Fatalf("%d queries are open", n)
	}
	c.key.SecretKey = right
	c.cancel(server)
	if got := strings.Join(c.receiveReady(ready), "; "); !strings.Contains(got, "57014") {
		t.Errorf("got %s", got)
	}
}

// TestCancelCopy cancels a COPY that waits for data.
func TestCancelCopy(t *testing.T) {
	server := pushServer(t)
	c := startRaw(t, "tcp", server.address, nil)
	ready := c.send(`Query "COPY events FROM STDIN"`, `CopyData "1\ta\n2\tb\n3"`)
	c.receive()
	if !waitFor(func() bool { return server.backend.count("events") == 2 }) {
		t.Fatal("rows that came are not written while the COPY waits")
	}
	c.cancel(server)
	message, err := c.frontend.Receive()
	e, ok := message.(*pgproto3.ErrorResponse)
	if err != nil || !ok || e.Code != "57014" || e.Where != "COPY events, line 3" || e.Detail != "2 lines of the COPY are stored." {
		t.Errorf("got %+v, %v", message, err)
	}
	c.receiveReady(ready)
	if got := strings.Join(c.exchange(`CopyData "4\tx\n"`, `CopyDone`, `Query "SELECT count(*) FROM events"`), "; "); !strings.Contains(got, `DataRow "2"`) {
		t.Errorf("got %s", got)
	}
}

// TestCopyEndsWithClient loses nothing that runs when the client vanishes in a
// COPY.
func TestCopyEndsWithClient(t *testing.T) {
	server := pushServer(t)
	server.backend.holdWrites = make(chan struct{})
	c := startRaw(t, "tcp", server.address, nil)
	c.send(`Query "COPY events FROM STDIN"`, `CopyData "1\ta\n"`)
	c.receive()
	server.waitForState(t, "active")
	c.conn.Close()
	close(server.backend.holdWrites)
	if !waitFor(func() bool { return server.Connections() == 0 }) {
		t.Error("the connection is still open")
	}
}

func TestPgxCopyFrom(t *testing.T) {
	server := pushServer(t)
	conn := server.connect(t, "")
	n, err := conn.CopyFrom(context.Background(), pgx.Identifier{"events"}, []string{"n", "word"},
		pgx.CopyFromSlice(50_000, func(i int) ([]any, error) {
			if i%10 == 0 {
				return []any{i, nil}, nil
			}
			return []any{i, fmt.Sprint("word ", i)}, nil
		}))
	if err != nil || n != 50_000 {
		t.Fatalf("%d rows, %v", n, err)
	}
	var count, words, sum int64
	err = conn.QueryRow(context.Background(), "SELECT count(*), count(word), sum(n) FROM events").Scan(&count, &words, &sum)
	if err != nil || count != 50_000 || words != 45_000 || sum != 50_000*49_999/2 {
		t.Errorf("%d rows, %d words, sum %d, %v", count, words, sum, err)
	}
}

// TestPgxBatch sends many statements in one pipeline: they are one transaction.
func TestPgxBatch(t *testing.T) {
	server := pushServer(t)
	conn := server.connect(t, "")
	run := func(last string) error {
		batch := new(pgx.Batch)
		for n := range 100 {
			batch.Queue("INSERT INTO events VALUES ($1, 'w')", n)
		}
		batch.Queue(last)
		return conn.SendBatch(context.Background(), batch).Close()
	}
	server.backend.takeWrites()
	if err := run("SELECT 1"); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(server.backend.takeWrites(), ";"); n != 0 || server.backend.count("events") != 100 {
		t.Errorf("%d rows in %d writes", server.backend.count("events"), n+1)
	}
	if err := run("SELECT 1/0"); err == nil {
		t.Error("a failing batch succeeded")
	}
	if n := server.backend.count("events"); n != 100 {
		t.Errorf("%d rows after a failed batch", n)
	}
}

// TestGoroutinesEnd leaves no goroutine behind clients that were cancelled,
// vanished or left.
func TestGoroutinesEnd(t *testing.T) {
	server := pushServer(t)
	before := runtime.NumGoroutine()
	for i := range 20 {
		c := startRaw(t, "tcp", server.address, nil)
		ready := c.send(`Query "SELECT n FROM events EMIT CHANGES"`)
		c.receive()
		switch i % 3 {
		case 0:
			c.cancel(server)
			c.receiveReady(ready)
			c.send("Terminate")
		case 1:
			c.conn.Close()
		default:
			c.send("Terminate")
		}
	}
	server.waitForCursors(t, 0)
	if !waitFor(func() bool { return runtime.NumGoroutine() <= before }) {
		t.Errorf("%d goroutines, %d before", runtime.NumGoroutine(), before)
	}
}
