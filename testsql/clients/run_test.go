package clients

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"millrace/cmd/node"
	"millrace/testsql/harness"
	"millrace/wire/auth"
)

// client is a program that uses a driver or tool.
type client struct {
	name string
	// folder is its folder below testdata, "" for its name.
	folder string
	// kits are what it needs installed; MILLRACE_KIT names the first one's folder.
	kits []*kit
	// command starts it in its folder; {kit} in it stands for the first kit's folder.
	command []string
	// steps are what it must do, in this order.
	steps []string
}

// common are the steps that every client has, in their usual order.
var common = []string{"connect", "types", "prepared", "transaction", "cancel", "push"}

func commonAnd(more ...string) []string { return slices.Concat(common, more) }

// clientTime is how long a client may take, on any machine.
const clientTime = 10 * time.Minute

// server is a node that asks for passwords over TLS.
type server struct {
	connection  *pgx.Conn
	environment []string
}

func startServer(t *testing.T) *server {
	t.Helper()
	authority := harness.NewAuthority(t)
	certificate, key := authority.Issue(t, "node")
	const user, secret = "ada", "correct horse"
	password := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(password, []byte(secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	n := harness.StartNode(t, node.Options{Shards: 4, Access: node.Access{
		Rules:     []string{"tls:loopback=scram-sha-256"},
		TLS:       auth.Files{Certificate: certificate, Key: key},
		Superuser: user, PasswordFile: password,
	}})
	_, port, err := net.SplitHostPort(n.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return &server{
		connection: harness.Connect(t, fmt.Sprintf("host=localhost port=%s dbname=millrace user=%s password='%s' sslmode=verify-full sslrootcert=%s",
			port, user, secret, authority.File)),
		environment: []string{"PGHOST=localhost", "PGPORT=" + port, "PGUSER=" + user, "PGPASSWORD=" + secret, "PGDATABASE=millrace",
			"PGSSLMODE=verify-full", "PGSSLROOTCERT=" + authority.File, "MILLRACE_CERTIFICATE=" + certificate, "MILLRACE_KEY=" + key},
	}
}

// TestClients runs every client that is registered, each on a node of its own.
func TestClients(t *testing.T) {
	for _, c := range registered() {
		t.Run(c.name, func(t *testing.T) {
			kit := ""
			for i, k := range c.kits {
				if dir := k.prepare(t); i == 0 {
					kit = dir
				}
			}
			s := startServer(t)
			r := run{server: s, delays: map[string][]time.Duration{}, sent: map[string]time.Time{}}
			r.do(t, c, kit)
			if diff := gocmp.Diff(c.steps, r.steps); diff != "" {
				t.Errorf("steps (-want +done)\n%s\n%s", diff, r.output.String())
			}
			if slices.Contains(c.steps, "push") {
				r.checkDelays(t)
			}
			s.checkTables(t, c)
		})
	}
}

// run is a client at work.
type run struct {
	*server
	steps  []string
	output bytes.Buffer
	sent   map[string]time.Time
	delays map[string][]time.Duration
}

// do runs the client to its end and answers its rows with the next ones.
func (r *run) do(t *testing.T, c client, kit string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), clientTime)
	defer cancel()
	words := slices.Clone(c.command)
	for i := range words {
		words[i] = strings.ReplaceAll(words[i], "{kit}", kit)
	}
	command := exec.CommandContext(ctx, words[0], words[1:]...)
	command.Dir = filepath.Join("testdata", cmp.Or(c.folder, c.name))
	command.Env = slices.Concat(os.Environ(), r.environment, []string{"MILLRACE_KIT=" + kit})
	command.WaitDelay = 5 * time.Second
	reader, writer := io.Pipe()
	command.Stdout, command.Stderr = writer, writer
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() {
		err := command.Wait()
		_ = writer.Close()
		ended <- err
	}()
	for lines := bufio.NewScanner(reader); lines.Scan(); {
		line := lines.Text()
		fmt.Fprintln(&r.output, line)
		r.take(t, line, time.Now())
	}
	if err := <-ended; err != nil {
		t.Fatalf("%s: %v\n%s", c.name, err, &r.output)
	}
}

// take reads one line.
func (r *run) take(t *testing.T, line string, now time.Time) {
	t.Helper()
	if step, isStep := strings.CutPrefix(line, "ok "); isStep {
		r.steps = append(r.steps, step)
		return
	}
	var stream string
	var n int
	if _, err := fmt.Sscanf(line, "row %s %d", &stream, &n); err != nil {
		return
	}
	if want := len(r.delays[stream]); n != want {
		t.Errorf("row %d of %s, want %d", n, stream, want)
	}
	var delay time.Duration
	if n > 0 {
		delay = now.Sub(r.sent[stream])
	}
	r.delays[stream] = append(r.delays[stream], delay)
	if n < Rows {
		r.sent[stream] = time.Now()
		harness.Exec(t, r.connection, fmt.Sprintf("INSERT INTO %s VALUES (%d)", stream, n+1))
	}
}

// checkDelays holds the median of each push query's delays against the promise: the
// machine that runs the tests may stop a process for longer.
func (r *run) checkDelays(t *testing.T) {
	t.Helper()
	if len(r.delays) == 0 {
		t.Error("no push query has given a row")
	}
	for stream, delays := range r.delays {
		if len(delays) != Rows+1 {
			t.Errorf("%d rows of %s, want %d", len(delays), stream, Rows+1)
			continue
		}
		sorted := slices.Sorted(slices.Values(delays[1:]))
		median := sorted[len(sorted)/2]
		t.Logf("rows of %s came after %v, at most %v", stream, median, sorted[len(sorted)-1])
		if median > pushDelay {
			t.Errorf("rows of %s came after %v, want at most %v", stream, median, pushDelay)
		}
	}
}

// checkTables compares what the client has left with what it should have.
func (s *server) checkTables(t *testing.T, c client) {
	t.Helper()
	if slices.Contains(c.steps, "types") {
		want, err := os.ReadFile(filepath.Join("testdata", "everything.txt"))
		if err != nil {
			t.Fatal(err)
		}
		// Each client writes the text of json in its own way.
		got := strings.Join(harness.Rows(t, s.connection, `SELECT id, b, i2, i4, i8, f4, f8, n, t, vc, ch, by, d, ti, ts, tz, iv, u, j::jsonb, jb, ia, ta FROM everything ORDER BY id`), "\n") + "\n"
		if diff := gocmp.Diff(string(want), got); diff != "" {
			t.Errorf("everything (-want +got)\n%s", diff)
		}
	}
	if slices.Contains(c.steps, "transaction") {
		rows := harness.Rows(t, s.connection, `SELECT count(*), min(n), max(n) FROM numbers`)
		if diff := gocmp.Diff([]string{"1001\t0\t1000"}, rows); diff != "" {
			t.Errorf("numbers (-want +got)\n%s", diff)
		}
	}
}
