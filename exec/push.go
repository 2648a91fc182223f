package exec

import (
	"context"
	"io"
	"slices"
	"time"

	"millrace/exec/pull"
	"millrace/planner/plan"
	"millrace/sql/catalog"
	"millrace/sql/expr"
	"millrace/sql/types"
)

// pushQuery is a push query at work: the query's operators over its sources' history
// and then over what is committed, all in memory. A pushCursor or a pushHost drives it.
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
