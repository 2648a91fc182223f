package cluster

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

const (
	// joinAttempt bounds one question of a node that joins; joinPause is between two.
	joinAttempt = 5 * time.Second
	joinPause   = 500 * time.Millisecond
)

// joinRequest is what a node says that wants to be a member, or, when it is one and has
// lost sight of the others, to know where they are.
//
//	request := node uvarint (0 for a new one) · member
//	answer  := verdict u8 · …
//	           accepted: node · shards · membership (to the end)
//	           otherwise: text (to the end)
type joinRequest struct {
	node uint64
	self Member
}

// join asks the cluster for a number until a node answers or refuses.
func (n *Node) join(ctx context.Context) (identity, error) {
	request := binary.AppendUvarint(nil, 0)
	request = appendMember(request, n.describeSelf())
	logged := ""
	for {
		for _, address := range n.options.Join {
			answer, err := n.askToJoin(ctx, address, request)
			if err == nil {
				n.options.Logger.Info("joined a cluster", "node", answer.node, "by", address, "members", len(answer.members.members))
				return n.learn(answer)
			}
			var refused *RefusedError
			if errors.As(err, &refused) {
				return identity{}, fmt.Errorf("cluster: the cluster at %s does not take this node: %w", address, refused)
			}
			if text := err.Error(); text != logged {
				logged = text
				n.options.Logger.Warn("the cluster to join does not answer; trying again", "address", address, "error", err)
			}
		}
		select {
		case <-time.After(joinPause):
		case <-ctx.Done():
			return identity{}, fmt.Errorf("cluster: joining a cluster: %w", context.Cause(ctx))
		}
	}
}

// joinAnswer is what a node that joins is told.
type joinAnswer struct {
	node    uint64
	shards  int
	members *membership
}

// askToJoin asks the node at an address once.
func (n *Node) askToJoin(ctx context.Context, address string, request []byte) (joinAnswer, error) {
	ctx, cancel := context.WithTimeout(ctx, joinAttempt)
	defer cancel()
	data, err := n.transport.CallAddress(ctx, address, methodJoin, request)
	if err != nil {
		return joinAnswer{}, err
	}
	data, err = verdictOf(data)
	if err != nil {
		return joinAnswer{}, err
	}
	r := uvarintReader{data: data}
	answer := joinAnswer{node: r.next(), shards: int(r.next())}
	if r.bad || answer.shards < 1 || answer.shards > maxShards {
		return joinAnswer{}, errors.New("cluster: the answer to a request to join is malformed")
	}
	answer.members, err = decodeMembership(r.data)
	return answer, err
}

// learn keeps what the cluster has told of itself.
func (n *Node) learn(answer joinAnswer) (identity, error) {
	members := answer.members.members
	for _, m := range members {
		n.setPeer(m.ID, m.Address)
	}
	id := identity{node: answer.node, shards: answer.shards, cluster: answer.members.clusterID}
	return id, n.keepKnownMembers(members)
}

// handleJoin answers a node that wants to join, or that looks for the others.
func (n *Node) handleJoin(ctx context.Context, _ uint64, request []byte) ([]byte, error) {
	r := uvarintReader{data: request}
	asker := joinRequest{node: r.next(), self: r.member()}
	if r.bad {
		return nil, errors.New("cluster: a request to join is malformed")
	}
	node := asker.node
	if node == 0 {
		var err error
		if node, err = n.admit(ctx, asker.self); err != nil {
			return verdict(nil, err)
		}
	}
	members := n.catalogMachine.members.Load()
	data := binary.AppendUvarint(nil, node)
	data = binary.AppendUvarint(data, uint64(n.identity.shards))
	return verdict(members.encode(data), nil)
}

// admit makes a node a member and returns its number. When it returns, this node knows it.
func (n *Node) admit(ctx context.Context, self Member) (uint64, error) {
	command := joinCommand{node: self}
	command.node.Joined = time.Now()
	command.node.Since = command.node.Joined
	members := n.catalogMachine.members.Load()
	if i := members.at(self.Address); i >= 0 && members.members[i].State != Joining {
		// A node without data has the address of a member. Only if that one does not
		// answer any more can it be the same one, whose disk was lost.
		there := members.members[i].ID
		if there == n.ID() || n.answers(ctx, there) {
			return 0, &RefusedError{fmt.Sprintf("the address %s is that of node %d, which runs", self.Address, there)}
		}
		command.instead = there
	}
	answer, err := n.proposeMember(ctx, command)
	if err != nil {
		return 0, err
	}
	return answer.member, n.WaitCatalog(ctx, answer.index)
}

// answers tells whether a node answers as the one that it was.
func (n *Node) answers(ctx context.Context, node uint64) bool {
	ctx, cancel := context.WithTimeout(ctx, joinAttempt/2)
	defer cancel()
	_, err := n.peers.Call(ctx, node, methodStatus, nil)
	return err == nil
}

// describeSelf is what this node says of itself.
func (n *Node) describeSelf() Member {
	return Member{Address: n.options.Advertise, Locality: n.options.Locality, Version: n.options.Version}
}
