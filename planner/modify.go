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

// modifyBinder binds one UPDATE or DELETE: a query that gives the old row, the
// new row and what RETURNING asks for.
type modifyBinder struct {
	*binder
	target *catalog.Relation
	// row is the target's row with those of FROM or USING behind it.
	row *fromItem
}

// update plans UPDATE; known are the common tables around it.
func (b *binder) update(s *ast.Update, known *withScope) (*plan.Modify, error) {
	mb := &modifyBinder{binder: b}
	with, err := mb.bindRow(s.With, known, s.Table, "update", s.From)
	if err != nil {
		return nil, err
	}
	values, err := mb.assignments(s.Set, mb.row.scope)
	if err != nil {
		return nil, err
	}
	if s.Where != nil || len(s.Returning) > 0 || len(s.From) > 0 || slices.ContainsFunc(s.Set, func(a *ast.Assignment) bool { return hasColumns(a.Value) }) {
		mb.needRelation(mb.target, catalog.PrivilegeSelect)
	}
	if err := mb.bindWhere(s.Where); err != nil {
		return nil, err
	}
	width := len(mb.target.Columns)
	for i, value := range values {
		if value == nil {
			values[i] = kept(mb.target, mb.row.node.Columns()[i], i)
		}
	}
	// The new row stands behind the old one, and what FROM gives behind both.
	exprs, names := passOn(mb.row.node)
	exprs = slices.Insert(exprs, width, values...)
	names = slices.Insert(names, width, names[:width]...)
	node := newProject(mb.row.node, exprs, names)
	for i := range width {
		origin := mb.row.node.Columns()[i]
		node.Cols[width+i].Table, node.Cols[width+i].Attribute = origin.Table, origin.Attribute
	}
	computed, err := mb.withGenerated(node, mb.target, width, nil)
	if err != nil {
		return nil, err
	}
	scope := *mb.row.scope
	scope.columns = nil
	for _, c := range mb.row.scope.columns {
		moved := *c
		moved.value = shiftColumns(c.value, width)
		scope.columns = append(scope.columns, &moved)
	}
	part, err := mb.finish(computed, &scope, s.Returning, true)
	if err != nil {
		return nil, err
	}
	return &plan.Modify{Tag: "UPDATE", Parts: []plan.ModifyPart{*part}}, mb.checkUnused(s.With, with)
}

// kept is the value of a column that UPDATE does not set: the one that it has,
// but for a column that was dropped, whose value goes with the old row.
func kept(r *catalog.Relation, c plan.Column, number int) expr.Expr {
	if r.Columns[number].Dropped {
		return &expr.Const{Node: expr.Node{ResultType: c.Type, Position: -1}}
	}
	return columnOf(c, number)
}

// delete plans DELETE; known are the common tables around it.
func (b *binder) delete(s *ast.Delete, known *withScope) (*plan.Modify, error) {
	mb := &modifyBinder{binder: b}
	with, err := mb.bindRow(s.With, known, s.Table, "delete from", s.Using)
	if err != nil {
		return nil, err
	}
	if s.Where != nil || len(s.Returning) > 0 {
		mb.needRelation(mb.target, catalog.PrivilegeSelect)
	}
	if err := mb.bindWhere(s.Where); err != nil {
		return nil, err
	}
	part, err := mb.finish(mb.row.node, mb.row.scope, s.Returning, false)
	if err != nil {
		return nil, err
	}
	return &plan.Modify{Tag: "DELETE", Parts: []plan.ModifyPart{*part}}, mb.checkUnused(s.With, with)
}

// planTruncate plans TRUNCATE, which deletes every row.
func planTruncate(env *Environment, s *ast.Truncate) (*plan.Modify, error) {
	out := &plan.Modify{Tag: "TRUNCATE TABLE", Uncounted: true}
	for _, table := range s.Tables {
		mb := &modifyBinder{binder: newBinder(env, modePull)}
		if _, err := mb.bindRow(nil, nil, table, "truncate", nil); err != nil {
			return nil, err
		}
		part, err := mb.finish(mb.row.node, mb.row.scope, nil, false)
		if err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(out.Parts, func(p plan.ModifyPart) bool { return p.Target.ID == part.Target.ID }) {
			out.Parts = append(out.Parts, *part)
		}
	}
	if s.RestartIdentity {
		for _, q := range env.Catalog.Sequences() {
			if slices.ContainsFunc(out.Parts, func(p plan.ModifyPart) bool { return p.Target.ID == q.Owner }) {
				out.Restart = append(out.Restart, q.ID)
			}
		}
	}
	return out, nil
}

