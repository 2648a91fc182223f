package testsql

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"regexp"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"millrace/testsql/harness"
)

// wantNoLocks waits until nobody holds or awaits a lock.
func wantNoLocks(t *testing.T, c *pgx.Conn) {
	t.Helper()
	harness.Eventually(t, time.Minute, func() error {
		locks, err := harness.TryRows(t.Context(), c, `SELECT pid, locktype, relation, mode, granted FROM pg_locks`)
		if err == nil && len(locks) > 0 {
			err = fmt.Errorf("there are locks: %v", locks)
		}
		return err
	})
}

// wantWaiting waits until so many sessions wait for a lock.
func wantWaiting(t *testing.T, c *pgx.Conn, n int) {
	t.Helper()
	harness.Eventually(t, time.Minute, func() error {
		waiting, err := harness.TryRows(t.Context(), c, `SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND state = 'active'`)
		if err == nil && waiting[0] != fmt.Sprint(n) {
			err = fmt.Errorf("%s wait, not %d", waiting[0], n)
		}
		return err
	})
}

// TestHotRow counts one row up from 32 connections: in blocks, in statements that
// commit by themselves, by ON CONFLICT, and all of that at once. No statement fails,
// and none is lost.
func TestHotRow(t *testing.T) {
	blocks := []string{`BEGIN`, `UPDATE t SET n = n + 1 WHERE id = 1`, `COMMIT`}
	reading := []string{`BEGIN`, `SELECT n FROM t WHERE id = 1 FOR UPDATE`, `UPDATE t SET n = n + 1 WHERE id = 1`, `COMMIT`}
	alone := []string{`UPDATE t SET n = n + 1 WHERE id = 1`}
	upsert := []string{`INSERT INTO t VALUES (1, 0) ON CONFLICT (id) DO UPDATE SET n = t.n + 1`}
	pipeline := []string{`SELECT 1; UPDATE t SET n = n + 1 WHERE id = 1; SELECT 2`}
	for _, shards := range []int{1, 8} {
		for name, kinds := range map[string][][]string{
			"blocks": {blocks}, "reading blocks": {reading}, "statements": {alone}, "all": {blocks, reading, alone, upsert, pipeline},
		} {
			t.Run(fmt.Sprintf("%s on %d shards", name, shards), func(t *testing.T) {
				server := newScriptNode(t, shards)
				c := harness.Connect(t, server.URL())
				harness.Exec(t, c, `CREATE TABLE t (id INT PRIMARY KEY, n BIGINT)`)
				harness.Exec(t, c, `INSERT INTO t VALUES (1, 0)`)
				const connections, rounds = 32, 10
				var all sync.WaitGroup
				for i := range connections {
					c := harness.Connect(t, server.URL())
					all.Go(func() {
						for range rounds {
							for _, statement := range kinds[i%len(kinds)] {
								if _, err := c.Exec(t.Context(), statement, pgx.QueryExecModeSimpleProtocol); err != nil {
									t.Errorf("%s: %v", statement, err)
									return
								}
							}
						}
					})
				}
				all.Wait()
				wantRows(t, c, `SELECT n FROM t`, fmt.Sprint(connections*rounds))
				wantNoLocks(t, c)
			})
		}
	}
}

// TestLockedRowsCommit runs random blocks over a few rows, on all shards, beside
// statements that commit by themselves: a transaction may give way in a deadlock,
// and for nothing else.
func TestLockedRowsCommit(t *testing.T) {
	server := newScriptNode(t, 8)
	c := harness.Connect(t, server.URL())
	harness.Exec(t, c, `CREATE TABLE t (id INT PRIMARY KEY, n BIGINT)`)
	harness.Exec(t, c, `INSERT INTO t SELECT i, 100 FROM generate_series(1, 8) AS g(i)`)
	var all sync.WaitGroup
	var committed, deadlocks atomic.Int64
	for i := range 12 {
		c := harness.Connect(t, server.URL())
		harness.Exec(t, c, `SET deadlock_timeout = '5ms'`)
		random := rand.New(rand.NewPCG(uint64(i), 17))
		all.Go(func() {
			for range 25 {
				from, to := 1+random.IntN(8), 1+random.IntN(8)
				var err error
				switch random.IntN(4) {
				case 0:
					_, err = c.Exec(t.Context(), `UPDATE t SET n = CASE id WHEN $1 THEN n - 1 ELSE n + 1 END WHERE id IN ($1, $2) AND $1 <> $2`, from, to)
				default:
					err = pgx.BeginFunc(t.Context(), c, func(tx pgx.Tx) error {
						_, err := tx.Exec(t.Context(), `UPDATE t SET n = n - 1 WHERE id = $1`, from)
						if err == nil {
							_, err = tx.Exec(t.Context(), `UPDATE t SET n = n + 1 WHERE id = $1`, to)
						}
						return err
					})
				}
				switch {
				case err == nil:
					committed.Add(1)
				case codeOf(err) == "40P01":
					deadlocks.Add(1)
				default:
					t.Errorf("a transfer failed: %v", err)
				}
			}
		})
	}
	all.Wait()
	wantRows(t, c, `SELECT sum(n), count(*) FROM t`, "800\t8")
	wantNoLocks(t, c)
	t.Logf("%d transfers, %d deadlocks", committed.Load(), deadlocks.Load())
}

