package exec

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"millrace/sql/catalog"
	"millrace/sql/sqlerr"
)

// What a SELECT waits for so that it sees all that was acknowledged before, through any
// number of derived results.
//
// Stage by stage, from the sources down, it takes what each stage's inputs hold and waits
// until the stage has consumed it. Nothing is logged. A stage is looked at after all
// stages before it have passed, so the numbers that it must reach include all that they
// sent. Stages on one shard follow each other without leaving it: its leader lets pass
// what it can (freshness_shard.go), and says how many deliveries passed stages have sent
// to each shard. Stages behind a shuffle then wait for as many. So a SELECT asks each
// node once, and once more for every shuffle that one leads to another by.
//
// Invariants:
//   - What a leader lets pass, it compares with a state at or behind everything that was
//     acknowledged before the reader began. The first answer of a shard takes a quorum that
//     confirms the leader; its index is such a state, and so any state behind it, whoever
//     leads, so that later answers need no quorum.
//   - A stage that has passed stays so, whoever leads: positions only grow.
//   - When all stages have passed, the reader waits until its own replicas have applied
//     the entries by which they did.

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
	switch {
	case freshness.Stale && freshness.Current:
		return e.catchUp(ctx, e.shardsOf(relations))
	case freshness.Stale:
		return nil
	case freshness.Current:
		freshness.MaxStaleness = 0
	}
	queries := upstream(e.newestCatalog(), relations)
	if len(queries) == 0 {
		return e.catchUp(ctx, e.outdated(e.shardsOf(relations), freshness.MaxStaleness))
	}
	began := e.now()
	if e.freshSince.allows(relations, began, freshness.MaxStaleness) {
		return nil
	}
	if _, err := e.waitFresh(ctx, queries, freshness.timeout(), began); err != nil {
		return err
	}
	if !e.alone() {
		e.freshSince.note(relations, began)
	}
	return nil
}

// freshSince is when this node last had all that was acknowledged before, in relations
// that continuous queries write.
type freshSince struct {
	mu sync.Mutex
	at map[catalog.ObjectID]time.Time
}

