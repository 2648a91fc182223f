package planner

import (
	"slices"

	"millrace/planner/plan"
	"millrace/sql/ast"
	"millrace/sql/catalog"
	"millrace/sql/expr"
	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// The headers of a stream's records are its pseudocolumn headers, an array of keys and
// values. Unlike the other pseudocolumns it may be the name of a column, which then
// hides it: it is a word that tables are likely to have. INSERT and COPY write it under
// its name, and KSQL's HEADERS and HEADER('key') columns are generated from it.

// headersColumn is the pseudocolumn's name.
const headersColumn = "headers"

// addHeaders adds the pseudocolumn to the scope of a stream, unless one of its columns
// has the name.
func (s *scope) addHeaders(table *scopeTable, index int) {
	if slices.ContainsFunc(s.columns, func(c *scopeColumn) bool { return c.table == table && c.name == headersColumn }) {
		return
	}
	s.addPseudocolumn(table, scanColumn(nil, plan.FetchHeaders), index)
	s.columns[len(s.columns)-1].yields = true
}

// addGivenHeaders adds the headers of a row that is being written to the scope of
// expressions for generated columns: they stand behind the relation's columns. A
// generated column, which these expressions cannot read, does not hide them.
func (s *scope) addGivenHeaders(table *scopeTable, r *catalog.Relation) {
	if r.Kind != catalog.KindStream {
		return
	}
	if i := r.Column(headersColumn); i >= 0 && r.Columns[i].Generated != "" {
		s.columns = slices.DeleteFunc(s.columns, func(c *scopeColumn) bool { return c.name == headersColumn })
	}
	s.addHeaders(table, len(r.Columns))
}

// withHeaders puts an expression for a row's headers into one that was bound over the
// relation's columns and addGivenHeaders.
func withHeaders(value expr.Expr, r *catalog.Relation, headers expr.Expr) expr.Expr {
	out, _ := expr.Rewrite(value, func(e expr.Expr) (expr.Expr, error) {
		if c, ok := e.(*expr.Column); ok && c.Index == len(r.Columns) {
			return headers, nil
		}
		return e, nil
	})
	return out
}

// noHeaders are the headers of a row that is given none.
func noHeaders() expr.Expr {
	return &expr.Const{Node: expr.Node{ResultType: types.Headers, Position: -1}, Value: types.StringDatum(types.NoHeaders)}
}

// headerConstraint makes a column one of KSQL's for headers: all of them, or the last
// value of one key.
func (cb *createBinder) headerConstraint(c *ast.ColumnConstraint, column *catalog.Column) error {
	if cb.relation.Kind != catalog.KindStream {
		return sqlerr.New(sqlerr.InvalidTableDefinition, c.Pos(), "only the rows of a stream have headers")
	}
	want := types.Headers
	var value ast.Expr = &ast.ColumnRef{Span: c.Span, Parts: []string{headersColumn}}
	if c.Kind == ast.ConstraintHeader {
		want = types.Bytea
		value = &ast.FunctionCall{Span: c.Span, Name: &ast.Name{Span: c.Span, Parts: []string{"header"}}, Args: []ast.Expr{value, &ast.StringLiteral{Span: c.Span, Value: c.Header}}}
	}
	if !column.Type.SameKind(want) {
		return sqlerr.New(sqlerr.DatatypeMismatch, c.Pos(), "column %q is of type %s, but headers are of type %s", column.Name, column.Type, want)
	}
	return cb.generate(&ast.ColumnConstraint{Span: c.Span, Kind: ast.ConstraintGenerated, Expr: value}, column)
}
