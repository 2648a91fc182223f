package cluster

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/raft"
)

// verifier has a group's leadership confirmed for many callers at a time. A confirmation
// counts for a caller only when it began after the call: so those who come while one is
// under way share the next.
type verifier struct {
	// verify asks a quorum, and returns the term in which that follows this node.
	verify func() (term uint64, err error)

	mu sync.Mutex
	// next is the round that has not begun; nil for none.
	next *verifyRound
	// running tells that a round is under way.
	running bool
}

// verifyRound is one confirmation. term and err are valid once done is closed.
type verifyRound struct {
	done  chan struct{}
	term  uint64
	err   error
	leave []func()
}

// join returns a round that begins after the call. leave is called when it has ended.
func (v *verifier) join(leave func()) *verifyRound {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.next == nil {
		v.next = &verifyRound{done: make(chan struct{})}
	}
	round := v.next
	round.leave = append(round.leave, leave)
	if !v.running {
		v.running = true
		go v.run()
	}
	return round
}

// run runs rounds until nobody waits for another.
func (v *verifier) run() {
	for {
		v.mu.Lock()
		round := v.next
		v.next = nil
		if round == nil {
			v.running = false
			v.mu.Unlock()
			return
		}
		v.mu.Unlock()
		round.term, round.err = v.verify()
		close(round.done)
		for _, leave := range round.leave {
			leave()
		}
	}
}

// errNoQuorum says that too few voters follow this node to confirm that it leads.
var errNoQuorum = errors.New("cluster: no quorum of the voters has answered")

// verifyLead returns the term in which this node leads once more than half of the voters
// have answered messages that were sent after the call. None of them had voted in a later
// term when such a message came, so nobody else had been elected before the call.
//
// Raft's VerifyLeader sends the messages, but is not enough: it counts answers of replicas
// that do not vote, and answers that were under way before the call. Those may be old when
// this process has stood still, or the network has kept them back, and by then there may be
// another leader. The time of an election bounds how long this waits.
func (g *group) verifyLead() (term uint64, err error) {
	began := time.Now()
	term = g.raft.CurrentTerm()
	if err := g.raft.VerifyLeader().Error(); err != nil {
		return 0, err
	}
	var patience *time.Timer
	for {
		followed, more := g.followers.followedSince(term, began)
		if g.raft.State() != raft.Leader || g.raft.CurrentTerm() != term {
			return 0, ErrNotLeader
		}
		if g.isQuorum(followed) {
			return term, nil
		}
		if patience == nil {
			patience = time.NewTimer(g.election)
			defer patience.Stop()
		}
		select {
		case <-more:
		case <-patience.C:
			return 0, fmt.Errorf("%w: nodes %v have", errNoQuorum, followed)
		}
	}
}

// isQuorum tells whether this node and some others are more than half of the voters.
func (g *group) isQuorum(others []uint64) bool {
	voters, count := g.voters(), 0
	for _, id := range voters {
		if id == nodeOf(g.local) || slices.Contains(others, id) {
			count++
		}
	}
	return count > len(voters)/2
}
