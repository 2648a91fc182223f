package log

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

// testPartition opens a partition with small segments.
func testPartition(t testing.TB, fs vfs.FS, synced SyncedEnd) *Partition {
	t.Helper()
	p, err := OpenPartition(testPartitionOptions(fs), synced)
	must(t, err)
	return p
}

func testPartitionOptions(fs vfs.FS) PartitionOptions {
	return PartitionOptions{
		FS: fs, Dir: "/data/stream", Files: NewFileCache(fs, 2), SegmentBytes: 2000, IndexIntervalBytes: 300, Logger: quiet(),
	}
}

// offsetBatch builds a batch of count records at an offset; timestamps are ten
// times the offset, values tell the offset.
func offsetBatch(base int64, count int, epoch int32) []byte {
	var b BatchBuilder
	for i := range int64(count) {
		offset := base + i
		b.Append(offset*10, fmt.Appendf(nil, "key %d", offset), fmt.Appendf(nil, "value of %d", offset))
	}
	batch := b.Finish(-1, -1, -1, CompressionNone)
	SetBaseOffset(batch, base)
	SetLeaderEpoch(batch, epoch)
	return batch
}

// fill appends batches of 1 to 5 records up to an offset and returns them all.
func fill(t testing.TB, p *Partition, rng *rand.Rand, until int64) (all []byte) {
	t.Helper()
	for p.NextOffset() < until {
		base := p.NextOffset()
		batch := offsetBatch(base, int(min(1+rng.Int64N(5), until-base)), int32(base/50))
		must(t, p.Append(batch))
		all = append(all, batch...)
	}
	return all
}

// readAll reads a partition from an offset to the end.
func readAll(p *Partition, from int64, maxBytes int) (all []byte, err error) {
	var buf []byte
	for {
		batches, err := p.Read(from, maxBytes, buf)
		if err != nil {
			return nil, err
		}
		if len(batches) == 0 {
			return all, nil
		}
		all = append(all, batches...)
		for rest := batches; len(rest) > 0; {
			var batch Batch
			if batch, rest, err = ParseBatch(rest); err != nil {
				return nil, err
			}
			from = batch.NextOffset()
		}
		buf = batches
	}
}

func TestPartitionAppendAndRead(t *testing.T) {
	fs := vfs.NewMem()
	rng := rand.New(rand.NewPCG(1, 2))
	p := testPartition(t, fs, SyncedEnd{})
	want := fill(t, p, rng, 500)
	if p.StartOffset() != 0 || p.NextOffset() != 500 || p.Size() != int64(len(want)) || len(p.Segments()) < 5 {
		t.Fatalf("[%d, %d) in %d bytes and %d segments", p.StartOffset(), p.NextOffset(), p.Size(), len(p.Segments()))
	}
	check := func(p *Partition) {
		t.Helper()
		for _, maxBytes := range []int{0, 100, 700, 1 << 20} {
			got, err := readAll(p, 0, maxBytes)
			if err != nil || !bytes.Equal(got, want) {
				t.Fatalf("read %d bytes of %d, error %v", len(got), len(want), err)
			}
		}
		for offset := int64(0); offset < 500; offset++ {
			batches, err := p.Read(offset, 1, nil)
			must(t, err)
			batch, rest, err := ParseBatch(batches)
			if err != nil || len(rest) != 0 || batch.BaseOffset > offset || batch.NextOffset() <= offset {
				t.Fatalf("offset %d: batch [%d, %d), rest %d, error %v", offset, batch.BaseOffset, batch.NextOffset(), len(rest), err)
			}
		}
		must(t, p.Verify())
		if open := p.options.Files.Open(); open > 2 {
			t.Errorf("%d files open", open)
		}
	}
	check(p)
	end, err := p.Sync()
	must(t, err)
	if end != p.End() {
		t.Fatalf("synced %+v, end %+v", end, p.End())
	}
	must(t, p.Close())
	p = testPartition(t, fs, end)
	check(p)

	// What is applied again changes nothing, and a gap is refused.
	must(t, p.Append(want))
	check(p)
	var gap *OffsetGapError
	if err := p.Append(offsetBatch(501, 1, 0)); !errors.As(err, &gap) || gap.Next != 500 {
		t.Fatal(err)
	}
	if err := p.Append(offsetBatch(499, 2, 0)); !errors.As(err, &gap) {
		t.Fatal(err)
	}
	var outside *OffsetOutOfRangeError
	for _, offset := range []int64{-1, 501} {
		if _, err := p.Read(offset, 1, nil); !errors.As(err, &outside) || outside.Next != 500 {
			t.Fatal(err)
		}
	}
	must(t, p.Close())
	if _, err := p.Read(0, 1, nil); !errors.Is(err, ErrClosed) {
		t.Fatal(err)
	}
}

