package exec

import (
	"fmt"
	"slices"

	"millrace/exec/operator"
	"millrace/planner/plan"
	"millrace/sql/expr"
	"millrace/sql/types"
	"millrace/tables"
)

// asOfJoin keeps an as-of join of its two inputs and emits how it changes.
//
// One-shot meaning: each left row beside the first right row of its key that does
// not stand before it (see operator.Places), or beside NULLs, where the join keeps
// such rows. Incrementally: a left row that comes or goes meets the right row that it
// finds. A right row that comes takes the left rows between the right row before it
// and itself from the one behind it; one that goes leaves them to that one. So a
// change costs as much as it changes in the result.
//
// Both sides are kept, by key and place.
//
// Where the right rows are versions of a table's rows (plan.AsOf.Gone), one that comes
// takes the place of another of its key and time, and none ever goes.
//
// Invariants:
//   - A right row counts where its multiplicity is positive. It is stored when its
//     left rows have all been given, so that until then its neighbours stay what they
//     were, also across turns: nothing else is taken while work is left.
//   - A left row whose key or time is NULL meets nothing and is not kept; such a right
//     row does nothing.
//   - Of one left row, what it met leaves before what it meets comes.
type asOfJoin struct {
	*worker
	places [2]*operator.Places
	sides  [2]*asOfSide
	// outer says that left rows which meet none are given, and strict that a right
	// row of the same time is not met.
	outer, strict bool
	// gone, where the right rows are versions, says which of them say that there is no
	// row; goneRows has its values for the batch at work.
	gone     *expr.Program
	goneRows *types.Vector
	// waiting is nil where left rows are given at once.
	waiting *asOfWaiting
	out     asOfOutput
	scratch []byte
}

// newAsOfJoin makes the operator of a plan's node, with its state in a store or,
// where inMemory is set, in memory.
func newAsOfJoin(node *plan.Join, key stateKey, next consumer, inMemory bool) (*asOfJoin, error) {
	j := &asOfJoin{
		worker: newJoinWorker(node, key, next),
		outer:  node.Kind == plan.JoinLeft, strict: node.AsOf.Strict(),
	}
	inputs := [2]plan.Node{node.Left, node.Right}
	for side, keys := range [2][]expr.Expr{node.LeftKeys, node.RightKeys} {
		programs := make([]*expr.Program, len(keys))
		var err error
		for i, e := range keys {
			if programs[i], err = expr.Compile(e); err != nil {
				return nil, err
			}
		}
		if j.places[side], err = operator.NewPlaces(node, side == rightSide, programs); err != nil {
			return nil, err
		}
		j.sides[side] = newAsOfSide(key, side, columnTypes(inputs[side].Columns()), inMemory)
	}
	if node.AsOf.Gone != nil {
		var err error
		if j.gone, err = expr.Compile(node.AsOf.Gone); err != nil {
			return nil, err
		}
	}
	if node.AsOf.Waits {
		j.waiting = newAsOfWaiting(node, key, j.sides[leftSide])
	}
	j.out.left, j.out.right = j.sides[leftSide], j.sides[rightSide]
	j.proceed, j.finishTurn = j.joinRows, j.finishSides
	return j, nil
}

// joinRows is the join's proceed.
func (j *asOfJoin) joinRows(t *turn, w *work) bool {
	if j.waiting != nil {
		j.waiting.load(t)
	}
	places := j.places[w.side]
	places.Evaluate(t.eval, w.rows)
	if w.side == rightSide && j.gone != nil {
		j.goneRows = j.gone.EvalRef(t.eval, w.rows, nil)
	}
	failed := make(map[int32]bool, len(t.eval.Errors))
	for i := range t.eval.Errors {
		failed[t.eval.Errors[i].Row] = true
	}
	if w.next == 0 && !w.begun {
		t.reportErrors(w.rows)
	}
	t.eval.ResetErrors()
	for w.next < w.rows.Len {
		var err error
		switch {
		case failed[int32(w.next)]:
			w.next++
		case w.side == leftSide:
			err = j.leftRow(t, w)
		default:
			err = j.rightRow(t, w)
		}
		if err != nil {
			t.fail(fmt.Errorf("read the state of an as-of join: %w", err))
			return false
		}
		if len(j.out.weights) < j.step && w.next < w.rows.Len {
			continue
		}
		if j.give(t); t.failed != nil {
			return false
		}
		if w.next < w.rows.Len && j.rests(t) {
			return false
		}
	}
	return true
}

