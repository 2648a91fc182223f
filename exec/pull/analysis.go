package pull

import (
	"slices"

	"millrace/planner/plan"
	"millrace/sql/expr"
)

// outerColumn is a column of an enclosing row: level 1 is the row directly
// around.
type outerColumn struct{ level, index int }

// dependence is what the result of a part of a plan depends on besides the
// sources.
type dependence struct {
	// outer are the columns of rows around the part, each once.
	outer    []outerColumn
	volatile bool
	// recursions are the numbers of the recursions around the part whose last rows it
	// reads, inside those that are in it.
	recursions, inside []int
}

// nothing says that the result is always the same.
func (d *dependence) nothing() bool {
	return len(d.outer) == 0 && !d.volatile && len(d.recursions) == 0
}

// dependenceOf finds what a plan's node, with all below it and in its
// subqueries, depends on.
func dependenceOf(n plan.Node, subqueries []*subquery) *dependence {
	d := &dependence{}
	d.addNode(n, subqueries, 0)
	return d
}

// addNode adds what n depends on, which stands under depth scopes inside the
// part.
func (d *dependence) addNode(n plan.Node, subqueries []*subquery, depth int) {
	for _, e := range expressions(n) {
		d.addExpr(e, subqueries, depth)
	}
	switch n := n.(type) {
	case *plan.Join:
		if n.Lateral {
			d.addNode(n.Left, subqueries, depth)
			d.addNode(n.Right, subqueries, depth+1)
			return
		}
	case *plan.Recursive:
		d.inside = append(d.inside, n.Number)
	case *plan.LastRows:
		if !slices.Contains(d.inside, n.Number) && !slices.Contains(d.recursions, n.Number) {
			d.recursions = append(d.recursions, n.Number)
		}
	}
	for _, input := range n.Inputs() {
		d.addNode(input, subqueries, depth)
	}
}

func (d *dependence) addExpr(e expr.Expr, subqueries []*subquery, depth int) {
	expr.Walk(e, func(e expr.Expr) bool {
		switch e := e.(type) {
		case *expr.Outer:
			if e.Level > depth {
				d.addOuter(outerColumn{level: e.Level - depth, index: e.Index})
			}
		case *expr.Call:
			d.volatile = d.volatile || e.Func.Volatility == expr.Volatile
		case *expr.Subquery:
			if e.Number < len(subqueries) {
				s := subqueries[e.Number]
				d.addNode(s.query.Root, s.subqueries, depth+1)
			}
		}
		return true
	})
}

func (d *dependence) addOuter(column outerColumn) {
	for _, c := range d.outer {
		if c == column {
			return
		}
	}
	d.outer = append(d.outer, column)
}

// expressions returns the expressions of one node.
func expressions(n plan.Node) []expr.Expr {
	var list []expr.Expr
	add := func(es ...expr.Expr) {
		for _, e := range es {
			if e != nil {
				list = append(list, e)
			}
		}
	}
	switch n := n.(type) {
	case *plan.Scan:
		add(n.KeyEquals...)
		add(n.Access.Exprs()...)
	case *plan.Values:
		for _, row := range n.Rows {
			add(row...)
		}
	case *plan.Filter:
		add(n.Predicate)
	case *plan.Project:
		add(n.Exprs...)
	case *plan.Aggregate:
		add(n.GroupBy...)
		for i := range n.Calls {
			add(n.Calls[i].Args...)
			add(n.Calls[i].Filter)
			add(sortExpressions(n.Calls[i].OrderBy)...)
		}
	case *plan.Sort:
		add(sortExpressions(n.Keys)...)
	case *plan.Limit:
		add(n.Count, n.Offset)
	case *plan.Distinct:
		add(n.On...)
	case *plan.LockRows:
		for i := range n.Tables {
			add(n.Tables[i].Key...)
		}
	case *plan.Join:
		add(n.LeftKeys...)
		add(n.RightKeys...)
		add(n.On)
		add(n.AsOf.Exprs()...)
	case *plan.Expand:
		for _, call := range n.Calls {
			add(call.Args...)
		}
		add(n.On)
	case *plan.Window:
		add(n.Time)
	}
	return list
}

func sortExpressions(keys []plan.SortKey) []expr.Expr {
	list := make([]expr.Expr, len(keys))
	for i := range keys {
		list[i] = keys[i].Expr
	}
	return list
}
