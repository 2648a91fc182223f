package harness

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"millrace/cmd/node"
)

// StartNode starts a node in this process, on a free port, that is closed with the test. Dir
// is a new folder where options leave it empty.
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

// Binary builds the millrace binary, once per test process, and returns its path, in the
// folder bin/tests of the module. The binaries of all test processes replace each other, so that
// none is left behind by each run.
func Binary(tb testing.TB) string {
	tb.Helper()
	path, err := buildBinary()
	if err != nil {
		tb.Fatal(err)
	}
	return path
}

var buildBinary = sync.OnceValues(func() (string, error) {
	module, err := exec.Command("go", "env", "GOMOD").Output()
	if err != nil {
		return "", err
	}
	path := filepath.Join(filepath.Dir(string(module)), "bin", "tests", "millrace")
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return "", err
	}
	fresh := fmt.Sprintf("%s-%d", path, os.Getpid())
	if output, err := exec.Command("go", "build", "-o", fresh, "millrace/cmd/millrace").CombinedOutput(); err != nil {
		return "", fmt.Errorf("build: %w\n%s", err, output)
	}
	// Another process may run the old file on: renaming does not touch it.
	return path, os.Rename(fresh, path)
})
