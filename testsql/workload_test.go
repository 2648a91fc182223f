package testsql

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"millrace/testsql/harness"
)

// workload writes rows with unique ids over several connections and notes,
// outside the node, which were acknowledged; it then checks the node against its
// notes.
type workload struct {
	mu sync.Mutex
	// acknowledged rows must be there once; uncertain ones, whose statement ended
	// with an error that leaves the outcome open, once or not at all.
	acknowledged, uncertain map[int64]bool
	next                    int64
}

func newWorkload() *workload {
	return &workload{acknowledged: map[int64]bool{}, uncertain: map[int64]bool{}}
}

// declare makes the streams and what is derived from them: on the row's shard,
// behind a shuffle, behind a derived stream, and behind a derived table.
func (w *workload) declare(t testing.TB, connection *pgx.Conn) {
	t.Helper()
	for _, statement := range []string{
		`CREATE STREAM events (id BIGINT, k INT, v INT)`,
		`CREATE STREAM keyed (k INT KEY, id BIGINT)`,
		`CREATE TABLE per_k AS ` + perKQuery,
		`CREATE STREAM odd AS SELECT id, k, v FROM events WHERE v % 2 = 1`,
		`CREATE TABLE per_v AS ` + perVQuery,
		`CREATE TABLE sizes AS ` + sizesQuery,
		`CREATE TABLE per_key AS ` + perKeyQuery,
	} {
		harness.Exec(t, connection, statement)
	}
}

const (
	perKQuery   = `SELECT k, count(*) AS n, sum(v) AS total, min(id) AS first, max(id) AS last FROM events GROUP BY k`
	perVQuery   = `SELECT v, count(*) AS n, sum(id) AS ids FROM odd GROUP BY v`
	sizesQuery  = `SELECT n, count(*) AS groups, max(total) AS largest FROM per_k GROUP BY n`
	perKeyQuery = `SELECT k, count(*) AS n FROM keyed GROUP BY k`
)

// ids takes n ids that were never used.
func (w *workload) ids(n int) []int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := make([]int64, n)
	for i := range out {
		w.next++
		out[i] = w.next
	}
	return out
}

func (w *workload) note(ids []int64, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, id := range ids {
		if err == nil {
			w.acknowledged[id] = true
		} else {
			w.uncertain[id] = true
		}
	}
}

// write does one random write: an INSERT of a row or a few, a COPY, or a
// transaction over two streams and several shards.
func (w *workload) write(ctx context.Context, connection *pgx.Conn, random *rand.Rand) error {
	switch random.IntN(4) {
	case 0:
		ids := w.ids(1)
		_, err := connection.Exec(ctx, `INSERT INTO events VALUES ($1, $2, $3)`, ids[0], int32(random.IntN(50)), int32(random.IntN(20)))
		w.note(ids, err)
		return err
	case 1:
		ids := w.ids(1 + random.IntN(30))
		_, err := connection.Exec(ctx, `INSERT INTO events VALUES `+eventValues(ids, random))
		w.note(ids, err)
		return err
	case 2:
		ids := w.ids(1 + random.IntN(200))
		var lines strings.Builder
		for _, id := range ids {
			fmt.Fprintf(&lines, "%d\t%d\t%d\n", id, random.IntN(50), random.IntN(20))
		}
		_, err := connection.PgConn().CopyFrom(ctx, strings.NewReader(lines.String()), `COPY events FROM STDIN`)
		w.note(ids, err)
		return err
	default:
		return w.transaction(ctx, connection, random)
	}
}

func eventValues(ids []int64, random *rand.Rand) string {
	values := make([]string, len(ids))
	for i, id := range ids {
		values[i] = fmt.Sprintf("(%d, %d, %d)", id, random.IntN(50), random.IntN(20))
	}
	return strings.Join(values, ", ")
}

// transaction writes the same ids to events and to keyed, where they fall on
// several shards: all are there, or none.
func (w *workload) transaction(ctx context.Context, connection *pgx.Conn, random *rand.Rand) error {
	ids := w.ids(2 + random.IntN(6))
	keyed := make([]string, len(ids))
	for i, id := range ids {
		keyed[i] = fmt.Sprintf("(%d, %d)", random.IntN(1000), id)
	}
	err := pgx.BeginFunc(ctx, connection, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `INSERT INTO events VALUES `+eventValues(ids, random)); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `INSERT INTO keyed VALUES `+strings.Join(keyed, ", "))
		return err
	})
	w.note(ids, err)
	return err
}

// check compares the node with the notes and every derived table with its
// recomputation.
func (w *workload) check(t testing.TB, connection *pgx.Conn) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	counts := map[int64]int{}
	for _, row := range harness.Rows(t, connection, `SELECT id FROM events`) {
		var id int64
		if _, err := fmt.Sscan(row, &id); err != nil {
			t.Fatal(err)
		}
		counts[id]++
	}
	for id := range w.acknowledged {
		if counts[id] == 0 {
			t.Errorf("acknowledged row %d is lost", id)
		}
	}
	for id, n := range counts {
		if n > 1 {
			t.Errorf("row %d is there %d times", id, n)
		}
		if !w.acknowledged[id] && !w.uncertain[id] {
			t.Errorf("row %d was never written", id)
		}
	}
	halves := harness.Rows(t, connection, `SELECT id FROM keyed WHERE id NOT IN (SELECT id FROM events)`)
	if len(halves) > 0 {
		t.Errorf("transactions took effect on one stream only: %v", halves)
	}
	for table, query := range map[string]string{"per_k": perKQuery, "per_v": perVQuery, "sizes": sizesQuery, "per_key": perKeyQuery} {
		kept := harness.Rows(t, connection, `SELECT * FROM `+table+` ORDER BY 1`)
		computed := harness.Rows(t, connection, query+` ORDER BY 1`)
		if diff := cmp.Diff(computed, kept); diff != "" {
			t.Errorf("%s (-recomputed +kept):\n%s", table, diff)
		}
	}
}
