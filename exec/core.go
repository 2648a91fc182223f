package exec

import (
	"fmt"
	"log/slog"
	"math"
	"slices"
	"time"

	"millrace/log"
	"millrace/planner"
	"millrace/sql/catalog"
	"millrace/sql/types"
	"millrace/tables"
)

// core is the pure heart of a shard: it turns what has arrived and the
// committed state into one entry. It does no I/O but reading the state it is
// given, starts no goroutine, takes no lock and knows no clock but the one in
// its inputs.
//
// Invariants:
//   - Between ticks, what core holds in memory (positions, numbers, operators'
//     caches, offsets) equals the committed state. A tick changes it in place;
//     when the entry does not commit, or the tick is abandoned, load makes it
//     anew from the state.
//   - Inputs and all their consequences are in the same entry. An input whose
//     reply reports success is in the entry of its tick or an earlier one.
//   - A query whose code panics is excluded and the tick is done again; the same
//     entry records the query as failed.
//   - Back-pressure is not decided here: every delivery is taken or, when its
//     stage does not run, kept in the entry.
type core struct {
	shard, shards int
	state         tables.Reader
	partition     func(stream uint64) (*log.Partition, error)
	clock         func() time.Time
	logger        *slog.Logger
	hooks         Hooks

	snapshot *catalog.Snapshot
	record   shardRecord
	codecs   map[catalog.ObjectID]*relationCodec
	queries  []*runningQuery
	stages   map[stageID]*stage
	poisoned map[catalog.ObjectID]string

	// ends are the next offsets of the stream partitions that were used.
	ends map[catalog.ObjectID]int64
	// producers are the last sequences of the producers that were seen.
	producers map[uint64]uint64
	// prepared are the transactions that wait for their decision, and locks the
	// row keys that they hold.
	prepared map[transactionID]*preparedTransaction
	locks    map[string]transactionID
	// decided are the decisions that were stored when the core was loaded.
	decided []openTransaction
	// expireAt is when old producers are looked for next, in milliseconds since
	// the Unix epoch.
	expireAt int64

	schedule schedule
	// retained are the streams that have retention.
	retained []*catalog.Relation
	// maxWaiting bounds the bytes that wait for one input.
	maxWaiting uint64
	// cacheGroups bounds the groups that one aggregation keeps in memory.
	cacheGroups int
	// trimmable are the stages with stored deliveries that may be deleted.
	trimmable map[*stage]struct{}

	turns   uint64
	builder log.EntryBuilder
	scratch []byte
}

// Hooks let tests act inside ticks.
type Hooks struct {
	// BeforeStage is called before a stage of the named query processes rows.
	BeforeStage func(query string, rows *types.Batch)
}

// tickInputs is what a tick works on.
type tickInputs struct {
	now      time.Time
	base     uint64
	snapshot *catalog.Snapshot
	requests []*request
	// producers are those whose writers are closed: they are forgotten when the
	// tick makes an entry anyway.
	producers       []uint64
	deliveries      []*delivery
	acknowledgments []acknowledgement
	// retain asks the tick to apply retention.
	retain bool
	// stopped are the queries that earlier attempts at the tick have stopped.
	stopped []catalog.ObjectID
}

// tickResult is what a tick did. Entry is nil when nothing changed.
type tickResult struct {
	entry    []byte
	replies  []reply
	deferred []*request
	// producers are left to be forgotten.
	producers []uint64
	outgoing  []*delivery
	acks      []acknowledgement
	changes   map[catalog.ObjectID][]*types.Batch
	appended  []catalog.ObjectID
	// dropped are the relations that this tick has dropped.
	dropped []catalog.ObjectID
	// worked are the queries that have run, and all says that every query's
	// status may have changed.
	worked []*runningQuery
	all    bool
	// held are deliveries of a catalog version that is not active here yet.
	held []*delivery
	// more says that stages have rows left to work on.
	more bool
}

// reply is a request's outcome, told after the entry has committed.
type reply struct {
	request   *request
	committed bool
	err       error
}

// queryBudget is how long one query may work in one tick before its remaining
// rows wait.
const queryBudget = 10 * time.Millisecond

func newCore(shard, shards int, shardLog ShardLog, clock func() time.Time, logger *slog.Logger, hooks Hooks) *core {
	return &core{
		shard: shard, shards: shards, state: shardLog.Tables(), partition: shardLog.Partition,
		clock: clock, logger: logger, hooks: hooks, poisoned: map[catalog.ObjectID]string{},
		maxWaiting: maxWaitingBytes, cacheGroups: aggregateCacheGroups,
	}
}

