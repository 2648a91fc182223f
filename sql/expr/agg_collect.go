package expr

import (
	"strings"

	"millrace/sql/types"
)

func (b *builder) defineCollections() {
	const elements = "elements in the order of the rows"
	b.aggregate("array_agg", "anynonarray", "anyelement[]", "anyelement[]", newArrayCollector, "array of the "+elements, byValues, ordered)
	b.aggregate("string_agg", "text,text", "text", "text", newStringCollector, "texts joined by a separator, in the order of the rows", byValues, ordered)
}

// collected is the elements of a group, in order.
type collected struct {
	elements []types.Datum
	present  bool
}

// collector appends rows to lists; what a list is saved as is up to encode and decode,
// what it results in to result, or encode where that is nil.
type collector struct {
	groupStates[collected]
	element func(ctx *Context, args []*types.Vector, r int) (types.Datum, error)
	encode  func(elements []types.Datum) types.Datum
	decode  func(d types.Datum) []types.Datum
	result  func(elements []types.Datum) types.Datum
}

// Add implements Accumulator.
func (c *collector) Add(ctx *Context, groups []int32, args []*types.Vector, weights []int64) {
	for r, g := range groups {
		if g < 0 {
			continue
		}
		d, err := c.element(ctx, args, r)
		if err != nil {
			ctx.Fail(int32(r), err)
			continue
		}
		d.Str = strings.Clone(d.Str)
		for range max(0, weightOf(weights, r)) {
			s := &c.states[g]
			s.elements, s.present = append(s.elements, d), true
		}
	}
}

// Merge implements Accumulator.
func (c *collector) Merge(_ *Context, groups []int32, states []*types.Vector) {
	for r, g := range groups {
		if g >= 0 && !states[0].IsNull(r) {
			s := &c.states[g]
			s.elements, s.present = append(s.elements, c.decode(states[0].Datum(r))...), true
		}
	}
}

// Load implements Accumulator.
func (c *collector) Load(groups []int32, states []*types.Vector) {
	c.Clear(groups)
	c.Merge(nil, groups, states)
}

// Save implements Accumulator.
func (c *collector) Save(groups []int32, out []*types.Vector) {
	c.append(groups, out[0], c.encode)
}

// Result implements Accumulator.
func (c *collector) Result(_ *Context, groups []int32, out *types.Vector) {
	result := c.result
	if result == nil {
		result = c.encode
	}
	c.append(groups, out, result)
}

func (c *collector) append(groups []int32, out *types.Vector, encode func(elements []types.Datum) types.Datum) {
	for _, g := range groups {
		if !c.states[g].present {
			out.Append(types.Null)
			continue
		}
		out.Append(encode(c.states[g].elements))
	}
}

func newArrayCollector(args []types.Type) Accumulator {
	elem := args[0]
	return &collector{
		element: func(_ *Context, args []*types.Vector, r int) (types.Datum, error) { return args[0].Datum(r), nil },
		encode:  func(elements []types.Datum) types.Datum { return encodedArray(elem, elements) },
		decode:  func(d types.Datum) []types.Datum { return decodedArray(elem, d) },
	}
}

func decodedArray(elem types.Type, d types.Datum) []types.Datum {
	a, err := types.DecodeArray(elem, d.Str)
	if err != nil {
		return nil
	}
	return a.Elems
}

// newStringCollector keeps the text so far as one element.
func newStringCollector([]types.Type) Accumulator { return &stringCollector{} }

// stringCollector serves string_agg.
type stringCollector struct {
	groupStates[joinedText]
}

// joinedText is the text of a group.
type joinedText struct {
	text    []byte
	present bool
}

// Add implements Accumulator. The separator of a row stands before its text.
func (c *stringCollector) Add(_ *Context, groups []int32, args []*types.Vector, weights []int64) {
	forEachValue(groups, args[0], weights, func(g int32, r int, w int64) {
		for range max(0, w) {
			s := &c.states[g]
			if s.present && !args[1].IsNull(r) {
				s.text = append(s.text, args[1].Strs[r]...)
			}
			s.text, s.present = append(s.text, args[0].Strs[r]...), true
		}
	})
}

// Merge implements Accumulator; without the separators it can only follow an
// empty state.
func (c *stringCollector) Merge(_ *Context, groups []int32, states []*types.Vector) {
	forEachValue(groups, states[0], nil, func(g int32, r int, _ int64) {
		s := &c.states[g]
		s.text, s.present = append(s.text, states[0].Strs[r]...), true
	})
}

// Load implements Accumulator.
func (c *stringCollector) Load(groups []int32, states []*types.Vector) {
	c.Clear(groups)
	c.Merge(nil, groups, states)
}

// Save implements Accumulator.
func (c *stringCollector) Save(groups []int32, out []*types.Vector) { c.Result(nil, groups, out[0]) }

// Result implements Accumulator.
func (c *stringCollector) Result(_ *Context, groups []int32, out *types.Vector) {
	for _, g := range groups {
		if !c.states[g].present {
			out.Append(types.Null)
			continue
		}
		out.Append(types.StringDatum(string(c.states[g].text)))
	}
}
