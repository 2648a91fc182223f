package planner

import (
	"slices"

	"millrace/sql"
	"millrace/sql/ast"
	"millrace/sql/catalog"
	"millrace/sql/sqlerr"
)

// column returns the number of a column of the relation as it is to be.
func (ab *alterBinder) column(name ast.Identifier) (int, error) {
	if i := ab.next.Column(name.Value); i >= 0 && !ab.next.Columns[i].Hidden {
		return i, nil
	}
	return 0, sqlerr.New(sqlerr.UndefinedColumn, name.Pos(), "column %q of relation %q does not exist", name.Value, ab.old.Name)
}

// checkFree refuses a name that a column has. One that no user can see makes
// room.
func (ab *alterBinder) checkFree(name string, pos int) error {
	i := ab.next.Column(name)
	if i < 0 {
		return nil
	}
	if ab.next.Columns[i].Hidden {
		ab.next.Columns[i].Name = freeName(name+"_hidden", ab.next)
		return nil
	}
	return sqlerr.New(sqlerr.DuplicateColumn, pos, "column %q of relation %q already exists", name, ab.old.Name)
}

// addColumn adds a column at the end. Rows that there are need not be stored anew
// where all of them have the same value in it.
func (ab *alterBinder) addColumn(a *ast.AddColumn) error {
	name := a.Column.Name
	if err := ab.checkFree(name.Value, name.Pos()); err != nil {
		if a.IfNotExists {
			ab.notice(sqlerr.DuplicateColumn, "column %q of relation %q already exists, skipping", name.Value, ab.old.Name)
			return nil
		}
		return err
	}
	number := len(ab.next.Columns)
	before := *ab.next
	cb := &createBinder{binder: ab.binder, relation: ab.next, keyed: before.PrimaryKey() != nil}
	if err := cb.column(a.Column); err != nil {
		return err
	}
	if err := ab.declared(cb); err != nil {
		return err
	}
	if ab.next.Kind == catalog.KindStream && len(ab.next.Key) != len(before.Key) {
		return notSupported(a.Pos(), "adding a KEY column to a stream is not supported").
			WithHint("Rows that are there are placed by the key that the stream has.")
	}
	if err := ab.requireChecks(len(before.Constraints), false); err != nil {
		return err
	}
	ab.keyChanged(&before)
	return ab.fillColumn(number)
}

// fillColumn decides what the rows that there are have in an added column.
func (ab *alterBinder) fillColumn(number int) error {
	column := &ab.next.Columns[number]
	if column.Generated != "" {
		return ab.fillGenerated(number)
	}
	defaults, err := ab.columnDefaults(ab.next)
	if err != nil {
		return err
	}
	ab.values[number] = defaults[number]
	if isVolatile(defaults[number]) {
		ab.rewrite = true
	}
	if column.NotNull {
		ab.require(ab.isNull(column.Name), ab.containsNulls(column.Name))
	}
	return nil
}

// fillGenerated computes an added column from the others, in every row.
func (ab *alterBinder) fillGenerated(number int) error {
	column := &ab.next.Columns[number]
	expression, err := sql.ParseExpr(column.Generated)
	if err != nil {
		return err
	}
	value, err := ab.generatedValue(ab.next, number, expression)
	if err != nil {
		return err
	}
	for _, read := range columnsOf(value) {
		if read == len(ab.next.Columns) {
			break // the headers of a stream, which is refused as a whole
		}
		if read >= len(ab.old.Columns) || ab.values[read] != nil {
			return notSupported(-1, "adding a generated column together with what it is computed from is not supported").
				WithHint("Use two statements.")
		}
	}
	ab.values[number], ab.rewrite = value, true
	if column.NotNull {
		ab.require(ab.isNull(column.Name), ab.containsNulls(column.Name))
	}
	return nil
}

// isNull is the condition that a column is NULL.
func (ab *alterBinder) isNull(name string) ast.Expr {
	return &ast.Is{Operand: &ast.ColumnRef{Parts: []string{name}}, Kind: ast.IsNull}
}

func (ab *alterBinder) containsNulls(name string) *sqlerr.Error {
	err := sqlerr.New(sqlerr.NotNullViolation, -1, "column %q of %s %q contains null values", name, relationWord(ab.next), ab.next.Name)
	err.Schema, err.Table, err.Column = ab.next.Schema, ab.next.Name, name
	return err
}

// relationWord is how PostgreSQL's messages call a table.
func relationWord(r *catalog.Relation) string {
	if r.Kind == catalog.KindStream {
		return "stream"
	}
	return "relation"
}

// require adds a condition that rows must not meet.
func (ab *alterBinder) require(violated ast.Expr, violation *sqlerr.Error) {
	ab.checks = append(ab.checks, rowCondition{violated, violation})
}