// TestEndsOfWaits ends statements that wait by a cancel request, by a lost
// connection, and by the end of who holds the row, whose connection is lost, too.
func TestEndsOfWaits(t *testing.T) {
	server := newScriptNode(t, 4)
	control := harness.Connect(t, server.URL())
	harness.Exec(t, control, `CREATE TABLE t (id INT PRIMARY KEY, n BIGINT)`)
	harness.Exec(t, control, `INSERT INTO t VALUES (1, 0), (2, 0)`)
	before := runtime.NumGoroutine()

	connect := func() *pgx.Conn {
		c, err := pgx.Connect(t.Context(), server.URL())
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	holder := connect()
	harness.Exec(t, holder, `BEGIN`)
	harness.Exec(t, holder, `UPDATE t SET n = 1 WHERE id = 1`)
	wait := func(ctx context.Context, c *pgx.Conn) <-chan error {
		ended := make(chan error, 1)
		go func() {
			_, err := c.Exec(ctx, `UPDATE t SET n = n + 10 WHERE id = 1`)
			ended <- err
		}()
		return ended
	}
	cancelled, gone, patient := connect(), connect(), connect()
	whole := wait(t.Context(), cancelled) // the first in the queue
	wantWaiting(t, control, 1)
	cut := wait(t.Context(), gone)
	wantWaiting(t, control, 2)
	rest := wait(t.Context(), patient)
	wantWaiting(t, control, 3)
	wantRows(t, control, `SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'transactionid' AND mode = 'ShareLock' AND relation IS NULL`, "3")
	wantRows(t, control, fmt.Sprintf(`SELECT pg_blocking_pids(%d)`, cancelled.PgConn().PID()), fmt.Sprintf("{%d}", holder.PgConn().PID()))

	if err := cancelled.PgConn().CancelRequest(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-whole; codeOf(err) != "57014" {
		t.Errorf("a cancelled wait gave %v", err)
	}
	_ = gone.PgConn().Conn().Close()
	if err := <-cut; err == nil {
		t.Error("a lost connection gave no error")
	}
	wantWaiting(t, control, 1)
	_ = holder.PgConn().Conn().Close()
	if err := <-rest; err != nil {
		t.Error(err)
	}
	wantRows(t, control, `SELECT n FROM t WHERE id = 1`, "10")
	wantNoLocks(t, control)
	for _, c := range []*pgx.Conn{cancelled, patient} {
		_ = c.Close(t.Context())
	}
	harness.Eventually(t, time.Minute, func() error {
		if now := runtime.NumGoroutine(); now > before {
			return fmt.Errorf("%d goroutines, not %d", now, before)
		}
		return nil
	})
}

// TestCopyWaits shows that a COPY outside a block waits for a block that has
// inserted one of its keys, and stores the rest of its rows when that is rolled back.
func TestCopyWaits(t *testing.T) {
	first, second := twoSessions(t, 8)
	harness.Exec(t, first, `BEGIN`)
	harness.Exec(t, first, `INSERT INTO t VALUES (3, 30)`)
	ended := make(chan error, 1)
	go func() {
		_, err := second.CopyFrom(t.Context(), pgx.Identifier{"t"}, []string{"id", "n"}, pgx.CopyFromRows([][]any{{3, 1}, {4, 1}, {5, 1}}))
		ended <- err
	}()
	wantWaiting(t, first, 1)
	harness.Exec(t, first, `ROLLBACK`)
	if err := <-ended; err != nil {
		t.Error(err)
	}
	wantRows(t, first, `SELECT id FROM t ORDER BY id`, "1", "2", "3", "4", "5")
	wantNoLocks(t, first)
}

// TestDeadlockError shows what a client is told that gives way.
func TestDeadlockError(t *testing.T) {
	server := newScriptNode(t, 2)
	control, first, second := harness.Connect(t, server.URL()), harness.Connect(t, server.URL()), harness.Connect(t, server.URL())
	harness.Exec(t, first, `CREATE TABLE t (id INT PRIMARY KEY, n INT)`)
	harness.Exec(t, first, `INSERT INTO t VALUES (1, 10), (2, 20)`)
	harness.Exec(t, second, `SET deadlock_timeout = '1h'`)
	harness.Exec(t, first, `SET deadlock_timeout = '10ms'`)
	for _, c := range []*pgx.Conn{first, second} {
		harness.Exec(t, c, `BEGIN`)
	}
	harness.Exec(t, first, `UPDATE t SET n = 1 WHERE id = 1`)
	harness.Exec(t, second, `UPDATE t SET n = 1 WHERE id = 2`)
	ended := make(chan error, 1)
	go func() {
		_, err := second.Exec(t.Context(), `UPDATE t SET n = 2 WHERE id = 1`)
		ended <- err
	}()
	wantWaiting(t, control, 1)
	_, deadlock := first.Exec(t.Context(), `UPDATE t SET n = 2 WHERE id = 2`)
	var failure *pgconn.PgError
	if !errors.As(deadlock, &failure) {
		t.Fatalf("there is no deadlock: %v", deadlock)
	}
	want := fmt.Sprintf(`^Process %[1]d waits for ShareLock on transaction \d+; blocked by process %[2]d\.
Process %[2]d waits for ShareLock on transaction \d+; blocked by process %[1]d\.$`, first.PgConn().PID(), second.PgConn().PID())
	if failure.Code != "40P01" || failure.Message != "deadlock detected" || !regexp.MustCompile(want).MatchString(failure.Detail) || failure.Where == "" {
		t.Errorf("the deadlock gave %+v", failure)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
