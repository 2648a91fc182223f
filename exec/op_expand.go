package exec

import (
	"encoding/binary"

	"millrace/exec/operator"
	"millrace/planner/plan"
	"millrace/sql/types"
)

// expand gives the rows of set-returning functions beside the rows of its input.
//
// One-shot meaning: the same, of rows. Incrementally: what the functions return
// depends on the row alone, so a change of the input gives the changes of its rows,
// with its weight.
//
// Invariants:
//   - A row whose functions fail contributes what they gave before, and its removal
//     takes the same away.
//   - Between turns no work is left unless it is stored: see workQueue. The cursor
//     there is the number of the row's rows that have been given.
type expand struct {
	*worker
	expander *operator.Expander
	// expansion is the work on the queue's first item, where an earlier turn has
	// begun it.
	expansion *operator.Expansion
}

func newExpand(node *plan.Expand, key stateKey, next consumer) (*expand, error) {
	expander, err := operator.NewExpander(node)
	x := &expand{expander: expander}
	x.worker = &worker{
		next: next, inputs: 1, step: workStep, time: streamTime{at: noTime}, work: newWorkQueue(key, columnTypes(node.Input.Columns()), nil),
		proceed: x.expandRows, finishTurn: func(*turn) {},
	}
	return x, err
}

func (x *expand) process(t *turn, in *types.Batch) { x.take(t, leftSide, in) }

// expandRows is the operator's proceed.
func (x *expand) expandRows(t *turn, w *work) bool {
	if x.expansion == nil {
		given, _ := binary.Uvarint([]byte(w.cursor))
		x.expansion = x.expander.Expand(t.eval, w.rows, operator.Place{Row: w.next, Given: int64(given), Matched: w.matches > 0})
	}
	e := x.expansion
	x.expander.Step = x.step
	for !e.Done() {
		out := e.Next(func(row int32, err error) bool {
			if w.rows.Weight(int(row)) > 0 {
				t.rowError(w.rows, row, err)
			}
			return t.failed == nil
		})
		if out != nil {
			x.next.process(t, out)
		}
		if t.failed != nil {
			return false
		}
		if !e.Done() && x.rests(t) {
			w.rest(e.Place())
			return false
		}
	}
	x.expansion = nil
	return true
}

// rest notes how far the work is.
func (w *work) rest(at operator.Place) {
	w.next, w.begun, w.cursor, w.matches = at.Row, true, string(binary.AppendUvarint(nil, uint64(at.Given))), 0
	if at.Matched {
		w.matches = 1
	}
}
