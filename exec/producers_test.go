package exec

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"millrace/tables"
)

// TestProducersOutliveClocks: what producers have written last is remembered while it may be
// offered again, though the next leader's clock is days ahead, and is forgotten in the end.
func TestProducersOutliveClocks(t *testing.T) {
	store, err := tables.Open(tables.Options{FS: vfs.NewMem(), Dir: "tables", CacheBytes: 1 << 20, Logger: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = store.Close() }() // nothing is kept of it
	shard := store.Shard(0)
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	record := binary.AppendUvarint(binary.AppendUvarint(nil, 3), uint64(now.UnixMilli()))
	batch := shard.NewBatch()
	batch.Set(tables.AppendProducerKey(nil, 7), binary.AppendUvarint(record, uint64(fateWritten)))
	if err := batch.Commit(1); err != nil {
		t.Fatal(err)
	}
	c := &core{state: shard, producers: map[uint64]lastWrite{}}
	removed := func(now time.Time) int {
		t.Helper()
		tick := newTick(c, &tickInputs{now: now})
		tick.write.Reset(0, 0, 0)
		if err := tick.expireProducers(); err != nil {
			t.Fatal(err)
		}
		return tick.write.Len()
	}
	ahead := now.Add(30 * 24 * time.Hour)
	if n := removed(ahead); n != 0 {
		t.Error("a leader whose clock is ahead forgets what was written a moment ago")
	}
	if n := removed(ahead.Add(59 * time.Minute)); n != 0 {
		t.Error("forgotten before the leader has led for an hour")
	}
	if n := removed(ahead.Add(61 * time.Minute)); n != 1 {
		t.Errorf("%d are forgotten after a month, want 1", n)
	}
}
