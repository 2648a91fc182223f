package exec

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strings"

	"millrace/planner/plan"
	"millrace/sql/expr"
	"millrace/sql/sqlerr"
	"millrace/sql/types"
	"millrace/tables"
)

// valueSet keeps, for one aggregate call, each group's values with their
// multiplicities. It serves DISTINCT (the accumulator sees a value when its
// multiplicity leaves or reaches 0) and aggregates over updating input that
// cannot undo a row from their state: these take new values as they come, and
// when a value is gone for good they are computed again over what is left.
//
// Stored form: the values are the state of an operator number of their own
// (the aggregation's, with the call's number plus one in the high byte), under
// the group's key and the value's, so that a group's values are one range in
// order: no group's key is the beginning of another's, since values in keys end
// by themselves. The stored value is the multiplicity (uvarint)
// and the arguments in the row encoding, since a key may not give back how a
// value prints. In a session everything is in memory.
//
// Invariant: between turns counts is empty where there is a store; in memory it
// holds all values.
type valueSet struct {
	key      stateKey
	distinct bool
	// rebuild says how the accumulator is computed again when a value is gone.
	rebuild  rebuildKind
	args     *types.RowCodec
	argTypes []types.Type
	inMemory bool

	// counts are this turn's multiplicities (in memory: all), by the stored key,
	// and changed the keys in counts that the turn has touched, by group.
	counts  map[string]*valueCount
	changed map[int32][]string
	// held are each group's values where they are in memory.
	held map[int32]map[string]*valueCount
}

// rebuildKind says which of a group's values an aggregate that cannot undo a
// row depends on.
type rebuildKind uint8

const (
	// The zero value: the accumulator can undo a row.
	_ rebuildKind = iota
	// rebuildFromLeast and rebuildFromGreatest: min and max.
	rebuildFromLeast
	rebuildFromGreatest
	// rebuildFromAll: every value, in no particular order (bit_and, bit_or, and
	// bit_xor, which also looks at whether a value is there an odd number of
	// times).
	rebuildFromAll
	// rebuildInOrder: every value in ascending order, which is how PostgreSQL gives
	// the distinct ones to array_agg(DISTINCT x) and the like.
	rebuildInOrder
)

// valueCount is one value of a group: how often it is there now and was at the
// turn's beginning.
type valueCount struct {
	count, before int64
	args          []types.Datum
	listed        bool // in changed
}

// maxValueCalls is the number of calls in one aggregation that can keep values:
// their operator numbers have one byte for it.
const maxValueCalls = 254

// newValueSet returns the values of call number call of the aggregation with a
// key. retracts says that rows of the input may go away.
func newValueSet(key stateKey, call int, argTypes []types.Type, planned *plan.AggregateCall, retracts, inMemory bool) (*valueSet, error) {
	v := &valueSet{
		distinct: planned.Distinct, args: types.NewRowCodec(argTypes), argTypes: argTypes, inMemory: inMemory,
		counts: map[string]*valueCount{}, changed: map[int32][]string{}, held: map[int32]map[string]*valueCount{},
	}
	switch {
	case (planned.Distinct || len(planned.OrderBy) > 0) && planned.Func.OrderSensitive:
		v.rebuild = rebuildInOrder
	case !retracts || planned.Func.Retraction == expr.RetractInvertible:
	case planned.Func.OrderSensitive:
		return nil, sqlerr.New(sqlerr.FeatureNotSupported, planned.Pos, "%s over rows that change is not supported", planned.Func.Name).
			WithHint("Its result depends on the order of the rows, which rows that change do not have.")
	case planned.Func.Name == "min":
		v.rebuild = rebuildFromLeast
	case planned.Func.Name == "max":
		v.rebuild = rebuildFromGreatest
	default:
		v.rebuild = rebuildFromAll
	}
	if call >= maxValueCalls || key.operator > math.MaxUint8 {
		return nil, sqlerr.New(sqlerr.ProgramLimitExceeded, planned.Pos, "more than %d aggregates with DISTINCT or over rows that change in one query", maxValueCalls)
	}
	v.key = key
	v.key.operator |= uint16(call+1) << 8
	return v, nil
}

// appendPrefix appends the key below which a group's values are.
func (v *valueSet) appendPrefix(buf []byte, groupKey string) []byte {
	buf = tables.AppendStateKey(buf, v.key.query, v.key.stage, v.key.operator, nil)
	return append(buf, groupKey...)
}

