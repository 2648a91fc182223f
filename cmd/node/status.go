package node

import (
	"context"
	"encoding/json"
	"slices"
	"sync"
	"time"

	"millrace/cluster"
	"millrace/exec"
	"millrace/sql/catalog/systables"
)

// States of nodes and replicas, and roles of replicas, in the system tables.
const (
	stateRunning     = "running"
	stateFailed      = "failed"
	stateUnreachable = "unreachable"

	roleVoter = "voter"
)

// status tells the system tables of the node and of its cluster.
type status struct {
	*exec.Engine
	storage *cluster.Node
	own     func() nodeReport
}

// Nodes returns the members of the cluster. One that does not answer is listed as
// unreachable, with what is known without it.
func (s status) Nodes(ctx context.Context) ([]systables.NodeStatus, error) {
	var list []systables.NodeStatus
	for _, r := range s.reports(ctx) {
		n := systables.NodeStatus{ID: r.node, State: stateUnreachable}
		if r.report != nil {
			n.State, n.Address, n.Version, n.Started = stateRunning, r.report.Address, r.report.Version, r.report.Started
			for _, replica := range r.report.Replicas {
				n.Votes++
				if replica.Leader {
					n.Leads++
				}
			}
		}
		list = append(list, n)
	}
	return list, nil
}

// Shards returns the state of each shard.
func (s status) Shards(ctx context.Context) ([]systables.ShardStatus, error) {
	list, err := s.Engine.Shards(ctx)
	for i := range list {
		list[i].Voters = s.storage.Peers().Members()
	}
	return list, err
}

// Replicas returns the state of each replica of each shard.
func (s status) Replicas(ctx context.Context) ([]systables.ReplicaStatus, error) {
	reports := s.reports(ctx)
	var list []systables.ReplicaStatus
	for shard := range s.storage.Shards() {
		first, end := len(list), int64(-1)
		for _, r := range reports {
			replica := r.replica(shard)
			if replica.Leader {
				end = replica.Index
			}
			list = append(list, replica)
		}
		for i := first; i < len(list); i++ {
			if list[i].Index >= 0 && end >= 0 {
				list[i].Lag = max(0, end-list[i].Index)
			}
		}
	}
	return list, nil
}

// nodeReport is what a node tells the others of itself. It travels as JSON, so that
// nodes of different versions read each other's.
type nodeReport struct {
	// Address is where clients connect.
	Address  string          `json:"address"`
	Version  string          `json:"version"`
	Started  time.Time       `json:"started"`
	Replicas []replicaReport `json:"replicas"`
}

// replicaReport is what a node tells of one of its replicas.
type replicaReport struct {
	Shard   int    `json:"shard"`
	Leader  bool   `json:"leader"`
	Applied uint64 `json:"applied"`
	Failure string `json:"failure,omitempty"`
}

// memberReport is what is known of a member; report is nil where it did not answer.
type memberReport struct {
	node   uint64
	report *nodeReport
}

// replica is a member's replica of a shard for the system tables.
func (m memberReport) replica(shard int) systables.ReplicaStatus {
	status := systables.ReplicaStatus{
		Shard: shard, Node: m.node, Role: roleVoter, State: stateUnreachable,
		Index: -1, Lag: -1, Bytes: -1, SeededBytes: -1, SeedBytes: -1,
	}
	if m.report == nil {
		return status
	}
	i := slices.IndexFunc(m.report.Replicas, func(r replicaReport) bool { return r.Shard == shard })
	if i < 0 {
		return status
	}
	r := m.report.Replicas[i]
	status.State, status.Leader, status.Index = stateRunning, r.Leader, int64(r.Applied)
	if r.Failure != "" {
		status.State, status.Error = stateFailed, r.Failure
	}
	return status
}

const (
	reportMethod = "node.report"
	// reportTimeout bounds how long a member is waited for that does not answer: who
	// looks at the cluster has a reason to, and half of it may be away.
	reportTimeout = time.Second
)

// serveReport answers the other nodes.
func (s status) serveReport() {
	s.storage.Peers().Handle(reportMethod, func(context.Context, uint64, []byte) ([]byte, error) {
		return json.Marshal(s.own())
	})
}

// reports asks all members at once, in their order.
func (s status) reports(ctx context.Context) []memberReport {
	ctx, cancel := context.WithTimeout(ctx, reportTimeout)
	defer cancel()
	members := s.storage.Peers().Members()
	list := make([]memberReport, len(members))
	var asking sync.WaitGroup
	for i, node := range members {
		list[i].node = node
		asking.Go(func() {
			if answer, err := s.storage.Peers().Call(ctx, node, reportMethod, nil); err == nil {
				var report nodeReport
				if json.Unmarshal(answer, &report) == nil {
					list[i].report = &report
				}
			}
		})
	}
	asking.Wait()
	return list
}

// report is what this node tells of itself.
func (n *Node) report(started time.Time) nodeReport {
	r := nodeReport{Address: n.Addr().String(), Version: Version(), Started: started}
	for i := range n.storage.Shards() {
		stats := n.storage.Shard(i).Stats()
		replica := replicaReport{Shard: i, Leader: stats.Leader, Applied: stats.Applied}
		if stats.Halted != nil {
			replica.Failure = stats.Halted.Error()
		}
		r.Replicas = append(r.Replicas, replica)
	}
	return r
}
