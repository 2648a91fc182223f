package expr

import (
	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// SingleRow is true where its argument, the number of rows of a subquery that stands
// for one value, is NULL or at most 1, and fails with 21000 where it is more. The
// planner calls it; it has no name in SQL.
var SingleRow = &Overload{
	Name: "single row", Args: []types.Type{types.Int8}, Result: types.Bool, Volatility: Immutable, Eval: evalSingleRow,
}

func evalSingleRow(ctx *Context, args []*types.Vector, selection []int32, out *types.Vector) {
	for _, i := range selection {
		if !args[0].IsNull(int(i)) && args[0].Ints[i] > 1 {
			ctx.Fail(i, moreThanOneRow())
			out.Set(int(i), types.Null)
			continue
		}
		out.Set(int(i), types.BoolDatum(true))
	}
}

func moreThanOneRow() error {
	return sqlerr.New(sqlerr.CardinalityViolation, -1, "more than one row returned by a subquery used as an expression")
}
