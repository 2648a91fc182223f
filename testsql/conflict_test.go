package testsql

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"millrace/testsql/harness"
)

// twoSessions returns two connections to a node that has a table t with rows 1
// and 2.
func twoSessions(t *testing.T, shards int) (first, second *pgx.Conn) {
	server := newScriptNode(t, shards)
	first, second = harness.Connect(t, server.URL()), harness.Connect(t, server.URL())
	harness.Exec(t, first, `CREATE TABLE t (id INT PRIMARY KEY, n INT)`)
	harness.Exec(t, first, `INSERT INTO t VALUES (1, 10), (2, 20)`)
	return first, second
}

func codeOf(err error) string {
	var failure *pgconn.PgError
	if errors.As(err, &failure) {
		return failure.Code
	}
	return ""
}

func wantRows(t *testing.T, c *pgx.Conn, query string, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, harness.Rows(t, c, query)); diff != "" {
		t.Errorf("%s\n-want +got:\n%s", query, diff)
	}
}

// TestReadCommitted shows what two sessions see of each other.
func TestReadCommitted(t *testing.T) {
	first, second := twoSessions(t, 4)
	harness.Exec(t, first, `BEGIN`)
	harness.Exec(t, first, `DELETE FROM t WHERE id = 1`)
	wantRows(t, first, `SELECT id FROM t`, "2")
	wantRows(t, second, `SELECT id FROM t ORDER BY id`, "1", "2")
	harness.Exec(t, second, `INSERT INTO t VALUES (3, 30)`)
	wantRows(t, first, `SELECT id FROM t ORDER BY id`, "2", "3")
	harness.Exec(t, first, `COMMIT`)
	wantRows(t, second, `SELECT id FROM t ORDER BY id`, "2", "3")
}

// TestCursorInBlock shows that a cursor gives the rows of the time of its
// DECLARE, changes of its transaction included.
func TestCursorInBlock(t *testing.T) {
	first, _ := twoSessions(t, 4)
	harness.Exec(t, first, `BEGIN`)
	harness.Exec(t, first, `UPDATE t SET n = n + 1`)
	harness.Exec(t, first, `DECLARE c CURSOR FOR SELECT n FROM t ORDER BY n`)
	harness.Exec(t, first, `UPDATE t SET n = 0`)
	wantRows(t, first, `FETCH ALL FROM c`, "11", "21")
	wantRows(t, first, `SELECT n FROM t`, "0", "0")
	harness.Exec(t, first, `ROLLBACK`)
	wantRows(t, first, `SELECT n FROM t ORDER BY n`, "10", "20")
}

// TestExtendedProtocol changes rows by prepared statements with parameters, in a
// pipeline, and by COPY.
func TestExtendedProtocol(t *testing.T) {
	first, _ := twoSessions(t, 4)
	var id, n int
	if err := first.QueryRow(t.Context(), `UPDATE t SET n = n + $1 WHERE id = $2 RETURNING id, n`, 5, 2).Scan(&id, &n); err != nil || id != 2 || n != 25 {
		t.Errorf("UPDATE … RETURNING gave %d, %d, %v", id, n, err)
	}
	if err := first.QueryRow(t.Context(), `INSERT INTO t VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET n = t.n + excluded.n + $3 RETURNING n`, 1, 1, 100).Scan(&n); err != nil || n != 111 {
		t.Errorf("INSERT … ON CONFLICT … RETURNING gave %d, %v", n, err)
	}
	tag, err := first.Exec(t.Context(), `DELETE FROM t WHERE id = $1`, 2)
	if err != nil || tag.String() != "DELETE 1" {
		t.Errorf("DELETE gave %s, %v", tag, err)
	}

	var batch pgx.Batch
	batch.Queue(`INSERT INTO t VALUES ($1, 1)`, 7)
	batch.Queue(`UPDATE t SET n = n + 1 WHERE id = $1`, 7)
	batch.Queue(`SELECT n FROM t WHERE id = $1`, 7).QueryRow(func(row pgx.Row) error { return row.Scan(&n) })
	if err := first.SendBatch(t.Context(), &batch).Close(); err != nil || n != 2 {
		t.Errorf("the pipeline gave %d, %v", n, err)
	}

	copyRows := func(ids ...int) error {
		var rows [][]any
		for _, id := range ids {
			rows = append(rows, []any{id, 0})
		}
		_, err := first.CopyFrom(t.Context(), pgx.Identifier{"t"}, []string{"id", "n"}, pgx.CopyFromRows(rows))
		return err
	}
	if err := copyRows(20, 7); codeOf(err) != "23505" {
		t.Errorf("COPY of an existing key gave %v", err)
	}
	harness.Exec(t, first, `BEGIN`)
	if err := copyRows(21, 22); err != nil {
		t.Error(err)
	}
	wantRows(t, first, `SELECT count(*) FROM t`, "4")
	if err := copyRows(23, 22); codeOf(err) != "23505" {
		t.Errorf("COPY of a key of its own transaction gave %v", err)
	}
	harness.Exec(t, first, `ROLLBACK`)
	wantRows(t, first, `SELECT id FROM t ORDER BY id`, "1", "7")
}

// TestConcurrentUpdates counts up one row, and one row on each of several shards,
// from many connections without a block: no statement fails and none is lost.
func TestConcurrentUpdates(t *testing.T) {
	server := newScriptNode(t, 8)
	c := harness.Connect(t, server.URL())
	harness.Exec(t, c, `CREATE TABLE counters (id INT PRIMARY KEY, n BIGINT)`)
	harness.Exec(t, c, `INSERT INTO counters SELECT i, 0 FROM generate_series(1, 20) AS g(i)`)
	harness.Exec(t, c, `CREATE TABLE total AS SELECT sum(n) AS n FROM counters`)
	const writers, rounds = 6, 30
	var all sync.WaitGroup
	for range writers {
		c := harness.Connect(t, server.URL())
		all.Go(func() {
			for i := range rounds {
				statement := `UPDATE counters SET n = n + 1 WHERE id = 1`
				switch i % 3 {
				case 1:
					statement = `INSERT INTO counters VALUES (100, 1) ON CONFLICT (id) DO UPDATE SET n = counters.n + 1`
				case 2:
					statement = `UPDATE counters SET n = n + 1 WHERE id IN (3, 4, 5, 6)`
				}
				if _, err := c.Exec(t.Context(), statement); err != nil {
					t.Errorf("%s: %v", statement, err)
					return
				}
			}
		})
	}
	all.Wait()
	want := fmt.Sprint(writers * rounds / 3 * 6)
	for _, query := range []string{`SELECT sum(n) FROM counters`, `SELECT n FROM total`} {
		if got := harness.Rows(t, c, query)[0]; got != want {
			t.Errorf("%s gives %s, not %s", query, got, want)
		}
	}
}
