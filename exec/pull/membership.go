package pull

import (
	"context"
	"io"

	"millrace/exec/operator"
	"millrace/sql/expr"
	"millrace/sql/types"
)

// membership is a filter by value IN (subquery), or NOT IN, for a subquery that
// gives the same rows for every row. The subquery's values are held in a hash
// table.
type membership struct {
	scope   *scope
	input   node
	value   *expr.Program
	negated bool

	subquery node
	set      *operator.Groups
	hasNull  bool
	read     bool // the subquery is in set
	account  account

	in        *types.Batch // taken from input and not looked at
	keys      []*types.Vector
	numbers   []int32
	selection []int32
	out       types.Batch
	failed    error
}

// newMembership returns the operator for a condition of that kind, without its
// input, or nil for any other condition.
func (e *execution) newMembership(s *scope, condition expr.Expr) (*membership, error) {
	negated := false
	if not, ok := condition.(*expr.Not); ok {
		condition, negated = not.Arg, true
	}
	in, ok := condition.(*expr.Subquery)
	if !ok || in.Kind != expr.SubqueryAny || in.On != nil || in.Func.Name != "=" || in.Number >= len(s.subqueries) {
		return nil, nil
	}
	inner := s.subqueries[in.Number]
	root := inner.query.Root
	if !isHashable(in.Left.Type(), root.Columns()[0].Type) {
		return nil, nil
	}
	if d := dependenceOf(root, inner.subqueries); len(d.outer) > 0 || d.volatile {
		return nil, nil
	}
	value, err := expr.Compile(in.Left)
	if err != nil {
		return nil, err
	}
	rows, err := e.build(root, e.newScope(inner.subqueries, false))
	if err != nil {
		return nil, err
	}
	return &membership{
		scope: s, value: value, negated: negated, subquery: rows,
		set: operator.NewGroups(), account: e.account(),
		numbers: make([]int32, batchRows), selection: noRows(),
	}, nil
}

func (m *membership) next(ctx context.Context) (*types.Batch, error) {
	for m.failed == nil {
		if m.in == nil {
			in, err := m.input.next(ctx)
			if err != nil {
				return nil, err
			}
			m.in = in
		}
		if err := m.readSubquery(ctx); err != nil {
			return nil, err
		}
		in := m.in
		m.in = nil
		m.choose(in)
		switch len(m.selection) {
		case 0:
			continue
		case in.Len:
			return in, nil
		}
		operator.SelectInto(&m.out, in, m.selection)
		return &m.out, nil
	}
	return nil, m.failed
}

// readSubquery puts the subquery's values into the set, once.
func (m *membership) readSubquery(ctx context.Context) error {
	for !m.read {
		in, err := m.subquery.next(ctx)
		if err == io.EOF {
			m.read = true
			m.subquery.close()
			return nil
		}
		if err != nil {
			return err
		}
		m.hasNull = m.hasNull || in.Columns[0].HasNulls()
		before := m.set.Bytes()
		m.set.Assign([]*types.Vector{&in.Columns[0]}, in.Len, nil, m.numbers)
		if err := m.account.grow(m.set.Bytes() - before); err != nil {
			return err
		}
	}
	return nil
}

// choose selects the rows of a batch for which the condition is true. Value IN
// (...) is NULL where value is NULL or, for want of an equal value, the set has
// a NULL; except that nothing is in an empty set.
func (m *membership) choose(in *types.Batch) {
	m.selection = m.selection[:0]
	if m.set.Len() == 0 {
		if m.negated {
			m.selection = sequence(m.selection, 0, in.Len)
		}
		return
	}
	env := &m.scope.env
	env.ResetErrors()
	value := m.value.EvalRef(env, in, nil)
	rows := in.Len
	if row, err := firstFailure(env); err != nil {
		rows, m.failed = row, err
	}
	if m.hasNull && m.negated {
		return
	}
	m.keys = append(m.keys[:0], value)
	m.set.Find(m.keys, rows, nil, m.numbers)
	for i, number := range m.numbers[:rows] {
		if (number == operator.NoGroup) == m.negated && !value.IsNull(i) {
			m.selection = append(m.selection, int32(i))
		}
	}
}

func (m *membership) rewind() {
	m.in, m.failed = nil, nil
	m.input.rewind()
}

func (m *membership) close() {
	m.set, m.read = operator.NewGroups(), true
	m.account.release()
	m.subquery.close()
	m.input.close()
}
