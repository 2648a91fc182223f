package expr

import (
	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// defineSequences defines the functions about sequences
// (https://www.postgresql.org/docs/15/functions-sequence.html).
func (b *builder) defineSequences() {
	b.function("nextval", "regclass", "int8", nextValues, "next value of a sequence", volatile)
	b.function("currval", "regclass", "int8", liftRows(func(ctx *Context, _ []*types.Vector, row []types.Datum, _ types.Type) (types.Datum, error) {
		if ctx.Session == nil {
			return types.Null, errNoSession("currval")
		}
		value, err := ctx.Session.CurrentValue(uint32(row[0].Int))
		return types.IntDatum(value), err
	}), "value that the session took last of a sequence", volatile)
	b.function("lastval", "", "int8", lift0c(func(ctx *Context) (int64, error) {
		if ctx.Session == nil {
			return 0, errNoSession("lastval")
		}
		return ctx.Session.LastValue()
	}), "value that the session took last of any sequence", volatile)
	set := liftRows(func(ctx *Context, _ []*types.Vector, row []types.Datum, _ types.Type) (types.Datum, error) {
		if ctx.Session == nil {
			return types.Null, errNoSession("setval")
		}
		called := len(row) < 3 || row[2].Int != 0
		return row[1], ctx.Session.SetValue(uint32(row[0].Int), row[1].Int, called)
	})
	b.function("setval", "regclass,int8", "int8", set, "sets the last value of a sequence", volatile)
	b.function("setval", "regclass,int8,bool", "int8", set, "sets the last value of a sequence, or the next one", volatile)
}

func errNoSession(function string) error {
	return sqlerr.New(sqlerr.FeatureNotSupported, -1, "%s() is not supported here", function)
}

// nextValues is the kernel of nextval: rows with the same sequence, which follow each
// other, take their values at once.
func nextValues(ctx *Context, args []*types.Vector, selection []int32, out *types.Vector) {
	sequences := args[0].Ints
	for len(selection) > 0 {
		n := 1
		for n < len(selection) && sequences[selection[n]] == sequences[selection[0]] {
			n++
		}
		values := make([]int64, n)
		given, err := 0, errNoSession("nextval")
		if ctx.Session != nil {
			given, err = ctx.Session.NextValues(uint32(sequences[selection[0]]), values)
		}
		for i, row := range selection[:n] {
			if i < given {
				out.Ints[row] = values[i]
				continue
			}
			fail(ctx, out, row, err)
		}
		selection = selection[n:]
	}
}
