package cluster

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"
)

// handOverTimeout bounds how long a node that stops waits for others to lead its groups.
const handOverTimeout = 2 * time.Second

// HandOver gives the leadership of every group that this node leads to another voter, so
// that stopping the node costs others little. It returns when that is done, or has taken
// too long; the placer gives it none from then on. Close does so first.
func (n *Node) HandOver() {
	n.handedOver.Store(true)
	ctx, cancel := context.WithTimeout(n.ctx, handOverTimeout)
	defer cancel()
	var running sync.WaitGroup
	for _, g := range n.groups() {
		// Without success the others hold an election when this node is gone.
		running.Go(func() { _ = g.handOver(ctx) })
	}
	running.Wait()
}

// The methods below return when what they ask for is recorded in the catalog's group;
// carrying it out goes on behind them, wherever that group is led. Every node takes them.
// A *RefusedError says that nothing has been changed.

// DrainNode has a member give its votes and leadership to others; it stays a member.
func (n *Node) DrainNode(ctx context.Context, node uint64) error {
	return n.operate(ctx, stateCommand{node: node, state: Draining, since: time.Now()})
}

// UndrainNode has a member that was drained take part again.
func (n *Node) UndrainNode(ctx context.Context, node uint64) error {
	return n.operate(ctx, stateCommand{node: node, state: Running, since: time.Now()})
}

// RemoveNode has a member leave the cluster for ever: its votes go to others, then it is
// taken out of all groups, and then no node speaks to it any more.
func (n *Node) RemoveNode(ctx context.Context, node uint64) error {
	return n.operate(ctx, stateCommand{node: node, state: Leaving, since: time.Now()})
}

// SetReplication sets how many voters each shard is to have when there are enough nodes.
func (n *Node) SetReplication(ctx context.Context, replication int) error {
	return n.operate(ctx, replicationCommand{replication: replication})
}

// MoveShard gives the vote that a node has in a shard to another one. The shard's voters
// then stay where they are as long as they are members that run.
func (n *Node) MoveShard(ctx context.Context, shard int, from, to uint64) error {
	voters, err := n.shardVoters(shard)
	if err != nil {
		return err
	}
	if !slices.Contains(voters, from) {
		return &RefusedError{fmt.Sprintf("node %d does not vote in shard %d", from, shard)}
	}
	if slices.Contains(voters, to) {
		return &RefusedError{fmt.Sprintf("node %d votes in shard %d already", to, shard)}
	}
	pin := n.catalogMachine.members.Load().pins[shard]
	pin.voters = pinnedMove(voters, from, to)
	if pin.leader == from {
		pin.leader = 0
	}
	return n.operate(ctx, pinCommand{shard: shard, pin: pin})
}

// TransferLeader has a voter of a shard lead it, and lead it again whenever it can.
func (n *Node) TransferLeader(ctx context.Context, shard int, to uint64) error {
	voters, err := n.shardVoters(shard)
	if err != nil {
		return err
	}
	if !slices.Contains(voters, to) {
		return &RefusedError{fmt.Sprintf("node %d does not vote in shard %d", to, shard)}
	}
	pin := n.catalogMachine.members.Load().pins[shard]
	pin.leader = to
	return n.operate(ctx, pinCommand{shard: shard, pin: pin})
}

// ResetShard has the placer put a shard's voters and its leader where it would, whatever
// MoveShard and TransferLeader have said.
func (n *Node) ResetShard(ctx context.Context, shard int) error {
	if _, err := n.shardVoters(shard); err != nil {
		return err
	}
	return n.operate(ctx, pinCommand{shard: shard})
}

// Pinned is where operators want the voters and the leader of a shard; none and 0 where
// they leave it to the placer.
func (n *Node) Pinned(shard int) (voters []uint64, leader uint64) {
	pin := n.catalogMachine.members.Load().pins[shard]
	return slices.Clone(pin.voters), pin.leader
}

// shardVoters are a shard's voters as this node knows them.
func (n *Node) shardVoters(shard int) ([]uint64, error) {
	if shard < 0 || shard >= len(n.shards) {
		return nil, &RefusedError{fmt.Sprintf("there is no shard %d", shard)}
	}
	return n.shards[shard].group.voters(), nil
}

// operate has a command replicated and waits until this node knows it.
func (n *Node) operate(ctx context.Context, command memberCommand) error {
	out, err := n.proposeMember(ctx, command)
	if err != nil {
		return err
	}
	return n.WaitCatalog(ctx, out.index)
}

// pinnedMove returns the voters of a group after one of them has moved.
func pinnedMove(voters []uint64, from, to uint64) []uint64 {
	set := map[uint64]bool{to: true}
	for _, id := range voters {
		if id != from {
			set[id] = true
		}
	}
	return slices.Sorted(maps.Keys(set))
}
