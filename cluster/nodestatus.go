package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"time"
)

// nodeStatus is what a node tells the placer of itself. It travels as JSON, so that nodes
// of different versions read each other's.
type nodeStatus struct {
	// Groups are the catalog's group and the shards' by number.
	Groups []groupStatus `json:"groups"`
	// Unfit is why the node should lead nothing, "" when it may.
	Unfit string `json:"unfit,omitempty"`
}

// groupStatus is what a node tells of its replica of one group.
type groupStatus struct {
	// Leads tells whether the node leads the group, in the term.
	Leads bool   `json:"leads,omitempty"`
	Term  uint64 `json:"term"`
	// Whole tells whether the replica has all of its data and applies the log.
	Whole bool `json:"whole,omitempty"`
	// Voters and Others are the nodes of the group, and Following those whose logs are
	// not behind; the leader alone tells them.
	Voters    []uint64 `json:"voters,omitempty"`
	Others    []uint64 `json:"others,omitempty"`
	Following []uint64 `json:"following,omitempty"`
}

// status is what the node tells of itself.
func (n *Node) status() nodeStatus {
	status := nodeStatus{Unfit: n.fitness.unfit()}
	for i, g := range n.groups() {
		s := groupStatus{Term: g.raft.CurrentTerm(), Leads: g.isLeader(), Whole: i == 0 || n.shards[i-1].whole()}
		if s.Leads {
			s.Voters, s.Others = g.configuration()
			for _, node := range slices.Concat(s.Voters, s.Others) {
				if node == n.ID() || g.follows(node) == nil {
					s.Following = append(s.Following, node)
				}
			}
		}
		status.Groups = append(status.Groups, s)
	}
	return status
}

// whole tells whether the replica has all of its data and applies the log.
func (s *Shard) whole() bool { return s.machine.err() == nil }

// handleStatus answers with the node's status.
func (n *Node) handleStatus(context.Context, uint64, []byte) ([]byte, error) {
	if n.handedOver.Load() {
		return nil, ErrStopped
	}
	return json.Marshal(n.status())
}

// statusTimeout is how long a node is waited for that does not answer.
const statusTimeout = time.Second

// view asks all members for their status.
func (n *Node) view(ctx context.Context) *clusterView {
	members := n.catalogMachine.members.Load()
	statuses := n.statuses(ctx, members)
	v := &clusterView{members: members, alive: map[uint64]bool{}, unfit: map[uint64]bool{}, groups: make([]groupView, 1+n.Shards())}
	for i, m := range members.members {
		v.alive[m.ID] = statuses[i] != nil
		v.unfit[m.ID] = statuses[i] != nil && statuses[i].Unfit != ""
	}
	for i := range v.groups {
		v.groups[i] = viewOf(i, members.ids(), statuses)
	}
	return v
}

// statuses asks members for their status; that of one that does not answer is nil.
func (n *Node) statuses(ctx context.Context, members *membership) []*nodeStatus {
	ctx, cancel := context.WithTimeout(ctx, statusTimeout)
	defer cancel()
	statuses := make([]*nodeStatus, len(members.members))
	var asking sync.WaitGroup
	for i, m := range members.members {
		asking.Go(func() {
			answer, err := n.peers.Call(ctx, m.ID, methodStatus, nil)
			var status nodeStatus
			if err == nil && json.Unmarshal(answer, &status) == nil {
				statuses[i] = &status
			}
		})
	}
	asking.Wait()
	return statuses
}

// viewOf is a group as the leader of its newest term tells it.
func viewOf(group int, nodes []uint64, statuses []*nodeStatus) groupView {
	v := groupView{ready: map[uint64]bool{}}
	var newest groupStatus
	whole := map[uint64]bool{}
	for i, status := range statuses {
		if status == nil || group >= len(status.Groups) {
			continue
		}
		s := status.Groups[group]
		whole[nodes[i]] = s.Whole
		if s.Leads && s.Term > newest.Term {
			newest, v.leader = s, nodes[i]
		}
	}
	v.voters, v.others = newest.Voters, newest.Others
	for _, node := range newest.Following {
		v.ready[node] = whole[node]
	}
	return v
}

// handleStep takes a step in a group that this node leads.
func (n *Node) handleStep(ctx context.Context, _ uint64, request []byte) ([]byte, error) {
	r := uvarintReader{data: request}
	group, kind, node := r.next(), r.next(), r.next()
	groups := n.groups()
	if r.bad || group >= uint64(len(groups)) || kind > uint64(stepLead) {
		return nil, errors.New("cluster: a step is malformed")
	}
	return nil, groups[group].change(ctx, step{kind: stepKind(kind), node: node})
}
