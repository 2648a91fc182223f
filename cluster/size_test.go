package cluster

import (
	"math/rand/v2"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"millrace/log"
)

// TestShardBytes asks a shard how large it is, before and after a restart, when its
// partitions are not open.
func TestShardBytes(t *testing.T) {
	options := testOptions(t, vfs.NewMem(), "data", 2)
	node := startNode(t, options)
	const rows, length = 100, 10_000
	base, random := uint64(0), rand.NewChaCha8([32]byte{})
	text := make([]byte, length)
	for range rows {
		_, _ = random.Read(text) // never fails
		entry := log.Entry{
			BaseIndex: base,
			Appends:   []log.Append{{Object: 7, Batch: recordBatch(nextOffset(t, node.Shard(1), 7), string(text))}},
			Writes:    []log.Write{setRow(8, string(text[:8]), string(text))},
		}
		base = propose(t, node.Shard(1), entry)
	}
	if err := node.Checkpoint(testContext(t)); err != nil {
		t.Fatal(err)
	}
	check := func() {
		t.Helper()
		// A look is good for a while.
		node.Shard(1).size.forget()
		if got := node.Shard(1).Bytes(); got < 2*rows*length || got > 2*rows*length*11/10 {
			t.Errorf("the shard has %d bytes, rows and keys make %d", got, 2*rows*length)
		}
		if got := node.Shard(0).Bytes(); got > length {
			t.Errorf("a shard without rows has %d bytes", got)
		}
	}
	check()
	closeNode(t, node)
	node = startNode(t, options)
	check()
	closeNode(t, node)
}
