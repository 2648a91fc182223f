package transport

import (
	"bytes"
	"context"
	"crypto/sha256"
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
	size := int64(1 << 30)
	if testing.Short() {
		size = 64 << 20
	}
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
	others.Go(func() {
		large := bytes.Repeat([]byte("large"), 2<<20)
		for ctx.Err() == nil {
			if _, err := nodes[1].Call(ctx, 2, "echo", large); err != nil && ctx.Err() == nil {
				t.Error(err)
			}
		}
	})
	var slowest time.Duration
	var beats int
	others.Go(func() {
		for ctx.Err() == nil {
			start := time.Now()
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
			slowest = max(slowest, time.Since(start))
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
	t.Logf("%d MiB in %v; %d requests for control, the slowest took %v", size>>20, time.Since(start), beats, slowest)
	// A leader is given up after 600 ms: a fourth of it is left to machines that do
	// other things beside.
	if slowest > 450*time.Millisecond {
		t.Errorf("a request for control took %v", slowest)
	}
}

// zeros reads as nothing but zeros.
type zeros struct{}

// Read implements io.Reader.
func (zeros) Read(b []byte) (int, error) {
	clear(b)
	return len(b), nil
}

// TestFramesSurviveAnyCut sends messages of all sizes through a reader that gives them in
// small pieces.
func TestFramesSurviveAnyCut(t *testing.T) {
	out := newOutbox()
	var want [][32]byte
	for i := range 40 {
		body := bytes.Repeat([]byte{byte(i)}, i*i*200)
		want = append(want, sha256.Sum256(body))
		o := &outgoing{kind: frameMessage, id: uint64(i), body: body, head: []byte{1}}
		if i%2 == 0 {
			o.lane = "even"
		}
		if room, err := out.offer(o); room != nil || err != nil {
			t.Fatal(room, err)
		}
	}
	var stream []byte
	for {
		before := len(stream)
		frames, err := out.next(nil)
		if err != nil {
			t.Fatal(err)
		}
		if stream = append(stream, frames...); len(stream) == before {
			break
		}
	}
	in := newFrameReader(&pieces{data: stream}, maxTotal)
	lastEven := -1
	for range want {
		m, err := in.next()
		if err != nil {
			t.Fatal(err)
		}
		if sha256.Sum256(m.payload[1:]) != want[m.id] {
			t.Errorf("message %d came as something else", m.id)
		}
		if m.id%2 == 0 {
			if int(m.id) < lastEven {
				t.Errorf("message %d came after message %d of its lane", m.id, lastEven)
			}
			lastEven = int(m.id)
		}
	}
	if _, err := in.next(); err != io.EOF {
		t.Errorf("after the last message: %v", err)
	}
	if in.held != 0 || len(in.partial) != 0 || out.waiting != 0 || len(out.lanes) != 0 {
		t.Errorf("left over: %d bytes in, %d bytes out, %d lanes", in.held, out.waiting, len(out.lanes))
	}
}

// pieces gives its data in pieces of 1, 2, 3 … bytes.
type pieces struct {
	data []byte
	size int
}

// Read implements io.Reader.
func (p *pieces) Read(b []byte) (int, error) {
	if len(p.data) == 0 {
		return 0, io.EOF
	}
	p.size = p.size%5000 + 1
	n := copy(b[:min(len(b), p.size)], p.data)
	p.data = p.data[n:]
	return n, nil
}

func FuzzFrames(f *testing.F) {
	f.Add(appendFrameHead(nil, 0, 0, 1, framePing))
	f.Add(append(appendFrameHead(nil, 3, 3, 1, frameRequest), 1, 'a', 0))
	f.Add(append(append(appendFrameHead(nil, 1, 2, 9, frameMessage), 1), append(appendFrameHead(nil, 1, 2, 9, frameMessage), 'a')...))
	f.Fuzz(func(t *testing.T, data []byte) {
		in := newFrameReader(bytes.NewReader(data), maxTotal)
		for {
			m, err := in.next()
			if in.held < 0 || in.held > len(data) || len(m.payload) > len(data) && err == nil {
				t.Fatalf("%d bytes are held, of %d", in.held, len(data))
			}
			if err != nil {
				return
			}
		}
	})
}
