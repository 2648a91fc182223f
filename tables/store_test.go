package tables

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/prometheus/client_golang/prometheus"
	"pgregory.net/rapid"
)

func testOptions(fs vfs.FS) Options {
	return Options{FS: fs, Dir: "tables", CacheBytes: 1 << 20, MemTableBytes: 1 << 20, Logger: slog.New(slog.DiscardHandler)}
}

func openStore(t testing.TB, options Options) *Store {
	t.Helper()
	store, err := Open(options)
	if err != nil {
		t.Fatal(err)
	}
	return store
}

func closeStore(t testing.TB, store *Store) {
	t.Helper()
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
}

// fatal is what both kinds of tests have.
type fatal interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

// compare verifies that a reader reads exactly the content of a model.
func compare(t fatal, reader Reader, model map[string]string, appliedIndex uint64) {
	t.Helper()
	keys := slices.Sorted(maps.Keys(model))
	it, err := reader.Scan(nil, []byte("~"))
	if err != nil {
		t.Fatal(err)
	}
	var scanned []string
	for it.Next() {
		if key := string(it.Key()); key != string(KindApplied) {
			scanned = append(scanned, key)
			if model[key] != string(it.Value()) {
				t.Fatalf("scan: %q is %q, want %q", key, it.Value(), model[key])
			}
		}
	}
	if err := it.Close(); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(scanned, keys) {
		t.Fatalf("scanned %q, want %q", scanned, keys)
	}
	for key, want := range model {
		got, found, err := reader.Get([]byte(key), []byte("before "))
		if err != nil || !found || string(got) != "before "+want {
			t.Fatalf("get %q: %q, %v, %v", key, got, found, err)
		}
	}
	if got, found, err := reader.Get([]byte("kein"), []byte("before")); err != nil || found || string(got) != "before" {
		t.Fatalf("get of what does not exist: %q, %v, %v", got, found, err)
	}
	asked := append([]string{"k"}, keys...)
	for _, key := range keys {
		asked = append(asked, key+"!")
	}
	slices.Sort(asked)
	sorted := make([][]byte, len(asked))
	for i, key := range asked {
		sorted[i] = []byte(key)
	}
	visited := 0
	err = reader.GetSorted(sorted, func(i int, value []byte, found bool) error {
		if i != visited {
			t.Fatalf("visited %d, want %d", i, visited)
		}
		visited++
		if want, exists := model[asked[i]]; exists != found || want != string(value) {
			t.Fatalf("sorted get of %q: %q, %v; want %q, %v", asked[i], value, found, want, exists)
		}
		return nil
	})
	if err != nil || visited != len(asked) {
		t.Fatalf("sorted get visited %d of %d: %v", visited, len(asked), err)
	}
	if got, err := reader.AppliedIndex(); err != nil || got != appliedIndex {
		t.Fatalf("applied index %d, %v; want %d", got, err, appliedIndex)
	}
}

// TestModel compares shards with maps over random batches, flushes, snapshots
// and reopenings.
func TestModel(t *testing.T) {
	shards := []uint32{0, 1, 2, 1<<32 - 1}
	rapid.Check(t, func(t *rapid.T) {
		fs := vfs.NewMem()
		store, err := Open(testOptions(fs))
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := store.Close(); err != nil {
				t.Fatal(err)
			}
		}()
		models := make(map[uint32]map[string]string)
		applied := make(map[uint32]uint64)
		for _, shard := range shards {
			models[shard] = map[string]string{}
		}
		key := rapid.Custom(func(t *rapid.T) string {
			return "k" + rapid.SampledFrom([]string{"", "a", "b", "c", "\x00", "}", "aa", "ab"}).Draw(t, "key")
		})
		for range rapid.IntRange(1, 12).Draw(t, "batches") {
			shard := rapid.SampledFrom(shards).Draw(t, "shard")
			model := models[shard]
			snapshot, before, beforeIndex := store.NewSnapshot(), maps.Clone(model), applied[shard]
			batch := store.Shard(shard).NewBatch()
			for range rapid.IntRange(0, 8).Draw(t, "changes") {
				switch rapid.IntRange(0, 3).Draw(t, "change") {
				case 0, 1:
					k, v := key.Draw(t, "set"), rapid.String().Draw(t, "value")
					batch.Set([]byte(k), []byte(v))
					model[k] = v
				case 2:
					k := key.Draw(t, "delete")
					batch.Delete([]byte(k))
					delete(model, k)
				case 3:
					from, to := key.Draw(t, "from"), key.Draw(t, "to")
					batch.DeleteRange([]byte(from), []byte(to))
					maps.DeleteFunc(model, func(k, _ string) bool { return k >= from && k < to })
				}
			}
			if rapid.IntRange(0, 4).Draw(t, "drop the batch") == 0 {
				batch.Close()
				models[shard] = before
			} else {
				applied[shard] = rapid.Uint64Range(1, 1000).Draw(t, "index")
				if err := batch.Commit(applied[shard]); err != nil {
					t.Fatal(err)
				}
			}
			if rapid.IntRange(0, 3).Draw(t, "flush") == 0 {
				if err := store.Flush(context.Background()); err != nil {
					t.Fatal(err)
				}
			}
			compare(t, snapshot.Shard(shard), before, beforeIndex)
			if err := snapshot.Close(); err != nil {
				t.Fatal(err)
			}
			for _, shard := range shards {
				compare(t, store.Shard(shard), models[shard], applied[shard])
			}
		}
		if err := store.Flush(context.Background()); err != nil {
			t.Fatal(err)
		}
		if err := store.Close(); err != nil {
			t.Fatal(err)
		}
		if store, err = Open(testOptions(fs)); err != nil {
			t.Fatal(err)
		}
		for _, shard := range shards {
			compare(t, store.Shard(shard), models[shard], applied[shard])
		}
	})
}