// load makes the core anew from the committed state, with the newest catalog
// snapshot from which the objects known to the shard can be planned.
func (c *core) load(snapshot *catalog.Snapshot) error {
	c.snapshot = snapshot
	c.codecs = map[catalog.ObjectID]*relationCodec{}
	c.stages = map[stageID]*stage{}
	c.trimmable = map[*stage]struct{}{}
	c.ends = map[catalog.ObjectID]int64{}
	c.producers = map[uint64]uint64{}
	c.queries = nil
	c.record = shardRecord{}
	stored, found, err := c.state.Get(shardKey(), nil)
	if err != nil {
		return err
	}
	if found {
		if c.record, err = decodeShardRecord(stored); err != nil {
			return err
		}
	}
	for i, id := range c.record.queries {
		descriptor := snapshot.Query(id)
		if descriptor == nil {
			continue // dropped since; the next activation removes its records
		}
		if descriptor.Paused != c.record.paused[i] {
			// It was paused or resumed since, which the next activation has to see.
			before := *descriptor
			before.Paused = c.record.paused[i]
			descriptor = &before
		}
		if err := c.loadQuery(c.plan(descriptor)); err != nil {
			return fmt.Errorf("query %q: %w", descriptor.Name, err)
		}
	}
	c.settle()
	return c.loadTransactions()
}

// settle brings what is derived from the active queries and relations up to
// date.
func (c *core) settle() {
	c.schedule.reset(c.queries)
	c.retained = nil
	for _, relation := range c.snapshot.Relations() {
		if relation.Kind == catalog.KindStream && (relation.RetentionMillis != 0 || relation.RetentionBytes != 0) {
			c.retained = append(c.retained, relation)
		}
	}
}

// retains reports whether a stream here has retention.
func (c *core) retains() bool { return len(c.retained) > 0 }

// codec returns the codec of a relation in the active catalog, or nil.
func (c *core) codec(id catalog.ObjectID) *relationCodec {
	if codec := c.codecs[id]; codec != nil {
		return codec
	}
	relation := c.snapshot.Relation(id)
	if relation == nil {
		return nil
	}
	codec := newRelationCodec(relation)
	c.codecs[id] = codec
	return codec
}

// plan plans a query and adds it to those that run here. One that cannot be
// planned is among them as failed, without stages: it must not keep the shard
// from working.
func (c *core) plan(descriptor *catalog.Query) *runningQuery {
	q, err := c.build(descriptor)
	if err != nil {
		c.logger.Error("a continuous query cannot run", "query", descriptor.Name, "shard", c.shard, "error", err)
		c.poisoned[descriptor.ID] = err.Error()
		q = &runningQuery{descriptor: descriptor}
	}
	c.queries = append(c.queries, q)
	for _, s := range q.stages {
		c.stages[s.id] = s
	}
	if failure, bad := c.poisoned[descriptor.ID]; bad {
		q.state, q.failure = queryFailed, failure
	}
	return q
}

// build makes the operators of a query.
func (c *core) build(descriptor *catalog.Query) (*runningQuery, error) {
	planned, err := planner.PlanContinuous(c.snapshot, descriptor)
	if err != nil {
		return nil, err
	}
	q, err := newRunningQuery(c, planned)
	if err != nil {
		return nil, err
	}
	format, err := planner.QueryFormat(c.snapshot, descriptor)
	q.eval.Format, q.results.Format = format, format
	return q, err
}

// loadQuery gives a query its stored status, positions and numbers.
func (c *core) loadQuery(q *runningQuery) error {
	stored, found, err := c.state.Get(queryStatusKey(q.descriptor.ID), nil)
	if err != nil {
		return err
	}
	if found {
		state, errorCount, failure, err := decodeQueryStatus(stored)
		if err != nil {
			return err
		}
		q.errors = errorCount
		if state == queryFailed && q.state != queryFailed {
			q.state, q.failure = state, failure
		}
		q.recorded = state == q.state
	}
	for _, s := range q.stages {
		if stored, found, err = c.state.Get(stageKey(s.id), nil); err != nil {
			return err
		}
		if found {
			if err := s.decodeRecord(stored); err != nil {
				return err
			}
		}
		for _, in := range s.inputs {
			if stored, found, err = c.state.Get(inputKey(nil, s.id, in.number), nil); err != nil {
				return err
			}
			if !found {
				continue
			}
			if in.position, err = decodePosition(stored); err != nil {
				return err
			}
		}
	}
	return nil
}

// end returns the next offset of a stream's partition here.
func (c *core) end(stream catalog.ObjectID) (int64, error) {
	if end, known := c.ends[stream]; known {
		return end, nil
	}
	partition, err := c.partition(uint64(stream))
	if err != nil {
		return 0, err
	}
	var end int64
	if partition != nil {
		end = partition.NextOffset()
	}
	c.ends[stream] = end
	return end, nil
}

