package exec

import (
	"context"
	"time"

	"millrace/sql/catalog"
	"millrace/tables"
)

// View is a committed state that several queries read, so that they see the same:
// one snapshot of the table store, and the streams up to their ends.
type View struct {
	snapshot *tables.Snapshot
	ends     map[catalog.ObjectID][]int64
}

// NewView implements Backend.
func (e *Engine) NewView(ctx context.Context, sources []*catalog.Relation, stale bool, timeout time.Duration) (*View, error) {
	if !stale {
		if err := e.waitFresh(ctx, sources, timeout); err != nil {
			return nil, err
		}
	}
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
	return v, nil
}

// Close lets the state go, once the queries that read it are closed. It is safe
// to call twice.
func (v *View) Close() {
	if v.snapshot != nil {
		_ = v.snapshot.Close() // it was read to the end or given up; its reads reported their errors
		v.snapshot = nil
	}
}
