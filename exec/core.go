package exec

import (
	"fmt"
	"log/slog"
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
	// producers are the last writes of the producers that were seen.
	producers map[uint64]lastWrite
	// prepared are the transactions that wait for their decision, and locks the
	// row keys that they hold.
	prepared map[transactionID]*preparedTransaction
	locks    map[string]transactionID
	// decided are the decisions that are not forgotten yet.
	decided map[transactionID]openTransaction
	// loadedAt is the time of the first tick behind load, and expireAt when old producers
	// are looked for next, as tick.producerTime; both zero before they are known.
	loadedAt time.Time
	expireAt int64

	schedule schedule
	// timed are the stages that have something to do when time passes.
	timed []*stage
	// retained are the streams that have retention or are compacted, and compactions
	// the offsets before which compactions were asked for.
	retained    []*catalog.Relation
	compactions map[catalog.ObjectID]int64
	// followed are the tables whose changes are kept, and kept what is known of
	// those, by storage.
	followed []*catalog.Relation
	kept     map[catalog.ObjectID]*keptChanges
	// maxWaiting bounds the bytes that wait for one input.
	maxWaiting uint64
	// cacheGroups bounds the groups that one aggregation keeps in memory, and
	// scanRows, at most chunkRows, the rows of a table that are read at once.
	cacheGroups, scanRows int
	// preparedPiece is how large the values are in which prepared transactions are
	// stored.
	preparedPiece int
	// trimmable are the stages with stored deliveries that may be deleted.
	trimmable map[*stage]struct{}

	// builds are the indexes that are being built here, or are built and not ready
	// everywhere, and unready those that the catalog does not call ready.
	builds  []*indexBuild
	unready []*catalog.Index

	turns   uint64
	builder log.EntryBuilder
	scratch []byte
	// rowKey and entry hold keys of rows and of index entries for a moment.
	rowKey, entry []byte
}

// Hooks let tests act inside ticks.
type Hooks struct {
	// BeforeStage is called before a stage of the named query processes rows.
	BeforeStage func(query string, rows *types.Batch)
}

// queryBudget is how long one query may work in one tick before its remaining
// rows wait.
const queryBudget = 10 * time.Millisecond

func newCore(shard, shards int, shardLog ShardLog, clock func() time.Time, logger *slog.Logger, hooks Hooks) *core {
	return &core{
		shard: shard, shards: shards, state: shardLog.Tables(), partition: shardLog.Partition,
		clock: clock, logger: logger, hooks: hooks, poisoned: map[catalog.ObjectID]string{},
		maxWaiting: maxWaitingBytes, cacheGroups: aggregateCacheGroups, scanRows: chunkRows, preparedPiece: preparedPiece,
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
	c.compactions = map[catalog.ObjectID]int64{}
	c.kept = map[catalog.ObjectID]*keptChanges{}
	c.producers = map[uint64]lastWrite{}
	c.loadedAt, c.expireAt = time.Time{}, 0
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
		descriptor := snapshot.RunningQuery(id)
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
	if err := c.loadIndexes(); err != nil {
		return err
	}
	c.settle()
	return c.loadTransactions()
}

// settle brings what is derived from the active queries and relations up to
// date.
func (c *core) settle() {
	c.queries = inFlowOrder(c.queries)
	c.schedule.reset(c.queries)
	c.timed = c.timed[:0]
	for _, q := range c.queries {
		for _, s := range q.stages {
			if s.timed {
				c.timed = append(c.timed, s)
			}
		}
	}
	c.retained, c.followed = nil, nil
	for _, relation := range c.snapshot.Relations() {
		if relation.ChangesMillis != 0 {
			c.followed = append(c.followed, relation)
		}
		if relation.Kind == catalog.KindStream && (relation.RetentionMillis != 0 || relation.RetentionBytes != 0 || relation.Compact) {
			c.retained = append(c.retained, relation)
		}
	}
	for _, kept := range c.snapshot.KeptRelations() {
		if kept.Kind == catalog.KindStream {
			c.retained = append(c.retained, kept)
		}
	}
	c.unready = nil
	for _, index := range c.snapshot.Indexes() {
		if !index.Ready {
			c.unready = append(c.unready, index)
		}
	}
}

// nextWake is when the next stage has something to do without new input; zero
// for never.
func (c *core) nextWake() time.Time {
	var next time.Time
	for _, s := range c.timed {
		if at := s.wake; s.query.state == queryRunning && !at.IsZero() && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	return next
}

// retains reports whether a stream here has retention or is compacted, or changes of
// a table are kept for a time.
func (c *core) retains() bool { return len(c.retained) > 0 || len(c.followed) > 0 }

// codec returns the codec of a relation in the active catalog, or of the entries of
// a unique index; nil for another ID.
func (c *core) codec(id catalog.ObjectID) *relationCodec {
	if codec := c.codecs[id]; codec != nil {
		return codec
	}
	relation := storedRelation(c.snapshot, id)
	if relation == nil {
		return nil
	}
	codec := newRelationCodec(relation).withIndexes(c.snapshot, c.record.indexes)
	c.codecs[id] = codec
	return codec
}

// storedRelation finds whatever has rows on shards: a relation, a copy that a rewrite
// fills, the entries of a unique index, or a kept relation; nil for another ID.
func storedRelation(snapshot *catalog.Snapshot, id catalog.ObjectID) *catalog.Relation {
	if relation := snapshot.Relation(id); relation != nil {
		return relation
	}
	if shadow := snapshot.Shadow(id); shadow != nil {
		return shadow
	}
	if entries := snapshot.UniqueRelation(id); entries != nil {
		return entries
	}
	return snapshot.KeptRelation(id)
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

// planAnew plans a query that inserts again, since the stream that it inserts into
// was altered: its columns, defaults or constraints are others. What the SELECT keeps
// stays, since positions and state are committed between ticks, and what was handed
// to other shards, which is not stored, is taken over.
func (c *core) planAnew(i int) *runningQuery {
	old := c.queries[i]
	for _, s := range old.stages {
		delete(c.stages, s.id)
		delete(c.trimmable, s)
	}
	q := c.plan(old.descriptor)
	c.queries = c.queries[:len(c.queries)-1]
	c.queries[i] = q
	if err := c.loadQuery(q); err != nil {
		c.poisoned[q.descriptor.ID] = err.Error()
		q.state, q.failure = queryFailed, err.Error()
		return q
	}
	for n, s := range q.stages[:min(len(q.stages), len(old.stages))] {
		was := old.stages[n]
		s.handed, s.acknowledged, s.flying = was.handed, was.acknowledged, was.flying
		for shard := range s.acknowledged {
			if s.acknowledged[shard] > s.trimmed[shard] {
				c.trimmable[s] = struct{}{}
			}
		}
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
		state, errorCount, late, failure, err := decodeQueryStatus(stored)
		if err != nil {
			return err
		}
		q.errors, q.late = errorCount, late
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
			if in.changelog != nil {
				if err := c.loadAhead(s, in); err != nil {
					return err
				}
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
	c.boundProducers()
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
		in.reloaded = true
	}
}
