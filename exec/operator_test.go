package exec

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/go-cmp/cmp"

	"millrace/log"
	"millrace/planner"
	"millrace/planner/plan"
	"millrace/sql"
	"millrace/sql/catalog"
	"millrace/sql/expr"
	"millrace/sql/types"
	"millrace/tables"
)

// rowHost runs the operators of a query over changes of one table, in memory or
// over a store, and adds up what comes out.
type rowHost struct {
	t           *testing.T
	stage       *stage
	store       *tables.Store
	build       log.EntryBuilder
	turn        turn
	index       uint64
	rows        map[string]int64
	cacheGroups int
	root        plan.Node
}

// process implements consumer: it adds the changes up.
func (h *rowHost) process(_ *turn, in *types.Batch) {
	for i := range in.Len {
		row := rowText(in, i)
		h.rows[row] += in.Weight(i)
		if h.rows[row] == 0 {
			delete(h.rows, row)
		}
	}
}

func (h *rowHost) finish(*turn) {}

func rowText(b *types.Batch, i int) string {
	var parts []string
	for c := range b.Columns {
		if b.Columns[c].IsNull(i) {
			parts = append(parts, "NULL")
			continue
		}
		parts = append(parts, string(types.AppendVectorText(nil, &b.Columns[c], i, types.DefaultFormat())))
	}
	return strings.Join(parts, "|")
}

// newRowHost makes a host; with cacheGroups 0 in memory.
func newRowHost(t *testing.T, snapshot *catalog.Snapshot, root plan.Node, cacheGroups int) *rowHost {
	h := &rowHost{t: t, rows: map[string]int64{}, cacheGroups: cacheGroups, root: root}
	if cacheGroups > 0 {
		store, err := tables.Open(tables.Options{FS: vfs.NewMem(), Dir: "tables", CacheBytes: 1 << 20, Logger: quiet()})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := store.Close(); err != nil {
				t.Error(err)
			}
		})
		h.store = store
	}
	h.restart(snapshot)
	return h
}

// restart forgets what is in memory, if there is a store.
func (h *rowHost) restart(snapshot *catalog.Snapshot) {
	h.stage = &stage{id: stageID{query: 20_000}}
	builder := stageBuilder{
		stage: h.stage, inMemory: h.store == nil, cacheGroups: h.cacheGroups,
		codecs: func(id catalog.ObjectID) *relationCodec { return newRelationCodec(snapshot.Relation(id)) },
	}
	if err := builder.build(h.root, h); err != nil {
		h.t.Fatal(err)
	}
	h.turn = turn{
		eval: &expr.Context{Format: types.DefaultFormat()}, results: &expr.Context{Format: types.DefaultFormat()},
		ownsEmptyKey: true, number: 1, stage: h.stage, rowError: func(*types.Batch, int32, error) {},
	}
	if h.store != nil {
		h.turn.state, h.turn.write = h.store.Shard(0), &h.build
	}
}

// run gives the operators one turn over batches of changes.
func (h *rowHost) run(batches []*types.Batch) {
	h.build.Reset(0, 0, 0)
	in := h.stage.inputs[0]
	for _, b := range batches {
		in.to.process(&h.turn, in.fetch.projectFull(b, 0))
	}
	in.to.finish(&h.turn)
	h.turn.number++
	if h.turn.failed != nil {
		h.t.Fatal(h.turn.failed)
	}
	if h.store == nil {
		return
	}
	h.commit(h.build.Finish())
}

func (h *rowHost) result() []string {
	var out []string
	for row, n := range h.rows {
		if n < 0 {
			h.t.Errorf("row %s is there %d times", row, n)
		}
		for range n {
			out = append(out, row)
		}
	}
	slices.Sort(out)
	return out
}

// operatorQueries are queries over table t (id, g, x, s) that the operators keep.
var operatorQueries = []string{
	`SELECT g, count(*), count(x), sum(x), avg(x), min(x), max(x) FROM t GROUP BY g`,
	`SELECT count(*), sum(x), min(s), max(s) FROM t`,
	`SELECT g, count(DISTINCT x), sum(DISTINCT x), min(DISTINCT x) FROM t GROUP BY g`,
	`SELECT g, bit_and(x), bit_or(x), bit_xor(x) FROM t GROUP BY g`,
	`SELECT g, s, max(x) FILTER (WHERE x > 2), count(*) FILTER (WHERE s = 'a') FROM t GROUP BY g, s`,
	`SELECT g, sum(10 / x), count(*), max(s) FROM t GROUP BY g`,
	`SELECT g, array_agg(DISTINCT s), string_agg(DISTINCT s, ',') FROM t GROUP BY g`,
	`SELECT g, max(x) FROM t GROUP BY g HAVING count(*) > 2`,
	`SELECT x + 1, s FROM t WHERE g < 2`,
	`SELECT n, count(*), max(hi) FROM (SELECT g, count(*) AS n, max(x) AS hi FROM t GROUP BY g) AS d GROUP BY n`,
	`SELECT DISTINCT g, s FROM t`,
	`SELECT id, x FROM t ORDER BY x DESC NULLS LAST, s LIMIT 3 OFFSET 1`,
	`SELECT x FROM t ORDER BY s LIMIT 4`,
	`SELECT DISTINCT ON (g) g, x, s FROM t ORDER BY g, x DESC, s`,
	`SELECT g, n FROM (SELECT g, count(*) AS n FROM t GROUP BY g) AS d ORDER BY n DESC, g LIMIT 2`,
	`SELECT window_start, g, count(*), max(s), count(DISTINCT s) FROM TUMBLE(r, TIMESTAMPTZ 'epoch' + x * INTERVAL '1 second', INTERVAL '2 seconds') GROUP BY window_start, g`,
	`SELECT window_start, g, count(*), max(s) FROM SESSION(r PARTITION BY g, TIMESTAMPTZ 'epoch' + x * INTERVAL '1 second', INTERVAL '2 seconds') GROUP BY window_start, window_end, g`,
	`SELECT id, window_start, window_end FROM SESSION(r, TIMESTAMPTZ 'epoch' + x * INTERVAL '1 second', INTERVAL '1.5 seconds')`,
}