// dropColumn makes a column a tombstone, and drops the constraints that it is part
// of. The command drops the indexes.
func (ab *alterBinder) dropColumn(a *ast.DropColumn) error {
	number, err := ab.column(a.Column)
	if err != nil {
		if a.IfExists {
			ab.notice("", "column %q of relation %q does not exist, skipping", a.Column.Value, ab.old.Name)
			return nil
		}
		return err
	}
	r := ab.next
	if r.Kind == catalog.KindStream {
		if r.IsKey(number) || r.Rowtime == number {
			return notSupported(a.Pos(), "column %q places or times the rows of the stream and cannot be dropped", a.Column.Value).
				WithHint("Create another stream from this one: CREATE STREAM … AS SELECT ….")
		}
	} else if r.Rowtime == number {
		return notSupported(a.Pos(), "column %q gives the event time of the table's rows and cannot be dropped", a.Column.Value)
	}
	if err := ab.dropUsers(number, a.Behavior); err != nil {
		return err
	}
	ab.plan.Command.Cascade = ab.plan.Command.Cascade || a.Behavior == ast.Cascade
	before := *r
	if key := r.PrimaryKey(); key != nil && r.IsKey(number) {
		ab.removeConstraint(key.Name)
	}
	for i := len(r.Constraints) - 1; i >= 0; i-- {
		if c := &r.Constraints[i]; slices.Contains(c.Columns, number) {
			ab.removeConstraint(c.Name)
		}
	}
	ab.bury(number)
	ab.keyChanged(&before)
	return ab.env.Catalog.CheckReaders(ab.old, r, ab.plan.Command.Cascade)
}

// bury makes a column a tombstone.
func (ab *alterBinder) bury(number int) {
	column := &ab.next.Columns[number]
	column.Unseen = column.Hidden
	column.Dropped, column.Hidden, column.NotNull, column.Default, column.Comment = true, true, false, "", ""
	column.Sequences, column.Identity, column.Generated = nil, catalog.NotIdentity, ""
	column.Name = catalog.DroppedName(ab.next.Attribute(number))
	if column.Unseen {
		column.Name = catalog.DroppedRowIDName(number)
	}
}

// keyChanged draws the consequences of another key: a table without PRIMARY KEY
// has row ids, one with it has none, and rows are stored under their key.
func (ab *alterBinder) keyChanged(before *catalog.Relation) {
	r := ab.next
	if r.Kind != catalog.KindTable {
		return
	}
	had, has := before.PrimaryKey() != nil, r.PrimaryKey() != nil
	if had == has {
		return
	}
	ab.rewrite = true
	if has {
		if id := before.RowID(); id >= 0 {
			ab.bury(id)
		}
		return
	}
	addRowID(r)
}

// alterColumn is ALTER COLUMN.
func (ab *alterBinder) alterColumn(a *ast.AlterColumn) error {
	number, err := ab.column(a.Column)
	if err != nil {
		return err
	}
	column := &ab.next.Columns[number]
	switch a.Kind {
	case ast.SetColumnDefault:
		return ab.setDefault(a, column)
	case ast.DropColumnDefault:
		if err := ownValues(column, ab.next.Name, a.Pos()); err != nil {
			return err
		}
		column.Default, column.Sequences = "", nil
	case ast.SetColumnNotNull:
		if !column.NotNull {
			column.NotNull = true
			ab.require(ab.isNull(column.Name), ab.containsNulls(column.Name))
		}
	case ast.DropColumnNotNull:
		if column.Identity != catalog.NotIdentity {
			return sqlerr.New(sqlerr.SyntaxError, -1, "column %q of relation %q is an identity column", column.Name, ab.next.Name)
		}
		if ab.next.PrimaryKey() != nil && ab.next.IsKey(number) {
			return sqlerr.New(sqlerr.InvalidTableDefinition, -1, "column %q is in a primary key", column.Name)
		}
		column.NotNull = false
	case ast.AddColumnIdentity:
		return ab.addIdentity(a, number)
	case ast.DropColumnIdentity:
		return ab.dropOwnValues(a, column.Identity != catalog.NotIdentity, "an identity column", func() { column.Identity = catalog.NotIdentity })
	case ast.DropColumnExpression:
		return ab.dropOwnValues(a, column.Generated != "", "a stored generated column", func() { column.Generated = "" })
	case ast.SetColumnType:
		return ab.setType(a, number)
	case ast.SetColumnStatistics, ast.SetColumnStorage, ast.SetColumnOptions, ast.ResetColumnOptions:
		// How PostgreSQL stores and samples a column says nothing here.
	default:
		return notSupported(a.Pos(), "this change of a column is not supported")
	}
	return nil
}

