package exec

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"millrace/planner/plan"
	"millrace/sql/catalog"
	"millrace/sql/types"
)

// withinCase is a join of streams a and b, with its condition in words that the
// planner and the operator have no part in. Lengths are in seconds.
type withinCase struct {
	join                 string
	kind                 plan.JoinKind
	before, after, grace int64
	condition            string
	matches              func(a, b *timedTestRow) bool
}

// timedTestRow is a row of a stream: k, n and the second of its event time; the
// stream time when it came, and whether it has found a match.
type timedTestRow struct {
	k          types.Datum
	n, at      int64
	came       int64
	late, pair bool
}

func withinCases() []withinCase {
	sameKey := func(a, b *timedTestRow) bool { return a.k.Valid && b.k.Valid && a.k.Int == b.k.Int }
	var out []withinCase
	kinds := []plan.JoinKind{plan.JoinInner, plan.JoinLeft, plan.JoinRight, plan.JoinFull}
	for i, join := range []string{"JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"} {
		out = append(out,
			withinCase{join, kinds[i], 10, 10, 5, "a.k = b.k", sameKey},
			withinCase{join, kinds[i], 0, 20, 0, "a.k = b.k AND a.n < b.n", func(a, b *timedTestRow) bool { return sameKey(a, b) && a.n < b.n }},
			withinCase{join, kinds[i], 7, 0, 12, "a.n % 3 < b.n % 3", func(a, b *timedTestRow) bool { return a.n%3 < b.n%3 }},
			withinCase{join, kinds[i], 0, 0, 30, "a.k = b.k", sameKey},
		)
	}
	return out
}

func (c *withinCase) query() string {
	return fmt.Sprintf("SELECT a.n AS a, b.n AS b FROM a %s b WITHIN (%d SECONDS, %d SECONDS) GRACE PERIOD %d SECONDS ON %s EMIT CHANGES",
		c.join, c.before, c.after, c.grace, c.condition)
}

// rows are the join's result by nested loops, when every window is over.
func (c *withinCase) rows(sides [2][]*timedTestRow) []string {
	for _, rows := range sides {
		stream := int64(math.MinInt64)
		for _, r := range rows {
			stream = max(stream, r.at)
			r.came, r.pair = stream, false
			r.late = r.at+c.before+c.after+c.grace < stream
		}
	}
	var out []string
	for _, a := range sides[0] {
		for _, b := range sides[1] {
			near := b.at >= a.at-c.before && b.at <= a.at+c.after
			open := b.came <= a.at+c.after+c.grace && a.came <= b.at+c.before+c.grace
			if near && open && !a.late && !b.late && c.matches(a, b) {
				a.pair, b.pair = true, true
				out = append(out, fmt.Sprintf("%d|%d", a.n, b.n))
			}
		}
	}
	for _, a := range sides[0] {
		if !a.pair && !a.late && (c.kind == plan.JoinLeft || c.kind == plan.JoinFull) {
			out = append(out, fmt.Sprintf("%d|NULL", a.n))
		}
	}
	for _, b := range sides[1] {
		if !b.pair && !b.late && (c.kind == plan.JoinRight || c.kind == plan.JoinFull) {
			out = append(out, fmt.Sprintf("NULL|%d", b.n))
		}
	}
	slices.Sort(out)
	return out
}

// streamHost runs the operators of a query over streams, in one stage.
type streamHost struct {
	*rowHost
	catalog *catalog.Snapshot
	hurry   func()
}

func newStreamHosts(t *testing.T, c *cluster, text string) map[string]*streamHost {
	root := c.queryPlan(t, text)
	hosts := map[string]*streamHost{}
	for name, cache := range map[string]int{"memory": 0, "store": 1, "hurried": 1} {
		hosts[name] = &streamHost{rowHost: newRowHost(t, c.snapshot, root, cache), catalog: c.snapshot}
	}
	return hosts
}

// feed gives one turn rows of a stream, and then the turns that the operators ask for.
func (h *streamHost) feed(stream string, rows []*timedTestRow) {
	in := types.NewBatch([]types.Type{types.Int4, types.Int4, types.TimestampTZ})
	for _, r := range rows {
		in.AppendRow([]types.Datum{r.k, types.IntDatum(r.n), types.IntDatum(types.TimestampFromUnixMillis(r.at * 1000))}, 1)
		in.Rowtimes = append(in.Rowtimes, r.at*1000)
		in.Offsets = append(in.Offsets, r.n)
	}
	batches := []*types.Batch{in}
	for first := true; first || h.stage.unfinished || h.stage.busy(); first = false {
		if h.hurry != nil {
			h.hurry()
		}
		h.stage.unfinished, h.stage.wake = false, time.Time{}
		h.turnOf(h.catalog.Lookup("public", stream).ID, batches)
		batches = nil
	}
}

