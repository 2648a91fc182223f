package exec

import (
	"context"
	"slices"
	"sync"

	"millrace/sql/catalog"
	"millrace/sql/sqlerr"
)

// A transaction that defines something and writes rows.
//
// Its parts are prepared on their shards as those of any transaction over several, and
// the catalog's log decides: the entry of the definitions (catalog.Define) is the moment
// of commit. Then every shard takes the new catalog into use, which others see from
// here on, carries its part out, and the decision is forgotten. What a crash leaves:
//
//   - before the entry, prepared parts of a transaction that the catalog does not know.
//     The resolver asks it (catalog.DecideTransaction), which sees to it that an entry
//     which is still under way does not count, and the parts are dropped.
//   - behind it, parts that are not carried out. The catalog says that the transaction
//     is committed, and they are carried out before the node takes clients.
//
// Parts of relations that the transaction itself has made or changed cannot be read
// or checked by the catalog that a shard has when it prepares them. They are kept as
// they are, marked as own, and their rows are locked when the shard takes the catalog
// into use in which their transaction is committed. That their conditions hold, the
// session's locks see to: nobody else has used these relations meanwhile.

// catalogCoordinator stands for the catalog where a shard's number says who decides a
// transaction.
const catalogCoordinator = -1

// WriteDefining implements Writer.
func (w *engineWriter) WriteDefining(ctx context.Context, command *catalog.Define, after *catalog.Snapshot, writes []Rows) error {
	e := w.engine
	if err := e.Alive(); err != nil {
		return err
	}
	if err := e.beforeDefining(ctx, command); err != nil {
		return err
	}
	base := e.newestCatalog()
	byShard, shards := map[int][]part{}, []int{}
	turn := e.turn.Add(1)
	for i := range writes {
		if writes[i].Batch.Len == 0 {
			continue
		}
		if err := w.split(&writes[i], turn, byShard); err != nil {
			return err
		}
	}
	if err := checkSize(byShard); err != nil {
		return err
	}
	for shard, parts := range byShard {
		shards = append(shards, shard)
		for i := range parts {
			parts[i].own = changes(base, after, parts[i].relation)
		}
	}
	if len(shards) == 0 {
		_, err := e.Define(ctx, command)
		return err
	}
	slices.Sort(shards)
	id := w.nextTransaction()
	defer e.writers.begin(id)()
	decision := *command
	decision.Transaction, decision.Aborts = id, base.Aborts()
	if err := w.prepareAll(ctx, id, catalogCoordinator, shards, byShard); err != nil {
		if e.finishDefined(id, shards, false) != nil {
			e.resolver.add(id, catalogCoordinator, shards)
			w.unsure = true
		}
		return writeError(err)
	}
	return e.decideDefined(ctx, id, shards, &decision)
}

// changes reports whether a relation, or what a writer of its rows relies on, is
// another one in the second catalog.
func changes(before, after *catalog.Snapshot, id catalog.ObjectID) bool {
	was, is := before.Relation(id), after.Relation(id)
	if was == nil && is == nil {
		was, is = before.UniqueRelation(id), after.UniqueRelation(id)
	}
	if was == nil || is == nil || was.Layout != is.Layout {
		return true
	}
	return !slices.EqualFunc(before.UniqueOf(id), after.UniqueOf(id), func(a, b *catalog.Index) bool { return a.ID == b.ID })
}

// decideDefined proposes the definitions of a prepared transaction, and carries out
// what comes of it.
func (e *Engine) decideDefined(ctx context.Context, id transactionID, shards []int, command *catalog.Define) error {
	e.commits.enter()
	leave := sync.OnceFunc(e.commits.leave)
	defer leave()
	result, known, err := e.askCatalog(ctx, e.once(command))
	if !known {
		known, err = e.decidedAnyway(id, err)
	}
	newest := e.newestCatalog()
	if err == nil {
		err = e.waitActivated(ctx, newest)
	}
	switch {
	case !known:
		e.resolver.add(id, catalogCoordinator, shards)
		return writeError(unknownOutcome("transaction", err))
	case err != nil && !newest.IsCommitted(id):
		if e.finishDefined(id, shards, false) != nil {
			e.resolver.add(id, catalogCoordinator, shards)
		}
		return err
	}
	// Where the writer was taken for gone, others may have carried it out.
	if err == nil && newest.IsCommitted(id) {
		err = e.finishDefined(id, shards, true)
	}
	leave()
	if err != nil {
		// Nobody is to see the definitions without the rows.
		e.resolver.add(id, catalogCoordinator, shards)
		if e.resolver.wait(ctx) != nil {
			return writeError(sqlerr.New(sqlerr.StatementCompletionUnknown, -1, "the transaction is committed, but not carried out yet: %w", err))
		}
	}
	e.completeDefined(ctx, result.Created)
	return nil
}

