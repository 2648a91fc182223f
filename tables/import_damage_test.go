package tables

import (
	"context"
	"errors"
	"fmt"
	"maps"
	mathrand "math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// damagedShards is how many shards share a file here.
const damagedShards = 4

// sharedFile returns a store's files, all keys in one sstable, and its path.
func sharedFile(t *testing.T) (fs *vfs.MemFS, path string, want map[uint32]string) {
	fs = vfs.NewMem()
	store := openStore(t, testOptions(fs))
	random := mathrand.New(mathrand.NewPCG(1, 1))
	want = map[uint32]string{}
	for shard := range uint32(damagedShards) {
		batch := store.Shard(shard).NewBatch()
		for i := range 300 {
			batch.Set(fmt.Appendf(nil, "r%04d", i), fmt.Appendf(nil, "%x", random.Uint64()))
		}
		if err := batch.Commit(5); err != nil {
			t.Fatal(err)
		}
		want[shard] = content(t, store.Shard(shard))
	}
	if err := store.Flush(context.Background()); err != nil {
		t.Fatal(err)
	}
	closeStore(t, store)
	paths := sstables(t, fs)
	if len(paths) != 1 {
		t.Fatalf("the files are %v", paths)
	}
	return fs, paths[0], want
}

// sstables are the paths of a store's sstables.
func sstables(t *testing.T, fs vfs.FS) (paths []string) {
	t.Helper()
	names, err := fs.List("tables")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, ".sst") {
			paths = append(paths, fs.PathJoin("tables", name))
		}
	}
	return paths
}

// flipByte changes a byte of a file, at some part of its length.
func flipByte(t *testing.T, fs vfs.FS, path string, part, parts int) {
	t.Helper()
	data := readFile(t, fs, path)
	data[len(data)*part/parts] ^= 16
	file, err := fs.Create(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	_, err = file.Write(data)
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		t.Fatal(err)
	}
}

// importContent has a shard replaced by what content has told of it.
func importContent(store *Store, shard uint32, want string) error {
	imported, err := store.NewImport(shard, fmt.Sprint("import", shard))
	if err != nil {
		return err
	}
	for pair := range strings.FieldsSeq(want) {
		key, value, _ := strings.Cut(pair, "=")
		if err := imported.Set([]byte(key), []byte(value)); err != nil {
			return err
		}
	}
	if err := imported.Finish(context.Background(), 77); err != nil {
		return errors.Join(err, imported.Close())
	}
	return nil
}

// TestImportOverADamagedFile damages the one file that several shards share, everywhere: each
// shard can be replaced, and none of the others loses anything that was not given up before.
func TestImportOverADamagedFile(t *testing.T) {
	const parts = 97
	together := 0
	for part := range parts {
		fs, path, want := sharedFile(t)
		flipByte(t, fs, path, part, parts)
		options := testOptions(fs)
		lost := map[uint32]bool{}
		replaced := uint32(1)
		options.GiveUp = func(_ context.Context, first, last uint32) error {
			if first > replaced || last < replaced {
				t.Errorf("part %d: shards %d to %d are given up for shard %d", part, first, last, replaced)
			}
			for shard := first; shard <= last; shard++ {
				lost[shard] = true
			}
			return nil
		}
		store := openStore(t, options)
		if err := importContent(store, 1, want[1]); err != nil {
			t.Fatalf("part %d: %v", part, err)
		}
		delete(lost, 1)
		if len(lost) > 0 {
			together++
		}
		for shard := range uint32(damagedShards) {
			got, err := contentOf(store.Shard(shard))
			switch {
			case lost[shard] && (err != nil || got != ""):
				t.Fatalf("part %d: shard %d was given up and has %d bytes, %v", part, shard, len(got), err)
			case lost[shard]:
			case err != nil:
				lost[shard] = true
			case got != want[shard]:
				t.Fatalf("part %d: shard %d has %d bytes of %d", part, shard, len(got), len(want[shard]))
			}
		}
		for _, replaced = range slices.Sorted(maps.Keys(lost)) {
			if err := importContent(store, replaced, want[replaced]); err != nil {
				t.Fatalf("part %d: shard %d: %v", part, replaced, err)
			}
		}
		closeStore(t, store)
		store = openStore(t, options)
		for shard := range uint32(damagedShards) {
			if got := content(t, store.Shard(shard)); got != want[shard] {
				t.Fatalf("part %d: in the end shard %d has %d bytes of %d", part, shard, len(got), len(want[shard]))
			}
		}
		closeStore(t, store)
	}
	if together < 5 || together == parts {
		t.Errorf("the others were given up at %d of %d places", together, parts)
	}
}

// TestImportKeepsWhatIsNotGivenUp: a shard that may not be given up keeps what it has, and
// the import fails without having done anything.
func TestImportKeepsWhatIsNotGivenUp(t *testing.T) {
	refused := errors.New("not now")
	for name, giveUp := range map[string]func(context.Context, uint32, uint32) error{
		"nobody is asked": nil,
		"refused":         func(context.Context, uint32, uint32) error { return refused },
	} {
		failures := 0
		for part := range 16 {
			fs, path, want := sharedFile(t)
			flipByte(t, fs, path, part, 16)
			options := testOptions(fs)
			options.GiveUp = giveUp
			store := openStore(t, options)
			if err := importContent(store, 1, want[1]); err != nil {
				failures++
				if giveUp != nil && !errors.Is(err, refused) {
					t.Errorf("%s, part %d: %v", name, part, err)
				}
			}
			for shard := range uint32(damagedShards) {
				if got, err := contentOf(store.Shard(shard)); err == nil && got != want[shard] {
					t.Errorf("%s, part %d: shard %d has %d bytes of %d", name, part, shard, len(got), len(want[shard]))
				}
			}
			closeStore(t, store)
		}
		if failures == 0 {
			t.Errorf("%s: no import has failed", name)
		}
	}
}
