package exec

import (
	"context"
	"errors"

	"millrace/sql/catalog"
	"millrace/sql/sqlerr"
	"millrace/tables"
)

// View is a committed state that several queries read, so that they see the same:
// one snapshot of the table store, and the streams up to their ends.
type View struct {
	snapshot *tables.Snapshot
	ends     map[catalog.ObjectID][]int64
	// kept is set for the view of a transaction.
	kept *keptView
}

// NewView implements Backend.
func (e *Engine) NewView(ctx context.Context, sources []*catalog.Relation, freshness Freshness) (*View, error) {
	if err := e.freshen(ctx, sources, freshness); err != nil {
		return nil, err
	}
	return e.newView(sources)
}

// newView returns what this node has now.
func (e *Engine) newView(sources []*catalog.Relation) (*View, error) {
	v := &View{ends: map[catalog.ObjectID][]int64{}}
	for _, relation := range sources {
		if relation.Kind == catalog.KindStream {
			ends, err := e.streamEnds(relation.ID)
			if err != nil {
				v.Close()
				return nil, err
			}
			v.ends[relation.ID] = ends
		} else if v.snapshot == nil {
			v.snapshot = e.storage.Store().NewSnapshot()
		}
	}
	if err := e.checkStorage(sources); err != nil {
		v.Close()
		return nil, err
	}
	return v, nil
}

// ErrChanged says that a relation is not as it was when the statement was planned.
// The statement has done nothing yet. Errors that wrap it have SQLSTATE 40001.
var ErrChanged = errors.New("the relation was dropped or changed while the statement ran")

// Changed returns an error that wraps ErrChanged.
func Changed() error {
	return sqlerr.New(sqlerr.SerializationFailure, -1, "%w", ErrChanged).WithHint("Run the statement again.")
}

// checkStorage makes sure that a snapshot which was taken before the call has the
// rows of tables: the node's replicas are whole, and those of a table that was rewritten
// are deleted from its old storage after the catalog has the new one. A relation that is newer than the
// catalog's is one that the reader's own transaction has rewritten.
func (e *Engine) checkStorage(relations []*catalog.Relation) error {
	for _, l := range e.loops {
		if err := l.log.Whole(); err != nil {
			return err
		}
	}
	newest := e.newestCatalog()
	for _, relation := range relations {
		if now := newest.Relation(relation.ID); now != nil && now.Changed > relation.Changed && now.StorageID() != relation.StorageID() {
			return Changed()
		}
	}
	return nil
}

// Close lets the state go, once the queries that read it are closed. It is safe
// to call twice.
func (v *View) Close() {
	if v.snapshot != nil {
		_ = v.snapshot.Close() // it was read to the end or given up; its reads reported their errors
		v.snapshot = nil
	}
}
