package cluster

import (
	"fmt"
	"strings"
)

// Trouble tells operators in one line what keeps this node from being ready: LeaderTrouble,
// or replicas that are copied from other nodes. It is "" when nothing does.
func (n *Node) Trouble() string {
	if trouble := n.LeaderTrouble(); trouble != "" {
		return trouble
	}
	var copied []*Shard
	for _, shard := range n.shards {
		if shard.Whole() != nil {
			copied = append(copied, shard)
		}
	}
	if len(copied) == 0 {
		return ""
	}
	return copying(copied)
}

// LeaderTrouble tells in one line which groups have no leader that this node knows of, and
// which of the nodes that have to elect one cannot be reached; "" when all have one.
func (n *Node) LeaderTrouble() string {
	if leader, _ := n.CatalogLeader(); leader == 0 {
		return n.leaderless("the catalog", n.catalog)
	}
	var without []*Shard
	for _, shard := range n.shards {
		if leader, _ := shard.Leader(); leader == 0 {
			without = append(without, shard)
		}
	}
	if len(without) == 0 {
		return ""
	}
	return n.leaderless(shardList(without), without[0].group)
}

// leaderless says that groups have no leader, and which voters of the first are away.
func (n *Node) leaderless(what string, g *group) string {
	voters := g.voters()
	var away []string
	for _, voter := range voters {
		if voter == n.ID() {
			continue
		}
		if connected, err := n.transport.Connected(voter); !connected {
			away = append(away, fmt.Sprintf("node %d%s", voter, n.whyAway(voter, err)))
		}
	}
	if len(away) == 0 {
		return fmt.Sprintf("%s: no leader is known, of the voters on nodes %s", what, numbers(voters))
	}
	return fmt.Sprintf("%s: no leader is known; of the voters on nodes %s most have to run, and these cannot be reached: %s",
		what, numbers(voters), strings.Join(away, "; "))
}

// whyAway tells where a node should be, and why it is not reached.
func (n *Node) whyAway(node uint64, err error) string {
	address := n.known[node]
	if member, ok := n.catalogMachine.members.Load().member(node); ok && member.Address != "" {
		address = member.Address
	}
	switch {
	case address == "":
		return " (nobody has told where it is)"
	case err == nil:
		return " at " + address
	default:
		return fmt.Sprintf(" at %s (%v)", address, err)
	}
}

// copying tells how far the copies of replicas are.
func copying(shards []*Shard) string {
	var have, expected int64
	for _, shard := range shards {
		if seeding := shard.Stats().Seeding; seeding != nil {
			have, expected = have+seeding.Received, expected+seeding.Expected
		}
	}
	text := shardList(shards) + ": the replica is being copied from another node"
	if expected > 0 {
		text += fmt.Sprintf(", %d of %d bytes have come", have, expected)
	}
	return text
}

// shardList names shards.
func shardList(shards []*Shard) string {
	var ids []uint64
	for _, shard := range shards {
		ids = append(ids, uint64(shard.id))
	}
	if len(ids) == 1 {
		return fmt.Sprintf("shard %d", ids[0])
	}
	return "shards " + numbers(ids)
}

// numbers lists numbers with commas between them.
func numbers(ids []uint64) string {
	return strings.Trim(strings.ReplaceAll(fmt.Sprint(ids), " ", ", "), "[]")
}
