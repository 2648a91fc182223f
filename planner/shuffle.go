package planner

import (
	"slices"

	"millrace/planner/plan"
	"millrace/sql/expr"
)

// shuffleRows makes the rows of each group, and those that a join may match, meet
// on one shard.
func shuffleRows(r *ruleContext, root plan.Node) (plan.Node, error) {
	if r.mode != modeContinuous {
		return root, nil
	}
	return rewriteNodes(root, func(node plan.Node) (plan.Node, error) {
		if j, ok := node.(*plan.Join); ok && !placedTogether(j) {
			return r.shuffleJoin(j), nil
		}
		if s, ok := node.(*plan.Session); ok {
			return r.shuffleSessions(s), nil
		}
		if n, ok := node.(*plan.Over); ok {
			return r.shuffleOver(n), nil
		}
		if n, ok := node.(*plan.TopN); ok {
			return r.shuffleTopN(n), nil
		}
		a, ok := node.(*plan.Aggregate)
		if !ok || a.Mode != plan.AggregateComplete || r.groupsMeet(a) {
			return node, nil
		}
		if combinesBefore(a) {
			return r.twoSteps(a), nil
		}
		return r.oneStep(a), nil
	})
}

// shuffleTopN makes the rows of each part meet on one shard. Each shard moves the
// first of its own rows alone.
func (r *ruleContext) shuffleTopN(n *plan.TopN) plan.Node {
	from := n.Input.Props()
	if from.Partitions == 1 || from.Partitioning != nil && containsAll(n.PartitionBy, from.Partitioning) {
		return n
	}
	local := *n
	local.Local, local.Count, local.Offset = true, n.Count+n.Offset, 0
	return newTopN(moveKeyed(newTopN(n.Input, &local), n.PartitionBy, r.partitions), n)
}

// groupsMeet reports whether equal groups are on one shard already: the rows
// are placed by a part of the group's columns, or all on one shard. The one
// group of an aggregation without GROUP BY exists without rows too, so it must
// be on the very shard that owns the empty key.
func (r *ruleContext) groupsMeet(a *plan.Aggregate) bool {
	if len(a.GroupBy) == 0 {
		return a.Properties.Partitioning != nil && a.Properties.Partitions == r.spread(a)
	}
	return a.Properties.Partitioning != nil || a.Input.Props().Partitions == 1
}

// spread is the number of shards that an aggregation's groups are spread over.
func (r *ruleContext) spread(a *plan.Aggregate) int {
	if len(a.GroupBy) == 0 {
		return r.env.Catalog.Shards()
	}
	return r.partitions
}

// combinesBefore reports whether the rows can be aggregated on their shards
// before they move. Where the input deletes rows they are not: a group's state
// is then more than what its calls have (how many rows it is of).
func combinesBefore(a *plan.Aggregate) bool {
	if a.InputRetracts {
		return false
	}
	return !slices.ContainsFunc(a.Calls, func(c plan.AggregateCall) bool {
		return !c.Func.Combines || c.Distinct || len(c.OrderBy) > 0
	})
}

func (r *ruleContext) twoSteps(a *plan.Aggregate) plan.Node {
	names := aggregateNames(a)
	partial := newAggregate(a.Input, plan.AggregatePartial, a.GroupBy, a.Calls, names)
	shuffle := newShuffle(partial, upTo(len(a.GroupBy)), r.spread(a))
	return newAggregate(shuffle, plan.AggregateFinal, firstColumns(partial, len(a.GroupBy)), a.Calls, names)
}

// oneStep computes what the aggregation reads, moves that and aggregates it.
func (r *ruleContext) oneStep(a *plan.Aggregate) plan.Node {
	exprs := append([]expr.Expr{}, a.GroupBy...)
	names := append([]string{}, aggregateNames(a)[:len(a.GroupBy)]...)
	move := func(e expr.Expr) (expr.Expr, error) {
		if _, ok := e.(*expr.Const); ok {
			return e, nil
		}
		at := slices.IndexFunc(exprs, func(other expr.Expr) bool { return equalExprs(e, other) })
		if at < 0 {
			at = len(exprs)
			exprs = append(exprs, e)
			name := "arg" + decimal(at+1-len(a.GroupBy))
			if c, ok := e.(*expr.Column); ok {
				name = c.Name
			}
			names = append(names, name)
		}
		return &expr.Column{Node: expr.Node{ResultType: e.Type(), Position: e.Pos()}, Index: at, Name: names[at]}, nil
	}
	// Moving an expression cannot fail.
	calls, _ := exprMap(move).calls(a.Calls)
	project := newProject(a.Input, exprs, names)
	shuffle := newShuffle(project, upTo(len(a.GroupBy)), r.spread(a))
	return newAggregate(shuffle, plan.AggregateComplete, firstColumns(project, len(a.GroupBy)), calls, aggregateNames(a))
}

func upTo(n int) []int {
	list := make([]int, n)
	for i := range list {
		list[i] = i
	}
	return list
}

func firstColumns(node plan.Node, n int) []expr.Expr {
	list := make([]expr.Expr, n)
	for i := range list {
		list[i] = columnOf(node.Columns()[i], i)
	}
	return list
}
