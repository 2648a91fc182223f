package operator

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"millrace/sql/types"
)

// keyTypes are one type for each way in which Groups keeps keys.
var keyTypes = map[string][]types.Type{
	"none":    {},
	"integer": {types.Int8},
	"text":    {types.Text},
	"numeric": {types.Numeric},
	"float":   {types.Float8},
	"several": {types.Text, types.Int4},
}

func drawDatum(t *rapid.T, typ types.Type) types.Datum {
	if rapid.IntRange(0, 5).Draw(t, "null") == 0 {
		return types.Null
	}
	n := rapid.Int64Range(-3, 20).Draw(t, "value")
	switch typ.Kind {
	case types.KindText:
		return types.StringDatum([]string{"", "a", "a\x00", "ab", fmt.Sprint("key ", n)}[max(0, n)%5])
	case types.KindNumeric:
		return types.StringDatum(types.NumericFromSmall(n*10, int32(n)&1))
	case types.KindFloat8:
		return types.FloatDatum(float64(n) / 2)
	default:
		return types.IntDatum(n)
	}
}

func drawKeys(t *rapid.T, columns []types.Type, rows int) []*types.Vector {
	keys := make([]*types.Vector, len(columns))
	for c, typ := range columns {
		keys[c] = &types.Vector{Type: typ}
		for range rows {
			keys[c].Append(drawDatum(t, typ))
		}
	}
	return keys
}

func drawSelection(t *rapid.T, rows int) []int32 {
	if rapid.Bool().Draw(t, "all rows") {
		return nil
	}
	selection := []int32{}
	for i := range rows {
		if rapid.Bool().Draw(t, "selected") {
			selection = append(selection, int32(i))
		}
	}
	return selection
}

func selectedRows(selection []int32, rows int) []int32 {
	if selection != nil {
		return selection
	}
	for i := range rows {
		selection = append(selection, int32(i))
	}
	return selection
}

// TestGroupsAgainstMap numbers random keys, removes random groups and compares
// every step with a map.
func TestGroupsAgainstMap(t *testing.T) {
	for name, columns := range keyTypes {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				groups := NewGroups()
				model := map[string]int32{}
				for range rapid.IntRange(1, 6).Draw(t, "rounds") {
					assignAndCompare(t, groups, model, columns)
					removeAndCompare(t, groups, model)
				}
				groups.Reset()
				if groups.Len() != 0 || groups.Live() != 0 {
					t.Fatalf("%d groups after Reset", groups.Len())
				}
				clear(model)
				assignAndCompare(t, groups, model, columns)
			})
		})
	}
}

func assignAndCompare(t *rapid.T, groups *Groups, model map[string]int32, columns []types.Type) {
	rows := rapid.IntRange(0, 40).Draw(t, "rows")
	keys := drawKeys(t, columns, rows)
	selection := drawSelection(t, rows)
	out, want := make([]int32, rows), make([]int32, rows)
	for i := range want {
		want[i] = NoGroup
	}

	groups.Find(keys, rows, selection, out)
	for _, i := range selectedRows(selection, rows) {
		if group, known := model[string(encodeKey(nil, keys, int(i)))]; known {
			want[i] = group
		}
	}
	if !slices.Equal(out, want) {
		t.Fatalf("found groups %v, want %v", out, want)
	}

	before := groups.Len()
	if first := groups.Assign(keys, rows, selection, out); int(first) != before {
		t.Fatalf("first new group is %d, want %d", first, before)
	}
	created := groups.Created()
	for _, i := range selectedRows(selection, rows) {
		key := string(encodeKey(nil, keys, int(i)))
		if _, known := model[key]; !known {
			if len(created) == 0 {
				t.Fatalf("row %d is the first of a group that is not in Created", i)
			}
			model[key], created = created[0], created[1:]
		}
		want[i] = model[key]
	}
	if !slices.Equal(out, want) || len(created) > 0 {
		t.Fatalf("assigned groups %v, want %v; created without a row: %v", out, want, created)
	}
	compareKeysOfGroups(t, groups, model)
}

