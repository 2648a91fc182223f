package expr

import (
	"math"

	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// unixToPostgresMillis is the time between the Unix epoch and PostgreSQL's
// (2000-01-01), in milliseconds.
const unixToPostgresMillis = 946684800000

// rowtimeEval is the rows' event time.
type rowtimeEval struct{}

func (rowtimeEval) evaluate(_ *Context, in *types.Batch, selection []int32, out *types.Vector) {
	if in.Rowtimes == nil {
		setAllNull(out, selection)
		return
	}
	for _, i := range selection {
		out.Ints[i] = rowtimeToTimestamp(in.Rowtimes[i])
	}
}

// rowtimeToTimestamp converts milliseconds since the Unix epoch to the form of
// timestamptz; what is out of its range becomes infinity.
func rowtimeToTimestamp(millis int64) int64 {
	const limit = math.MaxInt64/1000 - unixToPostgresMillis
	switch {
	case millis > limit:
		return math.MaxInt64
	case millis < -limit:
		return math.MinInt64
	}
	return (millis - unixToPostgresMillis) * 1000
}

// rowOffsetEval is the rows' offsets in their partition.
type rowOffsetEval struct{}

func (rowOffsetEval) evaluate(_ *Context, in *types.Batch, selection []int32, out *types.Vector) {
	if in.Offsets == nil {
		setAllNull(out, selection)
		return
	}
	for _, i := range selection {
		out.Ints[i] = in.Offsets[i]
	}
}

// rowPartitionEval is the batch's partition.
type rowPartitionEval struct{}

func (rowPartitionEval) evaluate(_ *Context, in *types.Batch, selection []int32, out *types.Vector) {
	for _, i := range selection {
		out.Ints[i] = int64(in.Partition)
	}
}

// paramEval is a statement parameter.
type paramEval struct{ index int }

func (p paramEval) evaluate(ctx *Context, _ *types.Batch, selection []int32, out *types.Vector) {
	if p.index >= len(ctx.Params) {
		failAll(ctx, out, selection, sqlerr.New(sqlerr.UndefinedParameter, -1, "there is no parameter $%d", p.index+1))
		return
	}
	fillDatum(out, selection, ctx.Params[p.index])
}

// outerEval is a column of an enclosing query's row.
type outerEval struct{ level, index int }

func (o outerEval) evaluate(ctx *Context, _ *types.Batch, selection []int32, out *types.Vector) {
	if o.level < 1 || o.level > len(ctx.OuterRows) {
		failAll(ctx, out, selection, sqlerr.New(sqlerr.InternalError, -1, "there is no enclosing row at level %d", o.level))
		return
	}
	fillDatum(out, selection, ctx.OuterRows[o.level-1][o.index])
}

// fillDatum gives every selected row the same value.
func fillDatum(out *types.Vector, selection []int32, d types.Datum) {
	for _, i := range selection {
		out.Set(int(i), d)
	}
}

func setAllNull(out *types.Vector, selection []int32) {
	for _, i := range selection {
		out.SetNull(int(i))
	}
}

// fail reports the failure of a row and leaves its value NULL.
func fail(ctx *Context, out *types.Vector, row int32, err error) {
	ctx.Fail(row, err)
	out.SetNull(int(row))
}

func failAll(ctx *Context, out *types.Vector, selection []int32, err error) {
	for _, i := range selection {
		fail(ctx, out, i, err)
	}
}
