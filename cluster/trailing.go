package cluster

import (
	"context"
	"encoding/binary"
	"math"
	"sync"
	"time"

	"github.com/hashicorp/raft"
)

// trail decides how far a group's log is cut, so that followers that are a little behind
// get entries instead of having to be copied anew.
//
// A checkpoint cuts the log to where the one before stood. While followers that the leader
// has heard of lately lack more than that, it cuts no further than they need, within a
// bound of what all groups have logged since. Every replica keeps that, since each may
// lead next. An idle group is so cut wholly, but for its last entry, by the second
// checkpoint after its last entry.
type trail struct {
	// points are the newest snapshots, oldest first. The first is where the log is cut
	// at least.
	points []trailPoint
}

// trailPoint is a snapshot of a group.
type trailPoint struct {
	// index is the snapshot's, logged what all groups had logged when it was first seen.
	index  uint64
	logged int64
}

// heardLately is how long ago a follower may have answered for the log to be kept for it.
const heardLately = 30 * time.Second

// note notes the newest snapshot. Points from before the bound are forgotten, but for the
// last of these.
func (t *trail) note(index uint64, logged, bound int64) {
	if n := len(t.points); n == 0 || t.points[n-1].index != index {
		t.points = append(t.points, trailPoint{index: index, logged: logged})
	}
	for len(t.points) > 1 && t.points[1].logged <= logged-bound {
		t.points = t.points[1:]
	}
}

// cut is the index up to which the log can be cut, when the followers' logs are equal to
// it up to matched.
func (t *trail) cut(matched uint64) uint64 {
	if len(t.points) == 0 {
		return 0
	}
	newest := t.points[len(t.points)-1].index
	// Entries are sent with the term of the one before them.
	needed := max(matched, 1) - 1
	return min(newest, max(needed, t.points[0].index))
}

// allFollow is the index up to which followers have the log when none lacks anything.
const allFollow = math.MaxUint64

// matched is the index up to which all followers that were heard of lately have the log
// of this node, which leads the group. leads is false where it does not.
func (g *group) matched(now time.Time) (index uint64, leads bool) {
	if g.raft.State() != raft.Leader {
		return 0, false
	}
	term := g.raft.CurrentTerm()
	g.heardMu.Lock()
	if g.heardTerm != term {
		g.heardTerm, g.heardSince = term, now
	}
	since := g.heardSince
	g.heardMu.Unlock()
	index = allFollow
	for _, f := range g.followers.status(term) {
		contact := f.contact
		if contact.IsZero() {
			// It may have been heard of in the term before.
			contact = since
		}
		if now.Sub(contact) <= heardLately {
			index = min(index, f.matched)
		}
	}
	return index, true
}

// askMatched returns for each group up to where its followers have the log, as its leader
// says; 0 where no leader says anything.
func (n *Node) askMatched(ctx context.Context) []uint64 {
	ctx, cancel := context.WithTimeout(ctx, statusTimeout)
	defer cancel()
	matched := make([]uint64, 1+len(n.shards))
	var mu sync.Mutex
	var asking sync.WaitGroup
	for _, node := range n.peers.Members() {
		asking.Go(func() {
			answer, err := n.peers.Call(ctx, node, methodMatched, nil)
			if err != nil {
				return // what it leads is kept
			}
			r := uvarintReader{data: answer}
			mu.Lock()
			defer mu.Unlock()
			for i := range matched {
				if index := r.next(); !r.bad {
					matched[i] = max(matched[i], index)
				}
			}
		})
	}
	asking.Wait()
	return matched
}

// methodMatched asks a node for what the followers have of the groups that it leads.
const methodMatched = "cluster.log.matched"

// handleMatched answers methodMatched.
func (n *Node) handleMatched(context.Context, uint64, []byte) ([]byte, error) {
	var answer []byte
	for _, g := range n.groups() {
		index, _ := g.matched(time.Now())
		answer = binary.AppendUvarint(answer, index)
	}
	return answer, nil
}

// cutLog cuts the log as far as it may be.
func (g *group) cutLog() error {
	first, err := g.log.FirstIndex()
	if err != nil {
		return err
	}
	last, err := g.log.LastIndex()
	if err != nil || first == 0 {
		return err
	}
	// Raft takes the log for empty otherwise, and what is to be cut then for all of it.
	end := min(g.log.limit.Load(), last-1)
	if end < first {
		return nil
	}
	return g.log.Group.DeleteRange(first, end)
}
