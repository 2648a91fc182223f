package testsql

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"millrace/testsql/harness"
)

// TestStartAndStop starts on an empty folder, in under a second, and stops
// cleanly on SIGTERM with clients connected.
func TestStartAndStop(t *testing.T) {
	harness.Binary(t)
	began := time.Now()
	p := harness.StartProcess(t, t.TempDir())
	if took := time.Since(began); took > slowdown()*time.Second {
		t.Errorf("ready after %v", took)
	}
	c := harness.Connect(t, p.URL())
	harness.Exec(t, c, `CREATE STREAM s (n INT)`)
	harness.Exec(t, c, `INSERT INTO s VALUES (1)`)
	if exit := p.Stop(); exit != 0 {
		t.Errorf("exit code %d:\n%s", exit, p.Logs())
	}
	if _, err := c.Exec(t.Context(), `SELECT 1`); code(err) != "57P01" {
		t.Errorf("a client is told %v", err)
	}
	p = harness.StartProcess(t, p.Dir)
	if rows := harness.Rows(t, harness.Connect(t, p.URL()), `SELECT n FROM s`); len(rows) != 1 {
		t.Errorf("after the restart s has %v", rows)
	}
}

// slowdown allows for machines that run other things beside the tests.
func slowdown() time.Duration { return 3 }

// TestCommandLine looks at the help, the version and what is refused.
func TestCommandLine(t *testing.T) {
	binary := harness.Binary(t)
	for _, test := range []struct {
		args []string
		fail bool
		say  string
	}{
		{[]string{"version"}, false, "millrace "},
		{[]string{"--help"}, false, "is a streaming database that speaks PostgreSQL"},
		{[]string{"start", "--help"}, false, "--listen"},
		{[]string{"start", "--listen", "0.0.0.0:0", "--auth", "all=trust", "--data", t.TempDir()}, true, "--insecure"},
		{[]string{"start", "--http", "0.0.0.0:0", "--data", t.TempDir()}, true, "--insecure"},
		{[]string{"start", "--auth", "10.0.0.0/8=md5", "--data", t.TempDir()}, true, "scram-sha-256"},
		{[]string{"start", "--tls-cert", "c.pem", "--data", t.TempDir()}, true, "--tls-key"},
		{[]string{"start", "--auth", "all=cert", "--data", t.TempDir()}, true, "--tls-client-ca"},
		{[]string{"start", "--log-level", "loud", "--data", t.TempDir()}, true, "debug, info, warn or error"},
		{[]string{"start", "--shards", "-1", "--data", t.TempDir()}, true, "number of shards"},
		{[]string{"nothing"}, true, "unknown command"},
	} {
		output, err := exec.CommandContext(t.Context(), binary, test.args...).CombinedOutput()
		if (err != nil) != test.fail || !strings.Contains(string(output), test.say) {
			t.Errorf("millrace %v: %v\n%s", test.args, err, output)
		}
	}
}

// TestIdleNode holds an idle node, and one with a thousand idle clients, to
// their memory, and the idle node to its share of a core.
func TestIdleNode(t *testing.T) {
	p := harness.StartProcess(t, t.TempDir())
	c := harness.Connect(t, p.URL())
	harness.Exec(t, c, `CREATE STREAM s (k INT)`)
	harness.Exec(t, c, `CREATE TABLE counts AS SELECT k, count(*) FROM s GROUP BY k`)
	harness.Exec(t, c, `INSERT INTO s VALUES (1)`)
	before, began := cpuTime(t, p.PID()), time.Now()
	<-time.After(3 * time.Second) // what an idle node uses is the subject of the test
	share := float64(cpuTime(t, p.PID())-before) / float64(time.Since(began))
	if share > 0.02 {
		t.Errorf("an idle node uses %.1f %% of a core", 100*share)
	}
	if resident := residentBytes(t, p.PID()); resident > 100<<20 {
		t.Errorf("an idle node has %d MB resident", resident>>20)
	}
	for range 1000 {
		connection, err := net.Dial("tcp", p.Address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = connection.Close() })
		startup(t, connection)
	}
	if resident := residentBytes(t, p.PID()); resident > 200<<20 {
		t.Errorf("with 1,000 idle clients there are %d MB resident", resident>>20)
	}
	if rows := harness.Rows(t, c, `SELECT count FROM counts`); rows[0] != "1" {
		t.Errorf("counts has %v", rows)
	}
}

// startup makes a raw connection a client's and waits until it may send.
func startup(t *testing.T, connection net.Conn) {
	t.Helper()
	packet := []byte("\x00\x00\x00\x00\x00\x03\x00\x00user\x00idle\x00database\x00millrace\x00\x00")
	packet[3] = byte(len(packet))
	if _, err := connection.Write(packet); err != nil {
		t.Fatal(err)
	}
	var answer []byte
	buffer := make([]byte, 4096)
	for !bytes.HasSuffix(answer, []byte("Z\x00\x00\x00\x05I")) {
		n, err := connection.Read(buffer)
		if err != nil {
			t.Fatal(err)
		}
		answer = append(answer, buffer[:n]...)
	}
}

func cpuTime(t *testing.T, pid int) time.Duration {
	t.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond // in ticks of 1/100 s
}

func residentBytes(t *testing.T, pid int) int { return memoryOf(t, pid, "VmRSS:") }

// peakBytes is the most that a process ever had resident.
func peakBytes(t *testing.T, pid int) int { return memoryOf(t, pid, "VmHWM:") }

