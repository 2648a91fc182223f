package exec

import (
	"slices"
	"strings"

	"millrace/exec/operator"
	"millrace/planner/plan"
	"millrace/sql/expr"
	"millrace/sql/types"
)

// aggregate keeps one row per group and emits how it changes.
//
// One-shot meaning: GROUP BY over the rows that the changes add up to.
// Incrementally, per turn: the groups that the turn touches are loaded (from
// the cache or the table store), their results before are taken, the changes
// are added, and for each group whose result differs, the old row at -1 and the
// new one at +1 are emitted, together, once per turn.
//
// Invariants:
//   - A group exists while it has rows (counted by weight), and the one group of
//     an aggregation without GROUP BY always.
//   - Between turns the state of every cached group equals the stored one.
//   - A stored state is the group columns as first seen, the row count, and the
//     columns of each accumulator's state: enough to give the result without
//     the input.
//   - A group whose result cannot be evaluated has no row downstream.
type aggregate struct {
	next  consumer
	plan  *plan.Aggregate
	key   stateKey
	keys  []*expr.Program
	calls []aggregateCall

	groups *operator.Groups
	// columns, rows and marks are by group: the group's key columns, its number
	// of rows and the turn that touched it last.
	columns []types.Vector
	rows    []int64
	marks   []uint64

	// touched are the groups of this turn in the order of their first change,
	// before their results then (and beforeValid which of them had a row).
	touched     []int32
	before      []types.Vector
	beforeValid []bool

	// closer is used where the groups are of windows that close.
	closer closer

	// opened says that the only group of an aggregation without GROUP BY has its
	// row downstream.
	opened bool

	state     *types.RowCodec
	stateCols []types.Type
	cacheMax  int
	hand      int32

	assigned []int32
	fresh    []int32
	scratch  []byte
}

// aggregateCall is one aggregate function at work.
type aggregateCall struct {
	plan   *plan.AggregateCall
	args   []*expr.Program
	filter *expr.Program
	sums   expr.Accumulator
	// set keeps the group's values for calls that need them: DISTINCT, and
	// aggregates that cannot undo a row without.
	set *valueSet
	// types are those of the columns of a group's state.
	types []types.Type

	// passing are the rows of the current batch that pass the filter, where there
	// is one, and values the arguments.
	passing []int32
	values  []*types.Vector
}

// newAggregate makes the operator of a plan's node. It keeps up to cacheGroups
// groups in memory between turns and all in the store; with 0 there is no store
// and all are in memory.
func newAggregate(node *plan.Aggregate, key stateKey, next consumer, cacheGroups int) (*aggregate, error) {
	a := &aggregate{next: next, plan: node, key: key, groups: operator.NewGroups(), cacheMax: cacheGroups}
	if node.Mode != plan.AggregatePartial {
		a.closer.plan = node.Closing
	}
	for _, e := range node.GroupBy {
		program, err := expr.Compile(e)
		if err != nil {
			return nil, err
		}
		a.keys = append(a.keys, program)
		a.columns = append(a.columns, types.Vector{Type: e.Type()})
		a.stateCols = append(a.stateCols, e.Type())
	}
	a.stateCols = append(a.stateCols, types.Int8)
	for i := range node.Calls {
		call, err := newAggregateCall(node, i, key, cacheGroups == 0)
		if err != nil {
			return nil, err
		}
		a.calls = append(a.calls, call)
		a.stateCols = append(a.stateCols, call.types...)
		a.before = append(a.before, types.Vector{Type: node.Calls[i].Type})
	}
	a.state = types.NewRowCodec(a.stateCols)
	return a, nil
}

func newAggregateCall(node *plan.Aggregate, i int, key stateKey, inMemory bool) (aggregateCall, error) {
	planned := &node.Calls[i]
	argTypes := make([]types.Type, len(planned.Args))
	call := aggregateCall{plan: planned}
	for n, arg := range planned.Args {
		program, err := expr.Compile(arg)
		if err != nil {
			return call, err
		}
		call.args = append(call.args, program)
		argTypes[n] = arg.Type()
	}
	call.types = planned.Func.StateTypes(argTypes)
	if planned.Filter != nil {
		program, err := expr.Compile(planned.Filter)
		if err != nil {
			return call, err
		}
		call.filter = program
	}
	call.sums = planned.Func.New(argTypes)
	var err error
	if planned.Distinct || len(planned.OrderBy) > 0 || planned.Func.Retraction == expr.RetractByValues && node.InputRetracts {
		call.set, err = newValueSet(key, i, argTypes, planned, node.InputRetracts, inMemory)
	}
	return call, err
}

