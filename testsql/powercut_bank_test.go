package testsql

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"millrace/cmd/node"
	"millrace/testsql/harness"
)

// TestPowerCutBank moves money over all shards on a file system that loses a
// random part of what was not synced, and cuts the power: no transfer is there in
// part, and none that was acknowledged before the cut is lost.
func TestPowerCutBank(t *testing.T) {
	runs, cuts := harness.Sized(4, 1), 8
	if long() {
		runs = 100
	}
	for run := range runs {
		t.Run(fmt.Sprint("seed ", run), func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(uint64(run), 79))
			memory := vfs.NewCrashableMem()
			b := &bank{t: t}
			for cut := range cuts {
				n := startBankOn(t, memory)
				url := harness.NodeURL(n.Addr())
				if cut == 0 {
					declareBank(t, harness.Connect(t, url))
				} else {
					b.check(harness.Connect(t, url))
					b.forget(url)
				}
				open := b.open(url, random)
				<-time.After(time.Duration(random.IntN(150)) * time.Millisecond) // the random point
				if cut == cuts-1 {
					b.waitForTransfer()
				}
				acknowledged := b.acknowledged.Load()
				memory = memory.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: random.IntN(101), RNG: random})
				open.close()
				if err := n.Close(); err != nil {
					t.Fatal(err)
				}
				// What was acknowledged behind the picture of the disk is not in it.
				b.acknowledged.Store(acknowledged)
				if t.Failed() {
					return
				}
			}
			n := startBankOn(t, memory)
			b.check(harness.Connect(t, harness.NodeURL(n.Addr())))
			if b.acknowledged.Load() == 0 {
				t.Error("nothing was acknowledged")
			}
		})
	}
}

// waitForTransfer waits until one of the transfers of any round was acknowledged.
func (b *bank) waitForTransfer() {
	harness.Eventually(b.t, time.Minute, func() error {
		if b.acknowledged.Load() == 0 {
			return errors.New("nothing was acknowledged")
		}
		return nil
	})
}

// forget takes the transfers that took effect as those that were acknowledged.
func (b *bank) forget(url string) {
	var moved int64
	if err := harness.Connect(b.t, url).QueryRow(b.t.Context(), `SELECT moved::bigint FROM money`).Scan(&moved); err != nil {
		b.t.Fatal(err)
	}
	b.acknowledged.Store(moved)
	b.sent.Store(moved)
}

func startBankOn(t *testing.T, fs vfs.FS) *node.Node {
	t.Helper()
	return harness.StartNode(t, node.Options{Dir: "data", FS: fs, Shards: bankShards, SnapshotBytes: 128 << 10})
}
