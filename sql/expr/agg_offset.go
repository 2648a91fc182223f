package expr

import "millrace/sql/types"

// defineByOffset defines ksqlDB's first and last values, in the order in which
// the host adds the rows.
func (b *builder) defineByOffset() {
	b.aggregate("earliest_by_offset", "anyelement", "anyelement", "anyelement", newByOffset(true),
		"first value that is not NULL, in the order of the rows", byValues, ordered)
	b.aggregate("latest_by_offset", "anyelement", "anyelement", "anyelement", newByOffset(false),
		"last value that is not NULL, in the order of the rows", byValues, ordered)
}

// offsetAccumulator keeps the first or the last value of each group.
type offsetAccumulator struct {
	extremeAccumulator
	first bool
}

func newByOffset(first bool) func([]types.Type) Accumulator {
	return func(args []types.Type) Accumulator {
		a := &offsetAccumulator{first: first}
		a.values.Type = args[0]
		return a
	}
}

// Add implements Accumulator.
func (a *offsetAccumulator) Add(_ *Context, groups []int32, args []*types.Vector, _ []int64) {
	a.follow(groups, args[0])
}

// Merge implements Accumulator: the state's rows follow those of the group.
func (a *offsetAccumulator) Merge(_ *Context, groups []int32, states []*types.Vector) {
	a.follow(groups, states[0])
}

func (a *offsetAccumulator) follow(groups []int32, v *types.Vector) {
	for r, g := range groups {
		if g < 0 || v.IsNull(r) || a.first && !a.values.IsNull(int(g)) {
			continue
		}
		a.keep(v, r, int(g))
	}
}
