package log

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"pgregory.net/rapid"
)

// keyedRecord is a record of a model.
type keyedRecord struct {
	offset, timestamp int64
	key, value        string
	keyless           bool
	tombstone         bool
}

// keyedBatch builds a batch of records, whose offsets follow each other.
func keyedBatch(records []keyedRecord, epoch int32, compression Compression) []byte {
	var b BatchBuilder
	for _, r := range records {
		key, headers := []byte(r.key), []RecordHeader(nil)
		if r.keyless {
			key = nil
		}
		if r.tombstone {
			headers = append(headers, RecordHeader{Key: TombstoneHeader})
		}
		b.Append(r.timestamp, key, []byte(r.value), headers...)
	}
	batch := b.Finish(-1, -1, -1, compression)
	SetBaseOffset(batch, records[0].offset)
	SetLeaderEpoch(batch, epoch)
	return batch
}

// compacted is what a compaction must leave of records.
func compacted(records []keyedRecord, before, tombstonesBefore int64) []keyedRecord {
	last := map[string]int64{}
	for _, r := range records {
		if !r.keyless && r.offset < before {
			last[r.key] = r.offset
		}
	}
	return slices.DeleteFunc(slices.Clone(records), func(r keyedRecord) bool {
		return !r.keyless && r.offset < before && (last[r.key] != r.offset || r.tombstone && r.timestamp < tombstonesBefore)
	})
}

// readKeyed reads a partition in pieces, checking that no offset is left out
// between batches.
func readKeyed(p *Partition, from int64, maxBytes int) (records []keyedRecord, err error) {
	for from < p.NextOffset() {
		data, err := p.Read(from, maxBytes, nil)
		if err != nil {
			return nil, err
		}
		for len(data) > 0 {
			batch, rest, err := ParseBatch(data)
			if err != nil {
				return nil, err
			}
			if batch.BaseOffset > from {
				return nil, fmt.Errorf("no batch has offset %d", from)
			}
			it := batch.Records()
			for it.Next() {
				r := it.Record()
				if r.Offset < from {
					continue
				}
				tombstone, err := r.tombstone()
				if err != nil {
					return nil, err
				}
				records = append(records, keyedRecord{
					offset: r.Offset, timestamp: r.Timestamp, key: string(r.Key), value: string(r.Value), keyless: r.Key == nil, tombstone: tombstone,
				})
			}
			if it.Err() != nil {
				return nil, it.Err()
			}
			data, from = rest, batch.NextOffset()
		}
	}
	return records, nil
}

