package log

import (
	"errors"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

// failing returns a file system whose operations of one kind on log files fail
// while the toggle is on.
func failing(fs vfs.FS, kind errorfs.OpKind) (vfs.FS, *errorfs.Toggle) {
	toggle := &errorfs.Toggle{Injector: errorfs.InjectorFunc(func(op errorfs.Op) error {
		if op.Kind == kind {
			return errorfs.ErrInjected
		}
		return nil
	})}
	return errorfs.Wrap(fs, toggle), toggle
}

// TestWALGoesOnAfterFailure fails the write or the sync of a round, or steps of
// beginning a file: the round's callers get the error, the log is as before,
// and works again when the disk does.
func TestWALGoesOnAfterFailure(t *testing.T) {
	for _, kind := range []errorfs.OpKind{
		errorfs.OpFileWriteAt, errorfs.OpFileSyncData, errorfs.OpFileSync, errorfs.OpOpen, errorfs.OpOpenDir, errorfs.OpRename,
	} {
		mem := vfs.NewCrashableMem()
		fs, toggle := failing(mem, kind)
		w := openTestWAL(t, fs, 8<<10)
		g := w.Group(1)
		must(t, g.StoreLogs(testLogs(1, 10, 100)))
		must(t, g.SetUint64([]byte("CurrentTerm"), 1))
		last := uint64(10)
		failures := 0
		for range 60 {
			toggle.On()
			err := g.StoreLogs(testLogs(last+1, 3, 200))
			toggle.Off()
			if err != nil {
				failures++
				if !errors.Is(err, errorfs.ErrInjected) {
					t.Fatalf("operation %v: %v", kind, err)
				}
				checkLast(t, g, last)
				must(t, g.StoreLogs(testLogs(last+1, 3, 200)))
			}
			last += 3
			if last > 40 {
				must(t, g.DeleteRange(1, last-20))
			}
		}
		if failures == 0 {
			t.Errorf("operation %v never failed", kind)
		}
		// The power goes off without a Close.
		recovered := openTestWAL(t, mem.CrashClone(vfs.CrashCloneCfg{}), 8<<10)
		checkLast(t, recovered.Group(1), last)
		if term, err := recovered.Group(1).GetUint64([]byte("CurrentTerm")); err != nil || term != 1 {
			t.Fatal(term, err)
		}
		must(t, recovered.Close())
		must(t, w.Close())
	}
}

// checkLast verifies the index of a group's last entry.
func checkLast(t testing.TB, g *Group, want uint64) {
	t.Helper()
	if got, err := g.LastIndex(); err != nil || got != want {
		t.Fatalf("last index %d, want %d, error %v", got, want, err)
	}
}

// TestWALFailedRoundStaysHidden checks that a round whose sync failed does not
// come back after a later one was acknowledged, even if its bytes are on disk.
func TestWALFailedRoundStaysHidden(t *testing.T) {
	mem := vfs.NewMem()
	fs, toggle := failing(mem, errorfs.OpFileSyncData)
	w := openTestWAL(t, fs, 8<<10)
	g := w.Group(1)
	must(t, g.StoreLogs(testLogs(1, 3, 100)))
	toggle.On()
	if err := g.StoreLogs(testLogs(4, 3, 100)); err == nil {
		t.Fatal("acknowledged without a sync")
	}
	toggle.Off()
	must(t, g.Set([]byte("key"), []byte("value")))
	must(t, w.Close())
	w = openTestWAL(t, mem, 8<<10)
	checkLogs(t, w.Group(1), 1, 3, 100)
	must(t, w.Close())
}

// TestWALHalfBegunFile fails the sync of a new file's header and then cuts the
// power such that the header is on disk and the file's removal is not: what was
// acknowledged must not lie behind the end that this header states.
func TestWALHalfBegunFile(t *testing.T) {
	mem := vfs.NewCrashableMem()
	var fail atomic.Bool
	failures := 0
	w := openTestWAL(t, errorfs.Wrap(mem, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if fail.Load() && op.Kind == errorfs.OpFileSync && strings.HasSuffix(op.Path, walSuffix) {
			return errorfs.ErrInjected
		}
		return nil
	})), 4096)
	g := w.Group(1)
	must(t, g.SetUint64([]byte("CurrentTerm"), 1))
	fail.Store(true)
	acknowledged := uint64(1)
	for term := uint64(2); failures < 5; term++ {
		if err := g.SetUint64([]byte("CurrentTerm"), term); err == nil {
			acknowledged = term
		} else if failures++; !errors.Is(err, errorfs.ErrInjected) {
			t.Fatal(err)
		}
		clone := mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 100, RNG: rand.New(rand.NewPCG(1, term))})
		recovered := openTestWAL(t, clone, 4096)
		if got, err := recovered.Group(1).GetUint64([]byte("CurrentTerm")); err != nil || got < acknowledged {
			t.Fatalf("term %d after the crash, %d was acknowledged, error %v", got, acknowledged, err)
		}
		must(t, recovered.Close())
	}
	fail.Store(false)
	must(t, w.Close())
}