func newStreamsCluster(t *testing.T) *cluster {
	c := newCluster(t, 1, 1)
	for _, name := range []string{"a", "b", "c"} {
		c.define(`CREATE STREAM ` + name + ` (k INT, n INT, at TIMESTAMPTZ) WITH (timestamp = 'at')`)
	}
	return c
}

// TestWithinGrace compares joins of random streams with nested loops: in memory, over a
// store, across restarts, and with turns that have hardly any time. The sides come in
// any order, which must not matter.
func TestWithinGrace(t *testing.T) {
	c := newStreamsCluster(t)
	for _, join := range withinCases() {
		t.Run(join.query(), func(t *testing.T) {
			for seed := range seeds(3, 12) {
				compareWithin(t, c, &join, seed)
			}
		})
	}
}

func compareWithin(t *testing.T, c *cluster, join *withinCase, seed uint64) {
	random := rand.New(rand.NewPCG(seed, 7))
	hosts := newStreamHosts(t, c, join.query())
	hurried := hosts["hurried"]
	hurried.hurry = func() {
		if random.IntN(4) == 0 {
			hurried.restart(c.snapshot)
		}
		hurried.turn.spent = func() bool { return random.IntN(3) > 0 }
		for _, j := range hurried.stage.workers {
			j.step = 1 + random.IntN(3)
		}
	}
	var sides [2][]*timedTestRow
	var now [2]int64
	for range 60 {
		side := random.IntN(2)
		var rows []*timedTestRow
		for range 1 + random.IntN(5) {
			now[side] += random.Int64N(5)
			row := &timedTestRow{k: types.IntDatum(random.Int64N(3)), n: int64(len(sides[side])), at: now[side] - random.Int64N(8)}
			switch random.IntN(12) {
			case 0:
				row.k = types.Null
			case 1:
				row.at -= 40
			}
			rows, sides[side] = append(rows, row), append(sides[side], row)
		}
		for name, host := range hosts {
			if name == "store" && random.IntN(6) == 0 {
				host.restart(c.snapshot)
			}
			host.feed([]string{"a", "b"}[side], rows)
		}
	}
	want := join.rows(sides)
	// The last rows close all windows, and are not given themselves.
	end := []*timedTestRow{{k: types.Null, n: -1, at: max(now[0], now[1]) + 1000}}
	for name, host := range hosts {
		host.feed("a", end)
		host.feed("b", end)
		got := slices.DeleteFunc(host.result(), func(row string) bool { return row == "-1|-1" })
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("seed %d, %s (-nested loops +kept):\n%s", seed, name, diff)
		}
	}
}

// TestWithinStateStaysFlat feeds windows of steady input: what the store has is the
// same after each.
func TestWithinStateStaysFlat(t *testing.T) {
	c := newStreamsCluster(t)
	host := newStreamHosts(t, c, `SELECT a.n AS a, b.n AS b FROM a FULL JOIN b WITHIN 30 SECONDS GRACE PERIOD 10 SECONDS ON a.k = b.k EMIT CHANGES`)["store"]
	windows, flat := sized(40, 100), 0
	for window := range int64(windows) {
		for row := range int64(6) {
			var rows [2][]*timedTestRow
			for k := range int64(20) {
				for side := range rows {
					// Keys 0 to 9 of either side have no match.
					rows[side] = append(rows[side], &timedTestRow{k: types.IntDatum(k + 10*int64(side)), n: window, at: window*60 + row*10})
				}
			}
			host.feed("a", rows[0])
			host.feed("b", rows[1])
		}
		switch n := (&windowHost{rowHost: host.rowHost}).stored(); {
		case window == 20:
			flat = n
		case window > 20 && n > flat:
			t.Fatalf("%d states after window %d, %d after window 20", n, window, flat)
		}
	}
}

// TestWithinClosesInPieces has many rows without a match over at once: each is given
// once, in pieces that fit an entry, over a restart between two of them.
func TestWithinClosesInPieces(t *testing.T) {
	c := newStreamsCluster(t)
	host := newStreamHosts(t, c, `SELECT a.n AS a, b.n AS b FROM a LEFT JOIN b WITHIN 30 SECONDS GRACE PERIOD 10 SECONDS ON a.k = b.k EMIT CHANGES`)["store"]
	const rows = 2*closeChunk + 100
	var many []*timedTestRow
	for n := range int64(rows) {
		many = append(many, &timedTestRow{k: types.IntDatum(n), n: n, at: n % 7})
	}
	host.feed("a", many)
	turns := 0
	host.hurry = func() {
		if turns++; turns == 2 {
			host.restart(c.snapshot)
		}
	}
	host.feed("b", []*timedTestRow{{k: types.Null, n: -1, at: 1000}})
	if turns != 3 || len(host.rows) != rows {
		t.Fatalf("%d rows in %d turns, want %d", len(host.rows), turns, rows)
	}
	for row, n := range host.rows {
		if n != 1 {
			t.Fatalf("%s was given %d times", row, n)
		}
	}
}
