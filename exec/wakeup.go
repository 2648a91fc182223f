package exec

import "sync/atomic"

// wakeup tells one waiting goroutine that there is something new, and others whether
// that goroutine has seen to all of it.
type wakeup struct {
	channel chan struct{}
	// raised counts the signals. seen is 1 more than the signals that the goroutine has
	// seen to, 0 while it is at work.
	raised, seen atomic.Uint64
}

func newWakeup() *wakeup { return &wakeup{channel: make(chan struct{}, 1)} }

func (w *wakeup) raise() {
	w.raised.Add(1)
	select {
	case w.channel <- struct{}{}:
	default:
	}
}

// begin says that the goroutine goes to work, on all that was signalled before.
func (w *wakeup) begin() (signals uint64) {
	w.seen.Store(0)
	return w.raised.Load()
}

// end says that the goroutine found no work left of what begin returned, and waits.
func (w *wakeup) end(signals uint64) { w.seen.Store(signals + 1) }

// idle reports whether the goroutine waits and nothing was signalled that it has not
// seen to. It is safe for concurrent use.
func (w *wakeup) idle() bool { return w.seen.Load() == w.raised.Load()+1 }