// TestPartitionCutsBehindSyncedEnd opens at every recorded end in turn.
func TestPartitionCutsBehindSyncedEnd(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 2))
	fs := vfs.NewMem()
	p := testPartition(t, fs, SyncedEnd{})
	var ends []SyncedEnd
	var lengths []int
	var want []byte
	for p.NextOffset() < 300 {
		want = append(want, fill(t, p, rng, p.NextOffset()+7)...)
		end, err := p.Sync()
		must(t, err)
		ends, lengths = append(ends, end), append(lengths, len(want))
	}
	must(t, p.Close())
	for i := len(ends) - 1; i >= 0; i-- {
		p := testPartition(t, fs, ends[i])
		got, err := readAll(p, 0, 1000)
		if err != nil || !bytes.Equal(got, want[:lengths[i]]) {
			t.Fatalf("at end %+v: read %d bytes of %d, error %v", ends[i], len(got), lengths[i], err)
		}
		// The log is applied again behind the end, over what was there.
		must(t, p.Append(want))
		got, err = readAll(p, 0, 1000)
		if err != nil || !bytes.Equal(got, want) {
			t.Fatalf("at end %+v and on: read %d bytes of %d, error %v", ends[i], len(got), len(want), err)
		}
		must(t, p.Verify())
		must(t, p.Close())
	}
	p = testPartition(t, fs, SyncedEnd{})
	if p.NextOffset() != 0 || p.Size() != 0 {
		t.Fatal("not empty at the zero end")
	}
	if names, err := fs.List("/data/stream"); err != nil || len(names) != 0 {
		t.Fatal(names, err)
	}
}

func TestPartitionOffsetForTimestamp(t *testing.T) {
	fs := vfs.NewMem()
	rng := rand.New(rand.NewPCG(3, 3))
	p := testPartition(t, fs, SyncedEnd{})
	// Timestamps go up and down; the oracle is a linear search.
	var timestamps []int64
	var b BatchBuilder
	for len(timestamps) < 400 {
		b.Reset()
		base := int64(len(timestamps))
		for range 1 + rng.IntN(4) {
			ts := int64(len(timestamps))*5 + rng.Int64N(200)
			timestamps = append(timestamps, ts)
			b.Append(ts, nil, make([]byte, 40))
		}
		batch := b.Finish(-1, -1, -1, allCompressions[rng.IntN(len(allCompressions))])
		SetBaseOffset(batch, base)
		must(t, p.Append(batch))
	}
	for _, start := range []int64{0, 33, 210, 399} {
		must(t, p.TruncateBefore(start))
		for ts := int64(-1); ts < 2300; ts += 13 {
			want := p.NextOffset()
			for offset := start; offset < int64(len(timestamps)); offset++ {
				if timestamps[offset] >= ts {
					want = offset
					break
				}
			}
			if got, err := p.OffsetForTimestamp(ts); err != nil || got != want {
				t.Fatalf("start %d, timestamp %d: offset %d, want %d, error %v", start, ts, got, want, err)
			}
		}
	}
}

