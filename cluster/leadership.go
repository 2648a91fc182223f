package cluster

import (
	"sync"

	"github.com/hashicorp/raft"
)

// leadership tells others that a group's leadership has changed.
type leadership struct {
	// signal has room for one value, which stands for any number of changes.
	signal chan struct{}

	mu struct {
		sync.Mutex
		// changed is closed, and replaced, at every change.
		changed chan struct{}
	}
}

// newLeadership returns a leadership without changes.
func newLeadership() *leadership {
	l := &leadership{signal: make(chan struct{}, 1)}
	l.mu.changed = make(chan struct{})
	return l
}

// observer returns a Raft observer that notices changes of state and of the leader. Raft calls
// its filter where the change happens, so nothing is dropped and no goroutine
// is needed; nothing is ever sent to a channel.
func (l *leadership) observer() *raft.Observer {
	return raft.NewObserver(nil, false, func(o *raft.Observation) bool {
		switch o.Data.(type) {
		case raft.RaftState, raft.LeaderObservation:
			l.change()
		}
		return false
	})
}

// change wakes everyone who waits.
func (l *leadership) change() {
	select {
	case l.signal <- struct{}{}:
	default:
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	close(l.mu.changed)
	l.mu.changed = make(chan struct{})
}

// next returns a channel that is closed at the next change.
func (l *leadership) next() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.mu.changed
}
