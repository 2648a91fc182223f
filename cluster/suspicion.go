package cluster

import (
	"math/rand/v2"
	"time"

	"github.com/hashicorp/raft"
)

// A follower of Raft looks whether its leader is still there at random times, one to two
// election timeouts apart, and others grant it no vote before they have looked, too: a
// silent leader is replaced after one to four timeouts. Looking more often brings that
// down to little more than one. Raft's rules stay as they are: a follower holds an election
// only when it has heard of no leader for the timeout.

// looksPerElection is how often in an election timeout a node looks for silent leaders, at
// most; the pauses are drawn, so that the voters seldom find out at the same moment.
const looksPerElection = 12

// watchLeaders has followers notice in time that their leaders are silent.
func (n *Node) watchLeaders() {
	if n.options.Listen == "" {
		return
	}
	least := n.options.ElectionTimeout / looksPerElection
	timer := time.NewTimer(least)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
		case <-n.ctx.Done():
			return
		}
		for _, g := range n.groups() {
			g.suspect()
		}
		timer.Reset(least + rand.N(least))
	}
}

// suspect has Raft look whether its leader is still there, if there has been no word from
// it for the election timeout.
func (g *group) suspect() {
	_, leader := g.raft.LeaderWithID()
	if leader == "" || g.raft.State() != raft.Follower || time.Since(g.raft.LastContact()) < g.election {
		return
	}
	// It fails only for settings that do not fit each other, which these do.
	_ = g.look()
}

// look has Raft look at its timer now, as it does when the timeout gets shorter.
func (g *group) look() error {
	reload := g.raft.ReloadableConfig()
	reload.HeartbeatTimeout = g.election + time.Millisecond
	if err := g.raft.ReloadConfig(reload); err != nil {
		return err
	}
	reload.HeartbeatTimeout = g.election
	return g.raft.ReloadConfig(reload)
}
