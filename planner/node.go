package planner

import (
	"slices"

	"millrace/planner/plan"
	"millrace/sql/catalog"
	"millrace/sql/expr"
	"millrace/sql/types"
)

// The functions of this file make plan nodes: every node is made here, so that
// columns and properties follow from the inputs in one place.

// newScan reads the given columns of a relation; see plan.Scan.Fetch.
func newScan(relation *catalog.Relation, fetch []int) *plan.Scan {
	scan := &plan.Scan{Relation: relation, Fetch: fetch}
	for _, number := range fetch {
		scan.Cols = append(scan.Cols, scanColumn(relation, number))
	}
	properties := &scan.Properties
	properties.Partitions = relation.Partitions
	if placed := distribution(relation); placed != nil {
		properties.Partitioning = positions(placed, fetch)
	}
	if relation.Kind == catalog.KindStream {
		properties.Kind = plan.AppendOnly
		return scan
	}
	properties.Kind = plan.Bag
	if !relation.Bag {
		if key := positions(relation.Key, fetch); key != nil {
			properties.Kind, properties.Key = plan.Keyed, key
		}
	}
	return scan
}

// newChangesScan reads the changelog of a table, whose changes are only added and
// lie where their rows do.
func newChangesScan(relation *catalog.Relation, fetch []int) *plan.Scan {
	scan := newScan(relation, fetch)
	scan.Changes = true
	scan.Properties.Kind, scan.Properties.Key = plan.AppendOnly, nil
	return scan
}

// distribution returns the columns whose hash places a relation's rows, nil
// when rows lie anywhere.
func distribution(r *catalog.Relation) []int {
	switch {
	case r.Distribution != nil:
		return r.Distribution
	case r.Kind == catalog.KindStream && len(r.Key) == 0, r.Bag:
		return nil
	default:
		return nonNil(r.Key)
	}
}

func scanColumn(relation *catalog.Relation, number int) plan.Column {
	switch number {
	case plan.FetchRowtime:
		return plan.Column{Name: "rowtime", Type: types.TimestampTZ}
	case plan.FetchRowOffset:
		return plan.Column{Name: "rowoffset", Type: types.Int8}
	case plan.FetchRowOp:
		return plan.Column{Name: "rowop", Type: types.Text}
	case plan.FetchHeaders:
		return plan.Column{Name: headersColumn, Type: types.Headers}
	case plan.FetchRowPartition:
		return plan.Column{Name: "rowpartition", Type: types.Int4}
	}
	c := &relation.Columns[number]
	return plan.Column{Name: c.Name, Type: c.Type, Table: uint32(relation.ID), Attribute: int16(relation.Attribute(number))}
}

// positions returns where each of the wanted numbers stands in list, nil when
// one is missing. It is never nil for no wanted numbers.
func positions(wanted, list []int) []int {
	out := make([]int, len(wanted))
	for i, number := range wanted {
		if out[i] = slices.Index(list, number); out[i] < 0 {
			return nil
		}
	}
	return out
}

func nonNil(list []int) []int {
	if list == nil {
		return []int{}
	}
	return list
}

func newFilter(input plan.Node, predicate expr.Expr) *plan.Filter {
	f := &plan.Filter{Input: input, Predicate: predicate}
	f.Cols, f.Properties = input.Columns(), *input.Props()
	return f
}

