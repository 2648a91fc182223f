package pull

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"millrace/planner/plan"
	"millrace/sql/expr"
	"millrace/sql/types"
)

// randomPlans makes plans over columns of bigint and text. Rows under a LIMIT or
// a DISTINCT ON are in an order that decides everything, so that every plan has
// one result but for its order.
type randomPlans struct {
	t *rapid.T
	// outer are the types of the rows around, innermost first.
	outer      [][]types.Type
	subqueries []*plan.Query
	depth      int
}

func (r *randomPlans) number(label string, low, high int) int {
	return rapid.IntRange(low, high).Draw(r.t, label)
}

func (r *randomPlans) coin(label string) bool { return rapid.Bool().Draw(r.t, label) }

func (r *randomPlans) datum(typ types.Type) types.Datum {
	n := r.number("value", -1, 4)
	switch {
	case n < 0:
		return types.Null
	case typ.Kind == types.KindText:
		return types.StringDatum([]string{"", "a", "b", "ab", "B"}[n])
	default:
		return types.IntDatum(int64(n))
	}
}

func (r *randomPlans) typ() types.Type {
	return []types.Type{types.Int8, types.Text}[r.number("type", 0, 1)]
}

// choose makes an expression of a type over the columns of a row: a column of
// it, a column of a row around, a constant, or a sum.
func (r *randomPlans) choose(typ types.Type, row []types.Type) expr.Expr {
	var options []expr.Expr
	for c, t := range row {
		if t.Kind == typ.Kind {
			options = append(options, column(c, typ))
		}
	}
	for level, around := range r.outer {
		for c, t := range around {
			if t.Kind == typ.Kind && r.number("outer", 0, 2) == 0 {
				options = append(options, outer(level+1, c, typ))
			}
		}
	}
	if len(options) == 0 || r.number("constant", 0, 5) == 0 {
		return constant(typ, r.datum(typ))
	}
	chosen := options[r.number("option", 0, len(options)-1)]
	if typ.Kind == types.KindInt8 && r.number("sum", 0, 3) == 0 {
		overload, _, _ := expr.ResolveOperator("+", typ, typ, -1)
		other := options[r.number("addend", 0, len(options)-1)]
		return &expr.Call{Node: at(typ), Func: overload, Args: []expr.Expr{chosen, other}}
	}
	return chosen
}

func (r *randomPlans) condition(row []types.Type) expr.Expr {
	switch r.number("condition", 0, 6) {
	case 0:
		return &expr.IsNull{Node: at(types.Bool), Arg: r.choose(r.typ(), row), Negated: r.coin("negated")}
	case 1:
		return &expr.Or{Node: at(types.Bool), Args: []expr.Expr{r.comparison(row), r.comparison(row)}}
	case 2:
		if r.depth > 0 {
			return r.exists(row)
		}
	case 3:
		if r.depth > 0 {
			return r.in(row)
		}
	case 4:
		return &expr.And{Node: at(types.Bool), Args: []expr.Expr{r.condition(row), r.comparison(row)}}
	}
	return r.comparison(row)
}

func (r *randomPlans) comparison(row []types.Type) expr.Expr {
	typ := r.typ()
	token := []string{"=", "<", "<>"}[r.number("operator", 0, 2)]
	overload, _, _ := expr.ResolveOperator(token, typ, typ, -1)
	return &expr.Call{Node: at(types.Bool), Func: overload, Args: []expr.Expr{r.choose(typ, row), r.choose(typ, row)}}
}

func (r *randomPlans) exists(row []types.Type) expr.Expr {
	inner := r.under(row)
	e := &expr.Subquery{Node: at(types.Bool), Number: len(r.subqueries), Kind: expr.SubqueryExists}
	r.subqueries = append(r.subqueries, queryOf(inner))
	return e
}

// in is [NOT] IN (subquery).
func (r *randomPlans) in(row []types.Type) expr.Expr {
	typ := r.typ()
	equal, _, _ := expr.ResolveOperator("=", typ, typ, -1)
	left, inner := r.choose(typ, row), r.under(row)
	around := r.outer
	r.outer = append([][]types.Type{row}, around...)
	inner = projectOf(inner, r.choose(typ, columnTypes(inner.Columns())))
	r.outer = around
	e := &expr.Subquery{
		Node: at(types.Bool), Number: len(r.subqueries), Kind: expr.SubqueryAny, Left: left, Func: equal,
	}
	r.subqueries = append(r.subqueries, queryOf(inner))
	if r.coin("negated") {
		return &expr.Not{Node: at(types.Bool), Arg: e}
	}
	return e
}

// under makes a plan that sees a row around it.
func (r *randomPlans) under(row []types.Type) plan.Node {
	around := r.outer
	r.outer = append([][]types.Type{row}, around...)
	defer func() { r.outer = around }()
	return r.plan()
}

func (r *randomPlans) plan() plan.Node {
	if r.depth == 0 {
		return r.leaf()
	}
	r.depth--
	defer func() { r.depth++ }()
	switch r.number("node", 0, 7) {
	case 0:
		return r.leaf()
	case 1:
		input := r.plan()
		return filterOf(input, r.condition(columnTypes(input.Columns())))
	case 2:
		return r.project(r.plan())
	case 3:
		return r.aggregate(r.plan())
	case 4:
		return r.ordered(r.plan())
	case 5:
		return r.setOperation()
	case 6:
		return r.lateral()
	default:
		return r.join()
	}
}

func (r *randomPlans) leaf() plan.Node {
	if r.coin("table") {
		return scanOf("t", intText...)
	}
	columns := []types.Type{r.typ(), r.typ()}
	v := &plan.Values{Base: base(columns...)}
	for range r.number("rows", 0, 4) {
		v.Rows = append(v.Rows, []expr.Expr{r.choose(columns[0], nil), constant(columns[1], r.datum(columns[1]))})
	}
	return v
}

