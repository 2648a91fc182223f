package expr

import (
	"slices"

	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// subqueryEval runs a subquery for each row; the row becomes the innermost of
// the enclosing rows.
type subqueryEval struct {
	number int
	kind   SubqueryKind
	result types.Type
	left   *operand
	anyAll *anyAllEval
	// rows compares rows; nil where values are compared.
	rows  *rowComparison
	outer [][]types.Datum
	row   []types.Datum
}

func compileSubquery(e *Subquery) (evaluator, error) {
	s := &subqueryEval{number: e.Number, kind: e.Kind, result: e.ResultType}
	if e.On != nil {
		var err error
		s.rows, err = compileRowComparison(e)
		return s, err
	}
	if e.Kind == SubqueryAny || e.Kind == SubqueryAll {
		left, err := compileOperand(e.Left)
		if err != nil {
			return nil, err
		}
		s.left = &left
		s.anyAll = &anyAllEval{
			left:   operand{typ: e.Func.Args[0]},
			array:  operand{typ: types.ArrayOf(e.Func.Args[1])},
			kernel: e.Func.kernel(),
			strict: e.Func.Strict,
			all:    e.Kind == SubqueryAll,
		}
		s.anyAll.truth.Type = types.Bool
		if isPolymorphic(e.Func.Args[0]) {
			s.anyAll.left.typ, s.anyAll.array.typ = left.typ, types.ArrayOf(left.typ)
		}
	}
	return s, nil
}

func (s *subqueryEval) evaluate(ctx *Context, in *types.Batch, selection []int32, out *types.Vector) {
	if ctx.Subqueries == nil {
		failAll(ctx, out, selection, sqlerr.New(sqlerr.FeatureNotSupported, -1, "subqueries are not supported here"))
		return
	}
	var left *types.Vector
	if s.left != nil {
		left = s.left.values(ctx, in, selection)
	}
	if s.rows != nil {
		s.rows.start(ctx, in, selection)
	}
	var rows [][]types.Datum
	known := false // rows are those of every row
	for _, i := range selection {
		if !known {
			s.row = in.Row(int(i), s.row[:0])
			s.outer = append(append(s.outer[:0], s.row), ctx.OuterRows...)
			var err error
			if rows, err = ctx.Subqueries(s.number, s.outer); err != nil {
				fail(ctx, out, i, err)
				continue
			}
			known = ctx.Uncorrelated != nil && ctx.Uncorrelated(s.number)
		}
		if s.rows != nil {
			d, err := s.rows.row(ctx, int(i), rows)
			if err != nil {
				fail(ctx, out, i, err)
				continue
			}
			out.Set(int(i), d)
			continue
		}
		var subject types.Datum
		if left != nil {
			subject = left.Datum(int(i))
		}
		d, err := s.value(ctx, subject, rows)
		if err != nil {
			fail(ctx, out, i, err)
			continue
		}
		out.Set(int(i), d)
	}
}

// value makes one value of a subquery's rows.
func (s *subqueryEval) value(ctx *Context, left types.Datum, rows [][]types.Datum) (types.Datum, error) {
	switch s.kind {
	case SubqueryExists:
		return types.BoolDatum(len(rows) > 0), nil
	case SubqueryScalar:
		switch len(rows) {
		case 0:
			return types.Null, nil
		case 1:
			return rows[0][0], nil
		}
		return types.Null, moreThanOneRow()
	}
	if s.kind == SubqueryArray {
		return types.StringDatum(types.EncodeArray(*s.result.Elem, types.NewArray(onlyColumn(rows)))), nil
	}
	return s.compare(ctx, left, rows)
}

// compare compares a value with a subquery's rows, some at a time, until it is known
// what comes out.
func (s *subqueryEval) compare(ctx *Context, left types.Datum, rows [][]types.Datum) (types.Datum, error) {
	result := types.BoolDatum(s.anyAll.all)
	if !left.Valid && s.anyAll.strict && len(rows) > 0 {
		return types.Null, nil
	}
	for step := range slices.Chunk(rows, comparedAtOnce) {
		d, err := s.anyAll.row(ctx, left, onlyColumn(step))
		switch {
		case err != nil:
			return types.Null, err
		case !d.Valid:
			result = types.Null
		case (d.Int != 0) != s.anyAll.all:
			return d, nil
		}
	}
	return result, nil
}

// comparedAtOnce is how many rows of a subquery are compared before looking whether
// more need to be.
const comparedAtOnce = 64

func onlyColumn(rows [][]types.Datum) []types.Datum {
	values := make([]types.Datum, len(rows))
	for n, row := range rows {
		values[n] = row[0]
	}
	return values
}
