package cluster

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"sync"
	"sync/atomic"

	"github.com/hashicorp/raft"

	"millrace/log"
	"millrace/tables"
)

// machine is a shard's state machine: the fold of its log's entries over
// partition segments and the key-value store. It computes nothing.
//
// The state index is the index of the last entry that took effect; 0 before the
// first. An entry takes effect if and only if its base index equals the state
// index, and its own index then is the new state index. Entries with another
// base, barriers, Raft's no-ops and configurations leave the state and the state
// index as they are. So:
//
//   - Whether an entry takes effect depends on the log before it alone: it is
//     the same on every replica, whenever and however often it is applied.
//   - An entry that takes effect was computed on exactly the state it changes.
//     Two entries computed on one state cannot both take effect, whatever
//     leaders proposed them, and one that a leader had in flight when it lost
//     its term takes effect only if nothing else did first.
//   - A new leader whose barrier has been applied has every entry of earlier
//     terms that will ever count before it, so the state index it reads is the
//     base of its first entry.
//
// The key-value store keeps the state index with every batch, as the shard's
// applied index. A snapshot at index S keeps the state index at S. When the log
// is applied again behind a snapshot, the state index is followed from the
// snapshot's; segments append what they lack, and the store takes a batch only
// if the entry's index is above the applied index it was opened with. That index
// must be met on the way: otherwise store and log do not belong together.
type machine struct {
	shard      int
	tables     *tables.Shard
	partitions *partitions
	log        *log.Group
	snapshots  *snapshotStore
	host       machineHost
	logger     *slog.Logger

	// applied is the state index, for readers.
	applied progress
	// halted is why the machine does not apply; nil while it does.
	halted atomic.Pointer[HaltedError]

	// want is what the replica lacks, from when it is not whole until it has been
	// seeded; see seed_machine.go. Entries are not applied meanwhile. It changes with
	// mu held.
	want atomic.Pointer[seedMark]
	// marked tells that want is on disk; guarded by mu.
	marked bool
	// offered is the index up to which all entries have been given to Apply or are part
	// of a copy; guarded by mu.
	offered progress
	// readable is closed while the replica is whole; guarded by readableMu.
	readable   chan struct{}
	readableMu sync.Mutex

	// mu is held while an entry is applied, by Raft or when it is tried again.
	mu sync.Mutex
	// state is the state index.
	state uint64
	// last is the index of the last entry applied, with or without effect.
	last uint64
	// stored is the applied index the key-value store was opened with, and met
	// tells whether the log has been applied up to it.
	stored uint64
	met    bool
	// base is what the newest snapshot that counts says, and captured the state of the last
	// one that was begun: it may still come to be the newest one on disk.
	base     machineBase
	captured uint64
	// observer is told of the entries that take effect, and replaced of the states
	// that others' entries have led to; nil for none.
	observer func(index uint64, entry *log.Entry)
	replaced func(index uint64)
	// hashes are of what the replica contained at fences.
	hashes replicaHashes
	// decoded is the entry being applied; it keeps its memory from entry to entry.
	decoded log.Entry
	// waiting is the entry that could not be applied; haltedChanged is closed,
	// and replaced, whenever the machine halts or resumes.
	waiting       *raft.Log
	haltedChanged chan struct{}
}

// machineBase is where the log is applied from.
type machineBase struct {
	// index is the snapshot's index, state the state index there.
	index, state uint64
}

// observe has an observer told of the entries that take effect from now on.
func (m *machine) observe(observer func(index uint64, entry *log.Entry)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.observer = observer
}

// observeReplaced has an observer told of the states that copies lead to.
func (m *machine) observeReplaced(observer func(index uint64)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.replaced = observer
}

// machineHost is what a machine needs of its node.
type machineHost interface {
	// logGrew counts bytes that a checkpoint would let go.
	logGrew(bytes int64)
	// checkpointSoon asks for a checkpoint that lets dropped partitions be deleted.
	checkpointSoon()
	// compactSoon asks for the compactions that entries have asked for.
	compactSoon()
	// flushTables makes the key-value store durable, on behalf of a shard.
	flushTables(shard int) error
	// diskFull is why nothing should be written now; nil when there is room.
	diskFull() error
	// retry calls try with growing pauses until it returns true or the node
	// stops.
	retry(try func() bool)
	// damaged is told that what a replica has of a shard is damaged.
	damaged(shard int, cause error)
	// seedSoon asks for the replicas that are not whole to be seeded.
	seedSoon()
	// background runs something until the node stops, and returns false, without having
	// run it, when the node is stopping; slowly is the pace of what is in no hurry.
	background(run func(ctx context.Context)) bool
	slowly() *pace
	// stopping is closed when the node stops.
	stopping() <-chan struct{}
}

var _ raft.FSM = (*machine)(nil)

// dropAll is the start offset in an entry that drops a partition with its
// folder, instead of removing rows from its front.
const dropAll = math.MaxInt64

// answer is what Apply returns to the proposer.
type answer struct {
	applied Applied
	err     error
}

// newMachine returns a machine in the state of its newest snapshot, or one that
// lacks what mark says. logEnd is the index of the last entry in the log or the
// snapshot.
func newMachine(m *machine, base machineBase, logEnd uint64, mark *seedMark) (*machine, error) {
	if mark != nil {
		m.marked = true
		m.want.Store(mark)
		m.begin(base, 0)
		return m, nil
	}
	stored, err := m.tables.AppliedIndex()
	if err != nil {
		return nil, err
	}
	if stored > logEnd {
		return nil, fmt.Errorf("%w: shard %d has applied up to index %d, its log ends at %d", ErrLogLost, m.shard, stored, logEnd)
	}
	if stored < base.state {
		return nil, fmt.Errorf("cluster: the key-value store has shard %d up to index %d, its snapshot says %d: the store was lost",
			m.shard, stored, base.state)
	}
	m.begin(base, stored)
	return m, nil
}

