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

// onConflict checks ON CONFLICT and binds its DO UPDATE, nil where there is none;
// see plan.OnConflict.Updated. Its expressions see the row that is there by the
// target's name and the one that was to be inserted as excluded.
func (ib *insertBinder) onConflict(s *ast.Insert) (*clause, error) {
	conflict := s.OnConflict
	if conflict == nil {
		return nil, nil
	}
	if ib.target.Kind != catalog.KindTable {
		return nil, sqlerr.New(sqlerr.WrongObjectType, conflict.Pos(), "ON CONFLICT is for tables: stream %q has no primary key", ib.target.Name).
			WithHint("Rows of a stream are only added. Use CREATE TABLE … (… PRIMARY KEY) for rows that change.")
	}
	ib.conflict = &plan.OnConflict{Update: !conflict.DoNothing}
	if err := ib.conflictTarget(conflict); err != nil || conflict.DoNothing {
		return nil, err
	}
	if len(conflict.Columns) == 0 && conflict.Constraint == nil {
		return nil, sqlerr.New(sqlerr.SyntaxError, conflict.Pos(), "ON CONFLICT DO UPDATE requires inference specification or constraint name").
			WithHint("For example, ON CONFLICT (column_name).")
	}
	columns := relationColumns(ib.target)
	width := len(columns)
	existing := ib.targetScope(s)
	excluded := &scope{}
	excluded.addRelation(&scopeTable{name: "excluded"}, ib.target)
	both := existing.joined(excluded, width)
	mb := &modifyBinder{binder: ib.binder, target: ib.target}
	values, err := mb.assignments(conflict.Set, both)
	if err != nil {
		return nil, err
	}
	for i, value := range values {
		if value == nil {
			values[i] = kept(ib.target, columns[i], i)
		} else if ib.inKey(i) {
			ib.conflict.SetsKey = true
		}
	}
	pair := plan.Column{Name: "pair", Type: types.Int8}
	var node plan.Node = newGiven(plan.GivenRows, append(slices.Concat(columns, columns), pair))
	if conflict.UpdateWhere != nil {
		eb := &exprBinder{binder: ib.binder, scope: both, clause: "WHERE"}
		where, err := eb.bindBool(conflict.UpdateWhere, "WHERE")
		if err != nil {
			return nil, err
		}
		node = newFilter(node, where)
	}
	names := append(columnNames(newGiven(plan.GivenRows, columns)), pair.Name)
	node, err = ib.withGenerated(newProject(node, append(values, columnOf(pair, 2*width)), names), ib.target, 0, nil)
	if err != nil {
		return nil, err
	}
	return ib.takeClause(node), nil
}

// inKey reports whether a column of the target is one of its primary key or of a
// unique index.
func (ib *insertBinder) inKey(column int) bool {
	return slices.Contains(ib.target.Key, column) || slices.ContainsFunc(ib.env.Catalog.UniqueOf(ib.target.ID), func(index *catalog.Index) bool {
		return slices.ContainsFunc(index.Columns, func(indexed catalog.IndexColumn) bool { return indexed.Column == column })
	})
}

// conflictTarget finds what the target of ON CONFLICT, where there is one, names.
func (ib *insertBinder) conflictTarget(conflict *ast.OnConflict) error {
	if conflict.Where != nil {
		return notSupported(conflict.Where.Pos(), "WHERE in the target of ON CONFLICT is not supported")
	}
	if conflict.Constraint != nil {
		name := conflict.Constraint.Value
		index := ib.constraintIndex(name)
		switch c := ib.target.Constraint(name); {
		case index != nil:
			ib.conflict.Index = index.ID
			return nil
		case c == nil:
			return sqlerr.New(sqlerr.UndefinedObject, conflict.Pos(), "constraint %q for table %q does not exist", name, ib.target.Name)
		case c.Kind == catalog.ConstraintCheck:
			return sqlerr.New(sqlerr.WrongObjectType, conflict.Pos(), "constraint in ON CONFLICT clause has no associated index")
		}
		ib.conflict.PrimaryKey = true
		return nil
	}
	if len(conflict.Columns) == 0 {
		ib.conflict.Any = true
		return nil
	}
	var numbers []int
	for _, element := range conflict.Columns {
		if element.Column == nil {
			return noSuchConstraint(conflict.Pos())
		}
		number := ib.target.Column(element.Column.Value)
		if number < 0 || ib.target.Columns[number].Hidden {
			return sqlerr.New(sqlerr.UndefinedColumn, element.Pos(), "column %q does not exist", element.Column.Value)
		}
		if !slices.Contains(numbers, number) {
			numbers = append(numbers, number)
		}
	}
	return ib.inferArbiter(numbers, conflict.Pos())
}

// constraintIndex returns the index of the target's UNIQUE constraint with a name,
// or nil.
func (ib *insertBinder) constraintIndex(name string) *catalog.Index {
	for _, index := range ib.env.Catalog.UniqueOf(ib.target.ID) {
		if index.Constraint && index.Name == name {
			return index
		}
	}
	return nil
}

// inferArbiter finds the primary key or unique index that is on exactly the given
// columns. Of several indexes, one in which NULLs are equal finds what the others
// find.
func (ib *insertBinder) inferArbiter(columns []int, pos int) error {
	slices.Sort(columns)
	if slices.Equal(columns, slices.Sorted(slices.Values(ib.target.Key))) {
		ib.conflict.PrimaryKey = true
		return nil
	}
	var found *catalog.Index
	for _, index := range ib.env.Catalog.UniqueOf(ib.target.ID) {
		if index.Covers(columns) && (found == nil || index.NullsNotDistinct && !found.NullsNotDistinct) {
			found = index
		}
	}
	if found == nil {
		return noSuchConstraint(pos)
	}
	ib.conflict.Index = found.ID
	return nil
}

func noSuchConstraint(pos int) error {
	return sqlerr.New(sqlerr.InvalidColumnReference, pos, "there is no unique or exclusion constraint matching the ON CONFLICT specification")
}

// returning binds RETURNING of an INSERT, over the row as it was stored; nil where
// there is none.
func (ib *insertBinder) returning(s *ast.Insert) (*clause, error) {
	if len(s.Returning) == 0 {
		return nil, nil
	}
	node := newGiven(plan.GivenRows, relationColumns(ib.target))
	targets, err := ib.returningTargets(s.Returning, ib.targetScope(s), node)
	if err != nil {
		return nil, err
	}
	var exprs []expr.Expr
	var names []string
	for _, t := range targets {
		exprs, names = append(exprs, t.value), append(names, t.name)
	}
	return ib.takeClause(newProject(node, exprs, names)), nil
}

// targetScope is the row of an INSERT's target under its name or alias.
func (ib *insertBinder) targetScope(s *ast.Insert) *scope {
	table := &scopeTable{schema: ib.target.Schema, name: ib.target.Name}
	if s.Alias != nil {
		table = &scopeTable{name: s.Alias.Value, aliasOf: ib.target.Name}
	}
	out := newScope(nil)
	out.with = ib.with
	out.addRelation(table, ib.target)
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
