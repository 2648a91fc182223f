package tables

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// TestVerifyFindsDamageThatNobodyReads flips a bit in the middle of each sstable.
func TestVerifyFindsDamageThatNobodyReads(t *testing.T) {
	fs := vfs.NewMem()
	options := testOptions(fs)
	store := openStore(t, options)
	for shard := range uint32(3) {
		batch := store.Shard(shard).NewBatch()
		for i := range 5000 {
			batch.Set(fmt.Appendf(nil, "r%05d", i), []byte(strings.Repeat("value ", 5)))
		}
		if err := batch.Commit(1); err != nil {
			t.Fatal(err)
		}
	}
	if err := store.Flush(context.Background()); err != nil {
		t.Fatal(err)
	}
	pace := func(int64) error { return nil }
	if err := store.Verify(pace); err != nil {
		t.Fatal(err)
	}
	closeStore(t, store)

	for _, path := range sstables(t, fs) {
		flipByte(t, fs, path, 1, 2)
	}
	told := map[uint32]bool{}
	options.Damaged = func(first, last uint32, damage *CorruptionError) {
		for shard := first; shard <= last; shard++ {
			told[shard] = strings.HasSuffix(damage.File, ".sst")
		}
	}
	store = openStore(t, options)
	defer closeStore(t, store)
	err := store.Verify(pace)
	var damage *CorruptionError
	if !errors.As(err, &damage) || !strings.HasSuffix(damage.File, ".sst") {
		t.Fatalf("found %v", err)
	}
	if len(told) != 3 || !told[0] || !told[1] || !told[2] {
		t.Errorf("told of %v", told)
	}
	stop := errors.New("stop")
	if err := store.Verify(func(int64) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("stopped with %v", err)
	}
}
