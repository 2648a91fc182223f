package exec

import (
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"strings"

	"millrace/planner/plan"
	"millrace/sql/expr"
	"millrace/sql/types"
	"millrace/tables"
)

// topN keeps the first rows of its input in an order, or of each part of its input,
// and emits how they change.
//
// One-shot meaning: ORDER BY … LIMIT n OFFSET m, or with n = 1 for each part,
// DISTINCT ON. Rows that the order does not tell apart are in the order of the
// input's key, or of a hash of the row.
//
// Stored form: the state key of the operator, the part's columns in the key
// encoding, the row's place in the order (see appendPlace) and what tells rows of
// one place apart; the value is the row's multiplicity (uvarint) and the row. So a
// part's rows are one range in order.
//
// Invariants:
//   - All rows of the input are stored, since any may come to be among the first
//     when others go. Where the input only gains rows, only the first are.
//   - A turn reads of each part that it touches the first rows and the rows that it
//     has touched, not more.
//   - All rows that leave are emitted before those that come.
type topN struct {
	next  consumer
	plan  *plan.TopN
	state []byte
	order []*expr.Program
	row   *types.RowCodec
	// rowKey are the columns that tell rows apart; nil for all.
	rowKey []int
	// bounded says that rows behind the first are not kept.
	bounded bool

	// held has, where there is no store, the rows of each part in order.
	held map[string][]topRow
	// changed are the rows that the turn at work has touched, by part and key, and
	// parts the parts in the order of their first change.
	changed map[string]map[string]*topChange
	parts   []string
	scratch []byte
}

// topRow is a row of a part: key is its place and what tells it from others there.
type topRow struct {
	key, row string
	count    int64
}

// topChange is what a turn does to a row. The row may look different afterwards,
// where the input's key tells rows apart.
type topChange struct {
	delta int64
	after string // the row that came last, "" for none
}

func newTopN(node *plan.TopN, key stateKey, next consumer, inMemory bool) (*topN, error) {
	o := &topN{
		next: next, plan: node, state: tables.AppendStateKey(nil, key.query, key.stage, key.operator, nil),
		row:     types.NewRowCodec(columnTypes(node.Input.Columns())),
		bounded: node.Input.Props().Kind == plan.AppendOnly,
		rowKey:  rowIdentity(node.Input),
		changed: map[string]map[string]*topChange{},
	}
	if inMemory {
		o.held = map[string][]topRow{}
	}
	for i := range node.Order {
		program, err := expr.Compile(node.Order[i].Expr)
		if err != nil {
			return nil, err
		}
		o.order = append(o.order, program)
	}
	return o, nil
}

func (o *topN) process(t *turn, in *types.Batch) {
	values := make([]*types.Vector, len(o.order))
	for i, program := range o.order {
		values[i] = program.EvalRef(t.eval, in, nil)
	}
	for i := range in.Len {
		if t.eval.Failed(int32(i)) {
			continue
		}
		encoded := o.row.AppendRow(nil, in, i)
		o.scratch = appendColumnsKey(o.scratch[:0], in, o.plan.PartitionBy, i)
		part := string(o.scratch)
		o.scratch = o.appendRowKey(o.scratch[:0], in, i, values, encoded)
		o.change(part, o.scratch, in.Weight(i), encoded)
	}
	t.reportErrors(in)
}

// change notes that a row comes or goes.
func (o *topN) change(part string, key []byte, weight int64, encoded []byte) {
	rows := o.changed[part]
	if rows == nil {
		rows = map[string]*topChange{}
		o.changed[part] = rows
		o.parts = append(o.parts, part)
	}
	c := rows[string(key)]
	if c == nil {
		c = &topChange{}
		rows[string(key)] = c
	}
	c.delta += weight
	if weight > 0 {
		c.after = string(encoded)
	}
}

// appendRowKey appends a row's place in the order and what tells it from others
// there.
func (o *topN) appendRowKey(buf []byte, in *types.Batch, i int, values []*types.Vector, encoded []byte) []byte {
	for k, v := range values {
		buf = appendPlace(buf, v, i, &o.plan.Order[k])
	}
	return appendRowIdentity(buf, in, i, o.rowKey, encoded)
}

