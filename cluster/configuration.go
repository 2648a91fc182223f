package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hashicorp/raft"
)

// changeTimeout bounds how long a change of a group's configuration waits for an earlier
// one to be committed.
const changeTimeout = 5 * time.Second

// caughtUp is how many entries a replica's log may lack when it is given a vote: with more,
// commits would wait for it.
const caughtUp = 64

// configuration returns the group's voters and its other replicas as this node's log has
// them, each in order.
func (g *group) configuration() (voters, others []uint64) {
	for _, server := range g.raft.GetConfiguration().Configuration().Servers {
		if server.Suffrage == raft.Voter {
			voters = append(voters, nodeOf(server.ID))
		} else {
			others = append(others, nodeOf(server.ID))
		}
	}
	slices.Sort(voters)
	slices.Sort(others)
	return voters, others
}

// voters are the nodes that vote in the group, as far as this node knows.
func (g *group) voters() []uint64 {
	voters, _ := g.configuration()
	return voters
}

// errNotCaughtUp says that a replica's log is too far behind the leader's to be given a
// vote.
var errNotCaughtUp = errors.New("cluster: the replica is behind")

// change takes one step towards another configuration, on the group's leader. It returns
// when the step is committed. Where the step has been taken before it does nothing.
func (g *group) change(ctx context.Context, step step) error {
	if !g.calls.enter() {
		return ErrStopped
	}
	defer g.calls.leave()
	select {
	case g.changing <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	defer func() { <-g.changing }()
	if !g.isLeader() {
		return fmt.Errorf("%w of %s", ErrNotLeader, g.name)
	}
	voters, others := g.configuration()
	votes, there := slices.Contains(voters, step.node), slices.Contains(others, step.node)
	id, address := serverID(step.node), serverAddress(step.node)
	var change func() raft.IndexFuture
	switch step.kind {
	case stepAdd:
		if votes || there {
			return nil
		}
		change = func() raft.IndexFuture { return g.raft.AddNonvoter(id, address, 0, changeTimeout) }
	case stepPromote:
		if votes {
			return nil
		}
		if err := g.follows(step.node); err != nil {
			return err
		}
		change = func() raft.IndexFuture { return g.raft.AddVoter(id, address, 0, changeTimeout) }
	case stepDemote:
		if !votes {
			return nil
		}
		change = func() raft.IndexFuture { return g.raft.DemoteVoter(id, 0, changeTimeout) }
	case stepRemove:
		if !votes && !there {
			return nil
		}
		change = func() raft.IndexFuture { return g.raft.RemoveServer(id, 0, changeTimeout) }
	case stepLead:
		return g.transfer(ctx, step.node)
	default:
		return fmt.Errorf("cluster: an unknown step %d", step.kind)
	}
	if (step.kind == stepDemote || step.kind == stepRemove) && len(voters) == 1 && votes {
		return fmt.Errorf("cluster: node %d is the only voter of %s", step.node, g.name)
	}
	if (step.kind == stepDemote || step.kind == stepRemove) && votes {
		// Whoever asks for it may not know yet that another voter has gone.
		if rest := without(voters, []uint64{step.node}); !g.answered(rest) {
			return fmt.Errorf("cluster: too few of the voters %v of %s answer to go on without node %d", rest, g.name, step.node)
		}
	}
	if err := change().Error(); err != nil {
		return g.callError(err)
	}
	return nil
}

// answered tells whether more than half of some voters have answered this leader lately.
func (g *group) answered(voters []uint64) bool {
	var live []uint64
	for _, f := range g.followers.status(g.raft.CurrentTerm()) {
		if time.Since(f.contact) <= g.election {
			live = append(live, f.node)
		}
	}
	count := 0
	for _, id := range voters {
		if id == nodeOf(g.local) || slices.Contains(live, id) {
			count++
		}
	}
	return count > len(voters)/2
}

// follows returns nil when a follower's log has, but for a few entries, what the leader's
// has, and it answers.
func (g *group) follows(node uint64) error {
	last := g.raft.LastIndex()
	for _, f := range g.followers.status(g.raft.CurrentTerm()) {
		if f.node != node {
			continue
		}
		if f.matched+caughtUp < last || time.Since(f.contact) > g.election {
			return fmt.Errorf("%w: node %d has %s up to %d of %d", errNotCaughtUp, node, g.name, f.matched, last)
		}
		return nil
	}
	return fmt.Errorf("%w: node %d has not answered", errNotCaughtUp, node)
}

// transfer has another voter lead the group, any for 0. It returns when this node leads no
// more. Proposals meanwhile are answered ErrNotLeader.
func (g *group) transfer(ctx context.Context, to uint64) error {
	var future raft.Future
	if to == 0 {
		future = g.raft.LeadershipTransfer()
	} else {
		future = g.raft.LeadershipTransferToServer(serverID(to), serverAddress(to))
	}
	done := make(chan error, 1)
	go func() { done <- future.Error() }()
	select {
	case err := <-done:
		if err != nil {
			return fmt.Errorf("cluster: another leader of %s: %w", g.name, err)
		}
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// handOver gives leadership to another voter, if this node leads and there is one.
func (g *group) handOver(ctx context.Context) error {
	if !g.calls.enter() {
		return ErrStopped
	}
	defer g.calls.leave()
	if !g.isLeader() || len(g.voters()) < 2 {
		return nil
	}
	return g.transfer(ctx, g.heir())
}

// heir is the voter that a leader had best hand over to: one that answers, and whose log is
// the least behind; 0 leaves it to Raft.
func (g *group) heir() uint64 { return g.heirAmong(func(uint64) bool { return true }) }

// heirAmong is heir among some nodes; 0 when none of them will do.
func (g *group) heirAmong(may func(node uint64) bool) uint64 {
	voters := g.voters()
	var best followerStatus
	for _, f := range g.followers.status(g.raft.CurrentTerm()) {
		if slices.Contains(voters, f.node) && may(f.node) && time.Since(f.contact) < g.election && f.matched >= best.matched {
			best = f
		}
	}
	return best.node
}
