package cluster

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// TestFlippedByte damages one file after the other of a stopped node: starting
// and reading it gives the truth or an error that names the file.
func TestFlippedByte(t *testing.T) {
	fs := vfs.NewMem()
	options := testOptions(t, fs, "data", 1)
	options.SegmentBytes = 2 << 10
	node := startNode(t, options)
	var want []string
	base := uint64(0)
	for i := range 80 {
		value := fmt.Sprintf("value %03d %s", i, strings.Repeat("x", 100))
		base = propose(t, node.Shard(0), entryWith(t, node.Shard(0), base, 1, value))
		want = append(want, value)
	}
	if err := node.Checkpoint(testContext(t)); err != nil {
		t.Fatal(err)
	}
	// Something for the log, which has been cut.
	for range 20 {
		base = propose(t, node.Shard(0), entryWith(t, node.Shard(0), base, 2, "x"))
	}
	if _, _, err := node.ProposeCatalog(testContext(t), []byte("command")); err != nil {
		t.Fatal(err)
	}
	closeNode(t, node)

	for _, path := range listFiles(t, fs, "data") {
		kind := fileKind(path)
		if kind == "" {
			continue
		}
		original := readTestFile(t, fs, path)
		found := false
		for i := range 8 {
			damaged := bytes.Clone(original)
			damaged[min(len(damaged)*i/16, len(damaged)-1)] ^= 4
			writeTestFile(t, fs, path, damaged)
			clone := vfs.NewMem()
			if ok, err := vfs.Clone(fs, clone, "data", "data"); err != nil || !ok {
				t.Fatal(ok, err)
			}
			err := readNode(t, clone, options, want)
			if err == nil {
				continue
			}
			found = true
			name := path[strings.LastIndexByte(path, '/')+1:]
			if !strings.Contains(err.Error(), name) {
				t.Errorf("%s damaged: the error does not name it: %v", path, err)
			}
		}
		if !found {
			t.Logf("no damage was found in %s of %d bytes", path, len(original))
			if kind == "must" {
				t.Errorf("no damage was found in %s", path)
			}
		}
		writeTestFile(t, fs, path, original)
	}
	if err := readNode(t, fs, options, want); err != nil {
		t.Fatal(err)
	}
}

// fileKind tells whether damage of a file must be noticed ("must"), may be
// without effect ("may"), or whether the file is not looked at ("").
func fileKind(path string) string {
	switch {
	case strings.Contains(path, "/snapshot-"), strings.Contains(path, "/"+copyPrefix):
		return "may" // either is there twice
	case strings.HasSuffix(path, "/NODE"), strings.HasSuffix(path, ".sst"),
		strings.Contains(path, "shard-0000/1-"):
		if strings.HasSuffix(path, "/start") {
			return "may"
		}
		return "must"
	case strings.Contains(path, "/wal/"):
		return "may"
	}
	return ""
}

// readNode starts a node and reads everything.
func readNode(t *testing.T, fs vfs.FS, options Options, want []string) (err error) {
	options.FS = fs
	options.Catalog = &testCatalog{}
	node, err := Open(testContext(t), options)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, node.Close()) }()
	if err := node.Ready(testContext(t)); err != nil {
		return err
	}
	shard := node.Shard(0)
	p, err := shard.Partition(1)
	if err != nil {
		return err
	}
	values, err := readValues(p)
	if err != nil {
		return err
	}
	if fmt.Sprint(values) != fmt.Sprint(want) {
		t.Errorf("wrong values were read: %d of %d", len(values), len(want))
	}
	for _, value := range want {
		_, found, err := shard.Tables().Get(setRow(1, value, "").Key, nil)
		if err != nil {
			return err
		}
		if !found {
			t.Errorf("the row of %q was not found", value)
		}
	}
	return nil
}

// listFiles lists the files below a directory.
func listFiles(t *testing.T, fs vfs.FS, dir string) (paths []string) {
	t.Helper()
	names, err := fs.List(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		path := fs.PathJoin(dir, name)
		info, err := fs.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case info.IsDir():
			paths = append(paths, listFiles(t, fs, path)...)
		case info.Size() > 0:
			paths = append(paths, path)
		}
	}
	return paths
}

func readTestFile(t *testing.T, fs vfs.FS, path string) []byte {
	t.Helper()
	file, err := fs.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(file)
	if err := errors.Join(err, file.Close()); err != nil {
		t.Fatal(err)
	}
	return data
}

func writeTestFile(t *testing.T, fs vfs.FS, path string, data []byte) {
	t.Helper()
	if err := writeFile(fs, path, data); err != nil {
		t.Fatal(err)
	}
}

func TestCloseLeavesNoGoroutines(t *testing.T) {
	fs := vfs.NewMem()
	before := runtime.NumGoroutine()
	for range 3 {
		node := startNode(t, testOptions(t, fs, "data", 2))
		propose(t, node.Shard(0), entryWith(t, node.Shard(0), node.Shard(0).Applied(), 1, "x"))
		if err := node.Checkpoint(testContext(t)); err != nil {
			t.Fatal(err)
		}
		closeNode(t, node)
	}
	// Raft's goroutine that measures the log's age is told to end, but not
	// waited for.
	waitFor(t, func() bool { return runtime.NumGoroutine() <= before })
}

func TestSnapshotFileRoundTrip(t *testing.T) {
	state := shardState{stateIndex: 300, partitions: []partitionState{
		{object: 1 << 40, created: 299}, {object: 2, created: 7},
	}}
	state.partitions[0].end.NextOffset = 12
	state.partitions[1].end.SegmentBytes = 1 << 30
	decoded, err := decodeShardState(state.encode(nil))
	if err != nil || fmt.Sprint(*decoded) != fmt.Sprint(state) {
		t.Fatalf("%+v, %v; want %+v", decoded, err, state)
	}
}

func FuzzDecodeShardState(f *testing.F) {
	f.Add((&shardState{stateIndex: 5, partitions: []partitionState{{object: 1, created: 2}}}).encode(nil))
	f.Fuzz(func(t *testing.T, data []byte) {
		state, err := decodeShardState(data)
		if err != nil {
			return
		}
		again, err := decodeShardState(state.encode(nil))
		if err != nil || fmt.Sprint(*again) != fmt.Sprint(*state) {
			t.Fatalf("%+v, %v; want %+v", again, err, state)
		}
	})
}

func FuzzDecodeIdentity(f *testing.F) {
	f.Add(identity{node: 1, shards: 8}.encode())
	f.Fuzz(func(t *testing.T, data []byte) {
		if id, err := decodeIdentity(data); err == nil && !bytes.Equal(id.encode(), data) {
			t.Fatalf("%q decodes to %+v", data, id)
		}
	})
}