// begin puts a machine in the state of its newest snapshot.
func (m *machine) begin(base machineBase, stored uint64) {
	m.base, m.state, m.last, m.stored = base, base.state, base.index, stored
	m.offered.advance(base.index)
	m.applied.advance(m.state)
	m.haltedChanged = make(chan struct{})
	m.readable = make(chan struct{})
	if m.want.Load() == nil {
		close(m.readable)
	}
}

// Apply implements raft.FSM. It is called with committed entries in order, by
// one goroutine. When the entry cannot be applied, it returns at once, and the
// next call waits until the entry has been.
func (m *machine) Apply(entry *raft.Log) any {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.offered.advance(max(entry.Index, m.offered.reached()))
	for m.halted.Load() != nil {
		changed := m.haltedChanged
		m.mu.Unlock()
		select {
		case <-changed:
			m.mu.Lock()
		case <-m.host.stopping():
			m.mu.Lock()
			return answer{err: fmt.Errorf("%w: %w", ErrStopped, ErrFateUnknown)}
		}
	}
	if m.want.Load() != nil {
		// The log keeps the entry until the replica is whole.
		return answer{err: fmt.Errorf("%w: %w", ErrFateUnknown, m.err())}
	}
	applied, err := m.apply(entry)
	if err != nil {
		return answer{err: fmt.Errorf("%w: %w", ErrFateUnknown, m.halt(entry, err))}
	}
	return answer{applied: applied}
}

// apply applies one entry. After an error it can be called again with the same
// entry; what it had done is not done twice.
func (m *machine) apply(entry *raft.Log) (Applied, error) {
	if err := m.decoded.Decode(entry.Data); err != nil {
		return Applied{}, err
	}
	if m.decoded.BaseIndex == fenceBase {
		m.fence(entry.Index, &m.decoded)
	}
	if m.decoded.BaseIndex == m.state {
		if err := m.effect(entry.Index, &m.decoded); err != nil {
			return Applied{}, err
		}
	}
	m.last = entry.Index
	m.host.logGrew(int64(len(entry.Data)))
	return Applied{Index: entry.Index, Accepted: m.state == entry.Index}, nil
}

// effect puts an entry into effect.
func (m *machine) effect(index uint64, entry *log.Entry) error {
	if err := m.host.diskFull(); err != nil {
		return err
	}
	if index > m.stored && !m.met {
		if m.state != m.stored {
			return m.foreign()
		}
		m.met = true
	}
	if err := m.append(index, entry); err != nil {
		return err
	}
	if index > m.stored {
		if err := m.write(index, entry.Writes); err != nil {
			return err
		}
	}
	for _, t := range entry.Truncates {
		if t.Start == dropAll && m.partitions.drop(t.Object) {
			m.host.checkpointSoon()
		}
	}
	for _, c := range entry.Compacts {
		m.partitions.compact(c)
		m.host.compactSoon()
	}
	m.state = index
	if m.observer != nil {
		m.observer(index, entry)
	}
	m.applied.advance(index)
	return nil
}

// append appends the entry's batches to partitions and truncates them. Dropping
// is left to effect.
func (m *machine) append(index uint64, entry *log.Entry) error {
	for _, a := range entry.Appends {
		if err := m.partitions.append(a.Object, index, a.Batch); err != nil {
			return fmt.Errorf("appending to object %d: %w", a.Object, err)
		}
	}
	for _, t := range entry.Truncates {
		if t.Start == dropAll {
			continue
		}
		if err := m.partitions.truncate(t.Object, t.Start); err != nil {
			return fmt.Errorf("truncating object %d: %w", t.Object, err)
		}
	}
	return nil
}

// replay calls do with the entries of the log behind base and up to an index that have
// taken effect there, and returns the state index to which they lead. An entry's memory is
// do's until it returns.
func (m *machine) replay(base machineBase, until uint64, do func(index uint64, entry *log.Entry) error) (uint64, error) {
	state := base.state
	for index := base.index + 1; index <= until; index++ {
		var entry raft.Log
		if err := m.log.GetLog(index, &entry); err != nil {
			return state, fmt.Errorf("entry %d: %w", index, err)
		}
		if entry.Type != raft.LogCommand {
			continue
		}
		decoded, err := log.DecodeEntry(entry.Data)
		if err != nil {
			return state, err
		}
		if decoded.BaseIndex != state {
			continue
		}
		if err := do(index, &decoded); err != nil {
			return state, err
		}
		state = index
	}
	return state, nil
}

// write gives the key-value store the entry's writes.
func (m *machine) write(index uint64, writes []log.Write) error {
	batch := m.tables.NewBatch()
	for i := range writes {
		switch w := &writes[i]; w.Kind {
		case log.Set:
			batch.Set(w.Key, w.Value)
		case log.Delete:
			batch.Delete(w.Key)
		case log.DeleteRange:
			batch.DeleteRange(w.Key, w.Value)
		case log.Note:
		default:
			batch.Close()
			return fmt.Errorf("cluster: an entry with %v", w.Kind)
		}
	}
	return batch.Commit(index)
}

// position is the state index, when everything in the log has been applied.
func (m *machine) position() (uint64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.err(); err != nil {
		return 0, err
	}
	if m.state < m.stored {
		return 0, m.foreign()
	}
	return m.state, nil
}

// foreign says that the key-value store does not belong to the log; mu is held.
func (m *machine) foreign() error {
	return &log.CorruptionError{What: fmt.Sprintf(
		"the key-value store has shard %d at index %d, where the log has no entry that took effect", m.shard, m.stored)}
}
