package wire_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"millrace/sql/catalog/systables"
)

// connect opens a pgx connection.
func (s *testServer) connect(t *testing.T, more string) *pgx.Conn {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, fmt.Sprintf("postgres://millrace@%s/millrace?sslmode=prefer%s", s.address, more))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// pushServer has a stream events (n int).
func pushServer(t *testing.T) *testServer {
	server := startServer(t, nil)
	server.define(t, "CREATE STREAM events (n int, word text)")
	return server
}

// insert adds an event, once a push query is open.
func (s *testServer) insert(t *testing.T, conn *pgx.Conn, n int) {
	t.Helper()
	if _, err := conn.Exec(context.Background(), "INSERT INTO events VALUES ($1, 'w')", n); err != nil {
		t.Fatal(err)
	}
}

func (s *testServer) waitForCursors(t *testing.T, n int) {
	t.Helper()
	if !waitFor(func() bool { return s.backend.openCursors() == n }) {
		t.Fatalf("%d queries are open, want %d", s.backend.openCursors(), n)
	}
}

// sessionsOf returns the sessions of a server.
func sessionsOf(t *testing.T, s *testServer) []systables.SessionStatus {
	list, _ := s.registry.Sessions(t.Context())
	return list
}

// waitForState waits until some session is in a state.
func (s *testServer) waitForState(t *testing.T, state string) {
	t.Helper()
	if !waitFor(func() bool {
		for _, status := range sessionsOf(t, s) {
			if status.State == state {
				return true
			}
		}
		return false
	}) {
		t.Fatalf("no session is %s", state)
	}
}

// TestPushRowByRow follows a stream in both protocols: each row comes when it
// was written, and a cancel request leaves the connection in use.
func TestPushRowByRow(t *testing.T) {
	for _, mode := range []string{"simple_protocol", "cache_statement"} {
		t.Run(mode, func(t *testing.T) {
			server := pushServer(t)
			writer := server.connect(t, "")
			reader := server.connect(t, "&default_query_exec_mode="+mode)
			// With a prepared statement pgx's Query itself waits for the first row.
			first := make(chan error, 1)
			go func() {
				waitFor(func() bool { return server.backend.openCursors() == 1 })
				_, err := writer.Exec(context.Background(), "INSERT INTO events VALUES (0, 'w')")
				first <- err
			}()
			rows, err := reader.Query(context.Background(), "SELECT n FROM events EMIT CHANGES")
			if err != nil {
				t.Fatal(err)
			}
			if err := <-first; err != nil {
				t.Fatal(err)
			}
			for n := range 3 {
				if n > 0 {
					server.insert(t, writer, n)
				}
				var got int
				if !rows.Next() {
					t.Fatal(rows.Err())
				}
				if err := rows.Scan(&got); err != nil || got != n {
					t.Fatalf("row %d, %v, want %d", got, err, n)
				}
			}
			server.waitForState(t, "active")
			if err := reader.PgConn().CancelRequest(context.Background()); err != nil {
				t.Fatal(err)
			}
			for rows.Next() {
			}
			checkCode(t, rows.Err(), "57014", "canceling statement due to user request")
			server.waitForCursors(t, 0)
			var one int
			if err := reader.QueryRow(context.Background(), "SELECT 1").Scan(&one); err != nil || one != 1 {
				t.Errorf("after the cancel: %d, %v", one, err)
			}
		})
	}
}

func checkCode(t *testing.T, err error, code, message string) {
	t.Helper()
	var e *pgconn.PgError
	if !errors.As(err, &e) || e.Code != code || e.Message != message {
		t.Errorf("error %v, want %s %q", err, code, message)
	}
}

// TestPushEndsWithClient leaves nothing running when the client vanishes, says
// goodbye, or half-closes.
func TestPushEndsWithClient(t *testing.T) {
	for name, leave := range map[string]func(*rawClient){
		"vanished":   func(c *rawClient) { _ = c.conn.Close() },
		"terminated": func(c *rawClient) { c.send("Terminate") },
		"half-closed": func(c *rawClient) {
			_ = c.conn.(interface{ CloseWrite() error }).CloseWrite()
		},
	} {
		t.Run(name, func(t *testing.T) {
			server := pushServer(t)
			c := startRaw(t, "tcp", server.address, nil)
			c.send(`Query "SELECT n FROM events EMIT CHANGES"`)
			c.receive()
			server.waitForCursors(t, 1)
			leave(c)
			server.waitForCursors(t, 0)
			if !waitFor(func() bool { return server.Connections() == 0 }) {
				t.Error("the connection is still open")
			}
		})
	}
}

