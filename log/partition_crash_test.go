package log

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

// partitionOperation is one entry of a test's shard log.
type partitionOperation struct {
	batch    []byte
	truncate int64
}

// apply runs an operation, as a replica does.
func (o partitionOperation) apply(p *Partition) error {
	if o.batch != nil {
		return p.Append(o.batch)
	}
	return p.TruncateBefore(o.truncate)
}

// partitionHistory is a shard's log and its last snapshot.
type partitionHistory struct {
	rng *rand.Rand
	// operations are durable: this is what the write-ahead log holds.
	operations  []partitionOperation
	next, start int64
	// content is every batch that was ever appended.
	content []byte
	// synced and applied are the snapshot: an extent and the number of
	// operations it covers.
	synced  SyncedEnd
	applied int
}

// draw adds a random operation to the log.
func (h *partitionHistory) draw() partitionOperation {
	var o partitionOperation
	if h.rng.IntN(12) == 0 {
		h.start += h.rng.Int64N(h.next - h.start + 1)
		o.truncate = h.start
	} else {
		count := 1 + h.rng.IntN(6)
		o.batch = offsetBatch(h.next, count, int32(h.next/30))
		h.next += int64(count)
		h.content = append(h.content, o.batch...)
	}
	h.operations = append(h.operations, o)
	return o
}

// check verifies that a partition, to which all operations have been applied,
// holds what it must.
func (h *partitionHistory) check(p *Partition) error {
	if p.StartOffset() != h.start || p.NextOffset() != h.next {
		return fmt.Errorf("offsets [%d, %d), want [%d, %d)", p.StartOffset(), p.NextOffset(), h.start, h.next)
	}
	got, err := readAll(p, h.start, 500)
	if err != nil {
		return err
	}
	if !bytes.HasSuffix(h.content, got) {
		return errors.New("the batches differ")
	}
	return p.Verify()
}

// TestPartitionCrash cuts the power at random file operations, during appends,
// the closing of segments, syncs and truncations, opens the partition at the
// last snapshot and applies the log, several times in a row.
func TestPartitionCrash(t *testing.T) {
	eachCrash(t, 99, 150, func(t *testing.T, rng *rand.Rand) crashing { return &partitionHistory{rng: rng} })
}

// crashing is a shard's log that is applied to a partition until the power is cut.
type crashing interface {
	// snapshot is the last one, and segmentBytes the size of the partition's segments.
	snapshot() SyncedEnd
	segmentBytes() int64
	// run applies the log from the snapshot on, and goes on until the crash. A failed
	// operation ends it, too.
	run(p *Partition, point *crashPoint) error
}

// eachCrash cuts the power at one of the next file operations, up to most, several
// times in a row for each seed.
func eachCrash(t *testing.T, stream uint64, most int, begin func(t *testing.T, rng *rand.Rand) crashing) {
	for seed := range crashSeeds() {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(uint64(seed), stream))
			history := begin(t, rng)
			fs := vfs.NewCrashableMem()
			for range 5 {
				point := &crashPoint{
					fs: fs, rng: rng, n: 1 + rng.IntN(most),
					percent: []int{0, 20, 50, 80, 100}[rng.IntN(5)], failEvery: []int{0, 0, 25}[rng.IntN(3)],
				}
				fs = applyUntilCrash(t, history, point)
			}
		})
	}
}

// applyUntilCrash opens the partition at the last snapshot, applies the log, goes
// on until the crash and returns the file system after it. A failed operation
// ends the process too, as it stops the shard.
func applyUntilCrash(t *testing.T, history crashing, point *crashPoint) *vfs.MemFS {
	t.Helper()
	fs := errorfs.Wrap(point.fs, point)
	for {
		options := testPartitionOptions(fs)
		options.SegmentBytes = history.segmentBytes()
		p, err := OpenPartition(options, history.snapshot())
		if err == nil {
			err = history.run(p, point)
			_ = p.Close()
		}
		if clone, _ := point.crashed(); clone != nil {
			return clone
		}
		if !errors.Is(err, errorfs.ErrInjected) {
			t.Fatal(err)
		}
	}
}

func (h *partitionHistory) snapshot() SyncedEnd { return h.synced }
func (h *partitionHistory) segmentBytes() int64 { return 1500 }

// run applies the log and then new operations, with a snapshot now and then.
func (h *partitionHistory) run(p *Partition, point *crashPoint) error {
	for _, o := range h.operations[h.applied:] {
		if err := o.apply(p); err != nil {
			return err
		}
	}
	if err := h.check(p); err != nil {
		return err
	}
	for {
		var err error
		if h.rng.IntN(8) == 0 {
			applied := len(h.operations)
			var end SyncedEnd
			if end, err = p.Sync(); err == nil {
				if clone, _ := point.crashed(); clone == nil {
					h.synced, h.applied = end, applied
				}
			}
		} else if o := h.draw(); err == nil {
			err = o.apply(p)
		}
		if clone, _ := point.crashed(); clone != nil || err != nil {
			return err
		}
	}
}

// TestPartitionFailedSync checks that nothing is built on pages in an unknown
// state.
func TestPartitionFailedSync(t *testing.T) {
	fail := &errorfs.Toggle{Injector: errorfs.InjectorFunc(func(op errorfs.Op) error {
		if op.Kind == errorfs.OpFileSyncData {
			return errorfs.ErrInjected
		}
		return nil
	})}
	fs := vfs.NewMem()
	p := testPartition(t, errorfs.Wrap(fs, fail), SyncedEnd{})
	must(t, p.Append(offsetBatch(0, 5, 0)))
	end, err := p.Sync()
	must(t, err)
	must(t, p.Append(offsetBatch(5, 5, 0)))
	fail.On()
	if _, err := p.Sync(); !errors.Is(err, errorfs.ErrInjected) {
		t.Fatal(err)
	}
	fail.Off()
	if _, err := p.Sync(); !errors.Is(err, errorfs.ErrInjected) {
		t.Fatal("synced after a failed sync:", err)
	}
	if err := p.Append(offsetBatch(10, 5, 0)); !errors.Is(err, errorfs.ErrInjected) {
		t.Fatal("appended after a failed sync:", err)
	}
	must(t, p.Close())
	p = testPartition(t, fs, end)
	must(t, p.Append(offsetBatch(5, 5, 0)))
	_, err = p.Sync()
	must(t, err)
}

// TestPartitionFailedWrite checks that an append can be repeated after the disk
// was full.
func TestPartitionFailedWrite(t *testing.T) {
	for _, kind := range []errorfs.OpKind{errorfs.OpFileWriteAt, errorfs.OpFileWrite, errorfs.OpCreate, errorfs.OpOpen} {
		full := &errorfs.Toggle{Injector: errorfs.InjectorFunc(func(op errorfs.Op) error {
			if op.Kind == kind {
				return errorfs.ErrInjected
			}
			return nil
		})}
		fs := vfs.NewMem()
		p := testPartition(t, errorfs.Wrap(fs, full), SyncedEnd{})
		var want []byte
		failures := 0
		for base := int64(0); base < 300; base += 5 {
			batch := offsetBatch(base, 5, 0)
			full.On()
			err := p.Append(batch)
			full.Off()
			if err != nil {
				failures++
				must(t, p.Append(batch))
			}
			want = append(want, batch...)
		}
		got, err := readAll(p, 0, 1000)
		if err != nil || !bytes.Equal(got, want) || failures == 0 {
			t.Errorf("operation %v: %d failures, error %v", kind, failures, err)
		}
		must(t, p.Verify())
	}
}
