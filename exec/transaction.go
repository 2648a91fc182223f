package exec

import (
	"context"
	"errors"
	"slices"

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
//
// The writer may be overtaken: the leader that has its decision is lost, and the next one
// has it carried out and forgotten before the writer asks there. The outcome stays with the
// writer's producer (writeFate), so that the writer is told what was decided.
//
// A request may come late, even after a transaction was decided, carried out and
// forgotten: it waited for a leader, or is a copy of one whose answer was lost. The
// coordinator never prepares its part then: the transaction's ID is its writer's producer
// and sequence, and the decision is noted as the producer's last write. So a decision for
// commit is made once at most. A part that is prepared late elsewhere is found, and
// dropped as the coordinator says.

// transaction writes parts to several shards: all or nothing.
func (w *engineWriter) transaction(ctx context.Context, byShard map[int][]part) error {
	e := w.engine
	id := w.nextTransaction()
	defer e.writers.begin(id)()
	shards := make([]int, 0, len(byShard))
	for shard := range byShard {
		shards = append(shards, shard)
	}
	slices.Sort(shards)
	coordinator := shards[0]
	w.uses(coordinator)

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
		w.unsure = true
		return writeError(err)
	}
	if err := w.holds(ctx); err != nil {
		_, _ = e.conclude(id, coordinator, shards, false) // what fails is left to the resolver
		return err
	}
	committed, err := e.concludeWhile(id, coordinator, shards, true, w.hold)
	switch {
	case err != nil:
		w.unsure = true
		return writeError(unknownOutcome("transaction", err))
	case committed:
		return nil
	}
	if err := w.holds(ctx); err != nil {
		return err
	}
	return abortedInTime()
}

// abortedInTime is the error of a transaction that others have decided for abort.
func abortedInTime() error {
	return sqlerr.New(sqlerr.SerializationFailure, -1, "the transaction was aborted because its outcome was not decided in time").
		WithHint("Run the transaction again.")
}

// prepareAll has the parts of a transaction prepared on all of its shards.
func (w *engineWriter) prepareAll(ctx context.Context, id transactionID, coordinator int, shards []int, byShard map[int][]part) error {
	var prepared outcomes
	for _, shard := range shards {
		prepared.wait.Add(1)
		w.engine.step(shard, &request{
			kind: requestPrepare, transaction: id, coordinator: coordinator, participant: shards,
			parts: byShard[shard], bytes: requestBytes(byShard[shard]), copied: &w.copied,
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

// errCarriedOut answers requestDecide for a transaction that was committed, carried out on
// all shards, and forgotten.
var errCarriedOut = errors.New("exec: the transaction was committed and carried out before")

// conclude decides a transaction on its coordinator and carries the decision
// out on the other shards.
func (e *Engine) conclude(id transactionID, coordinator int, shards []int, commit bool) (committed bool, err error) {
	return e.concludeWhile(id, coordinator, shards, commit, nil)
}

// concludeWhile is conclude for a commit that relies on something (request.hold).
func (e *Engine) concludeWhile(id transactionID, coordinator int, shards []int, commit bool, hold func(ctx context.Context) error) (committed bool, err error) {
	e.commits.enter()
	defer e.commits.leave()
	if coordinator == catalogCoordinator {
		return e.concludeDefined(id, shards)
	}
	decided := make(chan struct{})
	e.step(coordinator, &request{kind: requestDecide, transaction: id, participant: shards, commit: commit, hold: hold}, func(decision bool, failure error) {
		committed, err = decision, failure
		close(decided)
	})
	<-decided
	late := errors.Is(err, errCarriedOut)
	if err != nil && !late {
		e.resolver.add(id, coordinator, shards)
		return false, err
	}
	var finished outcomes
	for _, shard := range shards {
		if shard == coordinator {
			continue
		}
		finished.wait.Add(1)
		// What is prepared after the decision was carried out is a copy of what was.
		e.step(shard, &request{kind: requestFinish, transaction: id, commit: committed && !late}, func(_ bool, err error) {
			if err != nil {
				finished.note(err)
			}
			finished.wait.Done()
		})
	}
	finished.wait.Wait()
	switch {
	case finished.err != nil:
		e.resolver.add(id, coordinator, shards)
		return committed || late, finished.err
	case late:
		return true, nil
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
