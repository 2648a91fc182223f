package cluster

import (
	"context"

	"millrace/log"
	"millrace/tables"
)

// Applied is what became of a proposed entry.
type Applied struct {
	// Index is the entry's index in the shard's log.
	Index uint64
	// Accepted tells whether the entry took effect. It did not when it was
	// computed on another state than the shard's: its base index was not the
	// index of the last entry that took effect.
	Accepted bool
}

// Shard is this node's replica of a shard. Its methods are safe for concurrent
// use.
type Shard struct {
	id         int
	group      *group
	machine    *machine
	partitions *partitions
	tables     *tables.Shard
	// seeding describes the copying of the replica; nil while there is none.
	seeding func() *SeedStats
	size    replicaSize
}

// Barrier returns when every entry committed before the call has been applied
// on this node, which must lead the shard. The index is that of the last entry
// that took effect: the base index of the next one. It is a *HaltedError when
// the shard does not apply.
func (s *Shard) Barrier(ctx context.Context) (index uint64, err error) {
	halted := s.machine.whenHalted()
	if err := s.machine.err(); err != nil {
		return 0, err
	}
	if err := s.group.barrier(ctx, halted, s.machine.err); err != nil {
		return 0, err
	}
	return s.machine.position()
}

// Propose replicates an encoded log.Entry, syncs it and applies it on this node.
// One call at a time is the caller's rule; a second one would find its base
// index outdated. entry must not be changed during the call; it is not kept.
//
// After an error that is ErrFateUnknown (errors.Is), the entry may be in the
// log: the caller must pass a Barrier and read the state before it proposes
// anything else. After any other error nothing was appended: ErrNotLeader,
// ErrStopped, or a *HaltedError that tells why the shard does not apply.
func (s *Shard) Propose(entry []byte) (Applied, error) {
	if err := s.machine.err(); err != nil {
		return Applied{}, err
	}
	_, response, err := s.group.propose(entry)
	if err != nil {
		return Applied{}, err
	}
	result := response.(answer)
	return result.applied, result.err
}

// Leader is the node that leads the shard as far as this one knows, 0 when it knows of
// none. changed is closed when that may have changed.
func (s *Shard) Leader() (node uint64, changed <-chan struct{}) { return s.group.leader() }

// Resign has another node lead the shard, if this one does and there is a voter that can.
func (s *Shard) Resign(ctx context.Context) {
	_ = s.group.handOver(ctx) // it leads on, and its caller sees that
}

// ReadIndex returns the index of an entry at or behind which stands everything that was
// acknowledged before the call, once a quorum has confirmed that this node leads the
// shard. It is ErrNotLeader (errors.Is) where another does. A new leader first waits for
// a Barrier.
func (s *Shard) ReadIndex(ctx context.Context) (uint64, error) {
	return s.group.readIndex(ctx, func() (uint64, error) {
		if err := s.machine.err(); err != nil {
			return 0, err
		}
		return s.machine.applied.reached(), nil
	})
}

// WaitApplied returns when this node has applied the entry at an index that took effect.
// It waits while the replica is not whole.
func (s *Shard) WaitApplied(ctx context.Context, index uint64) error {
	return s.machine.waitApplied(ctx, index)
}

// Observe has a function called with each entry that takes effect on this node from now
// on, in order, before WaitApplied and Propose return for it. The entry is valid during
// the call, which must be short. There is one observer; nil for none.
func (s *Shard) Observe(observer func(index uint64, entry *log.Entry)) { s.machine.observe(observer) }

// ObserveReplaced has a function called when this node's replica has been copied from
// another one up to an index: what led there is not observed, and what is observed next
// follows it. It is called before readers see the state. There is one observer; nil for
// none.
func (s *Shard) ObserveReplaced(observer func(index uint64)) { s.machine.observeReplaced(observer) }

// Whole returns a *SeedingError while this node's replica is not whole. A reader that has
// passed WaitApplied and then opened a snapshot of the tables asks once more: what it
// reads is the shard's if the replica is whole now.
func (s *Shard) Whole() error {
	if want := s.machine.want.Load(); want != nil {
		return &SeedingError{Shard: s.id, Reason: want.reason}
	}
	return nil
}

// Partition returns the shard's partition of a stream, nil when it has no rows
// yet or has been dropped; a *SeedingError while the replica is not whole. It stays usable until the node is closed or the
// partition is dropped, or until it is written again after a failed sync: then
// its methods return log.ErrClosed, and this one returns what takes its place.
func (s *Shard) Partition(object uint64) (*log.Partition, error) {
	if err := s.Whole(); err != nil {
		return nil, err
	}
	p, err := s.partitions.get(object)
	if err != nil {
		return nil, err
	}
	// Of a replica that has ceased to be whole meanwhile, partitions may be missing.
	if err := s.Whole(); err != nil {
		return nil, err
	}
	return p, nil
}

// Tables is the shard's part of the key-value store.
func (s *Shard) Tables() *tables.Shard { return s.tables }

// ID is the shard's number.
func (s *Shard) ID() int { return s.id }

// Applied is the index of the last entry that took effect on this node.
func (s *Shard) Applied() uint64 { return s.machine.applied.reached() }

// Term is the shard's current Raft term.
func (s *Shard) Term() uint64 { return s.group.raft.CurrentTerm() }

// IsLeader tells whether this node leads the shard, as far as it knows.
func (s *Shard) IsLeader() bool { return s.group.isLeader() }

// LeadershipChanges receives a value after this node may have become or ceased
// to be the shard's leader; changes that nobody has received yet are one value.
// There is one channel, for one receiver.
func (s *Shard) LeadershipChanges() <-chan struct{} { return s.group.leadership.signal }

// ShardStats describe a shard for operators.
type ShardStats struct {
	// Shard is the shard's number.
	Shard int
	// Leader tells whether this node leads it, and Term since which term.
	Leader bool
	Term   uint64
	// Applied is the index of the last entry that took effect, LogFirst and
	// LogLast the extent of the log; 0 when it is empty.
	Applied, LogFirst, LogLast uint64
	// Voters and Readers are the nodes whose replicas vote and those whose replicas only
	// follow, as this node's log has them.
	Voters, Readers []uint64
	// Partitions is the number of partitions with rows.
	Partitions int
	// Halted is why the shard does not apply; nil while it does.
	Halted error
	// Seeding is how far the replica is copied from another node; nil while it is whole.
	Seeding *SeedStats
}

// Stats describes the shard now.
func (s *Shard) Stats() ShardStats {
	stats := ShardStats{
		Shard:      s.id,
		Leader:     s.IsLeader(),
		Term:       s.Term(),
		Applied:    s.Applied(),
		Partitions: s.partitions.count(),
		Seeding:    s.seeding(),
	}
	if halted := s.machine.halted.Load(); halted != nil {
		stats.Halted = halted
	}
	stats.Voters, stats.Readers = s.group.configuration()
	// A log that cannot tell its extent is shown as empty.
	stats.LogFirst, _ = s.group.log.FirstIndex()
	stats.LogLast, _ = s.group.log.LastIndex()
	return stats
}
