package pull

import (
	"context"
	"io"

	"millrace/planner/plan"
	"millrace/sql/expr"
	"millrace/sql/types"
)

// session gives each row the window of its session: its input in the order of
// the partitions and the rows' times, cut where a row does not overlap those
// before it.
type session struct {
	node   *plan.Session
	sorted node
	// rows are all rows, and at the first that was not given yet.
	rows    *types.Batch
	at      int
	account account
}

func newSession(s *scope, n *plan.Session, input node) (node, error) {
	columns := n.Columns()
	sorting := &plan.Sort{Input: n.Input}
	sorting.Cols = columns
	for _, c := range append(append([]int{}, n.Partition...), n.Props().Window.Start) {
		column := &expr.Column{Node: expr.Node{ResultType: columns[c].Type, Position: -1}, Index: c, Name: columns[c].Name}
		sorting.Keys = append(sorting.Keys, plan.SortKey{Expr: column})
	}
	sorted, err := newSort(s, sorting, input, noBound)
	if err != nil {
		return nil, err
	}
	return &session{node: n, sorted: sorted, account: s.execution.account()}, nil
}

func (s *session) next(ctx context.Context) (*types.Batch, error) {
	if s.rows == nil {
		if err := s.read(ctx); err != nil {
			return nil, err
		}
	}
	left := s.rows.Len - s.at
	if left == 0 {
		return nil, io.EOF
	}
	selection := make([]int32, min(left, batchRows))
	for i := range selection {
		selection[i] = int32(s.at + i)
	}
	s.at += len(selection)
	return s.rows.Select(selection), nil
}

// read takes the whole input and finds the sessions.
func (s *session) read(ctx context.Context) error {
	columns := s.node.Columns()
	rows := types.NewBatch(columnTypes(columns))
	for {
		in, err := s.sorted.next(ctx)
		if err == io.EOF {
			break
		}
		if err != nil {
			s.account.release()
			return err
		}
		if err := s.account.grow(batchSize(in, nil)); err != nil {
			return err
		}
		for c := range rows.Columns {
			rows.Columns[c].AppendAll(&in.Columns[c])
		}
		rows.Len += in.Len
	}
	s.merge(rows)
	s.rows = rows
	return nil
}

// merge widens the windows of rows in order to those of their sessions.
func (s *session) merge(rows *types.Batch) {
	bounds := s.node.Props().Window
	starts, ends := rows.Columns[bounds.Start].Ints, rows.Columns[bounds.End].Ints
	var before, key []byte
	first := 0
	for i := range rows.Len {
		key = key[:0]
		for _, c := range s.node.Partition {
			key = types.AppendKeyFrom(key, &rows.Columns[c], i)
		}
		if i > 0 && string(key) == string(before) && starts[i] < ends[i-1] {
			starts[i] = starts[first]
		} else {
			s.widen(ends, first, i)
			first = i
		}
		before = append(before[:0], key...)
	}
	s.widen(ends, first, rows.Len)
}

// widen gives the rows of one session, from first up to next, its end.
func (s *session) widen(ends []int64, first, next int) {
	for i := first; i < next; i++ {
		ends[i] = ends[next-1]
	}
}

func (s *session) rewind() {
	s.forget()
	s.sorted.rewind()
}

func (s *session) forget() {
	s.rows, s.at = nil, 0
	s.account.release()
}

func (s *session) close() {
	s.forget()
	s.rows = &types.Batch{}
	s.sorted.close()
}
