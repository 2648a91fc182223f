package expr

import "millrace/sql/types"

func (b *builder) defineBoolAggregates() {
	every := func(s *boolCount) (types.Datum, error) { return types.BoolDatum(s.trues == s.count), nil }
	some := func(s *boolCount) (types.Datum, error) { return types.BoolDatum(s.trues != 0), nil }
	b.aggregate("bool_and", "bool", "bool", "int8,int8", newBoolCounts(every), "whether all values are true")
	b.aggregate("every", "bool", "bool", "int8,int8", newBoolCounts(every), "whether all values are true")
	b.aggregate("bool_or", "bool", "bool", "int8,int8", newBoolCounts(some), "whether any value is true")
}

// boolCount is how many values a group has and how many of them are true.
type boolCount struct{ count, trues int64 }

// boolAccumulator serves bool_and and bool_or by counting, so that rows can be
// undone.
type boolAccumulator struct {
	groupStates[boolCount]
	result func(*boolCount) (types.Datum, error)
}

func newBoolCounts(result func(*boolCount) (types.Datum, error)) func([]types.Type) Accumulator {
	return func([]types.Type) Accumulator { return &boolAccumulator{result: result} }
}

// Add implements Accumulator.
func (a *boolAccumulator) Add(_ *Context, groups []int32, args []*types.Vector, weights []int64) {
	values, nulls := args[0].Ints, args[0].Nulls
	for r, g := range groups {
		if g < 0 || nulls.Get(r) {
			continue
		}
		w := weightOf(weights, r)
		a.states[g].count += w
		a.states[g].trues += w * values[r]
	}
}

// Merge implements Accumulator.
func (a *boolAccumulator) Merge(_ *Context, groups []int32, states []*types.Vector) {
	for r, g := range groups {
		if g >= 0 {
			a.states[g].count += states[0].Ints[r]
			a.states[g].trues += states[1].Ints[r]
		}
	}
}

// Load implements Accumulator.
func (a *boolAccumulator) Load(groups []int32, states []*types.Vector) {
	for r, g := range groups {
		a.states[g] = boolCount{states[0].Ints[r], states[1].Ints[r]}
	}
}

// Save implements Accumulator.
func (a *boolAccumulator) Save(groups []int32, out []*types.Vector) {
	for _, g := range groups {
		out[0].Ints = append(out[0].Ints, a.states[g].count)
		out[1].Ints = append(out[1].Ints, a.states[g].trues)
	}
}

// Result implements Accumulator.
func (a *boolAccumulator) Result(ctx *Context, groups []int32, out *types.Vector) {
	for r, g := range groups {
		if a.states[g].count == 0 {
			out.Append(types.Null)
			continue
		}
		appendResult(ctx, out, r, a.result, &a.states[g])
	}
}
