package exec

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"millrace/sql/sqlerr"
)

// A transaction over several shards. Its writer asks every shard to prepare:
// check, keep and lock its part, in an entry. When all have, it asks the
// coordinator, one of them, to decide; that shard's entry is the moment of
// commit. The others then carry the decision out, and the decision is forgotten
// when all have.
//
// Whoever finds a prepared part whose writer is gone asks the coordinator to
// decide for abort; the decision that was first stands. So a part never waits
// for a client, and never commits unless the coordinator's log says so.

// transaction writes parts to several shards: all or nothing.
func (w *engineWriter) transaction(ctx context.Context, byShard map[int][]part) error {
	e := w.engine
	id := newTransactionID()
	shards := make([]int, 0, len(byShard))
	for shard := range byShard {
		shards = append(shards, shard)
	}
	slices.Sort(shards)
	coordinator := shards[0]

	err := w.prepareAll(ctx, id, coordinator, shards, byShard)
	if errors.Is(err, ErrConflict) || sqlerr.CodeOf(err) == sqlerr.UniqueViolation {
		// The shards work: the statement, or another that waited for its rows, may be
		// run at once, and must not meet what it has prepared.
		_, _ = e.conclude(id, coordinator, shards, false) // what fails is left to the resolver
		return err
	}
	if err != nil {
		// It is aborted in its own time: the client need not wait for shards that
		// cannot work.
		e.resolver.add(id, coordinator, shards)
		return writeError(err)
	}
	committed, err := e.conclude(id, coordinator, shards, true)
	switch {
	case err != nil:
		return writeError(unknownOutcome("transaction", err))
	case !committed:
		return sqlerr.New(sqlerr.SerializationFailure, -1, "the transaction was aborted because its outcome was not decided in time").
			WithHint("Run the transaction again.")
	}
	return nil
}

// prepareAll has the parts of a transaction prepared on all of its shards.
func (w *engineWriter) prepareAll(ctx context.Context, id transactionID, coordinator int, shards []int, byShard map[int][]part) error {
	var prepared outcomes
	for _, shard := range shards {
		prepared.wait.Add(1)
		w.engine.step(shard, &request{
			kind: requestPrepare, transaction: id, coordinator: coordinator, participant: shards,
			parts: byShard[shard], bytes: requestBytes(byShard[shard]),
		}, func(_ bool, err error) {
			if err != nil {
				prepared.note(err)
			}
			prepared.wait.Done()
		})
	}
	prepared.wait.Wait()
	if prepared.err != nil {
		return prepared.err
	}
	return context.Cause(ctx)
}

// conclude decides a transaction on its coordinator and carries the decision
// out on the other shards.
func (e *Engine) conclude(id transactionID, coordinator int, shards []int, commit bool) (committed bool, err error) {
	e.commits.enter()
	defer e.commits.leave()
	if coordinator == catalogCoordinator {
		return e.concludeDefined(id, shards)
	}
	decided := make(chan struct{})
	e.step(coordinator, &request{kind: requestDecide, transaction: id, participant: shards, commit: commit}, func(decision bool, failure error) {
		committed, err = decision, failure
		close(decided)
	})
	<-decided
	if err != nil {
		e.resolver.add(id, coordinator, shards)
		return false, err
	}
	var finished outcomes
	for _, shard := range shards {
		if shard == coordinator {
			continue
		}
		finished.wait.Add(1)
		e.step(shard, &request{kind: requestFinish, transaction: id, commit: committed}, func(_ bool, err error) {
			if err != nil {
				finished.note(err)
			}
			finished.wait.Done()
		})
	}
	finished.wait.Wait()
	if finished.err != nil {
		e.resolver.add(id, coordinator, shards)
		return committed, finished.err
	}
	e.step(coordinator, &request{kind: requestForget, transaction: id, commit: committed}, func(bool, error) {})
	return committed, nil
}

// step submits a step of a transaction.
func (e *Engine) step(shard int, r *request, done func(committed bool, err error)) {
	r.done = done
	if err := e.submit(context.Background(), shard, r); err != nil {
		done(false, err)
	}
}

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
}

// resolveDelay is how long the resolver waits before it tries again.
const resolveDelay = 50 * time.Millisecond

func newResolver(engine *Engine) resolver {
	return resolver{engine: engine, settled: make(chan struct{}), wake: make(chan struct{}, 1)}
}

func (r *resolver) add(id transactionID, coordinator int, shards []int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range r.open {
		if r.open[i].id == id {
			return
		}
	}
	r.open = append(r.open, openTransaction{id, coordinator, shards})
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// resolveLater has the transactions concluded that are prepared on a shard, and
// those that it has decided: its loop begins, and who prepared them may be gone.
// One that is still at work meets the decision of whoever asks the coordinator
// first.
func (e *Engine) resolveLater(c *core) {
	for _, decided := range c.decided {
		e.resolver.add(decided.id, decided.coordinator, decided.shards)
	}
	for id, p := range c.prepared {
		e.resolver.add(id, p.coordinator, p.participants)
	}
}

// run concludes what is open until ctx ends.
func (r *resolver) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.wake:
		}
		for _, t := range r.waiting() {
			if ctx.Err() != nil {
				return
			}
			_, err := r.engine.conclude(t.id, t.coordinator, t.shards, false)
			if err == nil {
				r.remove(t.id)
			}
		}
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
