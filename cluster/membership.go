package cluster

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

// MemberState is what a member of the cluster is about to do.
type MemberState uint8

// The states of members. A member that has been removed is no member any more.
const (
	// Joining members receive the cluster's data; they vote in no group and lead none.
	Joining MemberState = iota + 1
	// Running members vote and lead wherever the placement puts them.
	Running
	// Draining members give away votes and leadership, and stay members.
	Draining
	// Leaving members give away everything and are then removed.
	Leaving
)

// memberStates are the states' names.
var memberStates = [...]string{Joining: "joining", Running: "running", Draining: "draining", Leaving: "leaving"}

// String is the state's name for operators.
func (s MemberState) String() string {
	if int(s) < len(memberStates) && s > 0 {
		return memberStates[s]
	}
	return fmt.Sprintf("MemberState(%d)", uint8(s))
}

// Member is a node of the cluster as the catalog's group knows it.
type Member struct {
	// ID is the node's number, which no other node has had or will have.
	ID uint64
	// Address is where the other nodes reach it, host:port; empty for a node that is alone
	// and listens to nobody.
	Address string
	// Locality says where the node stands, as key=value pairs with commas between them.
	Locality string
	// Version is the program's version.
	Version string
	// State is what the member is about to do, since a time.
	State MemberState
	Since time.Time
	// Joined is when the node became a member.
	Joined time.Time
}

// pin is what operators have said about the place of a shard.
type pin struct {
	// voters are wanted to vote, as far as they can; empty for no wish.
	voters []uint64
	// leader is wanted to lead, as long as it votes; 0 for no wish.
	leader uint64
}

// membership is what the catalog's group keeps of the cluster itself: its members and how
// replicas are to be placed on them. A value is never changed: a command makes a new one.
//
// # Invariants
//
//   - Numbers are given in ascending order and never again: one below next that is not
//     among the members belongs to a node that has been removed.
//   - No two members have the same address, but for the empty one.
//   - At least one member runs.
type membership struct {
	clusterID string
	// replication is how many voters a group is to have when there are enough nodes; odd.
	replication int
	// next is the number of the next node that joins.
	next uint64
	// members are ordered by number.
	members []Member
	// pins are by shard.
	pins map[int]pin
}

// maxReplication bounds the voters of a group: each write waits for half of them.
const maxReplication = 9

// clone returns a copy that may be changed.
func (m *membership) clone() *membership {
	c := *m
	c.members = slices.Clone(m.members)
	c.pins = maps.Clone(m.pins)
	if c.pins == nil {
		c.pins = map[int]pin{}
	}
	return &c
}

// find returns a member's place in members, -1 for none.
func (m *membership) find(id uint64) int {
	return slices.IndexFunc(m.members, func(member Member) bool { return member.ID == id })
}

// member returns a member; ok is false when there is none of that number.
func (m *membership) member(id uint64) (member Member, ok bool) {
	if i := m.find(id); i >= 0 {
		return m.members[i], true
	}
	return Member{}, false
}

// removed tells whether a number belongs to a node that was a member.
func (m *membership) removed(id uint64) bool { return id > 0 && id < m.next && m.find(id) < 0 }

// at returns the place of the member with an address, -1 for none.
func (m *membership) at(address string) int {
	if address == "" {
		return -1
	}
	return slices.IndexFunc(m.members, func(member Member) bool { return member.Address == address })
}

// runs tells whether any member runs.
func (m *membership) runs() bool {
	return slices.ContainsFunc(m.members, func(member Member) bool { return member.State == Running })
}

// ids are the members' numbers in order.
func (m *membership) ids() []uint64 {
	out := make([]uint64, len(m.members))
	for i, member := range m.members {
		out[i] = member.ID
	}
	return out
}

// memberCommand is a command of the cluster's own in the catalog's group.
type memberCommand interface {
	// apply returns the membership after the command and the member that it concerns, 0
	// for none. An error leaves the membership as it is.
	apply(m *membership) (after *membership, member uint64, err error)
	// appendTo appends the command's encoding.
	appendTo(buf []byte) []byte
}

// foundCommand makes a cluster with its first member.
type foundCommand struct {
	clusterID   string
	replication int
	first       Member
}

func (c foundCommand) apply(m *membership) (*membership, uint64, error) {
	if len(m.members) > 0 {
		return nil, 0, errors.New("the cluster has been founded already")
	}
	first := c.first
	first.State = Running
	return &membership{
		clusterID: c.clusterID, replication: c.replication, next: first.ID + 1, members: []Member{first}, pins: map[int]pin{},
	}, first.ID, nil
}

// joinCommand gives a node without data a number. One that asks again with its address,
// because it has not heard the answer, gets the same.
type joinCommand struct {
	node Member
	// instead is the member whose address the node has, since its data is lost; 0 for none.
	instead uint64
}

