package cluster

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/raft"
)

// recordingMachine notes which entries it is handed.
type recordingMachine struct {
	mu      sync.Mutex
	indexes []uint64
}

// Apply implements raft.FSM.
func (m *recordingMachine) Apply(entry *raft.Log) any {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.indexes = append(m.indexes, entry.Index)
	return nil
}

// Snapshot implements raft.FSM.
func (m *recordingMachine) Snapshot() (raft.FSMSnapshot, error) { panic("not asked for") }

// Restore implements raft.FSM.
func (m *recordingMachine) Restore(from io.ReadCloser) error { return from.Close() }

// applied lists the entries that it was handed.
func (m *recordingMachine) applied() []uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.indexes)
}

// lonelyFollower is node 1 of a group whose other members are played by a test.
type lonelyFollower struct {
	t         *testing.T
	files     *groupFiles
	group     *group
	machine   *recordingMachine
	transport *raft.InmemTransport
	refused   atomic.Int64
}

// newLonelyFollower starts a follower whose log has the configuration of three voters.
func newLonelyFollower(t *testing.T) *lonelyFollower {
	t.Helper()
	entries, _ := faultyGroupLog(t)
	first := &raft.Log{Index: 1, Term: 1, Type: raft.LogConfiguration, Data: threeVoters()}
	if err := entries.StoreLog(first); err != nil {
		t.Fatal(err)
	}
	if err := entries.SetUint64(keyCurrentTerm, 1); err != nil {
		t.Fatal(err)
	}
	fs := vfs.NewMem()
	if err := fs.MkdirAll("group", 0o755); err != nil {
		t.Fatal(err)
	}
	f := &lonelyFollower{
		t: t, machine: &recordingMachine{},
		files: &groupFiles{name: "group", log: entries.Group, store: newSnapshotStore(fs, "group")},
	}
	f.start()
	t.Cleanup(f.stop)
	return f
}

// threeVoters is the configuration of nodes 1 to 3.
func threeVoters() []byte {
	var c raft.Configuration
	for node := range uint64(3) {
		c.Servers = append(c.Servers, raft.Server{ID: serverID(node + 1), Address: serverAddress(node + 1)})
	}
	return raft.EncodeConfiguration(c)
}

func (f *lonelyFollower) start() {
	f.t.Helper()
	var here *raft.InmemTransport
	_, here = raft.NewInmemTransport(serverAddress(1))
	_, f.transport = raft.NewInmemTransport(serverAddress(2))
	f.transport.Connect(serverAddress(1), here)
	logger := testLogger(f.t)
	var err error
	f.group, err = startGroup(groupOptions{
		name: "group", nodeID: 1,
		log:       &groupLog{Group: f.files.log, snapshots: f.files.store, stopping: make(chan struct{}), logger: logger},
		snapshots: f.files.store, machine: f.machine, transport: here,
		silenced: func() bool { return false }, refused: &f.refused, hurry: func() func() { return func() {} },
		election: time.Hour, logger: logger,
	})
	if err != nil {
		f.t.Fatal(err)
	}
}

func (f *lonelyFollower) stop() {
	f.t.Helper()
	if err := f.group.stop(); err != nil {
		f.t.Error(err)
	}
}

// header is that of another node's requests.
func header(node uint64) raft.RPCHeader {
	return raft.RPCHeader{ProtocolVersion: raft.ProtocolVersionMax, ID: []byte(serverID(node)), Addr: []byte(serverAddress(node))}
}

// append sends entries of a leader, which have been committed, and tells whether they were
// stored.
func (f *lonelyFollower) append(term, previous, previousTerm uint64, entries []*raft.Log) bool {
	f.t.Helper()
	commit := previous
	if n := len(entries); n > 0 {
		commit = entries[n-1].Index
	}
	return f.appendUpTo(term, previous, previousTerm, entries, commit)
}

