package testsql

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"millrace/testsql/harness"
)

// TestKillGivesFinalWindowsOnce kills the real process at random moments while
// rows come and windows close: each window is given once, with all of its rows, and so is
// each row of a join WITHIN a time.
func TestKillGivesFinalWindowsOnce(t *testing.T) {
	kills := 6
	if long() {
		kills = 200
	}
	const window = `WINDOW TUMBLING (SIZE 2 SECONDS, GRACE PERIOD 1 SECOND)`
	const session = `WINDOW SESSION (1 SECOND, GRACE PERIOD 1 SECOND)`
	random := rand.New(rand.NewPCG(13, 7))
	dir := t.TempDir()
	p := harness.StartProcess(t, dir, "--shards", "4")
	connection := harness.Connect(t, p.URL())
	harness.Exec(t, connection, `CREATE STREAM s (id INT, k INT, at TIMESTAMPTZ) WITH (timestamp = 'at')`)
	for name, clause := range map[string]string{"w": window, "u": session} {
		harness.Exec(t, connection, `CREATE STREAM `+name+` AS SELECT window_start, k, count(*) AS c, max(id) AS last FROM s `+clause+` GROUP BY k EMIT FINAL`)
	}
	const next = `FROM s a LEFT JOIN s b WITHIN (0 SECONDS, 1 SECOND) GRACE PERIOD 1 SECOND ON b.k = a.k AND b.id = a.id + 1 WHERE a.k < 100`
	harness.Exec(t, connection, `CREATE STREAM j AS SELECT a.id AS a, b.id AS b `+next)
	id := 0
	for range kills {
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			c, err := pgx.Connect(ctx, p.URL())
			if err != nil {
				return // killed already
			}
			defer c.Close(context.WithoutCancel(ctx))
			for err == nil {
				id++
				at := time.UnixMilli(int64(id) * 50).UTC().Format("2006-01-02 15:04:05.000+00")
				_, err = c.Exec(ctx, fmt.Sprintf(`INSERT INTO s VALUES (%d, %d, '%s')`, id, id/30%7, at))
			}
		}()
		<-time.After(time.Duration(100+random.IntN(400)) * time.Millisecond) // the random moment
		p.Kill()
		cancel()
		<-done
		p = harness.StartProcess(t, dir)
	}
	connection = harness.Connect(t, p.URL())
	harness.Exec(t, connection, `INSERT INTO s VALUES (0, 100, '1980-01-01')`)
	for name, clause := range map[string]string{"w": window, "u": session} {
		want := sorted(harness.Rows(t, connection, `SELECT window_start, k, count(*), max(id) FROM s `+clause+` WHERE k < 100 GROUP BY k`))
		harness.Eventually(t, time.Minute, func() error {
			if diff := cmp.Diff(want, sorted(harness.Rows(t, connection, `SELECT window_start, k, c, last FROM `+name))); diff != "" {
				return fmt.Errorf("%s (-once +given):\n%s", clause, diff)
			}
			return nil
		})
		if len(want) < 3 {
			t.Errorf("only %d windows", len(want))
		}
	}
	want := sorted(harness.Rows(t, connection, `SELECT a.id, b.id `+next))
	harness.Eventually(t, time.Minute, func() error {
		if diff := cmp.Diff(want, sorted(harness.Rows(t, connection, `SELECT a, b FROM j`))); diff != "" {
			return fmt.Errorf("%s (-once +given):\n%s", next, diff)
		}
		return nil
	})
}
