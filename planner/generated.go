package planner

import (
	"slices"

	"millrace/planner/plan"
	"millrace/sql"
	"millrace/sql/ast"
	"millrace/sql/catalog"
	"millrace/sql/expr"
	"millrace/sql/sqlerr"
)

// generated binds the expressions of a relation's generated columns over its row, with
// the headers behind it (addGivenHeaders); nil for the other columns and, as a whole,
// where it has none.
func (b *binder) generated(r *catalog.Relation) ([]expr.Expr, error) {
	var list []expr.Expr
	for i := range r.Columns {
		c := &r.Columns[i]
		if c.Generated == "" {
			continue
		}
		parsed, err := sql.ParseExpr(c.Generated)
		if err != nil {
			return nil, err
		}
		value, err := b.generatedValue(r, i, parsed)
		if err != nil {
			return nil, sqlerr.From(err).At(-1)
		}
		if list == nil {
			list = make([]expr.Expr, len(r.Columns))
		}
		list[i] = value
	}
	return list, nil
}

// generatedValue binds GENERATED ALWAYS AS (e) of a column.
func (b *binder) generatedValue(r *catalog.Relation, number int, e ast.Expr) (expr.Expr, error) {
	s, table := newScope(nil), &scopeTable{schema: r.Schema, name: r.Name}
	s.addRelation(table, r)
	s.addGivenHeaders(table, r)
	stored := b.stored()
	eb := &exprBinder{binder: stored, scope: s, clause: "column generation expressions"}
	value, err := eb.bind(e)
	if err != nil {
		return nil, err
	}
	if hasSubquery(value) {
		return nil, notSupported(e.Pos(), "cannot use subquery in column generation expression")
	}
	column := &r.Columns[number]
	for _, read := range columnsOf(value) {
		if read == len(r.Columns) {
			continue // the headers
		}
		if read == number || r.Columns[read].Generated != "" {
			return nil, sqlerr.New(sqlerr.InvalidObjectDefinition, e.Pos(), "cannot use generated column %q in column generation expression", r.Columns[read].Name).
				WithDetail("A generated column cannot reference another generated column.")
		}
	}
	if !assignable(value.Type(), column.Type) {
		return nil, sqlerr.New(sqlerr.DatatypeMismatch, e.Pos(), "column %q is of type %s but generation expression is of type %s", column.Name, column.Type.BaseName(), value.Type().BaseName()).
			WithHint("You will need to rewrite or cast the expression.")
	}
	if value, err = stored.coerce(value, column.Type, expr.Assignment); err != nil {
		return nil, err
	}
	if value, err = expr.Fold(stored.evalContext(), value); err != nil {
		return nil, err
	}
	if expr.VolatilityOf(value) != expr.Immutable {
		return nil, sqlerr.New(sqlerr.InvalidObjectDefinition, e.Pos(), "generation expression is not immutable")
	}
	return value, nil
}

// withGenerated puts the values of generated columns in their places: those of the
// relation's columns stand in the node's output from first on. The headers are those of
// a stream's row, over the node's output; nil for tables.
func (b *binder) withGenerated(node plan.Node, r *catalog.Relation, first int, headers expr.Expr) (plan.Node, error) {
	values, err := b.generated(r)
	if err != nil || values == nil {
		return node, err
	}
	exprs, names := passOn(node)
	for i, value := range values {
		if value != nil {
			if headers != nil {
				value = withHeaders(value, r, headers)
			}
			exprs[first+i] = shiftColumns(value, first)
		}
	}
	columns := slices.Clone(node.Columns())
	out := newProject(node, exprs, names)
	for i := range out.Cols {
		out.Cols[i].Table, out.Cols[i].Attribute = columns[i].Table, columns[i].Attribute
	}
	return out, nil
}

// generate notes that a column's values are computed. The expression is bound when
// all columns are known.
func (cb *createBinder) generate(c *ast.ColumnConstraint, column *catalog.Column) error {
	switch {
	case column.Generated != "":
		return sqlerr.New(sqlerr.SyntaxError, c.Pos(), "multiple generation clauses specified for column %q of table %q", column.Name, cb.relation.Name)
	case column.Default != "":
		return sqlerr.New(sqlerr.SyntaxError, c.Pos(), "both default and generation expression specified for column %q of table %q", column.Name, cb.relation.Name)
	case column.Identity != catalog.NotIdentity:
		return sqlerr.New(sqlerr.SyntaxError, c.Pos(), "both identity and generation expression specified for column %q of table %q", column.Name, cb.relation.Name)
	}
	column.Generated = ast.String(c.Expr)
	cb.generations = append(cb.generations, generation{c.Expr, column.Name})
	return nil
}

// generation is the expression of a generated column.
type generation struct {
	expr   ast.Expr
	column string
}

func (cb *createBinder) checkGenerations() error {
	for _, g := range cb.generations {
		if _, err := cb.generatedValue(cb.relation, cb.relation.Column(g.column), g.expr); err != nil {
			return err
		}
	}
	return nil
}

// refuseValue refuses a value for a column that gives its own: one that is always an
// identity's, unless that is overridden, or that is generated.
func refuseValue(c *catalog.Column, overridden bool, what string) error {
	switch {
	case c.Generated != "":
		return sqlerr.New(sqlerr.GeneratedAlways, -1, what, c.Name).WithDetail("Column %q is a generated column.", c.Name)
	case c.Identity == catalog.IdentityAlways && !overridden:
		err := sqlerr.New(sqlerr.GeneratedAlways, -1, what, c.Name).
			WithDetail("Column %q is an identity column defined as GENERATED ALWAYS.", c.Name)
		if what == cannotInsert {
			err = err.WithHint("Use OVERRIDING SYSTEM VALUE to override.")
		}
		return err
	default:
		return nil
	}
}

// What refuseValue says.
const (
	cannotInsert = "cannot insert a non-DEFAULT value into column %q"
	cannotUpdate = "column %q can only be updated to DEFAULT"
)