// appendUpTo is append with the index up to which entries are committed.
func (f *lonelyFollower) appendUpTo(term, previous, previousTerm uint64, entries []*raft.Log, commit uint64) bool {
	f.t.Helper()
	var answer raft.AppendEntriesResponse
	err := f.transport.AppendEntries(serverID(1), serverAddress(1), &raft.AppendEntriesRequest{
		RPCHeader: header(2), Term: term, PrevLogEntry: previous, PrevLogTerm: previousTerm, Entries: entries, LeaderCommitIndex: commit,
	}, &answer)
	if err != nil {
		f.t.Fatal(err)
	}
	return answer.Success
}

// install sends a leader's snapshot, and tells whether it was installed.
func (f *lonelyFollower) install(term, last, lastTerm uint64) bool {
	f.t.Helper()
	var answer raft.InstallSnapshotResponse
	content := []byte("state")
	err := f.transport.InstallSnapshot(serverID(1), serverAddress(1), &raft.InstallSnapshotRequest{
		RPCHeader: header(2), SnapshotVersion: raft.SnapshotVersionMax, Term: term, LastLogIndex: last, LastLogTerm: lastTerm,
		Configuration: threeVoters(), ConfigurationIndex: 1, Size: int64(len(content)),
	}, &answer, bytes.NewReader(content))
	if err != nil {
		f.t.Fatal(err)
	}
	return answer.Success
}

// holds verifies that the log ends at an entry of a term, for Raft as on disk.
func (f *lonelyFollower) holds(last, term uint64) {
	f.t.Helper()
	var entry raft.Log
	if err := f.files.log.GetLog(last, &entry); err != nil || entry.Term != term {
		f.t.Errorf("entry %d is of term %d, %v; want %d", last, entry.Term, err, term)
	}
	end, err := f.files.log.LastIndex()
	if err != nil || end != last || f.group.raft.LastIndex() != last {
		f.t.Errorf("the log ends at %d, %v, for Raft at %d; want %d", end, err, f.group.raft.LastIndex(), last)
	}
}

// TestSnapshotForALongerLog has a node whose log is longer than the snapshot that it is sent,
// with entries of its own that never were committed: it follows the leader nevertheless.
func TestSnapshotForALongerLog(t *testing.T) {
	for name, restarts := range map[string]bool{"running": false, "restarted": true} {
		t.Run(name, func(t *testing.T) {
			f := newLonelyFollower(t)
			if !f.appendUpTo(2, 1, 1, entriesOf(2, 2, 40), 1) {
				t.Fatal("entries are not stored")
			}
			if !f.install(3, 20, 3) {
				t.Fatal("a snapshot is not installed")
			}
			if restarts {
				f.stop()
				f.start()
			}
			if !f.append(3, 20, 3, nil) || !f.append(3, 20, 3, entriesOf(3, 21, 22)) || !f.append(3, 22, 3, entriesOf(3, 23, 23)) {
				t.Fatal("entries behind a snapshot are not stored")
			}
			f.holds(23, 3)
			waitFor(t, func() bool { return slices.Equal(f.machine.applied(), []uint64{21, 22, 23}) })
		})
	}
}

// TestSnapshotsForALongerLog has a second snapshot come before any entries, still of less
// than the log had.
func TestSnapshotsForALongerLog(t *testing.T) {
	f := newLonelyFollower(t)
	if !f.appendUpTo(2, 1, 1, entriesOf(2, 2, 40), 1) || !f.install(3, 20, 3) || !f.install(3, 30, 3) {
		t.Fatal("a snapshot is not installed")
	}
	if !f.append(3, 30, 3, entriesOf(3, 31, 32)) {
		t.Fatal("entries behind a snapshot are not stored")
	}
	f.holds(32, 3)
}

