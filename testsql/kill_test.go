package testsql

import (
	"context"
	"math/rand/v2"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"millrace/testsql/harness"
)

// long says that the tests run with many more seeds.
func long() bool { return os.Getenv("MILLRACE_LONG") != "" }

// TestKill kills the real process at random moments while four connections
// write, and checks that every acknowledged row is there once, none twice, that
// transactions took effect whole, and that every derived table equals its
// recomputation.
func TestKill(t *testing.T) {
	kills := 20
	if long() {
		kills = 500
	}
	random := rand.New(rand.NewPCG(11, 5))
	dir := t.TempDir()
	p := harness.StartProcess(t, dir, "--shards", "4")
	w := newWorkload()
	w.declare(t, harness.Connect(t, p.URL()))
	for range kills {
		ctx, cancel := context.WithCancel(t.Context())
		var writers sync.WaitGroup
		for range 4 {
			seed := random.Uint64()
			writers.Go(func() { writeUntilGone(ctx, t, p.URL(), w, rand.New(rand.NewPCG(seed, 1))) })
		}
		<-time.After(time.Duration(random.IntN(300)) * time.Millisecond) // the random moment
		p.Kill()
		cancel()
		writers.Wait()
		p = harness.StartProcess(t, dir)
	}
	connection := harness.Connect(t, p.URL())
	w.check(t, connection)
	if len(w.acknowledged) == 0 {
		t.Error("nothing was acknowledged between the kills")
	}
	t.Logf("%d rows acknowledged, %d uncertain, over %d kills", len(w.acknowledged), len(w.uncertain), kills)
}

// writeUntilGone writes until the connection fails.
func writeUntilGone(ctx context.Context, t *testing.T, url string, w *workload, random *rand.Rand) {
	connection, err := pgx.Connect(ctx, url)
	if err != nil {
		return // killed already
	}
	defer connection.Close(context.WithoutCancel(ctx))
	for ctx.Err() == nil {
		if err := w.write(ctx, connection, random); err != nil {
			if connection.IsClosed() || ctx.Err() != nil {
				return
			}
			t.Errorf("a write failed although the node lives: %v", err)
			return
		}
	}
}
