package log

import (
	"encoding/hex"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/raft"
)

var update = flag.Bool("update", false, "write the files in testdata instead of comparing with them")

// checkGolden compares bytes with the hex dump in a file of testdata/format.
func checkGolden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", "format", name+".hex")
	dump := hex.Dump(got)
	if *update {
		must(t, os.MkdirAll(filepath.Dir(path), 0o755))
		must(t, os.WriteFile(path, []byte(dump), 0o644))
		return
	}
	want, err := os.ReadFile(path)
	must(t, err)
	if dump != string(want) {
		t.Errorf("the format of the %s has changed; what is on disk could no longer be read:\n%swant\n%s", name, dump, want)
	}
}

// TestFormats holds the bytes on disk against those of before.
func TestFormats(t *testing.T) {
	var b BatchBuilder
	b.Append(1_700_000_000_000, []byte("key"), []byte("value"))
	b.Append(1_700_000_000_250, nil, []byte{}, RecordHeader{Key: "header", Value: []byte("x")}, RecordHeader{Key: "null"})
	batch := b.Finish(77, 2, 9, CompressionNone)
	SetBaseOffset(batch, 1000)
	SetLeaderEpoch(batch, 3)
	checkGolden(t, "batch", batch)

	entry := Entry{
		BaseIndex: 300, CatalogVersion: 2, Time: 1_700_000_000_000,
		Appends:   []Append{{Object: 7, Batch: []byte("batch")}},
		Writes:    []Write{{Kind: Set, Key: []byte("a"), Value: []byte("1")}, {Kind: Delete, Key: []byte("b")}, {Kind: DeleteRange, Key: []byte("c"), Value: []byte("d")}, {Kind: Note, Key: []byte("e"), Value: []byte("f")}},
		Truncates: []Truncate{{Object: 7, Start: 100}},
		Compacts:  []Compact{{Object: 7, Before: 200, TombstonesBefore: 1_600_000_000_000}},
	}
	checkGolden(t, "entry", entry.AppendTo(nil))

	fs := vfs.NewMem()
	p := testPartition(t, fs, SyncedEnd{})
	for base := int64(0); len(p.Segments()) < 2; base += 5 {
		must(t, p.Append(offsetBatch(base, 5, int32(base/20))))
	}
	index, err := fs.UnsafeGetFileDataBuffer(p.Segments()[0].IndexPath)
	must(t, err)
	checkGolden(t, "index", index)
	must(t, p.TruncateBefore(p.NextOffset()))
	start, err := fs.UnsafeGetFileDataBuffer("/data/stream/start")
	must(t, err)
	checkGolden(t, "start", start)
}

// TestWALFormat holds the bytes of a log file. In real time a slow machine
// could make the log confirm a round in between.
func TestWALFormat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fs := vfs.NewMem()
		w := openTestWAL(t, fs, 4096)
		g := w.Group(5)
		must(t, g.StoreLogs([]*raft.Log{
			{Index: 1, Term: 2, Type: raft.LogNoop, AppendedAt: time.Unix(1_700_000_000, 0)},
			{Index: 2, Term: 2, Type: raft.LogCommand, Data: []byte("data"), Extensions: []byte("ext")},
		}))
		must(t, g.Set([]byte("key"), []byte("value")))
		must(t, g.DeleteRange(2, 2))
		must(t, g.DeleteRange(1, 1))
		must(t, w.DropGroup(5))
		end := newestEnd(w)
		must(t, w.Close())
		file, err := fs.UnsafeGetFileDataBuffer(w.walPath(1))
		must(t, err)
		checkGolden(t, "wal", file[:end+roundHeaderSize])
	})
}
