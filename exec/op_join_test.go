package exec

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"millrace/log"
	"millrace/planner/plan"
	"millrace/sql/catalog"
	"millrace/sql/types"
)

// joinCase is a join of two tables (id, g, x, s), with its meaning in words that
// the planner and the operator have no part in.
type joinCase struct {
	query   string
	kind    plan.JoinKind
	matches func(l, r []types.Datum) bool
}

func sameGroup(l, r []types.Datum) bool { return l[1].Valid && r[1].Valid && l[1].Int == r[1].Int }

func less(l, r types.Datum) bool { return l.Valid && r.Valid && l.Int < r.Int }

func joinCases() []joinCase {
	var out []joinCase
	kinds := map[string]plan.JoinKind{"": plan.JoinInner, "LEFT": plan.JoinLeft, "RIGHT": plan.JoinRight, "FULL": plan.JoinFull}
	for name, kind := range kinds {
		out = append(out,
			joinCase{"SELECT * FROM l " + name + " JOIN r ON l.g = r.g", kind, sameGroup},
			joinCase{"SELECT * FROM l " + name + " JOIN r ON l.g = r.g AND l.x < r.x", kind, func(l, r []types.Datum) bool {
				return sameGroup(l, r) && less(l[2], r[2])
			}},
			joinCase{"SELECT * FROM l " + name + " JOIN r ON l.id = r.id", kind, func(l, r []types.Datum) bool { return l[0].Int == r[0].Int }},
			joinCase{"SELECT * FROM l " + name + " JOIN r ON l.id = r.g", kind, func(l, r []types.Datum) bool {
				return r[1].Valid && l[0].Int == r[1].Int
			}},
			joinCase{"SELECT * FROM l " + name + " JOIN r ON l.g = r.g AND 6 / l.x > r.x", kind, func(l, r []types.Datum) bool {
				return sameGroup(l, r) && l[2].Valid && l[2].Int != 0 && r[2].Valid && 6/l[2].Int > r[2].Int
			}},
		)
	}
	for name, kind := range map[string]plan.JoinKind{"": plan.JoinSemi, "NOT ": plan.JoinAnti} {
		out = append(out,
			joinCase{"SELECT * FROM l WHERE " + name + "EXISTS (SELECT 1 FROM r WHERE r.g = l.g)", kind, sameGroup},
			joinCase{"SELECT * FROM l WHERE " + name + "EXISTS (SELECT 1 FROM r WHERE l.g = r.g AND l.x < r.x)", kind, func(l, r []types.Datum) bool {
				return sameGroup(l, r) && less(l[2], r[2])
			}},
			joinCase{"SELECT * FROM l WHERE " + name + "EXISTS (SELECT 1 FROM r WHERE l.x < r.x)", kind, func(l, r []types.Datum) bool { return less(l[2], r[2]) }},
			joinCase{"SELECT * FROM l WHERE " + name + "EXISTS (SELECT 1 FROM r WHERE l.g = r.g AND 6 / l.x > r.x)", kind, func(l, r []types.Datum) bool {
				return sameGroup(l, r) && l[2].Valid && l[2].Int != 0 && r[2].Valid && 6/l[2].Int > r[2].Int
			}},
		)
	}
	return append(out,
		joinCase{"SELECT *, EXISTS (SELECT 1 FROM r WHERE r.g = l.g) AS mark FROM l", plan.JoinMark, sameGroup},
		joinCase{"SELECT *, EXISTS (SELECT 1 FROM r WHERE l.g = r.g AND l.x < r.x) AS mark FROM l", plan.JoinMark, func(l, r []types.Datum) bool {
			return sameGroup(l, r) && less(l[2], r[2])
		}},
		joinCase{"SELECT *, EXISTS (SELECT 1 FROM r WHERE l.x < r.x) AS mark FROM l", plan.JoinMark, func(l, r []types.Datum) bool { return less(l[2], r[2]) }},
		joinCase{"SELECT * FROM l WHERE g IN (SELECT x FROM r)", plan.JoinSemi, func(l, r []types.Datum) bool {
			return l[1].Valid && r[2].Valid && l[1].Int == r[2].Int
		}},
		joinCase{"SELECT * FROM l WHERE g NOT IN (SELECT x FROM r)", plan.JoinAnti, func(l, r []types.Datum) bool {
			return !l[1].Valid || !r[2].Valid || l[1].Int == r[2].Int
		}},
		joinCase{"SELECT * FROM l WHERE x <= ALL (SELECT x FROM r WHERE r.g = l.g)", plan.JoinAnti, func(l, r []types.Datum) bool {
			return sameGroup(l, r) && !(l[2].Valid && r[2].Valid && l[2].Int <= r[2].Int)
		}},
		joinCase{"SELECT * FROM l WHERE NOT x <= ALL (SELECT x FROM r WHERE r.g = l.g)", plan.JoinSemi, func(l, r []types.Datum) bool {
			return sameGroup(l, r) && l[2].Valid && r[2].Valid && l[2].Int > r[2].Int
		}},
		joinCase{"SELECT * FROM l, r WHERE l.x < r.x", plan.JoinInner, func(l, r []types.Datum) bool { return less(l[2], r[2]) }},
	)
}

