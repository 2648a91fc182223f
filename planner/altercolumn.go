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
	if len(cb.generations) > 0 {
		return notSupported(a.Pos(), "adding a generated column is not supported").
			WithHint("Add a column, UPDATE it, and set it in the statements that write the table.")
	}
	if len(cb.sequences) > 0 {
		return notSupported(a.Pos(), "adding a serial or identity column is not supported").
			WithHint("CREATE SEQUENCE, and add the column with DEFAULT nextval('…').")
	}
	if err := cb.addChecks(); err != nil {
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
	}
	generated, err := ab.generatedFrom(number)
	if err != nil {
		return err
	}
	if generated >= 0 {
		name, other := r.Columns[number].Name, r.Columns[generated].Name
		return sqlerr.New(sqlerr.DependentObjectsStillExist, a.Pos(), "cannot drop column %s of table %s because other objects depend on it", name, r.Name).
			WithDetail("column %s of table %s depends on column %s of table %s", other, r.Name, name, r.Name).
			WithHint("Drop that column first.")
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
	return nil
}

// generatedFrom returns the number of a column that is generated from another one, -1
// where there is none.
func (ab *alterBinder) generatedFrom(number int) (int, error) {
	values, err := ab.generated(ab.next)
	if err != nil {
		return 0, err
	}
	return slices.IndexFunc(values, func(value expr.Expr) bool {
		return value != nil && slices.Contains(columnsOf(value), number)
	}), nil
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
		if ab.next.PrimaryKey() != nil && ab.next.IsKey(number) {
			return sqlerr.New(sqlerr.InvalidTableDefinition, -1, "column %q is in a primary key", column.Name)
		}
		column.NotNull = false
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

// setType gives a column another type. Rows must be stored anew unless every value
// of the old type is stored as one of the new type is.
func (ab *alterBinder) setType(a *ast.AlterColumn, number int) error {
	column := &ab.next.Columns[number]
	if column.Generated != "" {
		return notSupported(a.Pos(), "altering the type of a generated column is not supported")
	}
	generated, err := ab.generatedFrom(number)
	if err != nil {
		return err
	}
	if generated >= 0 {
		return notSupported(a.Pos(), "cannot alter type of a column used by a generated column").
			WithDetail("Column %q is used by generated column %q.", column.Name, ab.next.Columns[generated].Name)
	}
	from := column.Type
	to, err := ab.typeName(a.Type)
	if err != nil {
		return err
	}
	if err := checkColumnType(column.Name, to, a.Type.Pos()); err != nil {
		return err
	}
	if a.Collation != nil {
		probe := &ast.Collate{Span: a.Collation.Span, Operand: &ast.NullLiteral{Span: a.Collation.Span}, Collation: a.Collation}
		if _, err := (&exprBinder{binder: ab.binder, scope: newScope(nil)}).collate(probe); err != nil {
			return err
		}
	}
	value, err := ab.convert(a, number, to)
	if err != nil {
		return err
	}
	if err := ab.convertDefault(column, to); err != nil {
		return err
	}
	column.Type = to
	if slices.Contains(ab.next.Key, number) {
		cb := &createBinder{binder: ab.binder, relation: ab.next}
		if err := cb.checkKeyType(number, a.Pos()); err != nil {
			return err
		}
	}
	if a.Expr == nil && sameStorage(from, to) {
		return nil
	}
	if ab.next.Kind == catalog.KindStream {
		return notSupported(a.Pos(), "changing the type of a stream's column in this way is not supported").
			WithHint("Create another stream from this one: CREATE STREAM … AS SELECT CAST(%s AS %s) ….", column.Name, to)
	}
	ab.values[number], ab.rewrite = value, true
	return nil
}

// convert binds the value of a column in its new type, over the old row.
func (ab *alterBinder) convert(a *ast.AlterColumn, number int, to types.Type) (expr.Expr, error) {
	if a.Expr == nil {
		from := ab.row.node.Columns()[number]
		if !assignable(from.Type, to) {
			return nil, sqlerr.New(sqlerr.DatatypeMismatch, -1, "column %q cannot be cast automatically to type %s", a.Column.Value, to.BaseName()).
				WithHint("You might need to specify \"USING %s::%s\".", a.Column.Value, to)
		}
		return ab.coerce(columnOf(from, number), to, expr.Assignment)
	}
	eb := &exprBinder{binder: ab.binder, scope: ab.row.scope, clause: "transform expressions"}
	value, err := eb.bind(a.Expr)
	if err != nil {
		return nil, err
	}
	if hasSubquery(value) {
		return nil, notSupported(a.Expr.Pos(), "cannot use subquery in transform expression")
	}
	if !assignable(value.Type(), to) {
		return nil, sqlerr.New(sqlerr.DatatypeMismatch, -1, "result of USING clause for column %q cannot be cast automatically to type %s", a.Column.Value, to.BaseName()).
			WithHint("You might need to add an explicit cast.")
	}
	return ab.coerce(value, to, expr.Assignment)
}

// convertDefault keeps the value of a column's default in its new type.
func (ab *alterBinder) convertDefault(column *catalog.Column, to types.Type) error {
	if column.Default == "" || column.Type.SameKind(to) {
		return nil
	}
	if !assignable(column.Type, to) {
		return sqlerr.New(sqlerr.DatatypeMismatch, -1, "default for column %q cannot be cast automatically to type %s", column.Name, to.BaseName())
	}
	parsed, err := sql.ParseExpr(column.Default)
	if err != nil {
		return err
	}
	if _, isText := parsed.(*ast.StringLiteral); !isText {
		return nil
	}
	cast, err := sql.ParseExpr("CAST(" + column.Default + " AS " + column.Type.String() + ")")
	if err != nil {
		return err
	}
	column.Default = ast.String(cast)
	return nil
}

// sameStorage reports whether each value of one type is stored as a value of the
// other is.
func sameStorage(from, to types.Type) bool {
	if from.Equal(to) {
		return true
	}
	text := func(t types.Type) bool { return t.Kind == types.KindText || t.Kind == types.KindVarchar }
	length, limited := to.Length()
	switch {
	case text(from) && text(to):
		had, was := from.Length()
		return !limited || was && had <= length
	case !from.SameKind(to):
		return false
	}
	switch to.Kind {
	case types.KindNumeric:
		precision, scale, limited := to.NumericModifier()
		hadPrecision, hadScale, was := from.NumericModifier()
		return !limited || was && hadScale == scale && hadPrecision <= precision
	case types.KindTime, types.KindTimestamp, types.KindTimestampTZ:
		return to.Mod < 0 || to.Mod == 6 || from.Mod >= 0 && from.Mod <= to.Mod
	default:
		return false
	}
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

// finish plans what the statement asks of the rows.
func (ab *alterBinder) finish() error {
	out := ab.plan
	out.Command.Relation = *ab.next
	if ab.rewrite && ab.next.Kind == catalog.KindStream {
		return notSupported(-1, "the rows of a stream cannot be stored anew").
			WithHint("Create another stream from this one: CREATE STREAM … AS SELECT ….")
	}
	row, err := ab.nextRow()
	if err != nil {
		return err
	}
	for _, c := range ab.checks {
		check, err := ab.rowCheck(row, c)
		if err != nil {
			return err
		}
		out.Checks = append(out.Checks, *check)
	}
	if ab.rewrite {
		out.Rewrite, err = ab.finishQuery(&boundQuery{node: row.node, visible: len(row.node.Columns())})
		return err
	}
	return ab.planMissing()
}

// planMissing plans the values that the rows that there are have in added columns.
func (ab *alterBinder) planMissing() error {
	var values []expr.Expr
	var columns []plan.Column
	for number := len(ab.old.Columns); number < len(ab.next.Columns); number++ {
		value := ab.values[number]
		if value == nil || ab.next.Columns[number].Dropped {
			continue
		}
		if c, ok := value.(*expr.Const); ok && !c.Value.Valid {
			continue
		}
		values = append(values, value)
		columns = append(columns, plan.Column{Name: ab.next.Columns[number].Name, Type: value.Type()})
		ab.plan.MissingColumns = append(ab.plan.MissingColumns, number)
	}
	if values == nil {
		return nil
	}
	var err error
	ab.plan.Missing, err = ab.finishQuery(&boundQuery{node: newValues([][]expr.Expr{values}, columns), visible: len(columns)})
	return err
}

// nextRow computes the new row of the old one, by the new names.
func (ab *alterBinder) nextRow() (*fromItem, error) {
	columns := ab.row.node.Columns()
	exprs := make([]expr.Expr, len(ab.next.Columns))
	names := make([]string, len(exprs))
	for i := range ab.next.Columns {
		c := &ab.next.Columns[i]
		names[i] = c.Name
		value := ab.values[i]
		switch {
		case value == nil && i < len(ab.old.Columns) && !c.Dropped:
			value = columnOf(columns[i], i)
		case value == nil || c.Dropped:
			value = &expr.Const{Node: expr.Node{ResultType: c.Type, Position: -1}}
		}
		exprs[i] = value
	}
	s := newScope(nil)
	s.addRelation(&scopeTable{schema: ab.next.Schema, name: ab.next.Name}, ab.next)
	return &fromItem{node: newProject(ab.row.node, exprs, names), scope: s}, nil
}

// rowCheck plans the search for a row that breaks a condition.
func (ab *alterBinder) rowCheck(row *fromItem, c rowCondition) (*plan.RowCheck, error) {
	eb := &exprBinder{binder: ab.binder, scope: row.scope, clause: "check constraints"}
	violated, err := eb.bindBool(c.violated, "CHECK")
	if err != nil {
		return nil, err
	}
	one := &expr.Const{Node: expr.Node{ResultType: types.Int8, Position: -1}, Value: types.IntDatum(1)}
	node := newLimit(newFilter(row.node, violated), one, nil)
	source, err := ab.finishQuery(&boundQuery{node: newProject(node, []expr.Expr{one}, []string{"violation"}), visible: 1})
	return &plan.RowCheck{Source: source, Violation: c.violation}, err
}