func TestIteratorSeeks(t *testing.T) {
	store := openStore(t, testOptions(vfs.NewMem()))
	defer closeStore(t, store)
	for _, shard := range []uint32{6, 7, 8} {
		batch := store.Shard(shard).NewBatch()
		for i := range 10 {
			batch.Set(fmt.Appendf(nil, "r%d", i), fmt.Append(nil, shard))
		}
		if err := batch.Commit(1); err != nil {
			t.Fatal(err)
		}
	}
	it, err := store.Shard(7).Scan([]byte("r2"), []byte("r8"))
	if err != nil {
		t.Fatal(err)
	}
	defer it.Close()
	for _, c := range []struct{ seek, want string }{{"r5", "r5"}, {"", "r2"}, {"r33", "r4"}, {"r8", ""}, {"r2", "r2"}, {"z", ""}} {
		if found := it.SeekGE([]byte(c.seek)); found != (c.want != "") || found && string(it.Key()) != c.want {
			t.Fatalf("seek %q: %v", c.seek, found)
		}
	}
	if err := it.Err(); err != nil {
		t.Fatal(err)
	}
	back, err := store.Shard(7).Scan([]byte("r2"), []byte("r8"))
	if err != nil {
		t.Fatal(err)
	}
	var keys []string
	for back.Prev() {
		keys = append(keys, string(back.Key()))
	}
	if err := back.Close(); err != nil || !slices.Equal(keys, []string{"r7", "r6", "r5", "r4", "r3", "r2"}) {
		t.Fatalf("backwards: %q, %v", keys, err)
	}
}

// A crash leaves, of each shard, some prefix of its batches.
func TestCrashLeavesAPrefix(t *testing.T) {
	for seed := range uint64(30) {
		r := rand.New(rand.NewPCG(seed, 1))
		fs := vfs.NewCrashableMem()
		options := testOptions(fs)
		options.MemTableBytes = 32 << 10
		store := openStore(t, options)
		var flushed [2]uint64
		var committed [2]uint64
		for range 200 + r.IntN(200) {
			shard := r.IntN(2)
			committed[shard]++
			batch := store.Shard(uint32(shard)).NewBatch()
			value := fmt.Append(nil, committed[shard])
			batch.Set([]byte("rlast"), value)
			size := 200
			if r.IntN(40) == 0 {
				size = 100 << 10 // larger than a memtable
			}
			batch.Set(fmt.Appendf(nil, "r%06d", committed[shard]), append(value, make([]byte, size)...))
			if err := batch.Commit(committed[shard]); err != nil {
				t.Fatal(err)
			}
			if r.IntN(100) == 0 {
				if err := store.Flush(context.Background()); err != nil {
					t.Fatal(err)
				}
				flushed = committed
			}
		}
		crashed := fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: int(seed) % 101, RNG: r})
		closeStore(t, store)
		options.FS = crashed
		store = openStore(t, options)
		for i := range committed {
			shard := store.Shard(uint32(i))
			applied, err := shard.AppliedIndex()
			if err != nil || applied < flushed[i] || applied > committed[i] {
				t.Fatalf("seed %d: applied index %d of shard %d, flushed %d, committed %d: %v", seed, applied, i, flushed[i], committed[i], err)
			}
			if applied == 0 {
				continue
			}
			last, _, err := shard.Get([]byte("rlast"), nil)
			if err != nil || string(last) != fmt.Sprint(applied) {
				t.Fatalf("seed %d: last %q, applied %d: %v", seed, last, applied, err)
			}
			it, err := shard.Scan([]byte("r0"), []byte("r1"))
			if err != nil {
				t.Fatal(err)
			}
			rows := uint64(0)
			for it.Next() {
				rows++
			}
			if err := it.Close(); err != nil || rows != applied {
				t.Fatalf("seed %d: %d rows, applied %d: %v", seed, rows, applied, err)
			}
		}
		closeStore(t, store)
	}
}

