package tables

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// content reads all keys of a shard but the applied index.
func content(t *testing.T, r Reader) string {
	t.Helper()
	it, err := r.Scan(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	text := ""
	for it.Next() {
		if Kind(it.Key()[0]) != KindApplied {
			text += fmt.Sprintf("%s=%s ", it.Key(), it.Value())
		}
	}
	if err := it.Close(); err != nil {
		t.Fatal(err)
	}
	return text
}

// commitKeys gives a shard keys.
func commitKeys(t *testing.T, shard *Shard, index uint64, keys ...string) {
	t.Helper()
	batch := shard.NewBatch()
	for _, key := range keys {
		batch.Set([]byte(key), []byte(fmt.Sprint(index)))
	}
	if err := batch.Commit(index); err != nil {
		t.Fatal(err)
	}
}

func TestImport(t *testing.T) {
	fs := vfs.NewCrashableMem()
	store := openStore(t, testOptions(fs))
	for i := range uint32(3) {
		commitKeys(t, store.Shard(i), 5, "r1", "r2", "z")
	}
	old := store.NewSnapshot()
	running, err := old.Shard(1).Scan(nil, nil)
	if err != nil {
		t.Fatal(err)
	}

	imported, err := store.NewImport(1, "import")
	if err != nil {
		t.Fatal(err)
	}
	for i := range 1000 {
		if err := imported.Set(fmt.Appendf(nil, "r%04d", i), []byte("new")); err != nil {
			t.Fatal(err)
		}
	}
	if string(imported.LastKey()) != "r0999" {
		t.Fatalf("the last key is %q", imported.LastKey())
	}
	if got := content(t, store.Shard(1)); got != "r1=5 r2=5 z=5 " {
		t.Fatalf("before the end: %s", got)
	}
	if err := imported.Finish(context.Background(), 77); err != nil {
		t.Fatal(err)
	}

	check := func(store *Store) {
		t.Helper()
		for i := range uint32(3) {
			index, err := store.Shard(i).AppliedIndex()
			if err != nil {
				t.Fatal(err)
			}
			got := content(t, store.Shard(i))
			if i == 1 {
				if index != 77 || len(got) != 1000*len("r0000=new ") {
					t.Fatalf("shard 1 has %d bytes at index %d", len(got), index)
				}
			} else if index != 5 || got != "r1=5 r2=5 z=5 " {
				t.Fatalf("shard %d: %d, %s", i, index, got)
			}
		}
	}
	check(store)
	// Who has begun to read goes on, who begins in the older snapshot is told.
	steps := 0
	for running.Next() {
		steps++
	}
	if err := running.Close(); err != nil || steps != 4 {
		t.Fatalf("the iterator gave %d keys, %v", steps, err)
	}
	if _, err := old.Shard(1).Scan(nil, nil); !errors.Is(err, ErrReplaced) {
		t.Fatalf("scan: %v", err)
	}
	if _, _, err := old.Shard(1).Get([]byte("r1"), nil); !errors.Is(err, ErrReplaced) {
		t.Fatalf("get: %v", err)
	}
	if err := old.Shard(1).GetSorted([][]byte{[]byte("r1")}, func(int, []byte, bool) error { return nil }); !errors.Is(err, ErrReplaced) {
		t.Fatalf("get sorted: %v", err)
	}
	if got := content(t, old.Shard(0)); got != "r1=5 r2=5 z=5 " {
		t.Fatalf("the other shard: %s", got)
	}
	if err := old.Close(); err != nil {
		t.Fatal(err)
	}
	now := store.NewSnapshot()
	if got := content(t, now.Shard(1)); len(got) != 1000*len("r0000=new ") {
		t.Fatalf("a new snapshot has %d bytes", len(got))
	}
	if err := now.Close(); err != nil {
		t.Fatal(err)
	}

	crashed := fs.CrashClone(vfs.CrashCloneCfg{})
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	again := openStore(t, testOptions(crashed))
	check(again)
	if err := again.Close(); err != nil {
		t.Fatal(err)
	}
}

// An import without keys empties a shard; one that is dropped leaves nothing.
func TestImportOfNothing(t *testing.T) {
	fs := vfs.NewMem()
	store := openStore(t, testOptions(fs))
	commitKeys(t, store.Shard(2), 5, "r1")
	dropped, err := store.NewImport(2, "import")
	if err != nil {
		t.Fatal(err)
	}
	if err := dropped.Set([]byte("r9"), nil); err != nil {
		t.Fatal(err)
	}
	if err := dropped.Close(); err != nil {
		t.Fatal(err)
	}
	empty, err := store.NewImport(2, "import")
	if err != nil {
		t.Fatal(err)
	}
	if err := empty.Finish(context.Background(), 9); err != nil {
		t.Fatal(err)
	}
	index, err := store.Shard(2).AppliedIndex()
	if err != nil || index != 9 || content(t, store.Shard(2)) != "" {
		t.Fatalf("%d, %v, %q", index, err, content(t, store.Shard(2)))
	}
	if names, err := fs.List("import"); err == nil {
		t.Fatalf("files are left: %v", names)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
}
