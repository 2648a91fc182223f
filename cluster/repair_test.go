package cluster

import (
	"errors"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// flip damages the middle of a file.
func flip(t *testing.T, fs vfs.FS, path string) { flipAt(t, fs, path, 50) }

// flipAt damages a file at so many percent of its length.
func flipAt(t *testing.T, fs vfs.FS, path string, percent int) {
	t.Helper()
	data := readTestFile(t, fs, path)
	data[len(data)*percent/100] ^= 4
	writeTestFile(t, fs, path, data)
}

// flipTables damages key-value tables, all at the same place.
func flipTables(percent int) func(t *testing.T, fs vfs.FS, path string) int {
	return func(t *testing.T, fs vfs.FS, path string) int {
		if !strings.HasSuffix(path, ".sst") {
			return 0
		}
		flipAt(t, fs, path, percent)
		return 1
	}
}

// damages are what may happen to the files of a node that is not running; each returns
// how many files it has changed.
var damages = map[string]func(t *testing.T, fs vfs.FS, path string) int{
	"segments": func(t *testing.T, fs vfs.FS, path string) int {
		if !strings.Contains(path, "data/shard-0000/") || !strings.HasSuffix(path, ".log") {
			return 0
		}
		flip(t, fs, path)
		return 1
	},
	"indexes of segments": func(t *testing.T, fs vfs.FS, path string) int {
		if !strings.Contains(path, "data/shard-0001/") || !strings.HasSuffix(path, ".index") {
			return 0
		}
		flip(t, fs, path)
		return 1
	},
	// Where the tables have keys of several shards, and what tells where those are.
	"the beginning of tables": flipTables(3),
	"the middle of tables":    flipTables(50),
	"the end of tables":       flipTables(97),
	"the manifest of the tables": func(t *testing.T, fs vfs.FS, path string) int {
		if !strings.Contains(path, "tables/MANIFEST") {
			return 0
		}
		writeTestFile(t, fs, path, readTestFile(t, fs, path)[:40])
		return 1
	},
	"all tables are gone": func(t *testing.T, fs vfs.FS, path string) int {
		if !strings.Contains(path, "data/tables/") {
			return 0
		}
		if err := fs.Remove(path); err != nil {
			t.Fatal(err)
		}
		return 1
	},
	"the newest snapshots": func(t *testing.T, fs vfs.FS, path string) int {
		dir := fs.PathDir(path)
		if !strings.Contains(path, "/snapshot-") {
			return 0
		}
		names, err := newSnapshotStore(fs, dir).names()
		if err != nil || names[len(names)-1] != fs.PathBase(path) {
			return 0
		}
		flip(t, fs, path)
		return 1
	},
}

// TestClusterRepairsDamage damages files of one node in many ways: what the node then has
// is what the others have, and nobody is ever given something else.
func TestClusterRepairsDamage(t *testing.T) {
	for name, damage := range damages {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newTestClusterWith(t, 3, 2, func(o *Options) { o.SegmentBytes = 4 << 10 })
			load := c.load()
			for range 3 {
				load.waitMore(60)
				c.checkpointAll()
			}
			load.waitMore(5)
			c.close(host(2))
			fs := c.disks[host(2)]
			changed := 0
			for _, path := range listFiles(t, fs, "data") {
				changed += damage(t, fs, path)
			}
			if changed == 0 {
				t.Fatal("nothing was damaged")
			}
			node := c.start(host(2))
			load.waitMore(20)
			// Readers meet what opening has not.
			for i := range node.Shards() {
				shard := node.Shard(i)
				waitFor(t, func() bool {
					p, err := shard.Partition(loadObject)
					if err == nil {
						_, err = readValues(p)
					}
					if err == nil {
						_, _, err = shard.Tables().Get([]byte("s"), nil)
					}
					if err == nil {
						err = errors.Join(err, scanAll(shard))
					}
					return err == nil && shard.Whole() == nil
				})
			}
			load.finish()
			t.Log(changed, "files damaged,", node.seeder.count.Load(), "replicas copied,", node.seeder.damages.Load(), "damages met")
			for _, path := range listFiles(t, fs, "data") {
				if strings.Contains(path, "/shard-") && strings.Contains(path, damagedPrefix) {
					waitFor(t, func() bool { _, err := fs.Stat(path); return err != nil })
				}
			}
		})
	}
}

// scanAll reads all keys of a shard.
func scanAll(shard *Shard) error {
	it, err := shard.Tables().Scan(nil, nil)
	if err != nil {
		return err
	}
	for it.Next() {
	}
	return it.Close()
}
