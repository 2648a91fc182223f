package expr

import (
	"millrace/sql/types"
)

// groupStates holds a state of type S for each group; the zero S is an empty
// group.
type groupStates[S any] struct{ states []S }

// Resize implements Accumulator.
func (s *groupStates[S]) Resize(n int) {
	if n <= len(s.states) {
		clear(s.states[n:])
		s.states = s.states[:n]
		return
	}
	if n <= cap(s.states) {
		s.states = s.states[:n]
		return
	}
	larger := make([]S, n, max(n, 2*cap(s.states)))
	copy(larger, s.states)
	s.states = larger
}

// Clear implements Accumulator.
func (s *groupStates[S]) Clear(groups []int32) {
	var empty S
	for _, g := range groups {
		s.states[g] = empty
	}
}

// weightOf returns the weight of row r; nil weights are all +1.
func weightOf(weights []int64, r int) int64 {
	if weights == nil {
		return 1
	}
	return weights[r]
}

// forEachValue calls add for every row with a group whose value is not NULL.
func forEachValue(groups []int32, v *types.Vector, weights []int64, add func(group int32, row int, weight int64)) {
	hasNulls := v.HasNulls()
	for r, g := range groups {
		if g < 0 || hasNulls && v.IsNull(r) {
			continue
		}
		add(g, r, weightOf(weights, r))
	}
}

// aggregateOption changes an aggregate while it is defined.
type aggregateOption func(*Aggregate)

// byValues marks an aggregate whose rows can be undone from the group's values
// only.
func byValues(a *Aggregate) { a.Retraction = RetractByValues }

// ordered marks an aggregate whose result depends on the order of its rows, so
// that partial states cannot be merged before a shuffle.
func ordered(a *Aggregate) { a.OrderSensitive, a.Combines = true, false }

// aggregate defines one signature of an aggregate; state lists the types of its
// state's columns.
func (b *builder) aggregate(name, args, result, state string, newAccumulator func(args []types.Type) Accumulator, description string, options ...aggregateOption) {
	a := &Aggregate{
		Name: name, Result: typeNamed(result), Combines: true,
		New: newAccumulator, Description: description,
	}
	a.Args, a.Variadic = typesNamed(args)
	a.State, _ = typesNamed(state)
	for _, option := range options {
		option(a)
	}
	if result := a.Result; isPolymorphic(result) {
		declared := a.Args
		a.ResultOf = func(args []types.Type) (types.Type, error) {
			return bindPolymorphic(declared, false, result, args)
		}
	}
	b.registry.aggregates[name] = append(b.registry.aggregates[name], a)
}

func (b *builder) defineAggregates() {
	b.defineCount()
	b.defineIntegerSums()
	b.defineNumericSums()
	b.defineFloatSums()
	b.defineExtremes()
	b.defineBoolAggregates()
	b.defineIntervalSums()
	b.defineBitAggregates()
	b.defineVariances()
	b.defineCollections()
	b.defineJSONAggregates()
	b.defineByOffset()
}
