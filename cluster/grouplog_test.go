package cluster

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"github.com/hashicorp/raft"

	"millrace/log"
)

// TestVotesAreNotGivenUnwritten has a node stop while its disk fails: Raft must not hear
// that a vote has been written, since it would send it, and after a term that was not
// written nothing else may be.
func TestVotesAreNotGivenUnwritten(t *testing.T) {
	faults := &faults{}
	wal, err := log.OpenWAL(log.WALOptions{FS: errorfs.Wrap(vfs.NewMem(), faults), Dir: "wal", Logger: testLogger(t)})
	if err != nil {
		t.Fatal(err)
	}
	defer wal.Close()
	stopping := make(chan struct{})
	g := &groupLog{Group: wal.Group(1), stopping: stopping, logger: testLogger(t)}
	if err := g.SetUint64(keyCurrentTerm, 1); err != nil {
		t.Fatal(err)
	}
	close(stopping)
	failing := errors.New("the disk fails")
	faults.set(func(op errorfs.Op) error {
		if op.Kind.ReadOrWrite() == errorfs.OpIsWrite {
			return failing
		}
		return nil
	})
	for _, key := range []string{"LastVoteTerm", "LastVoteCand"} {
		if err := g.Set([]byte(key), []byte("12345678")); !errors.Is(err, failing) {
			t.Errorf("a vote that cannot be written: %v", err)
		}
	}
	// Raft would panic.
	if err := g.SetUint64(keyCurrentTerm, 2); err != nil {
		t.Errorf("a term that cannot be written: %v", err)
	}
	faults.set(func(errorfs.Op) error { return nil })
	if err := g.Set([]byte("LastVoteCand"), []byte("2")); !errors.Is(err, ErrStopped) {
		t.Errorf("a vote in a term that was not written: %v", err)
	}
	if err := g.StoreLog(&raft.Log{Index: 1, Term: 2}); !errors.Is(err, ErrStopped) {
		t.Errorf("an entry of a term that was not written: %v", err)
	}
}

// TestVotesAfterADiskFailed has a disk refuse entries some times. A vote much later, on a
// disk that works, waits for nothing, though no entries have come since: the candidate may
// be the only one who has them all.
func TestVotesAfterADiskFailed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		faults := &faults{}
		wal, err := log.OpenWAL(log.WALOptions{FS: errorfs.Wrap(vfs.NewMem(), faults), Dir: "wal", Logger: testLogger(t)})
		if err != nil {
			t.Fatal(err)
		}
		defer wal.Close()
		g := &groupLog{Group: wal.Group(1), stopping: make(chan struct{}), logger: testLogger(t)}
		faults.set(func(op errorfs.Op) error {
			if op.Kind.ReadOrWrite() == errorfs.OpIsWrite {
				return errors.New("the disk fails")
			}
			return nil
		})
		for range 10 {
			if err := g.StoreLog(&raft.Log{Index: 1, Term: 1}); err == nil {
				t.Fatal("an entry is said to be written that was not")
			}
		}
		faults.set(func(errorfs.Op) error { return nil })
		for i, longest := range []time.Duration{lastRetry, 0, 0} {
			began := time.Now()
			if err := g.SetUint64(keyCurrentTerm, uint64(i+2)); err != nil {
				t.Fatal(err)
			}
			if took := time.Since(began); took > longest {
				t.Errorf("term %d was written after %v", i+2, took)
			}
		}
	})
}
