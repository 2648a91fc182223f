package expr

import "millrace/sql/types"

func (b *builder) defineBitAggregates() {
	for _, name := range []string{"int2", "int4", "int8"} {
		b.aggregate("bit_and", name, name, name, newFold(func(x, y int64) int64 { return x & y }), "bitwise AND of all values", byValues)
		b.aggregate("bit_or", name, name, name, newFold(func(x, y int64) int64 { return x | y }), "bitwise OR of all values", byValues)
		b.aggregate("bit_xor", name, name, name, newFold(func(x, y int64) int64 { return x ^ y }), "bitwise exclusive OR of all values", byValues)
	}
}

// foldAccumulator combines integers with an operation whose order does not
// matter.
type foldAccumulator struct {
	extremeAccumulator
	combine func(x, y int64) int64
}

func newFold(combine func(x, y int64) int64) func([]types.Type) Accumulator {
	return func(args []types.Type) Accumulator {
		f := &foldAccumulator{combine: combine}
		f.values.Type = args[0]
		return f
	}
}

// Add implements Accumulator.
func (f *foldAccumulator) Add(_ *Context, groups []int32, args []*types.Vector, weights []int64) {
	forEachValue(groups, args[0], weights, func(g int32, r int, w int64) {
		for ; w > 0; w-- {
			f.fold(g, args[0].Ints[r])
		}
	})
}

// Merge implements Accumulator.
func (f *foldAccumulator) Merge(_ *Context, groups []int32, states []*types.Vector) {
	forEachValue(groups, states[0], nil, func(g int32, r int, _ int64) { f.fold(g, states[0].Ints[r]) })
}

func (f *foldAccumulator) fold(g int32, v int64) {
	if !f.values.IsNull(int(g)) {
		v = f.combine(f.values.Ints[g], v)
	}
	f.values.Set(int(g), types.IntDatum(v))
}
