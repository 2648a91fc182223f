package exec

import (
	"cmp"
	"maps"
	"slices"

	"millrace/planner/plan"
	"millrace/sql/types"
)

// pushOutput collects the changes of one step and turns them into the rows that
// the client sees.
type pushOutput struct {
	plan  *plan.Query
	props *plan.Properties
	rows  *types.Batch
	ready *types.Batch
	// keyed results: the step's changes by key.
	keys    map[string]int
	changes []keyChange
	scratch []byte
	// full is how many changes a step gives, about, and held says that they are
	// kept, since the initial result is given as one.
	full int
	held bool
	// sorted has keyed rows come in the order of their keys, and those of a bag in the
	// order of their encoding, deletes first.
	sorted bool
	// keep has the step's changes kept for takeChanges: per key or row what is gone and
	// what is new.
	keep bool
	kept *types.Batch
}

// pushStepRows is how many changes a step of a push query gives, about, so that a
// row that joins millions of others does not need memory for all of them.
const pushStepRows = 1 << 18

// isFull reports whether a step has as many changes as it should give.
func (o *pushOutput) isFull() bool { return !o.held && o.rows != nil && o.rows.Len >= o.full }

func newPushOutput(q *plan.Query) *pushOutput {
	return &pushOutput{plan: q, props: q.Root.Props(), keys: map[string]int{}}
}

func (o *pushOutput) process(_ *turn, in *types.Batch) {
	if o.rows == nil {
		o.rows = types.NewBatch(columnTypesOf(in))
	}
	base := o.rows.Len
	appendBatch(o.rows, in)
	if o.props.Kind != plan.Keyed {
		return
	}
	for i := range in.Len {
		o.scratch = appendColumnsKey(o.scratch[:0], in, o.props.Key, i)
		n, known := o.keys[string(o.scratch)]
		if !known {
			n = len(o.changes)
			o.keys[string(o.scratch)] = n
			o.changes = append(o.changes, keyChange{old: -1, new: -1})
		}
		o.changes[n].apply(int32(base+i), in.Weight(i), false)
	}
}

func (o *pushOutput) finish(*turn) {
	if o.rows == nil || o.held {
		return
	}
	switch o.props.Kind {
	case plan.AppendOnly:
		o.ready = o.visible(o.rows, nil)
	case plan.Keyed:
		o.finishKeyed(o.keyVisible())
	default:
		o.finishBag()
	}
	o.rows = nil
	clear(o.keys)
	o.changes = o.changes[:0]
}

// take returns what is ready for the client, once.
func (o *pushOutput) take() *types.Batch {
	ready := o.ready
	o.ready = nil
	if ready == nil || ready.Len == 0 {
		return nil
	}
	return ready
}

// The values of rowop.
const (
	opInsert = "insert"
	opUpdate = "update"
	opDelete = "delete"
)

// keyVisible reports whether the client sees the key. Where it does not, an
// update could not be told from that of another row, and is given as a delete
// and an insert. Of windows of one length either bound shows the other.
func (o *pushOutput) keyVisible() bool {
	visible := o.plan.Visible
	return !slices.ContainsFunc(o.props.Key, func(column int) bool {
		if w := o.props.Window; w != nil && w.Fixed && (column == w.Start || column == w.End) {
			column = min(w.Start, w.End)
		}
		return column >= visible
	})
}

func (o *pushOutput) finishKeyed(updates bool) {
	var selection []int32
	var ops []string
	var changed []int32
	for _, i := range o.order() {
		c := &o.changes[i]
		switch {
		case c.old < 0 && c.new < 0:
			continue
		case c.old < 0:
			selection, ops = append(selection, c.new), append(ops, opInsert)
		case c.new < 0:
			selection, ops = append(selection, c.old), append(ops, opDelete)
		case sameRow(o.rows.Columns[:o.plan.Visible], int(c.old), o.rows.Columns[:o.plan.Visible], int(c.new)):
			continue
		case updates:
			selection, ops = append(selection, c.new), append(ops, opUpdate)
		default:
			selection, ops = append(selection, c.old, c.new), append(ops, opDelete, opInsert)
		}
		if c.old >= 0 {
			changed = append(changed, c.old)
		}
		if c.new >= 0 {
			changed = append(changed, c.new)
		}
	}
	o.ready = o.visible(o.rows.Select(selection), ops)
	if o.keep {
		o.kept = o.rows.Select(changed)
	}
}