func (r *randomPlans) project(input plan.Node) plan.Node {
	row := columnTypes(input.Columns())
	exprs := []expr.Expr{}
	for range r.number("columns", 1, 3) {
		exprs = append(exprs, r.choose(r.typ(), row))
	}
	return projectOf(input, exprs...)
}

func (r *randomPlans) aggregate(input plan.Node) plan.Node {
	row := columnTypes(input.Columns())
	var keys []expr.Expr
	for range r.number("keys", 0, 2) {
		keys = append(keys, r.choose(r.typ(), row))
	}
	var calls []plan.AggregateCall
	for range r.number("calls", 0, 2) {
		name := []string{"count", "min", "max"}[r.number("aggregate", 0, 2)]
		typ := r.typ()
		f, argTypes, _ := expr.ResolveAggregate(name, []types.Type{typ}, -1)
		result, _ := f.ResultType(argTypes)
		c := plan.AggregateCall{Func: f, Args: []expr.Expr{r.choose(typ, row)}, Type: result, Distinct: r.coin("distinct")}
		if r.coin("filter") {
			c.Filter = r.comparison(row)
		}
		calls = append(calls, c)
	}
	if len(keys)+len(calls) == 0 {
		f, _, _ := expr.ResolveAggregate("count", nil, -1)
		calls = append(calls, plan.AggregateCall{Func: f, Star: true, Type: types.Int8})
	}
	return aggregateOf(input, keys, calls...)
}

// ordered sorts by all columns, and may take a part of the result.
func (r *randomPlans) ordered(input plan.Node) plan.Node {
	columns := columnTypes(input.Columns())
	var keys []plan.SortKey
	for _, c := range rapid.Permutation(sequence(nil, 0, len(columns))).Draw(r.t, "order") {
		keys = append(keys, plan.SortKey{
			Expr: column(int(c), columns[c]), Descending: r.coin("descending"), NullsFirst: r.coin("nulls first"),
		})
	}
	sorted := sortOf(input, keys...)
	switch r.number("part", 0, 2) {
	case 0:
		return limitOf(sorted, integer(int64(r.number("limit", 0, 5))), integer(int64(r.number("offset", 0, 3))))
	case 1:
		return &plan.Distinct{Base: plan.Base{Cols: sorted.Cols}, Input: sorted, On: []expr.Expr{keys[0].Expr}}
	default:
		return &plan.Distinct{Base: plan.Base{Cols: sorted.Cols}, Input: sorted}
	}
}

func (r *randomPlans) setOperation() plan.Node {
	left := r.project(r.plan())
	row := columnTypes(left.Columns())
	input := r.plan()
	var exprs []expr.Expr
	for _, typ := range row {
		exprs = append(exprs, r.choose(typ, columnTypes(input.Columns())))
	}
	return &plan.SetOperation{
		Base: base(row...), Op: plan.SetOp(r.number("operation", 0, 2)), All: r.coin("all"),
		Left: left, Right: projectOf(input, exprs...),
	}
}

func (r *randomPlans) join() plan.Node {
	left, right := r.plan(), r.plan()
	n := joinOf(plan.JoinKind(r.number("kind", 0, 5)), left, right)
	l, rt := columnTypes(left.Columns()), columnTypes(right.Columns())
	for range r.number("keys", 0, 2) {
		typ := r.typ()
		n.LeftKeys = append(n.LeftKeys, r.choose(typ, l))
		n.RightKeys = append(n.RightKeys, r.choose(typ, rt))
	}
	if r.coin("condition") {
		n.On = r.condition(slices.Concat(l, rt))
	}
	return n
}

func (r *randomPlans) lateral() plan.Node {
	left := r.plan()
	kinds := []plan.JoinKind{plan.JoinInner, plan.JoinLeft, plan.JoinSemi, plan.JoinAnti}
	right := r.under(columnTypes(left.Columns()))
	n := joinOf(kinds[r.number("kind", 0, 3)], left, right)
	n.Lateral = true
	if r.coin("condition") {
		n.On = r.comparison(slices.Concat(columnTypes(left.Columns()), columnTypes(right.Columns())))
	}
	return n
}

// TestRandomPlans compares random plans over random rows with the reference.
func TestRandomPlans(t *testing.T) {
	for round := range 10 {
		t.Run(fmt.Sprint(round), func(t *testing.T) {
			rapid.Check(t, func(rt *rapid.T) { compareRandomPlan(t, rt) })
		})
	}
}

func compareRandomPlan(t *testing.T, rt *rapid.T) {
	r := &randomPlans{t: rt, depth: 3}
	table := &memoryTable{batch: r.number("batch", 1, 5)}
	for range r.number("rows", 0, 8) {
		table.rows = append(table.rows, []types.Datum{r.datum(types.Int8), r.datum(types.Text)})
		table.weights = append(table.weights, int64(r.number("weight", 1, 3)))
	}
	root := r.plan()
	q := queryOf(root, r.subqueries...)
	tables := map[string]*memoryTable{"t": table}
	got, err := run(t, q, newSources(tables))
	if err != nil {
		rt.Fatal(err)
	}
	ref := &reference{tables: tables, subqueries: q.Subqueries}
	want := textOf(columnTypes(root.Columns()), ref.rows(root, nil))
	slices.Sort(got)
	slices.Sort(want)
	if slices.Equal(got, want) {
		return
	}
	text := planText(root)
	for i, subquery := range r.subqueries {
		text += fmt.Sprintf("\nsubquery %d%s", i, planText(subquery.Root))
	}
	rt.Fatalf("got  %q\nwant %q\ntable %q\nplan %s", got, want, textOf(intText, table.rows), text)
}
