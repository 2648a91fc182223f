package cluster

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"millrace/log"
)

// scrubber verifies everything on disk from time to time, also what nobody reads, and
// compares the shards that this node leads with the other nodes' replicas. What it finds
// is repaired as what readers find. Of replicas that differ, those are copied anew that
// differ from the majority.
type scrubber struct {
	node   *Node
	period time.Duration
	pace   pace
	logger *slog.Logger

	// For the metrics.
	count, read, divergences atomic.Int64
}

const (
	methodFence    = "cluster.fence"
	methodHash     = "cluster.hash"
	methodDiverged = "cluster.diverged"

	// fenceAttempts is how often a leader is asked for a fence, readyPause apart.
	fenceAttempts = 100
)

// newScrubber returns a scrubber whose run is to be called.
func newScrubber(node *Node, period time.Duration, rate int64, logger *slog.Logger) *scrubber {
	return &scrubber{node: node, period: period, pace: pace{rate: rate}, logger: logger}
}

// run scrubs until the node stops. The first time comes early, for nodes that are often
// started anew.
func (s *scrubber) run() {
	if s.period < 0 {
		return
	}
	for wait := s.period / 8; ; wait = s.period {
		select {
		case <-time.After(wait):
		case <-s.node.ctx.Done():
			return
		}
		if err := s.scrub(s.node.ctx, true); err != nil && s.node.ctx.Err() == nil {
			s.logger.Error("what is on disk, or the replicas of other nodes, are not as they should be", "error", err)
		}
	}
}

// Scrub verifies everything that this node has on disk, and compares the shards that it
// leads with the other nodes' replicas, as the node does by itself every
// Options.ScrubPeriod, but as fast as it can. What it finds is returned, and repaired
// when there are other nodes.
func (n *Node) Scrub(ctx context.Context) error { return n.scrubber.scrub(ctx, false) }

