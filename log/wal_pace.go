package log

import (
	"sync/atomic"
	"time"
)

const (
	// slowRound is how long a round takes on a disk that is slow: much longer than on one
	// that works, whatever kind it is.
	slowRound = 250 * time.Millisecond
	// slowMemory is for how long a slow round is remembered when no other comes.
	slowMemory = 5 * time.Second
)

// walPace tells how slow the disk is. The writer notes its rounds, anyone may ask. Times
// are nanoseconds since base.
type walPace struct {
	base time.Time
	// begun is when the round under way began, 0 while there is none; ended when the last
	// one ended.
	begun, ended atomic.Int64
	// slow is how long the last rounds took, each of them slow.
	slow atomic.Int64
	// failing tells that the last round could not be written.
	failing atomic.Bool
}

func (p *walPace) now() int64 { return int64(time.Since(p.base)) }

// begin notes that a round begins.
func (p *walPace) begin() {
	now := p.now()
	if now-p.ended.Load() > int64(slowMemory) {
		p.slow.Store(0)
	}
	p.begun.Store(now)
}

// end notes that it has ended.
func (p *walPace) end() {
	now := p.now()
	if took := now - p.begun.Swap(0); took > int64(slowRound) {
		p.slow.Add(took)
	} else {
		p.slow.Store(0)
	}
	p.ended.Store(now)
}

// pending is how long the round under way takes already.
func (p *walPace) pending() time.Duration {
	begun := p.begun.Load()
	if begun == 0 {
		return 0
	}
	return time.Duration(p.now() - begun)
}

// Pending is how long the round takes that is being written and synced, 0 for none.
func (w *WAL) Pending() time.Duration { return w.pace.pending() }

// SlowFor is for how long the disk has now been slow: what the last rounds have taken
// together, up to the last one that was quick.
func (w *WAL) SlowFor() time.Duration {
	slow, pending := time.Duration(w.pace.slow.Load()), w.pace.pending()
	switch {
	case pending > slowRound:
		return slow + pending
	case pending == 0 && w.pace.now()-w.pace.ended.Load() > int64(slowMemory):
		return 0
	}
	return slow
}

// Failing tells whether the last round could not be written or synced.
func (w *WAL) Failing() bool { return w.pace.failing.Load() }