// changeable finds a table whose rows clients change.
func (b *binder) changeable(name *ast.Name, verb string) (*catalog.Relation, error) {
	r, err := b.writable(name, verb)
	if err != nil {
		return nil, err
	}
	if r.Kind == catalog.KindStream {
		return nil, sqlerr.New(sqlerr.WrongObjectType, name.Pos(), "cannot %s stream %q", verb, r.Name).
			WithHint("Rows of a stream are only added. Use CREATE TABLE … (… PRIMARY KEY) for rows that change.")
	}
	return r, nil
}

// bindRow binds the target and FROM or USING, which do not see each other but
// stand side by side for what follows.
func (mb *modifyBinder) bindRow(w *ast.With, known *withScope, table *ast.TableName, verb string, from []ast.TableExpr) (*withScope, error) {
	var err error
	if mb.target, err = mb.changeable(table.Name, verb); err != nil {
		return nil, err
	}
	s := newScope(nil)
	if s.with, err = mb.withClause(w, known, nil); err != nil {
		return nil, err
	}
	mb.addSource(mb.target)
	if mb.row, err = mb.scanRow(mb.target, table, s); err != nil {
		return nil, err
	}
	mb.row.scope.with = s.with
	if len(from) == 0 {
		return s.with, nil
	}
	others, err := mb.from(from, s)
	if err != nil {
		return nil, err
	}
	if err := checkNames(mb.row.scope, others.scope, from[0].Pos()); err != nil {
		return nil, err
	}
	mb.row = &fromItem{
		scope: mb.row.scope.joined(others.scope, len(mb.row.node.Columns())),
		node:  newJoin(plan.JoinInner, mb.row.node, others.node, nil, false),
	}
	return s.with, nil
}

func (mb *modifyBinder) bindWhere(where ast.Expr) error {
	if where == nil {
		return nil
	}
	eb := &exprBinder{binder: mb.binder, scope: mb.row.scope, clause: "WHERE"}
	condition, err := eb.bindBool(where, "WHERE")
	if err != nil {
		return err
	}
	mb.row.node = newFilter(mb.row.node, condition)
	return nil
}

// assignments binds SET: the value of each column of the target, nil for those
// that are not set.
func (mb *modifyBinder) assignments(list []*ast.Assignment, s *scope) ([]expr.Expr, error) {
	values := make([]expr.Expr, len(mb.target.Columns))
	defaults, err := mb.columnDefaults(mb.target)
	if err != nil {
		return nil, err
	}
	eb := &exprBinder{binder: mb.binder, scope: s, clause: "UPDATE"}
	var given []int
	for _, a := range list {
		numbers := make([]int, len(a.Columns))
		for i, column := range a.Columns {
			if len(column.Path) > 0 {
				return nil, notSupported(column.Pos(), "setting a part of a column is not supported")
			}
			if numbers[i], err = mb.targetColumn(mb.target, column.Name); err != nil {
				return nil, err
			}
			if values[numbers[i]] != nil || slices.Contains(numbers[:i], numbers[i]) {
				return nil, sqlerr.New(sqlerr.SyntaxError, column.Pos(), "multiple assignments to same column %q", column.Name.Value)
			}
		}
		if subquery, ok := a.Value.(*ast.Subquery); ok && a.Multiple {
			if err := mb.assignSubquery(eb, numbers, subquery, values); err != nil {
				return nil, err
			}
			continue
		}
		sources, err := assigned(a)
		if err != nil {
			return nil, err
		}
		for i, number := range numbers {
			if _, isDefault := sources[i].(*ast.Default); isDefault {
				values[number] = defaults[number]
				continue
			}
			given = append(given, number)
			value, err := eb.bind(sources[i])
			if err != nil {
				return nil, err
			}
			if values[number], err = mb.assignTo(&mb.target.Columns[number], value); err != nil {
				return nil, err
			}
		}
	}
	for _, number := range given {
		// PostgreSQL looks at this when the statement is rewritten, behind other errors.
		if err := refuseValue(&mb.target.Columns[number], false, cannotUpdate); err != nil {
			return nil, err
		}
	}
	return values, nil
}

