package exec

import (
	"millrace/planner/plan"
	"millrace/sql/expr"
	"millrace/sql/types"
	"millrace/tables"
)

// join keeps the join of its two inputs and emits how it changes.
//
// One-shot meaning: the join of the rows that the changes of either side add up
// to. Incrementally: a change of one side is joined with the rows that the other
// side has then, its weight times theirs, and then kept for the changes of the
// other side to come. Since each change meets the other side as of its own turn,
// every pair of rows is made once.
//
// Outer, semi and anti joins depend on whether a row has a match at all. Each row
// of a side for which that counts is stored with the number of its matches; where
// a change of the other side makes that number positive, or 0 again, the row
// without a match goes, or comes back.
//
// A join that looks up (plan.Join.Lookup) does not keep its left rows: each is
// joined with the right side as it is then, for good.
//
// Invariants:
//   - A NULL in a join key matches nothing. Such rows are not kept: what they give
//     depends on them alone.
//   - Of one key of a result, an old row leaves before its new one comes.
//   - Between turns no work is left unless it is stored: see workQueue.
//   - A pair on which the condition fails to evaluate is no match.
type join struct {
	*worker
	plan  *plan.Join
	on    *expr.Program
	sides [2]*joinSide
	// wide says that matches are given, with the columns of both sides: not by semi
	// and anti joins.
	wide bool
	// marks says that rows of the left side are given with whether they have a match.
	marks bool
	// within is nil where rows are kept for ever.
	within *within

	// What a step has collected: pairs of rows, in runs of one row of the input
	// each, of which pairs has the other side's rows and others their columns.
	runs     []joinRun
	pairs    []joinRow
	others   *types.Batch
	selected []int32
	out      joinOutput
}

// joinRun is a row of the input with the pairs that a step makes of it.
type joinRun struct {
	row int
	key string
	// end is the end of its pairs, which begin where the run before ends.
	end int
	// done says that no more pairs follow in a later step, and unkeyed that its key
	// has a NULL.
	done, unkeyed bool
}

// newJoin makes the operator of a plan's node, with its state in a store or,
// where inMemory is set, in memory.
func newJoin(node *plan.Join, key stateKey, next consumer, inMemory bool) (*join, error) {
	j := &join{worker: newJoinWorker(node, key, next), plan: node, wide: node.Kind.Wide(), marks: node.Kind == plan.JoinMark}
	var err error
	if node.On != nil {
		if j.on, err = expr.Compile(node.On); err != nil {
			return nil, err
		}
	}
	inputs := [2]plan.Node{node.Left, node.Right}
	for side, keys := range [2][]expr.Expr{node.LeftKeys, node.RightKeys} {
		columns := columnTypes(inputs[side].Columns())
		s := &joinSide{
			columns: columns, row: types.NewRowCodec(columns), kept: side == rightSide || !node.Lookup,
			rowKey: rowIdentity(inputs[side]), inMemory: inMemory, groups: map[string]joinRows{}, changed: map[string]map[string]*joinChange{},
			state: append(tables.AppendStateKey(nil, key.query, key.stage, key.operator, nil), byte(side)),
		}
		for _, e := range keys {
			program, err := expr.Compile(e)
			if err != nil {
				return nil, err
			}
			s.keys = append(s.keys, program)
		}
		j.sides[side] = s
	}
	j.sides[leftSide].unmatched, j.sides[rightSide].unmatched = unmatchedOf(node.Kind)
	if node.Within != nil {
		j.within = newWithin(node, key, j.sides)
	}
	j.out.single = node.Properties.Kind == plan.AppendOnly
	j.proceed, j.finishTurn = j.joinRows, j.finishSides
	return j, nil
}

// unmatchedOf says what a join does with rows of either side besides joining them.
func unmatchedOf(kind plan.JoinKind) (left, right unmatched) {
	switch kind {
	case plan.JoinLeft, plan.JoinAnti:
		return unmatchedGiven, unmatchedDropped
	case plan.JoinRight:
		return unmatchedDropped, unmatchedGiven
	case plan.JoinFull:
		return unmatchedGiven, unmatchedGiven
	case plan.JoinSemi:
		return matchedGiven, unmatchedDropped
	case plan.JoinMark:
		return matchMarked, unmatchedDropped
	default:
		return unmatchedDropped, unmatchedDropped
	}
}

// joinRows is the join's proceed.
func (j *join) joinRows(t *turn, w *work) bool {
	keys, states := j.joinKeys(t, w)
	if j.within != nil {
		j.within.load(t)
	}
	for w.next < w.rows.Len {
		switch i := w.next; states[i] {
		case keyFailed:
			w.next++
		case keyNull:
			j.runs = append(j.runs, joinRun{row: i, end: len(j.pairs), done: true, unkeyed: true})
			w.next++
		case keyThere:
			j.collect(t, w, keys[i])
		default:
			j.collectWithin(t, w, keys[i])
		}
		if len(j.pairs) < j.step && len(j.runs) < j.step && w.next < w.rows.Len && t.failed == nil {
			continue
		}
		j.settle(t, w)
		if t.failed != nil {
			return false
		}
		if w.next < w.rows.Len && j.rests(t) {
			return false
		}
	}
	return true
}

// What is known of a row's join key.
const (
	keyThere = iota
	keyNull
	keyFailed
	// keyTimed: there, and with a time within which it matches.
	keyTimed
)

