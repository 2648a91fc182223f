package cluster

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/prometheus/client_golang/prometheus"

	"millrace/log"
)

func TestNodeKeepsEntriesOverRestarts(t *testing.T) {
	fs := vfs.NewMem()
	options := testOptions(t, fs, "data", 3)
	const object = 7
	var want [3][]string
	var commands []string
	for run := range 4 {
		catalog := &testCatalog{}
		options.Catalog = catalog
		node := startNode(t, options)
		if node.Shards() != 3 {
			t.Fatalf("%d shards", node.Shards())
		}
		if err := node.CatalogBarrier(testContext(t)); err != nil {
			t.Fatal(err)
		}
		if got := catalog.list(); !slices.Equal(got, commands) {
			t.Fatalf("catalog has %q, want %q", got, commands)
		}
		for i := range node.Shards() {
			shard := node.Shard(i)
			if got := partitionValues(t, shard, object); !slices.Equal(got, want[i]) {
				t.Fatalf("run %d: shard %d has %q, want %q", run, i, got, want[i])
			}
			if rows := tableRows(t, shard.Tables(), object); len(rows) != len(want[i]) {
				t.Fatalf("run %d: shard %d has rows %v, want %q", run, i, rows, want[i])
			}
			base, err := shard.Barrier(testContext(t))
			if err != nil {
				t.Fatal(err)
			}
			if base != shard.Applied() {
				t.Fatalf("barrier at %d, applied %d", base, shard.Applied())
			}
			for range 5 {
				value := fmt.Sprintf("%d-%d-%d", run, i, len(want[i]))
				base = propose(t, shard, entryWith(t, shard, base, object, value))
				want[i] = append(want[i], value)
			}
		}
		command := fmt.Sprint("command ", run)
		_, answer, err := node.ProposeCatalog(testContext(t), []byte(command))
		if err != nil {
			t.Fatal(err)
		}
		commands = append(commands, command)
		if answer != len(commands) {
			t.Fatalf("the catalog answered %v", answer)
		}
		// The second run ends with a checkpoint, the others leave all to the log.
		if run == 1 {
			if err := node.Checkpoint(testContext(t)); err != nil {
				t.Fatal(err)
			}
			if pending, err := node.checkpointer.due(); err != nil || len(pending) > 0 {
				t.Fatalf("the log was not cut in groups %v: %v", pending, err)
			}
		}
		closeNode(t, node)
	}
}

func TestEntryWithAnotherBaseHasNoEffect(t *testing.T) {
	fs := vfs.NewMem()
	options := testOptions(t, fs, "data", 1)
	node := startNode(t, options)
	shard := node.Shard(0)
	const object = 1
	base, err := shard.Barrier(testContext(t))
	if err != nil {
		t.Fatal(err)
	}
	if base != 0 {
		t.Fatalf("a new shard is at %d", base)
	}
	first := propose(t, shard, entryWith(t, shard, base, object, "first"))
	for _, wrong := range []uint64{0, first - 1, first + 1, first + 2} {
		entry := entryWith(t, shard, wrong, object, "wrong")
		applied, err := shard.Propose(entry.AppendTo(nil))
		if err != nil {
			t.Fatal(err)
		}
		if applied.Accepted || applied.Index <= first {
			t.Fatalf("base %d: %+v", wrong, applied)
		}
	}
	// Barriers and refused entries leave the base as it is.
	if base, err = shard.Barrier(testContext(t)); err != nil || base != first {
		t.Fatalf("base %d, %v; want %d", base, err, first)
	}
	propose(t, shard, entryWith(t, shard, first, object, "second"))
	for range 2 {
		if got := partitionValues(t, shard, object); !slices.Equal(got, []string{"first", "second"}) {
			t.Fatalf("partition has %q", got)
		}
		if rows := tableRows(t, shard.Tables(), object); len(rows) != 2 {
			t.Fatalf("rows %v", rows)
		}
		closeNode(t, node)
		node = startNode(t, options)
		shard = node.Shard(0)
	}
	closeNode(t, node)
}

func TestDropAndTruncate(t *testing.T) {
	fs := vfs.NewMem()
	options := testOptions(t, fs, "data", 1)
	node := startNode(t, options)
	shard := node.Shard(0)
	base := propose(t, shard, entryWith(t, shard, 0, 1, "kept"))
	base = propose(t, shard, entryWith(t, shard, base, 2, "gone"))
	if err := node.Checkpoint(testContext(t)); err != nil {
		t.Fatal(err)
	}
	base = propose(t, shard, entryWith(t, shard, base, 2, "gone too"))
	base = propose(t, shard, log.Entry{BaseIndex: base, Truncates: []log.Truncate{{Object: 2, Start: dropAll}, {Object: 1, Start: 1}}})
	check := func() {
		t.Helper()
		if got := partitionValues(t, shard, 1); len(got) != 0 {
			t.Fatalf("truncated partition has %q", got)
		}
		if p, err := shard.Partition(2); p != nil || err != nil {
			t.Fatalf("dropped partition: %v, %v", p, err)
		}
	}
	check()
	// Applied again from a snapshot that still has the partition.
	closeNode(t, node)
	node = startNode(t, options)
	shard = node.Shard(0)
	check()
	if err := node.Checkpoint(testContext(t)); err != nil {
		t.Fatal(err)
	}
	names, err := fs.List("data/shard-0000")
	if err != nil {
		t.Fatal(err)
	}
	if folders := slices.DeleteFunc(names, func(name string) bool { return !isPartitionFolder(name) }); len(folders) != 1 {
		t.Fatalf("folders %q", folders)
	}
	closeNode(t, node)
	node = startNode(t, options)
	shard = node.Shard(0)
	check()
	// An object made again is a new partition, from offset 0.
	propose(t, shard, entryWith(t, shard, base, 2, "new"))
	if got := partitionValues(t, shard, 2); !slices.Equal(got, []string{"new"}) {
		t.Fatalf("partition has %q", got)
	}
	closeNode(t, node)
}

