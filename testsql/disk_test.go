package testsql

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"millrace/cmd/node"
	"millrace/testsql/harness"
)

// faults fails operations of a file system while it is armed.
type faults struct {
	mode atomic.Int32
	hits atomic.Int64
}

const (
	faultNone int32 = iota
	faultFull
	faultSync
	faultManifest
)

// MaybeError implements errorfs.Injector.
func (f *faults) MaybeError(op errorfs.Op) error {
	switch mode := f.mode.Load(); {
	case mode == faultFull && (op.Kind == errorfs.OpFileWrite || op.Kind == errorfs.OpFileWriteAt || op.Kind == errorfs.OpFilePreallocate || op.Kind == errorfs.OpCreate):
		f.hits.Add(1)
		return syscall.ENOSPC
	case mode == faultSync && (op.Kind == errorfs.OpFileSync || op.Kind == errorfs.OpFileSyncData) && strings.Contains(op.Path, "wal"):
		f.hits.Add(1)
		return errors.New("injected: the disk failed to sync")
	case mode == faultManifest && op.Kind == errorfs.OpFileWrite && strings.Contains(op.Path, "MANIFEST"):
		f.hits.Add(1)
		return errors.New("injected: the disk failed to write")
	}
	return nil
}

// String implements errorfs.Injector.
func (f *faults) String() string { return "faults" }

// TestDiskFaults fills the disk, and fails syncs, under load: clients get clear
// errors, nothing acknowledged is lost, and writing goes on when the disk works
// again.
func TestDiskFaults(t *testing.T) {
	for name, mode := range map[string]int32{"full disk": faultFull, "failed sync": faultSync} {
		t.Run(name, func(t *testing.T) {
			f := &faults{}
			dir := t.TempDir()
			options := node.Options{Dir: dir, Shards: 2, FS: errorfs.Wrap(vfs.Default, f)}
			n := harness.StartNode(t, options)
			w := newWorkload()
			w.declare(t, harness.Connect(t, harness.NodeURL(n.Addr())))
			random := rand.New(rand.NewPCG(3, uint64(mode)))
			for range 3 {
				writeThrough(t, n, w, f, mode, random)
			}
			w.check(t, harness.Connect(t, harness.NodeURL(n.Addr())))
			if f.hits.Load() == 0 {
				t.Error("no fault was met")
			}
			if err := n.Close(); err != nil {
				t.Fatal(err)
			}
			n = harness.StartNode(t, node.Options{Dir: dir})
			w.check(t, harness.Connect(t, harness.NodeURL(n.Addr())))
		})
	}
}

// TestFailedStore has the key-value store fail for good: the node's service ends, and a
// node that is started again has everything.
func TestFailedStore(t *testing.T) {
	f := &faults{}
	dir := t.TempDir()
	n, err := node.Start(t.Context(), node.Options{
		Dir: dir, Listen: "127.0.0.1:0", Shards: 2, SnapshotBytes: 64 << 10, FS: errorfs.Wrap(vfs.Default, f),
	})
	if err != nil {
		t.Fatal(err)
	}
	w := newWorkload()
	connection := harness.Connect(t, harness.NodeURL(n.Addr()))
	w.declare(t, connection)
	random := rand.New(rand.NewPCG(5, 5))
	for range 20 {
		if err := w.write(t.Context(), connection, random); err != nil {
			t.Fatal(err)
		}
	}
	f.mode.Store(faultManifest)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for w.write(t.Context(), connection, random) == nil {
		}
	}()
	select {
	case err := <-n.Failed():
		t.Log(err)
	case <-time.After(time.Minute):
		t.Error("the node goes on without its store")
	}
	_ = n.Close() // its store cannot be closed well
	<-ended
	n = harness.StartNode(t, node.Options{Dir: dir})
	w.check(t, harness.Connect(t, harness.NodeURL(n.Addr())))
}

