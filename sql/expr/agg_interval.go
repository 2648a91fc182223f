package expr

import (
	"millrace/sql/types"
)

func (b *builder) defineIntervalSums() {
	const state = "int8,int8,int8,int8,int8"
	b.aggregate("sum", "interval", "interval", state, newIntervalSum(sumIntervals), "sum")
	b.aggregate("avg", "interval", "interval", state, newIntervalSum(averageInterval), "arithmetic mean")
}

// intervalSum sums the parts of a group's intervals apart.
type intervalSum struct {
	count, months, days int64
	micros              int128
}

func (s *intervalSum) total() (types.IntervalValue, error) {
	micros, ok := s.micros.int64()
	if !ok || s.months != int64(int32(s.months)) || s.days != int64(int32(s.days)) {
		return types.IntervalValue{}, errIntervalRange
	}
	return types.IntervalValue{Months: int32(s.months), Days: int32(s.days), Micros: micros}, nil
}

func sumIntervals(s *intervalSum) (types.Datum, error) {
	v, err := s.total()
	return types.StringDatum(types.EncodeInterval(v)), err
}

func averageInterval(s *intervalSum) (types.Datum, error) {
	v, err := s.total()
	if err == nil {
		v, err = v.Div(float64(s.count))
	}
	return types.StringDatum(types.EncodeInterval(v)), err
}

// intervalAccumulator serves sum and avg over intervals.
type intervalAccumulator struct {
	groupStates[intervalSum]
	result func(*intervalSum) (types.Datum, error)
}

func newIntervalSum(result func(*intervalSum) (types.Datum, error)) func([]types.Type) Accumulator {
	return func([]types.Type) Accumulator { return &intervalAccumulator{result: result} }
}

// Add implements Accumulator.
func (a *intervalAccumulator) Add(_ *Context, groups []int32, args []*types.Vector, weights []int64) {
	forEachValue(groups, args[0], weights, func(g int32, r int, w int64) {
		v, s := types.DecodeInterval(args[0].Strs[r]), &a.states[g]
		s.count += w
		s.months += w * int64(v.Months)
		s.days += w * int64(v.Days)
		s.micros = s.micros.plus(product(v.Micros, w))
	})
}

// Merge implements Accumulator.
func (a *intervalAccumulator) Merge(_ *Context, groups []int32, states []*types.Vector) {
	for r, g := range groups {
		if g >= 0 {
			s, o := &a.states[g], loadIntervalSum(states, r)
			s.count += o.count
			s.months += o.months
			s.days += o.days
			s.micros = s.micros.plus(o.micros)
		}
	}
}

func loadIntervalSum(states []*types.Vector, r int) intervalSum {
	return intervalSum{
		count: states[0].Ints[r], months: states[1].Ints[r], days: states[2].Ints[r],
		micros: int128{states[3].Ints[r], uint64(states[4].Ints[r])},
	}
}

// Load implements Accumulator.
func (a *intervalAccumulator) Load(groups []int32, states []*types.Vector) {
	for r, g := range groups {
		a.states[g] = loadIntervalSum(states, r)
	}
}

// Save implements Accumulator.
func (a *intervalAccumulator) Save(groups []int32, out []*types.Vector) {
	for _, g := range groups {
		s := &a.states[g]
		for i, v := range [...]int64{s.count, s.months, s.days, s.micros.high, int64(s.micros.low)} {
			out[i].Ints = append(out[i].Ints, v)
		}
	}
}

// Result implements Accumulator.
func (a *intervalAccumulator) Result(ctx *Context, groups []int32, out *types.Vector) {
	for r, g := range groups {
		if a.states[g].count == 0 {
			out.Append(types.Null)
			continue
		}
		appendResult(ctx, out, r, a.result, &a.states[g])
	}
}