// rowAt makes a row of the next one of the work, without what it counts; keyed says
// that it can meet any, and has its key and place.
func (j *asOfJoin) rowAt(w *work) (key string, row asOfRow, keyed bool) {
	i, places, side := w.next, j.places[w.side], j.sides[w.side]
	row.rowtime = noTime
	if w.rows.Rowtimes != nil {
		row.rowtime = w.rows.Rowtimes[i]
	}
	encoded := side.row.AppendRow(nil, w.rows, i)
	row.row = string(encoded)
	if !places.Meets(i) {
		return "", row, false
	}
	j.scratch = places.AppendKey(j.scratch[:0], i)
	key = string(j.scratch)
	j.scratch = places.AppendTime(j.scratch[:0], i)
	row.timeLen = len(j.scratch)
	if w.side == rightSide && j.gone != nil {
		row.id, row.gone = string(j.scratch), !j.goneRows.IsNull(i) && j.goneRows.Ints[i] != 0
		return key, row, true
	}
	if w.side == rightSide {
		j.scratch = places.AppendTies(j.scratch, i)
	}
	row.id = string(appendRowIdentity(j.scratch, w.rows, i, nil, encoded))
	return key, row, true
}

// leftRow gives a left row with the right row that it meets, and keeps it.
func (j *asOfJoin) leftRow(t *turn, w *work) error {
	key, row, keyed := j.rowAt(w)
	weight := w.rows.Weight(w.next)
	w.next++
	switch {
	case !keyed:
		j.pair(&row, nil, weight)
		return nil
	case j.waiting != nil:
		j.waiting.add(t, w.rows, w.next-1, j.places[leftSide].Time(w.next-1), &row)
		return nil
	}
	match, err := j.closest(t, key, row.time())
	if err != nil {
		return err
	}
	j.pair(&row, match, weight)
	return j.sides[leftSide].change(t, key, row, weight)
}

// closest returns the right row that left rows of a key and time meet, nil for none.
func (j *asOfJoin) closest(t *turn, key, time string) (*asOfRow, error) {
	if j.strict {
		time = behind(time)
	}
	return firstOf(j.sides[rightSide].walk(t, key, time, "", true))
}

// rightRow gives anew the left rows that meet another row for the coming or going of
// a right row, as many as the step has room for, and then keeps the right row.
func (j *asOfJoin) rightRow(t *turn, w *work) error {
	key, row, keyed := j.rowAt(w)
	if !keyed {
		w.next++
		return nil
	}
	side, weight := j.sides[rightSide], w.rows.Weight(w.next)
	is, err := side.get(t, key, row.id)
	if err != nil {
		return err
	}
	if j.gone != nil {
		weight = 1 - is.count // the version takes the place of another one
	}
	if j.waiting != nil {
		w.next++
		if err := j.supersede(t, key, &row); err != nil {
			return err
		}
		return side.change(t, key, row, weight)
	}
	met, meets := &is, &row
	if is.count <= 0 {
		met = nil
	}
	if is.count+weight <= 0 {
		meets = nil
	}
	if (met == nil) != (meets == nil) || j.gone != nil {
		if done, err := j.rematch(t, w, key, &row, met, meets); !done || err != nil {
			return err
		}
	}
	w.next++
	w.begun, w.cursor = false, ""
	return side.change(t, key, row, weight)
}

