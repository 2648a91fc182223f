package transport

import "sync/atomic"

// maxIdleWorkers bounds the goroutines that are kept for the next function.
const maxIdleWorkers = 32

// workers run functions, each at once and in a goroutine of its own, and keep some
// goroutines for the next ones: a new one would have to let its stack grow each time.
type workers struct {
	next chan func()
	idle atomic.Int64
}

// run has a function run at once; it reports false after Close.
func (t *Transport) run(function func()) bool {
	select {
	case t.workers.next <- function:
		return true
	default:
	}
	return t.spawn(func() { t.work(function) })
}

// work runs a function, and then others for as long as they come and Close does not.
func (t *Transport) work(function func()) {
	w := &t.workers
	for {
		function()
		if w.idle.Add(1) > maxIdleWorkers {
			w.idle.Add(-1)
			return
		}
		select {
		case function = <-w.next:
			w.idle.Add(-1)
		case <-t.ctx.Done():
			return
		}
	}
}
