package pull

import (
	"context"
	"io"
	"slices"

	"millrace/exec/operator"
	"millrace/planner/plan"
	"millrace/sql/expr"
	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// lateral joins each left row with the rows that the right side gives for it.
type lateral struct {
	scope     *scope
	kind      plan.JoinKind
	left      node
	right     node
	inner     *scope // the right side's
	condition *expr.Program
	outer     [][]types.Datum

	in       *types.Batch // the left batch in progress, nil before the first
	row      int
	open     bool // right runs for row
	joined   bool // row met a right row
	leftRows []int32

	rowsOf types.Batch // candidates, then chosen rows, of one right batch
	chosen types.Batch
	failed error

	selection []int32
}

func (e *execution) buildLateral(n *plan.Join, s *scope, left node) (node, error) {
	if n.Kind == plan.JoinRight || n.Kind == plan.JoinFull {
		return nil, sqlerr.New(sqlerr.InvalidColumnReference, -1,
			"the combining JOIN type must be INNER or LEFT for a LATERAL reference")
	}
	inner := e.newScope(s.subqueries, true)
	right, err := e.build(n.Right, inner)
	if err != nil {
		return nil, err
	}
	l := &lateral{scope: s, kind: n.Kind, left: left, right: right, inner: inner}
	l.rowsOf = newBatch(append(slices.Clip(n.Left.Columns()), n.Right.Columns()...))
	condition, err := lateralCondition(n)
	if err != nil || condition == nil {
		return l, err
	}
	l.condition, err = expr.Compile(condition)
	return l, err
}

// lateralCondition returns the whole condition of a join over the columns of
// both sides, or nil for none.
func lateralCondition(n *plan.Join) (expr.Expr, error) {
	var parts []expr.Expr
	width := len(n.Left.Columns())
	for i, key := range n.LeftKeys {
		right, err := shiftColumns(n.RightKeys[i], width)
		if err != nil {
			return nil, err
		}
		equal, err := equality(key, right)
		if err != nil {
			return nil, err
		}
		parts = append(parts, equal)
	}
	if n.On != nil {
		parts = append(parts, n.On)
	}
	switch len(parts) {
	case 0:
		return nil, nil
	case 1:
		return parts[0], nil
	}
	return &expr.And{Node: expr.Node{ResultType: types.Bool, Position: -1}, Args: parts}, nil
}

// shiftColumns returns e for a batch that has width more columns in front.
func shiftColumns(e expr.Expr, width int) (expr.Expr, error) {
	return expr.Rewrite(e, func(e expr.Expr) (expr.Expr, error) {
		column, ok := e.(*expr.Column)
		if !ok {
			return e, nil
		}
		shifted := *column
		shifted.Index += width
		return &shifted, nil
	})
}

// equality returns left = right.
func equality(left, right expr.Expr) (expr.Expr, error) {
	overload, args, err := expr.ResolveOperator("=", left.Type(), right.Type(), left.Pos())
	if err != nil {
		return nil, err
	}
	if left, err = expr.Coerce(left, args[0], expr.Implicit); err != nil {
		return nil, err
	}
	if right, err = expr.Coerce(right, args[1], expr.Implicit); err != nil {
		return nil, err
	}
	return &expr.Call{
		Node: expr.Node{ResultType: types.Bool, Position: left.Pos()},
		Func: overload,
		Args: []expr.Expr{left, right},
	}, nil
}

func (l *lateral) next(ctx context.Context) (*types.Batch, error) {
	for l.failed == nil {
		if err := ended(ctx); err != nil {
			return nil, err
		}
		if l.in == nil || l.row == l.in.Len {
			in, err := l.left.next(ctx)
			if err != nil {
				return nil, err
			}
			l.in, l.row = in, 0
		}
		if !l.open {
			l.start()
		}
		out, err := l.step(ctx)
		if err != nil {
			return nil, err
		}
		if out != nil && out.Len > 0 {
			return out, nil
		}
	}
	return nil, l.failed
}

// start begins the right side for the left row in progress.
func (l *lateral) start() {
	row := l.in.Row(l.row, nil)
	l.outer = append(append(l.outer[:0], row), l.scope.env.OuterRows...)
	l.inner.env.OuterRows = l.outer
	l.right.rewind()
	l.open, l.joined = true, false
}

// step joins the left row with the next right batch, or ends the row.
func (l *lateral) step(ctx context.Context) (*types.Batch, error) {
	right, err := l.right.next(ctx)
	if err == io.EOF {
		return l.endRow(), nil
	}
	if err != nil {
		return nil, err
	}
	l.fill(right, right.Len)
	out := &l.rowsOf
	if l.condition != nil {
		out = l.check(out)
	}
	if out.Len == 0 {
		return nil, nil
	}
	l.joined = true
	switch l.kind {
	case plan.JoinSemi, plan.JoinAnti:
		return l.endRow(), nil
	default:
		return out, nil
	}
}

// fill makes rowsOf the left row beside each of n right rows, or beside NULLs
// for a nil batch.
func (l *lateral) fill(right *types.Batch, n int) {
	l.leftRows = l.leftRows[:0]
	for range n {
		l.leftRows = append(l.leftRows, int32(l.row))
	}
	width := len(l.in.Columns)
	fillColumns(l.rowsOf.Columns[:width], l.in, l.leftRows, n)
	l.selection = sequence(l.selection, 0, n)
	fillColumns(l.rowsOf.Columns[width:], right, l.selection, n)
	l.rowsOf.Len = n
}

// check keeps the candidates that satisfy the condition.
func (l *lateral) check(candidates *types.Batch) *types.Batch {
	env := &l.scope.env
	env.ResetErrors()
	l.selection = l.condition.EvalPredicate(env, candidates, nil, l.selection[:0])
	if row, err := firstFailure(env); err != nil {
		l.failed = err
		l.selection = below(l.selection, row)
	}
	operator.SelectInto(&l.chosen, candidates, l.selection)
	return &l.chosen
}

// endRow goes on to the next left row, and returns the one that ends where the
// kind of join gives it for having, or not having, met a right row.
func (l *lateral) endRow() *types.Batch {
	row := l.row
	l.open = false
	defer func() { l.row++ }()
	switch {
	case l.kind == plan.JoinLeft && !l.joined:
		l.fill(nil, 1)
		return &l.rowsOf
	case l.kind == plan.JoinSemi && l.joined, l.kind == plan.JoinAnti && !l.joined:
		l.selection = append(l.selection[:0], int32(row))
		operator.SelectInto(&l.chosen, l.in, l.selection)
		return &l.chosen
	default:
		return nil
	}
}

func (l *lateral) rewind() {
	l.in, l.open, l.failed = nil, false, nil
	l.left.rewind()
}

func (l *lateral) close() {
	l.left.close()
	l.right.close()
}
