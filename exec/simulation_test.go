package exec

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/go-cmp/cmp"

	"millrace/log"
	"millrace/planner"
	"millrace/planner/plan"
	"millrace/sql"
	"millrace/sql/catalog"
	"millrace/sql/types"
	"millrace/tables"
)

// The simulation runs the cores of several shards in one goroutine, with no
// clock, disk or network but what a seed says: entries are lost or their
// outcome is, shards crash, deliveries and acknowledgements are lost, doubled
// and reordered, shards take catalog versions into use at different times, and
// queries come, go, pause, lag and panic. At rest every derived table must equal
// the same query run once over the accepted rows, and nothing may be left of what
// was dropped or was on its way.

// cluster is the simulated cluster.
type cluster struct {
	t        testing.TB
	random   *rand.Rand
	store    *tables.Store
	files    *log.FileCache
	fs       vfs.FS
	snapshot *catalog.Snapshot
	shards   []*simulatedShard
	now      time.Time
	writer   *engineWriter
	faults   bool
	// poisoned are the queries whose code panics.
	poisoned map[string]bool
	queries  map[string]*template
	created  int
	// applying guards what replicas have, where loops run at the same time.
	applying sync.RWMutex
	// entryBytes counts the bytes of entries.
	entryBytes int

	// streamed, upserted and, by query, versions are the rows that were accepted.
	streamed [][2]int64
	upserted map[int64][2]int64
	versions map[string][]version
}

// simulatedShard is a shard's core and the state that outlives it.
type simulatedShard struct {
	cluster    *cluster
	number     int
	index      uint64
	partitions map[uint64]*log.Partition
	core       *core
	// observer is told of the entries that are applied; nil for none.
	observer func(index uint64, entry *log.Entry)
	// cacheGroups bounds the groups that an aggregation keeps in memory.
	cacheGroups int

	requests   []*request
	deliveries []*delivery
	acks       []acknowledgement
	more       bool
}

func (s *simulatedShard) Term() uint64 { return 1 }

func (s *simulatedShard) Leader() (uint64, <-chan struct{}) { return 1, nil }

func (s *simulatedShard) Resign(context.Context) {}

func (s *simulatedShard) ReadIndex(context.Context) (uint64, error) { return s.index, nil }

func (s *simulatedShard) WaitApplied(context.Context, uint64) error { return nil }

func (s *simulatedShard) Whole() error { return nil }

func (s *simulatedShard) Observe(observer func(index uint64, entry *log.Entry)) {
	s.cluster.applying.Lock()
	defer s.cluster.applying.Unlock()
	s.observer = observer
}

func (s *simulatedShard) Tables() *tables.Shard { return s.cluster.store.Shard(uint32(s.number)) }

func (s *simulatedShard) Partition(stream uint64) (*log.Partition, error) {
	s.cluster.applying.RLock()
	defer s.cluster.applying.RUnlock()
	return s.partitions[stream], nil
}

func newCluster(t testing.TB, seed uint64, shards int) *cluster {
	t.Helper()
	c := &cluster{
		t: t, random: rand.New(rand.NewPCG(seed, 1)), fs: vfs.NewMem(), now: time.Unix(1_700_000_000, 0),
		poisoned: map[string]bool{}, queries: map[string]*template{}, upserted: map[int64][2]int64{},
		versions: map[string][]version{},
	}
	c.files = log.NewFileCache(c.fs, 64)
	var err error
	if c.store, err = tables.Open(tables.Options{FS: c.fs, Dir: "tables", CacheBytes: 1 << 20, Logger: quiet()}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, s := range c.shards {
			for _, p := range s.partitions {
				_ = p.Close() // the file system ends with the test
			}
		}
		if err := c.store.Close(); err != nil {
			t.Error(err)
		}
	})
	c.writer = &engineWriter{engine: &Engine{now: func() time.Time { return c.now }}, producer: 1, codecs: map[catalog.ObjectID]*relationCodec{}}
	c.snapshot = &catalog.Snapshot{}
	c.apply(&catalog.Bootstrap{ClusterID: "simulated", Shards: shards})
	c.define(`CREATE STREAM s (k INT, v INT)`)
	c.define(`CREATE TABLE t (id INT PRIMARY KEY, g INT, x INT) WITH (upsert = true)`)
	for i := range shards {
		s := &simulatedShard{cluster: c, number: i, partitions: map[uint64]*log.Partition{}, cacheGroups: 2}
		c.shards = append(c.shards, s)
		s.restart()
	}
	return c
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// apply changes the catalog.
func (c *cluster) apply(command catalog.Command) {
	c.t.Helper()
	next, _, err := catalog.Apply(c.snapshot, command)
	if err != nil {
		c.t.Fatal(err)
	}
	c.snapshot = next
}