func TestPartitionRetention(t *testing.T) {
	fs := vfs.NewMem()
	rng := rand.New(rand.NewPCG(4, 4))
	p := testPartition(t, fs, SyncedEnd{})
	want := fill(t, p, rng, 500)
	if offset := p.RetentionOffset(1<<40, -1, -1); offset != 0 {
		t.Errorf("without limits: %d", offset)
	}
	segments := p.Segments()
	if offset := p.RetentionOffset(0, -1, p.Size()-segments[0].Bytes); offset != segments[0].NextOffset {
		t.Errorf("by size: %d, the first segment ends at %d", offset, segments[0].NextOffset)
	}
	if offset := p.RetentionOffset(segments[1].MaxTimestamp+1+1000, 1000, -1); offset != segments[1].NextOffset {
		t.Errorf("by age: %d, the second segment ends at %d", offset, segments[1].NextOffset)
	}
	end, err := p.Sync()
	must(t, err)

	// In the middle of a segment, then of another, then everything.
	for _, start := range []int64{segments[0].NextOffset - 1, segments[2].NextOffset + 1, 499, 500} {
		must(t, p.TruncateBefore(start))
		must(t, p.TruncateBefore(start-1)) // no way back
		if p.StartOffset() != start {
			t.Fatalf("start %d, want %d", p.StartOffset(), start)
		}
		var outside *OffsetOutOfRangeError
		if _, err := p.Read(start-1, 1, nil); !errors.As(err, &outside) || outside.Start != start {
			t.Fatal(err)
		}
		got, err := readAll(p, start, 1000)
		if err != nil || !bytes.HasSuffix(want, got) {
			t.Fatal(len(got), err)
		}
		if s := p.Segments(); len(s) > 0 && s[0].NextOffset <= start {
			t.Fatalf("start %d, first segment %+v", start, s[0])
		}
	}
	must(t, p.Append(offsetBatch(500, 3, 9)))
	if err := p.TruncateBefore(504); err == nil {
		t.Error("truncated beyond the end")
	}
	must(t, p.Close())

	// Opened at the end from before, the removed segments are not missing.
	p = testPartition(t, fs, end)
	if p.StartOffset() != 500 || p.NextOffset() != 500 {
		t.Fatalf("[%d, %d)", p.StartOffset(), p.NextOffset())
	}
	must(t, p.Append(offsetBatch(500, 3, 9)))
	must(t, p.Verify())
}

// TestPartitionMissingFiles removes each file of a synced partition in turn.
func TestPartitionMissingFiles(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	build := func() (*vfs.MemFS, SyncedEnd) {
		fs := vfs.NewMem()
		p := testPartition(t, fs, SyncedEnd{})
		fill(t, p, rng, 200)
		end, err := p.Sync()
		must(t, err)
		must(t, p.Close())
		return fs, end
	}
	fs, _ := build()
	names, err := fs.List("/data/stream")
	must(t, err)
	for i := range names {
		fs, end := build()
		names, err := fs.List("/data/stream")
		must(t, err)
		must(t, fs.Remove("/data/stream/"+names[i]))
		var damage *CorruptionError
		if _, err := OpenPartition(testPartitionOptions(fs), end); !errors.As(err, &damage) {
			t.Errorf("without %s: %v", names[i], err)
		}
	}
}

// TestPartitionSyncIsCheap counts what Sync does when nothing has changed.
func TestPartitionSyncIsCheap(t *testing.T) {
	mem := vfs.NewMem()
	syncs := 0
	fs := errorfs.Wrap(mem, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if op.Kind == errorfs.OpFileSync || op.Kind == errorfs.OpFileSyncData {
			syncs++
		}
		return nil
	}))
	p := testPartition(t, fs, SyncedEnd{})
	expect := func(p *Partition, want int) (end SyncedEnd) {
		t.Helper()
		syncs = 0
		end, err := p.Sync()
		if err != nil || syncs != want {
			t.Fatalf("%d syncs, want %d, error %v", syncs, want, err)
		}
		return end
	}
	expect(p, 0)
	must(t, p.Append(offsetBatch(0, 5, 0)))
	expect(p, 3) // the segment, its directory and the one above
	expect(p, 0)
	must(t, p.Append(offsetBatch(5, 5, 0)))
	end := expect(p, 1)
	must(t, p.Close())
	p = testPartition(t, fs, end)
	expect(p, 0)
	for len(p.Segments()) < 2 {
		must(t, p.Append(offsetBatch(p.NextOffset(), 5, 0)))
	}
	expect(p, 4) // two segments, an index, the directory
}

