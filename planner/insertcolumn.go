package planner

import (
	"slices"

	"millrace/planner/plan"
	"millrace/sql"
	"millrace/sql/ast"
	"millrace/sql/catalog"
	"millrace/sql/expr"
	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// bindColumns reads the list of target columns; without one all are targets.
func (ib *insertBinder) bindColumns(list []*ast.TargetColumn) error {
	if len(list) == 0 {
		for i := range ib.target.Columns {
			if !ib.target.Columns[i].Hidden {
				ib.columns = append(ib.columns, i)
			}
		}
		return nil
	}
	for _, c := range list {
		if len(c.Path) > 0 {
			return notSupported(c.Pos(), "inserting into a part of a column is not supported")
		}
		number, err := ib.targetColumn(ib.target, c.Name)
		if err != nil {
			return err
		}
		if slices.Contains(ib.columns, number) {
			return sqlerr.New(sqlerr.DuplicateColumn, c.Pos(), "column %q specified more than once", c.Name.Value)
		}
		ib.columns = append(ib.columns, number)
	}
	return nil
}

// targetColumn returns the number of a column by name; a stream's event time and
// headers may be given as well.
func (b *binder) targetColumn(r *catalog.Relation, name ast.Identifier) (int, error) {
	if i := r.Column(name.Value); i >= 0 && !r.Columns[i].Hidden {
		return i, nil
	}
	if r.Kind == catalog.KindStream {
		switch name.Value {
		case "rowtime":
			return plan.FetchRowtime, nil
		case headersColumn:
			return plan.FetchHeaders, nil
		}
	}
	err := sqlerr.New(sqlerr.UndefinedColumn, name.Pos(), "column %q of relation %q does not exist", name.Value, r.Name)
	var names []string
	for i := range r.Columns {
		if !r.Columns[i].Hidden {
			names = append(names, r.Columns[i].Name)
		}
	}
	if best := closest(name.Value, names, identity); best != "" {
		return 0, err.WithHint("Perhaps you meant to reference the column %q.", best)
	}
	return 0, err
}

// columnDefaults returns the value of each column that a statement leaves out,
// of the column's type.
func (b *binder) columnDefaults(r *catalog.Relation) ([]expr.Expr, error) {
	defaults := make([]expr.Expr, len(r.Columns))
	for i := range r.Columns {
		c := &r.Columns[i]
		defaults[i] = &expr.Const{Node: expr.Node{ResultType: c.Type, Position: -1}}
		if c.Identity != catalog.NotIdentity {
			q := b.env.Catalog.OwnedSequence(r.ID, i)
			if q == nil {
				return nil, sqlerr.New(sqlerr.InternalError, -1, "no owned sequence found")
			}
			var err error
			if defaults[i], err = b.nextValue(q, c.Type); err != nil {
				return nil, err
			}
			continue
		}
		if c.Default == "" {
			continue
		}
		parsed, err := sql.ParseExpr(c.Default)
		if err != nil {
			return nil, err
		}
		inner := *b
		inner.sequences = c.Sequences // whatever the search path is
		if defaults[i], err = inner.defaultValue(parsed, c); err != nil {
			return nil, err
		}
	}
	return defaults, nil
}

// defaultValue binds a DEFAULT expression.
func (b *binder) defaultValue(e ast.Expr, c *catalog.Column) (expr.Expr, error) {
	eb := &exprBinder{binder: b.stored(), scope: newScope(nil), clause: "DEFAULT expressions"}
	value, err := eb.bind(e)
	switch sqlerr.CodeOf(err) {
	case "":
	case sqlerr.UndefinedColumn, sqlerr.UndefinedTable:
		return nil, notSupported(e.Pos(), "cannot use column reference in DEFAULT expression")
	default:
		return nil, err
	}
	if hasSubquery(value) {
		return nil, notSupported(e.Pos(), "cannot use subquery in DEFAULT expression")
	}
	if !assignable(value.Type(), c.Type) {
		return nil, sqlerr.New(sqlerr.DatatypeMismatch, e.Pos(), "column %q is of type %s but default expression is of type %s", c.Name, c.Type.BaseName(), value.Type().BaseName()).
			WithHint("You will need to rewrite or cast the expression.")
	}
	return eb.coerce(value, c.Type, expr.Assignment)
}

func assignable(from, to types.Type) bool {
	return from.Kind == types.KindUnknown || from.SameKind(to) || expr.CanCast(from, to, expr.Assignment)
}

// isRowOf reports whether a value is a row that is written out, whose fields may become
// those of a composite type.
func isRowOf(value expr.Expr, t types.Type) bool {
	row, ok := value.(*expr.StructConstructor)
	return ok && t.Kind == types.KindStruct && t.Named != nil && len(row.Fields) == len(t.Fields)
}

// typeOf returns the name and type of target column number.
func (ib *insertBinder) columnOf(number int) (string, types.Type) {
	if number < 0 {
		c := scanColumn(ib.target, number)
		return c.Name, c.Type
	}
	return ib.target.Columns[number].Name, ib.target.Columns[number].Type
}

// assign coerces a value to the type of target column i of the list.
func (ib *insertBinder) assign(value expr.Expr, i int) (expr.Expr, error) {
	name, t := ib.columnOf(ib.columns[i])
	if !assignable(value.Type(), t) && !isRowOf(value, t) {
		return nil, sqlerr.New(sqlerr.DatatypeMismatch, value.Pos(), "column %q is of type %s but expression is of type %s", name, t.BaseName(), value.Type().BaseName()).
			WithHint("You will need to rewrite or cast the expression.")
	}
	return ib.coerce(value, t, expr.Assignment)
}
