package planner

import (
	"millrace/planner/plan"
	"millrace/sql/ast"
	"millrace/sql/expr"
	"millrace/sql/sqlerr"
)

// values binds VALUES as a query: columns column1, column2 … of the types that
// their rows have in common.
func (b *binder) values(v *ast.Values, s *scope) (*boundQuery, error) {
	if b.asValue == 0 {
		if err := b.refuse(v.Pos(), "VALUES"); err != nil {
			return nil, err
		}
	}
	width := len(v.Rows[0])
	eb := &exprBinder{binder: b, scope: &scope{parent: s.parent, depth: s.depth, with: s.with}, clause: "VALUES"}
	rows := make([][]expr.Expr, len(v.Rows))
	for r, row := range v.Rows {
		if len(row) != width {
			return nil, sqlerr.New(sqlerr.SyntaxError, row[0].Pos(), "VALUES lists must all be the same length")
		}
		bound, err := eb.bindAll(row)
		if err != nil {
			return nil, err
		}
		rows[r] = bound
	}
	columns := make([]plan.Column, width)
	cells := make([]expr.Expr, len(rows))
	for c := range columns {
		for r := range rows {
			cells[r] = rows[r][c]
		}
		common, err := expr.CommonType(exprTypes(cells), "VALUES", v.Rows[0][c].Pos())
		if err != nil {
			return nil, err
		}
		for r := range rows {
			if rows[r][c], err = b.coerce(rows[r][c], common, expr.Implicit); err != nil {
				return nil, err
			}
		}
		columns[c] = plan.Column{Name: "column" + decimal(c+1), Type: common}
	}
	return &boundQuery{node: newValues(rows, columns), visible: width}, nil
}
