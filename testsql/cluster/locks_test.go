package cluster

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"millrace/testsql/harness"
)

// codeOf returns the SQLSTATE of an error, "" for none.
func codeOf(err error) string {
	var failure *pgconn.PgError
	if errors.As(err, &failure) {
		return failure.Code
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

// later runs a statement and gives its error.
func later(t *testing.T, c *pgx.Conn, statement string) <-chan error {
	done := make(chan error, 1)
	go func() {
		_, err := c.Exec(t.Context(), statement)
		done <- err
	}()
	return done
}

// awaitWait waits until as many sessions of the cluster wait for locks.
func awaitWait(t *testing.T, c *pgx.Conn, sessions int) {
	t.Helper()
	deadline := time.After(harness.ClusterTimeout)
	for {
		rows := harness.Rows(t, c, `SELECT count(DISTINCT pid) FROM pg_locks WHERE NOT granted`)
		if rows[0] == fmt.Sprint(sessions) {
			return
		}
		select {
		case <-deadline:
			t.Fatalf("%s sessions wait, not %d", rows[0], sessions)
		case <-time.After(5 * time.Millisecond): // what is waited for is another process's state
		}
	}
}

// TestLocksOfAllNodes has sessions of three nodes lock the same rows, tables and keys.
func TestLocksOfAllNodes(t *testing.T) {
	t.Parallel()
	c := harness.StartCluster(t, harness.ClusterOptions{Nodes: 3, Shards: 2})
	c.AwaitLeaders()
	a, b, d := c.Connect(1), c.Connect(2), c.Connect(3)
	harness.Exec(t, a, `CREATE TABLE t (id INT PRIMARY KEY, v INT)`)
	harness.Exec(t, a, `INSERT INTO t VALUES (1, 0), (2, 0), (3, 0)`)

	for i, holder := range []*pgx.Conn{a, b, d} {
		other := []*pgx.Conn{a, b, d}[(i+1)%3]
		harness.Exec(t, holder, `BEGIN`)
		harness.Exec(t, holder, `UPDATE t SET v = v + 1 WHERE id = 1`)
		if _, err := other.Exec(t.Context(), `SELECT * FROM t WHERE id = 1 FOR UPDATE NOWAIT`); codeOf(err) != "55P03" {
			t.Errorf("node %d: a row that is locked on another node gave %v", i+1, err)
		}
		waits := later(t, other, `UPDATE t SET v = v + 1 WHERE id = 1`)
		awaitWait(t, holder, 1)
		harness.Exec(t, holder, `COMMIT`)
		if err := <-waits; err != nil {
			t.Errorf("node %d: who waited got %v", i+1, err)
		}
	}
	if rows := harness.Rows(t, d, `SELECT v FROM t WHERE id = 1`); rows[0] != "6" {
		t.Errorf("the row counts %s", rows[0])
	}

	harness.Exec(t, a, `BEGIN; UPDATE t SET v = 1 WHERE id = 2`)
	harness.Exec(t, b, `BEGIN; UPDATE t SET v = 1 WHERE id = 3`)
	one, two := later(t, a, `UPDATE t SET v = 1 WHERE id = 3`), later(t, b, `UPDATE t SET v = 1 WHERE id = 2`)
	var failed error
	select {
	case failed = <-one:
		harness.Exec(t, a, `ROLLBACK`)
		if err := <-two; err != nil {
			t.Error(err)
		}
	case failed = <-two:
		harness.Exec(t, b, `ROLLBACK`)
		if err := <-one; err != nil {
			t.Error(err)
		}
	}
	if codeOf(failed) != "40P01" {
		t.Errorf("a deadlock gave %v", failed)
	}
	for _, conn := range []*pgx.Conn{a, b} {
		if conn.PgConn().TxStatus() != 'I' {
			harness.Exec(t, conn, `COMMIT`)
		}
	}

	if rows := harness.Rows(t, a, `SELECT pg_try_advisory_lock(7)`); rows[0] != "t" {
		t.Error("an advisory lock that is free was not given")
	}
	if rows := harness.Rows(t, d, `SELECT pg_try_advisory_lock(7)`); rows[0] != "f" {
		t.Error("an advisory lock was given on two nodes")
	}
	waits := later(t, b, `SELECT pg_advisory_lock(7)`)
	awaitWait(t, d, 1)
	harness.Exec(t, a, `SELECT pg_advisory_unlock(7)`)
	if err := <-waits; err != nil {
		t.Error(err)
	}

	harness.Exec(t, d, `BEGIN; LOCK TABLE t`)
	reads, writes := later(t, a, `SELECT * FROM t`), later(t, c.Connect(2), `INSERT INTO t VALUES (9, 9)`)
	awaitWait(t, d, 2)
	harness.Exec(t, d, `COMMIT`)
	if err := errors.Join(<-reads, <-writes); err != nil {
		t.Error(err)
	}
	harness.Exec(t, b, `ALTER TABLE t ALTER v TYPE BIGINT`)
	if rows := harness.Rows(t, a, `SELECT count(*) FROM t`); rows[0] != "4" {
		t.Errorf("%s rows are there", rows[0])
	}
}

// TestCoordinatorIsKilled kills the node that knows the locks while transactions of the
// others hold some.
func TestCoordinatorIsKilled(t *testing.T) {
	t.Parallel()
	c := harness.StartCluster(t, harness.ClusterOptions{Nodes: 3, Shards: 2})
	c.AwaitLeaders()
	victim := catalogLeader(t, c)
	a, b := c.Connect(1+victim%3), c.Connect(1+(victim+1)%3)
	harness.Exec(t, a, `CREATE TABLE t (id INT PRIMARY KEY, v INT); CREATE SEQUENCE s`)
	harness.Exec(t, a, `INSERT INTO t VALUES (1, 0), (2, 0)`)
	harness.Exec(t, a, `BEGIN; UPDATE t SET v = v + 1 WHERE id = 1`)
	last := harness.Rows(t, b, `SELECT nextval('s')`)[0]
	waits := later(t, c.Connect(1+(victim+1)%3), `UPDATE t SET v = v + 100 WHERE id = 1`)
	awaitWait(t, b, 1)

	c.Kill(victim)
	began := time.Now()
	harness.Exec(t, b, `INSERT INTO t VALUES (3, 0)`)
	t.Logf("a row was inserted %v after the coordinator's death", time.Since(began))
	if _, err := a.Exec(t.Context(), `COMMIT`); codeOf(err) != "40001" {
		t.Errorf("a transaction whose locks are lost committed with %v", err)
	}
	if err := <-waits; err != nil {
		t.Errorf("a statement that waited and commits by itself got %v", err)
	}
	harness.Exec(t, b, `BEGIN; UPDATE t SET v = v + 10 WHERE id = 1; COMMIT`)
	t.Logf("a transaction locked a row %v after the coordinator's death", time.Since(began))
	if rows := harness.Rows(t, a, `SELECT v FROM t WHERE id = 1`); rows[0] != "110" {
		t.Errorf("the row has %s", rows[0])
	}
	if next := harness.Rows(t, a, `SELECT nextval('s') > `+last); next[0] != "t" {
		t.Error("a value of the sequence is not behind the last one")
	}
	c.Restart(victim)
	back := c.Connect(victim)
	harness.Exec(t, a, `BEGIN; UPDATE t SET v = v + 1 WHERE id = 2`)
	if _, err := back.Exec(t.Context(), `SELECT * FROM t WHERE id = 2 FOR UPDATE NOWAIT`); codeOf(err) != "55P03" {
		t.Errorf("the node that is back gave %v", err)
	}
	harness.Exec(t, a, `COMMIT`)
}

// catalogLeader returns the node that leads the catalog's group.
func catalogLeader(t *testing.T, c *harness.Cluster) int {
	t.Helper()
	rows := harness.Rows(t, c.Connect(1), `SELECT id FROM millrace.nodes WHERE coordinator`)
	node := 0
	if _, err := fmt.Sscan(strings.Join(rows, ""), &node); err != nil {
		t.Fatal(err)
	}
	return node
}

// TestNodeWithLocksIsKilled kills a node whose session holds a row.
func TestNodeWithLocksIsKilled(t *testing.T) {
	t.Parallel()
	c := harness.StartCluster(t, harness.ClusterOptions{Nodes: 3, Shards: 2})
	c.AwaitLeaders()
	victim := 1 + catalogLeader(t, c)%3
	holder, other := c.Connect(victim), c.Connect(1+victim%3)
	harness.Exec(t, other, `CREATE TABLE t (id INT PRIMARY KEY, v INT)`)
	harness.Exec(t, other, `INSERT INTO t VALUES (1, 0)`)
	harness.Exec(t, holder, `BEGIN; UPDATE t SET v = v + 1 WHERE id = 1`)
	waits := later(t, other, `UPDATE t SET v = v + 10 WHERE id = 1`)
	awaitWait(t, c.Connect(1+victim%3), 1)
	c.Kill(victim)
	began := time.Now()
	if err := <-waits; err != nil {
		t.Error(err)
	}
	t.Logf("the row was free %v after its holder's death", time.Since(began))
	if rows := harness.Rows(t, other, `SELECT v FROM t`); rows[0] != "10" {
		t.Errorf("the row has %s", rows[0])
	}
	ctx, end := context.WithTimeout(t.Context(), time.Second)
	defer end()
	_ = holder.Close(ctx) // its server is gone
}
