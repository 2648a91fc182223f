package cluster

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"millrace/log"
)

// BenchmarkPropose measures entries through the whole path, on the disk that
// holds the temporary folder, with one proposer per shard.
func BenchmarkPropose(b *testing.B) {
	for _, shards := range []int{1, 8} {
		for _, size := range []int{100, 10_000, 500_000} {
			b.Run(fmt.Sprintf("shards=%d/bytes=%d", shards, size), func(b *testing.B) {
				options := testOptions(b, vfs.Default, b.TempDir(), shards)
				options.MemTableBytes = 0
				node := startNode(b, options)
				defer closeNode(b, node)
				value := string(bytes.Repeat([]byte("x"), size))
				b.SetBytes(int64(size))
				b.ResetTimer()
				var proposers sync.WaitGroup
				for i := range shards {
					proposers.Go(func() { proposeMany(b, node.Shard(i), value, (b.N+shards-1)/shards) })
				}
				proposers.Wait()
			})
		}
	}
}

// proposeMany proposes n entries of one record and one row.
func proposeMany(b *testing.B, shard *Shard, value string, n int) {
	base := shard.Applied()
	for i := range n {
		applied, err := shard.Propose((&log.Entry{
			BaseIndex: base,
			Appends:   []log.Append{{Object: 1, Batch: recordBatch(int64(i), value)}},
			Writes:    []log.Write{setRow(1, fmt.Sprint(i), "some value")},
		}).AppendTo(nil))
		if err != nil || !applied.Accepted {
			b.Errorf("%+v, %v", applied, err)
			return
		}
		base = applied.Index
	}
}

// BenchmarkStart measures how long it takes from nothing until every shard is
// ready, and again from an existing folder.
func BenchmarkStart(b *testing.B) {
	b.Run("new", func(b *testing.B) {
		for range b.N {
			closeNode(b, startNode(b, testOptions(b, vfs.Default, b.TempDir(), 8)))
		}
	})
	b.Run("again", func(b *testing.B) {
		dir := b.TempDir()
		for range b.N {
			closeNode(b, startNode(b, testOptions(b, vfs.Default, dir, 8)))
		}
	})
}

// BenchmarkIdle measures what a node with eight shards costs when nothing
// happens: the share of a core over five seconds, and the resident memory of
// the whole test process.
func BenchmarkIdle(b *testing.B) {
	options := testOptions(b, vfs.Default, b.TempDir(), 8)
	options.TableCacheBytes, options.MemTableBytes = 0, 0
	node := startNode(b, options)
	defer closeNode(b, node)
	debug.FreeOSMemory()
	const window = 5 * time.Second
	for range b.N {
		before := cpuTime(b)
		<-time.After(window)
		b.ReportMetric(float64(cpuTime(b)-before)/float64(window)*100, "%core")
	}
	b.ReportMetric(residentMB(b), "MB-resident")
	b.ReportMetric(float64(runtime.NumGoroutine()), "goroutines")
}

// cpuTime is the processor time that the process has used.
func cpuTime(b *testing.B) time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// residentMB is the process's resident memory.
func residentMB(b *testing.B) float64 {
	data, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		b.Skip(err)
	}
	var size, resident int
	if _, err := fmt.Sscan(string(data), &size, &resident); err != nil {
		b.Fatal(err)
	}
	return float64(resident) * float64(os.Getpagesize()) / (1 << 20)
}

// BenchmarkRestart measures a start that has to apply some 60 MB of log, as
// much as is left between two checkpoints.
func BenchmarkRestart(b *testing.B) {
	for _, size := range []int{1_000, 100_000} {
		b.Run(fmt.Sprintf("bytes=%d", size), func(b *testing.B) {
			options := testOptions(b, vfs.Default, b.TempDir(), 8)
			options.MemTableBytes = 0
			options.SnapshotBytes = 1 << 30
			node := startNode(b, options)
			value := string(bytes.Repeat([]byte("x"), size))
			var proposers sync.WaitGroup
			for i := range node.Shards() {
				proposers.Go(func() { proposeMany(b, node.Shard(i), value, 60_000_000/size/node.Shards()) })
			}
			proposers.Wait()
			closeNode(b, node)
			b.ResetTimer()
			for range b.N {
				closeNode(b, startNode(b, options))
			}
		})
	}
}
