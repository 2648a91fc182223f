package cluster

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

// faults decides which file operations fail.
type faults struct {
	decide atomic.Pointer[func(op errorfs.Op) error]
}

// set makes operations fail as decide says; nil for none.
func (f *faults) set(decide func(op errorfs.Op) error) { f.decide.Store(&decide) }

// MaybeError implements errorfs.Injector.
func (f *faults) MaybeError(op errorfs.Op) error {
	if decide := f.decide.Load(); decide != nil && *decide != nil {
		return (*decide)(op)
	}
	return nil
}

// String implements errorfs.Injector.
func (f *faults) String() string { return "faults" }

// errFailed is what an injected fault returns.
var errFailed = errors.New("injected failure")

// once makes the next operation that matches fail.
func once(matches func(op errorfs.Op) bool) func(errorfs.Op) error {
	var done atomic.Bool
	return func(op errorfs.Op) error {
		if matches(op) && done.CompareAndSwap(false, true) {
			return errFailed
		}
		return nil
	}
}

// isSync tells whether an operation syncs a file whose path contains a part.
func isSync(part string) func(op errorfs.Op) bool {
	return func(op errorfs.Op) bool {
		switch op.Kind {
		case errorfs.OpFileSync, errorfs.OpFileSyncData, errorfs.OpFileSyncTo:
			return strings.Contains(op.Path, part)
		}
		return false
	}
}

// faultyNode is a node with one shard on a file system that can fail, and the
// values that it has acknowledged.
type faultyNode struct {
	*Node
	t        *testing.T
	fs       *vfs.MemFS
	faults   *faults
	options  Options
	accepted []string
	next     int
}

const faultyObject = 5

func newFaultyNode(t *testing.T) *faultyNode {
	n := &faultyNode{t: t, fs: vfs.NewCrashableMem(), faults: &faults{}}
	n.options = testOptions(t, errorfs.Wrap(n.fs, n.faults), "data", 1)
	n.options.SegmentBytes = 4 << 10
	n.Node = startNode(t, n.options)
	return n
}

// put proposes the next value and notes it when it is acknowledged.
func (n *faultyNode) put() error {
	value := fmt.Sprint("value ", n.next)
	n.next++
	n.waitWhole()
	shard := n.Shard(0)
	entry := entryWith(n.t, shard, shard.Applied(), faultyObject, value)
	applied, err := shard.Propose(entry.AppendTo(nil))
	if err != nil {
		return err
	}
	if !applied.Accepted {
		n.t.Fatalf("%s: %+v", value, applied)
	}
	n.accepted = append(n.accepted, value)
	return nil
}

// mustPut is put without a fault.
func (n *faultyNode) mustPut() {
	n.t.Helper()
	if err := n.put(); err != nil {
		n.t.Fatal(err)
	}
}

// recover waits until the shard works again, and reads what became of a value
// whose fate was unknown.
func (n *faultyNode) recover(ctx context.Context) {
	n.t.Helper()
	shard := n.Shard(0)
	for {
		halted := shard.machine.whenHalted()
		changed := shard.group.leadership.next()
		_, err := shard.Barrier(ctx)
		if err == nil {
			break
		}
		select {
		case <-halted:
		case <-changed:
		case <-ctx.Done():
			n.t.Fatal(err)
		}
	}
	n.waitWhole()
	values := partitionValues(n.t, shard, faultyObject)
	if extra := values[min(len(n.accepted), len(values)):]; len(extra) == 1 && extra[0] == fmt.Sprint("value ", n.next-1) {
		n.accepted = append(n.accepted, extra...)
	}
	n.check()
}

// check compares segments and rows with what was acknowledged.
func (n *faultyNode) check() {
	n.t.Helper()
	n.waitWhole()
	shard := n.Shard(0)
	if got := partitionValues(n.t, shard, faultyObject); !slices.Equal(got, n.accepted) {
		n.t.Fatalf("partition has %q, want %q", got, n.accepted)
	}
	rows := tableRows(n.t, shard.Tables(), faultyObject)
	for _, value := range n.accepted {
		if _, found := rows[value]; !found {
			n.t.Fatalf("%q is missing in %v", value, rows)
		}
	}
	for row, base := range rows {
		if !slices.Contains(n.accepted, row) {
			n.t.Fatalf("%q, on the state at %s, was not accepted", row, base)
		}
	}
}

// waitWhole waits until a partition whose sync has failed has been written again.
func (n *faultyNode) waitWhole() {
	n.t.Helper()
	waitFor(n.t, func() bool {
		_, err := n.Shard(0).Partition(faultyObject)
		return !errors.Is(err, errBroken)
	})
}

// restart closes the node and starts it again.
func (n *faultyNode) restart() {
	n.t.Helper()
	closeNode(n.t, n.Node)
	n.Node = startNode(n.t, n.options)
	n.check()
}

