package tables

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

// content reads all keys of a shard but the applied index.
func content(t *testing.T, r Reader) string {
	t.Helper()
	text, err := contentOf(r)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// contentOf is content of a shard that may be damaged. The applied index is read, too.
func contentOf(r Reader) (string, error) {
	if _, err := r.AppliedIndex(); err != nil {
		return "", err
	}
	it, err := r.Scan(nil, nil)
	if err != nil {
		return "", err
	}
	text := ""
	for it.Next() {
		if Kind(it.Key()[0]) != KindApplied {
			text += fmt.Sprintf("%s=%s ", it.Key(), it.Value())
		}
	}
	return text, it.Close()
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

// TestImportGoesOn ends an import between two keys, by Suspend or by a crash, and goes on
// with it: it has a part of the keys from the first on, and takes those behind them.
func TestImportGoesOn(t *testing.T) {
	const count, length, fileBytes = 1200, 1 << 10, 256 << 10
	options := func(fs vfs.FS) Options {
		o := testOptions(fs)
		o.ImportFileBytes = fileBytes
		return o
	}
	value := make([]byte, length)
	key := func(i int) []byte { return fmt.Appendf(nil, "r%04d", i) }
	for _, crash := range []bool{false, true} {
		fs := vfs.NewCrashableMem()
		store := openStore(t, options(fs))
		imported, err := store.NewImport(1, "import")
		if err != nil {
			t.Fatal(err)
		}
		for i := range count - 100 {
			_, _ = rand.Read(value) // never fails
			if err := imported.Set(key(i), value); err != nil {
				t.Fatal(err)
			}
		}
		if crash {
			fs = fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 100, RNG: mathrand.New(mathrand.NewPCG(1, 1))})
		}
		if err := errors.Join(imported.Suspend(), store.Close()); err != nil {
			t.Fatal(err)
		}

		store = openStore(t, options(fs))
		imported, err = store.ResumeImport(1, "import")
		if err != nil {
			t.Fatal(err)
		}
		next := count - 100
		if crash {
			last := 0
			if _, err := fmt.Sscanf(string(imported.LastKey()), "r%d", &last); err != nil {
				t.Fatal(err)
			}
			if next = last + 1; next < count/2 || next == count-100 {
				t.Errorf("of %d keys %d are left", count-100, next)
			}
		} else if got := string(imported.LastKey()); got != string(key(next-1)) {
			t.Errorf("the last key is %q", got)
		}
		for i := next; i < count; i++ {
			if err := imported.Set(key(i), value); err != nil {
				t.Fatal(err)
			}
		}
		if err := imported.Finish(t.Context(), 9); err != nil {
			t.Fatal(err)
		}
		it, err := store.Shard(1).Scan([]byte("r"), nil)
		if err != nil {
			t.Fatal(err)
		}
		found := 0
		for it.Next() && string(it.Key()) == string(key(found)) {
			found++
		}
		if err := errors.Join(it.Close(), store.Close()); err != nil || found != count {
			t.Errorf("%d keys are there, %v", found, err)
		}
	}
}

// TestImportGoesOnBeforeDamage damages a file: the import goes on before it.
func TestImportGoesOnBeforeDamage(t *testing.T) {
	fs := vfs.NewMem()
	store := openStore(t, testOptions(fs))
	imported, err := store.NewImport(1, "import")
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		if err := errors.Join(imported.Set(fmt.Append(nil, "r", i), []byte("some text")), imported.endFile()); err != nil {
			t.Fatal(err)
		}
	}
	file, err := fs.OpenReadWrite(imported.paths[1], vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.WriteAt([]byte{99}, 3); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := store.ResumeImport(1, "import")
	if err != nil {
		t.Fatal(err)
	}
	if names, _ := fs.List("import"); len(names) != 1 || string(again.LastKey()) != "r0" {
		t.Errorf("it goes on behind %q with the files %v", again.LastKey(), names)
	}
	// The files of another shard are of no use.
	other, err := store.ResumeImport(2, "import")
	if err != nil || len(other.LastKey()) != 0 {
		t.Errorf("another shard's import goes on behind %q: %v", other.LastKey(), err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestImportAfterErrors fails each write and sync of an import once: it goes on behind the
// last key, and has all of them.
func TestImportAfterErrors(t *testing.T) {
	const count = 60
	for operation, failed := int64(1), true; failed; operation++ {
		var operations atomic.Int64
		operations.Store(-1 << 40)
		failed = false
		fs := errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
			if op.Kind.ReadOrWrite() != errorfs.OpIsRead && strings.HasPrefix(op.Path, "import/") && operations.Add(1) == operation {
				failed = true
				return errors.New("no")
			}
			return nil
		}))
		options := testOptions(fs)
		options.ImportFileBytes = 2000
		store := openStore(t, options)
		imported, err := store.NewImport(1, "import")
		if err != nil {
			t.Fatal(err)
		}
		operations.Store(0)
		value := make([]byte, 150)
		for {
			next := 0
			if last := imported.LastKey(); len(last) > 0 {
				if _, err := fmt.Sscanf(string(last), "r%d", &next); err != nil {
					t.Fatal(err)
				}
				next++
			}
			if next == count {
				break
			}
			_ = imported.Set(fmt.Appendf(nil, "r%02d", next), value) // LastKey tells
		}
		operations.Store(1 << 40)
		if err := imported.Finish(t.Context(), 9); err != nil {
			t.Fatal(err)
		}
		if got := strings.Count(content(t, store.Shard(1)), "r"); got != count {
			t.Errorf("with operation %d failed there are %d keys", operation, got)
		}
		if err := store.Close(); err != nil {
			t.Fatal(err)
		}
		if !failed {
			t.Log(operation-1, "operations")
		}
	}
}
