package cluster

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"time"
)

// readyPause is between two attempts to find a group's leader.
const readyPause = 50 * time.Millisecond

// Ready waits until this node has applied, in every group, all that was committed before
// the call, so that it can take clients. It returns a *HaltedError when a shard cannot
// apply its log, unless that is for damage which is repaired from other nodes.
func (n *Node) Ready(ctx context.Context) error {
	if err := n.CatalogReady(ctx); err != nil {
		return err
	}
	for i, shard := range n.shards {
		err := n.waitGroup(ctx, 1+i, func(ctx context.Context) error {
			_, err := shard.Barrier(ctx)
			return err
		}, func(ctx context.Context, index uint64) error { return n.waitWhole(ctx, shard, index) })
		if err != nil {
			return err
		}
	}
	return nil
}

// CatalogReady is Ready for the catalog's group alone. From then on the node knows the
// members of its cluster, and may be given the lead of groups.
func (n *Node) CatalogReady(ctx context.Context) error {
	return n.waitGroup(ctx, 0, n.CatalogBarrier, n.WaitCatalog)
}

// waitGroup waits until this node has applied what its leader has: by a Barrier where this
// node leads, otherwise by an index that the leader tells. The group is 0 for the
// catalog's.
func (n *Node) waitGroup(ctx context.Context, number int, barrier func(context.Context) error,
	wait func(ctx context.Context, index uint64) error,
) error {
	g := n.groups()[number]
	for {
		leader, changed := g.leader()
		err := fmt.Errorf("%w of %s", ErrNotLeader, g.name)
		switch leader {
		case 0:
		case n.ID():
			err = barrier(ctx)
		default:
			var index uint64
			if index, err = n.askApplied(ctx, leader, number); err == nil {
				return wait(ctx, index)
			}
		}
		var halted *HaltedError
		if err == nil || errors.As(err, &halted) && !n.repairs(halted) || errors.Is(err, ErrStopped) {
			return err
		}
		select {
		case <-changed:
		case <-time.After(readyPause):
			// Leadership may have been lost and won again unseen.
		case <-n.removed:
			return errors.New("cluster: this node has been removed from its cluster")
		case <-ctx.Done():
			return fmt.Errorf("%w, waiting for %s to have a leader: %w", ctx.Err(), g.name, err)
		}
	}
}

// waitWhole waits until this node's replica of a shard is whole and has applied an index,
// or is halted by what is not repaired.
func (n *Node) waitWhole(ctx context.Context, s *Shard, index uint64) error {
	for {
		changed := s.machine.whenHalted()
		var halted *HaltedError
		if err := s.machine.err(); errors.As(err, &halted) && !n.repairs(halted) {
			return err
		}
		attempt, cancel := context.WithCancel(ctx)
		var watching sync.WaitGroup
		watching.Go(func() {
			select {
			case <-changed:
				cancel()
			case <-attempt.Done():
			}
		})
		err := s.WaitApplied(attempt, index)
		cancel()
		watching.Wait()
		if err == nil || ctx.Err() != nil {
			return err
		}
	}
}

// askApplied asks a group's leader for the index that this node has to reach.
func (n *Node) askApplied(ctx context.Context, leader uint64, group int) (uint64, error) {
	answer, err := n.peers.Call(ctx, leader, methodApplied, binary.AppendUvarint(nil, uint64(group)))
	if err != nil {
		return 0, err
	}
	r := uvarintReader{data: answer}
	index := r.next()
	if r.bad {
		return 0, errors.New("cluster: an answer is malformed")
	}
	return index, nil
}

// handleApplied answers with an index that holds all that the group has answered.
func (n *Node) handleApplied(ctx context.Context, _ uint64, request []byte) ([]byte, error) {
	r := uvarintReader{data: request}
	group := r.next()
	if r.bad || group > uint64(len(n.shards)) {
		return nil, errors.New("cluster: a request is malformed")
	}
	index, err := uint64(0), error(nil)
	if group == 0 {
		index, err = n.CatalogReadIndex(ctx)
	} else {
		index, err = n.shards[group-1].ReadIndex(ctx)
	}
	if err != nil {
		return nil, err
	}
	return binary.AppendUvarint(nil, index), nil
}
