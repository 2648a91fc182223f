package cluster

import (
	"errors"
	"io"
	"slices"

	"github.com/hashicorp/raft"
)

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
