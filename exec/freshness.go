package exec

import (
	"context"
	"fmt"
	"slices"
	"time"

	"millrace/sql/catalog"
	"millrace/sql/sqlerr"
)

// defaultFreshnessTimeout bounds the wait for what is on its way.
const defaultFreshnessTimeout = 30 * time.Second

// timeout is how long continuous queries that are behind are waited for.
func (f *Freshness) timeout() time.Duration {
	if f.Timeout <= 0 {
		return defaultFreshnessTimeout
	}
	return f.Timeout
}

// freshen waits until this node has as much of what was acknowledged in some relations
// before the call as is asked for.
func (e *Engine) freshen(ctx context.Context, relations []*catalog.Relation, freshness Freshness) error {
	if freshness.Stale {
		return nil
	}
	if queries := upstream(e.newestCatalog(), relations); len(queries) > 0 {
		return e.waitFresh(ctx, queries, freshness.timeout())
	}
	return e.catchUp(ctx, e.outdated(e.shardsOf(relations), freshness.MaxStaleness))
}

// waitFresh waits until everything that was acknowledged before the call has
// reached the relations: stage by stage, from the sources down, it takes what
// each stage's inputs hold at that moment and waits until the stage has consumed
// it on every shard. Nothing is logged.
//
// A stage is looked at after all stages before it have passed, so the numbers
// that it must reach include all that they sent.
func (e *Engine) waitFresh(ctx context.Context, queries []*catalog.Query, timeout time.Duration) error {
	var deadline <-chan time.Time
	for _, q := range queries {
		if err := e.waitQuery(ctx, q, timeout, &deadline); err != nil {
			return err
		}
	}
	return nil
}

// waitQuery waits for one query, behind those whose results it reads.
func (e *Engine) waitQuery(ctx context.Context, q *catalog.Query, timeout time.Duration, deadline *<-chan time.Time) error {
	stages := e.stagesOf(q.ID)
	if status, known := e.loops[0].status.query(q.ID); stages == 0 && known && status.state != queryRunning {
		return notRunning(q, status)
	}
	for stage := range stages {
		for _, l := range e.loops {
			if err := e.waitStage(ctx, l, q, stageID{q.ID, stage}, timeout, deadline); err != nil {
				return err
			}
		}
	}
	return nil
}

// upstream returns the queries whose results the relations are or depend on, those
// whose work they share among them, sources first.
func upstream(snapshot *catalog.Snapshot, relations []*catalog.Relation) []*catalog.Query {
	var ordered []*catalog.Query
	seen := map[catalog.ObjectID]bool{}
	var visit func(id catalog.ObjectID)
	var add func(q *catalog.Query)
	visit = func(id catalog.ObjectID) {
		if seen[id] {
			return
		}
		seen[id] = true
		for _, q := range snapshot.QueriesWriting(id) {
			add(q)
		}
	}
	add = func(q *catalog.Query) {
		if slices.Contains(ordered, q) {
			return
		}
		for _, source := range q.Sources {
			visit(source)
		}
		for _, shared := range q.Shared {
			add(snapshot.RunningQuery(shared))
		}
		ordered = append(ordered, q)
	}
	for _, relation := range relations {
		visit(relation.ID)
	}
	return ordered
}

// stagesOf returns how many stages a query has.
func (e *Engine) stagesOf(query catalog.ObjectID) int {
	l := e.loops[0]
	l.status.mu.Lock()
	defer l.status.mu.Unlock()
	n := 0
	for l.status.stages[stageID{query, n}] != nil {
		n++
	}
	return n
}

// waitStage waits until a stage on one shard has consumed what its inputs hold
// now. The deadline begins with the first wait.
func (e *Engine) waitStage(ctx context.Context, l *shardLoop, q *catalog.Query, id stageID, timeout time.Duration, deadline *<-chan time.Time) error {
	var targets []inputTarget
	var work []workStatus
	for {
		l.status.mu.Lock()
		published := l.status.stages[id]
		if published == nil {
			l.status.mu.Unlock()
			return nil // not activated here: the query began after the caller's catalog
		}
		inputs := published.inputs
		if targets == nil {
			sources := slices.Clone(inputs)
			l.status.mu.Unlock()
			var err error
			if targets, err = e.targets(l, sources); err != nil {
				return err
			}
			continue
		}
		if state := l.status.queries[id.query]; state.state == queryFailed {
			// What it has consumed may be missing from its result.
			l.status.mu.Unlock()
			return notRunning(q, state)
		}
		if reached(inputs, targets) && !published.unfinished {
			// What has been taken may be left with the stage's operators.
			if work == nil {
				work = slices.Clone(published.work)
			}
			if worked(published.work, work) {
				l.status.mu.Unlock()
				return nil
			}
		}
		state, changed := l.status.queries[id.query], l.status.notice()
		l.status.mu.Unlock()
		if state.state != queryRunning {
			return notRunning(q, state)
		}
		if *deadline == nil {
			*deadline = e.after(timeout)
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-e.stopped:
			return ErrStopped
		case <-*deadline:
			return e.tooSlow(q, timeout)
		case <-changed:
		}
	}
}