// add counts the arguments of the rows of in into their groups. A NULL is never
// the least or greatest value; other aggregates pass over it themselves.
func (v *valueSet) add(t *turn, a *aggregate, groups []int32, args []*types.Vector, in *types.Batch) {
	skipsNull := v.rebuild == rebuildFromLeast || v.rebuild == rebuildFromGreatest
	for r, group := range groups {
		if group < 0 || skipsNull && anyNull(args, r) {
			continue
		}
		entry, err := v.entry(t, a.groups.Key(group), group, args, r)
		if err != nil {
			t.fail(fmt.Errorf("read the values of a group: %w", err))
			return
		}
		entry.count += in.Weight(r)
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
	entry := v.counts[string(buf)]
	if entry != nil && entry.listed {
		return entry, nil
	}
	key := string(buf)
	if entry == nil {
		var err error
		if entry, err = v.stored(t, buf); err != nil {
			return nil, err
		}
		if entry.args == nil {
			for _, arg := range args {
				entry.args = append(entry.args, owned(arg.Datum(r)))
			}
		}
		v.counts[key] = entry
	}
	entry.listed = true
	v.changed[group] = append(v.changed[group], key)
	return entry, nil
}

// stored returns what the store has of a value: without arguments when it is
// not there.
func (v *valueSet) stored(t *turn, key []byte) (*valueCount, error) {
	entry := &valueCount{}
	if t.state == nil {
		return entry, nil
	}
	stored, found, err := t.state.Get(key, nil)
	if err != nil || !found {
		return entry, err
	}
	entry.count, entry.args, err = v.decode(stored)
	entry.before = entry.count
	return entry, err
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
		if len(v.changed[group]) == 0 {
			continue
		}
		if !v.mustRecompute(group) {
			v.applyChanges(t, call, group)
		} else if err := v.recompute(t, a, call, group); err != nil {
			t.fail(fmt.Errorf("read the values of a group: %w", err))
			return
		}
		v.writeCounts(t, group)
	}
}

// mustRecompute reports whether the turn did something to the group that its
// accumulator cannot follow.
func (v *valueSet) mustRecompute(group int32) bool {
	for _, key := range v.changed[group] {
		entry := v.counts[key]
		gone := entry.before > 0 && entry.count <= 0
		switch v.rebuild {
		case rebuildFromLeast, rebuildFromGreatest:
			if gone {
				return true
			}
		case rebuildFromAll:
			if gone || !v.distinct && entry.count < entry.before {
				return true
			}
		case rebuildInOrder:
			if gone != (entry.before <= 0 && entry.count > 0) || !v.distinct && entry.count != entry.before {
				return true
			}
		}
	}
	return false
}

// applyChanges tells the accumulator which values the group gained and lost.
// Where every copy of a value counts, it is told of each.
func (v *valueSet) applyChanges(t *turn, call *aggregateCall, group int32) {
	rows := types.NewBatch(v.argTypes)
	for _, key := range v.changed[group] {
		entry := v.counts[key]
		weight := int64(0)
		switch has, had := entry.count > 0, entry.before > 0; {
		case v.rebuild == rebuildFromAll && !v.distinct:
			weight = parity(entry.count - entry.before)
		case has && !had:
			weight = 1
		case had && !has:
			weight = -1
		}
		if weight != 0 {
			rows.AppendRow(entry.args, weight)
		}
	}
	v.addTo(t, call, group, rows)
}

// parity returns 1 for an odd number of copies of a value and 2 for an even one
// other than 0: no aggregate tells more apart.
func parity(copies int64) int64 {
	if copies == 0 {
		return 0
	}
	return 2 - copies&1
}

func (v *valueSet) addTo(t *turn, call *aggregateCall, group int32, rows *types.Batch) {
	if rows.Len == 0 {
		return
	}
	call.sums.Add(t.results, slices.Repeat([]int32{group}, rows.Len), vectorPointers(rows), rows.Weights)
	t.results.ResetErrors()
}

func vectorPointers(b *types.Batch) []*types.Vector {
	out := make([]*types.Vector, len(b.Columns))
	for i := range b.Columns {
		out[i] = &b.Columns[i]
	}
	return out
}

