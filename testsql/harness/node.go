package harness

import (
	"bufio"
	"context"
	"fmt"
	"hash/fnv"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"millrace/cmd/node"
)

// StartNode starts a node in this process that is closed with the test. Dir is
// a new folder and Listen a free port where options leave them empty.
func StartNode(tb testing.TB, options node.Options) *node.Node {
	tb.Helper()
	if options.Dir == "" {
		options.Dir = tb.TempDir()
	}
	options.Listen = "127.0.0.1:0"
	n, err := node.Start(tb.Context(), options)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := n.Close(); err != nil {
			tb.Error(err)
		}
	})
	return n
}

// NodeURL is the connection string of a node.
func NodeURL(address net.Addr) string {
	return fmt.Sprintf("postgres://millrace@%s/millrace?sslmode=disable", address)
}

// Connect returns a connection that is closed with the test.
func Connect(tb testing.TB, url string) *pgx.Conn {
	tb.Helper()
	connection, err := pgx.Connect(tb.Context(), url)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = connection.Close(ctx)
	})
	return connection
}

// Exec runs a statement that must succeed.
func Exec(tb testing.TB, connection *pgx.Conn, statement string, args ...any) {
	tb.Helper()
	if _, err := connection.Exec(tb.Context(), statement, args...); err != nil {
		tb.Fatalf("%s\n%v", statement, err)
	}
}

// Rows runs a query that must succeed and returns its rows, values as text
// separated by tabs, NULL as \N.
func Rows(tb testing.TB, connection *pgx.Conn, query string) []string {
	tb.Helper()
	rows, err := TryRows(tb.Context(), connection, query)
	if err != nil {
		tb.Fatalf("%s\n%v", query, err)
	}
	return rows
}

// TryRows is Rows for queries that may fail.
func TryRows(ctx context.Context, connection *pgx.Conn, query string) ([]string, error) {
	results, err := connection.PgConn().Exec(ctx, query).ReadAll()
	if err != nil {
		return nil, err
	}
	var out []string
	for _, result := range results {
		if result.Err != nil {
			return nil, result.Err
		}
		for _, row := range result.Rows {
			values := make([]string, len(row))
			for i, value := range row {
				values[i] = `\N`
				if value != nil {
					values[i] = string(value)
				}
			}
			out = append(out, strings.Join(values, "\t"))
		}
	}
	return out, nil
}

// Eventually calls check until it returns nil, and fails the test when that
// takes longer than timeout.
func Eventually(tb testing.TB, timeout time.Duration, check func() error) {
	tb.Helper()
	deadline := time.After(timeout)
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for {
		err := check()
		if err == nil {
			return
		}
		select {
		case <-deadline:
			tb.Fatalf("after %v: %v", timeout, err)
		case <-ticker.C:
		}
	}
}

func freePort(tb testing.TB) int {
	tb.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port
}

// Binary builds the millrace binary, once per test process, and returns its
// path. The binaries of a package's test processes replace each other, so that none
// is left behind by each run.
func Binary(tb testing.TB) string {
	tb.Helper()
	path, err := buildBinary()
	if err != nil {
		tb.Fatal(err)
	}
	return path
}

var buildBinary = sync.OnceValues(func() (string, error) {
	here, err := os.Getwd()
	if err != nil {
		return "", err
	}
	name := fnv.New64a()
	fmt.Fprintf(name, "%s %d", here, os.Getuid())
	dir := filepath.Join(os.TempDir(), fmt.Sprintf("millrace-bin-%x", name.Sum64()))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	path := filepath.Join(dir, "millrace")
	fresh := fmt.Sprintf("%s-%d", path, os.Getpid())
	if output, err := exec.Command("go", "build", "-o", fresh, "millrace/cmd/millrace").CombinedOutput(); err != nil {
		return "", fmt.Errorf("build: %w\n%s", err, output)
	}
	// Another process may run the old file on: renaming does not touch it.
	return path, os.Rename(fresh, path)
})

// Process is a node in a process of its own.
type Process struct {
	Dir     string
	Address string
	command *exec.Cmd
	done    chan struct{}
	logs    *tail
}

// StartProcess starts the binary on a folder and waits for its ready line. The
// process is killed with the test if it still runs.
func StartProcess(tb testing.TB, dir string, args ...string) *Process {
	tb.Helper()
	p := &Process{Dir: dir, done: make(chan struct{}), logs: &tail{}}
	args = append([]string{"start", "--data", dir, "--listen", "127.0.0.1:0"}, args...)
	p.command = exec.Command(Binary(tb), args...)
	p.command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	p.command.Stderr = p.logs
	out, err := p.command.StdoutPipe()
	if err != nil {
		tb.Fatal(err)
	}
	if err := p.command.Start(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { p.Kill() })
	ready := make(chan string, 1)
	go func() {
		defer close(p.done)
		scanner := bufio.NewScanner(out)
		for scanner.Scan() {
			select {
			case ready <- scanner.Text():
			default:
			}
		}
		_ = p.command.Wait()
	}()
	select {
	case line := <-ready:
		match := regexp.MustCompile(`-h (\S+) -p (\d+)`).FindStringSubmatch(line)
		if match == nil {
			tb.Fatalf("ready line %q", line)
		}
		p.Address = net.JoinHostPort(match[1], match[2])
	case <-p.done:
		tb.Fatalf("the node ended: %s", p.logs)
	case <-time.After(30 * time.Second):
		tb.Fatalf("the node is not ready: %s", p.logs)
	}
	return p
}

// URL is the connection string of the node.
func (p *Process) URL() string {
	return fmt.Sprintf("postgres://millrace@%s/millrace?sslmode=disable", p.Address)
}

// PID is the process's number.
func (p *Process) PID() int { return p.command.Process.Pid }

// Logs returns the last of what the node logged.
func (p *Process) Logs() string { return p.logs.String() }

// Kill ends the process with SIGKILL and waits until it is gone.
func (p *Process) Kill() {
	_ = p.command.Process.Kill() // it may be gone already
	<-p.done
}

// Stop ends the process with SIGTERM, waits until it is gone and returns its
// exit code.
func (p *Process) Stop() int {
	_ = p.command.Process.Signal(syscall.SIGTERM) // it may be gone already
	<-p.done
	return p.command.ProcessState.ExitCode()
}

// tail keeps the end of what is written to it.
type tail struct {
	mu  sync.Mutex
	buf []byte
}

const tailBytes = 64 << 10

// Write implements io.Writer.
func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, b...)
	if len(t.buf) > tailBytes {
		t.buf = t.buf[len(t.buf)-tailBytes:]
	}
	return len(b), nil
}

// String returns what is kept.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.buf)
}

var _ io.Writer = (*tail)(nil)
