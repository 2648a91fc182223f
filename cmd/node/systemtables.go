package node

import (
	"context"
	"slices"
	"time"

	"millrace/cluster"
	"millrace/exec"
	"millrace/sql/catalog/systables"
)

// States of nodes, shards and replicas, and roles of replicas, in the system tables.
const (
	stateRunning     = "running"
	stateFailed      = "failed"
	stateSeeding     = "seeding"
	stateUnreachable = "unreachable"

	roleVoter  = "voter"
	roleReader = "reader"
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
	members := s.storage.Members()
	reports := s.reports(ctx, members)
	shards := placementOf(reports, s.storage.Shards())
	list := make([]systables.NodeStatus, len(members))
	for i, m := range members {
		n := systables.NodeStatus{
			ID: m.ID, ClusterAddress: m.Address, Version: m.Version, Locality: m.Locality, Joined: m.Joined,
			State: stateOf(m.State, reports[i].report != nil), LastContact: lastContact(reports, m.ID), Coordinator: m.ID == s.Coordinator(),
		}
		if own := reports[i].report; own != nil {
			n.Address, n.Version, n.Started = own.Address, own.Version, own.Started
			n.LastContact = own.At
		}
		for _, shard := range shards {
			if shard.leader == m.ID {
				n.Leads++
			}
			if slices.Contains(shard.voters, m.ID) {
				n.Votes++
			}
		}
		list[i] = n
	}
	return list, nil
}

// stateOf is the state of a member, which answers or not. That one leaves is told in either
// case: it is what an operator waits for who has removed a node that is lost.
func stateOf(state cluster.MemberState, answers bool) string {
	if answers || state == cluster.Leaving {
		return state.String()
	}
	return stateUnreachable
}

// lastContact is when any of the nodes has heard last of one, zero when none has.
func lastContact(reports []memberReport, node uint64) time.Time {
	var last time.Time
	for _, r := range reports {
		if r.report != nil && r.report.Contacts[node].After(last) {
			last = r.report.Contacts[node]
		}
	}
	return last
}

// Shards returns the state of each shard, as its leader tells it.
func (s status) Shards(ctx context.Context) ([]systables.ShardStatus, error) {
	list, err := s.Engine.Shards(ctx)
	if err != nil {
		return nil, err
	}
	placed := placementOf(s.reports(ctx, s.storage.Members()), len(list))
	for i := range list {
		shard := &list[i]
		shard.PinnedVoters, shard.PinnedLeader = s.storage.Pinned(i)
		shard.Leader, shard.Voters, shard.Readers = placed[i].leader, placed[i].voters, placed[i].readers
		switch {
		case shard.Leader != 0:
			shard.Term, shard.Index = placed[i].term, placed[i].index
		case shard.State == stateRunning:
			shard.State = stateUnreachable
		}
	}
	return list, nil
}

// Replicas returns the state of each replica of each shard.
func (s status) Replicas(ctx context.Context) ([]systables.ReplicaStatus, error) {
	reports := s.reports(ctx, s.storage.Members())
	var list []systables.ReplicaStatus
	for i, shard := range placementOf(reports, s.storage.Shards()) {
		for _, r := range reports {
			replica := r.replica(i)
			replica.Leader = r.node == shard.leader
			if slices.Contains(shard.voters, r.node) {
				replica.Role = roleVoter
			}
			if replica.State == stateSeeding && replica.SeedBytes == 0 && shard.leader != 0 {
				// It waits for its turn: as much will come as the leader has.
				replica.SeedBytes = max(0, shard.bytes)
			}
			if replica.Index >= 0 && shard.leader != 0 {
				replica.Lag = max(0, int64(shard.index)-replica.Index)
			}
			list = append(list, replica)
		}
	}
	return list, nil
}

// placement is where a shard is, as its leader tells it.
type placement struct {
	// leader is 0 when no node that answers leads the shard; who votes is then what the
	// newest of the replicas knows.
	leader          uint64
	term, index     uint64
	bytes           int64
	voters, readers []uint64
}

// placementOf gathers from the reports where each shard is.
func placementOf(reports []memberReport, shards int) []placement {
	list := make([]placement, shards)
	for _, r := range reports {
		if r.report == nil {
			continue
		}
		for _, replica := range r.report.Replicas {
			if replica.Shard < 0 || replica.Shard >= shards {
				continue
			}
			at := &list[replica.Shard]
			// Of two that lead, as during an election, the one of the later term does.
			if at.voters != nil && (at.leader != 0 && !replica.Leader || replica.Leader == (at.leader != 0) && replica.Term <= at.term) {
				continue
			}
			*at = placement{term: replica.Term, index: replica.Applied, bytes: replica.Bytes, voters: replica.Voters, readers: replica.Readers}
			if replica.Leader {
				at.leader = r.node
			}
		}
	}
	return list
}