// newProject computes expressions under the given names. A column that is
// passed on keeps its origin.
func newProject(input plan.Node, exprs []expr.Expr, names []string) *plan.Project {
	p := &plan.Project{Input: input, Exprs: exprs}
	p.Cols = make([]plan.Column, len(exprs))
	passed := make([]int, len(exprs)) // the input column that each output is, or -1
	for i, e := range exprs {
		p.Cols[i] = plan.Column{Name: names[i], Type: e.Type()}
		passed[i] = -1
		if c, ok := e.(*expr.Column); ok {
			passed[i] = c.Index
			origin := input.Columns()[c.Index]
			p.Cols[i].Table, p.Cols[i].Attribute = origin.Table, origin.Attribute
		}
	}
	from := input.Props()
	p.Properties = plan.Properties{Kind: from.Kind, Partitions: from.Partitions, Window: movedBounds(from.Window, passed), Clock: from.Clock}
	if from.Partitioning != nil {
		p.Properties.Partitioning = positions(from.Partitioning, passed)
	}
	if from.Key != nil {
		p.Properties.Key = positions(from.Key, passed)
	}
	if from.Kind == plan.Keyed && p.Properties.Key == nil {
		p.Properties.Kind = plan.Bag
	}
	return p
}

// passColumns projects an input to the given columns of it.
func passColumns(input plan.Node, columns []int) *plan.Project {
	exprs := make([]expr.Expr, len(columns))
	names := make([]string, len(columns))
	for i, number := range columns {
		c := input.Columns()[number]
		exprs[i], names[i] = columnOf(c, number), c.Name
	}
	return newProject(input, exprs, names)
}

// columnOf refers to column number of a row.
func columnOf(c plan.Column, number int) *expr.Column {
	return &expr.Column{Node: expr.Node{ResultType: c.Type, Position: -1}, Index: number, Name: c.Name}
}

// newAggregate groups its input; names are those of the group columns and then
// of the calls.
func newAggregate(input plan.Node, mode plan.AggregateMode, groupBy []expr.Expr, calls []plan.AggregateCall, names []string) *plan.Aggregate {
	a := &plan.Aggregate{Input: input, Mode: mode, GroupBy: groupBy, Calls: calls}
	// What a partial aggregation gives are additions to states.
	a.InputRetracts = mode != plan.AggregateFinal && input.Props().Kind != plan.AppendOnly
	passed := make([]int, len(groupBy))
	for i, e := range groupBy {
		column := plan.Column{Name: names[i], Type: e.Type()}
		passed[i] = -1
		if c, ok := e.(*expr.Column); ok {
			passed[i] = c.Index
			origin := input.Columns()[c.Index]
			column.Table, column.Attribute = origin.Table, origin.Attribute
		}
		a.Cols = append(a.Cols, column)
	}
	from := input.Props()
	a.Properties = plan.Properties{Kind: plan.Keyed, Partitions: from.Partitions}
	if from.Partitioning != nil {
		a.Properties.Partitioning = positions(from.Partitioning, passed)
	}
	a.Properties.Key = groupKey(len(groupBy), a.Properties.Partitioning)
	groupWindows(a, movedBounds(from.Window, passed))
	for i := range calls {
		call := &calls[i]
		if mode != plan.AggregatePartial {
			a.Cols = append(a.Cols, plan.Column{Name: names[len(groupBy)+i], Type: call.Type})
			continue
		}
		for _, state := range call.Func.StateTypes(exprTypes(call.Args)) {
			a.Cols = append(a.Cols, plan.Column{Name: names[len(groupBy)+i], Type: state})
		}
	}
	if mode == plan.AggregatePartial {
		a.Properties.Kind, a.Properties.Key = plan.Bag, nil
	}
	return a
}

// groupWindows notes that an aggregation groups by windows, if it does: the
// halves of one agree about when they close, and what the whole gives is past
// that.
func groupWindows(a *plan.Aggregate, bounds *plan.WindowBounds) {
	a.Properties.Window = bounds
	if bounds == nil || bounds.End != 0 || bounds.Start != 1 {
		return
	}
	// Time comes first in the key, so that old windows are one range.
	a.Properties.Key = upTo(len(a.GroupBy))
	a.Closing = bounds.Closing
	if a.Closing == nil || a.Mode == plan.AggregatePartial {
		return
	}
	if a.Closing.Final {
		a.Properties.Kind = plan.AppendOnly
	}
	bounds.Closing = nil
	if a.Closing.Keep != plan.NoLimit {
		bounds.Closing = &plan.Closing{Grace: plan.NoLimit, Keep: a.Closing.Keep, Every: a.Closing.Every, Phase: a.Closing.Phase}
	}
}

