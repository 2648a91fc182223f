package expr

import (
	"math"
	"strings"

	"millrace/sql/types"
)

// extremeTypes are the types that min and max are defined on, as in PostgreSQL;
// bytea and uuid have them here too.
var extremeTypes = []string{
	"int8", "int4", "int2", "oid", "float4", "float8", "date", "time", "timetz", "timestamptz", "interval",
	"text", "numeric", "anyarray", "bpchar", "timestamp", "bytea", "uuid", "anyenum",
}

func (b *builder) defineExtremes() {
	for _, name := range extremeTypes {
		b.aggregate("max", name, name, name, newExtreme(1), "greatest value", byValues)
		b.aggregate("min", name, name, name, newExtreme(-1), "least value", byValues)
	}
}

// extremeAccumulator keeps the least (direction -1) or greatest (1) value of
// each group. It sees insertions only; its host keeps the values where rows may
// be undone.
type extremeAccumulator struct {
	direction int
	order     ordering
	values    types.Vector
}

func newExtreme(direction int) func([]types.Type) Accumulator {
	return func(args []types.Type) Accumulator {
		return &extremeAccumulator{direction: direction, order: orderingOf(args[0]), values: types.Vector{Type: args[0]}}
	}
}

// Resize implements Accumulator.
func (e *extremeAccumulator) Resize(n int) {
	for g := e.values.Len(); g < n; g++ {
		e.values.Append(types.Null)
	}
	shrink(&e.values, n)
}

// shrink cuts a vector to n values.
func shrink(v *types.Vector, n int) {
	for g := n; g < v.Len(); g++ {
		v.Set(g, types.Null)
		v.Nulls.Clear(g)
	}
	switch v.Type.Physical() {
	case types.PhysicalInt:
		v.Ints = v.Ints[:n]
	case types.PhysicalFloat:
		v.Floats = v.Floats[:n]
	default:
		v.Strs = v.Strs[:n]
	}
}

// Clear implements Accumulator.
func (e *extremeAccumulator) Clear(groups []int32) {
	for _, g := range groups {
		e.values.Set(int(g), types.Null)
	}
}

// Add implements Accumulator.
func (e *extremeAccumulator) Add(_ *Context, groups []int32, args []*types.Vector, weights []int64) {
	e.merge(groups, args[0], weights)
}

// Merge implements Accumulator.
func (e *extremeAccumulator) Merge(_ *Context, groups []int32, states []*types.Vector) {
	e.merge(groups, states[0], nil)
}

func (e *extremeAccumulator) merge(groups []int32, v *types.Vector, weights []int64) {
	hasNulls := v.HasNulls()
	for r, g := range groups {
		if g < 0 || hasNulls && v.IsNull(r) || weights != nil && weights[r] <= 0 {
			continue
		}
		if e.values.IsNull(int(g)) || e.isBeyond(v, r, int(g)) {
			e.keep(v, r, int(g))
		}
	}
}

// isBeyond reports whether row r is less (or greater) than what group g has. Of
// values that are equal but not the same (1.0 and 1.00, 0 and -0), the bytes
// decide, so that the result does not depend on the order of the rows.
func (e *extremeAccumulator) isBeyond(v *types.Vector, r, g int) bool {
	switch e.order {
	case orderedAsInts:
		if e.direction < 0 {
			return v.Ints[r] < e.values.Ints[g]
		}
		return v.Ints[r] > e.values.Ints[g]
	case orderedAsFloats:
		a, b := v.Floats[r], e.values.Floats[g]
		if a == 0 && b == 0 {
			return math.Signbit(a) != math.Signbit(b) && math.Signbit(a) == (e.direction < 0)
		}
		return compareFloat(a, b)*e.direction > 0
	case orderedAsBytes:
		return strings.Compare(v.Strs[r], e.values.Strs[g])*e.direction > 0
	}
	var order int
	if e.order == orderedAsNumerics {
		order = compareNumeric(v.Strs[r], e.values.Strs[g]) * e.direction
	} else {
		order = types.CompareVectors(v, r, &e.values, g) * e.direction
	}
	return order > 0 || order == 0 && v.Strs[r] < e.values.Strs[g]
}

// keep stores row r as group g's value. Strings are copied, so that the state
// does not hold on to the memory of whole batches.
func (e *extremeAccumulator) keep(v *types.Vector, r, g int) {
	d := v.Datum(r)
	d.Str = strings.Clone(d.Str)
	e.values.Set(g, d)
}

// Load implements Accumulator.
func (e *extremeAccumulator) Load(groups []int32, states []*types.Vector) {
	for r, g := range groups {
		e.keep(states[0], r, int(g))
	}
}

// Save implements Accumulator.
func (e *extremeAccumulator) Save(groups []int32, out []*types.Vector) {
	out[0].AppendRows(&e.values, groups)
}

// Result implements Accumulator.
func (e *extremeAccumulator) Result(_ *Context, groups []int32, out *types.Vector) {
	out.AppendRows(&e.values, groups)
}
