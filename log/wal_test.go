package log

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/raft"
	"github.com/prometheus/client_golang/prometheus"
)

// quiet is a logger that says nothing.
func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

// openTestWAL opens a log with small files.
func openTestWAL(t testing.TB, fs vfs.FS, fileBytes int64) *WAL {
	t.Helper()
	w, err := OpenWAL(WALOptions{FS: fs, Dir: "/data/wal", FileBytes: fileBytes, Logger: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// testLogs makes n entries from an index on.
func testLogs(from uint64, n, size int) []*raft.Log {
	logs := make([]*raft.Log, n)
	for i := range logs {
		index := from + uint64(i)
		data := make([]byte, size)
		for j := range data {
			data[j] = byte(index) + byte(j)
		}
		logs[i] = &raft.Log{
			Index: index, Term: index / 10, Type: raft.LogCommand, Data: data,
			AppendedAt: time.Unix(0, int64(index)*1000),
		}
		if index%3 == 0 {
			logs[i].Extensions = []byte(fmt.Sprint("extension ", index))
		}
		if len(data) == 0 {
			logs[i].Data = nil
		}
	}
	return logs
}

// must fails the test on an error.
func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// checkLogs verifies that a group has exactly the entries of [first, last].
func checkLogs(t testing.TB, g *Group, first, last uint64, size int) {
	t.Helper()
	gotFirst, err := g.FirstIndex()
	must(t, err)
	gotLast, err := g.LastIndex()
	must(t, err)
	if gotFirst != first || gotLast != last {
		t.Fatalf("group %d has entries [%d, %d], want [%d, %d]", g.id, gotFirst, gotLast, first, last)
	}
	if first == 0 {
		return
	}
	for i, want := range testLogs(first, int(last-first+1), size) {
		var got raft.Log
		must(t, g.GetLog(first+uint64(i), &got))
		if diff := difference(*want, got); diff != "" {
			t.Fatal(diff)
		}
	}
	var log raft.Log
	for _, index := range []uint64{first - 1, last + 1} {
		if err := g.GetLog(index, &log); !errors.Is(err, raft.ErrLogNotFound) {
			t.Fatalf("GetLog(%d) = %v", index, err)
		}
	}
}

func TestWALStoresAndRecovers(t *testing.T) {
	fs := vfs.NewMem()
	w := openTestWAL(t, fs, 16<<10)
	a, b := w.Group(1), w.Group(1<<60)
	must(t, a.StoreLogs(testLogs(1, 100, 50)))
	must(t, b.StoreLogs(testLogs(1000, 20, 300)))
	must(t, a.SetUint64([]byte("CurrentTerm"), 7))
	must(t, b.Set([]byte("LastVoteCand"), []byte("node 2")))
	must(t, b.Set([]byte("LastVoteCand"), []byte("node 3")))
	must(t, a.DeleteRange(1, 10))   // prefix
	must(t, a.DeleteRange(91, 100)) // suffix
	must(t, a.StoreLog(testLogs(91, 1, 50)[0]))
	must(t, b.StoreLog(testLogs(1020, 1, 0)[0]))
	must(t, b.DeleteRange(1020, 1020))

	check := func(w *WAL) {
		t.Helper()
		a, b := w.Group(1), w.Group(1<<60)
		checkLogs(t, a, 11, 91, 50)
		checkLogs(t, b, 1000, 1019, 300)
		if term, err := a.GetUint64([]byte("CurrentTerm")); err != nil || term != 7 {
			t.Fatal(term, err)
		}
		if candidate, err := b.Get([]byte("LastVoteCand")); err != nil || string(candidate) != "node 3" {
			t.Fatal(candidate, err)
		}
		if missing, err := b.GetUint64([]byte("missing")); err != nil || missing != 0 {
			t.Fatal(missing, err)
		}
		if ids := w.Groups(); difference([]uint64{1, 1 << 60}, ids) != "" {
			t.Fatal(ids)
		}
	}
	check(w)
	for range 3 {
		must(t, w.Close())
		w = openTestWAL(t, fs, 16<<10)
		check(w)
	}
	must(t, w.DropGroup(1))
	checkLogs(t, w.Group(1), 0, 0, 0)
	must(t, w.Group(1).StoreLogs(testLogs(500, 3, 9)))
	must(t, w.Close())
	w = openTestWAL(t, fs, 16<<10)
	checkLogs(t, w.Group(1), 500, 502, 9)
	if term, _ := w.Group(1).GetUint64([]byte("CurrentTerm")); term != 0 {
		t.Errorf("a dropped group kept term %d", term)
	}
	must(t, w.Close())
}

func TestWALRefusesGapsAndUseAfterClose(t *testing.T) {
	w := openTestWAL(t, vfs.NewMem(), 16<<10)
	g := w.Group(1)
	must(t, g.StoreLogs(testLogs(5, 5, 10)))
	if err := g.StoreLogs(testLogs(11, 1, 10)); err == nil {
		t.Error("stored an entry behind a gap")
	}
	if err := g.StoreLogs(testLogs(9, 1, 10)); err == nil {
		t.Error("stored an entry twice")
	}
	logs := testLogs(10, 3, 10)
	logs[2].Index = 14
	if err := g.StoreLogs(logs); err == nil {
		t.Error("stored entries with a gap")
	}
	if err := g.DeleteRange(6, 7); err == nil {
		t.Error("removed the middle")
	}
	must(t, g.DeleteRange(1, 4)) // nothing there
	must(t, g.DeleteRange(20, 30))
	checkLogs(t, g, 5, 9, 10)
	must(t, w.Close())
	var log raft.Log
	_, errFirst := g.FirstIndex()
	for _, err := range []error{g.StoreLogs(testLogs(10, 1, 10)), g.GetLog(5, &log), g.DeleteRange(5, 9), g.Set(nil, nil), errFirst, w.Close()} {
		if !errors.Is(err, ErrClosed) {
			t.Errorf("after Close: %v", err)
		}
	}
}

// TestWALReusesFiles writes many times the size of the files: with truncation
// the log stays small, names change and nothing of an earlier life comes back.
func TestWALReusesFiles(t *testing.T) {
	fs := vfs.NewMem()
	w := openTestWAL(t, fs, 8<<10)
	g := w.Group(3)
	next := uint64(1)
	for range 200 {
		must(t, g.StoreLogs(testLogs(next, 5, 200)))
		next += 5
		if next > 20 {
			must(t, g.DeleteRange(1, next-15))
		}
		if pinned := w.Pinned(); pinned.Files > 3 {
			t.Fatalf("%+v", pinned)
		}
	}
	names, err := fs.List("/data/wal")
	must(t, err)
	if len(names) > 5 {
		t.Errorf("files %v", names)
	}
	must(t, w.Close())
	w = openTestWAL(t, fs, 8<<10)
	checkLogs(t, w.Group(3), next-14, next-1, 200)
	must(t, w.Close())
}

// TestWALIdleGroupDoesNotPinFiles keeps a group idle while another writes much.
func TestWALIdleGroupDoesNotPinFiles(t *testing.T) {
	fs := vfs.NewMem()
	w := openTestWAL(t, fs, 16<<10)
	idle, busy := w.Group(1), w.Group(2)
	must(t, idle.StoreLogs(testLogs(40, 6, 100)))
	must(t, idle.SetUint64([]byte("CurrentTerm"), 4))
	next := uint64(1)
	for range 300 {
		must(t, busy.StoreLogs(testLogs(next, 5, 200)))
		next += 5
		if next > 20 {
			must(t, busy.DeleteRange(1, next-15))
		}
	}
	if pinned := w.Pinned(); pinned.Files > rewriteAfterFiles+2 {
		t.Fatalf("%+v", pinned)
	}
	for range 2 {
		checkLogs(t, w.Group(1), 40, 45, 100)
		checkLogs(t, w.Group(2), next-14, next-1, 200)
		if term, err := w.Group(1).GetUint64([]byte("CurrentTerm")); err != nil || term != 4 {
			t.Fatal(term, err)
		}
		must(t, w.Close())
		w = openTestWAL(t, fs, 16<<10)
	}
	// The moved entries go on as a log: they can be extended and truncated.
	must(t, w.Group(1).DeleteRange(40, 41))
	must(t, w.Group(1).DeleteRange(45, 45))
	must(t, w.Group(1).StoreLogs(testLogs(45, 2, 100)))
	must(t, w.Close())
	w = openTestWAL(t, fs, 16<<10)
	checkLogs(t, w.Group(1), 42, 46, 100)
	must(t, w.Close())
}

func TestWALPinned(t *testing.T) {
	w := openTestWAL(t, vfs.NewMem(), 16<<10)
	defer w.Close()
	must(t, w.Group(1).StoreLogs(testLogs(1, 10, 400)))
	must(t, w.Group(2).StoreLogs(testLogs(1, 10, 600)))
	next := uint64(1)
	for range 30 {
		must(t, w.Group(3).StoreLogs(testLogs(next, 10, 400)))
		next += 10
		must(t, w.Group(3).DeleteRange(1, next-2))
	}
	pinned := w.Pinned()
	if pinned.Files < 3 || len(pinned.Oldest) != 2 || pinned.Oldest[0].Group != 2 || pinned.Oldest[0].Bytes < 6000 || pinned.Oldest[1].Group != 1 {
		t.Errorf("%+v", pinned)
	}
	must(t, w.Group(1).DeleteRange(1, 10))
	must(t, w.Group(2).DeleteRange(1, 10))
	must(t, w.Group(3).StoreLogs(testLogs(next, 1, 1)))
	if pinned := w.Pinned(); pinned.Files > 2 {
		t.Errorf("%+v", pinned)
	}
}

// TestWALManyGroups stores from many goroutines with readers beside them.
func TestWALManyGroups(t *testing.T) {
	fs := vfs.NewMem()
	registry := prometheus.NewRegistry()
	w, err := OpenWAL(WALOptions{FS: fs, Dir: "/wal", FileBytes: 32 << 10, CacheBytes: 4 << 10, Logger: quiet(), Registerer: registry})
	must(t, err)
	const groups, perGroup = 16, 100
	var wait sync.WaitGroup
	for id := range uint64(groups) {
		g := w.Group(id)
		done := make(chan struct{})
		wait.Go(func() {
			defer close(done)
			for next := uint64(1); next <= perGroup; next += 2 {
				if err := g.StoreLogs(testLogs(next, 2, 100)); err != nil {
					t.Error(err)
					return
				}
				if next%20 == 1 && next > 40 {
					if err := g.DeleteRange(1, next-40); err != nil {
						t.Error(err)
					}
				}
			}
		})
		wait.Go(func() {
			rng := rand.New(rand.NewPCG(id, 1))
			for {
				select {
				case <-done:
					return
				default:
				}
				var log raft.Log
				index := 1 + rng.Uint64N(perGroup)
				err := g.GetLog(index, &log)
				if err == nil && difference(*testLogs(index, 1, 100)[0], log) != "" {
					t.Errorf("entry %d is %+v", index, log)
				}
				if err != nil && !errors.Is(err, raft.ErrLogNotFound) {
					t.Error(err)
				}
			}
		})
	}
	wait.Wait()
	metrics, err := registry.Gather()
	must(t, err)
	if len(metrics) != 5 {
		t.Errorf("%d metrics", len(metrics))
	}
	must(t, w.Close())
	w, err = OpenWAL(WALOptions{FS: fs, Dir: "/wal", FileBytes: 32 << 10, Logger: quiet(), Registerer: registry})
	must(t, err)
	for id := range uint64(groups) {
		checkLogs(t, w.Group(id), 42, perGroup, 100)
	}
	must(t, w.Close())
}

// TestWALOnDisk goes through files of the operating system.
func TestWALOnDisk(t *testing.T) {
	dir := t.TempDir()
	open := func() *WAL {
		w, err := OpenWAL(WALOptions{FS: vfs.Default, Dir: dir + "/a/wal", FileBytes: 64 << 10, CacheBytes: 1, Logger: quiet()})
		must(t, err)
		return w
	}
	w := open()
	next := uint64(1)
	for range 5 {
		for range 20 {
			must(t, w.Group(1).StoreLogs(testLogs(next, 5, 1000)))
			next += 5
			if next > 50 {
				must(t, w.Group(1).DeleteRange(1, next-31))
			}
		}
		checkLogs(t, w.Group(1), next-30, next-1, 1000)
		must(t, w.Close())
		w = open()
		checkLogs(t, w.Group(1), next-30, next-1, 1000)
	}
	must(t, w.Close())
}

// TestWALOversizedRequest stores an entry larger than a file.
func TestWALOversizedRequest(t *testing.T) {
	fs := vfs.NewMem()
	w := openTestWAL(t, fs, 8<<10)
	must(t, w.Group(1).StoreLogs(testLogs(1, 3, 20<<10)))
	must(t, w.Group(1).StoreLogs(testLogs(4, 3, 20<<10)))
	must(t, w.Close())
	w = openTestWAL(t, fs, 8<<10)
	checkLogs(t, w.Group(1), 1, 6, 20<<10)
	must(t, w.Close())
}

// TestWALUnderRaft runs hashicorp/raft itself on the log, over restarts, with
// snapshots that cut it.
func TestWALUnderRaft(t *testing.T) {
	fs := vfs.NewMem()
	w := openTestWAL(t, fs, 16<<10)
	snapshots := raft.NewInmemSnapshotStore()
	for round := range 3 {
		_, transport := raft.NewInmemTransport("self")
		config := raft.DefaultConfig()
		config.LocalID = "self"
		config.HeartbeatTimeout, config.ElectionTimeout = 20*time.Millisecond, 20*time.Millisecond
		config.LeaderLeaseTimeout, config.CommitTimeout = 10*time.Millisecond, 5*time.Millisecond
		config.LogOutput = io.Discard
		config.TrailingLogs = 7
		fsm := &raft.MockFSM{}
		if round == 0 {
			must(t, raft.BootstrapCluster(config, w.Group(1), w.Group(1), snapshots, transport,
				raft.Configuration{Servers: []raft.Server{{ID: "self", Address: "self"}}}))
		}
		r, err := raft.NewRaft(config, fsm, w.Group(1), w.Group(1), snapshots, transport)
		must(t, err)
		if leader := <-r.LeaderCh(); !leader {
			t.Fatal("not the leader")
		}
		must(t, r.Barrier(time.Minute).Error())
		if got, want := len(fsm.Logs()), round*60; got != want {
			t.Fatalf("round %d begins with %d applied entries, want %d", round, got, want)
		}
		for i := range 50 {
			must(t, r.Apply([]byte(fmt.Sprint(round, i)), time.Minute).Error())
		}
		must(t, r.Snapshot().Error())
		last, err := w.Group(1).LastIndex()
		must(t, err)
		if first, err := w.Group(1).FirstIndex(); err != nil || first+config.TrailingLogs != last+1 {
			t.Fatalf("entries [%d, %d] behind a snapshot, error %v", first, last, err)
		}
		for i := range 10 {
			must(t, r.Apply([]byte(fmt.Sprint(round, 50+i)), time.Minute).Error())
		}
		must(t, r.Shutdown().Error())
		must(t, w.Close())
		w = openTestWAL(t, fs, 16<<10)
	}
	must(t, w.Close())
}
