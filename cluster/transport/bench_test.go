package transport

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// newTCPNodes opens transports on the loopback interface that know each other.
func newTCPNodes(tb testing.TB, n int) map[uint64]*Transport {
	tb.Helper()
	nodes := map[uint64]*Transport{}
	for node := uint64(1); node <= uint64(n); node++ {
		tr, err := Open(Options{Listen: "127.0.0.1:0", Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			tb.Fatal(err)
		}
		tb.Cleanup(func() { _ = tr.Close() })
		tr.SetIdentity(testCluster, node)
		for other, its := range nodes {
			its.SetPeer(node, tr.Address().String())
			tr.SetPeer(other, its.Address().String())
		}
		nodes[node] = tr
	}
	return nodes
}

// processTime is the CPU time that the process has used.
func processTime(tb testing.TB) time.Duration {
	tb.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// BenchmarkIdle measures what nine groups of three nodes cost that have nothing to do:
// the share of a core that one node takes.
func BenchmarkIdle(b *testing.B) {
	nodes := newTCPNodes(b, 3)
	for group := uint64(1); group <= 9; group++ {
		members := map[uint64]*member{}
		for node, tr := range nodes {
			members[node] = startRaft(b, tr, group, []uint64{1, 2, 3})
		}
		leaderOf(b, members)
	}
	before := processTime(b)
	for b.Loop() {
		time.Sleep(time.Second)
	}
	used := processTime(b) - before
	b.ReportMetric(100*used.Seconds()/b.Elapsed().Seconds()/3, "%core/node")
}

func BenchmarkCalls(b *testing.B) {
	for _, callers := range []int{1, 16, 256} {
		b.Run(fmt.Sprint(callers), func(b *testing.B) {
			nodes := newTCPNodes(b, 2)
			nodes[2].Handle("echo", echo)
			request := make([]byte, 200)
			before := processTime(b)
			var left atomic.Int64
			left.Store(int64(b.N))
			var all sync.WaitGroup
			b.ResetTimer()
			for range callers {
				all.Go(func() {
					for left.Add(-1) >= 0 {
						if _, err := nodes[1].Call(context.Background(), 2, "echo", request); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			all.Wait()
			b.ReportMetric(float64(processTime(b)-before)/float64(b.N), "cpu-ns/op")
		})
	}
}

// TestBulkDelaysNoHeartbeat sends a stream as fast as it goes, and large requests besides,
// while small requests are made over the other classes of connection.
func TestBulkDelaysNoHeartbeat(t *testing.T) {
	const size = 256 << 20
	nodes := newTCPNodes(t, 2)
	nodes[2].HandleStream("bulk", func(_ context.Context, _ uint64, stream io.ReadWriteCloser) {
		n, _ := io.Copy(io.Discard, stream)
		_, _ = fmt.Fprint(stream, n)
	})
	nodes[2].Handle("echo", echo)
	stream, err := nodes[1].Open(t.Context(), 2, "bulk")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = stream.Close() }()
	ctx, stop := context.WithCancel(t.Context())
	var others sync.WaitGroup
	large := 0
	others.Go(func() {
		request := bytes.Repeat([]byte("large"), 2<<20)
		for ctx.Err() == nil {
			if _, err := nodes[1].Call(ctx, 2, "echo", request); err != nil && ctx.Err() == nil {
				t.Error(err)
			}
			large++
		}
	})
	var beats int
	others.Go(func() {
		for ctx.Err() == nil {
			l, err := nodes[1].peer(2).link(ClassControl)
			if err == nil {
				var c *call
				if c, err = l.begin(ctx, newRequestTo(ctx, "echo", nil)); err == nil {
					_, err = l.wait(ctx, c)
				}
			}
			if err != nil && ctx.Err() == nil {
				t.Error(err)
			}
			beats++
		}
	})
	start := time.Now()
	if n, err := io.Copy(stream, io.LimitReader(zeros{}, size)); n != size || err != nil {
		t.Fatal(n, err)
	}
	if err := stream.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(stream)
	if err != nil || string(answer) != fmt.Sprint(size) {
		t.Fatalf("%q, %v", answer, err)
	}
	stop()
	others.Wait()
	took := time.Since(start)
	t.Logf("%d MiB in %v; %d large requests, %d for control", size>>20, took, large, beats)
	// Behind bulk, a request would wait for a large one each time, which are as many as fit
	// into the time. How long the slowest takes is up to what else the machine does.
	if beats < 4*large {
		t.Errorf("%d requests for control while %d large ones were made", beats, large)
	}
}

// zeros reads as nothing but zeros.
type zeros struct{}

// Read implements io.Reader.
func (zeros) Read(b []byte) (int, error) {
	clear(b)
	return len(b), nil
}
