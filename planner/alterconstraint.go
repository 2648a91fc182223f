package planner

import (
	"reflect"
	"slices"

	"millrace/sql"
	"millrace/sql/ast"
	"millrace/sql/catalog"
	"millrace/sql/sqlerr"
)

// addConstraint is ADD [CONSTRAINT name] of a constraint over the table.
func (ab *alterBinder) addConstraint(a *ast.AddConstraint) error {
	if a.Constraint.UsingIndex != nil {
		return notSupported(a.Pos(), "ADD CONSTRAINT … USING INDEX is not supported").
			WithHint("Add the constraint by its columns, and drop the index.")
	}
	if ab.next.Kind == catalog.KindStream {
		return notSupported(a.Pos(), "adding a constraint to a stream is not supported")
	}
	for _, name := range a.Constraint.Columns {
		if _, err := ab.column(name); err != nil {
			return err
		}
	}
	before := *ab.next
	before.Columns = slices.Clone(before.Columns)
	cb := &createBinder{binder: ab.binder, relation: ab.next, keyed: before.PrimaryKey() != nil}
	if err := cb.tableConstraint(a.Constraint); err != nil {
		return err
	}
	if err := ab.declared(cb); err != nil {
		return err
	}
	for i := range before.Columns {
		if c := &ab.next.Columns[i]; c.NotNull && !before.Columns[i].NotNull {
			ab.require(ab.isNull(c.Name), ab.containsNulls(c.Name))
		}
	}
	if err := ab.requireChecks(len(before.Constraints), a.Constraint.NotValid); err != nil {
		return err
	}
	ab.keyChanged(&before)
	return nil
}

// declared takes over what a column or constraint was declared with.
func (ab *alterBinder) declared(cb *createBinder) error {
	if len(cb.sequences) > 0 {
		return notSupported(-1, "adding a serial or identity column is not supported").
			WithHint("CREATE SEQUENCE, and add the column with DEFAULT nextval('name').")
	}
	for _, i := range cb.indexes {
		for _, number := range i.Numbers() {
			if number >= len(ab.old.Columns) || slices.Contains(ab.retyped, number) {
				ab.rewrite = true
			}
		}
		ab.plan.Indexes = append(ab.plan.Indexes, i)
	}
	return cb.addChecks()
}

// requireChecks has the rows held against the CHECK constraints from number first
// on.
func (ab *alterBinder) requireChecks(first int, notValid bool) error {
	for i := first; i < len(ab.next.Constraints); i++ {
		c := &ab.next.Constraints[i]
		if c.Kind != catalog.ConstraintCheck {
			continue
		}
		if notValid {
			return notSupported(-1, "NOT VALID is not supported").WithHint("Leave it out: the rows are checked at once.")
		}
		condition, err := sql.ParseExpr(c.Expression)
		if err != nil {
			return err
		}
		ab.requireCheck(c, condition)
	}
	return nil
}

// requireCheck has the rows held against a CHECK constraint.
func (ab *alterBinder) requireCheck(c *catalog.Constraint, condition ast.Expr) {
	violation := sqlerr.New(sqlerr.CheckViolation, -1, "check constraint %q of relation %q is violated by some row", c.Name, ab.next.Name)
	violation.Schema, violation.Table, violation.Constraint = ab.next.Schema, ab.next.Name, c.Name
	ab.require(&ast.Is{Operand: condition, Kind: ast.IsFalse}, violation)
}

// dropConstraint is DROP CONSTRAINT.
func (ab *alterBinder) dropConstraint(a *ast.DropConstraint) error {
	name := a.Constraint.Value
	if ab.next.Constraint(name) != nil {
		before := *ab.next
		ab.removeConstraint(name)
		ab.keyChanged(&before)
		return nil
	}
	if i := ab.constraintIndex(name); i != nil {
		ab.plan.Command.DropIndexes = append(ab.plan.Command.DropIndexes, i.ID)
		return nil
	}
	if a.IfExists {
		ab.notice("", "constraint %q of relation %q does not exist, skipping", name, ab.old.Name)
		return nil
	}
	return ab.noConstraint(name)
}

