package exec

import (
	"encoding/binary"

	"millrace/planner/plan"
	"millrace/sql/expr"
	"millrace/sql/types"
	"millrace/tables"
)

// orderedParts are the rows of an operator's input in parts, those with equal columns,
// each in an order, and what a turn does to them.
//
// Stored form: the state key of the operator, the part's columns in the key
// encoding, the row's place in the order (see appendPlace) and what tells rows of
// one place apart; the value is the row's multiplicity (uvarint) and the row. So a
// part's rows are one range in order.
type orderedParts struct {
	partitionBy []int
	keys        []plan.SortKey
	state       []byte
	order       []*expr.Program
	row         *types.RowCodec
	// rowKey are the columns that tell rows apart; nil for all.
	rowKey []int
	// tied says that keys end with the length of their place.
	tied bool

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

// apply returns a row as it was, where it was not there with what it becomes, and as
// the change makes it; nil is no change.
func (c *topChange) apply(row topRow) (was, now topRow) {
	was, now = row, row
	if c == nil {
		return was, now
	}
	now.count += c.delta
	if c.after != "" {
		now.row = c.after
	}
	if was.row == "" {
		was.row = now.row
	}
	return was, now
}

func newOrderedParts(input plan.Node, partitionBy []int, order []plan.SortKey, key stateKey, inMemory bool) (*orderedParts, error) {
	o := &orderedParts{
		partitionBy: partitionBy, keys: order, state: tables.AppendStateKey(nil, key.query, key.stage, key.operator, nil),
		row:     types.NewRowCodec(columnTypes(input.Columns())),
		rowKey:  rowIdentity(input),
		changed: map[string]map[string]*topChange{},
	}
	if inMemory {
		o.held = map[string][]topRow{}
	}
	for i := range order {
		program, err := expr.Compile(order[i].Expr)
		if err != nil {
			return nil, err
		}
		o.order = append(o.order, program)
	}
	return o, nil
}

// note takes the changes of a batch.
func (o *orderedParts) note(t *turn, in *types.Batch) {
	values := make([]*types.Vector, len(o.order))
	for i, program := range o.order {
		values[i] = program.EvalRef(t.eval, in, nil)
	}
	for i := range in.Len {
		if t.eval.Failed(int32(i)) {
			continue
		}
		encoded := o.row.AppendRow(nil, in, i)
		o.scratch = appendColumnsKey(o.scratch[:0], in, o.partitionBy, i)
		part := string(o.scratch)
		o.scratch = o.appendRowKey(o.scratch[:0], in, i, values, encoded)
		o.change(part, o.scratch, in.Weight(i), encoded)
	}
	t.reportErrors(in)
}

// change notes that a row comes or goes.
func (o *orderedParts) change(part string, key []byte, weight int64, encoded []byte) {
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
func (o *orderedParts) appendRowKey(buf []byte, in *types.Batch, i int, values []*types.Vector, encoded []byte) []byte {
	for k, v := range values {
		buf = appendPlace(buf, v, i, &o.keys[k])
	}
	length := len(buf)
	buf = appendRowIdentity(buf, in, i, o.rowKey, encoded)
	if o.tied {
		buf = appendPlaceLength(buf, length)
	}
	return buf
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

// forget ends a turn.
func (o *orderedParts) forget() {
	clear(o.changed)
	o.parts = o.parts[:0]
}

// hold keeps the rows of a part, where there is no store.
func (o *orderedParts) hold(part string, rows []topRow) {
	switch {
	case o.held == nil:
	case len(rows) == 0:
		delete(o.held, part)
	default:
		o.held[part] = rows
	}
}

// store writes a row of a part as it is now, where that differs.
func (o *orderedParts) store(t *turn, part string, was, now topRow) {
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

func (o *orderedParts) storedKey(part, key string) []byte {
	return append(append(append([]byte{}, o.state...), part...), key...)
}

// read reads the first rows of a part; complete says that there are no others.
func (o *orderedParts) read(t *turn, part string, limit int64) (rows []topRow, complete bool, err error) {
	return o.readUntil(t, part, func(rows int, _ string) bool { return int64(rows) == limit })
}

// readUntil reads the rows of a part before the first one for which enough holds, given
// how many were read before it and its key.
func (o *orderedParts) readUntil(t *turn, part string, enough func(rows int, key string) bool) (rows []topRow, complete bool, err error) {
	prefix := o.storedKey(part, "")
	it, err := t.state.Scan(prefix, tables.PrefixEnd(nil, prefix))
	if err != nil {
		return nil, false, err
	}
	defer it.Close()
	for it.Next() {
		key := string(it.Key()[len(prefix):])
		if enough(len(rows), key) {
			return rows, false, nil
		}
		count, row, err := splitMultiplicity(it.Value())
		if err != nil {
			return nil, false, err
		}
		rows = append(rows, topRow{key: key, row: string(row), count: count})
	}
	return rows, true, it.Err()
}