// scrub is Scrub, slowly or not.
func (s *scrubber) scrub(ctx context.Context, slowly bool) error {
	take := func(bytes int64) error {
		s.read.Add(bytes)
		if slowly {
			return s.pace.take(ctx, int(bytes))
		}
		return ctx.Err()
	}
	var errs []error
	for _, shard := range s.node.shards {
		errs = append(errs, s.segments(shard, take))
	}
	errs = append(errs, s.node.tables.Verify(take))
	for _, shard := range s.node.shards {
		if ctx.Err() == nil && shard.IsLeader() && len(s.node.peers.Members()) > 1 {
			errs = append(errs, s.compare(ctx, shard, slowly))
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	s.count.Add(1)
	return errors.Join(errs...)
}

// segments verifies the partitions of a shard.
func (s *scrubber) segments(shard *Shard, take func(bytes int64) error) error {
	var errs []error
	for _, p := range shard.partitions.capture().live {
		opened, err := shard.partitions.open(p)
		if err == nil {
			err = opened.VerifySlowly(take)
		}
		if err != nil && !errors.Is(err, log.ErrClosed) && !errors.Is(err, errBroken) {
			errs = append(errs, fmt.Errorf("shard %d: %w", shard.id, err))
		}
	}
	return errors.Join(errs...)
}

// compare compares the replicas of a shard, and has those copied anew that differ from
// the majority.
func (s *scrubber) compare(ctx context.Context, shard *Shard, slowly bool) error {
	states, err := s.node.verifyShard(ctx, shard.id, slowly)
	if err != nil {
		return err
	}
	votes, voters := map[uint64]int{}, 0
	for _, state := range states {
		if state.Err == nil {
			votes[state.Hash]++
			voters++
		}
	}
	if len(votes) < 2 {
		return nil
	}
	var errs []error
	for _, state := range states {
		if state.Err != nil || 2*votes[state.Hash] > voters {
			continue
		}
		s.divergences.Add(1)
		err := fmt.Errorf("cluster: node %d's replica of shard %d is not like those of most other nodes at index %d", state.Node, shard.id, state.Index)
		s.logger.Error("a replica has diverged", "node", state.Node, "shard", shard.id, "index", state.Index, "states", states)
		errs = append(errs, err)
		if hasMajority(votes, voters) {
			_, err := s.node.peers.Call(ctx, state.Node, methodDiverged, binary.AppendUvarint(nil, uint64(shard.id)))
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// hasMajority tells whether more than half agree.
func hasMajority(votes map[uint64]int, voters int) bool {
	for _, count := range votes {
		if 2*count > voters {
			return true
		}
	}
	return false
}

// handleDiverged has this node's replica of a shard copied anew.
func (n *Node) handleDiverged(_ context.Context, _ uint64, request []byte) ([]byte, error) {
	r := uvarintReader{data: request}
	shard := r.next()
	if r.bad || shard >= uint64(len(n.shards)) {
		return nil, errMalformed
	}
	return nil, n.shards[shard].machine.lack(0, "it had diverged from the other nodes' replicas", everyFile)
}

// ReplicaState is what a node's replica of a shard contains.
type ReplicaState struct {
	// Node is the node's number.
	Node uint64
	// Index is the state index of the replica at the fence: the same for all that apply
	// the log.
	Index uint64
	// Hash is equal for replicas that contain the same.
	Hash uint64
	// Err is why the replica could not be asked, or is not whole.
	Err error
}

// VerifyShard compares what all nodes' replicas of a shard contain at one place in its log,
// which goes on meanwhile. It reads the whole shard on every node. Streams are compared
// from where no replica has compacted them.
func (n *Node) VerifyShard(ctx context.Context, shard int) ([]ReplicaState, error) {
	return n.verifyShard(ctx, shard, false)
}

// verifyShard is VerifyShard, slowly or not.
func (n *Node) verifyShard(ctx context.Context, shard int, slowly bool) ([]ReplicaState, error) {
	index, err := n.putFence(ctx, shard, slowly)
	if err != nil {
		return nil, err
	}
	request := binary.AppendUvarint(binary.AppendUvarint(nil, uint64(shard)), index)
	nodes := n.peers.Members()
	states, hashes := make([]ReplicaState, len(nodes)), make([]*replicaHash, len(nodes))
	var asking sync.WaitGroup
	for i, node := range nodes {
		asking.Go(func() {
			states[i].Node = node
			answer, err := n.peers.Call(ctx, node, methodHash, request)
			if err == nil {
				hashes[i], err = decodeReplicaHash(answer)
			}
			states[i].Err = err
		})
	}
	asking.Wait()
	var known []*replicaHash
	for _, h := range hashes {
		if h != nil {
			known = append(known, h)
		}
	}
	sums := comparableHashes(known)
	for i := range states {
		if hashes[i] != nil {
			states[i].Index, states[i].Hash = hashes[i].state, sums[0]
			sums = sums[1:]
		}
	}
	return states, nil
}

// putFence has a shard's leader put a fence into its log, and returns its index.
func (n *Node) putFence(ctx context.Context, shard int, slowly bool) (index uint64, err error) {
	request := binary.AppendUvarint(nil, uint64(shard))
	request = binary.AppendUvarint(request, uint64(oneIf(slowly)))
	for range fenceAttempts {
		leader, changed := n.shards[shard].Leader()
		err = fmt.Errorf("%w of shard %d", ErrNotLeader, shard)
		if leader != 0 {
			var answer []byte
			if answer, err = n.peers.Call(ctx, leader, methodFence, request); err == nil {
				r := uvarintReader{data: answer}
				if index = r.next(); r.bad {
					return 0, errMalformed
				}
				return index, nil
			}
		}
		select {
		case <-changed:
		case <-time.After(readyPause):
		case <-ctx.Done():
			return 0, errors.Join(context.Cause(ctx), err)
		}
	}
	return 0, err
}

// handleFence puts a fence into the log of a shard that this node leads.
func (n *Node) handleFence(_ context.Context, _ uint64, request []byte) ([]byte, error) {
	r := uvarintReader{data: request}
	shard, slowly := r.next(), r.next()
	if r.bad || shard >= uint64(len(n.shards)) {
		return nil, errMalformed
	}
	fence := log.Entry{BaseIndex: fenceBase, CatalogVersion: slowly, Time: time.Now().UnixMilli()}
	applied, err := n.shards[shard].Propose(fence.AppendTo(nil))
	if err != nil {
		return nil, err
	}
	return binary.AppendUvarint(nil, applied.Index), nil
}

// handleHash answers with what this node's replica contained at a fence.
func (n *Node) handleHash(ctx context.Context, _ uint64, request []byte) ([]byte, error) {
	r := uvarintReader{data: request}
	shard, index := r.next(), r.next()
	if r.bad || shard >= uint64(len(n.shards)) {
		return nil, errMalformed
	}
	result, err := n.shards[shard].machine.hashAt(index)
	if err != nil {
		return nil, err
	}
	select {
	case <-result.done:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	if result.err != nil {
		return nil, result.err
	}
	return result.hash.encode(), nil
}

// background implements machineHost.
func (n *Node) background(run func(ctx context.Context)) bool {
	return n.spawn(func() { run(n.ctx) })
}

// slowly implements machineHost.
func (n *Node) slowly() *pace { return &n.scrubber.pace }
