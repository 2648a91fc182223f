//go:build cluster

package cluster

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"time"

	"millrace/testsql/harness"
)

// bulk is what a cluster holds beside what its clients do: real flights, several times
// over, with derived tables, and a large table.
type bulk struct{ flights, kept int }

var bulkDefinitions = []string{
	`CREATE STREAM flights (departure TIMESTAMP, origin TEXT, destination TEXT, delay INT, distance INT) WITH (timestamp = 'departure')`,
	`CREATE TABLE kept (id INT PRIMARY KEY, text TEXT)`,
	`CREATE TABLE delays AS SELECT origin, count(*) AS n, sum(delay) AS total FROM flights GROUP BY origin`,
	`CREATE TABLE routes AS SELECT origin, destination, count(*) AS n, max(delay) AS worst FROM flights GROUP BY origin, destination`,
}

// bulkRecomputed are queries of the derived tables, and what gives the same anew.
var bulkRecomputed = [][2]string{
	{`SELECT origin, n, total FROM delays ORDER BY origin`, `SELECT origin, count(*), sum(delay) FROM flights GROUP BY origin ORDER BY origin`},
	{`SELECT count(*), sum(n), sum(worst) FROM routes`, `SELECT count(*), sum(n), sum(worst) FROM
		(SELECT origin, destination, count(*) AS n, max(delay) AS worst FROM flights GROUP BY origin, destination) AS r`},
}

// loadBulk copies flights so many times over, and so many rows of a table.
func (l *loaded) loadBulk(b *bulk, copies, kept int) {
	l.t.Helper()
	began := time.Now()
	file, err := os.ReadFile("../data/flights.csv")
	if err != nil {
		l.t.Fatal(err)
	}
	_, lines, _ := bytes.Cut(file, []byte("\n"))
	connection := l.Connect(l.Nodes()[0])
	if b.flights == 0 {
		for _, definition := range bulkDefinitions {
			harness.Exec(l.t, connection, definition)
		}
	}
	texts, filled := io.Pipe()
	go func() {
		for id := b.kept; id < b.kept+kept; id++ {
			if _, err := fmt.Fprintf(filled, "%d,row %d of a table that nobody changes\n", id, id*7919); err != nil {
				return
			}
		}
		_ = filled.Close() // never fails
	}()
	var flights []io.Reader
	for range copies {
		flights = append(flights, bytes.NewReader(lines))
	}
	for into, source := range map[string]io.Reader{"flights": io.MultiReader(flights...), "kept": texts} {
		if _, err := connection.PgConn().CopyFrom(l.t.Context(), source, `COPY `+into+` FROM STDIN WITH (FORMAT csv)`); err != nil {
			l.t.Fatal(err)
		}
	}
	b.flights += copies * bytes.Count(lines, []byte("\n"))
	b.kept += kept
	_ = connection.Close(l.t.Context()) // it has answered
	l.note("%d flights and %d rows were copied into it, %d MiB of text, in %v", copies*bytes.Count(lines, []byte("\n")), kept,
		copies*len(lines)>>20, time.Since(began).Round(time.Millisecond))
}

// checkBulk asks each node for all of it.
func (l *loaded) checkBulk(b *bulk) {
	l.t.Helper()
	for _, node := range l.Nodes() {
		connection := l.Connect(node)
		counts := harness.Rows(l.t, connection, `SELECT (SELECT count(*) FROM flights), (SELECT count(*) FROM kept), (SELECT sum(id::int8) FROM kept)`)
		if want := fmt.Sprintf("%d\t%d\t%d", b.flights, b.kept, b.kept*(b.kept-1)/2); counts[0] != want {
			l.t.Errorf("node %d has %q, want %q", node, counts[0], want)
		}
		for _, pair := range bulkRecomputed {
			if kept, anew := harness.Rows(l.t, connection, pair[0]), harness.Rows(l.t, connection, pair[1]); !slices.Equal(kept, anew) {
				l.t.Errorf("node %d: %s gives\n%s, and %s\n%s", node, pair[0], strings.Join(kept, "\n"), pair[1], strings.Join(anew, "\n"))
			}
		}
		_ = connection.Close(l.t.Context()) // it has answered
	}
}

// replicaBytes is how many bytes a node has on disk.
func (l *loaded) replicaBytes(node int) float64 {
	l.t.Helper()
	return l.metric(node, "millrace_shard_bytes")
}

// metric is a metric of a node that answers.
func (l *loaded) metric(node int, name string) float64 {
	l.t.Helper()
	value, err := l.Metric(node, name)
	if err != nil {
		l.t.Fatal(err)
	}
	return value
}

// metricReaches waits until a metric of a node that may still start has a value.
func (l *loaded) metricReaches(node int, name string, least float64) (value float64) {
	l.t.Helper()
	harness.Eventually(l.t, harness.ClusterTimeout, func() (err error) {
		if value, err = l.Metric(node, name); err == nil && value < least {
			err = fmt.Errorf("%s of node %d is %.0f, not yet %.0f", name, node, value, least)
		}
		return err
	})
	return value
}

// checkFailures tells what has failed, and that none of it was more than a client has to
// expect whose node or whose shard's leader goes.
func (l *loaded) checkFailures() {
	l.t.Helper()
	failures := l.Failures()
	l.note("failed: %v", failures)
	for code := range failures {
		if code != "40001" && code != "40P01" && code != "connection" && !strings.HasPrefix(code, "57P0") && !strings.HasPrefix(code, "08") {
			l.t.Errorf("statements failed with %s", code)
		}
	}
}

// checkReplicas has the replicas of all nodes compared: these find by themselves what
// differs.
func (l *loaded) checkReplicas() {
	l.t.Helper()
	scrubs := map[int]float64{}
	for _, node := range l.Nodes() {
		scrubs[node] = l.metric(node, "millrace_scrubs_total")
	}
	for node, before := range scrubs {
		// One may have begun before.
		l.metricReaches(node, "millrace_scrubs_total", before+2)
	}
	for _, node := range l.Nodes() {
		if found := l.metric(node, "millrace_divergences_total"); found != 0 {
			l.t.Errorf("node %d has found %.0f replicas that differ", node, found)
		}
	}
}

// scrubbing are the flags of nodes that compare their replicas often.
var scrubbing = []string{"--scrub-period", "15s", "--scrub-bytes-per-second", "-1"}