// recompute sets the accumulator to what it is over the values that are left.
func (v *valueSet) recompute(t *turn, a *aggregate, call *aggregateCall, group int32) error {
	var left []keyedValue
	var err error
	if v.rebuild == rebuildFromLeast || v.rebuild == rebuildFromGreatest {
		left, err = v.extreme(t, a.groups.Key(group), group)
	} else {
		left, err = v.collect(t, a.groups.Key(group), group)
	}
	if err != nil {
		return err
	}
	rows := types.NewBatch(v.argTypes)
	for _, value := range left {
		weight := int64(1)
		copies := int64(1)
		switch {
		case v.distinct:
		case v.rebuild == rebuildInOrder:
			copies = value.count
		default:
			weight = parity(value.count)
		}
		for range copies {
			rows.AppendRow(value.args, weight)
		}
	}
	call.sums.Clear([]int32{group})
	v.addTo(t, call, group, rows)
	return nil
}

// keyedValue is a value of a group under its stored key.
type keyedValue struct {
	key   string
	count int64
	args  []types.Datum
}

// collect returns all values of a group in ascending order.
func (v *valueSet) collect(t *turn, groupKey string, group int32) ([]keyedValue, error) {
	left := v.present(group)
	err := v.eachStored(t, groupKey, false, func(value keyedValue) bool {
		left = append(left, value)
		return true
	})
	slices.SortFunc(left, func(x, y keyedValue) int { return strings.Compare(x.key, y.key) })
	return left, err
}

// extreme returns the least (or greatest) value of a group, if it has one.
func (v *valueSet) extreme(t *turn, groupKey string, group int32) (best []keyedValue, err error) {
	consider := func(value keyedValue) {
		if best == nil || (value.key < best[0].key) == (v.rebuild == rebuildFromLeast) {
			best = []keyedValue{value}
		}
	}
	for _, value := range v.present(group) {
		consider(value)
	}
	err = v.eachStored(t, groupKey, v.rebuild == rebuildFromGreatest, func(value keyedValue) bool {
		consider(value)
		return false
	})
	return best, err
}

// present returns the group's values in memory: those that the turn has touched
// and, in a session, all others.
func (v *valueSet) present(group int32) []keyedValue {
	var out []keyedValue
	for _, key := range v.changed[group] {
		if entry := v.counts[key]; entry.count > 0 {
			out = append(out, keyedValue{key, entry.count, entry.args})
		}
	}
	for key, entry := range v.held[group] {
		if !entry.listed {
			out = append(out, keyedValue{key, entry.count, entry.args})
		}
	}
	return out
}

// eachStored calls visit with the group's stored values that this turn has not
// touched, in order, until it returns false.
func (v *valueSet) eachStored(t *turn, groupKey string, descending bool, visit func(keyedValue) bool) error {
	if t.state == nil {
		return nil
	}
	from := v.appendPrefix(nil, groupKey)
	it, err := t.state.Scan(from, tables.PrefixEnd(nil, from))
	if err != nil {
		return err
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
		count, args, err := v.decode(slices.Clone(it.Value()))
		if err != nil {
			return err
		}
		if !visit(keyedValue{string(it.Key()), count, args}) {
			break
		}
	}
	return it.Err()
}

// writeCounts stores the group's changed counts and ends its turn.
func (v *valueSet) writeCounts(t *turn, group int32) {
	for _, key := range v.changed[group] {
		entry := v.counts[key]
		if t.write != nil && entry.count != entry.before {
			v.write(t, key, entry)
		}
		entry.before, entry.listed = entry.count, false
		if v.inMemory {
			v.hold(group, key, entry)
		}
		if !v.inMemory || entry.count == 0 {
			delete(v.counts, key)
		}
	}
	delete(v.changed, group)
}

// forget lets a group's values in memory go.
func (v *valueSet) forget(group int32) {
	for key := range v.held[group] {
		delete(v.counts, key)
	}
	delete(v.held, group)
}

func (v *valueSet) write(t *turn, key string, entry *valueCount) {
	if entry.count == 0 {
		t.write.Delete([]byte(key))
		return
	}
	t.scratch = binary.AppendUvarint(t.scratch[:0], uint64(entry.count))
	t.scratch = v.args.AppendDatums(t.scratch, entry.args)
	t.write.Set([]byte(key), t.scratch)
}

// hold keeps a value in memory, or lets it go.
func (v *valueSet) hold(group int32, key string, entry *valueCount) {
	values := v.held[group]
	switch {
	case entry.count != 0 && values == nil:
		v.held[group] = map[string]*valueCount{key: entry}
	case entry.count != 0:
		values[key] = entry
	default:
		delete(values, key)
		if len(values) == 0 {
			delete(v.held, group)
		}
	}
}
