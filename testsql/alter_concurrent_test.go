package testsql

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"millrace/cmd/node"
	"millrace/testsql/harness"
)

// TestAlterWhileOthersWrite alters a table, with and without storing it anew, while
// writers change its rows in statements and transactions and readers count them. No
// statement fails and no change is lost or made twice.
func TestAlterWhileOthersWrite(t *testing.T) {
	const rows, writers = 200, 4
	n := harness.StartNode(t, node.Options{Dir: t.TempDir(), Shards: 4})
	url := harness.NodeURL(n.Addr())
	c := harness.Connect(t, url)
	harness.Exec(t, c, `CREATE TABLE t (k INT, n BIGINT DEFAULT 0)`)
	harness.Exec(t, c, fmt.Sprintf(`INSERT INTO t (k) SELECT i FROM generate_series(1, %d) i`, rows))
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var group sync.WaitGroup
	var added atomic.Int64
	for w := range writers {
		group.Go(func() { addUntil(ctx, t, url, rand.New(rand.NewPCG(uint64(w), 3)), rows, &added) })
	}
	group.Go(func() { countUntil(ctx, t, url, rows) })
	rounds := 6
	if long() {
		rounds = 100
	}
	for range rounds {
		for _, statement := range []string{
			`ALTER TABLE t ADD PRIMARY KEY (k)`,
			`ALTER TABLE t ADD COLUMN note TEXT NOT NULL DEFAULT 'none', ALTER n TYPE NUMERIC`,
			`ALTER TABLE t DROP COLUMN note`,
			`ALTER TABLE t ALTER n TYPE BIGINT`,
			`ALTER TABLE t DROP CONSTRAINT t_pkey`,
		} {
			if _, err := c.Exec(t.Context(), statement, pgx.QueryExecModeSimpleProtocol); err != nil {
				t.Fatalf("%s: %v", statement, err)
			}
		}
	}
	stop()
	group.Wait()
	want := fmt.Sprintf("%d\t%d", rows, added.Load())
	if got := harness.Rows(t, c, `SELECT count(*), sum(n) FROM t`); len(got) != 1 || got[0] != want {
		t.Errorf("the table has %v, want %s", got, want)
	}
	if added.Load() == 0 {
		t.Error("nothing was written")
	}
}

// addUntil adds one to random rows until ctx ends, and counts what was acknowledged.
func addUntil(ctx context.Context, t *testing.T, url string, random *rand.Rand, rows int, added *atomic.Int64) {
	c, err := pgx.Connect(context.WithoutCancel(ctx), url)
	if err != nil {
		t.Error(err)
		return
	}
	defer c.Close(context.WithoutCancel(ctx))
	for ctx.Err() == nil {
		// A statement that was begun is awaited: its outcome must be known.
		alone, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		update := fmt.Sprintf(`UPDATE t SET n = n + 1 WHERE k = %d`, 1+random.IntN(rows))
		count := int64(1)
		if random.IntN(3) == 0 {
			update = fmt.Sprintf(`BEGIN; %s; UPDATE t SET n = n + 1 WHERE k = %d; COMMIT`, update, 1+random.IntN(rows))
			count = 2
		}
		_, err := c.Exec(alone, update, pgx.QueryExecModeSimpleProtocol)
		cancel()
		switch code(err) {
		case "<nil>":
			added.Add(count)
		case "40P01": // two transactions met in another order
			if _, err := c.Exec(context.WithoutCancel(ctx), `ROLLBACK`, pgx.QueryExecModeSimpleProtocol); err != nil {
				t.Error(err)
			}
		default:
			t.Errorf("%s: %v", update, err)
			return
		}
	}
}

// countUntil counts the rows until ctx ends.
func countUntil(ctx context.Context, t *testing.T, url string, rows int) {
	c, err := pgx.Connect(context.WithoutCancel(ctx), url)
	if err != nil {
		t.Error(err)
		return
	}
	defer c.Close(context.WithoutCancel(ctx))
	for ctx.Err() == nil {
		var count int
		err := c.QueryRow(context.WithoutCancel(ctx), `SELECT count(*) FROM t`, pgx.QueryExecModeSimpleProtocol).Scan(&count)
		if err != nil || count != rows {
			t.Errorf("%d rows, %v", count, err)
			return
		}
	}
}
