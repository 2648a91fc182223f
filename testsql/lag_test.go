package testsql

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"millrace/cmd/node"
	"millrace/exec"
	"millrace/sql/types"
	"millrace/testsql/harness"
)

// TestSlowQuery slows one query down by much more than its rows cost: inserts
// and other queries go on, SHOW QUERIES tells of the lag, and the query catches
// up once it is as fast as before.
func TestSlowQuery(t *testing.T) {
	var slow atomic.Bool
	slow.Store(true)
	n := harness.StartNode(t, node.Options{Shards: 1, Hooks: exec.Hooks{BeforeStage: func(query string, rows *types.Batch) {
		if strings.Contains(query, "slow") && slow.Load() {
			<-time.After(time.Duration(rows.Len) * 15 * time.Millisecond) // a slow query is the subject of the test
		}
	}}})
	c := harness.Connect(t, harness.NodeURL(n.Addr()))
	for _, statement := range []string{
		`CREATE STREAM s (k INT, v INT)`,
		`CREATE TABLE fast AS SELECT k, count(*) AS n FROM s GROUP BY k`,
		`CREATE TABLE slow AS SELECT k, sum(1) AS n FROM s GROUP BY k`,
	} {
		harness.Exec(t, c, statement)
	}
	harness.Exec(t, c, `SET freshness_timeout = '50ms'`)
	began := time.Now()
	const rows, statements = 300, 60
	for i := range statements {
		var values []string
		for k := i * rows / statements; k < (i+1)*rows/statements; k++ {
			values = append(values, fmt.Sprintf("(%d, %d)", k%5, k))
		}
		harness.Exec(t, c, `INSERT INTO s VALUES `+strings.Join(values, ", "))
	}
	perStatement := time.Since(began) / statements
	if perStatement > 100*time.Millisecond {
		t.Errorf("a statement beside a slow query takes %v", perStatement)
	}
	if got := harness.Rows(t, c, `SELECT sum(n) FROM fast`); got[0] != fmt.Sprint(rows) {
		t.Errorf("the fast query has %v rows", got)
	}
	if queries := strings.Join(harness.Rows(t, c, `SELECT name, state FROM millrace.queries ORDER BY name`), "\n"); queries != "fast\trunning\nslow\tlagging" {
		t.Errorf("the queries are\n%s", queries)
	}
	slow.Store(false)
	harness.Exec(t, c, `SET freshness_timeout = '30s'`)
	want := harness.Rows(t, c, `SELECT * FROM fast ORDER BY k`)
	if diff := cmp.Diff(want, harness.Rows(t, c, `SELECT * FROM slow ORDER BY k`)); diff != "" {
		t.Errorf("the slow query (-fast +slow):\n%s", diff)
	}
}