// define runs a statement of DDL.
func (c *cluster) define(text string) {
	c.t.Helper()
	statement, err := sql.ParseOne(text)
	if err != nil {
		c.t.Fatal(err)
	}
	planned, err := planner.Plan(&planner.Environment{Catalog: c.snapshot, Format: types.DefaultFormat(), Now: c.now}, statement)
	if err != nil {
		c.t.Fatalf("%s: %v", text, err)
	}
	c.apply(planned.(*plan.DDL).Command)
}

// tick is the clock of a core: it goes forward by chance, so that queries spend
// their time anywhere.
func (c *cluster) tick() time.Time {
	if c.faults && c.random.IntN(3) == 0 {
		c.now = c.now.Add(time.Duration(c.random.IntN(8)) * time.Millisecond)
	}
	return c.now
}

// restart makes a shard's core from what it has committed.
func (s *simulatedShard) restart() {
	c := s.cluster
	hooks := Hooks{BeforeStage: func(query string, _ *types.Batch) {
		if c.poisoned[query] {
			panic("poison")
		}
	}}
	s.core = &core{
		shard: s.number, shards: c.snapshot.Shards(), state: s.Tables(), partition: s.Partition, clock: c.tick,
		logger: quiet(), hooks: hooks, poisoned: map[catalog.ObjectID]string{}, maxWaiting: math.MaxUint64, cacheGroups: s.cacheGroups, scanRows: 3, preparedPiece: 16,
	}
	if err := s.core.load(c.snapshot); err != nil {
		c.t.Fatal(err)
	}
	s.deliveries, s.acks, s.more = nil, nil, true
	outgoing, asks, err := s.core.unacknowledged()
	if err != nil {
		c.t.Fatal(err)
	}
	c.send(outgoing, asks)
}

// send brings messages to their shards, or loses or doubles them.
func (c *cluster) send(deliveries []*delivery, acks []acknowledgement) {
	copies := func() int {
		if !c.faults {
			return 1
		}
		return []int{0, 1, 1, 1, 1, 1, 2}[c.random.IntN(7)]
	}
	for _, d := range deliveries {
		if d.to >= len(c.shards) {
			continue // not started yet
		}
		for range copies() {
			c.shards[d.to].deliveries = append(c.shards[d.to].deliveries, d)
		}
	}
	for _, a := range acks {
		if a.to >= len(c.shards) {
			continue
		}
		for range copies() {
			c.shards[a.to].acks = append(c.shards[a.to].acks, a)
		}
	}
}

// takeSome takes a part of a list: in faulty times a random one, out of order.
func takeSome[T any](c *cluster, list *[]T, ordered bool) []T {
	n := len(*list)
	if c.faults && n > 0 {
		n = c.random.IntN(n + 1)
		if !ordered {
			c.random.Shuffle(len(*list), func(i, j int) { (*list)[i], (*list)[j] = (*list)[j], (*list)[i] })
		}
	}
	taken := slices.Clone((*list)[:n])
	*list = slices.Clone((*list)[n:])
	return taken
}

// outcome is what becomes of an entry.
type outcome int

const (
	committed outcome = iota
	// lost entries never took effect, and unknown ones did, but the shard crashes
	// before it learns so.
	lost
	unknown
)

// step runs one tick of the shard.
func (s *simulatedShard) step() {
	what := committed
	if c := s.cluster; c.faults {
		switch c.random.IntN(12) {
		case 0:
			what = lost
		case 1:
			what = unknown
		}
	}
	s.stepTo(what)
}

// stepTo runs one tick whose entry has a given outcome.
func (s *simulatedShard) stepTo(what outcome) {
	c := s.cluster
	in := &tickInputs{
		now: c.now, base: s.index,
		requests: takeSome(c, &s.requests, true), deliveries: takeSome(c, &s.deliveries, false), acknowledgments: takeSome(c, &s.acks, false),
	}
	if c.snapshot.Version() > s.core.record.version && (!c.faults || c.random.IntN(3) == 0) {
		in.snapshot = c.snapshot
	}
	result, err := s.core.run(in)
	if err != nil {
		c.t.Fatalf("shard %d: %v", s.number, err)
	}
	if result.entry != nil && what != lost {
		s.commit(result.entry)
	}
	if result.entry != nil && what != committed {
		s.requests = append(in.requests, s.requests...)
		s.restart()
		return
	}
	for _, r := range result.replies {
		r.request.done(r.committed, r.err)
	}
	s.requests = append(slices.Clone(result.deferred), s.requests...)
	s.deliveries = append(s.deliveries, result.held...)
	s.more = result.more
	c.send(result.outgoing, result.acks)
}