func (ab *alterBinder) setDefault(a *ast.AlterColumn, column *catalog.Column) error {
	if err := ownValues(column, ab.next.Name, a.Pos()); err != nil {
		return err
	}
	if null, ok := a.Expr.(*ast.NullLiteral); ok && null != nil {
		column.Default, column.Sequences = "", nil
		return nil
	}
	value, err := ab.defaultValue(a.Expr, column)
	if err != nil {
		return err
	}
	column.Default, column.Sequences = defaultText(a.Expr), SequencesOf(value)
	return nil
}

// addIdentity makes a column an identity column. The rows that there are keep their
// values, and the sequence begins where its options say.
func (ab *alterBinder) addIdentity(a *ast.AlterColumn, number int) error {
	column := &ab.next.Columns[number]
	switch {
	case !column.NotNull:
		return sqlerr.New(sqlerr.ObjectNotInPrerequisiteState, -1, "column %q of relation %q must be declared NOT NULL before identity can be added", column.Name, ab.next.Name)
	case column.Identity != catalog.NotIdentity:
		return sqlerr.New(sqlerr.ObjectNotInPrerequisiteState, -1, "column %q of relation %q is already an identity column", column.Name, ab.next.Name)
	case column.Default != "":
		return sqlerr.New(sqlerr.ObjectNotInPrerequisiteState, -1, "column %q of relation %q already has a default value", column.Name, ab.next.Name)
	}
	cb := &createBinder{binder: ab.binder, relation: ab.next, keyed: true}
	if err := cb.identity(&ast.ColumnConstraint{Span: a.Span, ByDefault: a.ByDefault, Sequence: a.Options}, number); err != nil {
		return err
	}
	ab.plan.Command.Sequences = append(ab.plan.Command.Sequences, cb.sequences...)
	return nil
}

// dropOwnValues is DROP IDENTITY and DROP EXPRESSION: the column keeps its values.
func (ab *alterBinder) dropOwnValues(a *ast.AlterColumn, has bool, what string, drop func()) error {
	switch {
	case has:
		drop()
	case a.IfExists:
		ab.notice("", "column %q of relation %q is not %s, skipping", a.Column.Value, ab.next.Name, what)
	default:
		return sqlerr.New(sqlerr.ObjectNotInPrerequisiteState, -1, "column %q of relation %q is not %s", a.Column.Value, ab.next.Name, what)
	}
	return nil
}

// ownValues refuses to give a column another default whose values are an identity's
// or computed.
func ownValues(column *catalog.Column, table string, pos int) error {
	switch {
	case column.Identity != catalog.NotIdentity:
		return sqlerr.New(sqlerr.SyntaxError, pos, "column %q of relation %q is an identity column", column.Name, table)
	case column.Generated != "":
		return sqlerr.New(sqlerr.SyntaxError, pos, "column %q of relation %q is a generated column", column.Name, table)
	default:
		return nil
	}
}

// usesOf returns the generated columns whose expressions read a column.
func (ab *alterBinder) usesOf(number int) ([]int, error) {
	values, err := ab.generated(ab.next)
	if err != nil {
		return nil, err
	}
	var users []int
	for i, value := range values {
		if value != nil && slices.Contains(columnsOf(value), number) {
			users = append(users, i)
		}
	}
	return users, nil
}

// dropUsers drops the generated columns that read a column which is dropped, where
// CASCADE says so.
func (ab *alterBinder) dropUsers(number int, behavior ast.Behavior) error {
	users, err := ab.usesOf(number)
	if err != nil || len(users) == 0 {
		return err
	}
	r := ab.next
	if behavior != ast.Cascade {
		return sqlerr.New(sqlerr.DependentObjectsStillExist, -1, "cannot drop column %s of table %s because other objects depend on it", r.Columns[number].Name, r.Name).
			WithDetail("column %s of table %s depends on column %s of table %s", r.Columns[users[0]].Name, r.Name, r.Columns[number].Name, r.Name).
			WithHint("Use DROP ... CASCADE to drop the dependent objects too.")
	}
	for _, user := range users {
		ab.notice("", "drop cascades to column %s of table %s", r.Columns[user].Name, r.Name)
		ab.bury(user)
	}
	return nil
}

// renameColumn gives a column another name, also where CHECK constraints read it.
func (ab *alterBinder) renameColumn(a *ast.RenameMember) error {
	number := ab.next.Column(a.Old.Value)
	if number < 0 || ab.next.Columns[number].Hidden {
		return sqlerr.New(sqlerr.UndefinedColumn, a.Old.Pos(), "column %q does not exist", a.Old.Value)
	}
	if err := checkColumnName(a.New.Value, a.New.Pos()); err != nil {
		return err
	}
	if err := ab.checkFree(a.New.Value, a.New.Pos()); err != nil {
		return err
	}
	if err := ab.renameInChecks(number, a.New.Value); err != nil {
		return err
	}
	ab.next.Columns[number].Name = a.New.Value
	return nil
}
