package cluster

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
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
//	request := node uvarint (0 for a new one) · cluster text · shards uvarint · member
//	answer  := verdict u8 · …
//	           accepted: node · cluster text · shards · by · address text · membership (to the end)
//	           otherwise: text (to the end)
type joinRequest struct {
	// node is the asker's number, 0 for none, in the cluster of that name.
	node    uint64
	cluster string
	// shards is how many the asker was told that the cluster has, 0 for any number.
	shards int
	self   Member
}

// encode appends the request's encoding to buf.
func (r joinRequest) encode(buf []byte) []byte {
	buf = binary.AppendUvarint(buf, r.node)
	buf = binary.AppendUvarint(appendText(buf, r.cluster), uint64(r.shards))
	return appendMember(buf, r.self)
}

// join asks the cluster for a number until a node answers or refuses.
func (n *Node) join(ctx context.Context) (identity, error) {
	request := joinRequest{self: n.describeSelf(), shards: n.options.Shards}
	places := slices.DeleteFunc(slices.Clone(n.options.Join), func(address string) bool { return address == n.options.Advertise })
	if len(places) == 0 {
		return identity{}, fmt.Errorf("cluster: the node is to join itself, at %s: it has to be told of a node that is a member already",
			n.options.Advertise)
	}
	for {
		var waiting []string
		for _, address := range places {
			answer, err := n.askToJoin(ctx, address, request)
			if err == nil {
				n.options.Logger.Info("joined a cluster", "node", answer.node, "by", address, "members", len(answer.members.members))
				return n.learn(answer)
			}
			var refused *RefusedError
			if errors.As(err, &refused) {
				return identity{}, fmt.Errorf("cluster: the cluster at %s does not take this node: %w", address, refused)
			}
			waiting = append(waiting, fmt.Sprintf("%s (%v)", address, err))
		}
		if n.options.Waiting != nil {
			n.options.Waiting("the cluster to join does not answer: " + strings.Join(waiting, "; "))
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
	// node is the asker's number, cluster the cluster's name.
	node    uint64
	cluster string
	shards  int
	// by is the number of the node that answers, address where it is.
	by      uint64
	address string
	// members is the membership as that node knows it; a node that has just started may
	// know of none.
	members *membership
}

// encode appends the answer's encoding to buf.
func (a joinAnswer) encode(buf []byte) []byte {
	buf = appendText(binary.AppendUvarint(buf, a.node), a.cluster)
	buf = binary.AppendUvarint(buf, uint64(a.shards))
	buf = appendText(binary.AppendUvarint(buf, a.by), a.address)
	return a.members.encode(buf)
}

// decodeJoinAnswer is the inverse of encode.
func decodeJoinAnswer(data []byte) (joinAnswer, error) {
	r := uvarintReader{data: data}
	answer := joinAnswer{node: r.next(), cluster: r.text(), shards: int(r.next()), by: r.next(), address: r.text()}
	if r.bad || answer.shards < 1 || answer.shards > maxShards {
		return joinAnswer{}, errors.New("cluster: the answer to a request to join is malformed")
	}
	var err error
	answer.members, err = decodeMembership(r.data)
	return answer, err
}

// askToJoin asks the node at an address once, and learns from its answer where nodes are.
func (n *Node) askToJoin(ctx context.Context, address string, request joinRequest) (joinAnswer, error) {
	ctx, cancel := context.WithTimeout(ctx, joinAttempt)
	defer cancel()
	data, err := n.transport.CallAddress(ctx, address, methodJoin, request.encode(nil))
	if err != nil {
		return joinAnswer{}, err
	}
	if data, err = verdictOf(data); err != nil {
		return joinAnswer{}, err
	}
	answer, err := decodeJoinAnswer(data)
	if err != nil {
		return joinAnswer{}, err
	}
	for _, m := range answer.members.members {
		n.setPeer(m.ID, m.Address)
	}
	// It knows best where it is.
	n.setPeer(answer.by, answer.address)
	return answer, nil
}

// learn keeps what the cluster has told a node that joins.
func (n *Node) learn(answer joinAnswer) (identity, error) {
	id := identity{node: answer.node, shards: answer.shards, cluster: answer.cluster}
	return id, n.keepKnownMembers(answer.members.members)
}

// handleJoin answers a node that wants to join, or that looks for the others.
func (n *Node) handleJoin(ctx context.Context, _ uint64, request []byte) ([]byte, error) {
	r := uvarintReader{data: request}
	asker := joinRequest{node: r.next(), cluster: r.text(), shards: int(r.next()), self: r.member()}
	if r.bad {
		return nil, errors.New("cluster: a request to join is malformed")
	}
	switch {
	case asker.node == 0 && asker.shards != 0 && asker.shards != n.identity.shards:
		return verdict(nil, &RefusedError{fmt.Sprintf("it has %d shards, not %d: the number is fixed when a cluster is made",
			n.identity.shards, asker.shards)})
	case asker.node == 0:
		node, err := n.admit(ctx, asker.self)
		if err != nil {
			return verdict(nil, err)
		}
		asker.node = node
	case asker.cluster != n.identity.cluster:
		return verdict(nil, &RefusedError{fmt.Sprintf("this is a node of the cluster %s", n.identity.cluster)})
	case !n.catalogMachine.members.Load().removed(asker.node):
		// It may be where nobody else has been told yet.
		n.setPeer(asker.node, asker.self.Address)
	}
	answer := joinAnswer{
		node: asker.node, cluster: n.identity.cluster, shards: n.identity.shards,
		by: n.ID(), address: n.options.Advertise, members: n.catalogMachine.members.Load(),
	}
	return verdict(answer.encode(nil), nil)
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
