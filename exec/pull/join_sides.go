package pull

import (
	"context"
	"io"

	"millrace/planner/plan"
	"millrace/sql/expr"
	"millrace/sql/types"
)

// joinSide is one input of a join.
type joinSide struct {
	node    node
	columns []types.Type
	keys    []*expr.Program
	// held are batches that were read before it was known which side is held in
	// the table, with their size in bytes.
	held    []*types.Batch
	size    int64
	ended   bool
	account account
}

func newJoinSide(e *execution, n node, columns []plan.Column, keys []*expr.Program) joinSide {
	return joinSide{node: n, columns: columnTypes(columns), keys: keys, account: e.account()}
}

// hold reads one batch ahead.
func (s *joinSide) hold(ctx context.Context) error {
	in, err := s.node.next(ctx)
	if err == io.EOF {
		s.ended = true
		return nil
	}
	if err != nil {
		return err
	}
	size := batchSize(in, nil)
	s.held = append(s.held, copyOf(in))
	s.size += size
	return s.account.grow(size)
}

// next returns the side's next rows: those held first.
func (s *joinSide) next(ctx context.Context) (*types.Batch, error) {
	if len(s.held) > 0 {
		in := s.held[0]
		s.held = s.held[1:]
		return in, s.account.grow(-batchSize(in, nil))
	}
	if s.ended {
		return nil, io.EOF
	}
	return s.node.next(ctx)
}

func (s *joinSide) forget() {
	s.held, s.size, s.ended = nil, 0, false
	s.account.release()
}

// alone says which rows of a side a join gives by themselves.
type alone uint8

const (
	aloneNone  alone = iota
	aloneMet         // those that met a row of the other side
	aloneUnmet       // those that met none
)

// joinRules are what a kind of join gives.
type joinRules struct {
	// pairs says that rows which meet are given side by side.
	pairs bool
	// padded says that rows alone have NULLs for the columns of the other side;
	// else they are left rows without those columns.
	padded      bool
	left, right alone
}

// rulesOf are the rules by kind.
var rulesOf = [...]joinRules{
	plan.JoinInner: {pairs: true},
	plan.JoinLeft:  {pairs: true, padded: true, left: aloneUnmet},
	plan.JoinRight: {pairs: true, padded: true, right: aloneUnmet},
	plan.JoinFull:  {pairs: true, padded: true, left: aloneUnmet, right: aloneUnmet},
	plan.JoinSemi:  {left: aloneMet},
	plan.JoinAnti:  {left: aloneUnmet},
}
