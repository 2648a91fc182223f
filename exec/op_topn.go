package exec

import (
	"fmt"
	"maps"
	"slices"

	"millrace/planner/plan"
	"millrace/sql/types"
)

// topN keeps the first rows of its input in an order, or of each part of its input,
// and emits how they change.
//
// One-shot meaning: ORDER BY … LIMIT n OFFSET m, or with n = 1 for each part,
// DISTINCT ON. Rows that the order does not tell apart are in the order of the
// input's key, or of a hash of the row. Where these stand together, see finishTies.
//
// Stored form: see orderedParts.
//
// Invariants:
//   - All rows of the input are stored, since any may come to be among the first
//     when others go. Where the input only gains rows, only the first are.
//   - A turn reads of each part that it touches the first rows and the rows that it
//     has touched, not more.
//   - All rows that leave are emitted before those that come.
type topN struct {
	next consumer
	*orderedParts
	plan *plan.TopN
	// bounded says that rows behind the first are not kept.
	bounded bool
}

func newTopN(node *plan.TopN, key stateKey, next consumer, inMemory bool) (*topN, error) {
	parts, err := newOrderedParts(node.Input, node.PartitionBy, node.Order, key, inMemory)
	if err == nil {
		parts.tied = node.Ties != plan.TiesBroken
	}
	return &topN{next: next, orderedParts: parts, plan: node, bounded: node.Input.Props().Kind == plan.AppendOnly}, err
}

func (o *topN) process(t *turn, in *types.Batch) { o.note(t, in) }

func (o *topN) finish(t *turn) {
	var gone, come topRows
	for _, part := range o.parts {
		if t.failed != nil {
			break
		}
		finish := o.finishPart
		if o.plan.Ties != plan.TiesBroken {
			finish = o.finishTies
		}
		if err := finish(t, part, &gone, &come); err != nil {
			t.fail(fmt.Errorf("read the state of ORDER BY … LIMIT: %w", err))
		}
	}
	o.forget()
	if out := changesOf(t, o.row, columnTypes(o.plan.Input.Columns()), &gone, &come); out != nil && t.failed == nil {
		o.next.process(t, out)
	}
	o.next.finish(t)
}

// topRows are rows with their multiplicities.
type topRows struct {
	rows   []string
	counts []int64
}

func (r *topRows) add(row string, count int64) {
	if count > 0 {
		r.rows, r.counts = append(r.rows, row), append(r.counts, count)
	}
}

// replace notes that a row that was given so many times is another one, or the same,
// given so many times.
func replace(gone, come *topRows, was string, given int64, now string, give int64) {
	if was == now {
		given, give = given-give, give-given
	}
	gone.add(was, given)
	come.add(now, give)
}

// finishPart goes through the first rows of a part as they were and as they are,
// and notes the rows that leave and come.
func (o *topN) finishPart(t *turn, part string, gone, come *topRows) error {
	changed := o.changed[part]
	rows, err := o.rows(t, part, slices.Sorted(maps.Keys(changed)))
	if err != nil {
		return err
	}
	var before, after int64 // how many rows stand before the one at hand, then and now
	kept := rows[:0]
	for _, row := range rows {
		was, now := changed[row.key].apply(row)
		given, give := o.within(before, was.count), o.within(after, max(now.count, 0))
		replace(gone, come, was.row, given, now.row, give)
		if now.count != 0 && (!o.bounded || after < o.plan.Offset+o.plan.Count) {
			kept = append(kept, now)
		} else {
			now.count = 0
		}
		before, after = before+was.count, after+max(now.count, 0)
		o.store(t, part, was, now)
	}
	o.hold(part, kept)
	return nil
}

// within returns how many of count rows that stand behind passed others are among
// those given.
func (o *topN) within(passed, count int64) int64 {
	first, last := o.plan.Offset, o.plan.Offset+o.plan.Count
	return max(0, min(passed+count, last)-max(passed, first))
}

// rows returns rows of a part as they were when the turn began: all of the first
// that the turn may bring among those given or take from them, and the touched ones,
// which need not have been there.
func (o *topN) rows(t *turn, part string, touched []string) ([]topRow, error) {
	head, complete := o.held[part], true
	if o.held == nil {
		var err error
		// Each touched row may have been among the first ones, and leave.
		if head, complete, err = o.read(t, part, o.plan.Offset+o.plan.Count+int64(len(touched))); err != nil {
			return nil, err
		}
	}
	return o.merge(t, part, head, complete, touched)
}

// get reads one row of a part, which need not be there.
func (o *topN) get(t *turn, part, key string) (topRow, error) {
	row := topRow{key: key}
	stored, found, err := t.state.Get(o.storedKey(part, key), nil)
	if err != nil || !found {
		return row, err
	}
	count, encoded, err := splitMultiplicity(stored)
	row.count, row.row = count, string(encoded)
	return row, err
}

// changesOf makes a batch of the encoded rows that leave and those that come; nil for
// none.
func changesOf(t *turn, codec *types.RowCodec, columns []types.Type, gone, come *topRows) *types.Batch {
	if len(gone.rows)+len(come.rows) == 0 {
		return nil
	}
	out := types.NewBatch(columns)
	for _, row := range slices.Concat(gone.rows, come.rows) {
		if err := codec.DecodeInto(bytesOf(row), out); err != nil {
			t.fail(err)
			return nil
		}
	}
	out.Weights = make([]int64, 0, out.Len)
	for _, count := range gone.counts {
		out.Weights = append(out.Weights, -count)
	}
	out.Weights = append(out.Weights, come.counts...)
	return out
}
