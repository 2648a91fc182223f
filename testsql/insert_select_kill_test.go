package testsql

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"millrace/testsql/harness"
)

// TestKillInsertsSelectedRowsOnce kills the real process at random moments while two
// continuous queries and clients write one stream: every row of the sources is there
// once per query, every acknowledged row of a client once, and the rows of a partition
// that go to one partition of the stream are in their order.
func TestKillInsertsSelectedRowsOnce(t *testing.T) {
	kills := 6
	if long() {
		kills = 200
	}
	random := rand.New(rand.NewPCG(17, 3))
	dir := t.TempDir()
	p := harness.StartProcess(t, dir, "--shards", "4")
	connection := harness.Connect(t, p.URL())
	for _, sql := range []string{
		`CREATE STREAM a (id BIGINT, k INT)`,
		`CREATE STREAM b (k INT KEY, id BIGINT)`,
		`CREATE STREAM target (source TEXT, id BIGINT NOT NULL, k INT KEY, p INT, o BIGINT)`,
		`INSERT INTO target SELECT 'a', id, k, rowpartition, rowoffset FROM a EMIT CHANGES`,
		`INSERT INTO target (k, id, source, o, p) SELECT k, id, 'b', rowoffset, rowpartition FROM b WHERE id % 5 <> 0 EMIT CHANGES`,
		`CREATE TABLE counts AS SELECT source, k, count(*) AS c, sum(id) AS s FROM target GROUP BY source, k`,
	} {
		harness.Exec(t, connection, sql)
	}
	var mu sync.Mutex
	sent, acknowledged := 0, map[string]bool{}
	for range kills {
		ctx, cancel := context.WithCancel(t.Context())
		var writers sync.WaitGroup
		for _, into := range []string{"a (id, k)", "b (id, k)", "target (source, id, k) SELECT 'client', * FROM"} {
			writers.Go(func() {
				c, err := pgx.Connect(ctx, p.URL())
				if err != nil {
					return // killed already
				}
				defer c.Close(context.WithoutCancel(ctx))
				for ctx.Err() == nil {
					mu.Lock()
					sent++
					id := sent * 10
					mu.Unlock()
					sql := fmt.Sprintf(`INSERT INTO %s (VALUES (%d, %d), (%d, %d), (%d, %d))`, into, id, id%7, id+1, id%11, id+2, id%3)
					if into[0] == 't' {
						sql += " AS v"
					}
					if _, err := c.Exec(ctx, sql); err != nil {
						return
					}
					if into[0] == 't' {
						mu.Lock()
						acknowledged[fmt.Sprint(id)] = true
						mu.Unlock()
					}
				}
			})
		}
		<-time.After(time.Duration(50+random.IntN(300)) * time.Millisecond) // the random moment
		p.Kill()
		cancel()
		writers.Wait()
		p = harness.StartProcess(t, dir)
	}
	connection = harness.Connect(t, p.URL())
	same := func(what, got, want string) {
		t.Helper()
		if diff := cmp.Diff(sorted(harness.Rows(t, connection, want)), sorted(harness.Rows(t, connection, got))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
	same("rows of a", `SELECT id, k, p, o FROM target WHERE source = 'a'`, `SELECT id, k, rowpartition, rowoffset FROM a`)
	same("rows of b", `SELECT id, k, p, o FROM target WHERE source = 'b'`, `SELECT id, k, rowpartition, rowoffset FROM b WHERE id % 5 <> 0`)
	same("what derives", `SELECT source, k, c, s FROM counts`, `SELECT source, k, count(*), sum(id) FROM target GROUP BY source, k`)
	same("rows out of order",
		`SELECT count(*) FROM target x JOIN target y ON x.source = y.source AND x.p = y.p AND x.rowpartition = y.rowpartition WHERE x.rowoffset < y.rowoffset AND x.o > y.o`,
		`SELECT 0::bigint`)
	there := map[string]int{}
	for _, row := range harness.Rows(t, connection, `SELECT id - id % 10 FROM target WHERE source = 'client'`) {
		there[row]++
	}
	for id := range acknowledged {
		if there[id] != 3 {
			t.Errorf("%d of the 3 rows of the acknowledged insert %s are there", there[id], id)
		}
	}
	for id, n := range there {
		if n != 3 {
			t.Errorf("%d of the 3 rows of insert %s are there", n, id)
		}
	}
	if len(acknowledged) == 0 || sent < 3*kills {
		t.Errorf("%d inserts were sent, and %d into the stream acknowledged", sent, len(acknowledged))
	}
}