func (a *aggregate) process(t *turn, in *types.Batch) {
	if a.plan.Mode == plan.AggregateFinal {
		a.merge(t, in)
		return
	}
	keys := make([]*types.Vector, len(a.keys))
	for i, program := range a.keys {
		keys[i] = evaluate(program, t, in)
	}
	if a.closer.plan != nil {
		if open := a.inTime(t, keys[0], keys[1], in); open != in {
			t.eval.ResetErrors()
			a.process(t, open)
			return
		}
	}
	for c := range a.calls {
		a.calls[c].evaluate(t, in)
	}
	a.assign(t, keys, in)
	if t.failed != nil {
		return
	}
	for r, group := range a.assigned {
		if group >= 0 {
			a.rows[group] += in.Weight(r)
		}
	}
	for c := range a.calls {
		a.add(t, &a.calls[c], in)
		clear(a.calls[c].values)
		a.calls[c].passing = nil
	}
	t.reportErrors(in)
}

// evaluate computes the call's filter and arguments over the rows of in. A row
// for which any expression of the aggregation fails contributes nothing to any
// call, so all are evaluated before the first row is added.
func (c *aggregateCall) evaluate(t *turn, in *types.Batch) {
	c.passing = nil
	if c.filter != nil {
		c.passing = c.filter.EvalPredicate(t.eval, in, nil, make([]int32, 0, in.Len))
	}
	c.values = c.values[:0]
	for _, program := range c.args {
		v := &types.Vector{Type: program.Type()}
		program.Eval(t.eval, in, c.passing, v)
		c.values = append(c.values, v)
	}
}

// evaluate computes an expression over all rows of a batch into memory of its
// own. Failing rows are in t.eval.
func evaluate(program *expr.Program, t *turn, in *types.Batch) *types.Vector {
	out := &types.Vector{Type: program.Type()}
	program.Eval(t.eval, in, nil, out)
	return out
}

// assign puts each row's group into a.assigned, -1 for rows whose key failed,
// and makes the groups ready for changes.
func (a *aggregate) assign(t *turn, keys []*types.Vector, in *types.Batch) {
	a.assigned = slices.Grow(a.assigned[:0], in.Len)[:in.Len]
	var selection []int32
	if len(t.eval.Errors) > 0 {
		selection = make([]int32, 0, in.Len)
		for r := range int32(in.Len) {
			a.assigned[r] = -1
			if !t.eval.Failed(r) {
				selection = append(selection, r)
			}
		}
	}
	a.groups.Assign(keys, in.Len, selection, a.assigned)
	a.grow(a.groups.Len())
	for _, group := range a.groups.Created() {
		a.marks[group] = 0
	}
	a.fresh = a.fresh[:0]
	for r, group := range a.assigned {
		if group < 0 || a.marks[group] == t.number {
			continue
		}
		isNew := a.marks[group] == 0
		a.marks[group] = t.number
		a.touched = append(a.touched, group)
		if isNew {
			a.fresh = append(a.fresh, group)
			for k := range keys {
				a.columns[k].Set(int(group), owned(keys[k].Datum(r)))
			}
		}
	}
	a.load(t)
	a.rememberResults(t, len(a.beforeValid))
}

// owned returns a datum that does not keep the memory of its batch alive.
func owned(d types.Datum) types.Datum {
	d.Str = strings.Clone(d.Str)
	return d
}

func compareStrings(x, y string) int {
	switch {
	case x < y:
		return -1
	case x > y:
		return 1
	}
	return 0
}

// rememberResults takes the results of the groups in touched[from:] before this
// turn's changes.
func (a *aggregate) rememberResults(t *turn, from int) {
	if a.plan.Mode == plan.AggregatePartial || a.isFinal() || len(a.touched) == from {
		return
	}
	groups := a.touched[from:]
	a.beforeValid = a.results(t, groups, a.opened, a.before, a.beforeValid)
}

// results appends the results of groups to out, and to valid whether each group
// has a row; always says that the only group of an aggregation without GROUP BY
// has one even on empty input.
func (a *aggregate) results(t *turn, groups []int32, always bool, out []types.Vector, valid []bool) []bool {
	start := len(valid)
	for _, group := range groups {
		valid = append(valid, a.rows[group] > 0 || always && len(a.keys) == 0)
	}
	for c := range a.calls {
		a.calls[c].sums.Result(t.results, groups, &out[c])
	}
	for _, failure := range t.results.Errors {
		valid[start+int(failure.Row)] = false
	}
	t.results.ResetErrors()
	return valid
}

// add applies the rows of in, whose arguments are evaluated, to one call's
// accumulators.
func (a *aggregate) add(t *turn, call *aggregateCall, in *types.Batch) {
	groups := a.assigned
	if call.filter != nil {
		groups = slices.Repeat([]int32{-1}, in.Len)
		for _, r := range call.passing {
			groups[r] = a.assigned[r]
		}
	}
	if call.set != nil {
		call.set.add(t, a, groups, call.values, in)
		return
	}
	call.sums.Add(t.eval, groups, call.values, in.Weights)
}