// inputTarget is what one input of a stage must reach.
type inputTarget struct {
	offset  int64
	waiting uint64
	wanted  []uint64
	// arrived says that all wanted deliveries have come, and waiting is then the
	// end of those that wait.
	arrived bool
}

// targets takes what the inputs of a stage on a shard hold now.
func (e *Engine) targets(l *shardLoop, inputs []inputStatus) ([]inputTarget, error) {
	out := make([]inputTarget, len(inputs))
	for i := range inputs {
		switch inputs[i].kind {
		case inputStream:
			partition, err := l.log.Partition(uint64(inputs[i].source))
			if err != nil {
				return nil, err
			}
			if partition != nil {
				out[i].offset = partition.NextOffset()
			}
		case inputTable:
			out[i].waiting = inputs[i].waitingNext
		case inputShuffle:
			out[i].wanted = make([]uint64, len(e.loops))
			for n, sender := range e.loops {
				if sender != l {
					out[i].wanted[n] = sender.status.sentTo(inputs[i].from, l.number)
				}
			}
		}
	}
	return out, nil
}

// worked reports whether operators have done the work that they had left.
func worked(now, then []workStatus) bool {
	for i := range then {
		if now[i].first < then[i].next {
			return false
		}
	}
	return true
}

func reached(inputs []inputStatus, targets []inputTarget) bool {
	for i := range inputs {
		in, target := &inputs[i], &targets[i]
		switch in.kind {
		case inputStream:
			if in.offset < target.offset {
				return false
			}
		case inputTable:
			if !in.scanned || in.waitingFirst < target.waiting {
				return false
			}
		case inputShuffle:
			for n, wanted := range target.wanted {
				if in.wanted[n] < wanted {
					return false
				}
			}
			if !target.arrived {
				target.arrived, target.waiting = true, in.waitingNext
			}
			if in.waitingFirst < target.waiting {
				return false
			}
		}
	}
	return true
}

// notRunning is the error for a result whose query stands still.
func notRunning(q *catalog.Query, state queryStatus) error {
	err := sqlerr.New(sqlerr.ObjectNotInPrerequisiteState, -1, "the continuous query %q is paused", q.Name).
		WithHint("RESUME %s, or SET freshness = 'stale' to read the result as it is.", q.Name)
	if state.state == queryFailed {
		err = sqlerr.New(sqlerr.ObjectNotInPrerequisiteState, -1, "the continuous query %q has failed", q.Name).
			WithDetail("%s", state.failure).
			WithHint("SHOW QUERIES tells its state; PAUSE and RESUME start it again, or SET freshness = 'stale' to read the result as it is.")
	}
	return err
}

func (e *Engine) tooSlow(q *catalog.Query, timeout time.Duration) error {
	return sqlerr.New(sqlerr.ObjectNotInPrerequisiteState, -1, "the continuous query %q has not caught up within %v", q.Name, timeout).
		WithDetail("%s", e.progress(q.ID)).
		WithHint("SET freshness_timeout to wait longer, or SET freshness = 'stale' to read the result as it is.")
}

// progress says how far a query is behind.
func (e *Engine) progress(query catalog.ObjectID) string {
	var behind, waiting int64
	for _, l := range e.loops {
		lag := l.lag(query)
		behind, waiting = behind+lag.rows, waiting+lag.batches
	}
	return fmt.Sprintf("It has %d rows and %d waiting batches to go.", behind, waiting)
}

// lag is how far a query is behind on one shard.
type lag struct {
	rows, batches int64
	scanning      bool
}

func (l *shardLoop) lag(query catalog.ObjectID) lag {
	var out lag
	l.status.mu.Lock()
	var inputs []inputStatus
	for n := 0; l.status.stages[stageID{query, n}] != nil; n++ {
		published := l.status.stages[stageID{query, n}]
		inputs = append(inputs, published.inputs...)
		for _, work := range published.work {
			out.batches += int64(work.next - work.first)
		}
	}
	l.status.mu.Unlock()
	for i := range inputs {
		out.batches += int64(inputs[i].waitingNext - inputs[i].waitingFirst)
		switch inputs[i].kind {
		case inputStream:
			if partition, err := l.log.Partition(uint64(inputs[i].source)); err == nil && partition != nil {
				out.rows += max(0, partition.NextOffset()-inputs[i].offset)
			}
		case inputTable:
			out.scanning = out.scanning || !inputs[i].scanned
		}
	}
	return out
}
