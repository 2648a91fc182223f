package testsql

import (
	"bytes"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"millrace/testsql/harness"
)

// TestCopyOfChanges copies out what statements that change data return, here and
// on PostgreSQL.
func TestCopyOfChanges(t *testing.T) {
	statements := []string{
		`COPY (INSERT INTO t SELECT g, 'v' || g FROM generate_series(1, 5) AS g RETURNING id, v) TO STDOUT`,
		`COPY (UPDATE t SET v = v || ',"x' WHERE id < 3 RETURNING *) TO STDOUT WITH (FORMAT csv, HEADER, FORCE_QUOTE (v))`,
		`COPY (DELETE FROM t WHERE id = 5 RETURNING v AS gone) TO STDOUT WITH (FORMAT csv, HEADER)`,
		`COPY (WITH d AS (DELETE FROM t WHERE id = 4 RETURNING *) SELECT id + 1, v FROM d) TO STDOUT`,
		`COPY (WITH d AS (DELETE FROM t WHERE id = 3 RETURNING *) INSERT INTO t SELECT id * 10, v FROM d RETURNING *) TO STDOUT`,
		`COPY (DELETE FROM t WHERE id = 77 RETURNING v) TO STDOUT`,
		`COPY (DELETE FROM t) TO STDOUT`,
		`COPY (INSERT INTO t VALUES (1, 'again') RETURNING v) TO STDOUT`,
		`COPY (SELECT * FROM t ORDER BY id) TO STDOUT`,
	}
	node := newScriptNode(t, 8)
	ours, theirs := harness.Connect(t, node.URL()), harness.StartPostgres(t, false, "fsync=off").Connect(t)
	for _, c := range []*pgx.Conn{ours, theirs} {
		harness.Exec(t, c, `CREATE TABLE t (id INT PRIMARY KEY, v TEXT)`)
	}
	for _, block := range []bool{false, true} {
		for _, statement := range statements {
			if diff := cmp.Diff(copiedOut(t, theirs, statement, block), copiedOut(t, ours, statement, block)); diff != "" {
				t.Errorf("%s: -PostgreSQL +Millrace:\n%s", statement, diff)
			}
		}
		harness.Exec(t, ours, `TRUNCATE t`)
		harness.Exec(t, theirs, `TRUNCATE t`)
	}
}

// copiedOut returns what a COPY sends, and its tag or the SQLSTATE of its error.
func copiedOut(t *testing.T, c *pgx.Conn, statement string, block bool) string {
	t.Helper()
	if block {
		harness.Exec(t, c, `BEGIN`)
		defer harness.Exec(t, c, `COMMIT`)
	}
	var out bytes.Buffer
	tag, err := c.PgConn().CopyTo(t.Context(), &out, statement)
	if failure := (*pgconn.PgError)(nil); errors.As(err, &failure) {
		return failure.Code + " " + failure.Message
	}
	if err != nil {
		t.Fatal(err)
	}
	return out.String() + tag.String()
}
