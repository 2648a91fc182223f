package pull

import (
	"iter"

	"millrace/exec/operator"
	"millrace/planner/plan"
	"millrace/sql/expr"
	"millrace/sql/types"
)

// distinctRows finds, for an aggregate's DISTINCT, the first row of each group
// and arguments.
type distinctRows struct {
	seen    *operator.Groups
	account account
	group   types.Vector
	keys    []*types.Vector
	numbers []int32
	rows    []int32
	groups  []int32
}

func newDistinctRows(s *scope) *distinctRows {
	return &distinctRows{
		account: s.execution.account(),
		group:   types.Vector{Type: types.Int4},
		numbers: make([]int32, batchRows),
		groups:  make([]int32, batchRows),
		rows:    noRows(),
	}
}

// choose returns groups with NoGroup for the rows that repeat arguments.
func (d *distinctRows) choose(groups []int32, args []*types.Vector) ([]int32, error) {
	d.group.Resize(len(groups))
	d.rows = d.rows[:0]
	for i, group := range groups {
		d.groups[i] = operator.NoGroup
		if group != operator.NoGroup {
			d.group.Ints[i] = int64(group)
			d.rows = append(d.rows, int32(i))
		}
	}
	d.keys = append(append(d.keys[:0], &d.group), args...)
	before := d.seen.Bytes()
	next := d.seen.Assign(d.keys, len(groups), d.rows, d.numbers)
	for _, i := range d.rows {
		if d.numbers[i] == next {
			d.groups[i] = groups[i]
			next++
		}
	}
	return d.groups[:len(groups)], d.account.grow(d.seen.Bytes() - before)
}

func (d *distinctRows) reset() {
	d.seen = emptied(d.seen)
	d.account.release()
}

// orderedRows keeps the rows of an aggregate call until all are there, to give
// them in order: that of ORDER BY, or for a DISTINCT whose result depends on
// order that of the arguments.
type orderedRows struct {
	scope  *scope
	sorter *sorter
	progs  []*expr.Program // of ORDER BY
	keys   []*types.Vector
	// rows are the columns of the kept rows: the group, then the arguments.
	rows      types.Batch
	selection []int32
}

// newOrderedRows returns nil for a call that needs no order.
func newOrderedRows(s *scope, call *plan.AggregateCall, args []types.Type) (*orderedRows, error) {
	if len(call.OrderBy) == 0 && (!call.Distinct || call.Func.Combines) {
		return nil, nil
	}
	progs, err := programs(sortExpressions(call.OrderBy))
	if err != nil {
		return nil, err
	}
	orders := sortOrders(call.OrderBy)
	if call.Distinct {
		for range args {
			orders = append(orders, sortOrder{})
		}
	}
	columns := append([]types.Type{types.Int4}, args...)
	return &orderedRows{
		scope:  s,
		sorter: newSorter(columns, orders, noBound, s.execution.account()),
		progs:  progs,
		rows:   *types.NewBatch(columns),

		selection: noRows(),
	}, nil
}

// add keeps the rows that have a group.
func (o *orderedRows) add(in *types.Batch, groups []int32, args []*types.Vector) error {
	group := &o.rows.Columns[0]
	group.Resize(len(groups))
	o.selection = o.selection[:0]
	for i, g := range groups {
		if g != operator.NoGroup {
			group.Ints[i] = int64(g)
			o.selection = append(o.selection, int32(i))
		}
	}
	for i, v := range args {
		o.rows.Columns[1+i] = *v
	}
	o.rows.Len = in.Len
	o.keys = o.scope.evaluate(o.progs, in, o.selection, o.keys)
	if len(o.sorter.orders) > len(o.progs) {
		o.keys = append(o.keys, args...)
	}
	return o.sorter.add(&o.rows, o.selection, o.keys)
}

// sortedRows gives the rows, which were sorted, in order: batches of groups and arguments, valid
// until the next.
func (o *orderedRows) sortedRows() iter.Seq2[[]int32, []*types.Vector] {
	return func(yield func([]int32, []*types.Vector) bool) {
		var out types.Batch
		var groups []int32
		for o.sorter.next(&out) {
			groups = groups[:0]
			for _, g := range out.Columns[0].Ints {
				groups = append(groups, int32(g))
			}
			args := allColumns(nil, &out)[1:]
			if !yield(groups, args) {
				return
			}
		}
	}
}