// decidedAnyway finds out what became of definitions whose answer was lost: the catalog
// knows whether their transaction is committed, and sees to it that it will not be where
// it is not. Known is false where nobody can be asked.
func (e *Engine) decidedAnyway(id transactionID, lost error) (known bool, err error) {
	if e.alone() {
		return false, lost // the node's disk does not work; the resolver asks when it does
	}
	result, err := e.proposeCatalog(context.Background(), &catalog.DecideTransaction{ID: id})
	switch {
	case err != nil:
		return false, lost
	case result.Count == 0:
		return true, sqlerr.New(sqlerr.SerializationFailure, -1, "the transaction was aborted because the leader of the catalog was lost").
			WithHint("Run the transaction again.")
	}
	return true, nil
}

// completeDefined waits until the indexes are built that a transaction has made. They
// are built anyway.
func (e *Engine) completeDefined(ctx context.Context, created []catalog.ObjectID) {
	for _, id := range created {
		index := e.newestCatalog().Index(id)
		if index == nil || index.Ready {
			continue
		}
		if err := e.completeIndex(ctx, id); err != nil {
			e.logger.Info("an index is built after the end of its transaction", "index", index.Name, "error", err)
			return
		}
	}
}

// finishDefined has a decision carried out on all shards, and forgotten.
func (e *Engine) finishDefined(id transactionID, shards []int, commit bool) error {
	var finished outcomes
	for _, shard := range shards {
		finished.wait.Add(1)
		e.step(shard, &request{kind: requestFinish, transaction: id, commit: commit}, func(_ bool, err error) {
			if err != nil {
				finished.note(err)
			}
			finished.wait.Done()
		})
	}
	finished.wait.Wait()
	if finished.err != nil || !commit {
		return finished.err
	}
	_, err := e.proposeCatalog(context.Background(), &catalog.ForgetTransaction{ID: id})
	return err
}

// concludeDefined finds out what became of a transaction with definitions, and has it
// carried out.
func (e *Engine) concludeDefined(id transactionID, shards []int) (committed bool, err error) {
	result, err := e.proposeCatalog(context.Background(), &catalog.DecideTransaction{ID: id})
	if err != nil {
		return false, err
	}
	// What is prepared after it was carried out is a copy of what was.
	return result.Count > 0, e.finishDefined(id, shards, result.Count == 1)
}

// forgetCommitted has the transactions forgotten that all shards have carried out, and
// whose writers may be gone. Their parts were prepared before they were committed, so they
// are among those that are waited for.
func (e *Engine) forgetCommitted(ctx context.Context) error {
	committed := e.newestCatalog().Committed()
	if len(committed) == 0 {
		return nil
	}
	if err := e.settleTransactions(ctx, rangeOf(len(e.loops))); err != nil {
		return err
	}
	for _, id := range committed {
		if _, err := e.proposeCatalog(ctx, &catalog.ForgetTransaction{ID: id}); err != nil {
			return err
		}
	}
	return nil
}

// beforeDefining waits for what has to be settled before a command is applied, alone or
// as a part of a transaction's definitions.
func (e *Engine) beforeDefining(ctx context.Context, command catalog.Command) error {
	switch c := command.(type) {
	case *catalog.Authored:
		return e.beforeDefining(ctx, c.Command)
	case *catalog.Held:
		return e.beforeDefining(ctx, c.Command)
	case *catalog.Define:
		for i := range c.Steps {
			if err := e.beforeDefining(ctx, c.Steps[i].Command); err != nil {
				return err
			}
		}
	case *catalog.AlterRelation, *catalog.CreateShadow:
		// A transaction whose writer is gone was prepared for the table as it is.
		if e.alone() {
			return e.resolver.wait(ctx)
		}
		return e.settleTransactions(ctx, rangeOf(len(e.loops)))
	case *catalog.AlterSequence:
		// The sequence goes on behind the last value that was given.
		return e.returnAll(ctx, c.Sequence.ID)
	}
	return nil
}

// holdCommitted reads the parts of transactions that the active catalog has as
// committed, and locks the rows of those that could not be read before.
func (t *tick) holdCommitted() error {
	c := t.core
	for id, p := range c.prepared {
		if p.coordinator != catalogCoordinator || !c.snapshot.IsCommitted(id) {
			continue
		}
		read := p
		err := c.eachTransaction(transactionPrepared, func(other transactionID, record []byte, pieces int) (err error) {
			if other == id {
				if read, err = c.decodePrepared(id, record); err == nil {
					read.pieces = pieces
				}
			}
			return err
		})
		if err != nil {
			return err
		}
		c.release(p)
		c.hold(read)
	}
	return nil
}
