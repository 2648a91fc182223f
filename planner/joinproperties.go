package planner

import (
	"slices"

	"millrace/planner/plan"
	"millrace/sql/expr"
	"millrace/sql/types"
)

// joinProperties are the properties of a join's result, which follow from those
// of its inputs.
//
// Key: where each side has one, a result row is told by both. A side whose key is
// among what it is joined on has at most one row for each row of the other side,
// so the other side's key is enough. A full join is a bag, since the keys of both
// its sides may be NULL.
//
// A left row of an as-of join is there once, if at all, so its key is the result's;
// where it waits for what it meets the result only gains rows.
//
// Window: what looks up rows, or asks whether there are any, leaves the left rows
// in their windows.
//
// WITHIN a time and with a grace period, a row is given when nothing can change it any
// more, so that the result only gains rows.
//
// Placement: rows lie where the rows of both sides met.
func joinProperties(j *plan.Join) plan.Properties {
	if j.Lateral {
		return oneShot
	}
	left, right := j.Left.Props(), j.Right.Props()
	width := len(j.Left.Columns())
	p := plan.Properties{Kind: plan.Bag, Partitions: max(left.Partitions, right.Partitions)}
	appendOnly := left.Kind == plan.AppendOnly && right.Kind == plan.AppendOnly
	switch {
	case j.AsOf != nil && j.AsOf.Waits:
		p.Kind, p.Clock = plan.AppendOnly, everyInstant
	case j.AsOf != nil:
		if left.Kind == plan.Keyed {
			p.Kind, p.Key = plan.Keyed, left.Key
		}
	case j.Within != nil:
		p.Kind, p.Clock = plan.AppendOnly, everyInstant
	case !j.Kind.Wide():
		p.Kind, p.Key, p.Window = left.Kind, left.Key, left.Window
		if j.Lookup {
			p.Clock = left.Clock
		} else if p.Kind == plan.AppendOnly {
			p.Kind = plan.Bag
		}
	case j.Lookup || appendOnly && j.Kind == plan.JoinInner:
		p.Kind = plan.AppendOnly
		if j.Lookup {
			p.Window, p.Clock = left.Window, left.Clock
		}
	case left.Kind == plan.Keyed && right.Kind == plan.Keyed && j.Kind != plan.JoinFull:
		p.Kind, p.Key = plan.Keyed, joinKey(j, left.Key, right.Key, width)
	}
	if !placedTogether(j) {
		return p
	}
	p.Partitions = left.Partitions
	switch j.Kind {
	case plan.JoinRight:
		p.Partitioning = shifted(right.Partitioning, width)
	case plan.JoinFull:
		if len(left.Partitioning) == 0 {
			p.Partitioning = left.Partitioning
		}
	default:
		p.Partitioning = left.Partitioning
	}
	return p
}

// joinKey returns the columns that tell a join's rows apart.
func joinKey(j *plan.Join, left, right []int, width int) []int {
	joinedLeft, joinedRight := joinedColumns(j)
	switch {
	case j.Kind != plan.JoinRight && containsAll(joinedRight, right):
		return nonNil(left)
	case j.Kind != plan.JoinLeft && containsAll(joinedLeft, left):
		return shifted(right, width)
	default:
		return append(append([]int{}, left...), shifted(right, width)...)
	}
}

// joinedColumns are the columns of either side, each numbered in its own row, that
// the join's condition sets equal to something of the other side.
func joinedColumns(j *plan.Join) (left, right []int) {
	width := len(j.Left.Columns())
	for i := range j.LeftKeys {
		if c := columnBelow(j.LeftKeys[i]); c >= 0 {
			left = append(left, c)
		}
		if c := columnBelow(j.RightKeys[i]); c >= 0 {
			right = append(right, c)
		}
	}
	if j.On == nil {
		return left, right
	}
	for _, e := range split(j.On) {
		a, b := -1, -1
		switch e := e.(type) {
		case *expr.Call:
			if e.Func.Name == "=" && len(e.Args) == 2 {
				a, b = columnBelow(e.Args[0]), columnBelow(e.Args[1])
			}
		case *expr.IsDistinct:
			if e.Negated {
				a, b = columnBelow(e.Left), columnBelow(e.Right)
			}
		}
		if a > b {
			a, b = b, a
		}
		if a >= 0 && a < width && b >= width {
			left, right = append(left, a), append(right, b-width)
		}
	}
	return left, right
}

// columnBelow returns the number of the column that an expression is, or of which
// it is the bigint, or the struct of a hash key; -1 for any other. None makes
// different values equal.
func columnBelow(e expr.Expr) int {
	if s, ok := e.(*expr.StructConstructor); ok && len(s.Fields) == 1 {
		e = s.Fields[0]
	}
	if cast, ok := e.(*expr.Cast); ok && cast.ResultType.Kind == types.KindInt8 && intWidth(cast.Arg.Type()) > 0 {
		e = cast.Arg
	}
	if c, ok := e.(*expr.Column); ok {
		return c.Index
	}
	return -1
}

func containsAll(list, wanted []int) bool {
	return !slices.ContainsFunc(wanted, func(n int) bool { return !slices.Contains(list, n) })
}

func shifted(list []int, by int) []int {
	if list == nil {
		return nil
	}
	out := make([]int, len(list))
	for i, n := range list {
		out[i] = n + by
	}
	return out
}

// placedTogether reports whether the rows that a join may match are on one shard
// already: both sides are placed by columns that the join's keys set equal, in the
// same order.
func placedTogether(j *plan.Join) bool {
	left, right := j.Left.Props(), j.Right.Props()
	if left.Partitions != right.Partitions || left.Partitioning == nil || right.Partitioning == nil ||
		len(left.Partitioning) != len(right.Partitioning) {
		return false
	}
	for i := range left.Partitioning {
		if joinPair(j, left.Partitioning[i], right.Partitioning[i]) < 0 {
			return false
		}
	}
	return true
}

// joinPair returns the number of the key that sets a column of the left side equal
// to one of the right; -1 where there is none.
func joinPair(j *plan.Join, left, right int) int {
	for k := range j.LeftKeys {
		if columnBelow(j.LeftKeys[k]) == left && columnBelow(j.RightKeys[k]) == right {
			return k
		}
	}
	return -1
}