// TestCompactionProperty compares compactions of random records with a model, with
// readers of random places, and after opening again.
func TestCompactionProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		fs := vfs.NewMem()
		options := testPartitionOptions(fs)
		options.SegmentBytes = rapid.SampledFrom([]int64{600, 2000, 8000}).Draw(t, "segment bytes")
		p, err := OpenPartition(options, SyncedEnd{})
		check := func(err error) {
			if err != nil {
				t.Fatal(err)
			}
		}
		check(err)
		keys := rapid.IntRange(1, 60).Draw(t, "keys")
		var want []keyedRecord
		next := int64(0)
		for step := range rapid.IntRange(1, 12).Draw(t, "steps") {
			for range rapid.IntRange(0, 40).Draw(t, "batches") {
				var batch []keyedRecord
				for range rapid.IntRange(1, 5).Draw(t, "records") {
					r := keyedRecord{
						offset: next, timestamp: rapid.Int64Range(0, 1000).Draw(t, "timestamp"),
						key: fmt.Sprint("k", rapid.IntRange(0, keys).Draw(t, "key")), value: fmt.Sprint("value ", next),
						tombstone: rapid.IntRange(0, 5).Draw(t, "tombstone") == 0,
					}
					if r.keyless = rapid.IntRange(0, 9).Draw(t, "keyless") == 0; r.keyless {
						r.key = ""
					}
					batch = append(batch, r)
					next++
				}
				compression := rapid.SampledFrom([]Compression{CompressionNone, CompressionLZ4}).Draw(t, "compression")
				check(p.Append(keyedBatch(batch, int32(step), compression)))
				want = append(want, batch...)
			}
			if rapid.IntRange(0, 4).Draw(t, "truncate") == 0 {
				start := rapid.Int64Range(p.StartOffset(), next).Draw(t, "start")
				check(p.TruncateBefore(start))
				want = slices.DeleteFunc(want, func(r keyedRecord) bool { return r.offset < start })
			}
			end, err := p.Sync()
			check(err)
			c := Compaction{
				Before:           rapid.Int64Range(0, end.SegmentBase).Draw(t, "before"),
				TombstonesBefore: rapid.Int64Range(0, 1000).Draw(t, "tombstones before"),
				MaxKeys:          rapid.SampledFrom([]int{1, 3, 20, 1000}).Draw(t, "max keys"),
			}
			clean := p.CompactedBefore()
			result, err := p.Compact(t.Context(), c)
			check(err)
			if result.Done > clean {
				// Tombstones go when other records do.
				want = compacted(want, result.Done, c.TombstonesBefore)
			}
			check(p.Verify())
			if rapid.Bool().Draw(t, "open again") {
				check(p.Close())
				p, err = OpenPartition(options, end)
				check(err)
			}
			if got := p.Records(); p.StartOffset() == 0 && got != int64(len(want)) {
				t.Fatalf("%d records, want %d", got, len(want))
			}
			from := rapid.Int64Range(p.StartOffset(), next).Draw(t, "from")
			got, err := readKeyed(p, from, rapid.IntRange(1, 5000).Draw(t, "max bytes"))
			check(err)
			if rest := slices.DeleteFunc(slices.Clone(want), func(r keyedRecord) bool { return r.offset < from }); !slices.Equal(got, rest) {
				t.Fatalf("read from %d after compaction before %d (done %d):\n%v\nwant\n%v", from, c.Before, result.Done, got, rest)
			}
			timestamp := rapid.Int64Range(0, 1000).Draw(t, "at timestamp")
			offset, err := p.OffsetForTimestamp(timestamp)
			check(err)
			first := next
			if i := slices.IndexFunc(want, func(r keyedRecord) bool { return r.timestamp >= timestamp }); i >= 0 {
				first = want[i].offset
			}
			if offset != first {
				t.Fatalf("time %d is at offset %d, want %d", timestamp, offset, first)
			}
		}
		check(p.Close())
	})
}

// compactionHistory is a shard's log of keyed records and its last snapshot.
type compactionHistory struct {
	rng     *rand.Rand
	records []keyedRecord
	batches [][]byte
	// synced and applied are the snapshot.
	synced  SyncedEnd
	applied int
	// asked is the largest offset that a compaction was asked for.
	asked int64
}

// TestCompactionCrash cuts the power at random file operations of appends, syncs and
// compactions, opens the partition at the last snapshot and applies the log.
func TestCompactionCrash(t *testing.T) {
	eachCrash(t, 5, 200, func(t *testing.T, rng *rand.Rand) crashing { return &compactionHistory{rng: rng} })
}

func (h *compactionHistory) snapshot() SyncedEnd { return h.synced }
func (h *compactionHistory) segmentBytes() int64 { return 700 }

