package exec

import (
	"context"
	"io"
	"math"
	"slices"
	"time"

	"millrace/exec/pull"
	"millrace/log"
	"millrace/planner/plan"
	"millrace/sql/catalog"
	"millrace/sql/expr"
	"millrace/sql/sqlerr"
	"millrace/sql/types"
	"millrace/tables"
)

// pushQuery is a push query at work: the query's operators over its sources' history
// and then over what is committed, all in memory. A pushCursor or a pushHost drives it.
//
// Of a stream, each shard's partition is read from the log, from the beginning
// or from the end at the start, so no row is missed or repeated. Of a table, a
// subscription is made first and a snapshot taken then; changes of entries that
// the snapshot holds are passed over by their index.
//
// The operators' changes of one step are consolidated per key before they are
// given out: a key's row that came and went within a step is never seen. A step
// gives about pushStepRows changes: where one row joins very many others, the joins
// keep the rest of their work for the next steps, and the sources wait.
type pushQuery struct {
	engine *Engine
	plan   *plan.Query
	stage  *stage
	turn   turn
	out    *pushOutput

	sources []*pushSource
	wake    *wakeup
	// buffer bounds the bytes of changes that wait in memory.
	buffer int64
	// opened says that the history has been read. Until then a query that
	// aggregates gives out nothing; any other gives each piece of its initial
	// result at once.
	opened    bool
	piecewise bool
	// silent says that what the history gives is not for the client, who asked for
	// what comes from now on.
	silent bool
	// marks follows where the query is, for rowmarks; nil where it cannot be resumed.
	marks *pushMarks
	// replay is the unit of the mark behind which the query was resumed, until it is
	// computed again.
	replay []markedSource
	ended  error
}

// pushSource is one input of a push query.
type pushSource struct {
	in           *input
	subscription *subscription
	// streams: the next offset per shard, and the offsets at which the initial
	// result is complete.
	offsets, initial []int64
	// tables: the initial scan, the snapshot that it reads and the index per shard that
	// this holds.
	scan     pull.Iterator
	snapshot *tables.Snapshot
	applied  []uint64
	// at are the indexes up to which changes have been read, and backlog reads the kept
	// ones of a query that was resumed, before those that come now. Pending were taken
	// from the subscription and are for later.
	at      []uint64
	backlog *keptScan
	pending []tableChanges
	started bool
}