// TestJoins compares what a join keeps over random changes of both sides with
// nested loops over the rows that are left: in memory, over a store, across
// restarts, and with turns that have hardly any time.
func TestJoins(t *testing.T) {
	c := newCluster(t, 1, 1)
	c.define(`CREATE TABLE l (id INT PRIMARY KEY, g INT, x INT, s TEXT)`)
	c.define(`CREATE TABLE r (id INT PRIMARY KEY, g INT, x INT, s TEXT)`)
	for _, join := range joinCases() {
		t.Run(join.query, func(t *testing.T) {
			root := c.queryPlan(t, join.query+" EMIT CHANGES")
			for seed := range seeds(3, 15) {
				compareJoin(t, c.snapshot, join.rows, root, seed)
			}
		})
	}
}

// compareJoin feeds random changes to the operators of a plan and compares what they
// keep with rows, a join of the rows that are left.
func compareJoin(t *testing.T, snapshot *catalog.Snapshot, rows func(live [2]map[int64][]types.Datum) []string, root plan.Node, seed uint64) {
	random := rand.New(rand.NewPCG(seed, 3))
	hosts := map[string]*rowHost{
		"memory": newRowHost(t, snapshot, root, 0), "store": newRowHost(t, snapshot, root, 1), "hurried": newRowHost(t, snapshot, root, 1),
	}
	var live [2]map[int64][]types.Datum
	for side := range live {
		live[side] = map[int64][]types.Datum{}
	}
	rests := 0
	for range 20 {
		left, right := randomTurn(random, live[0]), randomTurn(random, live[1])
		for name, host := range hosts {
			if name != "memory" && random.IntN(6) == 0 {
				host.restart(snapshot)
			}
			var hurry func()
			if name == "hurried" {
				hurry = func() {
					if random.IntN(4) == 0 {
						host.restart(snapshot)
					}
					host.turn.spent = func() bool { return random.IntN(3) > 0 }
					for _, j := range host.stage.workers {
						j.step = 1 + random.IntN(3)
					}
				}
			}
			rests += host.runJoin(snapshot, left, right, hurry)
		}
	}
	if rests == 0 {
		t.Fatal("no turn left work behind")
	}
	want := rows(live)
	for name, host := range hosts {
		if diff := cmp.Diff(want, host.result()); diff != "" {
			t.Fatalf("seed %d, %s (-nested loops +kept):\n%s", seed, name, diff)
		}
	}
}

// rows is the join by nested loops.
func (c *joinCase) rows(live [2]map[int64][]types.Datum) []string {
	var out []string
	matched := map[int64]bool{}
	for _, l := range live[0] {
		found := false
		for id, r := range live[1] {
			if c.matches(l, r) {
				found, matched[id] = true, true
				if c.kind.Wide() {
					out = append(out, datumText(l)+"|"+datumText(r))
				}
			}
		}
		if found && c.kind == plan.JoinSemi || !found && c.kind == plan.JoinAnti {
			out = append(out, datumText(l))
		}
		if c.kind == plan.JoinMark {
			out = append(out, datumText(l)+"|"+fmt.Sprint(found)[:1])
		}
		if !found && (c.kind == plan.JoinLeft || c.kind == plan.JoinFull) {
			out = append(out, datumText(l)+"|NULL|NULL|NULL|NULL")
		}
	}
	for id, r := range live[1] {
		if !matched[id] && (c.kind == plan.JoinRight || c.kind == plan.JoinFull) {
			out = append(out, "NULL|NULL|NULL|NULL|"+datumText(r))
		}
	}
	slices.Sort(out)
	return out
}