func (h *compactionHistory) run(p *Partition, point *crashPoint) error {
	for _, batch := range h.batches[h.applied:] {
		if err := p.Append(batch); err != nil {
			return err
		}
	}
	if err := h.check(p); err != nil {
		return err
	}
	for {
		var err error
		switch h.rng.IntN(12) {
		case 0:
			applied := len(h.batches)
			var end SyncedEnd
			if end, err = p.Sync(); err == nil {
				if clone, _ := point.crashed(); clone == nil {
					h.synced, h.applied = end, applied
				}
			}
		case 1:
			h.asked = max(h.asked, h.synced.SegmentBase)
			_, err = p.Compact(context.Background(), Compaction{Before: h.synced.SegmentBase, MaxKeys: 1 + h.rng.IntN(20)})
		default:
			var batch []keyedRecord
			for range 1 + h.rng.IntN(4) {
				offset := int64(len(h.records))
				r := keyedRecord{offset: offset, timestamp: offset, key: fmt.Sprint("k", h.rng.IntN(25)), value: fmt.Sprint("value ", offset)}
				batch, h.records = append(batch, r), append(h.records, r)
			}
			h.batches = append(h.batches, keyedBatch(batch, int32(len(h.records)/40), CompressionNone))
			err = p.Append(h.batches[len(h.batches)-1])
		}
		if clone, _ := point.crashed(); clone != nil || err != nil {
			return err
		}
	}
}

// check verifies that a partition, to which the whole log has been applied, has
// every record that compaction must keep and no other than there were.
func (h *compactionHistory) check(p *Partition) error {
	got, err := readKeyed(p, 0, 400)
	if err != nil {
		return err
	}
	for _, r := range got {
		if h.records[r.offset] != r {
			return fmt.Errorf("record %v was %v", r, h.records[r.offset])
		}
	}
	for _, must := range compacted(h.records, h.asked, math.MinInt64) {
		if !slices.Contains(got, must) {
			return fmt.Errorf("record %v is missing", must)
		}
	}
	keys := map[string]bool{}
	for _, r := range got {
		if r.offset < p.CompactedBefore() && keys[r.key] {
			return fmt.Errorf("before offset %d there are two records of key %q", p.CompactedBefore(), r.key)
		}
		keys[r.key] = true
	}
	return p.Verify()
}

// TestCompactionBesideReaders compacts while rows are appended, read and dropped.
func TestCompactionBesideReaders(t *testing.T) {
	fs := vfs.NewMem()
	p := testPartition(t, fs, SyncedEnd{})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	failed := make(chan error, 3)
	go func() {
		for ctx.Err() == nil {
			got, err := readKeyed(p, p.StartOffset(), 300)
			var gone *OffsetOutOfRangeError
			if errors.As(err, &gone) {
				continue
			}
			if err == nil && !slices.IsSortedFunc(got, func(a, b keyedRecord) int { return int(a.offset - b.offset) }) {
				err = errors.New("records are not in order")
			}
			if err == nil {
				_, err = p.OffsetForTimestamp(int64(len(got)))
			}
			if err == nil {
				err = p.Verify()
			}
			if err != nil {
				failed <- fmt.Errorf("reading: %w", err)
				return
			}
		}
		failed <- nil
	}()
	synced := make(chan int64, 1)
	go func() {
		for before := range synced {
			if _, err := p.Compact(ctx, Compaction{Before: before}); err != nil && ctx.Err() == nil {
				failed <- fmt.Errorf("compacting: %w", err)
				return
			}
		}
		failed <- nil
	}()
	rng := rand.New(rand.NewPCG(1, 2))
	for offset := int64(0); offset < 6000; offset++ {
		must(t, p.Append(keyedBatch([]keyedRecord{{offset: offset, timestamp: offset, key: fmt.Sprint(rng.IntN(50)), value: "v"}}, 1, CompressionNone)))
		if offset%100 == 0 {
			end, err := p.Sync()
			must(t, err)
			select {
			case synced <- end.SegmentBase:
			default:
			}
		}
		if offset%1000 == 999 {
			must(t, p.TruncateBefore(p.StartOffset()+rng.Int64N(300)))
		}
	}
	close(synced)
	must(t, <-failed)
	cancel()
	must(t, <-failed)
	end, err := p.Sync()
	must(t, err)
	_, err = p.Compact(t.Context(), Compaction{Before: end.SegmentBase})
	must(t, err)
	if n := p.Records(); n > 250 {
		t.Errorf("%d records are left of 50 keys", n)
	}
}

