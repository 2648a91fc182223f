package testsql

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"millrace/cmd/node"
	"millrace/testsql/harness"
)

// example is one fenced block of SQL in a document: "sql" runs in psql and must
// succeed, "sql error" must fail, "sql live" is a push query that must begin, and
// "sql listen" one that must also have given rows when the document ends.
type example struct {
	kind, text string
	line       int
}

// TestDocuments runs every SQL example of README and docs, document by document
// on a new node, in order, through psql.
func TestDocuments(t *testing.T) {
	harness.SkipRaced(t)
	t.Parallel()
	documents, err := filepath.Glob("../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, document := range append(documents, "../README.md") {
		examples := readExamples(t, document)
		if len(examples) == 0 {
			continue
		}
		t.Run(filepath.Base(document), func(t *testing.T) {
			n := harness.StartNode(t, node.Options{Shards: 4})
			var listeners []*listener
			for _, e := range examples {
				if e.kind == "sql listen" {
					listeners = append(listeners, listen(t, harness.NodeURL(n.Addr()), e))
					continue
				}
				runExample(t, harness.NodeURL(n.Addr()), e)
			}
			for _, l := range listeners {
				l.check(t)
			}
		})
	}
}

func readExamples(t *testing.T, document string) []example {
	t.Helper()
	data, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	var examples []example
	var open *example
	number := 0
	for line := range strings.Lines(string(data)) {
		number++
		fence, isFence := strings.CutPrefix(strings.TrimSpace(line), "```")
		switch {
		case isFence && open != nil:
			examples = append(examples, *open)
			open = nil
		case isFence && (fence == "sql" || strings.HasPrefix(fence, "sql ")):
			open = &example{kind: fence, line: number}
		case open != nil:
			open.text += line
		}
	}
	return examples
}

func runExample(t *testing.T, url string, e example) {
	t.Helper()
	if e.kind == "sql live" {
		if err := begins(t.Context(), url, e.text); err != nil {
			t.Errorf("line %d: %v\n%s", e.line, err, e.text)
		}
		return
	}
	psql := exec.CommandContext(t.Context(), "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", url)
	psql.Dir = ".."
	// A slow machine is given the time to bring results up to date.
	psql.Env = append(os.Environ(), "PGOPTIONS=-c freshness_timeout=5min")
	psql.Stdin = strings.NewReader(e.text)
	output, err := psql.CombinedOutput()
	if failed := err != nil; failed != (e.kind == "sql error") {
		t.Errorf("line %d: %v\n%s\n%s", e.line, err, e.text, output)
	}
}

// listener is a push query of a document at work.
type listener struct {
	example example
	first   chan error
}

// listen starts a push query and returns when the server has described its rows.
func listen(t *testing.T, url string, e example) *listener {
	t.Helper()
	connection, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = connection.PgConn().Conn().Close() })
	results := connection.PgConn().Exec(t.Context(), e.text)
	if !results.NextResult() {
		t.Fatalf("line %d: %v\n%s", e.line, results.Close(), e.text)
	}
	l := &listener{example: e, first: make(chan error, 1)}
	go func() {
		if results.ResultReader().NextRow() {
			l.first <- nil
			return
		}
		_, err := results.ResultReader().Close()
		l.first <- fmt.Errorf("the query ended without a row: %w", err)
	}()
	return l
}

// check waits for the first row.
func (l *listener) check(t *testing.T) {
	t.Helper()
	select {
	case err := <-l.first:
		if err != nil {
			t.Errorf("line %d: %v\n%s", l.example.line, err, l.example.text)
		}
	case <-time.After(time.Minute):
		t.Errorf("line %d: no row has come\n%s", l.example.line, l.example.text)
	}
}

// begins starts a push query, waits until the server describes its rows, and
// goes away.
func begins(ctx context.Context, url, query string) error {
	connection, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer connection.PgConn().Conn().Close()
	results := connection.PgConn().Exec(ctx, query)
	if results.NextResult() {
		return nil
	}
	return results.Close()
}
