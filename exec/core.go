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
	now             time.Time
	base            uint64
	snapshot        *catalog.Snapshot
	requests        []*request
	deliveries      []*delivery
	acknowledgments []acknowledgement
	// retain asks the tick to apply retention.
	retain bool
}

// tickResult is what a tick did. Entry is nil when nothing changed.
type tickResult struct {
	entry    []byte
	replies  []reply
	deferred []*request
	outgoing []*delivery
	resend   []acknowledgement
	acks     []acknowledgement
	changes  map[catalog.ObjectID][]*types.Batch
	appended []catalog.ObjectID
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
	}
}

// load makes the core anew from the committed state, with the newest catalog
// snapshot from which the objects known to the shard can be planned.
func (c *core) load(snapshot *catalog.Snapshot) error {
	c.snapshot = snapshot
	c.codecs = map[catalog.ObjectID]*relationCodec{}
	c.stages = map[stageID]*stage{}
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
	for _, id := range c.record.queries {
		descriptor := snapshot.Query(id)
		if descriptor == nil {
			continue // dropped since; the next activation removes its records
		}
		q, err := c.plan(descriptor)
		if err != nil {
			return err
		}
		if err := c.loadQuery(q); err != nil {
			return fmt.Errorf("query %q: %w", descriptor.Name, err)
		}
	}
	return c.loadTransactions()
}

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

// plan plans a query and adds it to those that run here.
func (c *core) plan(descriptor *catalog.Query) (*runningQuery, error) {
	planned, err := planner.PlanContinuous(c.snapshot, descriptor)
	if err != nil {
		return nil, fmt.Errorf("plan query %q: %w", descriptor.Name, err)
	}
	q, err := newRunningQuery(c, planned)
	if err != nil {
		return nil, err
	}
	format, err := planner.QueryFormat(c.snapshot, descriptor)
	if err != nil {
		return nil, fmt.Errorf("plan query %q: %w", descriptor.Name, err)
	}
	q.eval.Format, q.results.Format = format, format
	c.queries = append(c.queries, q)
	for _, s := range q.stages {
		c.stages[s.id] = s
	}
	if failure, bad := c.poisoned[descriptor.ID]; bad {
		q.state, q.failure = queryFailed, failure
	}
	return q, nil
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
		c.logger.Error("a continuous query panicked and was stopped", "query", failed.name, "shard", c.shard, "panic", failed.message, "stack", failed.stack)
		c.poisoned[failed.id] = failed.message
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
	arrived map[*input][]*types.Batch
	// keys are the keys that this tick's requests have inserted into source
	// tables.
	keys map[string]bool
	// upserted are the rows, by key, that this tick's requests have written into
	// source tables in which rows replace others.
	upserted map[string][]byte
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
func (t *tick) attempt() (failed *queryPanic, err error) {
	c := t.core
	version := c.record.version
	if t.in.snapshot != nil {
		version = max(version, t.in.snapshot.Version())
	}
	t.write.Reset(t.in.base, version, t.in.now.UnixMilli())
	if t.in.snapshot != nil && t.in.snapshot.Version() > c.record.version {
		if err := t.activate(t.in.snapshot); err != nil {
			return nil, err
		}
	}
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
	for _, q := range c.queries {
		if failed, err := t.runQuery(q); failed != nil || err != nil {
			return failed, err
		}
	}
	if t.in.retain {
		if err := t.retain(); err != nil {
			return nil, err
		}
	}
	if t.write.Len() > 0 {
		t.result.entry = t.write.Finish()
	}
	return nil, nil
}

// retain drops the beginnings of streams that their retention no longer keeps.
func (t *tick) retain() error {
	for _, relation := range t.core.snapshot.Relations() {
		if relation.Kind != catalog.KindStream || relation.RetentionMillis == 0 && relation.RetentionBytes == 0 {
			continue
		}
		partition, err := t.core.partition(uint64(relation.ID))
		if err != nil {
			return err
		}
		if partition == nil {
			continue
		}
		start := partition.RetentionOffset(t.in.now.UnixMilli(), relation.RetentionMillis, relation.RetentionBytes)
		start = min(start, t.core.slowestReader(relation.ID))
		if start > partition.StartOffset() {
			t.write.Truncate(uint64(relation.ID), start)
		}
	}
	return nil
}

// slowestReader returns the smallest offset that a query still has to read of a
// stream here: retention never takes what a query has not seen.
func (c *core) slowestReader(stream catalog.ObjectID) int64 {
	slowest := int64(math.MaxInt64)
	for _, q := range c.queries {
		for _, s := range q.stages {
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
func (t *tick) activate(snapshot *catalog.Snapshot) error {
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
	if err := t.activateQueries(snapshot); err != nil {
		return err
	}
	t.write.Set(shardKey(), c.record.append(nil))
	return nil
}

// activateQueries starts the queries that are new and tells the others whether
// they are paused.
func (t *tick) activateQueries(snapshot *catalog.Snapshot) error {
	c := t.core
	for _, descriptor := range snapshot.Queries() {
		i := slices.IndexFunc(c.queries, func(q *runningQuery) bool { return q.descriptor.ID == descriptor.ID })
		if i < 0 {
			if _, err := c.plan(descriptor); err != nil {
				return err
			}
			continue
		}
		q := c.queries[i]
		resumed := q.descriptor.Paused && !descriptor.Paused
		q.descriptor = descriptor
		switch {
		case descriptor.Paused && q.state == queryRunning:
			q.state = queryPaused
		case resumed:
			q.state, q.failure = queryRunning, ""
			delete(c.poisoned, descriptor.ID)
			t.writeStatus(q)
		}
	}
	return nil
}

func (t *tick) writeStatus(q *runningQuery) {
	t.write.Set(queryStatusKey(q.descriptor.ID), appendQueryStatus(nil, q.state, q.errors, q.failure))
}

// dropQuery removes all that a query keeps on the shard.
func (t *tick) dropQuery(id catalog.ObjectID) {
	c := t.core
	c.queries = slices.DeleteFunc(c.queries, func(q *runningQuery) bool { return q.descriptor.ID == id })
	for stage := range c.stages {
		if stage.query == id {
			delete(c.stages, stage)
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
	if !table {
		t.write.Truncate(uint64(id), math.MaxInt64)
		delete(t.core.ends, id)
		return
	}
	t.deleteObject(tables.KindRow, id)
}

// newTurn returns the turn of a query in this tick.
func (t *tick) newTurn(q *runningQuery) *turn {
	q.eval.Now, q.results.Now = t.in.now, t.in.now
	return &turn{
		eval: &q.eval, results: &q.results, state: t.core.state, write: t.write, tick: t, number: t.number,
		ownsEmptyKey: types.PartitionOf(nil, t.core.shards) == t.core.shard,
		rowError:     func(in *types.Batch, row int32, err error) { t.rowError(q, in, row, err) },
	}
}