// commit applies an entry as a replica does.
func (s *simulatedShard) commit(encoded []byte) {
	c := s.cluster
	c.applying.Lock()
	defer c.applying.Unlock()
	entry, err := log.DecodeEntry(slices.Clone(encoded))
	if err != nil {
		c.t.Fatal(err)
	}
	if entry.BaseIndex != s.index {
		c.t.Fatalf("shard %d: an entry on %d met %d", s.number, entry.BaseIndex, s.index)
	}
	s.index++
	c.entryBytes += len(encoded)
	for _, a := range entry.Appends {
		if s.partitions[a.Object] == nil {
			if s.partitions[a.Object], err = log.OpenPartition(log.PartitionOptions{
				FS: c.fs, Dir: fmt.Sprintf("log-%d-%d", s.number, a.Object), Files: c.files, Logger: quiet(),
			}, log.SyncedEnd{}); err != nil {
				c.t.Fatal(err)
			}
		}
		if err := s.partitions[a.Object].Append(a.Batch); err != nil {
			c.t.Fatalf("shard %d: %v", s.number, err)
		}
	}
	batch := s.Tables().NewBatch()
	for _, w := range entry.Writes {
		switch w.Kind {
		case log.Set:
			batch.Set(w.Key, w.Value)
		case log.Delete:
			batch.Delete(w.Key)
		case log.Note:
		default:
			batch.DeleteRange(w.Key, w.Value)
		}
	}
	if err := batch.Commit(s.index); err != nil {
		c.t.Fatal(err)
	}
	for _, truncate := range entry.Truncates {
		if p := s.partitions[truncate.Object]; p != nil && truncate.Start == math.MaxInt64 {
			_ = p.Close() // dropped
			delete(s.partitions, truncate.Object)
		}
	}
	if s.observer != nil {
		s.observer(s.index, &entry)
	}
}

// write offers rows of a relation to their shards, which take them; accepted is called
// for each then.
func (c *cluster) write(relation string, rows [][]int64, accepted func(row []types.Datum)) {
	c.offer(relation, rows, func(row []types.Datum, err error) {
		if err != nil {
			c.t.Fatalf("a write was refused: %v", err)
		}
		accepted(row)
	})
}

// offer offers rows of a relation to their shards; answered is called for each row.
func (c *cluster) offer(relation string, rows [][]int64, answered func(row []types.Datum, err error)) {
	r := c.snapshot.Lookup("public", relation)
	columns := make([]types.Type, len(r.Columns))
	for i := range columns {
		columns[i] = r.Columns[i].Type
	}
	batch := types.NewBatch(columns)
	for _, row := range rows {
		var datums []types.Datum
		for _, v := range row {
			datums = append(datums, types.IntDatum(v))
		}
		batch.AppendRow(datums, 1)
	}
	byShard := map[int][]part{}
	if err := c.writer.split(&Rows{Relation: r, Batch: batch}, c.random.Uint64(), byShard); err != nil {
		c.t.Fatal(err)
	}
	c.writer.sequence++
	for _, shard := range slices.Sorted(maps.Keys(byShard)) {
		parts := byShard[shard]
		c.shards[shard].requests = append(c.shards[shard].requests, &request{
			kind: requestAppend, producer: c.writer.producer, sequence: c.writer.sequence, parts: parts,
			done: func(_ bool, err error) {
				for i := range parts[0].rows.Len {
					answered(parts[0].rows.Row(i, nil), err)
				}
			},
		})
	}
}

func (c *cluster) writeSome() {
	n := 1 + c.random.IntN(12)
	rows := make([][]int64, n)
	if c.random.IntN(2) == 0 {
		for i := range rows {
			rows[i] = []int64{c.random.Int64N(6), c.random.Int64N(10) - 3}
		}
		c.write("s", rows, func(row []types.Datum) { c.streamed = append(c.streamed, [2]int64{row[0].Int, row[1].Int}) })
		return
	}
	for i := range rows {
		rows[i] = []int64{c.random.Int64N(20), c.random.Int64N(4), c.random.Int64N(8)}
	}
	c.write("t", rows, func(row []types.Datum) { c.upserted[row[0].Int] = [2]int64{row[1].Int, row[2].Int} })
}

