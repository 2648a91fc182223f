package node

import (
	"context"
	"time"

	"millrace/exec"
	"millrace/sql/catalog/systables"
)

// States of nodes and replicas in the system tables.
const (
	stateRunning = "running"
	stateFailed  = "failed"

	roleVoter = "voter"
)

// status tells the system tables of the node and of its cluster.
type status struct {
	*exec.Engine
	node    *Node
	started time.Time
}

// Nodes returns the members of the cluster.
func (s status) Nodes(context.Context) ([]systables.NodeStatus, error) {
	shards := s.node.storage.Shards()
	leads := 0
	for i := range shards {
		if s.node.storage.Shard(i).IsLeader() {
			leads++
		}
	}
	return []systables.NodeStatus{{
		ID: s.node.storage.ID(), Address: s.node.Addr().String(), Version: Version(), State: stateRunning,
		Started: s.started, Leads: leads, Votes: shards,
	}}, nil
}

// Shards returns the state of each shard.
func (s status) Shards(ctx context.Context) ([]systables.ShardStatus, error) {
	list, err := s.Engine.Shards(ctx)
	for i := range list {
		list[i].Voters = []uint64{s.node.storage.ID()}
	}
	return list, err
}

// Replicas returns the state of each replica of each shard.
func (s status) Replicas(context.Context) ([]systables.ReplicaStatus, error) {
	list := make([]systables.ReplicaStatus, s.node.storage.Shards())
	for i := range list {
		stats := s.node.storage.Shard(i).Stats()
		list[i] = systables.ReplicaStatus{
			Shard: i, Node: s.node.storage.ID(), Role: roleVoter, Leader: stats.Leader, State: stateRunning,
			Index: int64(stats.Applied), Bytes: -1, SeededBytes: -1, SeedBytes: -1,
		}
		if stats.Halted != nil {
			list[i].State, list[i].Error = stateFailed, stats.Halted.Error()
		}
	}
	return list, nil
}
