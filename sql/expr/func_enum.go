package expr

import (
	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// defineEnums defines https://www.postgresql.org/docs/15/functions-enum.html. Of the
// arguments of enum_first, enum_last and enum_range only the type counts, so that NULL
// is one.
func (b *builder) defineEnums() {
	labelAt := func(place func(labels []types.EnumLabel) int) Kernel {
		return liftRows(func(_ *Context, args []*types.Vector, _ []types.Datum, _ types.Type) (types.Datum, error) {
			labels := args[0].Type.Named.Labels
			if len(labels) == 0 {
				return types.Null, sqlerr.New(sqlerr.ObjectNotInPrerequisiteState, -1, "enum %s contains no values", args[0].Type)
			}
			return types.IntDatum(labels[place(labels)].Position), nil
		})
	}
	b.function("enum_first", "anyenum", "anyenum", labelAt(func([]types.EnumLabel) int { return 0 }), "first value of an enum", notStrict, stable)
	b.function("enum_last", "anyenum", "anyenum", labelAt(func(labels []types.EnumLabel) int { return len(labels) - 1 }), "last value of an enum", notStrict, stable)
	between := liftRows(func(_ *Context, args []*types.Vector, row []types.Datum, _ types.Type) (types.Datum, error) {
		low, high := types.Null, types.Null
		if len(row) == 2 {
			low, high = row[0], row[1]
		}
		var values []types.Datum
		for _, l := range args[0].Type.Named.Labels {
			if (!low.Valid || l.Position >= low.Int) && (!high.Valid || l.Position <= high.Int) {
				values = append(values, types.IntDatum(l.Position))
			}
		}
		return encodedArray(args[0].Type, values), nil
	})
	b.function("enum_range", "anyenum", "anyenum[]", between, "all values of an enum, in order", notStrict, stable)
	b.function("enum_range", "anyenum,anyenum", "anyenum[]", between, "values of an enum from one to another, in order", notStrict, stable)
}
