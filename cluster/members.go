package cluster

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

// The methods by which the nodes ask each other for the cluster's own sake.
const (
	methodJoin    = "cluster.join"
	methodPropose = "cluster.propose"
	methodStatus  = "cluster.status"
	methodStep    = "cluster.step"
	methodApplied = "cluster.applied"
	methodRemoved = "cluster.removed"
)

// serve has this node answer the others.
func (n *Node) serve() {
	n.transport.HandleAnybody(methodJoin, n.handleJoin)
	n.peers.Handle(methodPropose, n.handlePropose)
	n.peers.Handle(methodStatus, n.handleStatus)
	n.peers.Handle(methodStep, n.handleStep)
	n.peers.Handle(methodApplied, n.handleApplied)
	n.peers.Handle(methodRemoved, func(context.Context, uint64, []byte) ([]byte, error) {
		n.leave()
		return nil, nil
	})
}

// ClusterID names the cluster: 32 hexadecimal digits.
func (n *Node) ClusterID() string { return n.identity.cluster }

// Members are the cluster's members as this node has last heard of them, by number.
func (n *Node) Members() []Member { return slices.Clone(n.catalogMachine.members.Load().members) }

// Replication is how many voters a shard is to have.
func (n *Node) Replication() int { return n.catalogMachine.members.Load().replication }

// Removed is closed when the cluster has removed this node, which then is of no more use.
func (n *Node) Removed() <-chan struct{} { return n.removed }

// followMembers keeps the transport and the file MEMBERS as the membership says.
func (n *Node) followMembers() {
	var kept []Member
	for {
		select {
		case <-n.memberNews:
		case <-n.ctx.Done():
			return
		}
		m := n.catalogMachine.members.Load()
		for _, member := range m.members {
			n.setPeer(member.ID, member.Address)
		}
		for id := uint64(1); id < m.next; id++ {
			if m.removed(id) && id != n.ID() {
				n.transport.Forget(id)
			}
		}
		if m.removed(n.ID()) {
			n.leave()
		}
		if !slices.Equal(kept, m.members) {
			if err := n.keepKnownMembers(m.members); err != nil {
				n.options.Logger.Error("the members cannot be written down", "error", err)
			} else {
				kept = m.members
			}
		}
		n.placer.soon()
	}
}

// leave notes that this node has been removed.
func (n *Node) leave() {
	n.leaving.Do(func() {
		n.options.Logger.Error("this node has been removed from its cluster", "node", n.ID())
		close(n.removed)
	})
}

// setPeer tells the transport where another node is.
func (n *Node) setPeer(node uint64, address string) {
	if node != n.identity.node && address != "" {
		n.transport.SetPeer(node, address)
	}
}

// keepKnownMembers writes the file MEMBERS.
func (n *Node) keepKnownMembers(members []Member) error {
	return writeFileAtomically(n.options.FS, n.options.Dir, knownTemporary, knownFile, encodeKnownMembers(members))
}

// lookPause is how often a node looks whether it is in touch with its cluster.
const lookPause = 2 * time.Second

// stayKnown tells the cluster where this node is and what it is, when that is not what the
// cluster knows, and looks for the others while no leader is heard of.
func (n *Node) stayKnown() {
	ticker := time.NewTicker(lookPause)
	defer ticker.Stop()
	for {
		described := n.describe()
		if described && n.options.Listen == "" {
			return
		}
		select {
		case <-ticker.C:
		case <-n.ctx.Done():
			return
		}
		if leader, _ := n.CatalogLeader(); leader == 0 {
			n.lookAround()
		}
	}
}

// describe has the cluster know what this node says of itself; it returns false when it
// has to be tried again.
func (n *Node) describe() bool {
	self := n.describeSelf()
	known, ok := n.catalogMachine.members.Load().member(n.ID())
	if ok && known.Address == self.Address && known.Locality == self.Locality && known.Version == self.Version {
		return true
	}
	ctx, cancel := context.WithTimeout(n.ctx, lookPause)
	defer cancel()
	_, err := n.proposeMember(ctx, describeCommand{
		node: n.ID(), address: self.Address, locality: self.Locality, version: self.Version,
	})
	var refused *RefusedError
	if errors.As(err, &refused) {
		n.options.Logger.Error("the cluster does not accept what this node says of itself", "error", err)
	}
	return err == nil
}