func datumText(row []types.Datum) string {
	var parts []string
	for i, d := range row {
		switch {
		case !d.Valid:
			parts = append(parts, "NULL")
		case operatorColumns[i].Kind == types.KindText:
			parts = append(parts, d.Str)
		default:
			parts = append(parts, fmt.Sprint(d.Int))
		}
	}
	return strings.Join(parts, "|")
}

// runJoin gives the operators turns over changes of the two tables, until no work
// is left, with hurry before each, and returns how many turns left some.
func (h *rowHost) runJoin(snapshot *catalog.Snapshot, left, right []*types.Batch, hurry func()) (rests int) {
	for name, rows := range map[string][]*types.Batch{"l": left, "r": right} {
		source := snapshot.Lookup("public", name).ID
		if hurry != nil {
			hurry()
		}
		h.turnOf(source, rows)
		for h.stage.busy() {
			rests++
			if hurry != nil {
				hurry()
			}
			h.turnOf(source, nil)
		}
	}
	return rests
}

// turnOf runs one turn, which begins with the joins' left work.
func (h *rowHost) turnOf(source catalog.ObjectID, rows []*types.Batch) {
	h.build.Reset(0, 0, 0)
	for _, j := range h.stage.workers {
		if err := j.work.load(&h.turn); err != nil {
			h.t.Fatal(err)
		}
	}
	h.stage.resumeWork(&h.turn)
	for _, in := range h.stage.inputs {
		for _, b := range rows {
			if in.source == source {
				in.to.process(&h.turn, in.fetch.projectFull(b, 0))
			}
		}
	}
	for _, in := range h.stage.inputs {
		in.to.finish(&h.turn)
	}
	h.turn.number++
	if h.turn.failed != nil {
		h.t.Fatal(h.turn.failed)
	}
	if h.store != nil {
		h.commit(h.build.Finish())
	}
}

// commit applies an entry to the store.
func (h *rowHost) commit(data []byte) {
	entry, err := log.DecodeEntry(data)
	if err != nil {
		h.t.Fatal(err)
	}
	batch := h.store.Shard(0).NewBatch()
	for _, w := range entry.Writes {
		switch w.Kind {
		case log.Set:
			batch.Set(w.Key, w.Value)
		case log.DeleteRange:
			batch.DeleteRange(w.Key, w.Value)
		default:
			batch.Delete(w.Key)
		}
	}
	h.index++
	if err := batch.Commit(h.index); err != nil {
		h.t.Fatal(err)
	}
}

// timeProbe notes the stream time that reaches it.
type timeProbe struct{ at int64 }

func (p *timeProbe) process(*turn, *types.Batch) {}
func (p *timeProbe) finish(t *turn)              { p.at = t.time.at }

// TestJoinHoldsStreamTime leaves rows with a join: stream time does not pass them
// on its way to what closes windows behind it.
func TestJoinHoldsStreamTime(t *testing.T) {
	c := newCluster(t, 1, 1)
	c.define(`CREATE TABLE l (id INT PRIMARY KEY, g INT, x INT, s TEXT)`)
	c.define(`CREATE TABLE r (id INT PRIMARY KEY, g INT, x INT, s TEXT)`)
	root := c.queryPlan(t, `SELECT id FROM l WHERE EXISTS (SELECT FROM r WHERE r.g = l.g) EMIT CHANGES`)
	host := newRowHost(t, c.snapshot, root, 1)
	j, probe := host.stage.workers[0], &timeProbe{}
	j.next, j.step = probe, 1
	source := c.snapshot.Lookup("public", "l").ID
	rows := types.NewBatch(operatorColumns)
	for id := range int64(3) {
		rows.AppendRow([]types.Datum{types.IntDatum(id), types.IntDatum(1), types.IntDatum(1), types.Null}, 1)
	}
	spent := true
	host.turn.spent = func() bool { return spent }
	host.turn.time = streamTime{at: 5}
	host.turnOf(source, nil)
	if probe.at != 5 {
		t.Fatalf("time %d", probe.at)
	}
	host.turn.time = streamTime{at: 9}
	host.turnOf(source, []*types.Batch{rows})
	if !host.stage.busy() || probe.at != 5 {
		t.Fatalf("time %d with work left: %v", probe.at, host.stage.busy())
	}
	spent, host.turn.time = false, streamTime{at: 9}
	host.turnOf(source, nil)
	if host.stage.busy() || probe.at != 9 {
		t.Fatalf("time %d with work left: %v", probe.at, host.stage.busy())
	}
}