// groupKey lists all n group columns, those that place the rows first and in
// their order, so that where these are all, key and place have the same hash.
func groupKey(n int, partitioning []int) []int {
	key := make([]int, 0, n)
	for _, column := range partitioning {
		if !slices.Contains(key, column) {
			key = append(key, column)
		}
	}
	for column := range n {
		if !slices.Contains(key, column) {
			key = append(key, column)
		}
	}
	return key
}

func newShuffle(input plan.Node, keys []int, partitions int) *plan.Shuffle {
	s := &plan.Shuffle{Input: input, Keys: nonNil(keys), Partitions: partitions}
	s.Cols, s.Properties = input.Columns(), *input.Props()
	if scattered(&s.Properties) {
		s.Properties.Kind, s.Properties.Key = plan.Bag, nil
	}
	s.Properties.Partitioning, s.Properties.Partitions = s.Keys, partitions
	return s
}

func newStageInput(shuffle *plan.Shuffle, stage int) *plan.StageInput {
	in := &plan.StageInput{Stage: stage}
	in.Cols, in.Properties = shuffle.Cols, shuffle.Properties
	return in
}

func newSort(input plan.Node, keys []plan.SortKey) *plan.Sort {
	s := &plan.Sort{Input: input, Keys: keys}
	s.Cols, s.Properties = input.Columns(), oneShot
	return s
}

func newLimit(input plan.Node, count, offset expr.Expr) *plan.Limit {
	l := &plan.Limit{Input: input, Count: count, Offset: offset}
	l.Cols, l.Properties = input.Columns(), oneShot
	return l
}

func newLockRows(input plan.Node, tables []plan.LockedTable) *plan.LockRows {
	l := &plan.LockRows{Input: input, Tables: tables}
	l.Cols, l.Properties = input.Columns(), oneShot
	return l
}

func newDistinct(input plan.Node, on []expr.Expr) *plan.Distinct {
	d := &plan.Distinct{Input: input, On: on}
	d.Cols, d.Properties = input.Columns(), oneShot
	return d
}

// newJoin joins on a condition. Keys for hashing are taken out of it by a rule.
func newJoin(kind plan.JoinKind, left, right plan.Node, on expr.Expr, lateral bool) *plan.Join {
	return joinLike(&plan.Join{Kind: kind, Lateral: lateral}, left, right, nil, nil, on)
}

// joinLike is the join of a model over other inputs, keys and condition.
func joinLike(model *plan.Join, left, right plan.Node, leftKeys, rightKeys []expr.Expr, on expr.Expr) *plan.Join {
	j := &plan.Join{
		Kind: model.Kind, Left: left, Right: right, LeftKeys: leftKeys, RightKeys: rightKeys, On: on,
		Lateral: model.Lateral, Lookup: model.Lookup, AsOf: model.AsOf, Within: model.Within,
	}
	kind := j.Kind
	j.Cols = slices.Clone(left.Columns())
	if kind.Wide() {
		j.Cols = append(j.Cols, right.Columns()...)
	}
	if kind == plan.JoinMark {
		j.Cols = append(j.Cols, plan.Column{Name: "mark", Type: types.Bool})
	}
	j.Properties = joinProperties(j)
	return j
}

func newSetOperation(op plan.SetOp, all bool, left, right plan.Node) *plan.SetOperation {
	s := &plan.SetOperation{Op: op, All: all, Left: left, Right: right}
	for _, c := range left.Columns() {
		s.Cols = append(s.Cols, plan.Column{Name: c.Name, Type: c.Type})
	}
	s.Properties = unionProperties(left.Props(), right.Props())
	return s
}