// merge takes partial states: the group columns, the states' columns and, last,
// the number of rows that each stands for.
func (a *aggregate) merge(t *turn, in *types.Batch) {
	if a.closer.plan != nil {
		in = a.inTime(t, &in.Columns[0], &in.Columns[1], in)
	}
	keys := make([]*types.Vector, len(a.columns))
	for i := range keys {
		keys[i] = &in.Columns[i]
	}
	a.assign(t, keys, in)
	if t.failed != nil {
		return
	}
	counts := in.Columns[len(in.Columns)-1].Ints
	for r, group := range a.assigned {
		a.rows[group] += counts[r]
	}
	column := len(keys)
	for c := range a.calls {
		states := make([]*types.Vector, len(a.calls[c].types))
		for i := range states {
			states[i] = &in.Columns[column+i]
		}
		column += len(states)
		a.calls[c].sums.Merge(t.eval, a.assigned, states)
	}
	t.reportErrors(in)
}

func (a *aggregate) finish(t *turn) {
	if len(a.keys) == 0 && t.ownsEmptyKey && a.plan.Mode != plan.AggregatePartial {
		a.openOnlyGroup(t)
	}
	if len(a.touched) > 0 && t.failed == nil {
		for c := range a.calls {
			if a.calls[c].set != nil {
				a.calls[c].set.finish(t, a, &a.calls[c])
			}
		}
		if a.plan.Mode == plan.AggregatePartial {
			a.emitPartial(t)
		} else {
			a.save(t)
			if !a.isFinal() {
				a.emitChanges(t)
			}
		}
	}
	a.forgetEmpty()
	if a.closer.plan != nil && t.failed == nil {
		a.closeWindows(t)
	}
	a.touched = a.touched[:0]
	a.beforeValid = a.beforeValid[:0]
	for i := range a.before {
		a.before[i].Reset(a.before[i].Type)
	}
	a.evict(t)
	a.next.finish(t)
}

// isFinal says that results are given once, when their windows close.
func (a *aggregate) isFinal() bool { return a.closer.plan != nil && a.closer.plan.Final }

// openOnlyGroup makes the group of an aggregation without GROUP BY when it does
// not exist, so that empty input has its one row.
func (a *aggregate) openOnlyGroup(t *turn) {
	if a.groups.Live() > 0 {
		return
	}
	a.assign(t, nil, &types.Batch{Len: 1})
}

// emitChanges hands on, for each touched group whose row differs from before,
// the old row and the new one.
func (a *aggregate) emitChanges(t *turn) {
	after := make([]types.Vector, len(a.calls))
	for c := range after {
		after[c].Type = a.before[c].Type
	}
	afterValid := a.results(t, a.touched, true, after, nil)
	a.opened = true
	out := types.NewBatch(columnTypes(a.plan.Columns()))
	for n, group := range a.touched {
		if a.beforeValid[n] == afterValid[n] && (!afterValid[n] || sameRow(a.before, n, after, n)) {
			continue
		}
		if a.beforeValid[n] {
			a.appendResult(out, group, a.before, n, -1)
		}
		if afterValid[n] {
			a.appendResult(out, group, after, n, 1)
		}
	}
	if out.Len > 0 {
		a.next.process(t, out)
	}
}

func (a *aggregate) appendResult(out *types.Batch, group int32, results []types.Vector, n int, weight int64) {
	for k := range a.columns {
		out.Columns[k].AppendFrom(&a.columns[k], int(group))
	}
	for c := range results {
		out.Columns[len(a.columns)+c].AppendFrom(&results[c], n)
	}
	out.Weights = append(out.Weights, weight)
	out.Len++
}

// sameRow reports whether two rows are the same to the letter; values that are
// equal but print differently (1.0 and 1.00) are not.
func sameRow(x []types.Vector, i int, y []types.Vector, j int) bool {
	for c := range x {
		if x[c].Datum(i) != y[c].Datum(j) {
			return false
		}
	}
	return true
}

// emitPartial hands on the touched groups' states and forgets them.
func (a *aggregate) emitPartial(t *turn) {
	out := types.NewBatch(append(columnTypes(a.plan.Columns()), types.Int8))
	a.appendStates(out, a.touched)
	count := &out.Columns[len(out.Columns)-1]
	for _, group := range a.touched {
		count.Append(types.IntDatum(a.rows[group]))
	}
	out.Len = len(a.touched)
	a.groups.Reset()
	clear(a.marks)
	a.next.process(t, out)
}

func columnTypes(columns []plan.Column) []types.Type {
	out := make([]types.Type, len(columns))
	for i := range columns {
		out[i] = columns[i].Type
	}
	return out
}
