package pull

import (
	"context"
	"io"

	"millrace/exec/operator"
	"millrace/planner/plan"
	"millrace/sql/expr"
	"millrace/sql/types"
)

// lockRows locks the rows that its input's rows were made of, no more of them than
// are asked for.
type lockRows struct {
	scope *scope
	plan  *plan.LockRows
	input node
	// keys holds for each table the columns of the input that are its row's key.
	keys [][]int
	// bound is how many rows are asked for, or noBound; passed how many were given.
	bound, passed int64
	// in is what the input gave last, at what was taken of it.
	in        *types.Batch
	at        int
	selection []int32
	out       types.Batch
}

func newLockRows(s *scope, n *plan.LockRows, input node, bound int64) (node, error) {
	l := &lockRows{scope: s, plan: n, input: input, bound: bound}
	for i := range n.Tables {
		key := make([]int, len(n.Tables[i].Key))
		for k, e := range n.Tables[i].Key {
			column, ok := e.(*expr.Column)
			if !ok {
				return nil, notSupported("keys that are not columns")
			}
			key[k] = column.Index
		}
		l.keys = append(l.keys, key)
	}
	return l, nil
}

// skips reports whether rows may be left out, so that more of the input is read
// than is asked for.
func skips(n *plan.LockRows) bool {
	for i := range n.Tables {
		if n.Tables[i].Wait == plan.LockSkipLocked {
			return true
		}
	}
	return false
}

func (l *lockRows) next(ctx context.Context) (*types.Batch, error) {
	for l.bound == noBound || l.passed < l.bound {
		if l.in == nil || l.at >= l.in.Len {
			var err error
			if l.in, err = l.input.next(ctx); err != nil {
				l.in = nil
				return nil, err
			}
			l.at = 0
		}
		n := l.in.Len - l.at
		if l.bound != noBound {
			n = int(min(int64(n), l.bound-l.passed))
		}
		l.selection = sequence(l.selection, l.at, l.at+n)
		if err := l.lock(ctx); err != nil {
			return nil, err
		}
		l.at += n
		l.passed += int64(len(l.selection))
		if len(l.selection) > 0 {
			l.out = types.Batch{}
			operator.SelectInto(&l.out, l.in, l.selection)
			return &l.out, nil
		}
	}
	return nil, io.EOF
}

// lock locks the selected rows, table by table, and leaves those out of the
// selection that are skipped.
func (l *lockRows) lock(ctx context.Context) error {
	for i := range l.plan.Tables {
		if len(l.selection) == 0 {
			return nil
		}
		table := &l.plan.Tables[i]
		rows := &types.Batch{Len: len(l.selection), Columns: make([]types.Vector, len(table.Relation.Columns))}
		for c := range rows.Columns {
			rows.Columns[c].Type = table.Relation.Columns[c].Type
		}
		for k, column := range table.Relation.Key {
			rows.Columns[column].AppendRows(&l.in.Columns[l.keys[i][k]], l.selection)
		}
		skipped, err := l.scope.execution.sources.Lock(ctx, table, rows)
		if err != nil {
			return err
		}
		kept, next := l.selection[:0], 0
		for n, row := range l.selection {
			if next < len(skipped) && skipped[next] == n {
				next++
				continue
			}
			kept = append(kept, row)
		}
		l.selection = kept
	}
	return nil
}

func (l *lockRows) rewind() {
	l.in, l.at, l.passed = nil, 0, 0
	l.input.rewind()
}

func (l *lockRows) close() { l.input.close() }
