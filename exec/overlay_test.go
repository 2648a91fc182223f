package exec

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"millrace/sql/catalog"
	"millrace/sql/types"
)

var overlayRelation = &catalog.Relation{
	ID: 7, Kind: catalog.KindTable, Schema: "public", Name: "t", Partitions: 1, Key: []int{0},
	Columns: []catalog.Column{{Name: "k", Type: types.Int8, NotNull: true}, {Name: "v", Type: types.Int8}},
}

func overlayBatch(rows ...[2]int64) *types.Batch {
	b := types.NewBatch([]types.Type{types.Int8, types.Int8})
	for _, row := range rows {
		b.AppendRow([]types.Datum{types.IntDatum(row[0]), types.IntDatum(row[1])}, 1)
	}
	return b
}

// TestOverlay does random operations to a table through an overlay: what it shows
// is what a map shows, and what it amounts to turns the table into that, key by
// key once.
func TestOverlay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		stored := map[int64]int64{}
		for k := range int64(5) {
			if rapid.Bool().Draw(t, "stored") {
				stored[k] = 100 + k
			}
		}
		now := maps.Clone(stored)
		o := NewOverlay()
		operations := rapid.IntRange(0, 12).Draw(t, "operations")
		repeats, keys := false, map[int64]bool{}
		for range operations {
			k, v := rapid.Int64Range(0, 5).Draw(t, "key"), rapid.Int64Range(0, 9).Draw(t, "value")
			old, exists := now[k]
			repeats, keys[k] = repeats || keys[k], true
			rows := Rows{Relation: overlayRelation, Batch: overlayBatch([2]int64{k, v})}
			switch {
			case !exists:
				rows.Operation = rapid.SampledFrom([]Operation{OperationInsert, OperationAdd}).Draw(t, "operation")
				now[k] = v
			case rapid.Bool().Draw(t, "delete"):
				rows.Operation, rows.Batch = OperationDelete, overlayBatch([2]int64{k, old})
				delete(now, k)
			default:
				rows.Operation, rows.Old = OperationUpdate, overlayBatch([2]int64{k, old})
				now[k] = v
			}
			before, kept := shown(o, stored), o.Clone()
			o.Add(rows)
			if diff := cmp.Diff(before, shown(kept, stored)); diff != "" {
				t.Fatalf("a clone changed:\n%s", diff)
			}
		}
		if diff := cmp.Diff(now, shown(o, stored)); diff != "" {
			t.Fatalf("-want +shown:\n%s", diff)
		}
		if diff := cmp.Diff(now, carriedOut(t, o.Changes(), stored, true)); diff != "" {
			t.Fatalf("-want +carried out:\n%s", diff)
		}
		if diff := cmp.Diff(now, carriedOut(t, o.Steps(), stored, false)); diff != "" {
			t.Fatalf("-want +carried out step by step:\n%s", diff)
		}
		if n := countRows(o.Steps()); n != operations && n > 0 && repeats {
			t.Fatalf("%d steps of %d operations", n, operations)
		}
	})
}

// shown returns the table as a scan through the overlay gives it.
func shown(o *Overlay, stored map[int64]int64) map[int64]int64 {
	out := maps.Clone(stored)
	table := o.table(overlayRelation.ID)
	if table == nil {
		return out
	}
	for _, k := range slices.Collect(maps.Keys(stored)) {
		if _, known := table.find(types.AppendKey(nil, types.Int8, types.IntDatum(k))); known {
			delete(out, k)
		}
	}
	rows := table.batch()
	for i := range rows.Len {
		out[rows.Columns[0].Ints[i]] = rows.Columns[1].Ints[i]
	}
	return out
}

func countRows(list []Rows) int {
	n := 0
	for _, rows := range list {
		n += rows.Batch.Len
	}
	return n
}

// carriedOut does operations to a table and checks their conditions; once says that
// each key may be touched once.
func carriedOut(t *rapid.T, changes []Rows, stored map[int64]int64, once bool) map[int64]int64 {
	out, touched := maps.Clone(stored), map[int64]bool{}
	for _, rows := range changes {
		for i := range rows.Batch.Len {
			k, v := rows.Batch.Columns[0].Ints[i], rows.Batch.Columns[1].Ints[i]
			was, exists := out[k]
			if touched[k] && once {
				t.Fatalf("key %d is touched twice", k)
			}
			touched[k] = true
			expected := fmt.Sprint(exists, was)
			switch rows.Operation {
			case OperationInsert, OperationAdd:
				if exists {
					t.Fatalf("key %d is added, and exists", k)
				}
				out[k] = v
			case OperationUpdate:
				if given := fmt.Sprint(true, rows.Old.Columns[1].Ints[i]); given != expected {
					t.Fatalf("key %d: replaces %s, not %s", k, given, expected)
				}
				out[k] = v
			case OperationDelete:
				if given := fmt.Sprint(true, v); given != expected {
					t.Fatalf("key %d: deletes %s, not %s", k, given, expected)
				}
				delete(out, k)
			}
		}
	}
	return out
}

// TestPreparedOperations stores and reads prepared parts of each kind.
func TestPreparedOperations(t *testing.T) {
	codec := newRelationCodec(overlayRelation)
	for operation := OperationInsert; operation <= OperationDelete; operation++ {
		p := part{relation: overlayRelation.ID, operation: operation, rows: overlayBatch([2]int64{1, 2}, [2]int64{3, 4})}
		content, old := types.AppendBatch(nil, p.rows), []byte(nil)
		if operation == OperationUpdate {
			p.old = overlayBatch([2]int64{1, 5}, [2]int64{3, 6})
			old = types.AppendBatch(nil, p.old)
		}
		in := uvarintReader{data: p.append(nil)}
		stored := in.part()
		got, err := stored.decode(codec)
		if err != nil {
			t.Fatal(err)
		}
		if got.operation != operation {
			t.Errorf("operation %d came back as %d", operation, got.operation)
		}
		if !bytes.Equal(content, types.AppendBatch(nil, got.rows)) {
			t.Errorf("operation %d: the rows changed", operation)
		}
		if p.old != nil && !bytes.Equal(old, types.AppendBatch(nil, got.old)) {
			t.Errorf("operation %d: the old rows changed", operation)
		}
	}
	unknown := storedPart{relation: overlayRelation.ID, kind: storedKind(OperationDelete) + 1, columns: 2, content: types.AppendBatch(nil, overlayBatch())}
	if _, err := unknown.decode(codec); err == nil {
		t.Error("an unknown kind was decoded")
	}
}