func (c joinCommand) apply(m *membership) (*membership, uint64, error) {
	if c.node.Address == "" {
		return nil, 0, errors.New("a node that joins needs an address")
	}
	after := m.clone()
	if i := after.at(c.node.Address); i >= 0 {
		there := &after.members[i]
		switch {
		case there.State == Joining:
			there.Locality, there.Version = c.node.Locality, c.node.Version
			return after, there.ID, nil
		case there.ID != c.instead:
			return nil, 0, fmt.Errorf("the address %s is that of node %d", c.node.Address, there.ID)
		}
		there.Address, there.State, there.Since = "", Leaving, c.node.Since
		if !after.runs() {
			return nil, 0, fmt.Errorf("the address %s is that of node %d, the last one that runs", c.node.Address, c.instead)
		}
	}
	node := c.node
	node.ID, node.State = after.next, Joining
	after.next++
	after.members = append(after.members, node)
	return after, node.ID, nil
}

// describeCommand renews what a member says of itself when it starts.
type describeCommand struct {
	node                       uint64
	address, locality, version string
}

func (c describeCommand) apply(m *membership) (*membership, uint64, error) {
	i := m.find(c.node)
	if i < 0 {
		return nil, 0, noMember(m, c.node)
	}
	if other := m.at(c.address); other >= 0 && other != i {
		return nil, 0, fmt.Errorf("the address %s is that of node %d", c.address, m.members[other].ID)
	}
	after := m.clone()
	member := &after.members[i]
	member.Address, member.Locality, member.Version = c.address, c.locality, c.version
	return after, c.node, nil
}

// stateCommand gives a member its next state.
type stateCommand struct {
	node  uint64
	state MemberState
	since time.Time
	// gone removes a leaving member for good.
	gone bool
}

func (c stateCommand) apply(m *membership) (*membership, uint64, error) {
	i := m.find(c.node)
	if i < 0 {
		if c.gone && m.removed(c.node) {
			return m, c.node, nil
		}
		return nil, 0, noMember(m, c.node)
	}
	after := m.clone()
	member := &after.members[i]
	if member.State == c.state && !c.gone {
		return m, c.node, nil
	}
	switch {
	case c.gone && member.State == Leaving:
		after.members = slices.Delete(after.members, i, i+1)
		after.forget(c.node)
		return after, c.node, nil
	case c.gone, member.State == Leaving,
		member.State == Joining && c.state == Draining,
		c.state == Joining:
		return nil, 0, fmt.Errorf("node %d is %v", c.node, member.State)
	}
	member.State, member.Since = c.state, c.since
	if !after.runs() {
		return nil, 0, fmt.Errorf("node %d is the last one that runs", c.node)
	}
	return after, c.node, nil
}

// forget removes a member that is gone from the pins.
func (m *membership) forget(node uint64) {
	for shard, p := range m.pins {
		if p.leader == node {
			p.leader = 0
		}
		p.voters = without(p.voters, []uint64{node})
		if p.leader == 0 && len(p.voters) == 0 {
			delete(m.pins, shard)
			continue
		}
		m.pins[shard] = p
	}
}

// replicationCommand sets how many voters a group is to have.
type replicationCommand struct{ replication int }

func (c replicationCommand) apply(m *membership) (*membership, uint64, error) {
	if c.replication < 1 || c.replication > maxReplication || c.replication%2 == 0 {
		return nil, 0, fmt.Errorf("the number of replicas must be odd and between 1 and %d", maxReplication)
	}
	after := m.clone()
	after.replication = c.replication
	return after, 0, nil
}

// pinCommand says where a shard's voters and its leader are wanted.
type pinCommand struct {
	shard int
	pin   pin
}

func (c pinCommand) apply(m *membership) (*membership, uint64, error) {
	for _, id := range append(slices.Clone(c.pin.voters), c.pin.leader) {
		if id != 0 && m.find(id) < 0 {
			return nil, 0, noMember(m, id)
		}
	}
	after := m.clone()
	if c.pin.leader == 0 && len(c.pin.voters) == 0 {
		delete(after.pins, c.shard)
	} else {
		after.pins[c.shard] = c.pin
	}
	return after, 0, nil
}

// recoverCommand makes a new cluster of what one member had of a cluster that is lost.
type recoverCommand struct {
	clusterID string
	node      uint64
	since     time.Time
}

func (c recoverCommand) apply(m *membership) (*membership, uint64, error) {
	survivor, ok := m.member(c.node)
	if !ok { // it had been removed, but what it has may be all that there is
		survivor = Member{ID: c.node, Joined: c.since}
	}
	survivor.State, survivor.Since = Running, c.since
	after := m.clone()
	after.clusterID, after.members, after.pins = c.clusterID, []Member{survivor}, map[int]pin{}
	after.next = max(after.next, c.node+1)
	return after, c.node, nil
}

// noMember says that a number is not that of a member.
func noMember(m *membership, id uint64) error {
	if m.removed(id) {
		return fmt.Errorf("node %d has been removed from the cluster", id)
	}
	return fmt.Errorf("there is no node %d", id)
}
