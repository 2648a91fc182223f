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
	// expected are the shards that a checkpoint has asked for a snapshot and that
	// have neither joined a round nor given up.
	expected map[int]bool
	// next is the round that can still be joined; nil when none has been begun.
	next *flushRound
}

// flushRound is one flush for everyone who joined before it began.
type flushRound struct {
	// complete is closed when nobody else is expected, done after the flush.
	complete, done chan struct{}
	err            error
}

// flushPatience is how long a round waits for a shard that is expected. Shards
// note their state between two entries, so most come within milliseconds; one
// that has stopped applying may not come at all.
const flushPatience = 100 * time.Millisecond

// expect announces shards that will flush, until they do or skip is called.
func (f *flushes) expect(shards []int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.expected = make(map[int]bool, len(shards))
	for _, shard := range shards {
		f.expected[shard] = true
	}
}

// skip says that a shard need not be waited for, if it still is.
func (f *flushes) skip(shard int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.leave(shard)
}

// leave takes a shard from those expected; mu is held.
func (f *flushes) leave(shard int) {
	if !f.expected[shard] {
		return
	}
	delete(f.expected, shard)
	if len(f.expected) == 0 && f.next != nil {
		close(f.next.complete)
	}
}

// flush returns when a flush that began after the call has ended. The first
// shard of a round waits for the others and then flushes for all.
func (f *flushes) flush(shard int) error {
	f.mu.Lock()
	round, first := f.next, f.next == nil
	if first {
		round = &flushRound{complete: make(chan struct{}), done: make(chan struct{})}
		f.next = round
	}
	if f.expected[shard] {
		f.leave(shard)
	} else if first && len(f.expected) == 0 {
		close(round.complete)
	}
	f.mu.Unlock()
	if !first {
		<-round.done
		return round.err
	}
	patience := time.NewTimer(flushPatience)
	defer patience.Stop()
	select {
	case <-round.complete:
	case <-patience.C:
	}
	f.mu.Lock()
	f.next = nil
	f.mu.Unlock()
	round.err = f.do()
	close(round.done)
	return round.err
}