// allows reports whether relations are known to have been fresh so long ago.
func (f *freshSince) allows(relations []*catalog.Relation, now time.Time, allowed time.Duration) bool {
	if allowed <= 0 {
		return false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, relation := range relations {
		if at, known := f.at[relation.ID]; !known || now.Sub(at) > allowed {
			return false
		}
	}
	return true
}

func (f *freshSince) note(relations []*catalog.Relation, at time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.at == nil {
		f.at = map[catalog.ObjectID]time.Time{}
	}
	for _, relation := range relations {
		f.at[relation.ID] = at
	}
}

// freshnessWait is one reader's wait for the results of some queries.
type freshnessWait struct {
	engine  *Engine
	queries []*catalog.Query
	timeout time.Duration
	began   time.Time
	// at is how far each shard has come, and index the entry that it came by.
	at    []freshAt
	index []uint64
	// sent are, of stages that have passed on a shard, by shard, the numbers of their
	// next deliveries to each shard; wanted the same by receiver, of stages that have
	// passed everywhere.
	sent   map[stageID][][]uint64
	wanted map[stageID][][]uint64

	mu sync.Mutex
	// fault is the first query that cannot be waited for, and why.
	fault *catalog.Query
	slow  bool
}

// waitFresh waits until everything that was acknowledged before the call has reached the
// results of queries, which stand behind those that feed them. The timeout counts from
// began. Of an error it says which query it concerns, nil for none.
func (e *Engine) waitFresh(ctx context.Context, queries []*catalog.Query, timeout time.Duration, began time.Time) (*catalog.Query, error) {
	w := &freshnessWait{
		engine: e, queries: queries, timeout: timeout, began: began,
		at: make([]freshAt, len(e.loops)), index: make([]uint64, len(e.loops)),
	}
	left := rangeOf(len(e.loops))
	for len(left) > 0 {
		if err := w.ask(ctx, left); err != nil {
			if w.slow {
				return w.fault, e.tooSlow(ctx, w.fault, timeout)
			}
			return w.fault, err
		}
		left = slices.DeleteFunc(left, func(shard int) bool { return w.at[shard].query >= len(queries) })
		if len(left) > 0 && !w.exchange() {
			return nil, fmt.Errorf("exec: stages wait for deliveries that no stage sends")
		}
	}
	if e.alone() {
		return nil, nil
	}
	for shard, index := range w.index {
		if err := e.waitApplied(ctx, shard, index); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

// ask has the leaders of shards let pass what they can.
func (w *freshnessWait) ask(ctx context.Context, shards []int) error {
	e := w.engine
	local := func(ctx context.Context, shard int) error {
		answer, err := e.loops[shard].passStages(ctx, w.request(shard))
		if err != nil {
			return err
		}
		return w.take(shard, answer)
	}
	if e.alone() {
		for _, shard := range shards {
			if err := local(ctx, shard); err != nil {
				return err
			}
		}
		return nil
	}
	return e.askShards(ctx, shards, &shardQuestion{
		method: freshMethod, local: local, patience: min(leaderPatience, max(w.left(), time.Second)),
		request: func(buf []byte, shard int) []byte { return w.request(shard).append(buf) },
		answer: func(shard int, encoded []byte) error {
			answer, err := decodeFreshAnswer(encoded, len(e.loops))
			if err != nil {
				return err
			}
			return w.take(shard, answer)
		},
	})
}

// left is how much of the timeout is left.
func (w *freshnessWait) left() time.Duration {
	return max(0, w.timeout-w.engine.now().Sub(w.began))
}

// request is what the leader of a shard is asked.
func (w *freshnessWait) request(shard int) *freshRequest {
	r := &freshRequest{at: w.at[shard], index: w.index[shard], timeout: w.left()}
	for _, q := range w.queries {
		r.queries = append(r.queries, q.ID)
	}
	for id, wanted := range w.wanted {
		r.wanted = append(r.wanted, stageNumbers{id, wanted[shard]})
	}
	return r
}

// take notes what the leader of a shard has answered.
func (w *freshnessWait) take(shard int, answer *freshAnswer) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.at[shard], w.index[shard] = answer.at, answer.index
	for _, sent := range answer.sent {
		if w.sent == nil {
			w.sent = map[stageID][][]uint64{}
		}
		if w.sent[sent.stage] == nil {
			w.sent[sent.stage] = make([][]uint64, len(w.at))
		}
		w.sent[sent.stage][shard] = sent.numbers
	}
	if answer.stopped == freshPassed {
		return nil
	}
	q := w.queries[min(answer.at.query, len(w.queries)-1)]
	if w.fault == nil {
		w.fault, w.slow = q, answer.stopped == freshSlow
	}
	if answer.stopped == freshSlow {
		return notCaughtUp(q, w.timeout)
	}
	return notRunning(q, answer.status)
}

// exchange finds the stages that have passed on all shards, and reports whether there are
// new ones.
func (w *freshnessWait) exchange() bool {
	found := false
	for id, sent := range w.sent {
		position := slices.IndexFunc(w.queries, func(q *catalog.Query) bool { return q.ID == id.query })
		passed := true
		for sender := range w.at {
			passed = passed && w.at[sender].behind(freshAt{position, id.stage})
		}
		if !passed {
			continue
		}
		wanted := make([][]uint64, len(w.at))
		for receiver := range wanted {
			wanted[receiver] = make([]uint64, len(w.at))
			for sender, numbers := range sent {
				if numbers != nil { // the stage is not new there
					wanted[receiver][sender] = numbers[receiver]
				}
			}
		}
		if w.wanted == nil {
			w.wanted = map[stageID][][]uint64{}
		}
		w.wanted[id], found = wanted, true
		delete(w.sent, id)
	}
	return found
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

// notCaughtUp is the error for a result whose query is too slow.
func notCaughtUp(q *catalog.Query, timeout time.Duration) *sqlerr.Error {
	return sqlerr.New(sqlerr.ObjectNotInPrerequisiteState, -1, "the continuous query %q has not caught up within %v", q.Name, timeout).
		WithHint("SET freshness_timeout to wait longer, or SET freshness = 'stale' to read the result as it is.")
}

// tooSlow is notCaughtUp with how much is left.
func (e *Engine) tooSlow(ctx context.Context, q *catalog.Query, timeout time.Duration) error {
	err := notCaughtUp(q, timeout)
	if states, failure := e.queryStates(ctx); failure == nil {
		err = err.WithDetail("%s", states.progress(q.ID))
	}
	return err
}
