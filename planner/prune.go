package planner

import (
	"millrace/planner/plan"
	"millrace/sql/expr"
)

// pruneColumns removes columns that nothing reads. The root keeps all of its.
func pruneColumns(r *ruleContext, root plan.Node) (plan.Node, error) {
	needed := newColumnSet(len(root.Columns()))
	for i := range needed {
		needed[i] = true
	}
	pruned, at, err := r.prune(root, needed)
	if err != nil {
		return nil, err
	}
	return keepColumns(pruned, at, needed, columnNames(root)), nil
}

// columnSet says which columns of a node are needed.
type columnSet []bool

func newColumnSet(n int) columnSet { return make(columnSet, n) }

// keepColumns projects a pruned node to the needed columns in their order, where
// it has more.
func keepColumns(node plan.Node, at []int, needed columnSet, names []string) plan.Node {
	var keep []int
	exact := true
	for i := range needed {
		if needed[i] {
			exact = exact && at[i] == len(keep)
			keep = append(keep, at[i])
		}
	}
	if exact && len(keep) == len(node.Columns()) {
		return node
	}
	return passColumns(node, keep)
}

// prune returns a node that has at least the needed columns, and where each
// column of the old one is in it; -1 for those that are gone.
func (r *ruleContext) prune(node plan.Node, needed columnSet) (plan.Node, []int, error) {
	switch n := node.(type) {
	case *plan.Scan:
		fetch, at := chosen(n.Fetch, needed)
		scan := newScan(n.Relation, fetch)
		scan.Start = n.Start
		if n.Changes {
			scan = newChangesScan(n.Relation, fetch)
		}
		scan.KeyEquals, scan.Access = n.KeyEquals, n.Access
		return scan, at, nil
	case *plan.SystemScan:
		fetch, at := chosen(n.Fetch, needed)
		scan := *n
		scan.Fetch = fetch
		scan.Cols, _ = chosen(n.Cols, needed)
		return &scan, at, nil
	case *plan.Values:
		return pruneValues(n, needed)
	case *plan.Project:
		return r.pruneProject(n, needed)
	case *plan.Aggregate:
		return r.pruneAggregate(n, needed)
	case *plan.Join:
		return r.pruneJoin(n, needed)
	case *plan.Shuffle:
		return r.pruneShuffle(n, needed)
	case *plan.Window:
		return r.pruneWindow(n, needed)
	case *plan.StreamTime:
		return r.pruneStreamTime(n, needed)
	case *plan.Session:
		return r.pruneSession(n, needed)
	case *plan.Filter, *plan.TemporalFilter, *plan.Sort, *plan.Limit, *plan.Distinct, *plan.LockRows:
		return r.prunePassing(node, needed)
	case *plan.SetOperation:
		return r.pruneSetOperation(n)
	case *plan.Recursive:
		return r.pruneRecursive(n)
	case *plan.Over:
		return r.pruneOver(n, needed)
	case *plan.TopN:
		input, err := pruneColumns(r, n.Input)
		return newTopN(input, n), upTo(len(n.Cols)), err
	case *plan.Expand:
		return r.pruneExpand(n, needed)
	case *plan.Repeat:
		input, err := pruneColumns(r, n.Input)
		return newRepeat(input, n.Times), upTo(len(n.Cols)), err
	default:
		return node, upTo(len(node.Columns())), nil
	}
}

// chosen returns the needed elements of a list and where each element went.
func chosen[T any](list []T, needed columnSet) ([]T, []int) {
	kept := make([]T, 0, len(list))
	at := make([]int, len(list))
	for i := range list {
		at[i] = -1
		if needed[i] {
			at[i] = len(kept)
			kept = append(kept, list[i])
		}
	}
	return kept, at
}

func pruneValues(v *plan.Values, needed columnSet) (plan.Node, []int, error) {
	columns, at := chosen(v.Cols, needed)
	rows := make([][]expr.Expr, len(v.Rows))
	for i, row := range v.Rows {
		rows[i], _ = chosen(row, needed)
	}
	return newValues(rows, columns), at, nil
}

