package cluster

import (
	"io"
	"log/slog"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"github.com/hashicorp/raft"

	"millrace/log"
)

// faultyGroupLog returns a group's log on a file system that can fail.
func faultyGroupLog(t *testing.T) (*groupLog, *faults) {
	t.Helper()
	f, logger := &faults{}, slog.New(slog.NewTextHandler(io.Discard, nil))
	wal, err := log.OpenWAL(log.WALOptions{FS: errorfs.Wrap(vfs.NewMem(), f), Dir: "wal", Logger: logger})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = wal.Close() }) // nothing is to be kept
	return &groupLog{
		Group: wal.Group(1), snapshots: &snapshotStore{}, stopping: make(chan struct{}), logger: logger, keeps: true,
	}, f
}

func entriesOf(term, first, last uint64) []*raft.Log {
	var list []*raft.Log
	for index := first; index <= last; index++ {
		list = append(list, &raft.Log{Index: index, Term: term, Data: []byte("x")})
	}
	return list
}

// TestMessageCommitsWhatItIsAbout adapts messages to a follower whose log may have more than
// the leader's: Raft would take all of it for committed.
func TestMessageCommitsWhatItIsAbout(t *testing.T) {
	for name, test := range map[string]struct {
		message raft.AppendEntriesRequest
		want    uint64
	}{
		"entries":             {raft.AppendEntriesRequest{PrevLogEntry: 2, Entries: entriesOf(2, 3, 5), LeaderCommitIndex: 9}, 5},
		"no entries":          {raft.AppendEntriesRequest{PrevLogEntry: 2, LeaderCommitIndex: 9}, 2},
		"less is committed":   {raft.AppendEntriesRequest{PrevLogEntry: 2, Entries: entriesOf(2, 3, 5), LeaderCommitIndex: 4}, 4},
		"a heartbeat":         {raft.AppendEntriesRequest{}, 0},
		"the first of a log":  {raft.AppendEntriesRequest{Entries: entriesOf(2, 1, 3), LeaderCommitIndex: 9}, 3},
		"all that there is":   {raft.AppendEntriesRequest{PrevLogEntry: 8, Entries: entriesOf(2, 9, 9), LeaderCommitIndex: 9}, 9},
		"a notice of commits": {raft.AppendEntriesRequest{PrevLogEntry: 9, LeaderCommitIndex: 9}, 9},
	} {
		t.Run(name, func(t *testing.T) {
			entries, _ := faultyGroupLog(t)
			if err := entries.StoreLogs(entriesOf(1, 1, 20)); err != nil {
				t.Fatal(err)
			}
			p := &prefix{log: entries, snapshots: &snapshotStore{}}
			p.adapt(&test.message)
			if test.message.LeaderCommitIndex != test.want {
				t.Errorf("it tells that %d is committed, not %d", test.message.LeaderCommitIndex, test.want)
			}
		})
	}
}

// TestStoringBehindARemovedEnd fails the write of entries behind the end of the log that was
// just removed, once: Raft does not recover from that by itself.
func TestStoringBehindARemovedEnd(t *testing.T) {
	entries, f := faultyGroupLog(t)
	if err := entries.StoreLogs(entriesOf(1, 1, 5)); err != nil {
		t.Fatal(err)
	}
	fail := once(isSync("wal/"))
	f.set(fail)
	if err := entries.StoreLogs(entriesOf(1, 6, 6)); err == nil {
		t.Fatal("a failed write was not told")
	}
	if err := entries.DeleteRange(4, 5); err != nil {
		t.Fatal(err)
	}
	f.set(once(isSync("wal/")))
	if err := entries.StoreLogs(entriesOf(2, 4, 6)); err != nil {
		t.Fatalf("the write was not tried again: %v", err)
	}
	last, err := entries.LastIndex()
	if err != nil || last != 6 {
		t.Errorf("the log ends at %d, %v", last, err)
	}
}
