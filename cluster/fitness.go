package cluster

import (
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"millrace/log"
)

// fitness tells whether the node should lead, and has it lead nothing while it should not.
//
// What a shard's leader cannot write to its log at once, everybody waits for who uses the
// shard; a follower whose disk is as slow, or full, holds up nobody as long as most others
// work. So a node whose disk is slow, fails or has no room left gives its leadership to nodes that
// have no such trouble, and the placer gives it none. When no other is better, as when all
// disks are full, it goes on leading.
//
// A disk that hangs holds up Raft's own goroutine, which then cannot hand over. So a leader
// that has waited for its log for long falls silent: the others elect a leader, and Raft
// finds that out when it goes on.
type fitness struct {
	node   *Node
	space  *space
	wal    *log.WAL
	logger *slog.Logger

	// reason is why the node is not fit, nil while it is.
	reason atomic.Pointer[string]

	// The rest belongs to run: until when the node stays unfit at least, since when it is
	// fit again, and for how long it stays unfit the next time.
	until, fitSince time.Time
	penalty         time.Duration
}

const (
	// fitnessPause is between two looks at the disk.
	fitnessPause = 250 * time.Millisecond
	// slowPatience is for how long the disk may be slow without a break.
	slowPatience = time.Second
	// silentAfter is how long a leader waits for its log before it falls silent.
	silentAfter = 2 * time.Second
	// A node that was not fit is not given leadership at once, and the later the more often
	// it is not.
	minPenalty, maxPenalty = 10 * time.Second, 5 * time.Minute
)

// errSilenced is why nothing is said as a leader.
var errSilenced = errors.New("cluster: this node's disk hangs, so that another node has to lead")

// newFitness returns a fitness whose run is to be called.
func newFitness(node *Node, logger *slog.Logger) *fitness {
	return &fitness{node: node, space: node.space, wal: node.wal, logger: logger, penalty: minPenalty}
}

// unfit is why the node should lead nothing, "" when it may.
func (f *fitness) unfit() string {
	if reason := f.reason.Load(); reason != nil {
		return *reason
	}
	return ""
}

// silent tells whether the node's disk hangs, so that it must not be taken for a leader.
func (f *fitness) silent() bool { return f.wal.Pending() > silentAfter }

// run looks at the disk until the node stops.
func (f *fitness) run() {
	if f.node.options.Listen == "" {
		return
	}
	ticker := time.NewTicker(fitnessPause)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
		case <-f.node.ctx.Done():
			return
		}
		f.look(time.Now())
		if f.unfit() != "" {
			f.resign()
		}
	}
}

// look finds out whether the node is fit.
func (f *fitness) look(now time.Time) {
	trouble := f.trouble()
	fit := f.reason.Load() == nil
	switch {
	case trouble != "":
		if fit {
			f.logger.Warn("this node gives its leadership to others", "reason", trouble)
			if now.Sub(f.fitSince) > maxPenalty {
				f.penalty = minPenalty
			}
			f.until = now.Add(f.penalty)
			f.penalty = min(2*f.penalty, maxPenalty)
		}
		f.reason.Store(&trouble)
	case !fit && now.After(f.until):
		f.logger.Info("this node may lead again")
		f.reason.Store(nil)
		f.fitSince = now
	}
}

// trouble is what is wrong with the disk now, "" for nothing.
func (f *fitness) trouble() string {
	if err := f.space.check(); err != nil {
		return err.Error()
	}
	if f.wal.Failing() {
		return "the disk does not take the log"
	}
	if f.wal.SlowFor() > slowPatience {
		return "the disk is slow"
	}
	return ""
}

// resign gives leadership to nodes that are fit.
func (f *fitness) resign() {
	n := f.node
	var led []*group
	for _, g := range n.groups() {
		if g.isLeader() && len(g.voters()) > 1 {
			led = append(led, g)
		}
	}
	if len(led) == 0 {
		return
	}
	members := n.catalogMachine.members.Load()
	fit := map[uint64]bool{}
	for i, status := range n.statuses(n.ctx, members) {
		fit[members.members[i].ID] = status != nil && status.Unfit == ""
	}
	for _, g := range led {
		if to := g.heirAmong(func(node uint64) bool { return fit[node] && node != n.ID() }); to != 0 {
			n.spawn(func() { f.transfer(g, to) })
		}
	}
}

// transfer has another node lead a group.
func (f *fitness) transfer(g *group, to uint64) {
	if !g.calls.enter() {
		return
	}
	defer g.calls.leave()
	// It fails where the other has elected somebody meanwhile, and is tried again otherwise.
	_ = g.transfer(f.node.ctx, to)
}