// TestPanickingQuery lets one query panic on a row: it is stopped and shown as
// failed, nothing else is touched, and it goes on after PAUSE and RESUME.
func TestPanickingQuery(t *testing.T) {
	var poisoned atomic.Bool
	poisoned.Store(true)
	dir := t.TempDir()
	options := node.Options{Dir: dir, Shards: 2, Hooks: exec.Hooks{BeforeStage: func(query string, rows *types.Batch) {
		if strings.Contains(query, "bad") && poisoned.Load() {
			panic("poison")
		}
	}}}
	n := harness.StartNode(t, options)
	c := harness.Connect(t, harness.NodeURL(n.Addr()))
	for _, statement := range []string{
		`CREATE STREAM s (k INT)`,
		`CREATE TABLE good AS SELECT k, count(*) AS n FROM s GROUP BY k`,
		`CREATE TABLE bad AS SELECT k, sum(1) AS n FROM s GROUP BY k`,
	} {
		harness.Exec(t, c, statement)
	}
	for i := range 50 {
		harness.Exec(t, c, fmt.Sprintf(`INSERT INTO s VALUES (%d)`, i%5))
	}
	if got := harness.Rows(t, c, `SELECT sum(n) FROM good`); got[0] != "50" {
		t.Errorf("the good query has %v rows", got)
	}
	if _, err := c.Exec(t.Context(), `SELECT * FROM bad`); code(err) != "55000" {
		t.Errorf("reading a failed query's result says %v", err)
	}
	if queries := strings.Join(harness.Rows(t, c, `SHOW QUERIES`), "\n"); !strings.Contains(queries, "failed") {
		t.Errorf("SHOW QUERIES does not tell of the failure:\n%s", queries)
	}
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	poisoned.Store(false)
	n = harness.StartNode(t, options)
	c = harness.Connect(t, harness.NodeURL(n.Addr()))
	if _, err := c.Exec(t.Context(), `SELECT * FROM bad`); code(err) != "55000" {
		t.Errorf("after a restart a failed query's result says %v", err)
	}
	harness.Exec(t, c, `PAUSE bad`)
	harness.Exec(t, c, `RESUME bad`)
	want := harness.Rows(t, c, `SELECT * FROM good ORDER BY k`)
	if diff := cmp.Diff(want, harness.Rows(t, c, `SELECT * FROM bad ORDER BY k`)); diff != "" {
		t.Errorf("the query that was resumed (-good +bad):\n%s", diff)
	}
}

// TestRowErrors shows that a row that cannot be evaluated contributes nothing,
// is told in the error stream, and stops nothing.
func TestRowErrors(t *testing.T) {
	n := harness.StartNode(t, node.Options{Shards: 2})
	c := harness.Connect(t, harness.NodeURL(n.Addr()))
	harness.Exec(t, c, `CREATE STREAM s (a INT, b INT)`)
	harness.Exec(t, c, `CREATE TABLE quotients AS SELECT a / b AS q, count(*) AS n FROM s GROUP BY 1`)
	harness.Exec(t, c, `INSERT INTO s VALUES (6, 3), (1, 0), (4, 2), (5, 0)`)
	if diff := cmp.Diff([]string{"2\t2"}, harness.Rows(t, c, `SELECT * FROM quotients`)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"2"}, harness.Rows(t, c, `SELECT count(*) FROM millrace.errors`)); diff != "" {
		t.Error(diff)
	}
}

// TestCloseBesideLag closes a node whose query has much work left: what is left stays
// for the next start.
func TestCloseBesideLag(t *testing.T) {
	const rows = 2000
	var seen atomic.Int64
	begun := make(chan struct{}, 1)
	options := node.Options{Dir: t.TempDir(), Listen: "127.0.0.1:0", Shards: 1, Hooks: exec.Hooks{BeforeStage: func(query string, batch *types.Batch) {
		if !strings.Contains(query, "slow") {
			return
		}
		seen.Add(int64(batch.Len))
		select {
		case begun <- struct{}{}:
		default:
		}
		<-time.After(time.Duration(batch.Len) * 10 * time.Millisecond) // a slow query is the subject of the test
	}}}
	n, err := node.Start(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	c := harness.Connect(t, harness.NodeURL(n.Addr()))
	harness.Exec(t, c, `CREATE STREAM s (k INT)`)
	harness.Exec(t, c, `CREATE TABLE slow AS SELECT k, count(*) AS n FROM s GROUP BY k`)
	harness.Exec(t, c, fmt.Sprintf(`INSERT INTO s SELECT generate_series(1, %d)`, rows))
	<-begun
	_ = c.Close(t.Context())
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	if done := seen.Load(); done >= rows {
		t.Errorf("the node closed when all %d rows were done", done)
	}
	options.Hooks = exec.Hooks{}
	c = harness.Connect(t, harness.NodeURL(harness.StartNode(t, options).Addr()))
	if got := harness.Rows(t, c, `SELECT count(*), sum(n) FROM slow`); got[0] != fmt.Sprintf("%d\t%d", rows, rows) {
		t.Errorf("after the start the result has %v", got)
	}
}