func TestPushLimitEnds(t *testing.T) {
	server := pushServer(t)
	writer := server.connect(t, "")
	c := startRaw(t, "tcp", server.address, nil)
	c.send(`Query "SELECT n FROM events EMIT CHANGES LIMIT 2"`)
	server.waitForCursors(t, 1)
	for n := range 3 {
		server.insert(t, writer, n)
	}
	got := strings.Join(c.receiveReady(1), "; ")
	if want := `RowDescription n:23:column=1; DataRow "0"; DataRow "1"; CommandComplete "SELECT 2"; ReadyForQuery I`; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestPushPortal reads a push query with a row limit of 1, as JDBC does.
func TestPushPortal(t *testing.T) {
	server := pushServer(t)
	writer := server.connect(t, "")
	c := startRaw(t, "tcp", server.address, nil)
	c.exchange(`Query "BEGIN"`)
	c.exchange(`Parse "" "SELECT n FROM events EMIT CHANGES"`, `Bind "p" ""`, "Sync")
	for n := range 3 {
		ready := c.send(`Execute "p" 1`, "Sync")
		server.waitForCursors(t, 1)
		server.insert(t, writer, n)
		got := strings.Join(c.receiveReady(ready), "; ")
		if want := fmt.Sprintf(`DataRow "%d"; PortalSuspended; ReadyForQuery T`, n); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
	c.exchange(`Query "COMMIT"`)
	server.waitForCursors(t, 0)
}

// TestFetchFollows reads a push query through a cursor.
func TestFetchFollows(t *testing.T) {
	server := pushServer(t)
	writer := server.connect(t, "")
	c := startRaw(t, "tcp", server.address, nil)
	c.exchange(`Query "BEGIN"`)
	c.exchange(`Query "DECLARE c CURSOR FOR SELECT n FROM events EMIT CHANGES"`)
	c.exchange(`Query "SAVEPOINT s"`)
	for n := range 4 {
		server.insert(t, writer, n)
	}
	for _, test := range [][2]string{
		{"FETCH FORWARD 1 FROM c", `RowDescription n:23:column=1; DataRow "0"; CommandComplete "FETCH 1"; ReadyForQuery T`},
		{"FETCH 2 FROM c", `RowDescription n:23:column=1; DataRow "1"; DataRow "2"; CommandComplete "FETCH 2"; ReadyForQuery T`},
		{"FETCH ALL FROM c", `RowDescription n:23:column=1; DataRow "3"; CommandComplete "FETCH 1"; ReadyForQuery T`},
		{"FETCH ALL FROM c WITH (timeout = '10ms')", `RowDescription n:23:column=1; CommandComplete "FETCH 0"; ReadyForQuery T`},
		{"FETCH ALL FROM c WITH (timeout = 0)", `RowDescription n:23:column=1; CommandComplete "FETCH 0"; ReadyForQuery T`},
	} {
		if got := strings.Join(c.exchange(fmt.Sprintf("Query %q", test[0])), "; "); got != test[1] {
			t.Errorf("%s\n got  %s\n want %s", test[0], got, test[1])
		}
	}

	// A cancel aborts the block; behind the savepoint the cursor goes on.
	ready := c.send(`Query "FETCH ALL FROM c"`)
	server.waitForState(t, "active")
	c.cancel(server)
	got := strings.Join(c.receiveReady(ready), "; ")
	if !strings.Contains(got, "57014") || !strings.HasSuffix(got, "ReadyForQuery E") {
		t.Fatalf("got %s", got)
	}
	c.exchange(`Query "ROLLBACK TO s"`)
	server.insert(t, writer, 4)
	got = strings.Join(c.exchange(`Query "FETCH 1 FROM c"`), "; ")
	if want := `RowDescription n:23:column=1; DataRow "4"; CommandComplete "FETCH 1"; ReadyForQuery T`; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// cancel sends the client's cancel request, and returns when the server has
// carried it out.
func (c *rawClient) cancel(server *testServer) {
	c.t.Helper()
	k := dialRaw(c.t, "tcp", server.address)
	k.frontend.Send(&pgproto3.CancelRequest{ProcessID: c.key.ProcessID, SecretKey: c.key.SecretKey})
	if err := k.frontend.Flush(); err != nil {
		c.t.Fatal(err)
	}
	// The server answers with the end of the connection.
	k.receive()
}

// TestCopyFollows streams a push query with COPY.
func TestCopyFollows(t *testing.T) {
	server := pushServer(t)
	writer := server.connect(t, "")
	reader := server.connect(t, "")
	ctx, cancel := context.WithCancel(context.Background())
	lines := &lineWriter{lines: make(chan string, 16)}
	done := make(chan error, 1)
	go func() {
		_, err := reader.PgConn().CopyTo(ctx, lines, "COPY (SELECT * FROM events EMIT CHANGES) TO STDOUT")
		done <- err
	}()
	server.waitForCursors(t, 1)
	for n := range 3 {
		server.insert(t, writer, n)
		if got, want := <-lines.lines, fmt.Sprintf("%d\tw\n", n); got != want {
			t.Errorf("line %q, want %q", got, want)
		}
	}
	cancel()
	if err := <-done; err == nil {
		t.Error("the COPY ended without an error")
	}
	server.waitForCursors(t, 0)
}

type lineWriter struct{ lines chan string }

func (w *lineWriter) Write(p []byte) (int, error) {
	w.lines <- string(p)
	return len(p), nil
}

// psql runs psql with commands on its standard input.
func (s *testServer) psql(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	path, err := exec.LookPath("psql")
	if err != nil {
		t.Skip("psql is not installed")
	}
	host, port, _ := strings.Cut(s.address, ":")
	cmd := exec.Command(path, append([]string{"-X", "-h", host, "-p", port, "-U", "millrace", "millrace"}, args...)...)
	cmd.Env = append(cmd.Environ(), "PSQL_PAGER=", "PAGER=")
	return cmd
}

func TestPsql(t *testing.T) {
	server := startServer(t, nil)
	cmd := server.psql(t, "-v", "ON_ERROR_STOP=1", "-At")
	cmd.Stdin = strings.NewReader(`
CREATE STREAM s (a int, b text);
INSERT INTO s VALUES (1, 'x'), (2, NULL);
\copy s FROM STDIN WITH (FORMAT csv)
3,"y, z"
4,
\.
SELECT * FROM s ORDER BY a;
BEGIN;
INSERT INTO s VALUES (5, 'no');
ROLLBACK;
SELECT count(*) FROM s;
\copy (SELECT a FROM s ORDER BY a) TO STDOUT
`)
	out, err := cmd.CombinedOutput()
	want := "CREATE STREAM\nINSERT 0 2\nCOPY 2\n1|x\n2|\n3|y, z\n4|\nBEGIN\nINSERT 0 1\nROLLBACK\n4\n1\n2\n3\n4\n"
	if err != nil || string(out) != want {
		t.Errorf("%v\n got %s\nwant %s", err, out, want)
	}
}

// TestPsqlFollows shows a push query's rows as they come, with FETCH_COUNT, and
// ends it as Ctrl-C does.
func TestPsqlFollows(t *testing.T) {
	server := pushServer(t)
	writer := server.connect(t, "")
	cmd := server.psql(t, "-t", "-v", "FETCH_COUNT=1")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintln(stdin, "SELECT n FROM events EMIT CHANGES;")
	server.waitForCursors(t, 1)
	lines := bufio.NewScanner(stdout)
	expect := func(want string) {
		t.Helper()
		for lines.Scan() {
			if got := strings.TrimSpace(lines.Text()); got == want {
				return
			} else if got != "" {
				t.Fatalf("line %q, want %q", got, want)
			}
		}
		t.Fatalf("the output ends before %q", want)
	}
	for n := range 3 {
		server.insert(t, writer, n)
		expect(fmt.Sprint(n))
	}
	// A cancel between two FETCHes would be for nothing.
	server.waitForState(t, "active")
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	server.waitForCursors(t, 0)
	// A script that is interrupted ends there, after it has closed its transaction.
	var exit *exec.ExitError
	if err := cmd.Wait(); err != nil && !errors.As(err, &exit) {
		t.Error(err)
	}
	if !strings.Contains(stderr.String(), "canceling statement due to user request") {
		t.Errorf("psql printed %s", stderr.String())
	}
}

// TestPsqlNotice tells the user of psql how to see rows as they come.
func TestPsqlNotice(t *testing.T) {
	server := pushServer(t)
	c := startRaw(t, "tcp", server.address, map[string]string{"application_name": "psql"})
	c.send(`Query "SELECT n FROM events EMIT CHANGES"`)
	if got := c.receive(); !strings.HasPrefix(got, "NoticeResponse NOTICE 00000") {
		t.Errorf("got %s", got)
	}
}