// moved is the rewrite of expressions over a pruned input.
func (r *ruleContext) moved(at []int) exprMap {
	return func(e expr.Expr) (expr.Expr, error) {
		return r.moveColumns(e, func(index int) (int, error) { return at[index], nil })
	}
}

// need adds the columns that expressions read.
func (r *ruleContext) need(needed columnSet, list []expr.Expr) {
	for _, e := range list {
		r.columnsOf(e, func(index int) { needed[index] = true })
	}
}

// pruneProject keeps volatile expressions, read or not: they may be called for what they
// do, as nextval and pg_advisory_lock.
func (r *ruleContext) pruneProject(p *plan.Project, needed columnSet) (plan.Node, []int, error) {
	for i, e := range p.Exprs {
		needed[i] = needed[i] || isVolatile(e)
	}
	exprs, at := chosen(p.Exprs, needed)
	names, _ := chosen(columnNames(p), needed)
	below := newColumnSet(len(p.Input.Columns()))
	r.need(below, exprs)
	input, inputAt, err := r.prune(p.Input, below)
	if err != nil {
		return nil, nil, err
	}
	if exprs, err = r.moved(inputAt).all(exprs); err != nil {
		return nil, nil, err
	}
	return newProject(input, exprs, names), at, nil
}

// pruneAggregate keeps all group columns, since they make the groups, and drops
// calls.
func (r *ruleContext) pruneAggregate(a *plan.Aggregate, needed columnSet) (plan.Node, []int, error) {
	groups := len(a.GroupBy)
	if a.Mode != plan.AggregateComplete {
		return r.pruneHalf(a)
	}
	for i := range groups {
		needed[i] = true
	}
	calls, _ := chosen(a.Calls, needed[groups:])
	names, at := chosen(aggregateNames(a), needed)
	below := newColumnSet(len(a.Input.Columns()))
	r.need(below, a.GroupBy)
	for i := range calls {
		r.need(below, callExprs(&calls[i]))
	}
	input, inputAt, err := r.prune(a.Input, below)
	if err != nil {
		return nil, nil, err
	}
	groupBy, err := r.moved(inputAt).all(a.GroupBy)
	if err != nil {
		return nil, nil, err
	}
	if calls, err = r.moved(inputAt).calls(calls); err != nil {
		return nil, nil, err
	}
	return newAggregate(input, a.Mode, groupBy, calls, names), at, nil
}

// pruneHalf prunes below a partial or final aggregation, which must agree about
// their calls.
func (r *ruleContext) pruneHalf(a *plan.Aggregate) (plan.Node, []int, error) {
	below := newColumnSet(len(a.Input.Columns()))
	if a.Mode == plan.AggregateFinal {
		for i := range below {
			below[i] = true
		}
	} else {
		r.need(below, nodeExprs(a))
	}
	input, inputAt, err := r.prune(a.Input, below)
	if err != nil {
		return nil, nil, err
	}
	pruned := *a
	pruned.Input = input
	if a.Mode == plan.AggregatePartial {
		if pruned.GroupBy, err = r.moved(inputAt).all(a.GroupBy); err != nil {
			return nil, nil, err
		}
		if pruned.Calls, err = r.moved(inputAt).calls(a.Calls); err != nil {
			return nil, nil, err
		}
	}
	return &pruned, upTo(len(a.Cols)), nil
}