func TestOpenRefuses(t *testing.T) {
	fs := vfs.NewMem()
	options := testOptions(t, fs, "data", 2)
	node := startNode(t, options)
	if _, err := Open(testContext(t), options); err == nil {
		t.Fatal("a folder was opened twice")
	}
	base := uint64(0)
	for range 3 {
		base = propose(t, node.Shard(1), entryWith(t, node.Shard(1), base, 1, "x"))
	}
	closeNode(t, node)

	more := options
	more.Shards = 3
	if _, err := Open(testContext(t), more); err == nil {
		t.Fatal("the number of shards was changed")
	}
	// The file is lost that says which node this is: it must not begin as another one.
	identity := readTestFile(t, fs, "data/NODE")
	if err := fs.Remove("data/NODE"); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(testContext(t), options); !errors.Is(err, ErrNodeUnknown) {
		t.Fatalf("without its file NODE: %v", err)
	}
	writeTestFile(t, fs, "data/NODE", identity)
	closeNode(t, startNode(t, options))
	// The log is lost, as a whole.
	if err := fs.RemoveAll("data/wal"); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(testContext(t), options); !errors.Is(err, ErrLogLost) {
		t.Fatalf("a node without its log: %v", err)
	}
}

func TestClosedNode(t *testing.T) {
	node := startNode(t, testOptions(t, vfs.NewMem(), "data", 1))
	closeNode(t, node)
	shard := node.Shard(0)
	if _, err := shard.Propose((&log.Entry{}).AppendTo(nil)); !errors.Is(err, ErrStopped) {
		t.Fatal(err)
	}
	if _, err := shard.Barrier(testContext(t)); !errors.Is(err, ErrStopped) {
		t.Fatal(err)
	}
	if _, _, err := node.ProposeCatalog(testContext(t), nil); !errors.Is(err, ErrStopped) {
		t.Fatal(err)
	}
	if err := node.Checkpoint(testContext(t)); !errors.Is(err, ErrStopped) {
		t.Fatal(err)
	}
	if err := node.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestCloseUnderLoad closes a node while it is written to: every call returns,
// and what was acknowledged is there afterwards.
func TestCloseUnderLoad(t *testing.T) {
	for range 5 {
		fs := vfs.NewMem()
		options := testOptions(t, fs, "data/below/more", 2)
		options.SnapshotBytes = 1 << 10
		node := startNode(t, options)
		var acknowledged [2][]string
		started := make(chan struct{}, 2)
		var writers sync.WaitGroup
		for i := range 2 {
			writers.Go(func() {
				shard := node.Shard(i)
				for base, n := uint64(0), 0; ; n++ {
					value := fmt.Sprint(i, " ", n)
					entry := log.Entry{
						BaseIndex: base,
						Appends:   []log.Append{{Object: 1, Batch: recordBatch(int64(n), value)}},
					}
					applied, err := shard.Propose(entry.AppendTo(nil))
					if err != nil {
						if !errors.Is(err, ErrStopped) && !errors.Is(err, ErrFateUnknown) && !errors.Is(err, ErrNotLeader) {
							t.Error(err)
						}
						return
					}
					acknowledged[i] = append(acknowledged[i], value)
					base = applied.Index
					if n == 100 {
						started <- struct{}{}
					}
				}
			})
		}
		<-started
		<-started
		closeNode(t, node)
		writers.Wait()
		node = startNode(t, options)
		for i := range 2 {
			got := partitionValues(t, node.Shard(i), 1)
			if len(got) < len(acknowledged[i]) || !slices.Equal(got[:len(acknowledged[i])], acknowledged[i]) {
				t.Errorf("shard %d has %d entries, %d were acknowledged", i, len(got), len(acknowledged[i]))
			}
		}
		closeNode(t, node)
	}
}

// TestLogIsCut writes to one shard of several: the log stays small, although the
// others have their oldest entries at its beginning.
func TestLogIsCut(t *testing.T) {
	registry := prometheus.NewRegistry()
	options := testOptions(t, vfs.NewMem(), "data", 4)
	options.LogFileBytes, options.SnapshotBytes = 16<<10, 32<<10
	options.Registerer = registry
	node := startNode(t, options)
	base, value := uint64(0), strings.Repeat("x", 1000)
	for range 1000 {
		base = propose(t, node.Shard(2), log.Entry{BaseIndex: base, Writes: []log.Write{setRow(1, "key", value)}})
	}
	waitFor(t, func() bool {
		// The log lets go of files when it writes.
		base = propose(t, node.Shard(2), log.Entry{BaseIndex: base, Writes: []log.Write{setRow(1, "key", "small")}})
		return node.wal.Pinned().Bytes < 8*options.LogFileBytes
	})
	if err := node.Health(); err != nil {
		t.Fatal(err)
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	found := false
	for _, family := range families {
		if family.GetName() == "millrace_shard_applied_index" {
			found = len(family.GetMetric()) == 4 && family.GetMetric()[2].GetGauge().GetValue() == float64(base)
		}
	}
	if !found {
		t.Errorf("metrics %v", families)
	}
	closeNode(t, node)
	if families, err = registry.Gather(); err != nil || len(families) > 0 {
		t.Errorf("metrics of a closed node: %v, %v", families, err)
	}
}