// fullFS is a file system on which files stop growing while it is full. A write
// that goes beyond the end of its file then writes what fits.
type fullFS struct {
	vfs.FS
	full atomic.Bool
}

func (fs *fullFS) OpenReadWrite(name string, category vfs.DiskWriteCategory, options ...vfs.OpenOption) (vfs.File, error) {
	file, err := fs.FS.OpenReadWrite(name, category, options...)
	return &fullFile{File: file, fs: fs}, err
}

type fullFile struct {
	vfs.File
	fs *fullFS
}

func (f *fullFile) WriteAt(b []byte, offset int64) (int, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	if room := info.Size() - offset; f.fs.full.Load() && int64(len(b)) > room {
		n, err := f.File.WriteAt(b[:max(room, 0)], offset)
		return n, errors.Join(err, syscall.ENOSPC)
	}
	return f.File.WriteAt(b, offset)
}

// TestWALFullDisk fills the disk: entries fail with its error, terms and
// truncations go on, and so do entries when there is room. Small entries are
// refused before they are written, large ones while they are.
func TestWALFullDisk(t *testing.T) {
	for _, size := range []int{1000, 300 << 10} {
		fs := &fullFS{FS: vfs.NewMem()}
		w := openTestWAL(t, fs, 4<<20)
		g := w.Group(1)
		fs.full.Store(true)
		if err := g.StoreLogs(testLogs(1, 1, 10)); !errors.Is(err, syscall.ENOSPC) {
			t.Fatal(err) // nothing can be stored on a disk without room for a file
		}
		fs.full.Store(false)
		must(t, g.StoreLogs(testLogs(1, 5, size)))
		must(t, g.StoreLogs(testLogs(6, 5, size)))
		fs.full.Store(true)
		last := uint64(10)
		for {
			if err := g.StoreLogs(testLogs(last+1, 1, size)); err != nil {
				if !errors.Is(err, syscall.ENOSPC) {
					t.Fatal(err)
				}
				break
			}
			last++
		}
		for term := range uint64(50) {
			must(t, g.SetUint64([]byte("CurrentTerm"), term))
		}
		if err := g.StoreLogs(testLogs(last+1, 1, size)); !errors.Is(err, syscall.ENOSPC) {
			t.Fatal(err)
		}
		must(t, g.DeleteRange(last-2, last))
		must(t, g.DeleteRange(1, 4))
		last -= 3
		fs.full.Store(false)
		must(t, g.StoreLogs(testLogs(last+1, 5, size)))
		checkLogs(t, g, 5, last+5, size)
		must(t, w.Close())
		w = openTestWAL(t, fs.FS, 4<<20)
		checkLogs(t, w.Group(1), 5, last+5, size)
		if term, err := w.Group(1).GetUint64([]byte("CurrentTerm")); err != nil || term != 49 {
			t.Fatal(term, err)
		}
		must(t, w.Close())
	}
}

// TestWALBitFlips flips each byte of each file of a closed log. The log then
// does not open, naming the file, or it holds what it held: never less.
func TestWALBitFlips(t *testing.T) {
	fs := vfs.NewMem()
	w := openTestWAL(t, fs, 4096)
	a, b := w.Group(1), w.Group(2)
	for i := range uint64(12) {
		must(t, a.StoreLogs(testLogs(1+5*i, 5, 60)))
		must(t, b.StoreLogs(testLogs(100+i, 1, 30)))
		must(t, b.SetUint64([]byte("CurrentTerm"), i))
	}
	must(t, a.DeleteRange(1, 3))
	must(t, b.DeleteRange(110, 111))
	must(t, w.Close())
	names, err := fs.List("/data/wal")
	must(t, err)
	if len(names) < 3 {
		t.Fatalf("only %v", names)
	}
	refused := 0
	for _, name := range names {
		path := "/data/wal/" + name
		info, err := fs.Stat(path)
		must(t, err)
		for at := range int(info.Size()) {
			flip(t, fs, path, at, 1<<(at%8))
			w, err := OpenWAL(WALOptions{FS: fs, Dir: "/data/wal", FileBytes: 4096, Logger: quiet()})
			flip(t, fs, path, at, 1<<(at%8))
			if err != nil {
				var damage *CorruptionError
				if !errors.As(err, &damage) || !strings.HasSuffix(damage.File, walSuffix) {
					t.Fatalf("%s, byte %d flipped: %v", name, at, err)
				}
				refused++
				continue
			}
			checkLogs(t, w.Group(1), 4, 60, 60)
			checkLogs(t, w.Group(2), 100, 109, 30)
			if term, _ := w.Group(2).GetUint64([]byte("CurrentTerm")); term != 11 {
				t.Fatalf("%s, byte %d flipped: term %d", name, at, term)
			}
			must(t, w.Close())
		}
	}
	if refused < 5000 {
		t.Errorf("only %d flips were noticed", refused)
	}
}