// unionProperties are those of the rows of two inputs together. Rows stay where
// they are.
func unionProperties(left, right *plan.Properties) plan.Properties {
	p := plan.Properties{Kind: plan.Bag, Partitions: max(left.Partitions, right.Partitions)}
	if left.Kind == plan.AppendOnly && right.Kind == plan.AppendOnly {
		p.Kind = plan.AppendOnly
		if left.Clock != nil && right.Clock != nil {
			p.Clock = everyInstant
		}
	}
	if left.Partitioning != nil && left.Partitions == right.Partitions && slices.Equal(left.Partitioning, right.Partitioning) && right.Partitioning != nil {
		p.Partitioning = left.Partitioning
	}
	return p
}

// newTopN passes the first rows of parts of its input, like a model does.
func newTopN(input plan.Node, model *plan.TopN) *plan.TopN {
	n := *model
	from := input.Props()
	n.Input, n.Cols = input, input.Columns()
	n.Properties = plan.Properties{Kind: plan.Bag, Partitioning: from.Partitioning, Partitions: from.Partitions}
	switch {
	case n.Count == 1 && n.Ties == plan.TiesBroken && len(n.PartitionBy) > 0 && !n.Local:
		n.Properties.Kind, n.Properties.Key = plan.Keyed, n.PartitionBy
	case from.Kind == plan.Keyed:
		n.Properties.Kind, n.Properties.Key = plan.Keyed, from.Key
	}
	return &n
}

// newRepeat gives each row of its input as often as an expression says.
func newRepeat(input plan.Node, times expr.Expr) *plan.Repeat {
	r := &plan.Repeat{Input: input, Times: times}
	from := input.Props()
	r.Cols = input.Columns()
	r.Properties = plan.Properties{Kind: plan.Bag, Partitioning: from.Partitioning, Partitions: from.Partitions}
	return r
}

// newExpand gives the rows of set-returning functions beside columns of its input.
func newExpand(input plan.Node, pass []int, model *plan.Expand) *plan.Expand {
	x := &plan.Expand{Input: input, Pass: nonNil(pass), Calls: model.Calls, Ordinality: model.Ordinality, Outer: model.Outer, On: model.On}
	for _, column := range pass {
		x.Cols = append(x.Cols, input.Columns()[column])
	}
	for _, call := range x.Calls {
		for _, c := range call.Columns {
			name := c.Name
			if name == "" {
				name = call.Func.Name
			}
			x.Cols = append(x.Cols, plan.Column{Name: name, Type: c.Type})
		}
	}
	if x.Ordinality {
		x.Cols = append(x.Cols, plan.Column{Name: "ordinality", Type: types.Int8})
	}
	from := input.Props()
	x.Properties = plan.Properties{Kind: plan.Bag, Partitions: from.Partitions, Window: movedBounds(from.Window, pass)}
	if from.Kind == plan.AppendOnly {
		x.Properties.Kind = plan.AppendOnly
	}
	if from.Partitioning != nil {
		x.Properties.Partitioning = positions(from.Partitioning, pass)
	}
	return x
}

// expandAll is newExpand beside all columns of its input.
func expandAll(input plan.Node, model *plan.Expand) *plan.Expand {
	return newExpand(input, upTo(len(input.Columns())), model)
}

// newGiven reads rows that the host has at hand; see plan.Given.Number.
func newGiven(number int, columns []plan.Column) *plan.Given {
	g := &plan.Given{Number: number}
	g.Cols, g.Properties = columns, oneShot
	return g
}

func newValues(rows [][]expr.Expr, columns []plan.Column) *plan.Values {
	v := &plan.Values{Rows: rows}
	v.Cols = columns
	v.Properties = plan.Properties{Kind: plan.AppendOnly}
	return v
}

// oneShot are the properties of nodes that only pull queries have.
var oneShot = plan.Properties{Kind: plan.Bag}

func exprTypes(list []expr.Expr) []types.Type {
	out := make([]types.Type, len(list))
	for i, e := range list {
		out[i] = e.Type()
	}
	return out
}