// compareKeysOfGroups checks that no two keys have one group, and that Key gives
// each group's.
func compareKeysOfGroups(t *rapid.T, groups *Groups, model map[string]int32) {
	if groups.Live() != len(model) {
		t.Fatalf("%d groups, want %d", groups.Live(), len(model))
	}
	for key, group := range model {
		if got := groups.Key(group); got != key {
			t.Fatalf("key of group %d is %q, want %q", group, got, key)
		}
	}
}

func removeAndCompare(t *rapid.T, groups *Groups, model map[string]int32) {
	byGroup := map[int32]string{}
	for key, group := range model {
		byGroup[group] = key
	}
	for group := range int32(groups.Len()) {
		key, exists := byGroup[group]
		if exists && rapid.IntRange(0, 2).Draw(t, "remove") == 0 {
			groups.Remove(group)
			delete(model, key)
		}
	}
}

// TestGroupsFind checks that Find sees what Assign made and makes nothing.
func TestGroupsFind(t *testing.T) {
	known := &types.Vector{Type: types.Int8, Ints: []int64{7, 8}}
	asked := &types.Vector{Type: types.Int8, Ints: []int64{9, 8, 7}}
	groups, out := NewGroups(), make([]int32, 3)
	groups.Assign([]*types.Vector{known}, 2, nil, out)
	groups.Find([]*types.Vector{asked}, 3, nil, out)
	if out[0] != NoGroup || out[1] != 1 || out[2] != 0 || groups.Len() != 2 {
		t.Fatalf("found %v of %d groups", out, groups.Len())
	}
}

// TestGroupsChurn checks that a long-lived Groups whose keys come and go does
// not grow.
func TestGroupsChurn(t *testing.T) {
	groups, out := NewGroups(), make([]int32, 1000)
	var largest int64
	for round := range 200 {
		key := types.Vector{Type: types.Text}
		for i := range 1000 {
			key.Append(types.StringDatum(fmt.Sprintf("round %d key %d", round, i)))
		}
		groups.Assign([]*types.Vector{&key}, 1000, nil, out)
		for _, group := range out {
			groups.Remove(group)
		}
		if round == 10 {
			largest = groups.Bytes()
		}
	}
	if groups.Len() > 1000 || groups.Bytes() > 2*largest {
		t.Fatalf("%d groups in %d bytes, %d bytes after 10 rounds", groups.Len(), groups.Bytes(), largest)
	}
}

func TestGroupsAssignDoesNotAllocateForKnownKeys(t *testing.T) {
	for name, columns := range keyTypes {
		keys := make([]*types.Vector, len(columns))
		for c, typ := range columns {
			keys[c] = &types.Vector{Type: typ}
			for i := range 1024 {
				keys[c].Append(exampleDatum(typ, int64(i%100)))
			}
		}
		groups, out := NewGroups(), make([]int32, 1024)
		groups.Assign(keys, 1024, nil, out)
		if n := testing.AllocsPerRun(10, func() { groups.Assign(keys, 1024, nil, out) }); n > 0 {
			t.Errorf("%s: %v allocations per batch", name, n)
		}
	}
}

func exampleDatum(typ types.Type, n int64) types.Datum {
	switch typ.Kind {
	case types.KindText:
		return types.StringDatum(fmt.Sprintf("key number %d", n))
	case types.KindNumeric:
		return types.StringDatum(types.NumericFromSmall(n, 2))
	case types.KindFloat8:
		return types.FloatDatum(float64(n))
	default:
		return types.IntDatum(n)
	}
}

func BenchmarkGroupsAssign(b *testing.B) {
	for name, columns := range keyTypes {
		b.Run(name, func(b *testing.B) {
			keys := make([]*types.Vector, len(columns))
			for c, typ := range columns {
				keys[c] = &types.Vector{Type: typ}
				for i := range 1024 {
					keys[c].Append(exampleDatum(typ, int64(i*7919%1000)))
				}
			}
			groups, out := NewGroups(), make([]int32, 1024)
			b.ResetTimer()
			for range b.N {
				groups.Assign(keys, 1024, nil, out)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1024, "ns/row")
		})
	}
}
