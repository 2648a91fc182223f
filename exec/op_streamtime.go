package exec

import (
	"slices"

	"millrace/exec/operator"
	"millrace/planner/plan"
	"millrace/sql/catalog"
	"millrace/sql/expr"
	"millrace/sql/types"
)

// timedRows gives each row its event time and what stream time was when it came, for
// a join WITHIN a time. A row that is too far behind to match any row whose window is
// open is late, and left out. Both depend on the rows before it in its partition alone.
//
// A row without a time passes, with NULL for it.
type timedRows struct {
	next  consumer
	node  *plan.StreamTime
	time  *expr.Program
	clock *partitionClock
	// scans says that rows of a table may be among the input, which come in no order
	// while the table is scanned.
	scans bool
}

func newTimedRows(node *plan.StreamTime, key stateKey, next consumer, partitions int) (*timedRows, error) {
	program, err := expr.Compile(node.Time)
	if err != nil {
		return nil, err
	}
	return &timedRows{next: next, node: node, time: program, clock: newPartitionClock(key, partitions, node.IdleTimeout), scans: readsTable(node.Input)}, nil
}

// readsTable reports whether rows come from a table.
func readsTable(node plan.Node) bool {
	if scan, ok := node.(*plan.Scan); ok {
		return scan.Relation.Kind == catalog.KindTable
	}
	return slices.ContainsFunc(node.Inputs(), readsTable)
}

func (o *timedRows) process(t *turn, in *types.Batch) {
	times := o.time.EvalRef(t.eval, in, nil)
	operator.CheckInstants(t.eval, times, in.Len)
	kept := make([]int32, 0, in.Len)
	event, stream := types.NewVector(types.TimestampTZ, 0), types.NewVector(types.TimestampTZ, 0)
	failed := len(t.eval.Errors) > 0
	p := o.clock.of(t, in)
	for i := range int32(in.Len) {
		if failed && t.eval.Failed(i) {
			continue
		}
		if times.IsNull(int(i)) {
			kept = append(kept, i)
			event.Append(types.Null)
			stream.Append(types.Null)
			continue
		}
		at := times.Ints[i]
		p.at = max(p.at, at)
		came := p.at
		if o.scans && t.unordered {
			came = at
		}
		if at+o.node.Late() < came {
			t.reportLate(in, i, at-o.node.Before, at+o.node.After)
			continue
		}
		kept = append(kept, i)
		event.Append(types.IntDatum(at))
		stream.Append(types.IntDatum(came))
	}
	t.reportErrors(in)
	if len(kept) == 0 {
		return
	}
	out := in.Select(kept)
	out.Columns = append(slices.Clip(out.Columns), event, stream)
	o.next.process(t, out)
}

func (o *timedRows) finish(t *turn) {
	o.clock.advance(t)
	o.next.finish(t)
}