// newPushQuery starts the work on a push query, behind the mark where it is not nil.
func (e *Engine) newPushQuery(q *plan.Query, env *QueryEnv, done <-chan struct{}, resume *rowmark) (*pushQuery, error) {
	p := &pushQuery{engine: e, plan: q, wake: newWakeup(), buffer: e.pushBuffer(env)}
	evaluation := expr.Context{Now: env.Now, Format: env.Format, Params: env.Params, Session: env.Session, Done: done}
	results := evaluation
	evaluation.Subqueries = pull.RowSubqueries(q.Subqueries, []plan.Node{q.Root}, &evaluation)
	results.Subqueries = pull.RowSubqueries(q.Subqueries, []plan.Node{q.Root}, &results)
	p.turn = turn{eval: &evaluation, results: &results, ownsEmptyKey: true, rowError: func(_ *types.Batch, _ int32, err error) { p.turn.fail(err) }}
	p.out = newPushOutput(q)
	p.stage = &stage{}
	p.piecewise = !aggregates(q.Root)
	p.out.full, p.out.held = e.pushStepRows, !p.piecewise
	p.turn.number = 1
	p.turn.stage = p.stage
	builder := stageBuilder{stage: p.stage, codecs: pushCodecs(q), inMemory: true}
	if err := builder.build(q.Root, p.out); err != nil {
		return nil, err
	}
	var err error
	if p.marks, err = newPushMarks(p, env); err != nil {
		return nil, err
	}
	if resume == nil && q.Options.Resume != "" {
		if resume, err = parseRowmark(q.Options.Resume, p.marks.mark.fingerprint, len(e.loops), len(p.stage.inputs)); err != nil {
			return nil, err
		}
	}
	if resume != nil {
		err = p.resume(resume)
	} else {
		err = p.open()
	}
	if err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

// aggregates reports whether a plan has an aggregation.
func aggregates(node plan.Node) bool {
	if _, ok := node.(*plan.Aggregate); ok {
		return true
	}
	return slices.ContainsFunc(node.Inputs(), aggregates)
}

// joinsStreams reports whether a plan has a join that keeps the rows of streams.
func joinsStreams(node plan.Node) bool {
	if join, ok := node.(*plan.Join); ok && !join.Lookup {
		return true
	}
	return slices.ContainsFunc(node.Inputs(), joinsStreams)
}

// pushCodecs returns the codecs of a query's sources by ID.
func pushCodecs(q *plan.Query) func(catalog.ObjectID) *relationCodec {
	codecs := map[catalog.ObjectID]*relationCodec{}
	for _, relation := range q.Sources {
		codecs[relation.ID] = newRelationCodec(relation)
	}
	return func(id catalog.ObjectID) *relationCodec { return codecs[id] }
}

// open subscribes to the sources and notes where they begin.
func (p *pushQuery) open() error {
	fromNow := p.plan.Root.Props().Kind == plan.AppendOnly && !p.plan.Options.FromBeginning
	if p.plan.Options.Snapshot != nil {
		fromNow = !*p.plan.Options.Snapshot
	}
	placed := slices.ContainsFunc(p.stage.inputs, func(in *input) bool { return in.start != nil })
	if fromNow && !placed && joinsStreams(p.plan.Root) {
		fromNow, p.silent = false, true
	}
	for _, in := range p.stage.inputs {
		source := p.subscribe(in)
		if in.kind == inputTable {
			if err := p.openTable(source); err != nil {
				return err
			}
			if in.changelog != nil && fromNow {
				source.closeScan()
			}
			continue
		}
		ends, err := p.engine.streamEnds(in.source)
		if err != nil {
			return err
		}
		source.initial, source.offsets = ends, make([]int64, len(ends))
		if in.start != nil {
			if source.offsets, err = p.engine.startOffsets(in.start, in.codec.relation); err != nil {
				return err
			}
			source.started = true
			continue
		}
		if fromNow && p.stage.final {
			p.silent = true // windows that are open now began before
		} else if fromNow {
			source.offsets = slices.Clone(ends)
		}
	}
	if len(p.sources) == 0 {
		p.ended = io.EOF
	}
	if p.marks != nil {
		if err := p.noteFirst(); err != nil {
			return err
		}
		p.marks.mark.initial = p.beginning()
	}
	return p.engine.checkStorage(p.plan.Sources)
}

// noteFirst notes in the marks where streams begin to be read.
func (p *pushQuery) noteFirst() error {
	for i, source := range p.sources {
		first := make([]uint64, len(p.engine.loops))
		p.marks.mark.sources[i].first = first
		for shard := range source.offsets {
			partition, err := p.engine.loops[shard].log.Partition(uint64(source.in.source))
			if err != nil {
				return err
			}
			if partition != nil {
				first[shard] = uint64(max(source.offsets[shard], partition.StartOffset()))
			}
		}
	}
	return nil
}

// subscribe makes a source of an input and has it told of changes from now on.
func (p *pushQuery) subscribe(in *input) *pushSource {
	source := &pushSource{in: in, subscription: &subscription{
		relation: in.source, table: in.kind == inputTable, wake: p.wake, budget: &p.engine.pushes.budget, limit: p.buffer,
		kept: p.marks != nil && in.codec.relation.ChangesMillis > 0,
	}}
	p.sources = append(p.sources, source)
	for _, l := range p.engine.loops {
		l.feed.subscribe(source.subscription)
	}
	return source
}

// openTable takes a snapshot of a table, to which its source is subscribed.
func (p *pushQuery) openTable(source *pushSource) error {
	in := source.in
	source.snapshot, source.applied = p.engine.storage.Store().NewSnapshot(), nil
	source.scan = &tableScan{snapshot: source.snapshot, shards: len(p.engine.loops), codec: in.codec, fetch: in.fetch, read: p.engine.metrics.read}
	for shard := range p.engine.loops {
		applied, err := source.snapshot.Shard(uint32(shard)).AppliedIndex()
		if err != nil {
			return damaged(err)
		}
		source.applied = append(source.applied, applied)
	}
	source.at = slices.Clone(source.applied)
	return nil
}

// close lets go of what the query holds.
func (p *pushQuery) close() {
	for _, source := range p.sources {
		for _, l := range p.engine.loops {
			l.feed.unsubscribe(source.subscription)
		}
		source.subscription.end(io.EOF)
		source.closeBacklog()
		source.closeScan()
	}
	for _, l := range p.engine.loops {
		l.feed.forget(p.wake)
	}
	p.sources = nil
	if p.ended == nil {
		p.ended = io.EOF
	}
}

func (s *pushSource) closeScan() {
	if s.scan != nil {
		s.scan.Close()
		s.scan = nil
	}
	s.closeSnapshot()
}

func (s *pushSource) closeBacklog() {
	if s.backlog != nil {
		s.backlog.close()
		s.backlog = nil
	}
	s.closeSnapshot()
}

// closeSnapshot lets the snapshot go when nothing reads it any more.
func (s *pushSource) closeSnapshot() {
	if s.snapshot != nil && s.scan == nil && s.backlog == nil {
		_ = s.snapshot.Close() // its reads reported their errors
		s.snapshot = nil
	}
}

// next makes a step and returns the rows that it gives, nil for none. Worked says that
// there may be more to do at once.
func (p *pushQuery) next(ctx context.Context) (rows *types.Batch, worked bool, err error) {
	if p.ended != nil {
		return nil, false, p.ended
	}
	if worked, err = p.step(ctx); err != nil {
		if ctx.Err() == nil {
			p.ended = err
		}
		return nil, false, err
	}
	if rows, err = p.marks.give(p.out.take()); err != nil {
		p.ended = err
	}
	return rows, worked, err
}

// step takes what the sources have now and runs the operators over it. The first
// steps read the history, in pieces.
func (p *pushQuery) step(ctx context.Context) (worked bool, err error) {
	p.beginTurn()
	if ctx.Err() != nil {
		return false, context.Cause(ctx)
	}
	p.turn.spent = func() bool { return p.out.isFull() || ctx.Err() != nil }
	if p.opened && p.stage.busy() {
		p.stage.resumeWork(&p.turn)
		p.finish()
		return true, p.turn.failed
	}
	if p.replay != nil && p.opened {
		if err := p.replayUnit(); err != nil {
			return false, err
		}
		p.finish()
		return true, p.turn.failed
	}
	p.marks.begin()
	if !p.opened {
		more, err := p.readHistory(ctx)
		if err != nil {
			return false, err
		}
		p.opened = !more
		p.out.held = p.out.held && more
		if p.opened || p.piecewise || p.settles() {
			p.finish()
		}
		if p.silent {
			p.out.take()
		}
		return true, p.turn.failed
	}
	for _, source := range p.sources {
		did, err := p.readNew(source, nil)
		if err != nil {
			return false, err
		}
		worked = worked || did
	}
	worked = worked || !p.stage.wake.IsZero() && !p.turn.now.Before(p.stage.wake)
	if worked {
		p.finish()
	}
	return worked, p.turn.failed
}

// settles reports whether a turn ends behind each piece of the history although
// nothing is given out yet: joins bring what they keep in order then. Where time
// matters, the history is one turn.
func (p *pushQuery) settles() bool {
	return !p.stage.timed && slices.ContainsFunc(p.stage.workers, func(o *worker) bool { return o.inputs > 1 })
}

// beginTurn makes a turn at the time of now. While the history is read, rows of a
// table come in no order, and no partition is idle.
func (p *pushQuery) beginTurn() {
	p.turn.begin(p.engine.now(), p.stage)
	p.turn.unordered = p.turn.unordered && !p.opened
	p.turn.behind = !p.opened
	p.out.sorted = p.opened && p.sortsRows()
}

// sortsRows reports whether a unit's rows are given in an order that depends on what they
// are alone, so that several units can be computed again as one: where the rows have
// marks, and each unit is one step.
func (p *pushQuery) sortsRows() bool {
	return p.marks != nil && len(p.plan.RowMarks) > 0 && len(p.stage.workers) == 0
}

func (p *pushQuery) finish() {
	p.stage.wake = time.Time{}
	for _, in := range p.stage.inputs {
		p.turn.time = in.streamTime()
		in.to.finish(&p.turn)
	}
	p.turn.number++
}

// readHistory hands one piece of the initial input to the operators.
func (p *pushQuery) readHistory(ctx context.Context) (more bool, err error) {
	if p.stage.busy() {
		p.stage.resumeWork(&p.turn)
		return true, p.turn.failed
	}
	for _, source := range p.sources {
		if source.scan != nil {
			rows, err := source.scan.Next(ctx)
			if err == nil {
				source.in.to.process(&p.turn, p.initialRows(source, rows))
				return true, p.turn.failed
			}
			if err != io.EOF {
				return false, err
			}
			source.closeScan()
			continue
		}
		for shard := range source.offsets {
			if source.offsets[shard] < source.initial[shard] {
				return true, p.readStream(source, shard, source.initial[shard])
			}
		}
	}
	return false, p.turn.failed
}

// initialRows gives rows of a table's scan as its consumer sees them.
func (p *pushQuery) initialRows(source *pushSource, rows *types.Batch) *types.Batch {
	changelog := source.in.changelog
	if changelog == nil {
		return rows
	}
	return changelog.asInserts(rows, p.turn.eval.Now.UnixMilli())
}

// readNew hands a source's new rows or changes to the operators: those up to given
// positions by shard or, for nil, what there is.
func (p *pushQuery) readNew(source *pushSource, until []uint64) (bool, error) {
	if source.backlog != nil {
		return p.readBacklog(source, nil)
	}
	if source.in.kind == inputTable {
		return p.readChanges(source, until)
	}
	worked := false
	for shard := range source.offsets {
		limit := int64(math.MaxInt64)
		if until != nil {
			limit = int64(until[shard])
		}
		before := source.offsets[shard]
		if err := p.readStream(source, shard, limit); err != nil {
			return worked, err
		}
		worked = worked || source.offsets[shard] != before
	}
	return worked, nil
}

// readChanges hands the changes of a table that have come to the operators.
func (p *pushQuery) readChanges(source *pushSource, until []uint64) (worked bool, err error) {
	come, err := source.subscription.take()
	if err == errSubscriptionBehind {
		err = p.readKept(source)
		worked = true
	}
	if err != nil {
		return false, p.marks.hint(err)
	}
	changes := append(source.pending, come...)
	source.pending = nil
	slices.SortStableFunc(changes, func(x, y tableChanges) int { return x.shard - y.shard })
	for _, c := range changes {
		switch {
		case c.index <= source.applied[c.shard]:
			continue
		case until != nil && c.index > until[c.shard]:
			source.pending = append(source.pending, c)
			continue
		}
		for _, b := range c.changes {
			p.takeChanges(source, b, c.time, c.shard)
			worked = true
		}
		source.at[c.shard] = c.index
	}
	return worked, p.turn.failed
}

// takeChanges hands changes of a table, made at a time, to the operators.
func (p *pushQuery) takeChanges(source *pushSource, changes *types.Batch, at int64, shard int) {
	rows := source.in.fetch.projectFull(changes, int32(shard))
	if changelog := source.in.changelog; changelog != nil {
		rows = changelog.project(changelog.changes(changes, nil), at, shard)
	}
	source.in.to.process(&p.turn, rows)
}

// readStream hands one piece of a stream's partition, up to a limit, to the
// operators.
func (p *pushQuery) readStream(source *pushSource, shard int, limit int64) error {
	partition, err := p.engine.loops[shard].log.Partition(uint64(source.in.source))
	if err != nil || partition == nil {
		return err
	}
	if source.offsets[shard] < partition.StartOffset() {
		if source.started {
			return sqlerr.New(sqlerr.ObjectNotInPrerequisiteState, -1, "rows of stream %q were dropped by its retention before they could be sent", source.in.codec.relation.Name)
		}
		source.offsets[shard] = partition.StartOffset()
	}
	if limit = min(limit, partition.NextOffset()); source.offsets[shard] >= limit {
		return nil
	}
	data, err := partition.Read(source.offsets[shard], scanBytes, nil)
	if err != nil {
		return readError(source.in.codec.relation, err)
	}
	if partition.CompactedBefore() > max(source.initial[shard], source.offsets[shard]) {
		return compactedError(source.in.codec.relation)
	}
	for len(data) > 0 && source.offsets[shard] < limit {
		var batch log.Batch
		if batch, data, err = log.ParseBatch(data); err != nil {
			return readError(source.in.codec.relation, err)
		}
		stored := source.in.fetch.newStored()
		if err := source.in.fetch.decodeRecords(&batch, source.offsets[shard], stored); err != nil {
			return damaged(err)
		}
		stored = cutAt(stored, limit)
		source.offsets[shard] = min(batch.NextOffset(), limit)
		if stored.Len > 0 {
			source.in.to.process(&p.turn, source.in.fetch.project(stored, int32(shard)))
		}
	}
	source.started = true
	return p.turn.failed
}
