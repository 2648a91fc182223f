package exec

import (
	"fmt"
	"slices"

	"millrace/planner/plan"
	"millrace/sql/types"
	"millrace/tables"
)

// How an aggregation keeps its groups: in memory, and in the store.

// stateKey names the state of one operator of a query.
type stateKey struct {
	query           uint64
	stage, operator uint16
}

// aggregateCacheGroups bounds the groups that one aggregation keeps in memory
// on one shard between turns.
const aggregateCacheGroups = 1 << 17

// grow makes room for groups 0..n-1.
func (a *aggregate) grow(n int) {
	if n <= len(a.rows) {
		return
	}
	for i := range a.columns {
		extendVector(&a.columns[i], n)
	}
	a.rows = append(a.rows, make([]int64, n-len(a.rows))...)
	a.marks = append(a.marks, make([]uint64, n-len(a.marks))...)
	for c := range a.calls {
		a.calls[c].sums.Resize(n)
	}
}

func extendVector(v *types.Vector, n int) {
	for v.Len() < n {
		switch v.Type.Physical() {
		case types.PhysicalInt:
			v.Ints = append(v.Ints, make([]int64, n-len(v.Ints))...)
		case types.PhysicalFloat:
			v.Floats = append(v.Floats, make([]float64, n-len(v.Floats))...)
		default:
			v.Strs = append(v.Strs, make([]string, n-len(v.Strs))...)
		}
	}
}

// load gives the fresh groups their stored state, or the empty one.
func (a *aggregate) load(t *turn) {
	if len(a.fresh) == 0 {
		return
	}
	for _, group := range a.fresh {
		a.rows[group] = 0
	}
	for c := range a.calls {
		a.calls[c].sums.Clear(a.fresh)
	}
	if t.state == nil || a.plan.Mode == plan.AggregatePartial {
		return
	}
	slices.SortFunc(a.fresh, func(x, y int32) int { return compareStrings(a.groups.Key(x), a.groups.Key(y)) })
	storedKeys := make([][]byte, len(a.fresh))
	arena := make([]byte, 0, len(a.fresh)*32)
	for i, group := range a.fresh {
		start := len(arena)
		arena = a.appendStateKey(arena, group)
		storedKeys[i] = arena[start:len(arena):len(arena)]
	}
	stored := types.NewBatch(a.stateCols)
	var found []int32
	err := t.state.GetSorted(storedKeys, func(i int, value []byte, ok bool) error {
		if !ok {
			return nil
		}
		found = append(found, a.fresh[i])
		return a.state.DecodeIntoCopy(value, stored)
	})
	if err != nil {
		t.fail(fmt.Errorf("read the state of an aggregation: %w", err))
		return
	}
	a.loadStored(found, stored)
}

func (a *aggregate) loadStored(found []int32, stored *types.Batch) {
	if len(found) == 0 {
		return
	}
	column := len(a.columns)
	a.opened = true
	for r, group := range found {
		for k := range a.columns {
			a.columns[k].Set(int(group), stored.Columns[k].Datum(r))
		}
		a.rows[group] = stored.Columns[column].Ints[r]
	}
	column++
	for c := range a.calls {
		states := make([]*types.Vector, len(a.calls[c].types))
		for i := range states {
			states[i] = &stored.Columns[column+i]
		}
		column += len(states)
		a.calls[c].sums.Load(found, states)
	}
}

func (a *aggregate) appendStateKey(buf []byte, group int32) []byte {
	return append(tables.AppendStateKey(buf, a.key.query, a.key.stage, a.key.operator, nil), a.groups.Key(group)...)
}

// appendStates appends the group columns and the states of groups to the first
// columns of out.
func (a *aggregate) appendStates(out *types.Batch, groups []int32) {
	column := 0
	for k := range a.columns {
		out.Columns[column].AppendRows(&a.columns[k], groups)
		column++
	}
	for c := range a.calls {
		states := make([]*types.Vector, len(a.calls[c].types))
		for i := range states {
			states[i] = &out.Columns[column+i]
		}
		column += len(states)
		a.calls[c].sums.Save(groups, states)
	}
}

// save writes the touched groups' states into the entry.
func (a *aggregate) save(t *turn) {
	if t.write == nil {
		return
	}
	states := types.NewBatch(nil)
	for _, column := range a.stateCols {
		states.Columns = append(states.Columns, types.Vector{Type: column})
	}
	a.saveInto(states)
	for n, group := range a.touched {
		a.scratch = a.appendStateKey(a.scratch[:0], group)
		if a.rows[group] == 0 && len(a.keys) > 0 {
			t.write.Delete(a.scratch)
			continue
		}
		keyLen := len(a.scratch)
		a.scratch = a.state.AppendRow(a.scratch, states, n)
		t.write.Set(a.scratch[:keyLen], a.scratch[keyLen:])
	}
}

// saveInto fills a batch of the state columns: keys, row count, states.
func (a *aggregate) saveInto(states *types.Batch) {
	column := 0
	for k := range a.columns {
		states.Columns[column].AppendRows(&a.columns[k], a.touched)
		column++
	}
	for _, group := range a.touched {
		states.Columns[column].Append(types.IntDatum(a.rows[group]))
	}
	column++
	for c := range a.calls {
		out := make([]*types.Vector, len(a.calls[c].types))
		for i := range out {
			out[i] = &states.Columns[column+i]
		}
		column += len(out)
		a.calls[c].sums.Save(a.touched, out)
	}
	states.Len = len(a.touched)
}

// forgetEmpty removes the groups that have no rows any more: when they come
// back, they are as new.
func (a *aggregate) forgetEmpty() {
	if a.plan.Mode == plan.AggregatePartial || len(a.keys) == 0 {
		return
	}
	for _, group := range a.touched {
		if a.rows[group] == 0 {
			a.groups.Remove(group)
			a.marks[group] = 0
		}
	}
}

// evict forgets cached groups beyond the bound, those not touched lately first.
func (a *aggregate) evict(t *turn) {
	if a.cacheMax == 0 || a.groups.Live() <= a.cacheMax {
		return
	}
	excess := a.groups.Live() - a.cacheMax*7/8
	for scanned := 0; excess > 0 && scanned < len(a.marks); scanned++ {
		a.hand++
		if int(a.hand) >= len(a.marks) {
			a.hand = 0
		}
		if mark := a.marks[a.hand]; mark != 0 && mark != t.number {
			a.groups.Remove(a.hand)
			a.marks[a.hand] = 0
			excess--
		}
	}
}