// run does one tick. It returns an error only when the committed state cannot
// be read; the core must then be loaded again.
func (c *core) run(in *tickInputs) (*tickResult, error) {
	for {
		t := newTick(c, in)
		failed, err := t.attempt()
		if err != nil {
			return nil, err
		}
		if failed == nil {
			return t.result, nil
		}
		c.logger.Error("a continuous query was stopped", "query", failed.name, "shard", c.shard, "error", failed.message, "stack", failed.stack)
		c.poisoned[failed.id] = failed.message
		in.stopped = append(in.stopped, failed.id)
		if err := c.load(c.snapshot); err != nil {
			return nil, err
		}
	}
}

// tick is the work of one turn of the loop.
type tick struct {
	core   *core
	in     *tickInputs
	write  *log.EntryBuilder
	result *tickResult
	number uint64
	// rows and changes are what streams and tables gained in this tick, and
	// arrived what was shuffled to inputs.
	rows    map[catalog.ObjectID][]*types.Batch
	merged  map[catalog.ObjectID]*types.Batch // the last of rows, where it is a copy
	arrived map[*input][]*types.Batch
	// keys are the keys that this tick's requests have inserted into source
	// tables.
	keys map[string]bool
	// upserted are the rows, by key, that this tick's requests have written into
	// source tables in which rows replace others.
	upserted map[string][]byte
	// answers are the places of answers to senders in result.acks.
	answers map[answered]int
	// released says that keys were unlocked that requests may wait for.
	released bool
	// lagging says that the query at work has something left to do, and stopped
	// why it must not go on.
	lagging bool
	stopped *queryFailure
}

func newTick(c *core, in *tickInputs) *tick {
	c.turns++
	t := &tick{
		core: c, in: in, write: &c.builder, number: c.turns,
		result:  &tickResult{changes: map[catalog.ObjectID][]*types.Batch{}},
		rows:    map[catalog.ObjectID][]*types.Batch{},
		arrived: map[*input][]*types.Batch{},
	}
	return t
}

// attempt runs the tick. When a query panics it returns which.
func (t *tick) attempt() (failed *queryFailure, err error) {
	c := t.core
	version := c.record.version
	if t.in.snapshot != nil {
		version = max(version, t.in.snapshot.Version())
	}
	t.write.Reset(t.in.base, version, t.in.now.UnixMilli())
	if t.in.snapshot != nil && t.in.snapshot.Version() > c.record.version {
		t.activate(t.in.snapshot)
	}
	c.schedule.begin()
	if err := t.takeAcknowledgements(); err != nil {
		return nil, err
	}
	for _, r := range t.in.requests {
		if err := t.request(r); err != nil {
			return nil, err
		}
	}
	if err := t.takeDeliveries(); err != nil {
		return nil, err
	}
	for i := c.schedule.due.next(0); i >= 0; i = c.schedule.due.next(i + 1) {
		q := c.queries[i]
		t.lagging = false
		if failed, err := t.runQuery(q); failed != nil || err != nil {
			return failed, err
		}
		c.schedule.ran(i, t.lagging)
		t.result.more = t.result.more || t.lagging
		t.result.worked = append(t.result.worked, q)
	}
	if t.in.retain {
		if err := t.retain(); err != nil {
			return nil, err
		}
	}
	t.result.more = t.result.more || t.released && len(t.result.deferred) > 0
	if t.write.Len() > 0 || len(t.in.producers) >= manyProducers {
		t.forgetProducers(t.in.producers)
	} else {
		t.result.producers = t.in.producers
	}
	if t.write.Len() > 0 {
		t.result.entry = t.write.Finish()
	}
	return nil, nil
}

// retain drops the beginnings of streams that their retention no longer keeps.
func (t *tick) retain() error {
	if err := t.expireProducers(); err != nil {
		return err
	}
	for _, relation := range t.core.retained {
		partition, err := t.core.partition(uint64(relation.ID))
		if err != nil {
			return err
		}
		if partition == nil {
			continue
		}
		start := partition.RetentionOffset(t.in.now.UnixMilli(), limit(relation.RetentionMillis), limit(relation.RetentionBytes))
		start = min(start, t.core.slowestReader(relation.ID))
		if start > partition.StartOffset() {
			t.write.Truncate(uint64(relation.ID), start)
		}
	}
	return nil
}

// limit is a retention limit as partitions take it: none is negative there, and
// 0 in the catalog.
func limit(n int64) int64 {
	if n == 0 {
		return -1
	}
	return n
}

