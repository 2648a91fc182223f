package cluster

import (
	"sync"
	"time"
)

// flushes joins the flushes of the key-value store that the shards ask for in a
// checkpoint into one.
type flushes struct {
	// do flushes the store.
	do func() error

	mu sync.Mutex
	// next is the round that can still be joined; nil when none has been begun.
	next *flushRound
}

// flushRound is one flush for everyone who joined before it began.
type flushRound struct {
	done chan struct{}
	err  error
}

// flushGathers is how long the first shard waits for the others. They note
// their state between two entries, so it is a matter of milliseconds.
const flushGathers = 20 * time.Millisecond

// flush returns when a flush that began after the call has ended.
func (f *flushes) flush() error {
	f.mu.Lock()
	if round := f.next; round != nil {
		f.mu.Unlock()
		<-round.done
		return round.err
	}
	round := &flushRound{done: make(chan struct{})}
	f.next = round
	f.mu.Unlock()

	time.Sleep(flushGathers)
	f.mu.Lock()
	f.next = nil
	f.mu.Unlock()
	round.err = f.do()
	close(round.done)
	return round.err
}
