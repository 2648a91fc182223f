package cluster

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"millrace/log"
)

// keyedEntry is an entry that appends one row of a key.
func keyedEntry(t *testing.T, shard *Shard, base, object uint64, key, value string) log.Entry {
	t.Helper()
	var b log.BatchBuilder
	b.Append(1_700_000_000_000, []byte(key), []byte(value))
	batch := bytes.Clone(b.Finish(-1, -1, -1, log.CompressionNone))
	log.SetBaseOffset(batch, nextOffset(t, shard, object))
	return log.Entry{BaseIndex: base, Appends: []log.Append{{Object: object, Batch: batch}}}
}

// TestCompactor carries out a compaction that an entry asks for, once a snapshot has
// the segments, and leaves the same after each way of starting again.
func TestCompactor(t *testing.T) {
	const object, keys, rows = 1, 5, 400
	fs := vfs.NewMem()
	options := testOptions(t, fs, "data", 1)
	options.SegmentBytes = 2 << 10
	node := startNode(t, options)
	shard := node.Shard(0)
	base := uint64(0)
	for i := range rows {
		base = propose(t, shard, keyedEntry(t, shard, base, object, fmt.Sprint("key ", i%keys), fmt.Sprint("value ", i)))
	}
	p, err := shard.Partition(object)
	if err != nil {
		t.Fatal(err)
	}
	before := p.CompactionOffset(p.NextOffset())
	if before == 0 {
		t.Fatal("there is nothing to compact")
	}
	check := func() {
		t.Helper()
		if err := p.Verify(); err != nil {
			t.Fatal(err)
		}
		values := partitionValues(t, shard, object)
		if want := rows - int(before) + keys; len(values) != want || values[len(values)-1] != fmt.Sprint("value ", rows-1) {
			t.Fatalf("%d values, want %d: %q", len(values), want, values)
		}
		if p.NextOffset() != rows {
			t.Fatalf("the next offset is %d, want %d", p.NextOffset(), rows)
		}
	}
	propose(t, shard, log.Entry{BaseIndex: base, Compacts: []log.Compact{{Object: object, Before: before}}})
	waitFor(t, func() bool { return node.compactor.count.Load() == 1 })
	check()
	if node.compactor.removedRows.Load() != before-keys || node.compactor.removedBytes.Load() <= 0 || node.compactor.failures.Load() != 0 {
		t.Errorf("%d rows and %d bytes removed, %d failures", node.compactor.removedRows.Load(), node.compactor.removedBytes.Load(), node.compactor.failures.Load())
	}
	for range 2 {
		closeNode(t, node)
		node = startNode(t, options)
		shard = node.Shard(0)
		if p, err = shard.Partition(object); err != nil {
			t.Fatal(err)
		}
		check()
		if err := node.Checkpoint(testContext(t)); err != nil {
			t.Fatal(err)
		}
	}
	closeNode(t, node)
}