// slowestReader returns the smallest offset that a query still has to read of a
// stream here: retention never takes what a query has not seen.
func (c *core) slowestReader(stream catalog.ObjectID) int64 {
	slowest := int64(math.MaxInt64)
	for _, i := range c.schedule.readers[uint64(stream)] {
		for _, s := range c.queries[i].stages {
			for _, in := range s.inputs {
				if in.kind == inputStream && in.source == stream {
					slowest = min(slowest, in.offset)
				}
			}
		}
	}
	return slowest
}

// activate takes a newer catalog snapshot into use.
func (t *tick) activate(snapshot *catalog.Snapshot) {
	c := t.core
	known := c.record
	c.snapshot = snapshot
	c.codecs = map[catalog.ObjectID]*relationCodec{}
	c.record = shardRecord{version: snapshot.Version()}
	for _, relation := range snapshot.Relations() {
		c.record.relations = append(c.record.relations, relation.ID)
		c.record.tables = append(c.record.tables, relation.Kind == catalog.KindTable)
	}
	for _, q := range snapshot.Queries() {
		c.record.queries = append(c.record.queries, q.ID)
		c.record.paused = append(c.record.paused, q.Paused)
	}
	for _, id := range known.queries {
		if snapshot.Query(id) == nil {
			t.dropQuery(id)
		}
	}
	for i, id := range known.relations {
		if snapshot.Relation(id) == nil {
			t.dropRelation(id, known.tables[i])
		}
	}
	t.activateQueries(snapshot)
	c.settle()
	t.result.all = true
	t.write.Set(shardKey(), c.record.append(nil))
}

// activateQueries starts the queries that are new and tells the others whether
// they are paused.
func (t *tick) activateQueries(snapshot *catalog.Snapshot) {
	c := t.core
	for _, descriptor := range snapshot.Queries() {
		i := slices.IndexFunc(c.queries, func(q *runningQuery) bool { return q.descriptor.ID == descriptor.ID })
		if i < 0 {
			c.plan(descriptor)
			continue
		}
		q := c.queries[i]
		resumed := q.descriptor.Paused && !descriptor.Paused
		q.descriptor = descriptor
		switch {
		case descriptor.Paused && q.state == queryRunning:
			q.state = queryPaused
		case resumed && !q.lost() && !slices.Contains(t.in.stopped, descriptor.ID):
			q.state, q.failure = queryRunning, ""
			delete(c.poisoned, descriptor.ID)
			t.writeStatus(q)
		}
	}
}

func (t *tick) writeStatus(q *runningQuery) {
	q.recorded = true
	t.write.Set(queryStatusKey(q.descriptor.ID), appendQueryStatus(nil, q.state, q.errors, q.failure))
}

// dropQuery removes all that a query keeps on the shard.
func (t *tick) dropQuery(id catalog.ObjectID) {
	c := t.core
	c.queries = slices.DeleteFunc(c.queries, func(q *runningQuery) bool { return q.descriptor.ID == id })
	for stage, s := range c.stages {
		if stage.query == id {
			delete(c.stages, stage)
			delete(c.trimmable, s)
		}
	}
	delete(c.poisoned, id)
	for _, kind := range []tables.Kind{tables.KindState, tables.KindPosition, tables.KindInternal, tables.KindQuery} {
		t.deleteObject(kind, id)
	}
}

func (t *tick) deleteObject(kind tables.Kind, id catalog.ObjectID) {
	prefix := tables.AppendObjectPrefix(nil, kind, uint64(id))
	t.write.DeleteRange(prefix, tables.PrefixEnd(nil, prefix))
}

// dropRelation removes a relation's rows from the shard.
func (t *tick) dropRelation(id catalog.ObjectID, table bool) {
	t.result.dropped = append(t.result.dropped, id)
	if !table {
		t.write.Truncate(uint64(id), math.MaxInt64)
		delete(t.core.ends, id)
		return
	}
	t.deleteObject(tables.KindRow, id)
}

// beginTurn returns the turn of a stage in this tick.
func (t *tick) beginTurn(s *stage) *turn {
	q := s.query
	q.eval.Now, q.results.Now = t.in.now, t.in.now
	tn := &s.turn
	if tn.eval == nil {
		tn.eval, tn.results = &q.eval, &q.results
		tn.ownsEmptyKey = types.PartitionOf(nil, t.core.shards) == t.core.shard
		tn.rowError = func(in *types.Batch, row int32, err error) { tn.tick.rowError(q, in, row, err) }
	}
	tn.state, tn.write, tn.tick, tn.number, tn.failed = t.core.state, t.write, t, t.number, nil
	return tn
}
