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

// systemTimeJoin binds left JOIN table FOR SYSTEM_TIME AS OF time: each left row meets
// the version that the table's row with its key had at that time. It is an as-of join
// with the table's changes: each change begins a version, at the time that the changed
// row has in the table's time column, and a delete, whose row says nothing of that, at
// the time of the clock when it was made.
func (b *binder) systemTimeJoin(j *ast.Join, t *ast.TableName, left *fromItem, s *scope) (*fromItem, error) {
	relation, err := b.versioned(j, t)
	if err != nil {
		return nil, err
	}
	versions := *t
	versions.AsOf = nil
	right, err := b.changelog(relation, &versions, s)
	if err != nil {
		return nil, err
	}
	if err := checkNames(left.scope, right.scope, t.Pos()); err != nil {
		return nil, err
	}
	kind := joinKinds[j.Kind]
	model := &plan.Join{Kind: kind, AsOf: &plan.AsOf{Op: ">="}}
	if err := b.asOfTime(model.AsOf, t, left); err != nil {
		return nil, err
	}
	both := left.scope.joined(right.scope, len(left.node.Columns()))
	both.markNullable(kind, len(left.scope.lockables))
	both.lockables = nil
	conditions, err := b.joinCondition(j, kind, left, right, both)
	if err != nil {
		return nil, err
	}
	if err := b.versionTimes(model.AsOf, relation, right.node); err != nil {
		return nil, err
	}
	leftKeys, rightKeys, err := b.versionKeys(conditions, relation, len(left.node.Columns()), t)
	if err != nil {
		return nil, err
	}
	return &fromItem{node: joinLike(model, left.node, right.node, leftKeys, rightKeys, nil), scope: both}, nil
}

// asOfTime binds the time of FOR SYSTEM_TIME AS OF, over the left side's rows, and its
// grace period, for which these get their event time as a column behind their own.
func (b *binder) asOfTime(a *plan.AsOf, t *ast.TableName, left *fromItem) error {
	eb := &exprBinder{binder: b, scope: left.scope, clause: "FOR SYSTEM_TIME AS OF"}
	time, err := eb.bind(t.AsOf)
	if err != nil {
		return err
	}
	if a.Left, err = b.eventTime(time); err != nil || t.Grace == nil {
		return err
	}
	if left.node.Props().Kind != plan.AppendOnly {
		return notSupported(t.Grace.Pos(), "the GRACE PERIOD of FOR SYSTEM_TIME AS OF is only supported for the rows of a stream").
			WithHint("Without it results are corrected when a version comes late.")
	}
	a.Waits = true
	if a.Grace, err = b.lengthWithin(t.Grace, "the grace period of FOR SYSTEM_TIME AS OF"); err != nil {
		return err
	}
	at := len(left.node.Columns())
	if left.node.Props().Clock != nil {
		exprs, names := passOn(left.node)
		left.node = newProject(left.node, append(exprs, a.Left), append(names, eventTimeName))
	} else {
		left.node = newStreamTime(left.node, &plan.StreamTime{Time: a.Left, Grace: a.Grace})
	}
	a.Left = columnOf(left.node.Columns()[at], at)
	return nil
}

