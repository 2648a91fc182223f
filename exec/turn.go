package exec

import (
	"time"

	"millrace/log"
	"millrace/sql/expr"
	"millrace/sql/types"
	"millrace/tables"
)

// turn is what operators see of the tick, or of a session's step, that they run
// in. It belongs to one goroutine.
type turn struct {
	// eval is the evaluation context; its Errors are the current batch's.
	eval *expr.Context
	// results is a second context, for what is evaluated about groups rather than
	// about rows of a batch.
	results *expr.Context
	// state reads the committed state of the shard, and write adds to the entry
	// of the tick. Both are nil in a session, where operators keep all in memory.
	state tables.Reader
	write *log.EntryBuilder
	// tick is the tick that the turn is part of; nil in a session.
	tick *tick
	// ownsEmptyKey says that this host holds the one group of an aggregation
	// without GROUP BY.
	ownsEmptyKey bool
	// number counts turns, so that operators can tell what they touched in this
	// one. It is never 0.
	number uint64
	// rowError takes a row of in whose evaluation failed; the row contributes
	// nothing.
	rowError func(in *types.Batch, row int32, err error)
	// failed is the first error that is not a row's: state that cannot be read.
	failed error
	// spent, where not nil, reports that the query has used up its share of the tick:
	// operators that can leave work for the next one do.
	spent   func() bool
	scratch []byte

	// now is the clock, and stage what to wake again.
	now   time.Time
	stage *stage
	// time is the stream time at the operator that is being finished: behind a
	// shuffle that of its senders, and a window sets it for those behind it.
	time streamTime
	// unordered says that rows come in no order of time: a table is being scanned.
	// No row is late then, and stream time begins when it has been.
	unordered bool
	// behind says that input waits for the stage, so its partition is not idle.
	behind bool
	// unused says that no row ever enters the stage on this shard.
	unused bool
	// late takes a change that came too late for a window; nil where nobody asks.
	late func(row *lateRow)
}

// catchesUp reports whether the turn is one of a query that was stopped and resumed, and
// has not come to the end of what waited meanwhile.
func (t *turn) catchesUp() bool {
	return t.behind && t.stage != nil && t.stage.query != nil && t.stage.query.resumed
}

// begin makes a stage's turn at a time.
func (t *turn) begin(now time.Time, s *stage) {
	t.now, t.stage, t.unordered, t.behind, t.unused = now, s, false, false, true
	for _, in := range s.inputs {
		t.unused = t.unused && in.unused
		t.unordered = t.unordered || in.kind == inputTable && !in.scanned
	}
}

// wakeAt has the stage finished at a time, also without input.
func (t *turn) wakeAt(at time.Time) {
	if s := t.stage; s.wake.IsZero() || at.Before(s.wake) {
		s.wake = at
	}
}

// reportLate notes that a change of a row of in came too late for a window.
func (t *turn) reportLate(in *types.Batch, row int32, start, end int64) {
	if t.late == nil {
		return
	}
	late := lateRow{partition: int(in.Partition), offset: -1, rowtime: noTime, start: start, end: end, rows: 1}
	if in.Offsets != nil {
		late.offset = in.Offsets[row]
	}
	if in.Rowtimes != nil {
		late.rowtime = types.TimestampFromUnixMillis(in.Rowtimes[row])
	}
	t.late(&late)
}

// again has the stage finished again in the next turn: an operator has more to
// give than fits this one.
func (t *turn) again() { t.stage.unfinished = true }

// reportErrors hands the evaluation errors of the rows of in to the error
// stream and forgets them. A row that is taken away is not reported again: it
// was when it came.
func (t *turn) reportErrors(in *types.Batch) {
	for i := range t.eval.Errors {
		if failed := &t.eval.Errors[i]; in.Weight(int(failed.Row)) > 0 {
			t.rowError(in, failed.Row, failed.Err)
		}
	}
	t.eval.ResetErrors()
}

// fail records an error that stops the query's turn.
func (t *turn) fail(err error) {
	if t.failed == nil {
		t.failed = err
	}
}

// consumer takes changes. An operator is the consumer of its input and hands
// its own changes to the next consumer.
//
// In a turn, process is called any number of times, then finish once; an
// operator that holds changes back (to consolidate them) hands them on in
// finish, before it calls finish of the next. The batch belongs to the caller
// but its vectors are immutable: an operator may keep or pass on vectors, not
// change them.
type consumer interface {
	process(t *turn, in *types.Batch)
	finish(t *turn)
}
