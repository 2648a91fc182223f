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
}

// Barrier returns when every entry committed before the call has been applied
// on this node, which must lead the shard. The index is that of the last entry
// that took effect: the base index of the next one.
func (s *Shard) Barrier(ctx context.Context) (index uint64, err error) { return 0, ErrStopped }

// Propose replicates an encoded log.Entry, syncs it and applies it on this node.
// One call at a time is the caller's rule; a second one would find its base
// index outdated. entry belongs to the shard from the call on and must not be
// changed.
//
// After ErrNotLeader and ErrStopped alone nothing was appended. After any error
// that is ErrFateUnknown, the entry may be in the log: the caller must pass a
// Barrier and read the state. A *HaltedError tells why the shard does not apply.
func (s *Shard) Propose(entry []byte) (Applied, error) { return Applied{}, ErrStopped }

// Partition returns the shard's partition of a stream, nil when it has no rows
// yet or has been dropped. It stays usable until the node is closed or the
// partition is dropped.
func (s *Shard) Partition(object uint64) (*log.Partition, error) { return nil, ErrStopped }

// Tables is the shard's part of the key-value store.
func (s *Shard) Tables() *tables.Shard { return nil }

// ID is the shard's number.
func (s *Shard) ID() int { return 0 }

// Applied is the index of the last entry that took effect on this node.
func (s *Shard) Applied() uint64 { return 0 }

// Term is the shard's current Raft term.
func (s *Shard) Term() uint64 { return 0 }

// IsLeader tells whether this node leads the shard, as far as it knows.
func (s *Shard) IsLeader() bool { return false }

// LeadershipChanges receives a value after this node has become or ceased to be
// the shard's leader; changes that nobody has received yet are one value. There
// is one channel, for one receiver.
func (s *Shard) LeadershipChanges() <-chan struct{} { return nil }
