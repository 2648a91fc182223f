package pull

import (
	"context"
	"io"
	"math"

	"millrace/exec/operator"
	"millrace/planner/plan"
	"millrace/sql/expr"
	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// limit passes a number of rows after skipping some.
type limit struct {
	scope     *scope
	plan      *plan.Limit
	input     node
	started   bool
	skip      int64
	remaining int64
	selection []int32
	out       types.Batch
}

func newLimit(s *scope, n *plan.Limit, input node) node {
	return &limit{scope: s, plan: n, input: input}
}

// limitBound returns how many rows a Limit reads at most, where that is known
// before it runs.
func limitBound(s *scope, n *plan.Limit) int64 {
	count, ok := knownCount(s, n.Count, noBound)
	if !ok || count == noBound {
		return noBound
	}
	offset, ok := knownCount(s, n.Offset, 0)
	if !ok || offset > math.MaxInt64-count {
		return noBound
	}
	return count + offset
}

// knownCount returns the value of a constant or a parameter that is not
// negative, and missing for none or NULL.
func knownCount(s *scope, e expr.Expr, missing int64) (int64, bool) {
	switch e.(type) {
	case nil:
		return missing, true
	case *expr.Const, *expr.Param:
		d, err := s.datum(e)
		if !d.Valid {
			return missing, err == nil
		}
		return d.Int, d.Int >= 0
	}
	return 0, false
}

func (l *limit) next(ctx context.Context) (*types.Batch, error) {
	if !l.started {
		if err := l.start(); err != nil {
			return nil, err
		}
	}
	for l.remaining > 0 {
		in, err := l.input.next(ctx)
		if err != nil {
			return nil, err
		}
		from := min(l.skip, int64(in.Len))
		l.skip -= from
		n := min(int64(in.Len)-from, l.remaining)
		l.remaining -= n
		if n > 0 {
			return l.cut(in, int(from), int(from+n)), nil
		}
	}
	return nil, io.EOF
}

func (l *limit) cut(in *types.Batch, from, to int) *types.Batch {
	if from == 0 && to == in.Len {
		return in
	}
	if from == 0 {
		head(&l.out, in, to)
		return &l.out
	}
	l.selection = sequence(l.selection, from, to)
	l.out = types.Batch{}
	operator.SelectInto(&l.out, in, l.selection)
	return &l.out
}

// start evaluates the two counts.
func (l *limit) start() error {
	skip, err := l.count(l.plan.Offset, 0, sqlerr.InvalidRowCountInResultOffset, "OFFSET")
	if err != nil {
		return err
	}
	remaining, err := l.count(l.plan.Count, math.MaxInt64, sqlerr.InvalidRowCountInLimitClause, "LIMIT")
	if err != nil {
		return err
	}
	l.skip, l.remaining, l.started = skip, remaining, true
	return nil
}

func (l *limit) count(e expr.Expr, missing int64, code sqlerr.Code, clause string) (int64, error) {
	if e == nil {
		return missing, nil
	}
	d, err := l.scope.datum(e)
	switch {
	case err != nil:
		return 0, err
	case !d.Valid:
		return missing, nil
	case d.Int < 0:
		return 0, sqlerr.New(code, -1, "%s must not be negative", clause)
	}
	return d.Int, nil
}

func (l *limit) rewind() {
	l.started = false
	l.input.rewind()
}

func (l *limit) close() { l.input.close() }
