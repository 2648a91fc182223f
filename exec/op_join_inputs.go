package exec

import (
	"slices"

	"millrace/planner/plan"
	"millrace/sql/types"
)

// joinInputs is what the operators with two inputs have in common: changes that a
// turn has no time for wait, in order, and the turn ends with that of both inputs.
type joinInputs struct {
	next consumer
	// proceed works on the changes of one side until they are done, which it reports,
	// or until the turn's time is spent; finishTurn stores what the turn has done.
	proceed    func(t *turn, w *joinWork) bool
	finishTurn func(t *turn)
	// above are the stage's joins that this one may feed: while they have work left it
	// gives them as little more as it can.
	above []*joinInputs
	// step is how many rows are made, about, before the result is handed on.
	step int
	// finished counts the inputs whose turn has ended.
	finished int

	work joinQueue
	// times are the stream times of the inputs as of the last turn's end, and time is
	// that handed on last. While work is left it stands still: rows of that work may be
	// older.
	times [2]streamTime
	time  streamTime
}

// The sides of a join.
const (
	leftSide  = 0
	rightSide = 1
)

// joinStep is the step of joins.
const joinStep = 1024

func newJoinInputs(node *plan.Join, key stateKey, next consumer) *joinInputs {
	return &joinInputs{
		next: next, step: joinStep, time: streamTime{at: noTime},
		work: newJoinQueue(key, columnTypes(node.Left.Columns()), columnTypes(node.Right.Columns())),
	}
}

// joinInput is one of a join's inputs.
type joinInput struct {
	join *joinInputs
	side int
}

func (in joinInput) process(t *turn, rows *types.Batch) { in.join.take(t, in.side, rows) }

func (in joinInput) finish(t *turn) {
	in.join.times[in.side] = t.time
	in.join.finish(t)
}

// take works on the changes of one side. Where earlier ones have not been worked off
// yet they wait behind those.
func (j *joinInputs) take(t *turn, side int, in *types.Batch) {
	w := &joinWork{side: side, rows: in}
	if j.work.waiting() || !j.proceed(t, w) && t.failed == nil {
		j.work.add(w)
	}
}

// finish ends the turn of one input; with the last one the join's own ends.
func (j *joinInputs) finish(t *turn) {
	if j.finished++; j.finished < 2 {
		return
	}
	j.finished = 0
	if t.failed == nil {
		j.finishTurn(t)
		j.work.store(t)
	}
	if j.work.waiting() {
		t.time = streamTime{at: j.time.at, idle: active}
	}
	j.time = t.time
	j.next.finish(t)
}

// resume goes on with the work that earlier turns have left, in order, as far as
// the turn's time goes.
func (j *joinInputs) resume(t *turn) {
	for j.work.waiting() && t.failed == nil {
		if !j.proceed(t, j.work.items[0]) {
			return
		}
		j.work.done()
		if j.rests(t) {
			return
		}
	}
}

// resumeJoins has the joins of a stage go on with what they have left, those that
// others feed first, up to one that does not come to its end.
func (s *stage) resumeJoins(t *turn) {
	for _, j := range s.joins {
		if j.resume(t); j.work.waiting() {
			return
		}
	}
}

// rests reports whether work should be left for later turns.
func (j *joinInputs) rests(t *turn) bool {
	return t.spent != nil && t.spent() || slices.ContainsFunc(j.above, func(above *joinInputs) bool { return above.work.waiting() })
}
