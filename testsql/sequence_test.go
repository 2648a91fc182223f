package testsql

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"millrace/testsql/harness"
)

// takenValues are the values of a sequence that clients were given.
type takenValues struct {
	mu    sync.Mutex
	given map[int64]bool
	twice []int64
	last  int64
}

func (v *takenValues) add(value int64) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.given[value] {
		v.twice = append(v.twice, value)
	}
	v.given[value] = true
	v.last = max(v.last, value)
}

// takeUntilGone takes values, one or many at a time and as the defaults of rows,
// until the connection fails.
func (v *takenValues) takeUntilGone(ctx context.Context, url string, random *rand.Rand) {
	connection, err := pgx.Connect(ctx, url)
	if err != nil {
		return // killed already
	}
	defer connection.Close(context.WithoutCancel(ctx))
	statements := []string{
		`SELECT nextval('values_id_seq')`,
		`SELECT nextval('values_id_seq') FROM generate_series(1, 50)`,
		`INSERT INTO "values" (note) VALUES ('one') RETURNING id`,
		`INSERT INTO "values" (note) SELECT 'many' FROM generate_series(1, 40) RETURNING id`,
	}
	for ctx.Err() == nil {
		rows, err := connection.Query(ctx, statements[random.IntN(len(statements))])
		if err != nil {
			return
		}
		for rows.Next() {
			var value int64
			if rows.Scan(&value) == nil {
				v.add(value)
			}
		}
		if rows.Err() != nil {
			return
		}
	}
}

// TestSequencesUnderKills kills the process while several connections take values of
// one sequence: none is given twice, and a start loses no more than what one node
// reserves ahead.
func TestSequencesUnderKills(t *testing.T) {
	kills := 8
	if long() {
		kills = 200
	}
	random := rand.New(rand.NewPCG(3, 9))
	dir := t.TempDir()
	p := harness.StartProcess(t, dir, "--shards", "2")
	harness.Exec(t, harness.Connect(t, p.URL()), `CREATE TABLE "values" (id BIGSERIAL PRIMARY KEY, note TEXT)`)
	values := &takenValues{given: map[int64]bool{}}
	for range kills {
		ctx, cancel := context.WithCancel(t.Context())
		var takers sync.WaitGroup
		for range 4 {
			seed := random.Uint64()
			takers.Go(func() { values.takeUntilGone(ctx, p.URL(), rand.New(rand.NewPCG(seed, 1))) })
		}
		<-time.After(time.Duration(random.IntN(200)) * time.Millisecond) // the random moment
		p.Kill()
		cancel()
		takers.Wait()
		p = harness.StartProcess(t, dir)
		var next int64
		if err := harness.Connect(t, p.URL()).QueryRow(t.Context(), `SELECT nextval('values_id_seq')`).Scan(&next); err != nil {
			t.Fatal(err)
		}
		// Every connection may have taken 50 values whose answer was lost.
		if gap := next - values.last - 1; gap < 0 || gap > 4*50+2*32 {
			t.Errorf("after %d comes %d", values.last, next)
		}
		values.add(next)
	}
	if len(values.twice) > 0 {
		t.Errorf("given twice: %v", values.twice)
	}
	if len(values.given) <= kills {
		t.Error("no values were given between the kills")
	}
}

// A clean restart leaves no gap.
func TestSequencesAfterRestart(t *testing.T) {
	server := newScriptNode(t, 2)
	take := func(want int64) {
		t.Helper()
		var got int64
		if err := harness.Connect(t, server.URL()).QueryRow(t.Context(), `SELECT nextval('s')`).Scan(&got); err != nil || got != want {
			t.Fatalf("%d, %v; want %d", got, err, want)
		}
	}
	harness.Exec(t, harness.Connect(t, server.URL()), `CREATE SEQUENCE s INCREMENT 5`)
	take(1)
	take(6)
	if err := server.Restart(); err != nil {
		t.Fatal(err)
	}
	take(11)
	harness.Exec(t, harness.Connect(t, server.URL()), `SELECT setval('s', 100)`)
	if err := server.Restart(); err != nil {
		t.Fatal(err)
	}
	take(105)
}