// newestEnd is where the rounds of a log's newest file end.
func newestEnd(w *WAL) int64 {
	w.filesMu.Lock()
	defer w.filesMu.Unlock()
	return w.files[len(w.files)-1].end
}

// TestWALConfirmsWhenIdle damages the last acknowledged entry of a log that was
// idle for a while before the power went off.
func TestWALConfirmsWhenIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mem := vfs.NewCrashableMem()
		w := openTestWAL(t, mem, 4096)
		must(t, w.Group(1).StoreLogs(testLogs(1, 3, 100)))
		end := newestEnd(w)
		<-time.After(time.Second)
		synctest.Wait()
		clone := mem.CrashClone(vfs.CrashCloneCfg{})
		must(t, w.Close())
		flip(t, clone, w.walPath(1), int(end)-20, 1)
		var damage *CorruptionError
		if _, err := OpenWAL(WALOptions{FS: clone, Dir: "/data/wal", Logger: quiet()}); !errors.As(err, &damage) {
			t.Fatal(err)
		}
	})
}

// TestWALRecordIsNoRound cuts the tail at a round with a truncation, whose record
// has the size of a round header and its group where that has the file's
// sequence number.
func TestWALRecordIsNoRound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // the last round must stay unconfirmed
		mem := vfs.NewCrashableMem()
		w := openTestWAL(t, mem, 4096)
		g := w.Group(1)
		must(t, g.StoreLogs(testLogs(1, 3, 100)))
		end := newestEnd(w)
		must(t, g.DeleteRange(1, 1))
		clone := mem.CrashClone(vfs.CrashCloneCfg{})
		must(t, w.Close())
		flip(t, clone, w.walPath(1), int(end), 1)
		w = openTestWAL(t, clone, 4096)
		checkLogs(t, w.Group(1), 1, 3, 100)
		must(t, w.Close())
	})
}

// TestWALDamageWhileOpen damages an entry that is not in memory.
func TestWALDamageWhileOpen(t *testing.T) {
	fs := vfs.NewMem()
	w, err := OpenWAL(WALOptions{FS: fs, Dir: "/data/wal", FileBytes: 8 << 10, CacheBytes: 1, Logger: quiet()})
	must(t, err)
	defer w.Close()
	g := w.Group(1)
	must(t, g.StoreLogs(testLogs(1, 3, 100)))
	checkLogs(t, g, 1, 3, 100)
	flip(t, fs, w.walPath(1), walHeaderSize+roundHeaderSize+recordHeaderSize+entryBodySize+7, 4)
	var damage *CorruptionError
	if err := g.GetLog(1, testLogs(1, 1, 0)[0]); !errors.As(err, &damage) || damage.File != w.walPath(1) || damage.Offset != walHeaderSize+roundHeaderSize {
		t.Fatal(err)
	}
}

// TestWALMissingFiles removes each file that is needed.
func TestWALMissingFiles(t *testing.T) {
	fs := vfs.NewMem()
	w := openTestWAL(t, fs, 4096)
	for i := range uint64(40) {
		must(t, w.Group(1).StoreLogs(testLogs(1+5*i, 5, 60)))
	}
	must(t, w.Close())
	for i := 0; i < len(w.files)-1; i++ { // without the newest, the one before is
		path := w.files[i].path
		must(t, fs.Rename(path, "/elsewhere"))
		var damage *CorruptionError
		if _, err := OpenWAL(WALOptions{FS: fs, Dir: "/data/wal", FileBytes: 4096, Logger: quiet()}); !errors.As(err, &damage) || damage.File != path {
			t.Errorf("without %s: %v", path, err)
		}
		must(t, fs.Rename("/elsewhere", path))
	}
}