func (ab *alterBinder) noConstraint(name string) error {
	return sqlerr.New(sqlerr.UndefinedObject, -1, "constraint %q of relation %q does not exist", name, ab.old.Name)
}

// constraintIndex returns the index of a UNIQUE constraint, or nil.
func (ab *alterBinder) constraintIndex(name string) *catalog.Index {
	for _, i := range ab.env.Catalog.IndexesOf(ab.old.ID) {
		if i.Constraint && i.Name == name {
			return i
		}
	}
	return nil
}

// removeConstraint drops a constraint from the descriptor. Without its PRIMARY KEY
// a table has no key until keyChanged gives it one; columns stay NOT NULL.
func (ab *alterBinder) removeConstraint(name string) {
	ab.next.Constraints = slices.DeleteFunc(slices.Clone(ab.next.Constraints), func(c catalog.Constraint) bool { return c.Name == name })
}

// renameConstraint is RENAME CONSTRAINT. That of a PRIMARY KEY or UNIQUE is the
// name of the index, too.
func (ab *alterBinder) renameConstraint(a *ast.RenameMember) error {
	old, name := a.Old.Value, a.New.Value
	c, index := ab.next.Constraint(old), ab.constraintIndex(old)
	if c == nil && index == nil {
		return sqlerr.New(sqlerr.UndefinedObject, -1, "constraint %q for table %q does not exist", old, ab.old.Name)
	}
	if index != nil || c.Kind == catalog.ConstraintPrimaryKey {
		if ab.env.Catalog.NameTaken(ab.next.Schema, name) {
			return sqlerr.New(sqlerr.DuplicateTable, -1, "relation %q already exists", name)
		}
	}
	if ab.next.Constraint(name) != nil || ab.constraintIndex(name) != nil {
		return sqlerr.New(sqlerr.DuplicateObject, -1, "constraint %q for relation %q already exists", name, ab.old.Name)
	}
	if index != nil {
		ab.plan.Command.RenameIndexes = append(ab.plan.Command.RenameIndexes, catalog.IndexName{ID: index.ID, Name: name})
		return nil
	}
	c.Name = name
	return nil
}

// renameInChecks rewrites the conditions of CHECK constraints and the expressions of
// generated columns for a column or, with a column of -1, a table that gets another
// name.
func (ab *alterBinder) renameInChecks(column int, name string) error {
	r := ab.next
	for i := range r.Constraints {
		c := &r.Constraints[i]
		if c.Kind != catalog.ConstraintCheck || column >= 0 && !slices.Contains(c.Columns, column) {
			continue
		}
		condition, err := sql.ParseExpr(c.Expression)
		if err != nil {
			return err
		}
		renameIn(r, condition, column, name)
		c.Expression = ast.String(condition)
	}
	for i := range r.Columns {
		c := &r.Columns[i]
		if c.Generated == "" {
			continue
		}
		value, err := sql.ParseExpr(c.Generated)
		if err != nil {
			return err
		}
		renameIn(r, value, column, name)
		c.Generated = ast.String(value)
	}
	return nil
}

// renameIn rewrites an expression for a column or, with a column of -1, the table
// itself.
func renameIn(r *catalog.Relation, e ast.Expr, column int, name string) {
	eachColumnRef(reflect.ValueOf(e), func(ref *ast.ColumnRef) {
		qualified := len(ref.Parts) > 1 && ref.Parts[0] == r.Name
		switch {
		case column < 0 && qualified:
			ref.Parts[0] = name
		case column < 0:
		case qualified && ref.Parts[1] == r.Columns[column].Name:
			ref.Parts[1] = name
		case ref.Parts[0] == r.Columns[column].Name:
			ref.Parts[0] = name
		}
	})
}

// eachColumnRef calls visit with the columns that a tree refers to.
func eachColumnRef(v reflect.Value, visit func(*ast.ColumnRef)) {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			return
		}
		if ref, ok := v.Interface().(*ast.ColumnRef); ok {
			visit(ref)
			return
		}
		eachColumnRef(v.Elem(), visit)
	case reflect.Struct:
		for i := range v.NumField() {
			eachColumnRef(v.Field(i), visit)
		}
	case reflect.Slice:
		for i := range v.Len() {
			eachColumnRef(v.Index(i), visit)
		}
	}
}
