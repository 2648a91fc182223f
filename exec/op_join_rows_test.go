package exec

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestJoinRows compares the rows of a join key with a map, over random changes, and
// reads them in pieces.
func TestJoinRows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := map[string]joinRow{}
		for i := range rapid.IntRange(0, 3*joinChunk).Draw(t, "first") {
			id := fmt.Sprintf("%06d", 10*i)
			want[id] = joinRow{id: id, count: 1}
		}
		inOrder := func() []joinRow {
			rows := []joinRow{}
			for _, id := range slices.Sorted(maps.Keys(want)) {
				rows = append(rows, want[id])
			}
			return rows
		}
		rows := newJoinRows(inOrder())
		for range rapid.IntRange(0, 40).Draw(t, "rounds") {
			from, step := rapid.IntRange(0, 40*joinChunk).Draw(t, "from"), rapid.IntRange(-3, 3).Draw(t, "step")
			remove := rapid.Bool().Draw(t, "remove")
			for i := range rapid.IntRange(1, 2*joinChunk).Draw(t, "n") {
				row := joinRow{id: fmt.Sprintf("%06d", max(0, from+i*step)), count: int64(i + 2)}
				if remove {
					rows.remove(row.id)
					delete(want, row.id)
				} else {
					rows.put(row)
					want[row.id] = row
				}
			}
		}
		expected := inOrder()
		if rows.len != len(expected) {
			t.Fatalf("%d rows, not %d", rows.len, len(expected))
		}
		limit := rapid.IntRange(1, 3*joinChunk).Draw(t, "limit")
		after, begun := "", false
		got := []joinRow{}
		for {
			piece, more := rows.read(after, begun, limit)
			got = append(got, piece...)
			if !more {
				break
			}
			if len(piece) != limit {
				t.Fatalf("a piece of %d rows has more behind it", len(piece))
			}
			after, begun = piece[len(piece)-1].id, true
		}
		if !slices.Equal(got, expected) {
			t.Fatalf("read %d rows, which differ from the %d expected", len(got), len(expected))
		}
		for _, row := range expected {
			if found, there := rows.find(row.id); !there || found != row {
				t.Fatalf("row %q is not found", row.id)
			}
		}
		if last, more := rows.read("9999999", true, 1); len(last) > 0 || more {
			t.Fatal("there are rows behind the last one")
		}
		for i, chunk := range rows.chunks {
			if len(chunk) == 0 || len(chunk) > joinChunk {
				t.Fatalf("chunk %d has %d rows", i, len(chunk))
			}
		}
	})
}