// FuzzOpenWAL opens a log whose file is arbitrary, or holds a round of
// arbitrary records with valid checksums.
func FuzzOpenWAL(f *testing.F) {
	fs := vfs.NewMem()
	w := openTestWAL(f, fs, 4096)
	must(f, w.Group(1).StoreLogs(testLogs(1, 3, 10)))
	must(f, w.Group(1).Set([]byte("key"), []byte("value")))
	must(f, w.Close())
	content, err := fs.UnsafeGetFileDataBuffer("/data/wal/00000000000000000001.wal")
	must(f, err)
	f.Add(content[:1024], false)
	f.Add([]byte("\x01\x01\x28entry with index, term and the other fields..\x05\x01\x08\x00\x00\x00\x03keyv\x03\x01\x08\x00\x00\x00\x00\x00\x00\x00\x09"), true)
	f.Fuzz(func(t *testing.T, data []byte, mend bool) {
		if mend {
			data = recordsFile(data)
		}
		fs := vfs.NewMem()
		must(t, fs.MkdirAll("/data/wal", 0o755))
		file, err := fs.Create("/data/wal/00000000000000000001.wal", vfs.WriteCategoryUnspecified)
		must(t, err)
		_, err = file.Write(data)
		must(t, err)
		must(t, file.Close())
		w, err := OpenWAL(WALOptions{FS: fs, Dir: "/data/wal", FileBytes: 4096, Logger: quiet()})
		if err != nil {
			return
		}
		for _, id := range w.Groups() {
			g := w.Group(id)
			last, err := g.LastIndex()
			must(t, err)
			if last != 0 {
				must(t, g.GetLog(last, testLogs(1, 1, 0)[0]))
			}
			must(t, g.Set([]byte("key"), nil))
		}
		must(t, w.Close())
	})
}

// recordsFile makes a file of one round whose records are stated as type,
// group, body length and body.
func recordsFile(data []byte) []byte {
	header := walFileHeader{sequence: 1, firstRound: 1, oldest: 1}
	var b roundBuilder
	b.reset(checksumSeed(1), 1<<20)
	for len(data) >= 3 {
		kind, group, length := data[0], data[1], min(int(data[2]), len(data)-3)
		start := b.begin(recordType(kind%8), uint64(group))
		b.buf = append(b.buf, data[3:3+length]...)
		b.end(start)
		data = data[3+length:]
	}
	return append(header.encode(), b.finish(1, 1, 1)...)
}

// FuzzOpenPartition opens a partition whose files are arbitrary.
func FuzzOpenPartition(f *testing.F) {
	fs := vfs.NewMem()
	p := testPartition(f, fs, SyncedEnd{})
	for base := int64(0); len(p.Segments()) < 2; base += 5 {
		must(f, p.Append(offsetBatch(base, 5, 1)))
	}
	end, err := p.Sync()
	must(f, err)
	segment, err := fs.UnsafeGetFileDataBuffer(p.Segments()[0].Path)
	must(f, err)
	index, err := fs.UnsafeGetFileDataBuffer(p.Segments()[0].IndexPath)
	must(f, err)
	active, err := fs.UnsafeGetFileDataBuffer(p.Segments()[1].Path)
	must(f, err)
	f.Add(segment, index, active, []byte(nil), []byte(nil), end.SegmentBase, end.NextOffset)
	_, err = p.Compact(f.Context(), Compaction{Before: end.SegmentBase})
	must(f, err)
	compacted, err := fs.UnsafeGetFileDataBuffer(p.Segments()[0].Path)
	must(f, err)
	compactedIndex, err := fs.UnsafeGetFileDataBuffer(p.Segments()[0].IndexPath)
	must(f, err)
	f.Add(segment, index, active, compacted, compactedIndex, end.SegmentBase, end.NextOffset)
	f.Fuzz(func(t *testing.T, segment, index, active, compacted, compactedIndex []byte, base, next int64) {
		fs := vfs.NewMem()
		must(t, fs.MkdirAll("/data/stream", 0o755))
		for path, content := range map[string][]byte{
			"/data/stream/00000000000000000000.log": segment, "/data/stream/00000000000000000000.index": index,
			newSegment(fs, "/data/stream", segmentName{base: base}).path: active,
		} {
			file, err := fs.Create(path, vfs.WriteCategoryUnspecified)
			must(t, err)
			_, err = file.Write(content)
			must(t, err)
			must(t, file.Close())
		}
		for path, content := range map[string][]byte{
			"/data/stream/00000000000000000000-1.log": compacted, "/data/stream/00000000000000000000-1.index": compactedIndex,
		} {
			if len(content) == 0 {
				continue
			}
			file, err := fs.Create(path, vfs.WriteCategoryUnspecified)
			must(t, err)
			_, err = file.Write(content)
			must(t, err)
			must(t, file.Close())
		}
		p, err := OpenPartition(testPartitionOptions(fs), SyncedEnd{NextOffset: next, SegmentBase: base, SegmentBytes: int64(len(active))})
		if err != nil {
			return
		}
		for _, offset := range []int64{0, 1, base, next - 1} {
			batches, err := p.Read(offset, 100, nil)
			if err == nil && len(batches) > 0 {
				if _, _, err := ParseBatch(batches); err != nil {
					t.Fatal(err)
				}
			}
			_, _ = p.OffsetForTimestamp(offset)
		}
		_ = p.Verify()
	})
}
