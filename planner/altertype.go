package planner

import (
	"reflect"
	"slices"

	"millrace/sql"
	"millrace/sql/ast"
	"millrace/sql/catalog"
	"millrace/sql/expr"
	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// setType gives a column another type. Rows must be stored anew unless every value
// of the old type is stored as one of the new type is.
func (ab *alterBinder) setType(a *ast.AlterColumn, number int) error {
	column := &ab.next.Columns[number]
	if slices.Contains(ab.retyped, number) {
		return notSupported(-1, "cannot alter type of column %q twice", column.Name)
	}
	users, err := ab.usesOf(number)
	if err != nil {
		return err
	}
	if len(users) > 0 {
		return notSupported(-1, "cannot alter type of a column used by a generated column").
			WithDetail("Column %q is used by generated column %q.", column.Name, ab.next.Columns[users[0]].Name)
	}
	if column.Identity != catalog.NotIdentity || column.Generated != "" {
		return notSupported(a.Pos(), "changing the type of an identity or generated column is not supported")
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
	if err := ab.retypeChecks(number); err != nil {
		return err
	}
	ab.retyped = append(ab.retyped, number)
	column.Type = to
	if err := ab.env.Catalog.CheckReaders(ab.old, ab.next, ab.plan.Command.Cascade); err != nil {
		return err
	}
	if ab.next.Rowtime == number && ab.next.Kind == catalog.KindTable && !givesVersionTime(to) {
		return notSupported(a.Pos(), "column %q gives the event time of the table's rows, which values of type %s cannot", column.Name, to.BaseName())
	}
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
	case types.KindTime, types.KindTimeTZ, types.KindTimestamp, types.KindTimestampTZ:
		return to.Mod < 0 || to.Mod == 6 || from.Mod >= 0 && from.Mod <= to.Mod
	default:
		return false
	}
}

// retypeChecks keeps the meaning of the CHECK constraints that read a column which
// gets another type: literals keep the types that they had. The conditions must
// still be conditions, and hold for all rows.
func (ab *alterBinder) retypeChecks(number int) error {
	for i := range ab.next.Constraints {
		c := &ab.next.Constraints[i]
		if c.Kind != catalog.ConstraintCheck || !slices.Contains(c.Columns, number) {
			continue
		}
		condition, err := sql.ParseExpr(c.Expression)
		if err != nil {
			return err
		}
		bound, err := ab.bindCheck(ab.old, condition)
		if err != nil {
			// The constraint is new, or reads a column that has another name by now.
			continue
		}
		if err := typeLiterals(condition, bound); err != nil {
			return err
		}
		c.Expression = ast.String(condition)
	}
	return nil
}

// typeLiterals writes the types of a condition's literals into it.
func typeLiterals(condition ast.Expr, bound expr.Expr) error {
	known := map[int]types.Type{}
	expr.Walk(bound, func(e expr.Expr) bool {
		if c, ok := e.(*expr.Const); ok && c.Position >= 0 {
			known[c.Position] = c.ResultType
		}
		return true
	})
	var failure error
	eachStringLiteral(reflect.ValueOf(condition), func(literal *ast.StringLiteral) ast.Expr {
		t, ok := known[literal.Pos()]
		if !ok || t.Kind == types.KindUnknown {
			return literal
		}
		cast, err := sql.ParseExpr("CAST(NULL AS " + t.String() + ")")
		if err != nil {
			failure = err
			return literal
		}
		typed, ok := cast.(*ast.Cast)
		if !ok {
			return literal
		}
		typed.Operand = literal
		return typed
	})
	return failure
}

// eachStringLiteral puts what replace returns in the place of each string literal
// of a tree that is not the operand of a cast already.
func eachStringLiteral(v reflect.Value, replace func(*ast.StringLiteral) ast.Expr) {
	switch v.Kind() {
	case reflect.Interface:
		if literal, ok := v.Interface().(*ast.StringLiteral); ok && v.CanSet() {
			if typed := reflect.ValueOf(replace(literal)); typed.Type().AssignableTo(v.Type()) {
				v.Set(typed)
			}
			return
		}
		if _, isCast := v.Interface().(*ast.Cast); !isCast && !v.IsNil() {
			eachStringLiteral(v.Elem(), replace)
		}
	case reflect.Pointer:
		if !v.IsNil() {
			eachStringLiteral(v.Elem(), replace)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			eachStringLiteral(v.Field(i), replace)
		}
	case reflect.Slice:
		for i := range v.Len() {
			eachStringLiteral(v.Index(i), replace)
		}
	}
}
