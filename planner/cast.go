package planner

import (
	"millrace/sql/ast"
	"millrace/sql/expr"
	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

func (b *exprBinder) cast(e *ast.Cast) (expr.Expr, error) {
	if array, ok := e.Operand.(*ast.ArrayConstructor); ok {
		t, err := b.typeName(e.Type)
		if err != nil {
			return nil, err
		}
		if t.Kind == types.KindArray {
			operand, err := b.array(array, t.Elem)
			if err != nil {
				return nil, err
			}
			return b.coerce(operand, t, expr.Explicit)
		}
	}
	operand, err := b.bind(e.Operand)
	if err != nil {
		return nil, err
	}
	pos := e.Pos()
	if pos == e.Operand.Pos() {
		// Behind its operand the cast is written as ::, where PostgreSQL points.
		pos = int(e.Operand.Extent().End)
	}
	return b.castTo(operand, e.Type, pos)
}

func (b *exprBinder) castTo(operand expr.Expr, name *ast.TypeName, pos int) (expr.Expr, error) {
	t, err := b.typeName(name)
	if err != nil {
		return nil, err
	}
	cast, err := b.coerce(operand, t, expr.Explicit)
	if sqlerr.CodeOf(err) == sqlerr.CannotCoerce {
		placed := *sqlerr.From(err)
		placed.Position = pos
		return nil, &placed
	}
	return cast, err
}

// collate accepts the collations that are the one there is.
func (b *exprBinder) collate(e *ast.Collate) (expr.Expr, error) {
	switch e.Collation.Last() {
	case "C", "POSIX", "default", "ucs_basic":
		return b.bind(e.Operand)
	}
	return nil, sqlerr.New(sqlerr.UndefinedObject, e.Collation.Pos(), "collation %q for encoding \"UTF8\" does not exist", e.Collation.Last()).
		WithHint(`Text sorts by the collation "C".`)
}

func (b *exprBinder) atTimeZone(e *ast.AtTimeZone) (expr.Expr, error) {
	args, err := b.bindAll([]ast.Expr{e.Zone, e.Operand})
	if err != nil {
		return nil, err
	}
	return b.call("timezone", args, e.Pos())
}
