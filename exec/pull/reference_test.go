package pull

import (
	"fmt"
	"slices"

	"millrace/planner/plan"
	"millrace/sql/expr"
	"millrace/sql/types"
)

// reference runs a plan in the plainest way: rows as datums, whole results, no
// hashing and no cache. It stops at the first error by panicking with it. It
// knows the nodes and aggregates that randomPlan makes.
type reference struct {
	tables     map[string]*memoryTable
	subqueries []*plan.Query
}

// value evaluates an expression for one row.
func (r *reference) value(e expr.Expr, row []types.Datum, outer [][]types.Datum) types.Datum {
	ctx := testContext()
	ctx.OuterRows = outer
	d, err := expr.EvalDatum(ctx, e, row)
	if err != nil {
		panic(err)
	}
	return d
}

// subquery is EXISTS or IN.
func (r *reference) subquery(e *expr.Subquery, row []types.Datum, outer [][]types.Datum) types.Datum {
	rows := r.rows(r.subqueries[e.Number].Root, append([][]types.Datum{row}, outer...))
	if e.Kind == expr.SubqueryExists || len(rows) == 0 {
		return types.BoolDatum(len(rows) > 0)
	}
	left := r.value(e.Left, row, outer)
	answer := types.BoolDatum(false)
	for _, row := range rows {
		switch {
		case !left.Valid || !row[0].Valid:
			answer = types.Null
		case left == row[0]:
			return types.BoolDatum(true)
		}
	}
	return answer
}

func (r *reference) values(list []expr.Expr, row []types.Datum, outer [][]types.Datum) []types.Datum {
	values := []types.Datum{}
	for _, e := range list {
		values = append(values, r.value(e, row, outer))
	}
	return values
}

func (r *reference) isTrue(e expr.Expr, row []types.Datum, outer [][]types.Datum) bool {
	switch e := e.(type) {
	case nil:
		return true
	case *expr.Subquery:
		return r.subquery(e, row, outer) == types.BoolDatum(true)
	case *expr.Not: // of a subquery
		return r.subquery(e.Arg.(*expr.Subquery), row, outer) == types.BoolDatum(false)
	case *expr.And:
		return !slices.ContainsFunc(e.Args, func(arg expr.Expr) bool { return !r.isTrue(arg, row, outer) })
	default:
		return r.value(e, row, outer).Int == 1
	}
}

// rows returns a node's rows for the given outer rows.
func (r *reference) rows(n plan.Node, outer [][]types.Datum) [][]types.Datum {
	var out [][]types.Datum
	switch n := n.(type) {
	case *plan.Scan:
		table := r.tables[n.Relation.Name]
		for i, row := range table.rows {
			for range table.weights[i] {
				out = append(out, row)
			}
		}
	case *plan.Values:
		for _, row := range n.Rows {
			out = append(out, r.values(row, nil, outer))
		}
	case *plan.Filter:
		for _, row := range r.rows(n.Input, outer) {
			if r.isTrue(n.Predicate, row, outer) {
				out = append(out, row)
			}
		}
	case *plan.Project:
		for _, row := range r.rows(n.Input, outer) {
			out = append(out, r.values(n.Exprs, row, outer))
		}
	case *plan.Aggregate:
		return r.aggregate(n, outer)
	case *plan.Sort:
		return r.sort(n, outer)
	case *plan.Limit:
		rows := r.rows(n.Input, outer)
		from := min(len(rows), int(r.value(n.Offset, nil, outer).Int))
		return rows[from:min(len(rows), from+int(r.value(n.Count, nil, outer).Int))]
	case *plan.Distinct:
		return r.distinct(n, outer)
	case *plan.Join:
		return r.join(n, outer)
	case *plan.SetOperation:
		return r.setOperation(n, outer)
	default:
		panic(fmt.Sprintf("no reference for %T", n))
	}
	return out
}

func (r *reference) aggregate(n *plan.Aggregate, outer [][]types.Datum) [][]types.Datum {
	var keys [][]types.Datum
	members := map[string][][]types.Datum{}
	if len(n.GroupBy) == 0 {
		keys = [][]types.Datum{{}}
	}
	for _, row := range r.rows(n.Input, outer) {
		key := r.values(n.GroupBy, row, outer)
		text := fmt.Sprint(key)
		if _, known := members[text]; !known && len(key) > 0 {
			keys = append(keys, key)
		}
		members[text] = append(members[text], row)
	}
	var out [][]types.Datum
	for _, key := range keys {
		row := slices.Clone(key)
		for i := range n.Calls {
			row = append(row, r.call(&n.Calls[i], members[fmt.Sprint(key)], outer))
		}
		out = append(out, row)
	}
	return out
}