func memoryOf(t *testing.T, pid int, what string) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), what)
	kilobytes, err := strconv.Atoi(strings.Fields(rest)[0])
	if err != nil {
		t.Fatal(err)
	}
	return kilobytes << 10
}

// TestBadInput sends what no client should; each gets a clear error, and the
// node goes on.
func TestBadInput(t *testing.T) {
	p := harness.StartProcess(t, t.TempDir(), "--shards", "2")
	c := harness.Connect(t, p.URL())
	harness.Exec(t, c, createFlights)
	t.Run("huge statement", func(t *testing.T) { hugeStatement(t, c) })
	t.Run("broken COPY", func(t *testing.T) { brokenCopy(t, c) })
	t.Run("garbage", func(t *testing.T) { garbage(t, p.Address) })
	t.Run("errors have positions", func(t *testing.T) { errorPositions(t, c) })
	if rows := harness.Rows(t, c, `SELECT 'alive'`); rows[0] != "alive" {
		t.Errorf("the node says %v", rows)
	}
}

// hugeStatement sends statements of 100 MB: one that runs, one that does not.
func hugeStatement(t *testing.T, c *pgx.Conn) {
	long := strings.Repeat("x", 100<<20)
	if rows, err := harness.TryRows(t.Context(), c, "SELECT length('"+long+"')"); err != nil || rows[0] != strconv.Itoa(len(long)) {
		t.Errorf("%v, %v", rows, err)
	}
	if _, err := c.Exec(t.Context(), "SELECT nothing /* "+long+" */"); code(err) != "42703" {
		t.Errorf("an unknown column in a huge statement says %v", err)
	}
	if _, err := c.Exec(t.Context(), strings.Repeat("(", 50<<20)); code(err) != "54001" && code(err) != "42601" {
		t.Errorf("50 million parentheses say %v", err)
	}
}

// brokenCopy sends a line that is wrong after some that are right.
func brokenCopy(t *testing.T, c *pgx.Conn) {
	lines := readFlights(t)[:3]
	broken := strings.Join(lines, "") + "2001-01-01 03:00:00,ORD,LAX,late,1745\n" + lines[0]
	copyBroken := func() *pgconn.PgError {
		_, err := c.PgConn().CopyFrom(t.Context(), strings.NewReader(broken), `COPY flights FROM STDIN WITH (FORMAT csv)`)
		var failure *pgconn.PgError
		if !errors.As(err, &failure) {
			t.Fatalf("a broken COPY says %v", err)
		}
		return failure
	}
	failure := copyBroken()
	if failure.Code != "22P02" || !strings.Contains(failure.Where, "line 4, column delay") || failure.Detail == "" {
		t.Errorf("a broken COPY says %+v", failure)
	}
	stored := harness.Rows(t, c, `SELECT count(*) FROM flights`)[0]
	if !strings.Contains(failure.Detail, stored) {
		t.Errorf("%s rows are stored, but the error says %q", stored, failure.Detail)
	}
	harness.Exec(t, c, `BEGIN`)
	copyBroken()
	harness.Exec(t, c, `ROLLBACK`)
	if rows := harness.Rows(t, c, `SELECT count(*) FROM flights`); rows[0] != stored {
		t.Errorf("a broken COPY in a transaction left %v rows, before there were %s", rows, stored)
	}
}

// garbage sends bytes that are not the protocol.
func garbage(t *testing.T, address string) {
	for name, bytes := range map[string]string{
		"http":          "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
		"absurd length": "\x7f\xff\xff\xff\x00\x03\x00\x00",
		"zeros":         strings.Repeat("\x00", 64),
		"text":          "hello\n",
	} {
		connection, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := connection.Write([]byte(bytes)); err != nil {
			t.Fatal(err)
		}
		_ = connection.(*net.TCPConn).CloseWrite()
		if err := connection.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
			t.Fatal(err)
		}
		for err == nil {
			_, err = connection.Read(make([]byte, 1024))
		}
		var timeout net.Error
		if errors.As(err, &timeout) && timeout.Timeout() {
			t.Errorf("%s: the node keeps the connection", name)
		}
		_ = connection.Close()
	}
}

// errorPositions compares where errors point with where they are.
func errorPositions(t *testing.T, c *pgx.Conn) {
	for _, test := range []struct{ statement, code, at string }{
		{`SELECT nothing FROM flights`, "42703", "nothing"},
		{`SELECT origin FROM nowhere`, "42P01", "nowhere"},
		{`SELECT origin + 1 FROM flights`, "42883", "+"},
		{`SELECT 'é', origin FROM flights GROUP BY destination`, "42803", "origin"},
		{`SELECT count(*) FORM flights`, "42601", "flights"},
		{`CREATE STREAM x (a INT, b NOSUCHTYPE)`, "42704", "NOSUCHTYPE"},
		{`INSERT INTO flights (delay) VALUES ('soon')`, "22P02", "'soon'"},
		{`SELECT * FROM flights ORDER BY delay EMIT CHANGES`, "0A000", "delay"},
	} {
		_, err := c.Exec(t.Context(), test.statement, pgx.QueryExecModeSimpleProtocol)
		var failure *pgconn.PgError
		if !errors.As(err, &failure) || failure.Code != test.code {
			t.Errorf("%s: %v", test.statement, err)
			continue
		}
		want := len([]rune(test.statement[:strings.Index(test.statement, test.at)])) + 1
		if int(failure.Position) != want {
			t.Errorf("%s: position %d (%s), want %d", test.statement, failure.Position, failure.Message, want)
		}
	}
}
