package cluster

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"millrace/log"
)

// TestMarkThatCannotBeWritten has a replica's mark fail to be written, by a disk on which
// nothing can be synced: the replica has given nothing up then, neither a partition that is
// damaged nor one that has to be written again after its own failed sync.
func TestMarkThatCannotBeWritten(t *testing.T) {
	faults := &faults{}
	replica, err := openReplica(t, errorfs.Wrap(vfs.NewMem(), faults))
	if err != nil {
		t.Fatal(err)
	}
	defer replica.close()
	u := newSeedUniverse(t, 1, 0)
	base := uint64(0)
	put := func(object uint64, value string) {
		t.Helper()
		entry := log.Entry{BaseIndex: base, Appends: []log.Append{{Object: object, Batch: recordBatch(nextOffset(t, replica.shard, object), value)}}}
		base = u.apply(entry.AppendTo(nil), replica)
	}
	put(1, "a")
	put(2, "a")
	replica.checkpoint()
	put(1, "b")
	put(2, "b")
	second := replica.machine.partitions.find(2)
	faults.set(isSyncFault)
	if _, err := second.sync(); err == nil || !second.broken {
		t.Fatalf("a failed sync: %v", err)
	}
	for _, file := range []string{replica.machine.partitions.folder(replica.machine.partitions.find(1)) + "/file", everyFile} {
		if err := replica.machine.lack(0, "a test", file); err == nil {
			t.Fatal("a mark was written")
		}
		if err := replica.shard.Whole(); err != nil {
			t.Fatal(err)
		}
		for _, object := range []uint64{1, 2} {
			if values := partitionValues(t, replica.shard, object); !slices.Equal(values, []string{"a", "b"}) {
				t.Fatalf("partition %d has %q", object, values)
			}
		}
		if !second.broken {
			t.Fatal("a partition is not written again after its failed sync")
		}
	}
	faults.set(nil)
	replica.machine.healSoon()
	for _, object := range []uint64{1, 2} {
		put(object, "c")
		if values := partitionValues(t, replica.shard, object); !slices.Equal(values, []string{"a", "b", "c"}) {
			t.Fatalf("partition %d has %q", object, values)
		}
	}
	if err := replica.machine.lack(0, "a test", everyFile); err != nil {
		t.Fatal(err)
	}
	var seeding *SeedingError
	if _, err := replica.shard.Partition(1); !errors.As(err, &seeding) {
		t.Fatalf("a partition of a replica that is not whole: %v", err)
	}
}

// isSyncFault has all syncs of a shard's files fail.
func isSyncFault(op errorfs.Op) error {
	if strings.HasPrefix(op.Path, "shard") && isSync("")(op) {
		return errFailed
	}
	return nil
}