// TestSnapshotOfWhatIsThere sends snapshots of entries that the log has: what was
// acknowledged behind them stays, and nothing is applied twice.
func TestSnapshotOfWhatIsThere(t *testing.T) {
	f := newLonelyFollower(t)
	if !f.append(2, 1, 1, entriesOf(2, 2, 10)) {
		t.Fatal("entries are not stored")
	}
	for _, last := range []uint64{5, 10} {
		if !f.install(2, last, 2) {
			t.Errorf("a snapshot up to entry %d is not taken", last)
		}
	}
	f.holds(10, 2)
	if !f.append(2, 10, 2, entriesOf(2, 11, 12)) {
		t.Fatal("entries behind a snapshot are not stored")
	}
	f.holds(12, 2)
	waitFor(t, func() bool { return len(f.machine.applied()) >= 11 })
	if applied := f.machine.applied(); len(applied) != 11 {
		t.Errorf("applied %v", applied)
	}
	// One of a leader that has been replaced is turned away.
	if f.install(1, 5, 2) {
		t.Error("a snapshot of a former term is taken")
	}
}

// TestCrashBeforeALogIsEmptied has a crash come between a snapshot and the emptying of a
// log that is longer, and not the leader's.
func TestCrashBeforeALogIsEmptied(t *testing.T) {
	for name, test := range map[string]struct {
		term uint64
		want uint64
	}{
		"another leader's": {3, 0},
		"the leader's":     {2, 40},
	} {
		t.Run(name, func(t *testing.T) {
			entries, _ := faultyGroupLog(t)
			if err := entries.StoreLogs(entriesOf(2, 1, 40)); err != nil {
				t.Fatal(err)
			}
			files := &groupFiles{log: entries.Group, end: 40, snapshot: &snapshot{meta: raft.SnapshotMeta{Index: 20, Term: test.term}}}
			if err := dropSuperseded(files); err != nil {
				t.Fatal(err)
			}
			if last, err := entries.LastIndex(); err != nil || last != test.want || files.end != test.want {
				t.Errorf("the log ends at %d, %v, want %d", last, err, test.want)
			}
		})
	}
}

// TestUnbearableRequests sends what would stop Raft: it is refused, and Raft goes on.
func TestUnbearableRequests(t *testing.T) {
	f := newLonelyFollower(t)
	for name, entry := range map[string]*raft.Log{
		"damaged configuration": {Index: 2, Term: 2, Type: raft.LogConfiguration, Data: []byte("damaged")},
		"empty configuration":   {Index: 2, Term: 2, Type: raft.LogConfiguration},
		"deprecated kind":       {Index: 2, Term: 2, Type: raft.LogRemovePeerDeprecated, Data: []byte{1}},
		"unknown kind":          {Index: 2, Term: 2, Type: 77},
	} {
		err := f.transport.AppendEntries(serverID(1), serverAddress(1), &raft.AppendEntriesRequest{
			RPCHeader: header(2), Term: 2, PrevLogEntry: 1, PrevLogTerm: 1, Entries: []*raft.Log{entry},
		}, &raft.AppendEntriesResponse{})
		if err == nil || !strings.Contains(err.Error(), "entry 2 of term 2") {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, request := range map[string]*raft.InstallSnapshotRequest{
		"damaged configuration": {SnapshotVersion: raft.SnapshotVersionMax, Configuration: []byte("damaged")},
		"unknown version":       {Configuration: threeVoters()},
	} {
		request.RPCHeader, request.Term, request.LastLogIndex, request.LastLogTerm = header(2), 2, 9, 2
		err := f.transport.InstallSnapshot(serverID(1), serverAddress(1), request, &raft.InstallSnapshotResponse{}, strings.NewReader(""))
		if err == nil {
			t.Errorf("a snapshot with %s is taken", name)
		}
	}
	if f.refused.Load() != 6 {
		t.Errorf("%d requests were refused", f.refused.Load())
	}
	if !f.append(2, 1, 1, entriesOf(2, 2, 3)) {
		t.Error("entries are not stored afterwards")
	}
	f.holds(3, 2)
}
