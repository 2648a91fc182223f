package exec

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"

	"millrace/log"
	"millrace/sql/sqlerr"
	"millrace/tables"
)

// replicatedLog is a model of one Raft group: a log that every replica applies in order,
// each when it comes to it. At most one node leads; entries that others propose are
// refused. An entry whose proposer loses the lead meanwhile may be in the log or not.
type replicatedLog struct {
	cluster *nodes
	name    string

	mu      sync.Mutex
	grown   *sync.Cond
	entries [][]byte
	leader  uint64
	term    uint64
	// since is how long the log was when the leader began; it leads when it has applied
	// that.
	since   uint64
	changed chan struct{}
	closed  bool
	// unsure is in how many of a hundred cases a proposal ends with an unknown fate and a
	// change of leaders.
	unsure int
	// confirmed counts how often a quorum was to confirm the leader for a read.
	confirmed int
	replicas  map[uint64]*logReplica
	applying  sync.WaitGroup
}

// logReplica is one node's copy.
type logReplica struct {
	log *replicatedLog
	// apply applies an entry and returns what its proposer is told.
	apply func(index uint64, entry []byte) any
	shard *shardReplica

	// The log's mu guards these. held keeps the replica from applying; asked is the index
	// that somebody waits for, up to which it applies all the same.
	applied, asked uint64
	held           bool
	answers        map[uint64]any
	// state is the index of the last entry that took effect.
	state uint64
	// copied is the index up to which the replica is to be copied from another one, 0 for
	// none.
	copied uint64
}

var errUnknownFate = errors.New("the fate of the entry is unknown")

func newReplicatedLog(c *nodes, name string) *replicatedLog {
	l := &replicatedLog{cluster: c, name: name, changed: make(chan struct{}), replicas: map[uint64]*logReplica{}}
	l.grown = sync.NewCond(&l.mu)
	return l
}

func (l *replicatedLog) addReplica(node uint64, apply func(index uint64, entry []byte) any) *logReplica {
	r := &logReplica{log: l, apply: apply, answers: map[uint64]any{}}
	l.replicas[node] = r
	l.applying.Go(r.run)
	return r
}

// run applies entries until the log is closed.
func (r *logReplica) run() {
	l := r.log
	l.mu.Lock()
	defer l.mu.Unlock()
	for {
		for !l.closed && r.copied == 0 && (r.applied == uint64(len(l.entries)) || r.held && r.applied >= r.asked) {
			l.grown.Wait()
		}
		if l.closed {
			return
		}
		if r.copied > 0 && l.leader != r.shard.node.id {
			r.replace()
		}
		r.copied = 0
		if r.applied == uint64(len(l.entries)) {
			continue
		}
		index, entry := r.applied+1, l.entries[r.applied]
		l.mu.Unlock()
		answer := r.apply(index, slices.Clone(entry))
		l.mu.Lock()
		r.applied = index
		if r.shard == nil || answer == true {
			r.state = index
		}
		r.answers[index] = answer
		l.grown.Broadcast()
	}
}

// length is how many entries there are.
func (l *replicatedLog) length() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.entries)
}

// copyTo has a follower's replica of a shard copied from one that has applied so much.
func (l *replicatedLog) copyTo(node, index uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.leader != node {
		l.replicas[node].copied = min(index, uint64(len(l.entries)))
		l.grown.Broadcast()
	}
}

// replace makes the replica anew: the state at the index that it is copied up to, which
// nobody is told of, and then the entries that it had applied before. mu is held.
func (r *logReplica) replace() {
	l, until := r.log, r.applied
	copied, entries := r.copied, l.entries[:max(r.copied, until)]
	r.applied, r.state, r.copied = 0, 0, 0
	l.mu.Unlock()
	r.shard.wipe()
	for i, entry := range entries {
		if uint64(i) == copied {
			r.shard.copiedTo()
		}
		r.apply(uint64(i+1), slices.Clone(entry))
	}
	if copied == uint64(len(entries)) {
		r.shard.copiedTo()
	}
	l.mu.Lock()
	r.applied, r.state = uint64(len(entries)), r.shard.whole()
	l.grown.Broadcast()
}

// setLeader has a node lead, 0 for none.
func (l *replicatedLog) setLeader(node uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.leader, l.since = node, uint64(len(l.entries))
	l.term++
	if r := l.replicas[node]; r != nil {
		r.held = false
	}
	close(l.changed)
	l.changed = make(chan struct{})
	l.grown.Broadcast()
}

