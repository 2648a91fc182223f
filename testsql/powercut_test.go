package testsql

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"millrace/cmd/node"
	"millrace/testsql/harness"
)

// TestPowerCut runs a node on a file system that loses a random part of what
// was not synced, cuts the power at random points, starts again from what is
// left, and checks as TestKill does. Small snapshots make cuts fall into
// snapshots, new segments and the cutting of the log.
func TestPowerCut(t *testing.T) {
	runs, cutsPerRun := harness.Sized(20, 2), 10
	if long() {
		runs = 200
	}
	for run := range runs {
		t.Run(fmt.Sprint("seed ", run), func(t *testing.T) {
			t.Parallel()
			powerCuts(t, uint64(run), cutsPerRun)
		})
	}
}

func powerCuts(t *testing.T, seed uint64, cuts int) {
	random := rand.New(rand.NewPCG(seed, 77))
	memory := vfs.NewCrashableMem()
	w := newWorkload()
	for cut := range cuts {
		n := startOn(t, memory)
		connection := harness.Connect(t, harness.NodeURL(n.Addr()))
		if cut == 0 {
			w.declare(t, connection)
		} else {
			w.check(t, connection)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var writers sync.WaitGroup
		for range 3 {
			writerSeed := random.Uint64()
			writers.Go(func() {
				writeUntilGone(ctx, t, harness.NodeURL(n.Addr()), w, rand.New(rand.NewPCG(writerSeed, 2)))
			})
		}
		<-time.After(time.Duration(random.IntN(60)) * time.Millisecond) // the random point
		// What is acknowledged after the picture of the disk is taken is not in it:
		// the notes of that moment count.
		notes := w.copy()
		crashed := memory.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: random.IntN(101), RNG: random})
		cancel()
		writers.Wait()
		if err := n.Close(); err != nil {
			t.Fatal(err)
		}
		notes.uncertain = union(notes.uncertain, w.acknowledged, w.uncertain)
		notes.next = w.next
		w, memory = notes, crashed
	}
	n := startOn(t, memory)
	w.check(t, harness.Connect(t, harness.NodeURL(n.Addr())))
}

func startOn(t *testing.T, fs vfs.FS) *node.Node {
	t.Helper()
	return harness.StartNode(t, node.Options{Dir: "data", FS: fs, Shards: 3, SnapshotBytes: 128 << 10})
}

func (w *workload) copy() *workload {
	w.mu.Lock()
	defer w.mu.Unlock()
	return &workload{acknowledged: union(w.acknowledged), uncertain: union(w.uncertain), next: w.next}
}

func union(sets ...map[int64]bool) map[int64]bool {
	out := map[int64]bool{}
	for _, set := range sets {
		for id := range set {
			out[id] = true
		}
	}
	return out
}
