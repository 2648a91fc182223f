package session

import (
	"context"
	"errors"
	"io"

	"millrace/planner"
	"millrace/planner/plan"
	"millrace/sql/ast"
	"millrace/sql/expr"
	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// prepareStatement is PREPARE.
func (s *Session) prepareStatement(n *ast.Prepare, text string) (string, error) {
	if s.statements[n.Name.Value] != nil {
		return "", duplicateStatement(n.Name.Value, -1)
	}
	declared := make([]types.Type, len(n.Types))
	for i, name := range n.Types {
		t, err := s.resolveType(name)
		if err != nil {
			return "", err
		}
		declared[i] = t
	}
	st, err := s.newStatement(n.Statement, text, declared)
	if err != nil {
		return "", err
	}
	st.name, st.fromSQL = n.Name.Value, true
	s.keepStatement(st)
	return "PREPARE", nil
}

// resolveType returns the type that a name in PREPARE means.
func (s *Session) resolveType(name *ast.TypeName) (types.Type, error) {
	probe := &ast.Query{Span: name.Span, Body: &ast.Select{Span: name.Span, Targets: []*ast.Target{{
		Span: name.Span,
		Expr: &ast.Cast{Span: name.Span, Operand: &ast.NullLiteral{Span: name.Span}, Type: name},
	}}}}
	planned, err := planner.Plan(s.plannerEnvironment(s.catalog(), nil), probe)
	if err != nil {
		return types.Type{}, err
	}
	query, ok := planned.(*plan.Query)
	if !ok {
		return types.Type{}, sqlerr.New(sqlerr.UndefinedObject, name.Pos(), "type %q does not exist", name.Name)
	}
	t := query.Root.Columns()[0].Type
	t.Mod = -1
	return t, nil
}

// executeStatement is EXECUTE: the prepared statement runs in the portal of the
// EXECUTE.
func (s *Session) executeStatement(ctx context.Context, p *portal, n *ast.Execute) (string, error) {
	st, err := s.findStatement(n.Name.Value)
	if err != nil {
		return "", err
	}
	if st.tree == nil {
		return "", nil
	}
	if err := s.refresh(st); err != nil {
		return "", inText(err, st.text)
	}
	if len(n.Args) != len(st.params) {
		return "", sqlerr.New(sqlerr.SyntaxError, -1, "wrong number of parameters for prepared statement %q", st.name).
			WithDetail("Expected %d parameters but got %d.", len(st.params), len(n.Args))
	}
	params, err := s.evaluateArguments(ctx, n, st.params)
	if err != nil {
		return "", err
	}
	inner := &portal{statement: st, params: params, columns: p.columns, simple: p.simple}
	if p.simple {
		inner.columns = st.columns
	}
	tag, err := s.start(ctx, inner, false)
	p.rows, p.tag, p.counted, p.columns = inner.rows, inner.tag, inner.counted, inner.columns
	return tag, inText(err, st.text)
}

// evaluateArguments computes the arguments of EXECUTE, by a SELECT of them. A
// string literal becomes a value of the parameter's type by its text.
func (s *Session) evaluateArguments(ctx context.Context, n *ast.Execute, to []types.Type) ([]types.Datum, error) {
	if len(n.Args) == 0 {
		return nil, nil
	}
	targets := make([]*ast.Target, len(n.Args))
	for i, e := range n.Args {
		targets[i] = &ast.Target{Span: e.Extent(), Expr: e}
	}
	values := &ast.Query{Span: n.Span, Body: &ast.Select{Span: n.Span, Targets: targets}}
	planned, err := planner.Plan(s.plannerEnvironment(s.catalog(), nil), values)
	if err != nil {
		return nil, err
	}
	rows, err := s.query(ctx, planned.(*plan.Query), nil)
	if err != nil {
		return nil, err
	}
	defer rows.close()
	ok, err := rows.fill(ctx)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, errors.Join(errors.New("the arguments of EXECUTE gave no row"), io.ErrUnexpectedEOF)
	}
	params := rows.batch.Row(0, nil)
	format := s.format()
	for i := range params {
		if _, literal := n.Args[i].(*ast.StringLiteral); !literal {
			if params[i], err = s.assignArgument(rows.batch, i, n.Args[i].Pos(), to[i]); err != nil {
				return nil, err
			}
			continue
		}
		if params[i], err = types.ParseText(to[i], params[i].Str, format); err != nil {
			return nil, sqlerr.From(err).At(n.Args[i].Pos())
		}
	}
	return params, nil
}

// assignArgument converts an argument of EXECUTE to the type of its parameter, as
// an INSERT does to that of a column.
func (s *Session) assignArgument(row *types.Batch, i, position int, to types.Type) (types.Datum, error) {
	from := row.Columns[i].Type
	if row.Columns[i].IsNull(0) {
		return types.Null, nil
	}
	if !expr.CanCast(from, to, expr.Assignment) {
		return types.Null, sqlerr.New(sqlerr.DatatypeMismatch, position,
			"parameter $%d of type %s cannot be coerced to the expected type %s", i+1, from.BaseName(), to.BaseName()).
			WithHint("You will need to rewrite or cast the expression.")
	}
	converted, err := expr.Coerce(&expr.Column{Node: expr.Node{ResultType: from, Position: -1}, Index: i}, to, expr.Assignment)
	if err != nil {
		return types.Null, err
	}
	program, err := expr.Compile(converted)
	if err != nil {
		return types.Null, err
	}
	evaluation := &expr.Context{Now: s.transactionTime(), Format: s.format(), Session: s}
	var value types.Vector
	program.Eval(evaluation, row, nil, &value)
	if len(evaluation.Errors) > 0 {
		return types.Null, sqlerr.From(evaluation.Errors[0].Err).At(-1)
	}
	return value.Datum(0), nil
}

// deallocate is DEALLOCATE.
func (s *Session) deallocate(n *ast.Deallocate) (string, error) {
	if n.Name == nil {
		clear(s.statements)
		return "DEALLOCATE ALL", nil
	}
	if _, err := s.findStatement(n.Name.Value); err != nil {
		return "", err
	}
	delete(s.statements, n.Name.Value)
	return "DEALLOCATE", nil
}
