package exec

import (
	"encoding/binary"
	"fmt"
	"slices"

	"millrace/planner/plan"
	"millrace/sql/types"
	"millrace/tables"
)

// valueSet keeps, for one aggregate call, each group's values with their
// multiplicities, in order. It serves DISTINCT (the accumulator sees a value
// when its multiplicity leaves or reaches 0) and min and max over updating input
// (the accumulator is set to the least or greatest value that is left).
//
// Stored form: the values are the state of an operator number of their own
// (the aggregation's, with the call's number plus one in the high byte), under
// the length of the group's key, that key, and the value's; the stored value is the multiplicity (uvarint) and the arguments
// in the row encoding, since a key may not give back how a value prints. In a
// session everything is in memory.
//
// Invariant: between turns counts is empty where there is a store; in memory it
// holds all values and sorted holds each group's in order.
type valueSet struct {
	key      stateKey
	distinct bool
	// extremes says that the accumulator is a min or max to be recomputed.
	extremes bool
	args     *types.RowCodec
	argTypes []types.Type
	inMemory bool

	// counts are this turn's multiplicities (in memory: all), by group key and
	// value key.
	counts map[string]*valueCount
	// byGroup are the keys in counts of each touched group, ascending where
	// sorted.
	byGroup map[int32][]string
	touched map[int32]bool
}

type valueCount struct {
	count, before int64
	args          []types.Datum
	group         int32
}

func newValueSet(key stateKey, call int, argTypes []types.Type, planned *plan.AggregateCall, byValues, inMemory bool) *valueSet {
	key.operator |= uint16(call+1) << 8
	return &valueSet{
		key: key, distinct: planned.Distinct, extremes: byValues,
		args: types.NewRowCodec(argTypes), argTypes: argTypes, inMemory: inMemory,
		counts: map[string]*valueCount{}, byGroup: map[int32][]string{}, touched: map[int32]bool{},
	}
}

// appendPrefix appends the key below which a group's values are.
func (v *valueSet) appendPrefix(buf []byte, groupKey string) []byte {
	buf = tables.AppendStateKey(buf, v.key.query, v.key.stage, v.key.operator, nil)
	buf = binary.BigEndian.AppendUint32(buf, uint32(len(groupKey)))
	return append(buf, groupKey...)
}

// add counts the arguments of the rows of in into their groups.
func (v *valueSet) add(t *turn, a *aggregate, call *aggregateCall, groups []int32, args []*types.Vector, in *types.Batch) {
	for r, group := range groups {
		if group < 0 || anyNull(args, r) {
			continue
		}
		entry, err := v.entry(t, a.groups.Key(group), group, args, r)
		if err != nil {
			t.fail(err)
			return
		}
		entry.count += in.Weight(r)
		v.touched[group] = true
	}
}

func anyNull(args []*types.Vector, r int) bool {
	for _, arg := range args {
		if arg.IsNull(r) {
			return true
		}
	}
	return false
}

// entry returns the count of one value of a group, read from the store the
// first time in a turn.
func (v *valueSet) entry(t *turn, groupKey string, group int32, args []*types.Vector, r int) (*valueCount, error) {
	buf := v.appendPrefix(t.scratch[:0], groupKey)
	for _, arg := range args {
		buf = types.AppendKeyFrom(buf, arg, r)
	}
	t.scratch = buf
	if entry := v.counts[string(buf)]; entry != nil {
		return entry, nil
	}
	entry := &valueCount{group: group}
	if t.state != nil {
		stored, found, err := t.state.Get(buf, nil)
		if err != nil {
			return nil, err
		}
		if found {
			if entry.count, entry.args, err = v.decode(stored); err != nil {
				return nil, err
			}
			entry.before = entry.count
		}
	}
	if entry.args == nil {
		for _, arg := range args {
			entry.args = append(entry.args, arg.Datum(r))
		}
	}
	key := string(buf)
	v.counts[key] = entry
	v.byGroup[group] = append(v.byGroup[group], key)
	return entry, nil
}

func (v *valueSet) decode(stored []byte) (int64, []types.Datum, error) {
	count, row, err := splitMultiplicity(stored)
	if err != nil {
		return 0, nil, err
	}
	args, err := v.args.DecodeDatums(row, nil)
	return count, args, err
}

