package exec

import (
	"context"
	"slices"
	"sync"
	"time"
)

// resolver concludes transactions whose writer is gone or could not.
type resolver struct {
	engine *Engine
	mu     sync.Mutex
	open   []openTransaction
	// working are those of them that are being concluded.
	working map[transactionID]struct{}
	// settled is closed and replaced when the last open transaction is concluded.
	settled chan struct{}
	wake    chan struct{}
}

type openTransaction struct {
	id          transactionID
	coordinator int
	shards      []int
	// since is when a shard's leader first knew of the transaction, where its writer may
	// still be at work on some node; zero where it is not.
	since time.Time
	// committed is the decision, where the transaction is decided.
	committed bool
}

// resolveDelay is how long the resolver waits before it tries again.
const resolveDelay = 50 * time.Millisecond

func newResolver(engine *Engine) resolver {
	return resolver{engine: engine, working: map[transactionID]struct{}{}, settled: make(chan struct{}), wake: make(chan struct{}, 1)}
}

// add has a transaction concluded whose writer does not.
func (r *resolver) add(id transactionID, coordinator int, shards []int) {
	r.take(openTransaction{id: id, coordinator: coordinator, shards: shards})
}

// take has a transaction concluded, where its writer may be at work when it has been asked.
func (r *resolver) take(t openTransaction) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range r.open {
		if r.open[i].id == t.id {
			if t.since.IsZero() {
				r.open[i].since = t.since
			}
			return
		}
	}
	r.open = append(r.open, t)
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// resolveLater has the transactions concluded that are prepared on a shard, and those that
// it has decided, when its loop begins: who prepared them may be gone. One that is still at
// work meets the decision of whoever asks the coordinator first. In a cluster of several
// nodes its writer may well be at work on another one, and has its time
// (shardLoop.watchTransactions).
func (e *Engine) resolveLater(c *core) {
	for _, open := range c.open() {
		// What was decided is carried out at once, whoever does it.
		if _, decided := c.decided[open.id]; decided || e.alone() {
			e.resolver.add(open.id, open.coordinator, open.shards)
		}
	}
}

// open are the transactions that are prepared here, and those that were decided here and
// are not forgotten.
func (c *core) open() []openTransaction {
	out := make([]openTransaction, 0, len(c.decided)+len(c.prepared))
	for _, decided := range c.decided {
		out = append(out, decided)
	}
	for id, p := range c.prepared {
		if _, known := c.decided[id]; !known {
			out = append(out, openTransaction{id: id, coordinator: p.coordinator, shards: p.participants})
		}
	}
	return out
}

// transactionPatience is how long a transaction may be open on a shard, as its leader sees
// it, before it is looked at whether its writer is gone.
const (
	transactionPatience = time.Second
	transactionLook     = time.Second
)

// watchTransactions gives those transactions to the resolver that have been open for long.
// Their writers may be gone with their nodes; they are asked for (writers.go).
func (l *shardLoop) watchTransactions(now time.Time) {
	open := l.core.open()
	since := make(map[transactionID]time.Time, len(open))
	for _, t := range open {
		seen, known := l.openSince[t.id]
		switch {
		case !known:
			seen = now
		case now.Sub(seen) >= transactionPatience:
			t.since = seen
			l.engine.resolver.take(t)
		}
		since[t.id] = seen
	}
	l.openSince = since
	l.watchAt = time.Time{}
}

// watchLater has open transactions looked at later on.
func (l *shardLoop) watchLater() {
	if l.watchAt.IsZero() && len(l.core.prepared)+len(l.core.decided) > 0 && !l.engine.alone() {
		l.watchAt = l.engine.now().Add(transactionLook)
	}
}

// concludedAtOnce bounds the transactions that the resolver concludes side by side: those that
// wait for a shard without a leader hold few others back.
const concludedAtOnce = 64

// run concludes what is open until ctx ends.
func (r *resolver) run(ctx context.Context) {
	var concluding sync.WaitGroup
	defer concluding.Wait()
	slots := make(chan struct{}, concludedAtOnce)
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.wake:
		}
		for _, t := range r.begin() {
			concluding.Go(func() {
				select {
				case slots <- struct{}{}:
				case <-ctx.Done():
					return
				}
				over := r.conclude(ctx, t)
				<-slots
				if !over {
					select {
					case <-ctx.Done():
					case <-r.engine.after(resolveDelay):
					}
				}
				r.end(t, over)
			})
		}
	}
}

// conclude tries to conclude a transaction, and reports whether that is over.
func (r *resolver) conclude(ctx context.Context, t openTransaction) bool {
	if !t.since.IsZero() && r.engine.isWriting(ctx, t) {
		return true // it is looked at again
	}
	_, err := r.engine.conclude(t.id, t.coordinator, t.shards, false)
	return err == nil
}

// begin returns the open transactions that nobody is at work on, who is from now on.
func (r *resolver) begin() []openTransaction {
	r.mu.Lock()
	defer r.mu.Unlock()
	var begun []openTransaction
	for _, t := range r.open {
		if _, working := r.working[t.id]; !working {
			r.working[t.id] = struct{}{}
			begun = append(begun, t)
		}
	}
	return begun
}

// end ends the work on a transaction. It stays open where it is not over, or where its
// writer, who was at work, has given it up meanwhile.
func (r *resolver) end(t openTransaction, over bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.working, t.id)
	givenUp := func(now openTransaction) bool { return !t.since.IsZero() && now.since.IsZero() }
	if over {
		r.open = slices.DeleteFunc(r.open, func(now openTransaction) bool { return now.id == t.id && !givenUp(now) })
	}
	if len(r.open) == 0 {
		close(r.settled)
		r.settled = make(chan struct{})
	}
	if slices.ContainsFunc(r.open, func(now openTransaction) bool { return now.id == t.id }) {
		r.again()
	}
}

func (r *resolver) again() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// wait returns when no transaction is open.
func (r *resolver) wait(ctx context.Context) error {
	for {
		r.mu.Lock()
		open, settled := len(r.open), r.settled
		r.mu.Unlock()
		if open == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-settled:
		}
	}
}
