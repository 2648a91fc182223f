package pull

import (
	"context"
	"io"

	"millrace/exec/operator"
	"millrace/sql/expr"
	"millrace/sql/types"
)

// noRow ends a chain of rows.
const noRow int32 = -1

// joinTable holds one side of a join by key. Rows with equal keys form a
// chain in their order; without keys all rows are one chain.
type joinTable struct {
	scope   *scope
	progs   []*expr.Program
	account account

	rows   types.Batch
	groups *operator.Groups
	// first and last are the ends of each group's chain, next the row behind each
	// row.
	first, last, next []int32
	built             bool

	keys      []*types.Vector
	selection []int32
	numbers   []int32
}

func newJoinTable(s *scope, progs []*expr.Program, columns []types.Type) *joinTable {
	t := &joinTable{scope: s, progs: progs, account: s.execution.account(), numbers: make([]int32, batchRows)}
	t.rows = *types.NewBatch(columns)
	t.reset()
	return t
}

func (t *joinTable) reset() {
	t.rows = *types.NewBatch(vectorTypes(&t.rows))
	t.groups = emptied(t.groups)
	t.first, t.last, t.next = nil, nil, nil
	t.built = false
	t.account.release()
}

// read takes a whole side. It goes on where it stopped when it is called again
// after ctx's error.
func (t *joinTable) read(ctx context.Context, side *joinSide) error {
	for !t.built {
		in, err := side.next(ctx)
		if err == io.EOF {
			t.built = true
			return nil
		}
		if err != nil {
			return err
		}
		if err := t.add(in); err != nil {
			return err
		}
	}
	return nil
}

func (t *joinTable) add(in *types.Batch) error {
	if err := t.assign(in); err != nil {
		return err
	}
	start := int32(t.rows.Len)
	for i, group := range t.numbers[:in.Len] {
		t.next = append(t.next, noRow)
		if group != operator.NoGroup {
			t.chain(group, start+int32(i))
		}
	}
	appendBatch(&t.rows, in)
	return checkRows(t.rows.Len)
}

// assign finds the groups of a batch's rows, making those that are missing.
func (t *joinTable) assign(in *types.Batch) error {
	env := &t.scope.env
	env.ResetErrors()
	t.keys = t.scope.evaluate(t.progs, in, nil, t.keys)
	if _, err := firstFailure(env); err != nil {
		return err
	}
	t.selection = withoutNulls(t.selection, t.keys, in.Len)
	before := t.groups.Bytes()
	t.groups.Assign(t.keys, in.Len, t.selection, t.numbers)
	for len(t.first) < t.groups.Len() {
		t.first = append(t.first, noRow)
		t.last = append(t.last, noRow)
	}
	const linkSize = 12
	return t.account.grow(t.groups.Bytes() - before + batchSize(in, nil) + int64(in.Len*linkSize))
}

// chain puts a row at the end of its group's chain.
func (t *joinTable) chain(group, row int32) {
	if t.first[group] == noRow {
		t.first[group] = row
	} else {
		t.next[t.last[group]] = row
	}
	t.last[group] = row
}

// find writes to out, for each row of a probe batch, the first row of its chain,
// or noRow.
func (t *joinTable) find(keys []*types.Vector, rows int, out []int32) {
	t.selection = withoutNulls(t.selection, keys, rows)
	t.groups.Find(keys, rows, t.selection, out)
	for i, group := range out[:rows] {
		if group != operator.NoGroup {
			out[i] = t.first[group]
		}
	}
}
