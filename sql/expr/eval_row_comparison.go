package expr

import "millrace/sql/types"

// rowComparison is (a, b) op ANY or ALL of a subquery's rows.
type rowComparison struct {
	fields []operand
	on     *Program
	all    bool
	// types are those of the columns that on reads.
	types []types.Type

	left    []*types.Vector
	context Context
}

func compileRowComparison(e *Subquery) (*rowComparison, error) {
	fields, err := compileOperands(e.Fields)
	if err != nil {
		return nil, err
	}
	c := &rowComparison{fields: fields, all: e.Kind == SubqueryAll, types: make([]types.Type, 2*len(fields))}
	Walk(e.On, func(e Expr) bool {
		if column, ok := e.(*Column); ok {
			c.types[column.Index] = column.ResultType
		}
		return true
	})
	c.on, err = Compile(e.On)
	return c, err
}

// start computes the fields of the rows of a batch.
func (c *rowComparison) start(ctx *Context, in *types.Batch, selection []int32) {
	c.left = c.left[:0]
	for i := range c.fields {
		c.left = append(c.left, c.fields[i].values(ctx, in, selection))
	}
	c.context.Now, c.context.Format, c.context.Params, c.context.Session = ctx.Now, ctx.Format, ctx.Params, ctx.Session
}

// row compares row i with a subquery's rows.
func (c *rowComparison) row(ctx *Context, i int, rows [][]types.Datum) (types.Datum, error) {
	if len(rows) == 0 || ctx.Failed(int32(i)) {
		return types.BoolDatum(c.all), nil
	}
	// The fields of the row, again for each row of the subquery, and these rows.
	both := types.NewBatch(c.types)
	for _, row := range rows {
		for k, v := range c.left {
			both.Columns[k].AppendFrom(v, i)
			both.Columns[len(c.left)+k].Append(row[k])
		}
	}
	both.Len = len(rows)
	c.context.ResetErrors()
	truth := c.on.EvalRef(&c.context, both, nil)
	if len(c.context.Errors) > 0 {
		return types.Null, c.context.Errors[0].Err
	}
	result := types.BoolDatum(c.all)
	for n := range rows {
		switch d := truth.Datum(n); {
		case !d.Valid:
			result = types.Null
		case (d.Int != 0) != c.all:
			return types.BoolDatum(!c.all), nil
		}
	}
	return result, nil
}
