package planner

import (
	"slices"

	"millrace/planner/plan"
	"millrace/sql/ast"
	"millrace/sql/catalog"
	"millrace/sql/expr"
	"millrace/sql/sqlerr"
)

// onConflict binds ON CONFLICT, nil where there is none. Its expressions see the
// row that is there by the target's name and the one that was to be inserted as
// excluded.
func (ib *insertBinder) onConflict(s *ast.Insert) (*plan.OnConflict, error) {
	clause := s.OnConflict
	if clause == nil {
		return nil, nil
	}
	if ib.target.Kind != catalog.KindTable {
		return nil, sqlerr.New(sqlerr.WrongObjectType, clause.Pos(), "ON CONFLICT is for tables: stream %q has no primary key", ib.target.Name).
			WithHint("Rows of a stream are only added. Use CREATE TABLE … (… PRIMARY KEY) for rows that change.")
	}
	if err := ib.conflictTarget(clause); err != nil {
		return nil, err
	}
	out := &plan.OnConflict{Update: !clause.DoNothing}
	if clause.DoNothing {
		return out, nil
	}
	if len(clause.Columns) == 0 && clause.Constraint == nil {
		return nil, sqlerr.New(sqlerr.SyntaxError, clause.Pos(), "ON CONFLICT DO UPDATE requires inference specification or constraint name").
			WithHint("For example, ON CONFLICT (column_name).")
	}
	existing := ib.targetScope(s)
	excluded := &scope{}
	excluded.addTable(&scopeTable{name: "excluded"}, relationColumns(ib.target), len(ib.target.Columns), 0)
	both := existing.joined(excluded, len(ib.target.Columns))
	mb := &modifyBinder{binder: ib.binder, target: ib.target}
	values, err := mb.assignments(clause.Set, both)
	if err != nil {
		return nil, err
	}
	for i, value := range values {
		if value == nil {
			values[i] = columnOf(relationColumns(ib.target)[i], i)
		}
	}
	out.Set = values
	if clause.UpdateWhere != nil {
		eb := &exprBinder{binder: ib.binder, scope: both, clause: "WHERE"}
		if out.Where, err = eb.bindBool(clause.UpdateWhere, "WHERE"); err != nil {
			return nil, err
		}
	}
	return out, refuseSubqueries(append(slices.Clone(out.Set), out.Where), clause.Pos(), "ON CONFLICT")
}

// conflictTarget checks that the target of ON CONFLICT, where there is one, is
// the primary key.
func (ib *insertBinder) conflictTarget(clause *ast.OnConflict) error {
	if clause.Where != nil {
		return notSupported(clause.Where.Pos(), "WHERE in the target of ON CONFLICT is not supported")
	}
	if clause.Constraint != nil {
		if name := clause.Constraint.Value; name != ib.target.Name+"_pkey" {
			return sqlerr.New(sqlerr.UndefinedObject, clause.Pos(), "constraint %q for table %q does not exist", name, ib.target.Name)
		}
		return nil
	}
	if len(clause.Columns) == 0 {
		return nil
	}
	var numbers []int
	for _, element := range clause.Columns {
		if element.Column == nil {
			return noSuchConstraint(clause.Pos())
		}
		number := ib.target.Column(element.Column.Value)
		if number < 0 {
			return sqlerr.New(sqlerr.UndefinedColumn, element.Pos(), "column %q does not exist", element.Column.Value)
		}
		if !slices.Contains(numbers, number) {
			numbers = append(numbers, number)
		}
	}
	key := slices.Sorted(slices.Values(ib.target.Key))
	if slices.Sort(numbers); !slices.Equal(numbers, key) {
		return noSuchConstraint(clause.Pos())
	}
	return nil
}

func noSuchConstraint(pos int) error {
	return sqlerr.New(sqlerr.InvalidColumnReference, pos, "there is no unique or exclusion constraint matching the ON CONFLICT specification")
}

// returning binds RETURNING of an INSERT, over the row as it was stored.
func (ib *insertBinder) returning(s *ast.Insert, out *plan.Insert) error {
	if len(s.Returning) == 0 {
		return nil
	}
	node := newValues(nil, relationColumns(ib.target))
	targets, err := ib.returningTargets(s.Returning, ib.targetScope(s), node)
	if err != nil {
		return err
	}
	for _, t := range targets {
		out.Returning = append(out.Returning, t.value)
		column := plan.Column{Name: t.name, Type: t.value.Type()}
		if c, ok := t.value.(*expr.Column); ok {
			column.Table, column.Attribute = node.Cols[c.Index].Table, node.Cols[c.Index].Attribute
		}
		out.ReturningColumns = append(out.ReturningColumns, column)
	}
	return refuseSubqueries(out.Returning, s.Returning[0].Pos(), "RETURNING of INSERT")
}

// targetScope is the row of an INSERT's target under its name or alias.
func (ib *insertBinder) targetScope(s *ast.Insert) *scope {
	table := &scopeTable{schema: ib.target.Schema, name: ib.target.Name}
	if s.Alias != nil {
		table = &scopeTable{name: s.Alias.Value, aliasOf: ib.target.Name}
	}
	out := newScope(nil)
	out.addTable(table, relationColumns(ib.target), len(ib.target.Columns), 0)
	return out
}

// relationColumns are all columns of a relation.
func relationColumns(r *catalog.Relation) []plan.Column {
	columns := make([]plan.Column, len(r.Columns))
	for i := range r.Columns {
		columns[i] = scanColumn(r, i)
	}
	return columns
}

func refuseSubqueries(list []expr.Expr, pos int, clause string) error {
	for _, e := range list {
		if e != nil && hasSubquery(e) {
			return notSupported(pos, "a subquery in %s is not supported", clause)
		}
	}
	return nil
}