// TestPartitionOnDisk goes through files of the operating system, with many
// partitions and few open files.
func TestPartitionOnDisk(t *testing.T) {
	dir := t.TempDir()
	files := NewFileCache(vfs.Default, 3)
	const partitions = 50
	var ends [partitions]SyncedEnd
	var contents [partitions][]byte
	for round := range 3 {
		var open [partitions]*Partition
		for i := range open {
			p, err := OpenPartition(PartitionOptions{
				FS: vfs.Default, Dir: fmt.Sprint(dir, "/shard/", i), Files: files, SegmentBytes: 2000, IndexIntervalBytes: 300, Logger: quiet(),
			}, ends[i])
			must(t, err)
			got, err := readAll(p, 0, 1000)
			if err != nil || !bytes.Equal(got, contents[i]) {
				t.Fatalf("round %d: %d bytes of %d, error %v", round, len(got), len(contents[i]), err)
			}
			contents[i] = append(contents[i], fill(t, p, rand.New(rand.NewPCG(uint64(i), 0)), p.NextOffset()+50)...)
			open[i] = p
		}
		if n := files.Open(); n > 3 {
			t.Fatalf("%d files open", n)
		}
		for i, p := range open {
			var err error
			ends[i], err = p.Sync()
			must(t, err)
			must(t, p.Append(offsetBatch(p.NextOffset(), 3, 1))) // is not synced
			must(t, p.Close())
		}
		if n := files.Open(); n > 0 {
			t.Fatalf("%d files open after all were closed", n)
		}
	}
	must(t, files.Close())
}

// TestPartitionConcurrency reads, syncs and truncates while batches are appended.
func TestPartitionConcurrency(t *testing.T) {
	fs := vfs.NewMem()
	p := testPartition(t, fs, SyncedEnd{})
	const until = 3000
	done := make(chan struct{})
	var wait sync.WaitGroup
	for seed := range uint64(3) {
		wait.Go(func() {
			rng := rand.New(rand.NewPCG(seed, 7))
			var buf []byte
			for {
				select {
				case <-done:
					return
				default:
				}
				start, next := p.StartOffset(), p.NextOffset()
				offset := start + rng.Int64N(next-start+1)
				batches, err := p.Read(offset, 500, buf)
				var outside *OffsetOutOfRangeError
				if errors.As(err, &outside) && offset < p.StartOffset() {
					continue
				}
				if err != nil {
					t.Error(err)
					return
				}
				buf = batches
				if len(batches) == 0 {
					continue
				}
				batch, _, err := ParseBatch(batches)
				if err != nil || batch.BaseOffset > offset || batch.NextOffset() <= offset {
					t.Errorf("offset %d: batch [%d, %d), error %v", offset, batch.BaseOffset, batch.NextOffset(), err)
					return
				}
				if found, err := p.OffsetForTimestamp(offset * 10); err != nil && !errors.As(err, &outside) || err == nil && found < offset {
					t.Errorf("timestamp of offset %d found at %d, error %v", offset, found, err)
					return
				}
			}
		})
	}
	wait.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
			}
			if _, err := p.Sync(); err != nil {
				t.Error(err)
				return
			}
			if err := p.Verify(); err != nil {
				t.Error(err)
				return
			}
		}
	})
	rng := rand.New(rand.NewPCG(1, 1))
	for p.NextOffset() < until {
		fill(t, p, rng, p.NextOffset()+20)
		must(t, p.TruncateBefore(max(0, p.NextOffset()-200)))
	}
	close(done)
	wait.Wait()
	end, err := p.Sync()
	must(t, err)
	must(t, p.Close())
	p = testPartition(t, fs, end)
	if _, err := readAll(p, until-200, 500); err != nil {
		t.Fatal(err)
	}
}

