package log

import (
	"fmt"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/raft"
)

// benchBatch builds a batch of 1000 records of 8 + 48 bytes.
func benchBatch(b *BatchBuilder) []byte {
	key, value := []byte("key 1234"), make([]byte, 48)
	b.Reset()
	for i := range int64(1000) {
		b.Append(1_700_000_000_000+i, key, value)
	}
	return b.Finish(-1, -1, -1, CompressionNone)
}

// BenchmarkBatchBuild reports the time per record.
func BenchmarkBatchBuild(b *testing.B) {
	var builder BatchBuilder
	b.ReportAllocs()
	for range b.N/1000 + 1 {
		benchBatch(&builder)
	}
	b.SetBytes(int64(builder.Size() / 1000))
}

// BenchmarkBatchWalk reports the time per record, checksum included.
func BenchmarkBatchWalk(b *testing.B) {
	var builder BatchBuilder
	raw := benchBatch(&builder)
	b.ReportAllocs()
	b.SetBytes(int64(len(raw) / 1000))
	b.ResetTimer()
	for range b.N/1000 + 1 {
		batch, _, err := ParseBatch(raw)
		must(b, err)
		it := batch.Records()
		for it.Next() {
			if len(it.Record().Value) != 48 {
				b.Fatal("wrong value")
			}
		}
		must(b, it.Err())
	}
}

// benchEntry builds an entry with 1000 writes of 24 + 32 bytes.
func benchEntry(b *EntryBuilder) []byte {
	var key [24]byte
	var value [32]byte
	b.Reset(1, 2, 3)
	for i := range 1000 {
		key[0], key[1] = byte(i), byte(i>>8)
		b.Set(key[:], value[:])
	}
	return b.Finish()
}

// BenchmarkEntryBuild reports the time per write.
func BenchmarkEntryBuild(b *testing.B) {
	var builder EntryBuilder
	b.ReportAllocs()
	for range b.N/1000 + 1 {
		benchEntry(&builder)
	}
}

// BenchmarkEntryDecode reports the time per write.
func BenchmarkEntryDecode(b *testing.B) {
	var builder EntryBuilder
	raw := benchEntry(&builder)
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N/1000 + 1 {
		_, err := DecodeEntry(raw)
		must(b, err)
	}
}

// BenchmarkWALStore stores entries from 1, 8 and 64 goroutines, each on a group
// of its own, on the disk of the temporary directory.
func BenchmarkWALStore(b *testing.B) {
	for _, size := range []int{1 << 10, 64 << 10} {
		for _, goroutines := range []int{1, 8, 64} {
			b.Run(fmt.Sprintf("size=%d/goroutines=%d", size, goroutines), func(b *testing.B) {
				w, err := OpenWAL(WALOptions{FS: vfs.Default, Dir: b.TempDir(), Logger: quiet()})
				must(b, err)
				b.SetBytes(int64(size))
				b.ResetTimer()
				var wait sync.WaitGroup
				for i := range goroutines {
					wait.Go(func() {
						g := w.Group(uint64(i))
						data := make([]byte, size)
						for index := uint64(1); index <= uint64(b.N/goroutines+1); index++ {
							if err := g.StoreLog(&raft.Log{Index: index, Data: data}); err != nil {
								b.Error(err)
								return
							}
							if index%256 == 0 {
								if err := g.DeleteRange(1, index-16); err != nil {
									b.Error(err)
								}
							}
						}
					})
				}
				wait.Wait()
				b.StopTimer()
				must(b, w.Close())
			})
		}
	}
}

// benchPartition returns a partition on the disk of the temporary directory.
func benchPartition(b *testing.B) *Partition {
	files := NewFileCache(vfs.Default, 16)
	p, err := OpenPartition(PartitionOptions{FS: vfs.Default, Dir: b.TempDir(), Files: files, Logger: quiet()}, SyncedEnd{})
	must(b, err)
	b.Cleanup(func() { _ = p.Close() })
	return p
}

// BenchmarkPartitionAppend appends batches of 1000 records, without a sync.
func BenchmarkPartitionAppend(b *testing.B) {
	p := benchPartition(b)
	var builder BatchBuilder
	raw := benchBatch(&builder)
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	b.ResetTimer()
	for i := range int64(b.N) {
		SetBaseOffset(raw, i*1000)
		must(b, p.Append(raw))
		if i%4096 == 4095 {
			must(b, p.TruncateBefore(p.NextOffset()))
		}
	}
}

// BenchmarkPartitionAppendSmall appends batches of one record.
func BenchmarkPartitionAppendSmall(b *testing.B) {
	p := benchPartition(b)
	var builder BatchBuilder
	builder.Append(0, []byte("key"), make([]byte, 48))
	raw := builder.Finish(-1, -1, -1, CompressionNone)
	b.ReportAllocs()
	b.ResetTimer()
	for i := range int64(b.N) {
		SetBaseOffset(raw, i)
		must(b, p.Append(raw))
	}
}

// BenchmarkPartitionReadTail reads the last batch, of one record.
func BenchmarkPartitionReadTail(b *testing.B) {
	p := benchPartition(b)
	var builder BatchBuilder
	builder.Append(0, []byte("key"), make([]byte, 48))
	raw := builder.Finish(-1, -1, -1, CompressionNone)
	const batches = 100000
	for i := range int64(batches) {
		SetBaseOffset(raw, i)
		must(b, p.Append(raw))
	}
	buf := make([]byte, 64<<10)
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		_, err := p.Read(batches-1-int64(i%1000), 1, buf)
		must(b, err)
	}
}

// BenchmarkPartitionRead reads 1 MiB at a time from the page cache.
func BenchmarkPartitionRead(b *testing.B) {
	p := benchPartition(b)
	var builder BatchBuilder
	raw := benchBatch(&builder)
	const batches = 2000
	for i := range int64(batches) {
		SetBaseOffset(raw, i*1000)
		must(b, p.Append(raw))
	}
	var buf []byte
	b.ReportAllocs()
	b.ResetTimer()
	bytes := 0
	for i := range b.N {
		got, err := p.Read(int64(i*16%(batches-16))*1000, 1<<20, buf)
		must(b, err)
		bytes += len(got)
		buf = got
	}
	b.SetBytes(int64(bytes / b.N))
}
