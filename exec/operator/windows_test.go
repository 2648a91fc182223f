package operator

import (
	"math/rand/v2"
	"slices"
	"testing"

	"millrace/planner/plan"
	"millrace/sql/types"
)

// TestWindowsHoldTheirInstants compares the windows of random instants, on both
// sides of the epoch, with all windows around them that the definition gives.
func TestWindowsHoldTheirInstants(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		advance := 1 + random.Int64N(20)
		size := advance * (1 + random.Int64N(6))
		kind := plan.WindowKind(random.IntN(3))
		if kind == plan.WindowHopping {
			size += random.Int64N(advance)
		}
		w := &Windows{kind: kind, size: size, advance: advance}
		at := epoch + random.Int64N(2000) - 1000
		w.assign(0, at)
		var starts, ends []int64
		for n := int64(-2200); n <= 2200; n++ {
			switch kind {
			case plan.WindowTumbling:
				starts, ends = append(starts, epoch+n*size), append(ends, epoch+(n+1)*size)
			case plan.WindowHopping:
				starts, ends = append(starts, epoch+n*advance), append(ends, epoch+n*advance+size)
			case plan.WindowCumulate:
				for length := advance; length <= size; length += advance {
					starts, ends = append(starts, epoch+n*size), append(ends, epoch+n*size+length)
				}
			}
		}
		var wantStarts, wantEnds []int64
		for i := range starts {
			if starts[i] <= at && at < ends[i] {
				wantStarts, wantEnds = append(wantStarts, starts[i]), append(wantEnds, ends[i])
			}
		}
		if !slices.Equal(w.Starts, wantStarts) || !slices.Equal(w.Ends, wantEnds) {
			t.Fatalf("%s size %d advance %d at %d: %v-%v, want %v-%v", kind, size, advance, at, w.Starts, w.Ends, wantStarts, wantEnds)
		}
	}
}

func TestExtremeInstantsHaveWindowsOrErrors(t *testing.T) {
	for _, at := range []int64{types.TimestampInfinity, types.TimestampNegativeInfinity, firstInstant - 1, lastInstant + 1} {
		if at >= firstInstant && at <= lastInstant {
			t.Errorf("%d is taken", at)
		}
	}
	const longest = 1000 * 366 * 86_400_000_000
	w := &Windows{kind: plan.WindowTumbling, size: longest}
	for _, at := range []int64{firstInstant, lastInstant} {
		w.assign(0, at)
		if n := len(w.Starts) - 1; w.Starts[n] > at || w.Ends[n] <= at {
			t.Errorf("%d is not in %d-%d", at, w.Starts[n], w.Ends[n])
		}
	}
}