// appendPlace appends a value such that bytes are ordered as one item of an ORDER
// BY says: a byte that puts NULL first or last, and the value in the key encoding,
// inverted for DESC. No encoding begins another one, so an inverted one neither.
func appendPlace(buf []byte, v *types.Vector, i int, key *plan.SortKey) []byte {
	if v.IsNull(i) {
		if key.NullsFirst {
			return append(buf, 0)
		}
		return append(buf, 2)
	}
	buf = append(buf, 1)
	start := len(buf)
	buf = types.AppendKeyFrom(buf, v, i)
	if key.Descending {
		for at := start; at < len(buf); at++ {
			buf[at] = ^buf[at]
		}
	}
	return buf
}

func (o *topN) finish(t *turn) {
	var gone, come topRows
	for _, part := range o.parts {
		if t.failed != nil {
			break
		}
		if err := o.finishPart(t, part, &gone, &come); err != nil {
			t.fail(fmt.Errorf("read the state of ORDER BY … LIMIT: %w", err))
		}
	}
	clear(o.changed)
	o.parts = o.parts[:0]
	if out := o.batch(t, &gone, &come); out != nil && t.failed == nil {
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
	for _, was := range rows {
		now := was
		if c := changed[was.key]; c != nil {
			now.count += c.delta
			if c.after != "" {
				now.row = c.after
			}
			if was.row == "" {
				was.row = now.row
			}
		}
		given, give := o.within(before, was.count), o.within(after, max(now.count, 0))
		if was.row == now.row {
			gone.add(was.row, given-give)
			come.add(now.row, give-given)
		} else {
			gone.add(was.row, given)
			come.add(now.row, give)
		}
		if now.count != 0 && (!o.bounded || after < o.plan.Offset+o.plan.Count) {
			kept = append(kept, now)
		} else {
			now.count = 0
		}
		before, after = before+was.count, after+max(now.count, 0)
		o.store(t, part, was, now)
	}
	switch {
	case o.held == nil:
	case len(kept) == 0:
		delete(o.held, part)
	default:
		o.held[part] = kept
	}
	return nil
}

// within returns how many of count rows that stand behind passed others are among
// those given.
func (o *topN) within(passed, count int64) int64 {
	first, last := o.plan.Offset, o.plan.Offset+o.plan.Count
	return max(0, min(passed+count, last)-max(passed, first))
}

// store writes a row of a part as it is now, where that differs.
func (o *topN) store(t *turn, part string, was, now topRow) {
	if t.write == nil || was == now {
		return
	}
	key := o.storedKey(part, now.key)
	if now.count == 0 {
		t.write.Delete(key)
		return
	}
	o.scratch = binary.AppendUvarint(o.scratch[:0], uint64(now.count))
	o.scratch = append(o.scratch, now.row...)
	t.write.Set(key, o.scratch)
}

func (o *topN) storedKey(part, key string) []byte {
	return append(append(append([]byte{}, o.state...), part...), key...)
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
	all := make([]topRow, 0, len(head)+len(touched))
	for _, key := range touched {
		at, found := slices.BinarySearchFunc(head, key, func(r topRow, key string) int { return strings.Compare(r.key, key) })
		all = append(all, head[:at]...)
		head = head[at:]
		row := topRow{key: key}
		switch {
		case found:
			row, head = head[0], head[1:]
		case !complete && len(head) == 0:
			var err error
			if row, err = o.get(t, part, key); err != nil {
				return nil, err
			}
		}
		all = append(all, row)
	}
	return append(all, head...), nil
}

// read reads the first rows of a part; complete says that there are no others.
func (o *topN) read(t *turn, part string, limit int64) (rows []topRow, complete bool, err error) {
	prefix := o.storedKey(part, "")
	it, err := t.state.Scan(prefix, tables.PrefixEnd(nil, prefix))
	if err != nil {
		return nil, false, err
	}
	defer it.Close()
	for it.Next() {
		if int64(len(rows)) == limit {
			return rows, false, nil
		}
		count, row, err := splitMultiplicity(it.Value())
		if err != nil {
			return nil, false, err
		}
		rows = append(rows, topRow{key: string(it.Key()[len(prefix):]), row: string(row), count: count})
	}
	return rows, true, it.Err()
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

// batch makes a batch of the rows that leave and those that come; nil for none.
func (o *topN) batch(t *turn, gone, come *topRows) *types.Batch {
	if len(gone.rows)+len(come.rows) == 0 {
		return nil
	}
	out := types.NewBatch(columnTypes(o.plan.Input.Columns()))
	for _, row := range slices.Concat(gone.rows, come.rows) {
		if err := o.row.DecodeInto(bytesOf(row), out); err != nil {
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
