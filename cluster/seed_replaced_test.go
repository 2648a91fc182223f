package cluster

import (
	"context"
	"fmt"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"millrace/log"
)

// TestSeedOfAReplicaThatIsReplaced interrupts a copy, and replaces its source by a copy of
// another node's: what the source keeps for the receiver can never be read again, and the
// receiver gets the new one.
func TestSeedOfAReplicaThatIsReplaced(t *testing.T) {
	u := newSeedUniverse(t, 1, 0)
	for i := range 200 {
		name := fmt.Sprintf("row %03d", i)
		entry := log.Entry{BaseIndex: u.base, Writes: []log.Write{setRow(modelTable, name, name)}}
		u.state.rows[name] = name
		u.base = u.apply(entry.AppendTo(nil), nil)
	}
	content, index := u.source.checkpoint()
	replica, err := openReplica(t, vfs.NewMem())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { replica.close() }()
	replica.install(content, index)
	receiver := u.receiver(replica)
	if u.copy(receiver, 2000) == nil || receiver.point == nil {
		t.Fatal("the copy was not interrupted within the keys")
	}
	replaceContent(t, u.source)
	for attempts := 1; u.copy(receiver, 1<<20) != nil; attempts++ {
		if attempts == 3 {
			t.Fatal("the replica cannot be copied any more")
		}
	}
	u.check(replica)
}

// replaceContent has a replica's keys replaced by equal ones.
func replaceContent(t *testing.T, r *testReplica) {
	t.Helper()
	imported, err := r.store.NewImport(3, "import-of-the-same")
	if err != nil {
		t.Fatal(err)
	}
	state, err := r.shard.tables.AppliedIndex()
	if err != nil {
		t.Fatal(err)
	}
	it, err := r.shard.tables.Scan(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	for it.Next() {
		if err := imported.Set(it.Key(), it.Value()); err != nil {
			t.Fatal(err)
		}
	}
	if err := it.Close(); err != nil {
		t.Fatal(err)
	}
	if err := imported.Finish(context.Background(), state); err != nil {
		t.Fatal(err)
	}
}
