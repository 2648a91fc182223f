package exec

import (
	"context"
	"slices"
	"time"

	"millrace/planner/plan"
	"millrace/sql/catalog"
	"millrace/sql/sqlerr"
	"millrace/tables"
)

// keptView is what a transaction's view remembers besides rows: what was true when it
// was made, of relations that a later statement may name.
type keptView struct {
	// before is a catalog from before the view was made: an index that is ready there
	// is whole in the view.
	before *catalog.Snapshot
	// unready are the errors of continuous queries whose results were behind.
	unready map[catalog.ObjectID]error
}

// farBehind is how many rows a query may be behind for a view to wait for it that is
// made for another result.
const farBehind = 10_000

// NewTransactionView implements Backend. Of results that the first statement does not
// read it waits for those that are close to what they are derived from; of the others it
// keeps the error for the statement that reads them.
func (e *Engine) NewTransactionView(ctx context.Context, sources []*catalog.Relation, freshness Freshness) (*View, error) {
	timeout := freshness.timeout()
	kept := &keptView{before: e.newestCatalog(), unready: map[catalog.ObjectID]error{}}
	if err := e.freshen(ctx, sources, freshness); err != nil {
		return nil, err
	}
	if err := e.awaitOthers(ctx, kept, timeout); err != nil {
		return nil, err
	}
	v := &View{ends: map[catalog.ObjectID][]int64{}, kept: kept}
	err := e.betweenCommits(ctx, timeout, func(ctx context.Context) (*tables.Snapshot, error) {
		v.Close() // an attempt before this one
		if !freshness.Stale || freshness.Current {
			if err := e.catchUp(ctx, rangeOf(len(e.loops))); err != nil {
				return nil, err
			}
		}
		for _, relation := range e.newestCatalog().Relations() {
			if relation.Kind != catalog.KindStream {
				continue
			}
			ends, err := e.streamEnds(relation.ID)
			if err != nil {
				return nil, err
			}
			v.ends[relation.ID] = ends
		}
		v.snapshot = e.storage.Store().NewSnapshot()
		return v.snapshot, nil
	})
	if err == nil {
		err = e.checkStorage(sources)
	}
	if err != nil {
		v.Close()
		return nil, err
	}
	return v, nil
}

// awaitOthers waits for the results of all queries that are not far behind what they read,
// and notes of the others why not.
func (e *Engine) awaitOthers(ctx context.Context, kept *keptView, timeout time.Duration) error {
	queries := upstream(kept.before, kept.before.Relations())
	if len(queries) == 0 {
		return nil
	}
	states, err := e.queryStates(ctx)
	if err != nil {
		return err
	}
	var others []*catalog.Query
	for _, q := range queries {
		if err := kept.unreadySource(q); err != nil {
			kept.unready[q.ID] = err
		} else if err := states.farBehind(q); err != nil {
			kept.unready[q.ID] = err
		} else {
			others = append(others, q)
		}
	}
	began := e.now()
	for len(others) > 0 {
		at, err := e.waitFresh(ctx, others, timeout, began)
		switch {
		case err == nil:
			return nil
		case at == nil, ctx.Err() != nil:
			return err
		}
		kept.unready[at.ID] = err
		others = slices.DeleteFunc(others, func(q *catalog.Query) bool {
			if err := kept.unreadySource(q); err != nil {
				kept.unready[q.ID] = err
			}
			return kept.unready[q.ID] != nil
		})
	}
	return nil
}

// unreadySource returns the error of a query that feeds another, nil for none.
func (k *keptView) unreadySource(q *catalog.Query) error {
	for _, source := range q.Sources {
		for _, writer := range k.before.QueriesWriting(source) {
			if err := k.unready[writer.ID]; err != nil {
				return err
			}
		}
	}
	for _, shared := range q.Shared {
		if err := k.unready[shared]; err != nil {
			return err
		}
	}
	return nil
}

// farBehind returns the error of a query that does not run, or is too far behind what it
// reads to be waited for.
func (r shardReports) farBehind(q *catalog.Query) error {
	if status, stopped := r.stopped(q.ID); stopped {
		return notRunning(q, status)
	}
	if behind := r.sum(q.ID); behind.scanning || behind.rows > farBehind {
		return sqlerr.New(sqlerr.ObjectNotInPrerequisiteState, -1, "the continuous query %q had not caught up when the transaction's snapshot was taken", q.Name).
			WithDetail("%s", r.progress(q.ID)).
			WithHint("Run the transaction again when it has, or SET freshness = 'stale' to read the result as it was.")
	}
	return nil
}

// Kept reports whether the view is a transaction's. The view may be nil.
func (v *View) Kept() bool { return v != nil && v.kept != nil }

// check returns an error where the view does not have the rows of some relations as of
// the time when it was made: newest is the catalog of now. What the reader's own
// transaction has rewritten is not in it, and all of its rows are in the overlay.
func (v *View) check(newest *catalog.Snapshot, sources []*catalog.Relation, stale bool) error {
	if !v.Kept() {
		return nil
	}
	for _, relation := range sources {
		was, now := v.kept.before.Relation(relation.ID), newest.Relation(relation.ID)
		if was != nil && now != nil && was.StorageID() != now.StorageID() {
			return sqlerr.New(sqlerr.SerializationFailure, -1, "could not serialize access due to a concurrent change of %s %q", relation.Kind, relation.Name)
		}
	}
	if stale || len(v.kept.unready) == 0 {
		return nil
	}
	for _, q := range upstream(v.kept.before, sources) {
		if err := v.kept.unready[q.ID]; err != nil {
			return err
		}
	}
	return nil
}

// hasIndex reports whether all entries of an index are in the view, as far as that is
// known from the time when it was made.
func (v *View) hasIndex(id catalog.ObjectID) bool {
	if !v.Kept() {
		return true
	}
	index := v.kept.before.Index(id)
	return index != nil && index.Ready
}

// lockedInView returns the error of locking a row that is another one by now than in the
// transaction's view; is is nil where it is gone. FOR KEY SHARE minds only the columns
// of the key and of unique indexes.
func (s *pullSources) lockedInView(table *plan.LockedTable, codec *relationCodec, was, is []byte) error {
	if is == nil || table.Strength != plan.LockKeyShare {
		return ConcurrentChange(false) // PostgreSQL does not tell the two apart here
	}
	var columns []int
	for _, index := range s.engine.newestCatalog().UniqueOf(table.Relation.ID) {
		for _, c := range index.Columns {
			columns = append(columns, c.Column)
		}
	}
	fetch := newFetchReader(codec, columns)
	rows := fetch.newStored()
	for _, row := range [][]byte{was, is} {
		if err := fetch.decodeTableRow(row, rows); err != nil {
			return damaged(err)
		}
	}
	pair := fetch.project(rows, 0)
	for c := range pair.Columns {
		if pair.Columns[c].Datum(0) != pair.Columns[c].Datum(1) {
			return ConcurrentChange(false)
		}
	}
	return nil
}

// ConcurrentChange is the error of a transaction that would write, or lock, a row which
// another one has changed, or deleted, since its view was made.
func ConcurrentChange(deleted bool) error {
	what := "update"
	if deleted {
		what = "delete"
	}
	return sqlerr.New(sqlerr.SerializationFailure, -1, "could not serialize access due to concurrent %s", what)
}