// cutPower starts the node again on what a power cut leaves of its disk.
func (n *faultyNode) cutPower(unsyncedPercent int, r *rand.Rand) {
	n.t.Helper()
	crashed := n.fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: unsyncedPercent, RNG: r})
	n.faults.set(nil)
	closeNode(n.t, n.Node)
	n.fs = crashed
	n.options.FS = errorfs.Wrap(n.fs, n.faults)
	n.Node = startNode(n.t, n.options)
	n.check()
}

func TestFailedSyncOfTheLog(t *testing.T) {
	n := newFaultyNode(t)
	for range 3 {
		n.mustPut()
		n.faults.set(once(isSync("/wal/")))
		if err := n.put(); !errors.Is(err, ErrFateUnknown) {
			t.Fatalf("a failed sync: %v", err)
		}
		n.recover(testContext(t))
		n.mustPut()
	}
	n.restart()
	closeNode(t, n.Node)
}

func TestFailedSyncOfASegment(t *testing.T) {
	n := newFaultyNode(t)
	for round := range 3 {
		for range 20 {
			n.mustPut()
		}
		n.faults.set(once(isSync("shard-0000/5-")))
		if err := n.Checkpoint(testContext(t)); err == nil {
			t.Fatal("a checkpoint did not notice a failed sync")
		}
		n.check()
		for range 20 {
			n.mustPut()
		}
		if round == 1 {
			n.restart()
		}
		if err := n.Checkpoint(testContext(t)); err != nil {
			t.Fatal(err)
		}
	}
	n.restart()
	closeNode(t, n.Node)
}

func TestFailedSyncOfASnapshot(t *testing.T) {
	n := newFaultyNode(t)
	n.mustPut()
	n.faults.set(once(isSync("shard-0000/snapshot")))
	if err := n.Checkpoint(testContext(t)); err == nil {
		t.Fatal("a checkpoint did not notice a failed sync")
	}
	n.mustPut()
	n.restart()
	if err := n.Checkpoint(testContext(t)); err != nil {
		t.Fatal(err)
	}
	n.restart()
	closeNode(t, n.Node)
}

func TestFailedSyncOfTheStore(t *testing.T) {
	n := newFaultyNode(t)
	n.mustPut()
	n.faults.set(once(isSync(".sst")))
	if err := n.Checkpoint(testContext(t)); err != nil {
		t.Fatalf("a flush is repeated: %v", err)
	}
	n.mustPut()
	n.faults.set(once(isSync("MANIFEST")))
	if err := n.Checkpoint(testContext(t)); err != nil {
		t.Fatalf("the manifest is written again: %v", err)
	}
	n.mustPut()
	n.restart()
	closeNode(t, n.Node)
}

func TestFailedWriteOfTheManifest(t *testing.T) {
	n := newFaultyNode(t)
	n.mustPut()
	// What the manifest says is in doubt after this, so the store stops.
	n.faults.set(once(func(op errorfs.Op) bool {
		return op.Kind == errorfs.OpFileWrite && strings.Contains(op.Path, "MANIFEST")
	}))
	if err := n.Checkpoint(testContext(t)); err == nil {
		t.Fatal("a checkpoint did not notice a failed sync")
	}
	if err := n.put(); !errors.Is(err, ErrFateUnknown) {
		t.Fatalf("after a failed store: %v", err)
	}
	halted := new(HaltedError)
	if err := n.put(); !errors.As(err, &halted) || errors.Is(err, ErrFateUnknown) {
		t.Fatalf("while halted: %v", err)
	}
	if stats := n.Shard(0).Stats(); stats.Halted == nil {
		t.Fatalf("%+v", stats)
	}
	closeNode(t, n.Node)
	n.Node = startNode(t, n.options)
	n.next-- // the second put was not appended
	n.recover(testContext(t))
	n.mustPut()
	n.restart()
	closeNode(t, n.Node)
}

// fullDisk makes everything fail that takes room.
func fullDisk(op errorfs.Op) error {
	switch op.Kind {
	case errorfs.OpCreate, errorfs.OpFileWrite, errorfs.OpFileWriteAt, errorfs.OpFilePreallocate, errorfs.OpMkdirAll:
		return syscall.ENOSPC
	}
	return nil
}

func TestFullDisk(t *testing.T) {
	n := newFaultyNode(t)
	n.mustPut()
	for range 3 {
		n.faults.set(fullDisk)
		if err := n.put(); err == nil || !IsDiskFull(err) {
			t.Fatalf("on a full disk: %v", err)
		}
		n.faults.set(nil)
		n.recover(testContext(t))
		for range 5 {
			n.mustPut()
		}
	}
	n.restart()
	closeNode(t, n.Node)
}

