package exec

import (
	"context"
	"sync"
	"time"
)

// commitGate lets a view be made while no transaction over several shards is carried
// out on some of them and not yet on the others. Transactions go through it side by
// side, from their decision to their end; a view holds new ones off and waits for those
// that are under way. Those that were held off come before the next view.
type commitGate struct {
	mu sync.Mutex
	// running counts transactions, held those that are held off, and views what has
	// them held off. Those held off are running as soon as the last of these has passed.
	running, held, views int
	// passed is closed when the views that hold transactions off have passed, nil
	// without any; idle when the last running transaction has ended, nil unless a view
	// waits for that.
	passed, idle chan struct{}
}

// enter lets a transaction in; leave must follow.
func (g *commitGate) enter() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if passed := g.passed; passed != nil {
		g.held++
		g.mu.Unlock()
		<-passed // counted as running by who closed it
		g.mu.Lock()
		return
	}
	g.running++
}

func (g *commitGate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.running--; g.running == 0 && g.idle != nil {
		close(g.idle)
		g.idle = nil
	}
}

// hold returns when no transaction is inside, and none comes in before letGo. It waits
// until deadline, and then fails with 55000.
func (g *commitGate) hold(ctx context.Context, deadline <-chan time.Time) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	for g.held > 0 {
		if err := g.await(ctx, deadline, g.passed); err != nil {
			return err
		}
	}
	if g.passed == nil {
		g.passed = make(chan struct{})
	}
	g.views++
	for g.running > 0 {
		if g.idle == nil {
			g.idle = make(chan struct{})
		}
		if err := g.await(ctx, deadline, g.idle); err != nil {
			g.leaveView()
			return err
		}
	}
	return nil
}

// letGo lets transactions in again.
func (g *commitGate) letGo() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.leaveView()
}

func (g *commitGate) leaveView() {
	if g.views--; g.views == 0 {
		g.running, g.held = g.running+g.held, 0
		close(g.passed)
		g.passed = nil
	}
}

// await waits for a channel with the lock let go.
func (g *commitGate) await(ctx context.Context, deadline <-chan time.Time, closed <-chan struct{}) error {
	g.mu.Unlock()
	defer g.mu.Lock()
	select {
	case <-closed:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-deadline:
		return halfDone()
	}
}