// assignSubquery binds (columns) = (SELECT …): one subquery that gives a row, of
// which each column takes its part. Without a row all are NULL.
func (mb *modifyBinder) assignSubquery(eb *exprBinder, numbers []int, subquery *ast.Subquery, values []expr.Expr) error {
	bound, err := eb.bindSubquery(subquery.Query, expr.SubqueryScalar, subquery.Pos())
	if err != nil {
		return err
	}
	if bound = bound.cut(); bound.visible != len(numbers) {
		return sqlerr.New(sqlerr.SyntaxError, subquery.Pos(), "number of columns does not match number of values")
	}
	if err := mb.settleColumns(bound); err != nil {
		return err
	}
	fields, parts := make([]types.Field, len(numbers)), make([]expr.Expr, len(numbers))
	for i, number := range numbers {
		column := &mb.target.Columns[number]
		if from := bound.node.Columns()[i].Type; !assignable(from, column.Type) {
			return columnMismatch(column, from, columnPosition(bound, i, subquery.Pos()))
		}
		if err := mb.coerceColumn(bound, i, column.Type, expr.Assignment); err != nil {
			return err
		}
		fields[i] = types.Field{Name: fieldName(i), Type: column.Type}
		parts[i] = columnOf(bound.node.Columns()[i], i)
	}
	node := expr.Node{ResultType: types.StructOf(fields), Position: subquery.Pos()}
	whole := &expr.StructConstructor{Node: node, Fields: parts}
	bound = &boundQuery{node: newProject(bound.node, []expr.Expr{whole}, []string{"row"}), visible: 1}
	row := &expr.Subquery{Node: node, Number: mb.addSubquery(bound), Kind: expr.SubqueryScalar}
	for i, number := range numbers {
		values[number] = &expr.FieldAccess{Node: expr.Node{ResultType: fields[i].Type, Position: subquery.Pos()}, Arg: row, Field: i}
	}
	return nil
}

// columnMismatch is the error of a value whose type a column does not take.
func columnMismatch(column *catalog.Column, from types.Type, pos int) error {
	return sqlerr.New(sqlerr.DatatypeMismatch, pos, "column %q is of type %s but expression is of type %s", column.Name, column.Type.BaseName(), from.BaseName()).
		WithHint("You will need to rewrite or cast the expression.")
}

// assignTo coerces a value to the type of a column.
func (b *binder) assignTo(column *catalog.Column, value expr.Expr) (expr.Expr, error) {
	if !assignable(value.Type(), column.Type) && !isRowOf(value, column.Type) {
		return nil, columnMismatch(column, value.Type(), value.Pos())
	}
	return b.coerce(value, column.Type, expr.Assignment)
}

// assigned returns one source for each column of an assignment.
func assigned(a *ast.Assignment) ([]ast.Expr, error) {
	if !a.Multiple {
		return []ast.Expr{a.Value}, nil
	}
	row, ok := a.Value.(*ast.Row)
	if !ok {
		return nil, notSupported(a.Value.Pos(), "source for a multiple-column UPDATE item must be a sub-SELECT or ROW() expression")
	}
	if len(row.Elements) != len(a.Columns) {
		return nil, sqlerr.New(sqlerr.SyntaxError, a.Value.Pos(), "number of columns does not match number of values")
	}
	return row.Elements, nil
}

// finish makes the query of rows whose first columns are the old row and, for an
// update, the new one.
func (mb *modifyBinder) finish(node plan.Node, s *scope, returning []*ast.Target, update bool) (*plan.ModifyPart, error) {
	part := &plan.ModifyPart{Target: mb.target, Update: update, Returning: len(returning) > 0}
	if update {
		var err error
		if part.Checks, err = mb.checks(mb.target); err != nil {
			return nil, err
		}
	}
	exprs, names := passOn(node)
	exprs, names = exprs[:part.Width()], names[:part.Width()]
	targets, err := mb.returningTargets(returning, s, node)
	if err != nil {
		return nil, err
	}
	for _, t := range targets {
		exprs, names = append(exprs, t.value), append(names, t.name)
	}
	root := newProject(node, exprs, names)
	if part.Source, err = mb.finishQuery(&boundQuery{node: root, visible: len(root.Columns())}); err != nil {
		return nil, err
	}
	return part, nil
}

// passOn returns expressions and names that pass a node's columns on.
func passOn(node plan.Node) (exprs []expr.Expr, names []string) {
	for i, c := range node.Columns() {
		exprs = append(exprs, columnOf(c, i))
	}
	return exprs, columnNames(node)
}

// returningTargets binds RETURNING over the row that a scope describes.
func (b *binder) returningTargets(list []*ast.Target, s *scope, node plan.Node) ([]target, error) {
	sb := &selectBinder{binder: b, ast: &ast.Select{Targets: list}, scope: s, node: node}
	if err := sb.bindList(sb.clause("RETURNING", nil)); err != nil {
		return nil, err
	}
	for i := range sb.output {
		var err error
		if sb.output[i].value, err = b.settle(sb.output[i].value); err != nil {
			return nil, err
		}
	}
	return sb.output, nil
}