// joinKeys computes the join keys of a batch. Rows whose key cannot be computed
// contribute nothing.
func (j *join) joinKeys(t *turn, w *work) (keys []string, states []uint8) {
	programs := j.sides[w.side].keys
	keys, states = make([]string, w.rows.Len), make([]uint8, w.rows.Len)
	values := make([]*types.Vector, len(programs))
	for k, program := range programs {
		values[k] = program.EvalRef(t.eval, w.rows, nil)
	}
	for i := range t.eval.Errors {
		states[t.eval.Errors[i].Row] = keyFailed
	}
	if w.next == 0 && !w.begun {
		t.reportErrors(w.rows)
	}
	t.eval.ResetErrors()
	buf := t.scratch
	for i := w.next; i < len(keys); i++ {
		if states[i] == keyFailed {
			continue
		}
		if anyNull(values, i) {
			states[i] = keyNull
			continue
		}
		buf = buf[:0]
		for _, v := range values {
			buf = types.AppendKeyFrom(buf, v, i)
		}
		keys[i] = string(buf)
		if j.within != nil {
			states[i] = keyTimed
			if w.rows.Columns[j.within.plan.Times[w.side]].IsNull(i) {
				states[i] = keyNull
			}
		}
	}
	t.scratch = buf
	return keys, states
}

// collect pairs the next row of the work with rows of the other side, as many as
// the step has room for.
func (j *join) collect(t *turn, w *work, key string) {
	other := j.sides[1-w.side]
	rows, last, more, err := other.read(t, key, w.cursor, w.begun, max(j.step-len(j.pairs), 1))
	if err != nil {
		t.fail(err)
		return
	}
	j.pairs = append(j.pairs, rows...)
	j.runs = append(j.runs, joinRun{row: w.next, key: key, end: len(j.pairs), done: !more})
	if more {
		w.begun, w.cursor = true, last
		return
	}
	w.next++
	w.begun, w.cursor = false, ""
}

// settle evaluates the condition on the pairs of a step, brings both sides up to
// date and hands the result on.
func (j *join) settle(t *turn, w *work) {
	own, other := j.sides[w.side], j.sides[1-w.side]
	if !j.decode(t, other) || !j.choose(t, w) {
		return
	}
	selected := j.selected
	for r := range j.runs {
		run := &j.runs[r]
		weight := w.rows.Weight(run.row)
		for len(selected) > 0 && int(selected[0]) < run.end {
			at := int(selected[0])
			selected = selected[1:]
			j.matched(w.side, run, at, weight)
			w.matches += j.pairs[at].count
		}
		if !run.done {
			continue
		}
		if j.within != nil {
			j.settleWithin(w, run)
			w.matches = 0
			continue
		}
		if own.gives(w.matches > 0) {
			j.out.add(run.row, -1, weight, w.matches > 0)
		}
		if own.kept && !run.unkeyed {
			if err := own.change(t, run.key, w.rows, run.row, weight, w.matches); err != nil {
				t.fail(err)
				return
			}
		}
		w.matches = 0
	}
	if out := j.result(w); out != nil {
		j.next.process(t, out)
	}
	j.runs, j.pairs = j.runs[:0], j.pairs[:0]
	j.out.reset()
}

// matched gives a pair of a row of a side that satisfies the condition, and counts the match where
// the other side's row depends on whether it has one.
func (j *join) matched(side int, run *joinRun, at int, weight int64) {
	row, other := j.pairs[at], j.sides[1-side]
	before, after := int64(0), int64(0)
	if other.unmatched != unmatchedDropped {
		c := other.touch(run.key, row)
		before = c.matches
		c.matches += weight
		after = c.matches
	}
	gained, lost := before == 0 && after > 0, before > 0 && after == 0
	if gained && other.unmatched == unmatchedGiven && j.within != nil {
		j.within.sides[1-side].open.matched(row.id)
	} else if (gained || lost) && other.gives(lost) {
		j.out.add(-1, at, -row.count, lost)
	}
	if j.wide {
		j.out.add(run.row, at, weight*row.count, true)
	}
	if (gained || lost) && other.gives(gained) {
		j.out.add(-1, at, row.count, gained)
	}
}

// decode makes columns of the pairs' other rows.
func (j *join) decode(t *turn, other *joinSide) bool {
	j.others = types.NewBatch(other.columns)
	for i := range j.pairs {
		if err := other.row.DecodeInto(bytesOf(j.pairs[i].row), j.others); err != nil {
			t.fail(err)
			return false
		}
	}
	return true
}

// choose finds the pairs that satisfy the condition.
func (j *join) choose(t *turn, w *work) bool {
	if j.on == nil {
		j.selected = rowRange(0, len(j.pairs))
		return true
	}
	own, at := make([]int32, 0, len(j.pairs)), 0
	for r := range j.runs {
		for ; at < j.runs[r].end; at++ {
			own = append(own, int32(j.runs[r].row))
		}
	}
	rows := w.rows.Select(own)
	both := &types.Batch{Len: len(j.pairs), Columns: append(append([]types.Vector{}, rows.Columns...), j.others.Columns...)}
	if w.side == rightSide {
		both.Columns = append(append([]types.Vector{}, j.others.Columns...), rows.Columns...)
	}
	j.selected = j.on.EvalPredicate(t.eval, both, nil, j.selected[:0])
	for i := range t.eval.Errors {
		failed := &t.eval.Errors[i]
		if row := own[failed.Row]; w.rows.Weight(int(row)) > 0 {
			t.rowError(w.rows, row, failed.Err)
		}
	}
	t.eval.ResetErrors()
	return t.failed == nil
}

// finishSides stores what the turn has done to the rows.
func (j *join) finishSides(t *turn) {
	j.sides[leftSide].finish(t)
	j.sides[rightSide].finish(t)
	if j.within != nil {
		j.within.load(t)
		j.closeWindows(t)
	}
}
