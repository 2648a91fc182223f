package expr

import "millrace/sql/types"

func (b *builder) defineCount() {
	b.aggregate("count", "", "int8", "int8", func([]types.Type) Accumulator { return &countAccumulator{} },
		"number of rows")
	b.aggregate("count", "any", "int8", "int8", func([]types.Type) Accumulator { return &countAccumulator{} },
		"number of rows whose argument is not NULL")
}

// countAccumulator counts rows, or the values of its argument that are not NULL.
type countAccumulator struct{ groupStates[int64] }

// Add implements Accumulator.
func (c *countAccumulator) Add(_ *Context, groups []int32, args []*types.Vector, weights []int64) {
	counts := c.states
	if len(args) > 0 && args[0].HasNulls() {
		nulls := args[0].Nulls
		for r, g := range groups {
			if g >= 0 && !nulls.Get(r) {
				counts[g] += weightOf(weights, r)
			}
		}
		return
	}
	if weights == nil {
		for _, g := range groups {
			if g >= 0 {
				counts[g]++
			}
		}
		return
	}
	for r, g := range groups {
		if g >= 0 {
			counts[g] += weights[r]
		}
	}
}

// Merge implements Accumulator.
func (c *countAccumulator) Merge(_ *Context, groups []int32, states []*types.Vector) {
	for r, g := range groups {
		if g >= 0 {
			c.states[g] += states[0].Ints[r]
		}
	}
}

// Load implements Accumulator.
func (c *countAccumulator) Load(groups []int32, states []*types.Vector) {
	for r, g := range groups {
		c.states[g] = states[0].Ints[r]
	}
}

// Save implements Accumulator.
func (c *countAccumulator) Save(groups []int32, out []*types.Vector) {
	for _, g := range groups {
		out[0].Ints = append(out[0].Ints, c.states[g])
	}
}

// Result implements Accumulator.
func (c *countAccumulator) Result(_ *Context, groups []int32, out *types.Vector) {
	for _, g := range groups {
		out.Ints = append(out.Ints, c.states[g])
	}
}