// lose has another node lead, by chance, if the given one does.
func (l *replicatedLog) lose(node uint64) {
	l.mu.Lock()
	leads := l.leader == node
	l.mu.Unlock()
	if !leads {
		return
	}
	var others []uint64
	for _, n := range l.cluster.nodes {
		if n.id != node && !n.isDown() {
			others = append(others, n.id)
		}
	}
	if len(others) == 0 {
		l.setLeader(0)
		return
	}
	l.setLeader(others[l.cluster.chance(len(others))])
}

// hold keeps a follower from applying what nobody waits for, or lets it go on.
func (l *replicatedLog) hold(node uint64, held bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.replicas[node]
	r.held, r.asked = held && node != l.leader, r.applied
	l.grown.Broadcast()
}

func (l *replicatedLog) leaderNow() (uint64, <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.leader, l.changed
}

func (l *replicatedLog) termNow() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.term
}

// propose appends an entry and waits until the proposer has applied it.
func (l *replicatedLog) propose(node uint64, entry []byte) (uint64, any, error) {
	l.mu.Lock()
	unsure := l.unsure
	l.mu.Unlock()
	fate := 100
	if unsure > 0 {
		fate = l.cluster.chance(100)
	}
	l.mu.Lock()
	if l.leader != node || l.closed {
		l.mu.Unlock()
		return 0, nil, fmt.Errorf("%w of %s", ErrNotLeader, l.name)
	}
	if fate >= unsure/2 {
		l.entries = append(l.entries, slices.Clone(entry))
		l.grown.Broadcast()
	}
	index := uint64(len(l.entries))
	if fate < unsure {
		l.mu.Unlock()
		l.lose(node)
		return 0, nil, errUnknownFate
	}
	defer l.mu.Unlock()
	r := l.replicas[node]
	r.asked = max(r.asked, index)
	for r.applied < index && !l.closed {
		l.grown.Wait()
	}
	if l.closed {
		return 0, nil, errUnknownFate
	}
	return index, r.answers[index], nil
}

// readIndex is the state of the leader when it has applied all that was in the log: others
// may have applied that before it.
func (l *replicatedLog) readIndex(ctx context.Context, node uint64) (uint64, error) {
	stop := context.AfterFunc(ctx, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.grown.Broadcast()
	})
	defer stop()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.confirmed++
	r, end := l.replicas[node], uint64(len(l.entries))
	for {
		switch {
		case ctx.Err() != nil:
			return 0, context.Cause(ctx)
		case l.leader != node || r.applied < l.since || l.closed:
			return 0, fmt.Errorf("%w of %s", ErrNotLeader, l.name)
		case r.applied >= end:
			return r.state, nil
		}
		l.grown.Wait()
	}
}

// wait waits until the replica has applied an entry that took effect.
func (r *logReplica) wait(ctx context.Context, index uint64) error {
	l := r.log
	stop := context.AfterFunc(ctx, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.grown.Broadcast()
	})
	defer stop()
	l.mu.Lock()
	defer l.mu.Unlock()
	for r.state < index || r.shard != nil && r.shard.Whole() != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if l.closed {
			return errUnknownFate
		}
		if r.asked < index {
			r.asked = index
			l.grown.Broadcast()
		}
		l.grown.Wait()
	}
	return nil
}

func (l *replicatedLog) close() {
	l.mu.Lock()
	l.closed = true
	l.grown.Broadcast()
	l.mu.Unlock()
	l.applying.Wait()
}

// shardReplica is a node's replica of a shard. It implements ShardLog.
type shardReplica struct {
	node    *engineNode
	number  int
	log     *replicatedLog
	replica *logReplica

	mu         sync.Mutex
	partitions map[uint64]*log.Partition
	state      uint64
	// copying says that the replica is not whole, and replacing that nobody is told of
	// what it applies.
	copying, replacing bool
	// copies is how often it was copied.
	copies int
	// broken is why the node cannot propose, nil while it can.
	broken   error
	observer func(index uint64, entry *log.Entry)
}

// apply applies an entry and tells whether it took effect.
func (s *shardReplica) apply(index uint64, encoded []byte) any {
	s.mu.Lock()
	defer s.mu.Unlock()
	entry, err := log.DecodeEntry(encoded)
	if err != nil {
		panic(err)
	}
	if entry.BaseIndex != s.state {
		return false
	}
	for _, a := range entry.Appends {
		if err := s.partition(a.Object).Append(a.Batch); err != nil {
			panic(fmt.Sprintf("node %d, shard %d: %v", s.node.id, s.number, err))
		}
	}
	batch := s.Tables().NewBatch()
	for _, w := range entry.Writes {
		switch w.Kind {
		case log.Set:
			batch.Set(w.Key, w.Value)
		case log.Delete:
			batch.Delete(w.Key)
		case log.Note:
		default:
			batch.DeleteRange(w.Key, w.Value)
		}
	}
	if err := batch.Commit(index); err != nil {
		panic(err)
	}
	for _, truncate := range entry.Truncates {
		switch p := s.partitions[truncate.Object]; {
		case p == nil:
		case truncate.Start == math.MaxInt64:
			_ = p.Close() // dropped
			delete(s.partitions, truncate.Object)
		default:
			if err := p.TruncateBefore(truncate.Start); err != nil {
				panic(err)
			}
		}
	}
	s.state = index
	if s.observer != nil && !s.replacing {
		s.observer(index, &entry)
	}
	return true
}