// finish brings the accumulator of each touched group up to date and writes the
// changed counts.
func (v *valueSet) finish(t *turn, a *aggregate, call *aggregateCall) {
	for _, group := range a.touched {
		if !v.touched[group] {
			continue
		}
		if v.extremes {
			v.recompute(t, a, call, group)
		} else {
			v.applyDistinct(t, call, group)
		}
		v.writeCounts(t, group)
		delete(v.touched, group)
	}
}

// applyDistinct tells the accumulator which values the group gained and lost.
func (v *valueSet) applyDistinct(t *turn, call *aggregateCall, group int32) {
	changed := types.NewBatch(v.argTypes)
	var groups []int32
	for _, key := range v.byGroup[group] {
		entry := v.counts[key]
		gained, had := entry.count > 0, entry.before > 0
		if gained == had {
			continue
		}
		weight := int64(1)
		if had {
			weight = -1
		}
		for i := range entry.args {
			changed.Columns[i].Append(entry.args[i])
		}
		changed.Weights = append(changed.Weights, weight)
		changed.Len++
		groups = append(groups, group)
	}
	if changed.Len > 0 {
		call.sums.Add(t.results, groups, vectorPointers(changed), changed.Weights)
		t.results.ResetErrors()
	}
}

func vectorPointers(b *types.Batch) []*types.Vector {
	out := make([]*types.Vector, len(b.Columns))
	for i := range b.Columns {
		out[i] = &b.Columns[i]
	}
	return out
}

// recompute sets the accumulator to what it is over the least and the greatest
// value of the group: for min and max, which look at no other, that is their
// result over all of them.
func (v *valueSet) recompute(t *turn, a *aggregate, call *aggregateCall, group int32) {
	left := types.NewBatch(v.argTypes)
	for _, descending := range []bool{false, true} {
		args, err := v.extreme(t, a.groups.Key(group), group, descending)
		if err != nil {
			t.fail(fmt.Errorf("read the values of a group: %w", err))
			return
		}
		if args != nil {
			left.AppendRow(args, 1)
		}
	}
	call.sums.Clear([]int32{group})
	groups := slices.Repeat([]int32{group}, left.Len)
	call.sums.Add(t.results, groups, vectorPointers(left), nil)
	t.results.ResetErrors()
}

// extreme returns the least (or greatest) value of a group with a positive
// count, or nil.
func (v *valueSet) extreme(t *turn, groupKey string, group int32, descending bool) ([]types.Datum, error) {
	var best string
	var bestArgs []types.Datum
	better := func(key string) bool {
		return bestArgs == nil || (key < best) != descending
	}
	for _, key := range v.byGroup[group] {
		if entry := v.counts[key]; entry.count > 0 && better(key) {
			best, bestArgs = key, entry.args
		}
	}
	if t.state == nil {
		return bestArgs, nil
	}
	key, args, err := v.storedExtreme(t, groupKey, descending)
	if err != nil || args == nil || !better(key) {
		return bestArgs, err
	}
	return args, nil
}

// storedExtreme returns the group's least (or greatest) stored value that this
// turn has not touched.
func (v *valueSet) storedExtreme(t *turn, groupKey string, descending bool) (string, []types.Datum, error) {
	from := v.appendPrefix(nil, groupKey)
	it, err := t.state.Scan(from, tables.PrefixEnd(nil, from))
	if err != nil {
		return "", nil, err
	}
	defer it.Close()
	step := it.Next
	if descending {
		step = it.Prev
	}
	for step() {
		if v.counts[string(it.Key())] != nil {
			continue
		}
		_, args, err := v.decode(slices.Clone(it.Value()))
		return string(it.Key()), args, err
	}
	return "", nil, it.Err()
}

// writeCounts stores the group's changed counts; in memory it forgets values
// that are gone.
func (v *valueSet) writeCounts(t *turn, group int32) {
	keys := v.byGroup[group]
	kept := keys[:0]
	for _, key := range keys {
		entry := v.counts[key]
		if t.write != nil && entry.count != entry.before {
			if entry.count == 0 {
				t.write.Delete([]byte(key))
			} else {
				t.scratch = binary.AppendUvarint(t.scratch[:0], uint64(entry.count))
				t.scratch = v.args.AppendDatums(t.scratch, entry.args)
				t.write.Set([]byte(key), t.scratch)
			}
		}
		entry.before = entry.count
		if v.inMemory && entry.count != 0 {
			kept = append(kept, key)
			continue
		}
		delete(v.counts, key)
	}
	if v.inMemory {
		v.byGroup[group] = kept
	} else {
		delete(v.byGroup, group)
	}
}