// TestCompactionOffset asks for compaction when half of the rows are new.
func TestCompactionOffset(t *testing.T) {
	p := testPartition(t, vfs.NewMem(), SyncedEnd{})
	appendUntil := func(segments int) {
		for len(p.Segments()) <= segments {
			must(t, p.Append(offsetBatch(p.NextOffset(), 3, 0)))
		}
	}
	if got := p.CompactionOffset(math.MaxInt64); got != 0 {
		t.Errorf("an empty partition is to be compacted before %d", got)
	}
	appendUntil(4)
	end, err := p.Sync()
	must(t, err)
	if got := p.CompactionOffset(math.MaxInt64); got != end.SegmentBase {
		t.Errorf("compaction before %d, want %d", got, end.SegmentBase)
	}
	if got, want := p.CompactionOffset(p.Segments()[2].BaseOffset+1), p.Segments()[2].BaseOffset; got != want {
		t.Errorf("behind a slow reader: compaction before %d, want %d", got, want)
	}
	result, err := p.Compact(t.Context(), Compaction{Before: end.SegmentBase})
	must(t, err)
	if result.Done != end.SegmentBase || result.Records != 0 || p.CompactedBefore() != end.SegmentBase {
		t.Errorf("compacted: %+v", result)
	}
	if got := p.CompactionOffset(math.MaxInt64); got != 0 {
		t.Errorf("a compacted partition is to be compacted before %d", got)
	}
	appendUntil(len(p.Segments()) + 1)
	if got := p.CompactionOffset(math.MaxInt64); got != 0 {
		t.Errorf("with little that is new, compaction before %d", got)
	}
	appendUntil(len(p.Segments()) + 3)
	if got := p.CompactionOffset(math.MaxInt64); got == 0 {
		t.Error("with much that is new there is no compaction")
	}
}

// TestCompactionInDoubt checks that a compaction whose end failed loses nothing and
// is settled by opening.
func TestCompactionInDoubt(t *testing.T) {
	fail := &errorfs.Toggle{Injector: errorfs.InjectorFunc(func(op errorfs.Op) error {
		if op.Kind == errorfs.OpRename {
			return errorfs.ErrInjected
		}
		return nil
	})}
	fs := vfs.NewMem()
	options := testPartitionOptions(errorfs.Wrap(fs, fail))
	p, err := OpenPartition(options, SyncedEnd{})
	must(t, err)
	for offset := range int64(300) {
		must(t, p.Append(keyedBatch([]keyedRecord{{offset: offset, key: fmt.Sprint(offset % 7), value: "v"}}, 1, CompressionNone)))
	}
	end, err := p.Sync()
	must(t, err)
	content, err := readAll(p, 0, 1000)
	must(t, err)
	fail.On()
	if _, err := p.Compact(t.Context(), Compaction{Before: end.SegmentBase}); !errors.Is(err, errorfs.ErrInjected) {
		t.Fatal(err)
	}
	fail.Off()
	if _, err := p.Compact(t.Context(), Compaction{Before: end.SegmentBase}); !errors.Is(err, errorfs.ErrInjected) {
		t.Fatal("compacted while it is in doubt what counts:", err)
	}
	if again, err := readAll(p, 0, 1000); err != nil || !bytes.Equal(again, content) {
		t.Fatal("rows differ after a failed compaction", err)
	}
	must(t, p.Close())
	p, err = OpenPartition(options, end)
	must(t, err)
	result, err := p.Compact(t.Context(), Compaction{Before: end.SegmentBase})
	must(t, err)
	if result.Done != end.SegmentBase || result.Records == 0 {
		t.Errorf("compacted: %+v", result)
	}
	if names, err := fs.List(options.Dir); err != nil || len(names) > 2*len(p.Segments())+1 {
		t.Errorf("files are left: %v (%v)", names, err)
	}
}