// writeThrough writes, breaks the disk until a write fails, mends it, and writes
// until one succeeds.
func writeThrough(t *testing.T, n *node.Node, w *workload, f *faults, mode int32, random *rand.Rand) {
	t.Helper()
	connection := harness.Connect(t, harness.NodeURL(n.Addr()))
	for range 20 {
		if err := w.write(t.Context(), connection, random); err != nil {
			t.Fatal(err)
		}
	}
	f.mode.Store(mode)
	failed := make(chan error, 1)
	go func() {
		for {
			if err := w.write(t.Context(), connection, random); err != nil {
				failed <- err
				return
			}
		}
	}()
	select {
	case err := <-failed:
		if got := code(err); got != "53100" && got != "58030" && got != "40003" {
			t.Errorf("a write to a broken disk fails with %v", err)
		}
	case <-time.After(time.Minute):
		t.Error("no write to a broken disk has failed")
	}
	f.mode.Store(faultNone)
	connection = harness.Connect(t, harness.NodeURL(n.Addr()))
	harness.Eventually(t, time.Minute, func() error {
		for range 10 { // until every shard works
			if err := w.write(t.Context(), connection, random); err != nil {
				return err
			}
		}
		return nil
	})
}

// TestDamage flips a byte in every kind of file of a stopped node. Whatever it
// hits, no query ever gives a wrong answer: it gives the right one, or an error
// that names the place, or the node refuses to start and says why.
func TestDamage(t *testing.T) {
	dir := t.TempDir()
	n := harness.StartNode(t, node.Options{Dir: dir, Shards: 1, SnapshotBytes: 256 << 10})
	c := harness.Connect(t, harness.NodeURL(n.Addr()))
	harness.Exec(t, c, `CREATE STREAM s (n INT, text TEXT)`)
	harness.Exec(t, c, `CREATE TABLE groups AS SELECT n % 100 AS k, count(*) AS c, sum(n) AS total FROM s GROUP BY 1`)
	for i := range 40 {
		var values []string
		for k := range 500 {
			values = append(values, fmt.Sprintf("(%d, 'row %d of the stream')", i*500+k, i*500+k))
		}
		harness.Exec(t, c, `INSERT INTO s VALUES `+strings.Join(values, ", "))
	}
	queries := []string{`SELECT count(*), sum(n), max(text) FROM s`, `SELECT * FROM groups ORDER BY k`}
	var want []string
	for _, query := range queries {
		want = append(want, strings.Join(harness.Rows(t, c, query), "\n"))
	}
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	var files []string
	err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(9, 9))
	reported, flips := 0, 1
	if long() {
		flips = 20
	}
	for _, file := range files {
		for range flips {
			if flipAndAsk(t, dir, file, random, queries, want) {
				reported++
			}
		}
	}
	if reported == 0 {
		t.Error("no damage was reported")
	}
	t.Logf("damage in %d files was reported %d times", len(files), reported)
}

// flipAndAsk flips one byte of a file in a copy of the folder and asks. It tells
// whether the damage was reported.
func flipAndAsk(t *testing.T, dir, file string, random *rand.Rand, queries, want []string) (reported bool) {
	t.Helper()
	copied := t.TempDir()
	if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	relative, err := filepath.Rel(dir, file)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(copied, relative)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if len(data) == 0 {
		return false
	}
	at := random.IntN(len(data))
	for range 1000 { // files are filled ahead with zeros, where a flip is rarely met
		if data[at] != 0 {
			break
		}
		at = random.IntN(len(data))
	}
	data[at] ^= 1 << random.IntN(8)
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	n, err := node.Start(t.Context(), node.Options{Dir: copied, Listen: "127.0.0.1:0"})
	if err != nil {
		return true
	}
	defer n.Close()
	c := harness.Connect(t, harness.NodeURL(n.Addr()))
	for i, query := range queries {
		rows, err := harness.TryRows(t.Context(), c, query)
		switch {
		case err != nil:
			reported = true
		case strings.Join(rows, "\n") != want[i]:
			t.Errorf("byte %d of %s flipped: %s gives a wrong answer", at, relative, query)
		}
	}
	return reported
}
