package cluster

import "sync"

// verifier has a group's leadership confirmed for many callers at a time. A confirmation
// counts for a caller only when it began after the call: so those who come while one is
// under way share the next.
type verifier struct {
	// verify asks a quorum.
	verify func() error

	mu sync.Mutex
	// next is the round that has not begun; nil for none.
	next *verifyRound
	// running tells that a round is under way.
	running bool
}

// verifyRound is one confirmation. err is valid once done is closed.
type verifyRound struct {
	done  chan struct{}
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
		round.err = v.verify()
		close(round.done)
		for _, leave := range round.leave {
			leave()
		}
	}
}