// flip changes one bit of a file in memory.
func flip(t testing.TB, fs *vfs.MemFS, path string, at int, mask byte) {
	t.Helper()
	data, err := fs.UnsafeGetFileDataBuffer(path)
	must(t, err)
	data[at] ^= mask
}

// TestPartitionBitFlips flips each byte of each file of a synced partition: the
// partition then does not open, or every read gives the right bytes or an error
// that names a file, and at least one read of the file's segment or Verify
// fails.
func TestPartitionBitFlips(t *testing.T) {
	fs := vfs.NewMem()
	options := testPartitionOptions(fs)
	options.SegmentBytes = 700
	p, err := OpenPartition(options, SyncedEnd{})
	must(t, err)
	want := fill(t, p, rand.New(rand.NewPCG(6, 6)), 40)
	end, err := p.Sync()
	must(t, err)
	must(t, p.Close())
	names, err := fs.List(options.Dir)
	must(t, err)
	for _, name := range names {
		path := options.Dir + "/" + name
		info, err := fs.Stat(path)
		must(t, err)
		active := name == fmt.Sprintf("%020d.log", end.SegmentBase)
		for at := range int(info.Size()) {
			flip(t, fs, path, at, 1<<(at%8))
			err := readUnder(options, end, want)
			flip(t, fs, path, at, 1<<(at%8))
			var damage *CorruptionError
			if err == nil && active && isLeaderEpoch(want, end, at) {
				continue // nothing covers the leader epoch before the segment is closed
			}
			if !errors.As(err, &damage) || damage.File == "" {
				t.Fatalf("%s, byte %d flipped: %v", name, at, err)
			}
		}
	}
	must(t, readUnder(options, end, want))
}

// isLeaderEpoch tells whether a byte of the active segment is one of a leader
// epoch; all holds every batch of the partition.
func isLeaderEpoch(all []byte, end SyncedEnd, at int) bool {
	active := all[int64(len(all))-end.SegmentBytes:]
	for position := 0; position < len(active); {
		if at >= position+batchLeaderEpoch && at < position+batchMagic {
			return true
		}
		size, err := batchSize(active[position:])
		if err != nil {
			return false
		}
		position += size
	}
	return false
}

// readUnder opens a partition and reads it in every way. It returns the first
// error, and panics on a wrong answer.
func readUnder(options PartitionOptions, end SyncedEnd, want []byte) error {
	options.Files = NewFileCache(options.FS, 4)
	p, err := OpenPartition(options, end)
	if err != nil {
		return err
	}
	defer p.Close()
	var firstErr error
	note := func(err error) {
		if firstErr == nil {
			firstErr = err
		}
	}
	for offset := p.StartOffset(); offset < p.NextOffset(); offset++ {
		batches, err := p.Read(offset, 1, nil)
		if err != nil {
			note(err)
			continue
		}
		batch, _, err := ParseBatch(batches)
		if err != nil || batch.BaseOffset > offset || batch.NextOffset() <= offset || !bytes.Contains(want, withoutEpoch(want, batches)) {
			panic(fmt.Sprintf("wrong answer at offset %d: %v", offset, err))
		}
		if found, err := p.OffsetForTimestamp(offset * 10); err == nil && found != offset {
			panic(fmt.Sprintf("timestamp of offset %d found at %d", offset, found))
		} else {
			note(err)
		}
	}
	note(p.Verify())
	return firstErr
}

// withoutEpoch gives a batch the leader epoch that it has in all, where the
// active segment cannot verify it.
func withoutEpoch(all, batch []byte) []byte {
	for rest := all; len(rest) > 0; {
		size, err := batchSize(rest)
		if err != nil {
			break
		}
		if bytes.Equal(rest[:8], batch[:8]) {
			batch = bytes.Clone(batch)
			copy(batch[batchLeaderEpoch:batchMagic], rest[batchLeaderEpoch:batchMagic])
		}
		rest = rest[size:]
	}
	return batch
}