// order returns the numbers of the step's changes by key in the order in which they are
// given.
func (o *pushOutput) order() []int {
	if !o.sorted {
		numbers := make([]int, len(o.changes))
		for i := range numbers {
			numbers[i] = i
		}
		return numbers
	}
	numbers := make([]int, 0, len(o.changes))
	for _, key := range slices.Sorted(maps.Keys(o.keys)) {
		numbers = append(numbers, o.keys[key])
	}
	return numbers
}

// finishBag gives each change of multiplicity as that many rows; deletes come
// before inserts where one row replaces another. Rows that came and went within the
// step are not given.
func (o *pushOutput) finishBag() {
	weights := o.netWeights()
	changed := make([]int32, 0, len(weights))
	for i, weight := range weights {
		if weight != 0 {
			changed = append(changed, int32(i))
		}
	}
	if o.sorted {
		o.sortRows(changed, weights)
	}
	var selection []int32
	var ops []string
	for _, i := range changed {
		weight, op := weights[i], opInsert
		if weight < 0 {
			weight, op = -weight, opDelete
		}
		for range weight {
			selection, ops = append(selection, i), append(ops, op)
		}
	}
	o.ready = o.visible(o.rows.Select(selection), ops)
	if o.keep {
		o.kept = o.rows.Select(changed)
		o.kept.Weights = make([]int64, len(changed))
		for n, i := range changed {
			o.kept.Weights[n] = weights[i]
		}
	}
}

// sortRows sorts numbers of rows: deletes first, then by what the client sees.
func (o *pushOutput) sortRows(rows []int32, weights []int64) {
	visible := &types.Batch{Len: o.rows.Len, Columns: o.rows.Columns[:o.plan.Visible]}
	codec, encoded := types.NewRowCodec(columnTypesOf(visible)), make(map[int32]string, len(rows))
	for _, i := range rows {
		o.scratch = codec.AppendRow(o.scratch[:0], visible, int(i))
		encoded[i] = string(o.scratch)
	}
	slices.SortFunc(rows, func(x, y int32) int {
		return cmp.Or(cmp.Compare(min(1, max(-1, weights[x])), min(1, max(-1, weights[y]))), cmp.Compare(encoded[x], encoded[y]))
	})
}

// takeChanges returns the changes of the step whose rows were taken, once: nil for an
// append-only result.
func (o *pushOutput) takeChanges() *types.Batch {
	kept := o.kept
	o.kept = nil
	return kept
}

// netWeights returns the weights of the step's rows, those of rows that look the
// same added to the first of them.
func (o *pushOutput) netWeights() []int64 {
	weights := slices.Clone(allWeights(o.rows))
	if !slices.ContainsFunc(weights, func(weight int64) bool { return weight < 0 }) {
		return weights
	}
	visible := &types.Batch{Len: o.rows.Len, Columns: o.rows.Columns[:o.plan.Visible]}
	codec, first := types.NewRowCodec(columnTypesOf(visible)), make(map[string]int, o.rows.Len)
	for i := range weights {
		o.scratch = codec.AppendRow(o.scratch[:0], visible, i)
		if n, known := first[string(o.scratch)]; known {
			weights[n], weights[i] = weights[n]+weights[i], 0
		} else {
			first[string(o.scratch)] = i
		}
	}
	return weights
}

// visible cuts rows to the columns of the client and adds rowop where the
// result has it.
func (o *pushOutput) visible(rows *types.Batch, ops []string) *types.Batch {
	out := &types.Batch{Len: rows.Len, Columns: slices.Clone(rows.Columns[:o.plan.Visible])}
	rowop := types.Vector{Type: types.Text, Strs: ops}
	if ops == nil {
		rowop.Strs = slices.Repeat([]string{opInsert}, rows.Len)
	}
	if o.plan.RowOpColumn >= 0 {
		out.Columns[o.plan.RowOpColumn] = rowop
	}
	if o.plan.RowOp {
		out.Columns = append(out.Columns, rowop)
	}
	return out
}
