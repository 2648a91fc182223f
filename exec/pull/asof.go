package pull

import (
	"context"
	"io"
	"slices"
	"strings"

	"millrace/exec/operator"
	"millrace/planner/plan"
	"millrace/sql/expr"
	"millrace/sql/types"
)

// asOf is an as-of join. It holds the right rows by key, in the order of their
// places, and finds the closest one of each left row there.
type asOf struct {
	scope       *scope
	left, right node
	places      [2]*operator.Places
	row         *types.RowCodec
	outer       bool // rows that meet none are given
	strict      bool
	account     account

	rows  types.Batch
	keys  map[string][]asOfRow
	built bool

	scratch []byte
	out     types.Batch
	failing error
}

// asOfRow is a right row: its place, and its number in rows.
type asOfRow struct {
	place string
	row   int32
}

func (e *execution) buildAsOf(n *plan.Join, s *scope) (node, error) {
	left, err := e.build(n.Left, s)
	if err != nil {
		return nil, err
	}
	right, err := e.build(n.Right, s)
	if err != nil {
		return nil, err
	}
	leftKeys, rightKeys, err := joinKeys(n)
	if err != nil {
		return nil, err
	}
	columns := columnTypes(n.Right.Columns())
	a := &asOf{
		scope: s, left: left, right: right, row: types.NewRowCodec(columns),
		outer: n.Kind == plan.JoinLeft, strict: n.AsOf.Strict(), account: e.account(),
		rows: *types.NewBatch(columns), out: newBatch(append(slices.Clip(n.Left.Columns()), n.Right.Columns()...)),
	}
	for side, keys := range [2][]*expr.Program{leftKeys, rightKeys} {
		if a.places[side], err = operator.NewPlaces(n, side == 1, keys); err != nil {
			return nil, err
		}
	}
	return a, nil
}

func (a *asOf) next(ctx context.Context) (*types.Batch, error) {
	if err := a.build(ctx); err != nil {
		return nil, err
	}
	for a.failing == nil {
		in, err := a.left.next(ctx)
		if err != nil {
			return nil, err
		}
		if out := a.join(in); out.Len > 0 {
			return out, nil
		}
	}
	return nil, a.failing
}

// build takes the right rows. It goes on where it stopped when it is called again
// after ctx's error.
func (a *asOf) build(ctx context.Context) error {
	for !a.built {
		in, err := a.right.next(ctx)
		if err == io.EOF {
			a.built = true
			for _, rows := range a.keys {
				slices.SortFunc(rows, func(x, y asOfRow) int { return strings.Compare(x.place, y.place) })
			}
			return nil
		}
		if err != nil {
			return err
		}
		if err := a.hold(in); err != nil {
			return err
		}
	}
	return nil
}

func (a *asOf) hold(in *types.Batch) error {
	env, places := &a.scope.env, a.places[1]
	env.ResetErrors()
	places.Evaluate(env, in)
	if _, err := firstFailure(env); err != nil {
		return err
	}
	if a.keys == nil {
		a.keys = map[string][]asOfRow{}
	}
	const headers = 64
	size := batchSize(in, nil)
	for i := range in.Len {
		if !places.Meets(i) {
			continue
		}
		// Rows that the order does not tell apart are in that of their encodings.
		place := places.AppendTies(places.AppendTime(nil, i), i)
		place = a.row.AppendRow(place, in, i)
		a.scratch = places.AppendKey(a.scratch[:0], i)
		a.keys[string(a.scratch)] = append(a.keys[string(a.scratch)], asOfRow{string(place), int32(a.rows.Len + i)})
		size += int64(len(place) + headers)
	}
	appendBatch(&a.rows, in)
	if err := a.account.grow(size); err != nil {
		return err
	}
	return checkRows(a.rows.Len)
}

// join gives the rows of a left batch, each with the right row that it meets. Rows
// before one whose time or key cannot be computed are given before its error.
func (a *asOf) join(in *types.Batch) *types.Batch {
	env, places := &a.scope.env, a.places[0]
	env.ResetErrors()
	places.Evaluate(env, in)
	rows := in.Len
	if row, err := firstFailure(env); err != nil {
		a.failing, rows = err, row
	}
	width := len(in.Columns)
	for c := range a.out.Columns {
		a.out.Columns[c].Reset(a.out.Columns[c].Type)
	}
	a.out.Len = 0
	for i := range rows {
		right := noRow
		if places.Meets(i) {
			right = a.closest(i)
		}
		if right == noRow && !a.outer {
			continue
		}
		for c := range width {
			a.out.Columns[c].AppendFrom(&in.Columns[c], i)
		}
		for c := range a.rows.Columns {
			if right == noRow {
				a.out.Columns[width+c].Append(types.Null)
			} else {
				a.out.Columns[width+c].AppendFrom(&a.rows.Columns[c], int(right))
			}
		}
		a.out.Len++
	}
	return &a.out
}

// closest finds the right row that left row i meets, or noRow.
func (a *asOf) closest(i int) int32 {
	places := a.places[0]
	a.scratch = places.AppendKey(a.scratch[:0], i)
	rows := a.keys[string(a.scratch)]
	a.scratch = places.AppendTime(a.scratch[:0], i)
	time := string(a.scratch)
	at, _ := slices.BinarySearchFunc(rows, time, func(r asOfRow, time string) int {
		if r.place < time || a.strict && strings.HasPrefix(r.place, time) {
			return -1
		}
		return 1
	})
	if at == len(rows) {
		return noRow
	}
	return rows[at].row
}

func (a *asOf) rewind() {
	a.forget()
	a.left.rewind()
	a.right.rewind()
}

func (a *asOf) forget() {
	a.rows = *types.NewBatch(vectorTypes(&a.rows))
	a.keys, a.built, a.failing = nil, false, nil
	a.account.release()
}

func (a *asOf) close() {
	a.forget()
	a.left.close()
	a.right.close()
}
