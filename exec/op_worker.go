package exec

import (
	"slices"

	"millrace/planner/plan"
	"millrace/sql/types"
)

// worker is what the operators that may make very many rows of one have in common:
// changes that a turn has no time for wait, in order, and the turn ends with that of
// all inputs, of which there are two, or one.
type worker struct {
	next   consumer
	inputs int
	// proceed works on the changes of one side until they are done, which it reports,
	// or until the turn's time is spent; finishTurn stores what the turn has done.
	proceed    func(t *turn, w *work) bool
	finishTurn func(t *turn)
	// above are the stage's workers that this one may feed: while they have work left
	// it gives them as little more as it can.
	above []*worker
	// step is how many rows are made, about, before the result is handed on.
	step int
	// finished counts the inputs whose turn has ended.
	finished int

	work workQueue
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

// workStep is the step of the operators.
const workStep = 1024

// add makes an operator one of the stage's that may leave work, before those that feed
// it are made.
func (b *stageBuilder) add(o *worker) {
	o.above = slices.Clone(b.stage.workers)
	b.stage.workers = append(b.stage.workers, o)
}

func newJoinWorker(node *plan.Join, key stateKey, next consumer) *worker {
	return &worker{
		next: next, inputs: 2, step: workStep, time: streamTime{at: noTime},
		work: newWorkQueue(key, columnTypes(node.Left.Columns()), columnTypes(node.Right.Columns())),
	}
}

// joinInput is one of a join's inputs.
type joinInput struct {
	join *worker
	side int
}

func (in joinInput) process(t *turn, rows *types.Batch) { in.join.take(t, in.side, rows) }

func (in joinInput) finish(t *turn) {
	in.join.times[in.side] = t.time
	in.join.finish(t)
}

// take works on the changes of one side. Where earlier ones have not been worked off
// yet they wait behind those.
func (o *worker) take(t *turn, side int, in *types.Batch) {
	w := &work{side: side, rows: in}
	if o.work.waiting() || !o.proceed(t, w) && t.failed == nil {
		o.work.add(w)
	}
}

// finish ends the turn of one input; with the last one the operator's own ends.
func (o *worker) finish(t *turn) {
	if o.finished++; o.finished < o.inputs {
		return
	}
	o.finished = 0
	if t.failed == nil {
		o.finishTurn(t)
		o.work.store(t)
	}
	if o.work.waiting() {
		t.time = streamTime{at: o.time.at, idle: active}
	}
	o.time = t.time
	o.next.finish(t)
}

// resume goes on with the work that earlier turns have left, in order, as far as
// the turn's time goes.
func (o *worker) resume(t *turn) {
	for o.work.waiting() && t.failed == nil {
		if !o.proceed(t, o.work.items[0]) {
			return
		}
		o.work.done()
		if o.rests(t) {
			return
		}
	}
}

// resumeWork has the operators of a stage go on with what they have left, those that
// others feed first, up to one that does not come to its end.
func (s *stage) resumeWork(t *turn) {
	for _, o := range s.workers {
		if o.resume(t); o.work.waiting() {
			return
		}
	}
}

// rests reports whether work should be left for later turns.
func (o *worker) rests(t *turn) bool {
	return t.spent != nil && t.spent() || slices.ContainsFunc(o.above, func(above *worker) bool { return above.work.waiting() })
}
