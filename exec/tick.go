package exec

import (
	"time"

	"millrace/log"
	"millrace/sql/catalog"
	"millrace/sql/types"
)

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
	// retain asks the tick to apply retention, and resend to send again what receivers
	// do not answer.
	retain, resend bool
	// reloaded says that an earlier attempt at the tick had the core loaded again, which
	// forgets what was handed to receivers.
	reloaded bool
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
	// unanswered says, where resend was asked for, that receivers have not taken all that
	// was sent to them.
	unanswered bool
	changes    map[catalog.ObjectID][]*types.Batch
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
	arrived map[*input][]arrival
	// pending are the rows that this tick's requests have written to source tables,
	// by their keys; no row for those that they deleted.
	pending map[string]rowRef
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
		arrived: map[*input][]arrival{},
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
		if err := t.holdCommitted(); err != nil {
			return nil, err
		}
	}
	if err := t.buildIndexes(); err != nil {
		return nil, err
	}
	c.schedule.begin()
	for _, s := range c.timed {
		if s.query.state == queryRunning && s.due(t.in.now) {
			c.schedule.due.add(s.query.index)
		}
	}
	if err := t.takeAcknowledgements(); err != nil {
		return nil, err
	}
	if err := t.resend(); err != nil {
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
	if err := t.keepChanges(); err != nil {
		return nil, err
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

// beginTurn returns the turn of a stage in this tick.
func (t *tick) beginTurn(s *stage) *turn {
	q := s.query
	q.eval.Now, q.results.Now = t.in.now, t.in.now
	tn := &s.turn
	if tn.eval == nil {
		tn.eval, tn.results = &q.eval, &q.results
		tn.ownsEmptyKey = types.PartitionOf(nil, t.core.shards) == t.core.shard
		tn.rowError = func(in *types.Batch, row int32, err error) { tn.tick.rowError(q, in, row, err) }
		tn.late = func(row *lateRow) { tn.tick.lateRow(q, row) }
	}
	tn.state, tn.write, tn.tick, tn.number, tn.failed = t.core.state, t.write, t, t.number, nil
	tn.begin(t.in.now, s)
	return tn
}