// act does one random thing.
func (c *cluster) act() {
	s := c.shards[c.random.IntN(len(c.shards))]
	switch c.random.IntN(46) {
	case 0:
		s.restart()
	case 1, 2:
		c.create()
	case 3:
		c.dropOne()
	case 4:
		if name := c.anyQuery(); name != "" {
			c.poisoned[name] = !c.poisoned[name]
		}
	case 5:
		c.pauseOrResume()
	case 6, 7, 8, 9, 10, 11, 12, 13:
		c.writeSome()
	case 14, 15:
		c.indexSome()
	case 16:
		c.finishIndexes()
	case 17, 18:
		c.writeVersions()
	default:
		s.step()
	}
}

func (c *cluster) anyQuery() string {
	queries := c.snapshot.Queries()
	if len(queries) == 0 {
		return ""
	}
	return queries[c.random.IntN(len(queries))].Name
}

func (c *cluster) pauseOrResume() {
	name := c.anyQuery()
	switch q := c.snapshot.QueryByName(name); {
	case q == nil:
	case q.Paused:
		c.apply(&catalog.ResumeQuery{Name: name})
	default:
		c.apply(&catalog.PauseQuery{Name: name})
	}
}

func (c *cluster) create() {
	if len(c.queries) >= 6 {
		return
	}
	c.created++
	name := fmt.Sprintf("q%d", c.created)
	chosen := &templates[c.random.IntN(len(templates))]
	source := name + "source"
	if chosen.versions != nil {
		c.define(strings.ReplaceAll(versionsTable, "$", source))
	}
	if chosen.source != "" {
		c.define(strings.ReplaceAll(chosen.source, "$", source))
	}
	for _, insert := range chosen.inserts {
		c.define(strings.ReplaceAll(insert, "$", source))
	}
	c.define(fmt.Sprintf("CREATE TABLE %s AS %s", name, strings.ReplaceAll(chosen.query, "$", source)))
	c.queries[name] = chosen
}

func (c *cluster) dropOne() {
	if len(c.queries) == 0 {
		return
	}
	names := slices.Sorted(maps.Keys(c.queries))
	name := names[c.random.IntN(len(names))]
	c.apply(&catalog.DropRelations{Kind: catalog.KindTable, Names: []catalog.Name{{Schema: "public", Name: name}}})
	if source := c.snapshot.Lookup("public", name+"source"); source != nil {
		c.apply(&catalog.DropRelations{Kind: source.Kind, Names: []catalog.Name{{Schema: "public", Name: name + "source"}}, Cascade: true})
	}
	delete(c.queries, name)
	delete(c.versions, name)
}

// rest ends all faults, lets every query go on, and waits until nothing moves.
func (c *cluster) rest() {
	c.faults = false
	clear(c.poisoned)
	for round := range 2 {
		for _, q := range c.snapshot.Queries() {
			if !c.snapshot.Query(q.ID).Paused && round == 0 {
				c.apply(&catalog.PauseQuery{Name: q.Name})
			} else if round == 1 {
				c.apply(&catalog.ResumeQuery{Name: q.Name})
			}
		}
		for _, s := range c.shards {
			s.restart()
		}
		c.settle()
		c.finishIndexes()
		c.settle()
	}
}

// closeWindows writes a row whose event time is behind all others, and lets time pass
// until no partition is waited for.
func (c *cluster) closeWindows() {
	c.write("s", [][]int64{{60, endOfTime}}, func(row []types.Datum) { c.streamed = append(c.streamed, [2]int64{row[0].Int, row[1].Int}) })
	for range 4 {
		c.settle()
		c.now = c.now.Add(partitionIdle)
		for _, s := range c.shards {
			s.more = true
		}
	}
	c.settle()
}

func (c *cluster) settle() {
	for range 100_000 {
		idle := true
		for _, s := range c.shards {
			if s.more || len(s.requests)+len(s.deliveries)+len(s.acks) > 0 || s.core.record.version < c.snapshot.Version() {
				s.step()
				idle = false
			}
		}
		if idle {
			return
		}
	}
	c.t.Fatal("the cluster does not come to rest")
}

// check compares every derived table with its query run once, and looks for
// what should be gone.
func (c *cluster) check() {
	c.t.Helper()
	for name, template := range c.queries {
		var want []string
		if template.versions != nil {
			want = template.versions(c, c.versions[name])
		} else {
			want = template.result(c)
		}
		slices.Sort(want)
		got := c.rows(name)
		if diff := cmp.Diff(want, got); diff != "" {
			c.t.Errorf("%s as %s (-once +kept):\n%s", name, template.query, diff)
		}
	}
	for _, s := range c.shards {
		s.checkDrained()
		s.checkStore()
	}
	c.checkIndexes()
}

