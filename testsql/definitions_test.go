package testsql

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"millrace/cmd/node"
	"millrace/testsql/harness"
)

// TestDefinitionConflict has two sessions make a table of one name: the first to commit
// has it, and the other's transaction fails with 40001, ends by ROLLBACK, and may be run
// again.
func TestDefinitionConflict(t *testing.T) {
	n := harness.StartNode(t, node.Options{Dir: t.TempDir(), Shards: 2})
	a, b := harness.Connect(t, harness.NodeURL(n.Addr())), harness.Connect(t, harness.NodeURL(n.Addr()))
	harness.Exec(t, a, "BEGIN")
	harness.Exec(t, a, "CREATE TABLE t (a INT)")
	harness.Exec(t, a, "CREATE TABLE beside (a INT)")
	harness.Exec(t, a, "INSERT INTO beside VALUES (1)")
	harness.Exec(t, b, "CREATE TABLE t (b TEXT)")
	if _, err := a.Exec(t.Context(), "SELECT * FROM beside"); code(err) != "40001" {
		t.Fatalf("a statement in the transaction that came second: %v", err)
	}
	harness.Exec(t, a, "ROLLBACK")
	if _, err := a.Exec(t.Context(), "SELECT * FROM beside"); code(err) != "42P01" {
		t.Fatalf("what was rolled back: %v", err)
	}
	harness.Exec(t, a, "BEGIN")
	harness.Exec(t, a, "CREATE TABLE u (a INT)")
	harness.Exec(t, a, "INSERT INTO u VALUES (1)")
	harness.Exec(t, b, "CREATE TABLE u (b TEXT)")
	if _, err := a.Exec(t.Context(), "COMMIT"); code(err) != "40001" {
		t.Fatalf("the COMMIT that came second: %v", err)
	}
	harness.Exec(t, a, "INSERT INTO u VALUES ('theirs')")
}

// TestConcurrentDefinitions has sessions define and write beside each other in
// transactions: all of it is there, each row in its own table.
func TestConcurrentDefinitions(t *testing.T) {
	const sessions, each = 6, 5
	n := harness.StartNode(t, node.Options{Dir: t.TempDir(), Shards: 4})
	harness.Exec(t, harness.Connect(t, harness.NodeURL(n.Addr())), "CREATE TABLE log (session INT, number INT)")
	var all sync.WaitGroup
	for session := range sessions {
		all.Go(func() {
			c := harness.Connect(t, harness.NodeURL(n.Addr()))
			for number := range each {
				name := fmt.Sprintf("t_%d_%d", session, number)
				for _, statement := range []string{
					"BEGIN",
					"CREATE TABLE " + name + " (id SERIAL PRIMARY KEY, v TEXT UNIQUE)",
					"INSERT INTO " + name + " (v) SELECT 'v' || i FROM generate_series(1, 10) i",
					fmt.Sprintf("INSERT INTO log VALUES (%d, %d)", session, number),
					"ALTER TABLE " + name + " ADD COLUMN w INT DEFAULT 1",
					"CREATE VIEW view_" + name + " AS SELECT sum(w) AS n FROM " + name,
					"COMMIT",
				} {
					if _, err := c.Exec(t.Context(), statement); err != nil {
						t.Errorf("%s: %v %s", statement, err, detailOf(err))
						return
					}
				}
			}
		})
	}
	all.Wait()
	c := harness.Connect(t, harness.NodeURL(n.Addr()))
	if got := harness.Rows(t, c, "SELECT count(*) FROM log"); got[0] != fmt.Sprint(sessions*each) {
		t.Errorf("%s of the transactions are there", got[0])
	}
	for session := range sessions {
		for number := range each {
			if got := harness.Rows(t, c, fmt.Sprintf("SELECT n FROM view_t_%d_%d", session, number)); got[0] != "10" {
				t.Errorf("table %d of session %d has %s rows", number, session, got[0])
			}
		}
	}
}

func detailOf(err error) string {
	if failure, ok := errors.AsType[*pgconn.PgError](err); ok {
		return failure.Detail
	}
	return ""
}