// wipe begins a copy: the replica has nothing.
func (s *shardReplica) wipe() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.copying, s.replacing, s.state = true, true, 0
	for object, p := range s.partitions {
		_ = p.Close() // it is made anew
		delete(s.partitions, object)
	}
	s.copies++
	batch := s.Tables().NewBatch()
	batch.DeleteRange(nil, nil)
	if err := batch.Commit(0); err != nil {
		panic(err)
	}
}

// copiedTo says that the replica has been copied: what it applies is observed again.
func (s *shardReplica) copiedTo() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.replacing = false
	if s.observer != nil {
		s.observer(s.state, nil)
	}
}

// whole lets readers in, and returns the state.
func (s *shardReplica) whole() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.copying = false
	return s.state
}

// Whole implements ShardLog.
func (s *shardReplica) Whole() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.wholeLocked()
}

func (s *shardReplica) wholeLocked() error {
	if s.copying {
		return sqlerr.New(sqlerr.CannotConnectNow, -1, "%w", ErrNotWhole)
	}
	return nil
}

// partition returns the partition of a stream, made where it is new; mu is held.
func (s *shardReplica) partition(object uint64) *log.Partition {
	if s.partitions[object] == nil {
		opened, err := log.OpenPartition(log.PartitionOptions{
			FS: s.node.fs, Dir: fmt.Sprintf("log-%d-%d-%d", s.number, object, s.copies), Files: s.node.files, Logger: quiet(),
		}, log.SyncedEnd{})
		if err != nil {
			panic(err)
		}
		s.partitions[object] = opened
	}
	return s.partitions[object]
}

// close closes the replica's partitions; nothing applies any more.
func (s *shardReplica) close() {
	for _, p := range s.partitions {
		_ = p.Close() // the file system ends with the test
	}
}

// Barrier implements ShardLog.
func (s *shardReplica) Barrier(ctx context.Context) (uint64, error) {
	l := s.log
	stop := context.AfterFunc(ctx, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.grown.Broadcast()
	})
	defer stop()
	l.mu.Lock()
	defer l.mu.Unlock()
	end := uint64(len(l.entries))
	for s.replica.applied < end {
		if ctx.Err() != nil {
			return 0, context.Cause(ctx)
		}
		if l.closed || l.leader != s.node.id {
			break
		}
		l.grown.Wait()
	}
	if l.leader != s.node.id || l.closed {
		return 0, fmt.Errorf("%w of %s", ErrNotLeader, l.name)
	}
	return s.replica.state, nil
}

// Propose implements ShardLog.
func (s *shardReplica) Propose(entry []byte) (uint64, bool, error) {
	s.mu.Lock()
	broken := s.broken
	s.mu.Unlock()
	if broken != nil {
		return 0, false, broken
	}
	index, answer, err := s.log.propose(s.node.id, entry)
	return index, answer == true, err
}

// Partition implements ShardLog.
func (s *shardReplica) Partition(stream uint64) (*log.Partition, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.wholeLocked(); err != nil {
		return nil, err
	}
	return s.partitions[stream], nil
}

// Tables implements ShardLog.
func (s *shardReplica) Tables() *tables.Shard { return s.node.store.Shard(uint32(s.number)) }

// Term implements ShardLog.
func (s *shardReplica) Term() uint64 { return 1 }

// Leader implements ShardLog.
func (s *shardReplica) Leader() (uint64, <-chan struct{}) { return s.log.leaderNow() }

// Resign implements ShardLog.
func (s *shardReplica) Resign(context.Context) { s.log.lose(s.node.id) }

// ReadIndex implements ShardLog.
func (s *shardReplica) ReadIndex(ctx context.Context) (uint64, error) {
	return s.log.readIndex(ctx, s.node.id)
}

// WaitApplied implements ShardLog.
func (s *shardReplica) WaitApplied(ctx context.Context, index uint64) error {
	return s.replica.wait(ctx, index)
}

// Observe implements ShardLog.
func (s *shardReplica) Observe(observer func(index uint64, entry *log.Entry)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.observer = observer
}