// TestOperators compares what the operators keep over random changes, cut into
// turns at random, with one turn over the rows that are left: in memory, over a
// store with a tiny cache, and across restarts.
func TestOperators(t *testing.T) {
	c := newCluster(t, 1, 1)
	c.define(`CREATE TABLE r (id INT PRIMARY KEY, g INT, x INT, s TEXT)`)
	for _, text := range operatorQueries {
		text = strings.Replace(text, "FROM t", "FROM r", 1)
		t.Run(text, func(t *testing.T) {
			root := c.queryPlan(t, text+" EMIT CHANGES")
			for seed := range seeds(4, 20) {
				compareOperators(t, c.snapshot, root, seed)
			}
		})
	}
}

// queryPlan returns the plan of a query.
func (c *cluster) queryPlan(t *testing.T, text string) plan.Node {
	t.Helper()
	statement, err := sql.ParseOne(text)
	if err != nil {
		t.Fatal(err)
	}
	planned, err := planner.Plan(&planner.Environment{Catalog: c.snapshot, Format: types.DefaultFormat(), Now: c.now}, statement)
	if err != nil {
		t.Fatal(err)
	}
	return planned.(*plan.Query).Root
}

func compareOperators(t *testing.T, snapshot *catalog.Snapshot, root plan.Node, seed uint64) {
	random := rand.New(rand.NewPCG(seed, 2))
	hosts := map[string]*rowHost{
		"memory": newRowHost(t, snapshot, root, 0), "cache": newRowHost(t, snapshot, root, 100), "store": newRowHost(t, snapshot, root, 1),
	}
	live := map[int64][]types.Datum{}
	for range 25 {
		turn := randomTurn(random, live)
		for name, host := range hosts {
			if name != "memory" && random.IntN(6) == 0 {
				host.restart(snapshot)
			}
			host.run(turn)
		}
	}
	once := newRowHost(t, snapshot, root, 0)
	rest := types.NewBatch(operatorColumns)
	for _, row := range live {
		rest.AppendRow(row, 1)
	}
	once.run([]*types.Batch{rest})
	want := once.result()
	for name, host := range hosts {
		if diff := cmp.Diff(want, host.result()); diff != "" {
			t.Fatalf("seed %d, %s (-once +kept):\n%s", seed, name, diff)
		}
	}
}

var operatorColumns = []types.Type{types.Int4, types.Int4, types.Int4, types.Text}

// randomTurn changes live and returns the changes, in one or more batches.
func randomTurn(random *rand.Rand, live map[int64][]types.Datum) []*types.Batch {
	var batches []*types.Batch
	for range 1 + random.IntN(3) {
		b := types.NewBatch(operatorColumns)
		for range random.IntN(8) {
			id := random.Int64N(15)
			if old := live[id]; old != nil {
				b.AppendRow(old, -1)
				delete(live, id)
			}
			if random.IntN(3) > 0 {
				live[id] = randomRow(random, id)
				b.AppendRow(live[id], 1)
			}
		}
		if b.Len > 0 {
			batches = append(batches, b)
		}
	}
	return batches
}

func randomRow(random *rand.Rand, id int64) []types.Datum {
	row := []types.Datum{types.IntDatum(id), types.IntDatum(random.Int64N(3)), types.IntDatum(random.Int64N(6)), types.StringDatum(fmt.Sprint(string(rune('a' + random.IntN(3)))))}
	for column := 1; column < len(row); column++ {
		if random.IntN(8) == 0 {
			row[column] = types.Null
		}
	}
	return row
}

// TestShuffleOfMixedRows shuffles rows that have event times together with rows
// that have none.
func TestShuffleOfMixedRows(t *testing.T) {
	column := []types.Type{types.Int4}
	timed, plain := types.NewBatch(column), types.NewBatch(column)
	timed.AppendRow([]types.Datum{types.IntDatum(1)}, 1)
	timed.Rowtimes, timed.Offsets = []int64{5}, []int64{7}
	plain.AppendRow([]types.Datum{types.IntDatum(2)}, 1)
	for _, batches := range [][]*types.Batch{{timed, plain}, {plain, timed}, {timed, timed}} {
		var out *types.Batch
		shuffle := &shuffleOut{partitions: 1, emit: func(_ *turn, _ int, sent arrival) { out = sent.rows }}
		for _, b := range batches {
			shuffle.process(&turn{}, b)
		}
		shuffle.finish(&turn{})
		decoded, err := types.DecodeBatch(types.AppendBatch(nil, out), column)
		if err != nil || decoded.Len != 2 {
			t.Errorf("%v, %v", decoded, err)
		}
	}
}