// versioned finds the table whose versions a join is with.
func (b *binder) versioned(j *ast.Join, t *ast.TableName) (*catalog.Relation, error) {
	relation, err := b.relation(t.Name)
	if err != nil {
		return nil, err
	}
	kind := joinKinds[j.Kind]
	switch {
	case relation == nil:
		return nil, b.undefinedTable(t.Name)
	case relation.Kind == catalog.KindStream:
		return nil, sqlerr.New(sqlerr.WrongObjectType, t.Pos(), "%q is a stream", relation.Name).
			WithHint("FOR SYSTEM_TIME AS OF is for tables; ASOF JOIN meets the row of a stream that is closest in time.")
	case t.Changes || t.Sample != nil || j.AsOf || j.Within != nil || j.Kind == ast.CrossJoin:
		return nil, notSupported(t.AsOf.Pos(), "FOR SYSTEM_TIME AS OF is not supported in this kind of join")
	case kind != plan.JoinInner && kind != plan.JoinLeft:
		return nil, notSupported(t.AsOf.Pos(), "only inner and left joins are supported with FOR SYSTEM_TIME AS OF").
			WithHint("Each row of the left side meets one version; LEFT keeps those that meet none.")
	case relation.Rowtime < 0:
		return nil, sqlerr.New(sqlerr.ObjectNotInPrerequisiteState, t.AsOf.Pos(), "table %q does not say since when its rows are as they are", relation.Name).
			WithHint("Create it with a time column: CREATE TABLE … (…, since TIMESTAMPTZ) WITH (timestamp = 'since').")
	case relation.PrimaryKey() == nil && !relation.Derived() || relation.Bag:
		return nil, sqlerr.New(sqlerr.ObjectNotInPrerequisiteState, t.AsOf.Pos(), "table %q has no primary key, by which versions of a row are told", relation.Name)
	case b.mode == modePull:
		return nil, notSupported(t.AsOf.Pos(), "FOR SYSTEM_TIME AS OF is not supported in a query that runs once").
			WithHint("Former versions of rows are not kept in the table: CREATE TABLE … AS SELECT … keeps the joined rows, SELECT … EMIT CHANGES shows them.")
	}
	return relation, nil
}

// givesVersionTime reports whether values of a type can say when a version begins.
func givesVersionTime(t types.Type) bool {
	return t.Kind == types.KindTimestamp || t.Kind == types.KindTimestampTZ || t.Kind == types.KindDate
}

// versionTimes says when versions begin, and which are none, in terms of the rows of a
// table's changelog.
func (b *binder) versionTimes(a *plan.AsOf, relation *catalog.Relation, changes plan.Node) error {
	column := func(number int) expr.Expr { return columnOf(changes.Columns()[number], number) }
	eb := &exprBinder{binder: b, scope: newScope(nil), clause: "FROM"}
	since, err := b.eventTime(column(relation.Rowtime))
	if err != nil {
		return err
	}
	operation, made := column(len(relation.Columns)), column(len(relation.Columns)+1)
	deleted := &expr.Const{Node: expr.Node{ResultType: types.Text, Position: -1}, Value: types.StringDatum("delete")}
	if a.Gone, err = eb.operator("=", operation, deleted, -1); err != nil {
		return err
	}
	ended, err := eb.call("greatest", []expr.Expr{since, made}, -1)
	if err != nil {
		return err
	}
	a.Right = &expr.Case{Node: expr.Node{ResultType: types.TimestampTZ, Position: -1}, When: []expr.Expr{a.Gone}, Then: []expr.Expr{ended}, Else: since}
	return nil
}

// versionKeys takes the equalities of a join with a table's versions, which are with
// all columns of its key and no others.
func (b *binder) versionKeys(condition expr.Expr, relation *catalog.Relation, width int, t *ast.TableName) (leftKeys, rightKeys []expr.Expr, err error) {
	r := &ruleContext{binder: b}
	refused := func(pos int) error {
		return notSupported(pos, "the condition of a join FOR SYSTEM_TIME AS OF must be equalities with all key columns of table %q and no others", relation.Name).
			WithHint("Other conditions go into WHERE.")
	}
	found := map[int]bool{}
	if condition != nil {
		for _, c := range split(condition) {
			op, left, right := r.comparedSides(c, width)
			column := -1
			if op == "=" && left != nil {
				column = columnBelow(right)
			}
			if column < 0 || !slices.Contains(relation.Key, column) {
				return nil, nil, refused(c.Pos())
			}
			found[column] = true
			leftKeys, rightKeys = append(leftKeys, left), append(rightKeys, right)
		}
	}
	if len(found) < len(relation.Key) {
		return nil, nil, refused(t.Pos())
	}
	return leftKeys, rightKeys, nil
}
