package exec

import (
	"testing"
	"time"

	"millrace/sql/types"
	"millrace/tables"
)

// windowHost runs the operators of a windowed query over a stream, in one stage
// and over a store.
type windowHost struct {
	*rowHost
	now time.Time
}

func newWindowHost(t *testing.T, text string, cacheGroups int) *windowHost {
	c := newCluster(t, 1, 1)
	c.define(`CREATE STREAM w (k INT, at TIMESTAMPTZ) WITH (timestamp = 'at')`)
	root := c.queryPlan(t, text)
	h := &windowHost{now: time.UnixMilli(1_700_000_000_000)}
	h.rowHost = newRowHost(t, c.snapshot, root, cacheGroups)
	return h
}

// feed gives one turn a row for each key at an instant, and then all the turns
// that the operators ask for.
func (h *windowHost) feed(keys int, millis int64) {
	in := types.NewBatch([]types.Type{types.Int4, types.TimestampTZ})
	for k := range keys {
		in.AppendRow([]types.Datum{types.IntDatum(int64(k)), types.IntDatum(types.TimestampFromUnixMillis(millis))}, 1)
		in.Rowtimes = append(in.Rowtimes, millis)
		in.Offsets = append(in.Offsets, int64(k))
	}
	batches := []*types.Batch{in}
	for first := true; first || h.stage.unfinished; first = false {
		h.stage.unfinished, h.stage.wake = false, time.Time{}
		h.turn.begin(h.now, h.stage)
		h.run(batches)
		batches = nil
	}
}

// stored counts what the store has.
func (h *windowHost) stored() int {
	it, err := h.store.Shard(0).Scan(nil, nil)
	if err != nil {
		h.t.Fatal(err)
	}
	defer it.Close()
	n := 0
	for it.Next() {
		if kind, err := tables.KeyKind(it.Key()); err == nil && kind == tables.KindState {
			n++
		}
	}
	return n
}

// TestWindowStateStaysFlat feeds windows of steady input: what the store has
// is the same after each.
func TestWindowStateStaysFlat(t *testing.T) {
	for _, text := range []string{
		`SELECT k, count(*), count(DISTINCT at) FROM w WINDOW TUMBLING (SIZE 1 MINUTE, GRACE PERIOD 30 SECONDS) GROUP BY k EMIT CHANGES`,
		`SELECT k, count(*) FROM w WINDOW HOPPING (SIZE 3 MINUTES, ADVANCE BY 1 MINUTE, RETENTION 10 MINUTES) GROUP BY k EMIT CHANGES`,
		`SELECT k, count(*), max(at) FROM w WINDOW CUMULATE (SIZE 2 MINUTES, ADVANCE BY 1 MINUTE) GROUP BY k EMIT FINAL`,
		`SELECT k, count(*), max(at) FROM w WINDOW SESSION (30 SECONDS, GRACE PERIOD 1 MINUTE) GROUP BY k EMIT CHANGES`,
		`SELECT k, count(*) FROM w WINDOW SESSION (30 SECONDS) GROUP BY k EMIT FINAL`,
	} {
		t.Run(text, func(t *testing.T) {
			h := newWindowHost(t, text, 50)
			windows, flat := sized(36, 100), 0
			for window := range int64(windows) {
				for row := range int64(4) {
					h.feed(sized(20, 40), window*60_000+row*5_000)
				}
				switch n := h.stored(); {
				case window == 20:
					flat = n
				case window > 20 && window%2 == 0 && n > flat:
					t.Fatalf("%d states after window %d, %d after window 20", n, window, flat)
				}
			}
		})
	}
}

// TestManyOpenWindows closes many windows at once: each is given once, in pieces
// that fit an entry.
func TestManyOpenWindows(t *testing.T) {
	windows := sized(30_000, 1_000_000)
	h := newWindowHost(t, `SELECT k, count(*) AS c FROM w WINDOW TUMBLING (SIZE 1 HOUR) GROUP BY k EMIT FINAL`, 1000)
	for range 2 {
		h.feed(windows, 1_700_000_000_000)
	}
	if len(h.rows) > 0 {
		t.Fatalf("%d windows were given while they were open", len(h.rows))
	}
	h.feed(1, 1_700_010_000_000)
	if len(h.rows) != windows {
		t.Fatalf("%d windows were given, want %d", len(h.rows), windows)
	}
	for row, n := range h.rows {
		if n != 1 {
			t.Fatalf("%s was given %d times", row, n)
		}
	}
	if n := h.stored(); n > 4 {
		t.Errorf("%d states are left", n)
	}
}
