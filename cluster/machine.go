package cluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"slices"
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
	// background runs something until the node stops; slowly is the pace of what is in no
	// hurry.
	background(run func(ctx context.Context))
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

// halt stops applying at an entry; mu is held.
func (m *machine) halt(entry *raft.Log, cause error) *HaltedError {
	halted := &HaltedError{Shard: m.shard, Index: entry.Index, Err: cause}
	m.halted.Store(halted)
	// The proposer may use its memory again when it has the error.
	waiting := *entry
	waiting.Data = bytes.Clone(entry.Data)
	m.waiting = &waiting
	m.hashes.fail(halted)
	m.changeHalted()
	if !mayPass(cause) {
		m.logger.Error("the shard has stopped applying", "index", entry.Index, "error", cause)
		m.host.damaged(m.shard, cause)
		return halted
	}
	m.logger.Error("the shard has stopped applying and tries again", "index", entry.Index, "error", cause)
	m.host.retry(m.resume)
	return halted
}

// mayPass tells whether trying again can help: not against damaged bytes or an
// entry that does not fit the state.
func mayPass(err error) bool {
	var corrupt *log.CorruptionError
	var gap *log.OffsetGapError
	var damaged *tables.CorruptionError
	return !errors.As(err, &corrupt) && !errors.As(err, &gap) && !errors.As(err, &damaged)
}

// resume tries again to apply the entry that could not be, and tells whether
// there is nothing more to try.
func (m *machine) resume() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.waiting == nil {
		return true // it is being seeded
	}
	err := m.heal()
	if err == nil {
		_, err = m.apply(m.waiting)
	}
	if err != nil {
		m.halted.Store(&HaltedError{Shard: m.shard, Index: m.waiting.Index, Err: err})
		if !mayPass(err) {
			m.logger.Error("the shard cannot go on", "index", m.waiting.Index, "error", err)
			m.host.damaged(m.shard, err)
			return true
		}
		return false
	}
	m.logger.Info("the shard applies again", "index", m.waiting.Index)
	m.waiting = nil
	m.halted.Store(nil)
	m.changeHalted()
	return true
}

// changeHalted wakes those who wait for the machine to halt or to resume.
func (m *machine) changeHalted() {
	close(m.haltedChanged)
	m.haltedChanged = make(chan struct{})
}

// whenHalted returns a channel that is closed when the machine next halts or
// resumes.
func (m *machine) whenHalted() <-chan struct{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.haltedChanged
}

// err is why the machine does not apply.
func (m *machine) err() error {
	if want := m.want.Load(); want != nil {
		return &SeedingError{Shard: m.shard, Reason: want.reason}
	}
	if halted := m.halted.Load(); halted != nil {
		return halted
	}
	return nil
}

// heal brings partitions whose sync has failed back to what they have to hold:
// they are opened as the last good sync left them, and the entries behind the
// newest snapshot are applied to them again. Raft has not cut those, since the
// snapshot that the failed sync was for does not count. mu is held.
func (m *machine) heal() error {
	broken, err := m.partitions.heal()
	if err != nil || len(broken) == 0 {
		return err
	}
	err = m.appendAgain(broken)
	if err := errors.Join(err, broken.end(err == nil)); err != nil {
		return fmt.Errorf("writing partitions again after a failed sync: %w", err)
	}
	m.logger.Info("partitions were written again after a failed sync", "partitions", len(broken))
	return nil
}

// appendAgain appends the entries behind the newest snapshot to partitions.
func (m *machine) appendAgain(to healing) error {
	state := m.base.state
	for index := m.base.index + 1; index <= m.last; index++ {
		var entry raft.Log
		if err := m.log.GetLog(index, &entry); err != nil {
			return err
		}
		if entry.Type != raft.LogCommand {
			continue
		}
		decoded, err := log.DecodeEntry(entry.Data)
		if err != nil {
			return err
		}
		if decoded.BaseIndex != state {
			continue
		}
		if err := appendTo(to, index, &decoded); err != nil {
			return err
		}
		state = index
	}
	return nil
}

// appendTo does what append does to partitions being healed, and nothing to
// others.
func appendTo(to healing, index uint64, entry *log.Entry) error {
	for _, a := range entry.Appends {
		if p := to.find(a.Object, index); p != nil {
			if err := p.Append(a.Batch); err != nil {
				return err
			}
		}
	}
	for _, t := range entry.Truncates {
		if p := to.find(t.Object, index); p != nil && t.Start != dropAll {
			if err := p.TruncateBefore(t.Start); err != nil {
				return err
			}
		}
	}
	return nil
}

// healSoon heals outside of apply, and if that fails, again later.
func (m *machine) healSoon() {
	try := func() bool {
		m.mu.Lock()
		defer m.mu.Unlock()
		if m.want.Load() != nil {
			return true
		}
		err := m.heal()
		return err == nil || !mayPass(err)
	}
	if !try() {
		m.host.retry(try)
	}
}

// Snapshot implements raft.FSM. Raft calls it between two entries.
func (m *machine) Snapshot() (raft.FSMSnapshot, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.err(); err != nil {
		return nil, err
	}
	m.captured = m.state
	return &machineSnapshot{machine: m, stateIndex: m.state, partitions: m.partitions.capture()}, nil
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

// Restore implements raft.FSM. Raft calls it when a leader has sent a snapshot
// because its log no longer has what this replica lacks. Such a snapshot does
// not contain the shard's data: it says how far behind the replica is, which was
// noted before the snapshot counted (received). By now the replica may have been
// copied, to behind what the snapshot says.
func (m *machine) Restore(source io.ReadCloser) error {
	content, err := io.ReadAll(source)
	if err := errors.Join(err, source.Close()); err != nil {
		return err
	}
	state, err := decodeShardState(content)
	if err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.want.Load() == nil && m.state < state.stateIndex {
		return errors.New("cluster: a snapshot counts that nobody has noted")
	}
	return nil
}

// machineSnapshot is a snapshot being taken. It implements raft.FSMSnapshot.
type machineSnapshot struct {
	machine    *machine
	stateIndex uint64
	partitions partitionsCapture
	// states are the partitions as they were made durable.
	states []partitionState
}

// Persist implements raft.FSMSnapshot: it makes durable what the snapshot says
// before it writes it.
func (s *machineSnapshot) Persist(sink raft.SnapshotSink) error {
	if err := s.machine.host.flushTables(s.machine.shard); err != nil {
		return err
	}
	states, err := s.machine.partitions.sync(s.partitions)
	if err != nil {
		return err
	}
	s.states = slices.Clone(states) // encoding sorts them
	if ours, ok := sink.(*snapshotSink); ok {
		ours.own, ours.counts = true, s.counts
	}
	content := shardState{stateIndex: s.stateIndex, partitions: states}
	if _, err := sink.Write(content.encode(nil)); err != nil {
		return err
	}
	return sink.Close()
}

// counts is called when the snapshot is durable.
func (s *machineSnapshot) counts(index uint64) {
	s.machine.mu.Lock()
	if s.machine.want.Load() != nil {
		// It may be older than what the replica now waits for.
		s.machine.mu.Unlock()
		return
	}
	s.machine.base = machineBase{index: index, state: s.stateIndex}
	s.machine.mu.Unlock()
	if s.machine.partitions.record(s.partitions, s.states) {
		s.machine.host.compactSoon()
	}
	s.machine.partitions.deleteDropped(s.partitions)
}

// Release implements raft.FSMSnapshot.
func (s *machineSnapshot) Release() {}
