package wire

import (
	"context"
	"errors"
	"os"
	"time"
)

// watchDelay is how long a statement runs before its client is watched. Most
// statements end sooner and cost no second goroutine.
const watchDelay = 10 * time.Millisecond

// watcher reads ahead while a statement runs, and ends the statement when the
// client vanishes or says goodbye. While it exists, it alone reads.
type watcher struct {
	timer *time.Timer
	done  chan struct{}
}

// startWatcher begins to watch after a moment.
func startWatcher(c *conn, cancel context.CancelCauseFunc) *watcher {
	w := &watcher{done: make(chan struct{})}
	w.timer = time.AfterFunc(watchDelay, func() {
		defer close(w.done)
		err := c.reader.readAhead()
		if err != errReadAheadFull && !errors.Is(err, os.ErrDeadlineExceeded) {
			cancel(errClientGone)
		}
	})
	return w
}

// stopWatching returns when the watcher, if there is one, reads no more.
func (c *conn) stopWatching() {
	w := c.watch
	c.watch = nil
	if w == nil || w.timer.Stop() {
		return
	}
	_ = c.socket.SetReadDeadline(longAgo)
	<-w.done
	_ = c.setReadDeadline(time.Time{})
}
