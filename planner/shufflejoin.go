package planner

import (
	"millrace/planner/plan"
	"millrace/sql/expr"
)

// shuffleJoin moves the rows of one or both sides of a join, so that those which
// may match meet. A side that is placed by some of its join keys stays, the right
// one before the left: a stream's rows go to the table that they are joined with.
// Without keys all rows meet on one shard.
func (r *ruleContext) shuffleJoin(j *plan.Join) plan.Node {
	width, rightWidth := len(j.Left.Columns()), len(j.Right.Columns())
	left, leftKeys := withKeyColumns(j.Left, j.LeftKeys)
	right, rightKeys := withKeyColumns(j.Right, j.RightKeys)
	move := func(side plan.Node, keys []int, partitions int) plan.Node {
		if j.Properties.Kind == plan.Keyed {
			return moveKeyed(side, keys, partitions)
		}
		return newShuffle(side, keys, partitions)
	}
	if by := keysPlacing(right, rightKeys); by != nil {
		left = move(left, columnsOfKeys(leftKeys, by), right.Props().Partitions)
	} else if by := keysPlacing(left, leftKeys); by != nil {
		right = move(right, columnsOfKeys(rightKeys, by), left.Props().Partitions)
	} else {
		all := upTo(len(leftKeys))
		left = move(left, columnsOfKeys(leftKeys, all), r.partitions)
		right = move(right, columnsOfKeys(rightKeys, all), r.partitions)
	}
	newWidth := len(left.Columns())
	on := r.shiftFrom(j.On, width, newWidth-width)
	joined := joinLike(j, left, right, leftKeys, rightKeys, on)
	if newWidth == width && len(right.Columns()) == rightWidth {
		return joined
	}
	keep := upTo(width)
	switch {
	case j.Kind.Wide():
		keep = append(keep, shifted(upTo(rightWidth), newWidth)...)
	case j.Kind == plan.JoinMark:
		keep = append(keep, newWidth)
	}
	return passColumns(joined, keep)
}

// withKeyColumns adds to a node the join keys that are not columns of it, and
// returns the keys as columns.
func withKeyColumns(node plan.Node, keys []expr.Expr) (plan.Node, []expr.Expr) {
	exprs, names := passOn(node)
	width := len(exprs)
	columns := make([]expr.Expr, len(keys))
	for i, e := range keys {
		if columnBelow(e) >= 0 {
			columns[i] = e
			continue
		}
		columns[i] = &expr.Column{Node: expr.Node{ResultType: e.Type(), Position: e.Pos()}, Index: len(exprs), Name: "key" + decimal(i+1)}
		exprs, names = append(exprs, e), append(names, "key"+decimal(i+1))
	}
	if len(exprs) == width {
		return node, columns
	}
	return newProject(node, exprs, names), columns
}

// keysPlacing returns the numbers of the keys by whose columns a node's rows are
// placed, nil when they are not.
func keysPlacing(node plan.Node, keys []expr.Expr) []int {
	placed := node.Props().Partitioning
	if placed == nil {
		return nil
	}
	by := make([]int, len(placed))
	for i, column := range placed {
		by[i] = -1
		for k, e := range keys {
			if columnBelow(e) == column {
				by[i] = k
			}
		}
		if by[i] < 0 {
			return nil
		}
	}
	return by
}

// columnsOfKeys are the columns of the numbered keys. Those of a bigint made of a
// smaller integer are the integer's: both have one hash.
func columnsOfKeys(keys []expr.Expr, numbers []int) []int {
	columns := make([]int, len(numbers))
	for i, k := range numbers {
		columns[i] = columnBelow(keys[k])
	}
	return columns
}

// shiftFrom moves the columns of an expression from number first on.
func (b *binder) shiftFrom(e expr.Expr, first, by int) expr.Expr {
	if e == nil || by == 0 {
		return e
	}
	// Moving columns cannot fail.
	moved, _ := b.moveColumns(e, func(index int) (int, error) {
		if index >= first {
			index += by
		}
		return index, nil
	})
	return moved
}