// rows are the rows of a table on all shards, as text.
func (c *cluster) rows(name string) []string {
	relation := c.snapshot.Lookup("public", name)
	codec := newRelationCodec(relation)
	all := make([]int, len(relation.Columns))
	for i := range all {
		all[i] = i
	}
	fetch := newFetchReader(codec, all)
	var out []string
	for _, s := range c.shards {
		s.scan(tables.AppendRowKey(nil, uint64(relation.ID), nil), func(_, value []byte) {
			stored := fetch.newStored()
			if err := fetch.decodeTableRow(slices.Clone(value), stored); err != nil {
				c.t.Fatal(err)
			}
			for range stored.Weight(0) {
				out = append(out, printRow(stored, relation))
			}
		})
	}
	slices.Sort(out)
	return out
}

func printRow(rows *types.Batch, relation *catalog.Relation) string {
	var line []byte
	for i := range rows.Columns {
		if relation.Columns[i].Hidden {
			continue
		}
		line = append(types.AppendVectorText(line, &rows.Columns[i], 0, types.DefaultFormat()), ' ')
	}
	return strings.TrimSpace(string(line))
}

func (s *simulatedShard) scan(prefix []byte, visit func(key, value []byte)) {
	it, err := s.Tables().Scan(prefix, tables.PrefixEnd(nil, prefix))
	if err != nil {
		s.cluster.t.Fatal(err)
	}
	defer it.Close()
	for it.Next() {
		visit(it.Key(), it.Value())
	}
	if err := it.Err(); err != nil {
		s.cluster.t.Fatal(err)
	}
}

func (s *simulatedShard) checkDrained() {
	t := s.cluster.t
	for _, q := range s.core.queries {
		if q.state != queryRunning {
			t.Errorf("shard %d: query %s does not run: %s", s.number, q.descriptor.Name, q.failure)
		}
		for _, stage := range q.stages {
			for shard := range stage.sent {
				if shard != s.number && stage.acknowledged[shard] != stage.sent[shard] {
					t.Errorf("shard %d: %s has sent %d to shard %d, which took %d", s.number, q.descriptor.Name, stage.sent[shard], shard, stage.acknowledged[shard])
				}
			}
			for _, in := range stage.inputs {
				if in.waitingFirst != in.waitingNext || in.waitingBytes != 0 {
					t.Errorf("shard %d: rows %d to %d wait for %s", s.number, in.waitingFirst, in.waitingNext, q.descriptor.Name)
				}
			}
		}
	}
}

// checkStore finds records of queries and relations that are gone.
func (s *simulatedShard) checkStore() {
	c := s.cluster
	for _, kind := range []tables.Kind{tables.KindState, tables.KindPosition, tables.KindInternal, tables.KindQuery, tables.KindRow} {
		s.scan([]byte{byte(kind)}, func(key, _ []byte) {
			id := catalog.ObjectID(objectOf(key))
			if id != 0 && c.snapshot.RunningQuery(id) == nil && c.snapshot.Relation(id) == nil && c.snapshot.KeptRelation(id) == nil && c.snapshot.UniqueRelation(id) == nil && (kind != tables.KindPosition || c.snapshot.Index(id) == nil) {
				c.t.Errorf("shard %d: %v of object %d, which is gone", s.number, kind, id)
			}
		})
	}
	s.scan([]byte{byte(tables.KindInternal)}, func(key, _ []byte) {
		if k, err := tables.ParseInternalKey(key); err != nil || k.Direction == tables.Incoming {
			c.t.Errorf("shard %d: rows %d still wait for query %d (%v)", s.number, k.Number, k.Query, err)
		}
	})
	for id := range s.partitions {
		if c.snapshot.Relation(catalog.ObjectID(id)) == nil && c.snapshot.KeptRelation(catalog.ObjectID(id)) == nil {
			c.t.Errorf("shard %d: the partition of stream %d, which is gone", s.number, id)
		}
	}
}

// simulate runs one seed.
func simulate(t *testing.T, seed uint64, steps int) {
	c := newCluster(t, seed, 1+int(seed%4))
	c.faults = true
	for range steps {
		c.act()
	}
	c.rest()
	c.closeWindows()
	c.check()
}

// TestSimulation runs the simulation from many seeds; a subtest, by its seed,
// runs the same again.
func TestSimulation(t *testing.T) {
	steps := sized(250, 800)
	for seed := range seeds(60, 5000) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { simulate(t, seed, steps) })
	}
}
