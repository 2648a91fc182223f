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
	return resolver{engine: engine, settled: make(chan struct{}), wake: make(chan struct{}, 1)}
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

// concludedAtOnce bounds the transactions that the resolver concludes side by side.
const concludedAtOnce = 16

// run concludes what is open until ctx ends.
func (r *resolver) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.wake:
		}
		r.concludeAll(ctx, r.waiting())
		if len(r.waiting()) > 0 {
			select {
			case <-ctx.Done():
				return
			case <-r.engine.after(resolveDelay):
			}
			r.again()
		}
	}
}

// concludeAll tries to conclude transactions. One that waits for a shard without a leader
// holds few others back.
func (r *resolver) concludeAll(ctx context.Context, open []openTransaction) {
	var concluding sync.WaitGroup
	slots := make(chan struct{}, concludedAtOnce)
	for _, t := range open {
		if ctx.Err() != nil {
			break
		}
		slots <- struct{}{}
		concluding.Go(func() {
			defer func() { <-slots }()
			if !t.since.IsZero() && r.engine.isWriting(ctx, t) {
				r.remove(t.id) // it is looked at again
				return
			}
			if _, err := r.engine.conclude(t.id, t.coordinator, t.shards, false); err == nil {
				r.remove(t.id)
			}
		})
	}
	concluding.Wait()
}

func (r *resolver) waiting() []openTransaction {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.open)
}

func (r *resolver) again() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

func (r *resolver) remove(id transactionID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.open = slices.DeleteFunc(r.open, func(t openTransaction) bool { return t.id == id })
	if len(r.open) == 0 {
		close(r.settled)
		r.settled = make(chan struct{})
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