// lookAround asks where the others are: at the addresses that this node was told to join,
// and where they have been before.
func (n *Node) lookAround() {
	request := joinRequest{node: n.ID(), cluster: n.identity.cluster, self: n.describeSelf()}
	for _, address := range n.addresses() {
		answer, err := n.askToJoin(n.ctx, address, request)
		if err == nil && answer.cluster == n.identity.cluster && answer.members.removed(n.ID()) {
			n.leave()
			return
		}
	}
}

// addresses are where other nodes may be.
func (n *Node) addresses() []string {
	places := map[string]bool{}
	for _, address := range n.options.Join {
		places[address] = true
	}
	for _, address := range n.known {
		places[address] = true
	}
	for _, m := range n.Members() {
		places[m.Address] = true
	}
	delete(places, "")
	delete(places, n.options.Advertise)
	return slices.Sorted(maps.Keys(places))
}

// proposed is what became of a command of the cluster's own: its index in the catalog's
// group and the member that it concerns.
type proposed struct{ index, member uint64 }

// proposePause is between two attempts to find the catalog's leader.
const proposePause = 200 * time.Millisecond

// proposeMember has the catalog's leader replicate a command, whichever node it is. It
// tries again, until ctx ends, where no leader is found; the commands can be repeated. A
// *RefusedError says that the command has had no effect.
func (n *Node) proposeMember(ctx context.Context, command memberCommand) (proposed, error) {
	data := clusterCommand(command)
	for {
		leader, changed := n.CatalogLeader()
		out, err := n.proposeTo(ctx, leader, data)
		var refused *RefusedError
		if err == nil || errors.As(err, &refused) {
			return out, err
		}
		select {
		case <-changed:
		case <-time.After(proposePause):
		case <-ctx.Done():
			return proposed{}, fmt.Errorf("cluster: no leader has taken the command: %w: %w", context.Cause(ctx), err)
		case <-n.ctx.Done():
			return proposed{}, ErrStopped
		}
	}
}

// proposeTo has a node replicate a command; where none is known to lead, any that knows.
func (n *Node) proposeTo(ctx context.Context, leader uint64, data []byte) (proposed, error) {
	if leader == n.ID() {
		return n.proposeHere(data)
	}
	if leader != 0 {
		return n.proposeAt(ctx, leader, data)
	}
	err := fmt.Errorf("%w of %s", ErrNotLeader, catalogDir)
	for _, id := range n.peers.Members() {
		if id == n.ID() {
			continue
		}
		attempt, cancel := context.WithTimeout(ctx, joinAttempt/2)
		out, e := n.proposeAt(attempt, id, data)
		cancel()
		var refused *RefusedError
		if e == nil || errors.As(e, &refused) {
			return out, e
		}
		err = e
	}
	return proposed{}, err
}

// proposeHere replicates a command on the catalog's leader.
func (n *Node) proposeHere(data []byte) (proposed, error) {
	index, answer, err := n.catalog.propose(data)
	if err != nil {
		return proposed{}, err
	}
	result := answer.(memberAnswer)
	if result.err != nil {
		return proposed{}, &RefusedError{result.err.Error()}
	}
	return proposed{index: index, member: result.member}, nil
}

// proposeAt asks another node to have a command replicated.
func (n *Node) proposeAt(ctx context.Context, node uint64, data []byte) (proposed, error) {
	answer, err := n.peers.Call(ctx, node, methodPropose, data)
	if err != nil {
		return proposed{}, err
	}
	if answer, err = verdictOf(answer); err != nil {
		return proposed{}, err
	}
	r := uvarintReader{data: answer}
	out := proposed{index: r.next(), member: r.next()}
	if r.bad {
		return proposed{}, errors.New("cluster: an answer is malformed")
	}
	return out, nil
}

// handlePropose replicates a command for another node, or passes it on to the leader that
// this one knows of.
func (n *Node) handlePropose(ctx context.Context, from uint64, data []byte) ([]byte, error) {
	if len(data) == 0 || data[0] != commandOfCluster {
		return nil, errors.New("cluster: not a command of the cluster's own")
	}
	out, err := proposed{}, error(nil)
	switch leader, _ := n.CatalogLeader(); leader {
	case n.ID():
		out, err = n.proposeHere(data)
	case 0, from:
		err = fmt.Errorf("%w of %s", ErrNotLeader, catalogDir)
	default:
		out, err = n.proposeAt(ctx, leader, data)
	}
	return verdict(binary.AppendUvarint(binary.AppendUvarint(nil, out.index), out.member), err)
}