// rematch gives the left rows between the right row before one and that row, with
// what they met and what they meet in its place: where that is nil, they meet the row
// behind it. It reports whether they were all.
func (j *asOfJoin) rematch(t *turn, w *work, key string, row, met, meets *asOfRow) (done bool, err error) {
	before, behind, err := j.neighbours(t, key, row.id)
	if err != nil {
		return false, err
	}
	if met == nil {
		met = behind
	}
	if meets == nil {
		meets = behind
	}
	from, to := j.between(before, row)
	if w.begun {
		from = w.cursor + "\x00"
	}
	walk := j.sides[leftSide].walk(t, key, from, to, true)
	for walk.next() {
		if len(j.out.weights) >= j.step {
			w.begun = true
			return false, walk.close()
		}
		w.cursor = walk.row.id
		left := walk.row
		j.pair(&left, met, -left.count)
		j.pair(&left, meets, left.count)
	}
	return true, walk.close()
}

// neighbours returns the right rows of a key before and behind an id, nil for none.
func (j *asOfJoin) neighbours(t *turn, key, id string) (before, behind *asOfRow, err error) {
	if before, err = firstOf(j.sides[rightSide].walk(t, key, "", id, false)); err != nil {
		return nil, nil, err
	}
	behind, err = firstOf(j.sides[rightSide].walk(t, key, id+"\x00", "", true))
	return before, behind, err
}

// between returns the bounds of the left rows whose first right row is row, where
// before, which may be nil, is the one before it.
func (j *asOfJoin) between(before, row *asOfRow) (from, to string) {
	to = row.time()
	if before != nil {
		from = before.time()
	}
	if j.strict {
		return from, to
	}
	if before != nil {
		from = behind(from)
	}
	return from, behind(to)
}

// pair gives a left row beside a right one, nil for none.
func (j *asOfJoin) pair(left, right *asOfRow, weight int64) {
	if right != nil && right.gone {
		right = nil
	}
	if right != nil || j.outer {
		j.out.add(left, right, weight)
	}
}

// give hands on what a step has made.
func (j *asOfJoin) give(t *turn) {
	out, err := j.out.batch()
	if err != nil {
		t.fail(err)
		return
	}
	if out != nil {
		j.next.process(t, out)
	}
}

// finishSides stores what the turn has done to the rows.
func (j *asOfJoin) finishSides(t *turn) {
	if j.waiting != nil {
		j.giveWaiting(t)
	}
	j.sides[leftSide].finish(t)
	j.sides[rightSide].finish(t)
}

// asOfOutput collects rows of the result.
type asOfOutput struct {
	left, right *asOfSide
	lefts       []string
	rights      []string // "" for NULLs
	rowtimes    []int64
	weights     []int64
	timed       bool // rows have event times
}

func (o *asOfOutput) add(left, right *asOfRow, weight int64) {
	o.lefts, o.weights = append(o.lefts, left.row), append(o.weights, weight)
	o.rowtimes, o.timed = append(o.rowtimes, left.rowtime), o.timed || left.rowtime != noTime
	if right != nil {
		o.rights = append(o.rights, right.row)
	} else {
		o.rights = append(o.rights, "")
	}
}

// batch makes a batch of the collected rows, nil for none, and begins anew.
func (o *asOfOutput) batch() (*types.Batch, error) {
	if len(o.weights) == 0 {
		return nil, nil
	}
	out, rights := types.NewBatch(o.left.columns), types.NewBatch(o.right.columns)
	for i, left := range o.lefts {
		if err := o.left.row.DecodeInto(bytesOf(left), out); err != nil {
			return nil, err
		}
		if o.rights[i] != "" {
			if err := o.right.row.DecodeInto(bytesOf(o.rights[i]), rights); err != nil {
				return nil, err
			}
			continue
		}
		for c := range rights.Columns {
			rights.Columns[c].Append(types.Null)
		}
	}
	out.Columns, out.Weights = append(out.Columns, rights.Columns...), slices.Clone(o.weights)
	if o.timed {
		out.Rowtimes = slices.Clone(o.rowtimes)
	}
	o.lefts, o.rights, o.rowtimes, o.weights, o.timed = o.lefts[:0], o.rights[:0], o.rowtimes[:0], o.weights[:0], false
	return out, nil
}

// behind returns the first place behind all those that begin with a time.
func behind(time string) string { return string(tables.PrefixEnd(nil, bytesOf(time))) }
