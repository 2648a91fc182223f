package systables

import (
	"context"
	"time"
)

// ShardStatus is the state of one shard.
type ShardStatus struct {
	Shard int
	// Leader is the number of the node that leads the shard, 0 when none is known.
	Leader uint64
	// State is running, failed, or unreachable where no leader answers.
	State string
	Term  uint64
	// Index is the last log index that has taken effect.
	Index uint64
	// Voters and Readers are the nodes whose replicas vote, and those whose replicas only
	// follow, in order.
	Voters, Readers []uint64
	// PinnedVoters and PinnedLeader are where operators want the votes and the leadership;
	// none and 0 where the cluster decides.
	PinnedVoters []uint64
	PinnedLeader uint64
}

// ReplicaStatus is the state of one node's replica of a shard.
type ReplicaStatus struct {
	Shard int
	Node  uint64
	// Role is voter or reader.
	Role   string
	Leader bool
	// State is running, seeding, failed, or unreachable.
	State string
	// Index is the last log index that has taken effect there, and Lag how many entries
	// that is behind the leader's; -1 when not known.
	Index, Lag int64
	// Bytes is about the replica's size on disk, SeededBytes and SeedBytes how much of its
	// seed has come and about how much is to come in all; -1 when not known or not being
	// seeded.
	Bytes, SeededBytes, SeedBytes int64
	// Error is what stopped a failed replica, or why one is being copied.
	Error string
}

// NodeStatus describes one node.
type NodeStatus struct {
	ID uint64
	// Address is where clients connect, ClusterAddress where other nodes do.
	Address, ClusterAddress string
	Version                 string
	// State is joining, running, draining, leaving, or unreachable.
	State string
	// Locality is the node's labels, as key=value separated by commas.
	Locality string
	// Started is when the node's process began, Joined when the node became a member,
	// and LastContact when it was last heard of; zero when not known.
	Started, Joined, LastContact time.Time
	// Leads and Votes count the shards that it leads, and in which it votes.
	Leads, Votes int
	// Coordinator says that the node knows the cluster's locks.
	Coordinator bool
}

func millraceShards(ctx context.Context, env *Environment, _ *Table) ([]row, error) {
	if env.Runtime == nil {
		return nil, nil
	}
	list, err := env.Runtime.Shards(ctx)
	if err != nil {
		return nil, err
	}
	var rows []row
	for _, s := range list {
		rows = append(rows, row{
			"shard": s.Shard, "leader": orNoNode(s.Leader), "state": s.State, "term": int64(s.Term), "index": int64(s.Index),
			"voters": nodeList(s.Voters), "readers": nodeList(s.Readers),
			"pinned_voters": nodeList(s.PinnedVoters), "pinned_leader": orNoNode(s.PinnedLeader),
		})
	}
	return rows, nil
}

func millraceReplicas(ctx context.Context, env *Environment, _ *Table) ([]row, error) {
	if env.Runtime == nil {
		return nil, nil
	}
	list, err := env.Runtime.Replicas(ctx)
	if err != nil {
		return nil, err
	}
	var rows []row
	for _, r := range list {
		rows = append(rows, row{
			"shard": r.Shard, "node": int64(r.Node), "role": r.Role, "leader": r.Leader, "state": r.State,
			"index": orUnknown(r.Index), "lag": orUnknown(r.Lag), "bytes": orUnknown(r.Bytes),
			"seeded_bytes": orUnknown(r.SeededBytes), "seed_bytes": orUnknown(r.SeedBytes), "error": orNull(r.Error),
		})
	}
	return rows, nil
}

func millraceNodes(ctx context.Context, env *Environment, _ *Table) ([]row, error) {
	if env.Runtime == nil {
		return nil, nil
	}
	list, err := env.Runtime.Nodes(ctx)
	if err != nil {
		return nil, err
	}
	var rows []row
	for _, n := range list {
		rows = append(rows, row{
			"id": int64(n.ID), "address": orNull(n.Address), "version": orNull(n.Version), "state": n.State, "started": n.Started,
			"cluster_address": orNull(n.ClusterAddress), "locality": orNull(n.Locality), "joined": n.Joined,
			"last_contact": n.LastContact, "leads": n.Leads, "votes": n.Votes, "coordinator": n.Coordinator,
		})
	}
	return rows, nil
}

// orNoNode is nil where no node is known.
func orNoNode(node uint64) any {
	if node == 0 {
		return nil
	}
	return int64(node)
}

// nodeList is the value of an array of nodes.
func nodeList(nodes []uint64) []int {
	list := make([]int, len(nodes))
	for i, node := range nodes {
		list[i] = int(node)
	}
	return list
}
