package planner

import (
	"fmt"
	"slices"

	"millrace/planner/plan"
	"millrace/sql/expr"
)

// nodeExprs returns the expressions of a node itself.
func nodeExprs(node plan.Node) []expr.Expr {
	switch n := node.(type) {
	case *plan.Scan:
		return append(n.Access.Exprs(), n.KeyEquals...)
	case *plan.Values:
		var all []expr.Expr
		for _, row := range n.Rows {
			all = append(all, row...)
		}
		return all
	case *plan.Filter:
		return []expr.Expr{n.Predicate}
	case *plan.Project:
		return n.Exprs
	case *plan.Aggregate:
		all := append([]expr.Expr{}, n.GroupBy...)
		for i := range n.Calls {
			all = append(all, callExprs(&n.Calls[i])...)
		}
		return all
	case *plan.Sort:
		return sortExprs(n.Keys)
	case *plan.Limit:
		return append(present(n.Count), present(n.Offset)...)
	case *plan.Distinct:
		return n.On
	case *plan.LockRows:
		var all []expr.Expr
		for i := range n.Tables {
			all = append(all, n.Tables[i].Key...)
		}
		return all
	case *plan.Join:
		all := append([]expr.Expr{}, n.LeftKeys...)
		return append(append(append(all, n.RightKeys...), present(n.On)...), n.AsOf.Exprs()...)
	case *plan.TopN:
		return sortExprs(n.Order)
	case *plan.Over:
		return overExprs(n)
	case *plan.Repeat:
		return []expr.Expr{n.Times}
	case *plan.Expand:
		var all []expr.Expr
		for _, call := range n.Calls {
			all = append(all, call.Args...)
		}
		return append(all, present(n.On)...)
	case *plan.Window:
		return []expr.Expr{n.Time}
	case *plan.StreamTime:
		return []expr.Expr{n.Time}
	case *plan.TemporalFilter:
		return temporalExprs(n)
	default:
		return nil
	}
}

func present(e expr.Expr) []expr.Expr {
	if e == nil {
		return nil
	}
	return []expr.Expr{e}
}

func callExprs(call *plan.AggregateCall) []expr.Expr {
	all := append([]expr.Expr{}, call.Args...)
	return append(append(all, present(call.Filter)...), sortExprs(call.OrderBy)...)
}

func sortExprs(keys []plan.SortKey) []expr.Expr {
	out := make([]expr.Expr, len(keys))
	for i := range keys {
		out[i] = keys[i].Expr
	}
	return out
}

// exprMap rewrites an expression to one of the same type.
type exprMap func(expr.Expr) (expr.Expr, error)

