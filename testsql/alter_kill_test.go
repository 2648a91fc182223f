package testsql

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"millrace/tables"
	"millrace/testsql/harness"
)

// TestKillDuringRewrite kills the real process at random moments while ALTER TABLE
// stores a table anew. Afterwards the table is what it was or what it was to be,
// with all of its rows, and nothing of the other one is left.
func TestKillDuringRewrite(t *testing.T) {
	const shards, rows = 4, 20_000
	kills := 12
	if long() {
		kills = 300
	}
	random := rand.New(rand.NewPCG(17, 4))
	dir := t.TempDir()
	p := harness.StartProcess(t, dir, "--shards", strconv.Itoa(shards))
	c := harness.Connect(t, p.URL())
	harness.Exec(t, c, `CREATE TABLE t (k INT, v TEXT)`)
	harness.Exec(t, c, fmt.Sprintf(`INSERT INTO t SELECT i, 'row ' || i FROM generate_series(1, %d) i`, rows))
	keyed, halfway := false, 0
	for n := range kills {
		statement := `ALTER TABLE t ADD PRIMARY KEY (k)`
		if keyed {
			statement = `ALTER TABLE t DROP CONSTRAINT t_pkey`
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() {
			_, err := c.Exec(ctx, statement)
			done <- err
		}()
		<-time.After(time.Duration(random.IntN(250)) * time.Millisecond) // the random moment
		p.Kill()
		acknowledged := <-done == nil
		cancel()
		p = harness.StartProcess(t, dir)
		c = harness.Connect(t, p.URL())
		found := harness.Rows(t, c, `SELECT count(*), count(DISTINCT k), min(v), sum(length(v)) FROM t`)
		sum := 0
		for i := 1; i <= rows; i++ {
			sum += len("row " + strconv.Itoa(i))
		}
		if want := fmt.Sprintf("%d\t%d\trow 1\t%d", rows, rows, sum); len(found) != 1 || found[0] != want {
			t.Fatalf("kill %d of %q: the table has %v, want %s", n, statement, found, want)
		}
		was := keyed
		keyed = len(harness.Rows(t, c, `SELECT 1 FROM pg_constraint WHERE conname = 't_pkey'`)) == 1
		if acknowledged && keyed == was {
			t.Fatalf("kill %d: %q was acknowledged and did not take effect", n, statement)
		}
		if keyed == was {
			halfway++
		}
		_, err := c.Exec(t.Context(), `INSERT INTO t VALUES (1, 'again')`)
		if keyed != (code(err) == "23505") || !keyed && err != nil {
			t.Fatalf("kill %d: a second row with a key: %v", n, err)
		}
		if !keyed {
			harness.Exec(t, c, `DELETE FROM t WHERE v = 'again'`)
		}
	}
	t.Logf("%d of %d kills left the table as it was", halfway, kills)
	stored := harness.Rows(t, c, `SELECT relfilenode FROM pg_class WHERE oid >= 16384`)
	harness.Exec(t, c, `CHECKPOINT`)
	if exit := p.Stop(); exit != 0 {
		t.Fatalf("exit code %d:\n%s", exit, p.Logs())
	}
	for shard := range uint32(shards) {
		for _, object := range storedObjects(t, filepath.Join(dir, "tables"), shard) {
			if !slices.Contains(stored, strconv.FormatUint(object, 10)) {
				t.Errorf("shard %d has rows of object %d, which the catalog does not know", shard, object)
			}
		}
	}
}

// storedObjects returns the objects that have rows on a shard of a node that is
// stopped.
func storedObjects(t *testing.T, dir string, shard uint32) []uint64 {
	store, err := tables.Open(tables.Options{FS: vfs.Default, Dir: dir, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	from := []byte{byte(tables.KindRow)}
	it, err := store.Shard(shard).Scan(from, tables.PrefixEnd(nil, from))
	if err != nil {
		t.Fatal(err)
	}
	defer it.Close()
	var objects []uint64
	for it.Next() {
		object, _, err := tables.ParseRowKey(it.Key())
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Contains(objects, object) {
			objects = append(objects, object)
		}
	}
	return objects
}