func (r *ruleContext) pruneJoin(j *plan.Join, needed columnSet) (plan.Node, []int, error) {
	width := len(j.Left.Columns())
	all := newColumnSet(width + len(j.Right.Columns()))
	if j.Kind.Wide() {
		copy(all, needed)
	} else {
		copy(all[:width], needed)
	}
	r.need(all, present(j.On))
	r.need(all[:width], j.LeftKeys)
	r.need(all[width:], j.RightKeys)
	if j.AsOf != nil {
		r.need(all[:width], []expr.Expr{j.AsOf.Left})
		r.need(all[width:], j.AsOf.RightExprs())
	}
	if j.Lateral {
		r.outerColumns(j.Right, 1, func(index int) { all[index] = true })
	}
	if w := j.Within; w != nil {
		all[w.Times[0]], all[width+w.Times[1]] = true, true
	}
	left, leftAt, err := r.prune(j.Left, all[:width])
	if err != nil {
		return nil, nil, err
	}
	right, rightAt, err := r.prune(j.Right, all[width:])
	if err != nil {
		return nil, nil, err
	}
	if j.Lateral {
		right, err = r.moveOuter(right, 1, func(level, index int) (int, int, error) {
			if level == 1 {
				index = leftAt[index]
			}
			return level, index, nil
		})
		if err != nil {
			return nil, nil, err
		}
	}
	at := append([]int{}, leftAt...)
	for _, i := range rightAt {
		if i >= 0 {
			i += len(left.Columns())
		}
		at = append(at, i)
	}
	on, err := r.moved(at).one(j.On)
	if err != nil {
		return nil, nil, err
	}
	leftKeys, err := r.moved(leftAt).all(j.LeftKeys)
	if err != nil {
		return nil, nil, err
	}
	rightKeys, err := r.moved(rightAt).all(j.RightKeys)
	if err != nil {
		return nil, nil, err
	}
	if j.Kind == plan.JoinMark {
		at = append(at[:width], len(left.Columns()))
	}
	model := *j
	if model.AsOf, err = r.moved(leftAt).asOf(j.AsOf, r.moved(rightAt)); err != nil {
		return nil, nil, err
	}
	model.Within = moveTimes(j.Within, leftAt, rightAt)
	return joinLike(&model, left, right, leftKeys, rightKeys, on), at[:len(j.Cols)], nil
}

// pruneShuffle moves nothing that is not read behind it.
func (r *ruleContext) pruneShuffle(s *plan.Shuffle, needed columnSet) (plan.Node, []int, error) {
	for _, key := range s.Keys {
		needed[key] = true
	}
	input, inputAt, err := r.prune(s.Input, needed)
	if err != nil {
		return nil, nil, err
	}
	kept := keepColumns(input, inputAt, needed, nil)
	if kept != input {
		_, inputAt = chosen(s.Cols, needed)
	}
	keys := make([]int, len(s.Keys))
	for i, key := range s.Keys {
		keys[i] = inputAt[key]
	}
	return newShuffle(kept, keys, s.Partitions), inputAt, nil
}

// prunePassing prunes below a node that passes its input's columns on.
func (r *ruleContext) prunePassing(node plan.Node, needed columnSet) (plan.Node, []int, error) {
	below := append(columnSet{}, needed...)
	if d, ok := node.(*plan.Distinct); ok && len(d.On) == 0 {
		for i := range below {
			below[i] = true
		}
	}
	if _, isLimit := node.(*plan.Limit); !isLimit {
		r.need(below, nodeExprs(node))
	}
	input, at, err := r.prune(node.Inputs()[0], below)
	if err != nil {
		return nil, nil, err
	}
	if d, ok := node.(*plan.Distinct); ok && len(d.On) == 0 {
		input = keepColumns(input, at, below, nil)
		return newDistinct(input, nil), upTo(len(below)), nil
	}
	move := r.moved(at)
	if _, isLimit := node.(*plan.Limit); isLimit {
		move = func(e expr.Expr) (expr.Expr, error) { return e, nil }
	}
	copied, err := copyNode(node, []plan.Node{input}, move)
	if err != nil {
		return nil, nil, err
	}
	return withInputs(copied, []plan.Node{input}), at, nil
}

// pruneSetOperation needs all columns: they make rows equal.
func (r *ruleContext) pruneSetOperation(s *plan.SetOperation) (plan.Node, []int, error) {
	left, err := pruneColumns(r, s.Left)
	if err != nil {
		return nil, nil, err
	}
	right, err := pruneColumns(r, s.Right)
	if err != nil {
		return nil, nil, err
	}
	return newSetOperation(s.Op, s.All, left, right), upTo(len(s.Cols)), nil
}

// pruneRecursive needs all columns: they make rows equal, and the step may read them.
func (r *ruleContext) pruneRecursive(n *plan.Recursive) (plan.Node, []int, error) {
	first, err := pruneColumns(r, n.First)
	if err != nil {
		return nil, nil, err
	}
	step, err := pruneColumns(r, n.Step)
	if err != nil {
		return nil, nil, err
	}
	return newRecursive(n.Number, n.All, first, step), upTo(len(n.Cols)), nil
}