func (f exprMap) all(list []expr.Expr) ([]expr.Expr, error) {
	if list == nil {
		return nil, nil
	}
	out := make([]expr.Expr, len(list))
	for i, e := range list {
		var err error
		if out[i], err = f.one(e); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (f exprMap) one(e expr.Expr) (expr.Expr, error) {
	if e == nil {
		return nil, nil
	}
	return f(e)
}

func (f exprMap) sortKeys(keys []plan.SortKey) ([]plan.SortKey, error) {
	if keys == nil {
		return nil, nil
	}
	out := append([]plan.SortKey{}, keys...)
	for i := range out {
		var err error
		if out[i].Expr, err = f(out[i].Expr); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (f exprMap) calls(calls []plan.AggregateCall) ([]plan.AggregateCall, error) {
	out := append([]plan.AggregateCall{}, calls...)
	for i := range out {
		var err error
		if out[i].Args, err = f.all(out[i].Args); err != nil {
			return nil, err
		}
		if out[i].Filter, err = f.one(out[i].Filter); err != nil {
			return nil, err
		}
		if out[i].OrderBy, err = f.sortKeys(out[i].OrderBy); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// setCalls rewrites the arguments of calls of set-returning functions.
func (f exprMap) setCalls(calls []*expr.SetCall) ([]*expr.SetCall, error) {
	out := make([]*expr.SetCall, len(calls))
	for i, call := range calls {
		c := *call
		var err error
		if c.Args, err = f.all(call.Args); err != nil {
			return nil, err
		}
		out[i] = &c
	}
	return out, nil
}

// access rewrites the expressions of an access, which may be nil.
func (f exprMap) access(a *plan.Access) (*plan.Access, error) {
	if a == nil {
		return nil, nil
	}
	c := *a
	c.Equals = slices.Clone(a.Equals)
	var err error
	for i := range c.Equals {
		if c.Equals[i].List, err = f.all(c.Equals[i].List); err != nil {
			return nil, err
		}
		if array := c.Equals[i].Array; array != nil {
			if c.Equals[i].Array, err = f(array); err != nil {
				return nil, err
			}
		}
	}
	for _, bound := range []**plan.Bound{&c.Low, &c.High} {
		if *bound == nil {
			continue
		}
		b := **bound
		if b.Value, err = f(b.Value); err != nil {
			return nil, err
		}
		*bound = &b
	}
	return &c, nil
}

// copyNode returns a copy of a node over other inputs of the same columns, with
// its expressions rewritten to ones of the same types.
func copyNode(node plan.Node, inputs []plan.Node, f exprMap) (plan.Node, error) {
	var err error
	switch n := node.(type) {
	case *plan.Scan:
		c := *n
		if c.KeyEquals, err = f.all(n.KeyEquals); err != nil {
			return nil, err
		}
		c.Access, err = f.access(n.Access)
		return &c, err
	case *plan.Values:
		c := *n
		c.Rows = make([][]expr.Expr, len(n.Rows))
		for i, row := range n.Rows {
			if c.Rows[i], err = f.all(row); err != nil {
				return nil, err
			}
		}
		return &c, nil
	case *plan.Filter:
		c := *n
		c.Input = inputs[0]
		c.Predicate, err = f(n.Predicate)
		return &c, err
	case *plan.Project:
		c := *n
		c.Input = inputs[0]
		c.Exprs, err = f.all(n.Exprs)
		return &c, err
	case *plan.Aggregate:
		c := *n
		c.Input = inputs[0]
		if c.GroupBy, err = f.all(n.GroupBy); err != nil {
			return nil, err
		}
		c.Calls, err = f.calls(n.Calls)
		return &c, err
	case *plan.Sort:
		c := *n
		c.Input = inputs[0]
		c.Keys, err = f.sortKeys(n.Keys)
		return &c, err
	case *plan.Limit:
		c := *n
		c.Input = inputs[0]
		if c.Count, err = f.one(n.Count); err != nil {
			return nil, err
		}
		c.Offset, err = f.one(n.Offset)
		return &c, err
	default:
		return copyWide(node, inputs, f)
	}
}

func copyWide(node plan.Node, inputs []plan.Node, f exprMap) (plan.Node, error) {
	var err error
	switch n := node.(type) {
	case *plan.Distinct:
		c := *n
		c.Input = inputs[0]
		c.On, err = f.all(n.On)
		return &c, err
	case *plan.LockRows:
		c := *n
		c.Input = inputs[0]
		c.Tables = append([]plan.LockedTable{}, n.Tables...)
		for i := range c.Tables {
			if c.Tables[i].Key, err = f.all(n.Tables[i].Key); err != nil {
				return nil, err
			}
		}
		return &c, nil
	case *plan.Join:
		c := *n
		c.Left, c.Right = inputs[0], inputs[1]
		if c.LeftKeys, err = f.all(n.LeftKeys); err != nil {
			return nil, err
		}
		if c.RightKeys, err = f.all(n.RightKeys); err != nil {
			return nil, err
		}
		if c.On, err = f.one(n.On); err != nil {
			return nil, err
		}
		c.AsOf, err = f.asOf(n.AsOf, f)
		return &c, err
	case *plan.SetOperation:
		c := *n
		c.Left, c.Right = inputs[0], inputs[1]
		return &c, nil
	case *plan.Recursive:
		c := *n
		c.First, c.Step = inputs[0], inputs[1]
		return &c, nil
	case *plan.Over:
		return f.over(n, inputs[0])
	case *plan.TopN:
		c := *n
		c.Input = inputs[0]
		c.Order, err = f.sortKeys(n.Order)
		return &c, err
	case *plan.Repeat:
		c := *n
		c.Input = inputs[0]
		c.Times, err = f(n.Times)
		return &c, err
	case *plan.Expand:
		c := *n
		c.Input = inputs[0]
		if c.Calls, err = f.setCalls(n.Calls); err != nil {
			return nil, err
		}
		c.On, err = f.one(n.On)
		return &c, err
	case *plan.Shuffle:
		c := *n
		c.Input = inputs[0]
		return &c, nil
	case *plan.TemporalFilter:
		c := *n
		c.Input = inputs[0]
		c.Conditions, err = f.conditions(n.Conditions)
		return &c, err
	case *plan.Session:
		c := *n
		c.Input = inputs[0]
		return &c, nil
	case *plan.Window:
		c := *n
		c.Input = inputs[0]
		c.Time, err = f(n.Time)
		return &c, err
	case *plan.StreamTime:
		c := *n
		c.Input = inputs[0]
		c.Time, err = f(n.Time)
		return &c, err
	case *plan.SystemScan, *plan.StageInput, *plan.Given, *plan.LastRows:
		return node, nil
	default:
		return nil, fmt.Errorf("plan node %T is not known to the planner", node)
	}
}

// withInputs makes a node anew over other inputs, so that columns and
// properties follow. The inputs have the same number of columns as before.
func withInputs(node plan.Node, inputs []plan.Node) plan.Node {
	switch n := node.(type) {
	case *plan.Filter:
		return newFilter(inputs[0], n.Predicate)
	case *plan.Project:
		return newProject(inputs[0], n.Exprs, columnNames(n))
	case *plan.Aggregate:
		return newAggregate(inputs[0], n.Mode, n.GroupBy, n.Calls, aggregateNames(n))
	case *plan.Sort:
		return newSort(inputs[0], n.Keys)
	case *plan.Limit:
		return newLimit(inputs[0], n.Count, n.Offset)
	case *plan.Distinct:
		return newDistinct(inputs[0], n.On)
	case *plan.LockRows:
		return newLockRows(inputs[0], n.Tables)
	case *plan.Join:
		return joinLike(n, inputs[0], inputs[1], n.LeftKeys, n.RightKeys, n.On)
	case *plan.SetOperation:
		return newSetOperation(n.Op, n.All, inputs[0], inputs[1])
	case *plan.Recursive:
		return newRecursive(n.Number, n.All, inputs[0], inputs[1])
	case *plan.TopN:
		return newTopN(inputs[0], n)
	case *plan.Over:
		return newOver(inputs[0], n)
	case *plan.Repeat:
		return newRepeat(inputs[0], n.Times)
	case *plan.Expand:
		return newExpand(inputs[0], n.Pass, n)
	case *plan.Shuffle:
		return newShuffle(inputs[0], n.Keys, n.Partitions)
	case *plan.Window:
		return newWindow(inputs[0], n)
	case *plan.TemporalFilter:
		return newTemporalFilter(inputs[0], n.Conditions)
	case *plan.Session:
		return newSession(inputs[0], n.Partition)
	case *plan.StreamTime:
		return newStreamTime(inputs[0], n)
	default:
		return node
	}
}

// aggregateNames are the names that newAggregate wants: one per group column
// and one per call.
func aggregateNames(a *plan.Aggregate) []string {
	names := columnNames(a)
	if a.Mode != plan.AggregatePartial {
		return names
	}
	short := append([]string{}, names[:len(a.GroupBy)]...)
	at := len(a.GroupBy)
	for i := range a.Calls {
		name := ""
		states := len(a.Calls[i].Func.StateTypes(exprTypes(a.Calls[i].Args)))
		if states > 0 {
			name = names[at]
		}
		short = append(short, name)
		at += states
	}
	return short
}