// TestFullDiskUnderTheSegments fills the disk for everything but the log, so
// that entries are committed that cannot be applied.
func TestFullDiskUnderTheSegments(t *testing.T) {
	n := newFaultyNode(t)
	n.mustPut()
	n.faults.set(func(op errorfs.Op) error {
		if strings.Contains(op.Path, "shard-0000/5-") {
			return fullDisk(op)
		}
		return nil
	})
	halted := new(HaltedError)
	if err := n.put(); !errors.Is(err, ErrFateUnknown) || !errors.As(err, &halted) || !IsDiskFull(err) {
		t.Fatalf("on a full disk: %v", err)
	}
	if _, err := n.Shard(0).Barrier(testContext(t)); !IsDiskFull(err) {
		t.Fatalf("barrier: %v", err)
	}
	n.faults.set(nil)
	n.recover(testContext(t))
	n.mustPut()
	n.restart()
	closeNode(t, n.Node)
}

// TestFullDiskUnderTheStore fills the disk while the store flushes: it waits.
func TestFullDiskUnderTheStore(t *testing.T) {
	n := newFaultyNode(t)
	n.mustPut()
	n.faults.set(fullDisk)
	flushed := make(chan error, 1)
	go func() { flushed <- n.Tables().Flush(testContext(t)) }()
	waitFor(t, func() bool { return n.CheckSpace() != nil })
	if err := n.CheckSpace(); !IsDiskFull(err) {
		t.Fatal(err)
	}
	n.faults.set(nil)
	if err := <-flushed; err != nil {
		t.Fatal(err)
	}
	n.recover(testContext(t))
	n.mustPut()
	// Closing does not wait for room.
	n.faults.set(fullDisk)
	go func() { flushed <- n.Tables().Flush(n.ctx) }()
	waitFor(t, func() bool { return n.CheckSpace() != nil })
	if err := n.Node.Close(); err != nil && !IsDiskFull(err) {
		t.Fatal(err)
	}
	if err := <-flushed; !errors.Is(err, ErrStopped) {
		t.Fatal(err)
	}
	n.faults.set(nil)
	n.Node = startNode(t, n.options)
	n.check()
	closeNode(t, n.Node)
}

func TestReserve(t *testing.T) {
	fs := vfs.NewMem()
	options := testOptions(t, fs, "data", 1)
	options.MinFreeBytes = 1000
	node := startNode(t, options)
	defer closeNode(t, node)
	if err := node.CheckSpace(); err != nil {
		t.Fatal(err)
	}
	fs.TestingSetDiskUsage(vfs.DiskUsage{AvailBytes: 999, TotalBytes: 2000, UsedBytes: 1001})
	full := new(DiskFullError)
	waitFor(t, func() bool { return node.CheckSpace() != nil })
	if err := node.CheckSpace(); !errors.As(err, &full) || full.Free != 999 || full.Reserve != 1000 {
		t.Fatal(err)
	}
	fs.TestingSetDiskUsage(vfs.DiskUsage{AvailBytes: 1000, TotalBytes: 2000, UsedBytes: 1000})
	waitFor(t, func() bool { return node.CheckSpace() == nil })
}

// TestRandomFailures lets a random few of all operations that change anything
// fail, while the node is written to and takes checkpoints, and cuts the power
// behind that. Nothing that was acknowledged is lost, what was not is there once
// or not at all, and the node works again by itself.
func TestRandomFailures(t *testing.T) {
	for seed := range uint64(4) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			n := newFaultyNode(t)
			var r struct {
				sync.Mutex
				*rand.Rand
			}
			r.Rand = rand.New(rand.NewPCG(seed, 4))
			when := rand.New(rand.NewPCG(seed, 6))
			failing := func(op errorfs.Op) error {
				if op.Kind.ReadOrWrite() == errorfs.OpIsRead || op.Kind == errorfs.OpFileClose {
					return nil
				}
				// A failed write of these is the end of the store.
				if strings.Contains(op.Path, "MANIFEST") && op.Kind == errorfs.OpFileWrite || strings.Contains(op.Path, "marker.") {
					return nil
				}
				r.Lock()
				defer r.Unlock()
				switch r.IntN(60) {
				case 0:
					return errFailed
				case 1:
					return syscall.ENOSPC
				}
				return nil
			}
			for round := range 4 {
				n.faults.set(failing)
				for range 30 {
					if n.put() != nil {
						n.recover(testContext(t))
					}
					if when.IntN(10) == 0 {
						_ = n.Checkpoint(testContext(t)) // may fail; entries must not be lost by it
					}
				}
				if round%2 == 1 {
					n.cutPower(int(seed)*33, rand.New(rand.NewPCG(seed, 5)))
				}
				n.faults.set(nil)
				waitFor(t, func() bool { return n.CheckSpace() == nil })
				n.recover(testContext(t))
				n.mustPut()
				if err := n.Checkpoint(testContext(t)); err != nil {
					t.Fatal(err)
				}
				n.mustPut()
				if round%2 == 0 {
					n.restart()
				}
			}
			closeNode(t, n.Node)
		})
	}
}
