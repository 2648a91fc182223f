package exec

import (
	"context"
	"errors"
	"testing"
)

// An id is given once, also when ranges end and where nodes share the catalog.
func TestRowIDsAreGivenOnce(t *testing.T) {
	var reserved int64
	reserve := func(_ context.Context, count int64) (int64, error) {
		first := reserved + 1
		reserved += count
		return first, nil
	}
	nodes := []*rowIDs{{}, {}}
	type span struct{ first, last int64 }
	var given []span
	for i, count := range []int64{1, 5, rowIDRange - 3, 7, 2 * rowIDRange, 1, 1} {
		first, err := nodes[i%2].take(t.Context(), count, reserve)
		if err != nil {
			t.Fatal(err)
		}
		last := first + count - 1
		if first < 1 || last > reserved {
			t.Fatalf("ids %d to %d are not reserved", first, last)
		}
		for _, other := range given {
			if first <= other.last && other.first <= last {
				t.Fatalf("ids %d to %d are given twice", max(first, other.first), min(last, other.last))
			}
		}
		given = append(given, span{first, last})
	}
	failure := errors.New("no leader")
	_, err := nodes[0].take(t.Context(), rowIDRange+1, func(context.Context, int64) (int64, error) { return 0, failure })
	if !errors.Is(err, failure) {
		t.Fatal(err)
	}
}