// call computes count, min or max over rows.
func (r *reference) call(c *plan.AggregateCall, rows [][]types.Datum, outer [][]types.Datum) types.Datum {
	var values []types.Datum
	for _, row := range rows {
		if !r.isTrue(c.Filter, row, outer) {
			continue
		}
		value := types.IntDatum(1)
		if !c.Star {
			value = r.value(c.Args[0], row, outer)
		}
		if value.Valid && !(c.Distinct && slices.Contains(values, value)) {
			values = append(values, value)
		}
	}
	if c.Func.Name == "count" {
		return types.IntDatum(int64(len(values)))
	}
	if len(values) == 0 {
		return types.Null
	}
	compare := func(a, b types.Datum) int { return types.Compare(c.Args[0].Type(), a, b) }
	if c.Func.Name == "min" {
		return slices.MinFunc(values, compare)
	}
	return slices.MaxFunc(values, compare)
}

func (r *reference) sort(n *plan.Sort, outer [][]types.Datum) [][]types.Datum {
	rows := slices.Clone(r.rows(n.Input, outer))
	slices.SortStableFunc(rows, func(a, b []types.Datum) int {
		for _, key := range n.Keys {
			x, y := r.value(key.Expr, a, outer), r.value(key.Expr, b, outer)
			c := 0
			switch {
			case x.Valid && y.Valid:
				if c = types.Compare(key.Expr.Type(), x, y); key.Descending {
					c = -c
				}
			case x.Valid != y.Valid:
				c = boolToInt(x.Valid) - boolToInt(y.Valid)
				if !key.NullsFirst {
					c = -c
				}
			}
			if c != 0 {
				return c
			}
		}
		return 0
	})
	return rows
}

func (r *reference) distinct(n *plan.Distinct, outer [][]types.Datum) [][]types.Datum {
	var out [][]types.Datum
	seen := map[string]bool{}
	for _, row := range r.rows(n.Input, outer) {
		key := row
		if len(n.On) > 0 {
			key = r.values(n.On, row, outer)
		}
		if text := fmt.Sprint(key); !seen[text] {
			seen[text] = true
			out = append(out, row)
		}
	}
	return out
}

func (r *reference) join(n *plan.Join, outer [][]types.Datum) [][]types.Datum {
	left := r.rows(n.Left, outer)
	var right, out [][]types.Datum
	if !n.Lateral {
		right = r.rows(n.Right, outer)
	}
	rightMet := make([]bool, len(right))
	for _, l := range left {
		if n.Lateral {
			right = r.rows(n.Right, append([][]types.Datum{l}, outer...))
			rightMet = make([]bool, len(right))
		}
		met := false
		for i, row := range right {
			if !r.meets(n, l, row, outer) {
				continue
			}
			if n.Kind != plan.JoinSemi && n.Kind != plan.JoinAnti {
				out = append(out, slices.Concat(l, row))
			}
			met, rightMet[i] = true, true
		}
		switch {
		case !met && (n.Kind == plan.JoinLeft || n.Kind == plan.JoinFull):
			out = append(out, slices.Concat(l, make([]types.Datum, len(n.Right.Columns()))))
		case met && n.Kind == plan.JoinSemi, !met && n.Kind == plan.JoinAnti:
			out = append(out, l)
		}
	}
	if n.Kind == plan.JoinRight || n.Kind == plan.JoinFull {
		for i, row := range right {
			if !rightMet[i] {
				out = append(out, slices.Concat(make([]types.Datum, len(n.Left.Columns())), row))
			}
		}
	}
	return out
}

func (r *reference) meets(n *plan.Join, left, right []types.Datum, outer [][]types.Datum) bool {
	for i := range n.LeftKeys {
		l, r := r.value(n.LeftKeys[i], left, outer), r.value(n.RightKeys[i], right, outer)
		if !l.Valid || l != r {
			return false
		}
	}
	return r.isTrue(n.On, slices.Concat(left, right), outer)
}

func (r *reference) setOperation(n *plan.SetOperation, outer [][]types.Datum) [][]types.Datum {
	left, right := r.rows(n.Left, outer), r.rows(n.Right, outer)
	var out [][]types.Datum
	if n.Op == plan.Union {
		out = slices.Concat(left, right)
	} else {
		rest := map[string]int{}
		for _, row := range right {
			rest[fmt.Sprint(row)]++
		}
		for _, row := range left {
			text := fmt.Sprint(row)
			inRight := rest[text] > 0
			if inRight && n.All {
				rest[text]--
			}
			if inRight == (n.Op == plan.Intersect) {
				out = append(out, row)
			}
		}
	}
	if n.All {
		return out
	}
	unique := out[:0]
	seen := map[string]bool{}
	for _, row := range out {
		if text := fmt.Sprint(row); !seen[text] {
			seen[text] = true
			unique = append(unique, row)
		}
	}
	return unique
}