// TestFlippedByte damages every few bytes of an sstable in turn: each read
// gives the truth or an error that names the file.
func TestFlippedByte(t *testing.T) {
	fs := vfs.NewMem()
	store := openStore(t, testOptions(fs))
	want := map[string]string{}
	batch := store.Shard(3).NewBatch()
	for i := range 500 {
		key, value := fmt.Sprintf("r%04d", i), strings.Repeat(fmt.Sprint(i, " "), 5)
		batch.Set([]byte(key), []byte(value))
		want[key] = value
	}
	if err := batch.Commit(9); err != nil {
		t.Fatal(err)
	}
	if err := store.Flush(context.Background()); err != nil {
		t.Fatal(err)
	}
	closeStore(t, store)
	names, err := fs.List("tables")
	if err != nil {
		t.Fatal(err)
	}
	name := names[slices.IndexFunc(names, func(name string) bool { return strings.HasSuffix(name, ".sst") })]
	original := readFile(t, fs, "tables/"+name)

	found := 0
	for at := 0; at < len(original); at += 97 {
		damaged := bytes.Clone(original)
		damaged[at] ^= 0x10
		writeFile(t, fs, "tables/"+name, damaged)
		if err := readAll(testOptions(fs), want); err != nil {
			found++
			if !strings.Contains(err.Error(), name) {
				t.Errorf("byte %d: the error does not name %s: %v", at, name, err)
			}
		}
	}
	if found == 0 {
		t.Error("no damage was found")
	}
	writeFile(t, fs, "tables/"+name, original)
	if err := readAll(testOptions(fs), want); err != nil {
		t.Fatal(err)
	}
}

// readAll reads all rows and returns an error if it meets one; wrong rows it
// panics over.
func readAll(options Options, want map[string]string) (err error) {
	store, err := Open(options)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	it, err := store.Shard(3).Scan([]byte("r"), []byte("s"))
	if err != nil {
		return err
	}
	n := 0
	for it.Next() {
		if want[string(it.Key())] != string(it.Value()) {
			panic("a wrong row was read")
		}
		n++
	}
	if err := it.Close(); err != nil {
		return err
	}
	if n != len(want) {
		panic("rows are missing")
	}
	for key, value := range want {
		got, found, err := store.Shard(3).Get([]byte(key), nil)
		if err != nil {
			return err
		}
		if !found || string(got) != value {
			panic("a wrong row was got")
		}
	}
	return nil
}

func readFile(t *testing.T, fs vfs.FS, path string) []byte {
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

func writeFile(t *testing.T, fs vfs.FS, path string, data []byte) {
	t.Helper()
	file, err := fs.Create(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	_, err = file.Write(data)
	if err := errors.Join(err, file.Close()); err != nil {
		t.Fatal(err)
	}
}

func TestClosed(t *testing.T) {
	store := openStore(t, testOptions(vfs.NewMem()))
	shard := store.Shard(1)
	closeStore(t, store)
	if _, _, err := shard.Get([]byte("k"), nil); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
	if _, err := shard.Scan(nil, nil); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
	if err := shard.GetSorted([][]byte{[]byte("k")}, nil); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
	if err := store.Flush(context.Background()); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
	if err := store.Close(); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
}

func TestMetrics(t *testing.T) {
	registry := prometheus.NewRegistry()
	options := testOptions(vfs.NewMem())
	options.Registerer = registry
	for range 2 {
		store := openStore(t, options)
		families, err := registry.Gather()
		if err != nil || len(families) != len(gauges)+1 {
			t.Fatalf("%d metrics, %v", len(families), err)
		}
		closeStore(t, store)
		if families, err = registry.Gather(); err != nil || len(families) != 0 {
			t.Fatalf("%d metrics of a closed store, %v", len(families), err)
		}
	}
}

// BenchmarkRead compares looking keys up one by one and in order.
func BenchmarkRead(b *testing.B) {
	store := openStore(b, Options{FS: vfs.NewMem(), Dir: "tables", Logger: slog.New(slog.DiscardHandler)})
	defer closeStore(b, store)
	const n = 1 << 20
	shard := store.Shard(1)
	r := rand.New(rand.NewPCG(1, 1))
	for i := 0; i < n; {
		batch := shard.NewBatch()
		for range 1000 {
			batch.Set(AppendRowKey(nil, 1, fmt.Appendf(nil, "%016x", uint64(i)*0x9e3779b97f4a7c15)), make([]byte, 32))
			i++
		}
		if err := batch.Commit(1); err != nil {
			b.Fatal(err)
		}
	}
	if err := store.Flush(context.Background()); err != nil {
		b.Fatal(err)
	}
	for _, missing := range []string{"", "x"} {
		keys := make([][]byte, 10_000)
		for i := range keys {
			keys[i] = AppendRowKey(nil, 1, fmt.Appendf(nil, "%016x%s", r.Uint64N(n)*0x9e3779b97f4a7c15, missing))
		}
		slices.SortFunc(keys, bytes.Compare)
		b.Run("Get"+missing, func(b *testing.B) {
			var value []byte
			for i := range b.N {
				var err error
				if value, _, err = shard.Get(keys[i%len(keys)], value[:0]); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run("GetSorted"+missing, func(b *testing.B) {
			for done := 0; done < b.N; done += len(keys) {
				err := shard.GetSorted(keys[:min(len(keys), b.N-done)], func(int, []byte, bool) error { return nil })
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
