package planner

import (
	"millrace/planner/plan"
	"millrace/sql/ast"
	"millrace/sql/expr"
	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// selectBinder binds one SELECT block. The clauses are bound over the row that
// FROM gives; where the block groups, group.go then moves what stands behind
// the grouping to the groups' row.
type selectBinder struct {
	*binder
	ast    *ast.Select
	scope  *scope
	node   plan.Node
	output []target
	// visible is how many of output the SELECT list has; what ORDER BY and
	// DISTINCT ON need besides stands behind.
	visible    int
	groupBy    []expr.Expr
	having     expr.Expr
	order      []plan.SortKey // over output columns
	distinctOn []expr.Expr    // over output columns
	placing    []int          // the output columns of PARTITION BY
	aggregates aggregateList
	overs      overList
	// locked are the tables whose rows are locked, lockedItems which items of FROM
	// these are.
	locked      []plan.LockedTable
	lockedItems []*scopeTable
}

// target is one output column.
type target struct {
	value expr.Expr
	name  string
}

func (b *binder) selectQuery(sel *ast.Select, order []*ast.OrderItem, locking []*ast.Locking, s *scope) (*boundQuery, error) {
	if err := refuseClauses(sel); err != nil {
		return nil, err
	}
	item, err := b.from(sel.From, s)
	if err != nil {
		return nil, err
	}
	if len(sel.From) == 0 && b.asValue == 0 {
		if err := b.refuse(sel.Pos(), "SELECT without FROM"); err != nil && b.depth == 1 {
			return nil, err
		}
	}
	if sel.Window != nil {
		if item, err = b.windowClause(sel.Window, item); err != nil {
			return nil, err
		}
	}
	sb := &selectBinder{binder: b, ast: sel, scope: item.scope, node: item.node}
	if err := sb.bindWindows(); err != nil {
		return nil, err
	}
	for _, step := range []func() error{sb.bindTargets, sb.bindWhere, sb.bindGroupBy, sb.bindHaving, func() error { return sb.bindOrder(order) }, sb.bindDistinctOn, sb.bindPartitionBy, sb.refuseRecursiveAggregate, sb.group, sb.computeWindows, func() error { return sb.bindLocking(locking) }} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return sb.finish()
}

// refuseClauses refuses the clauses that there are only words for.
func refuseClauses(sel *ast.Select) error {
	switch {
	case sel.Into != nil:
		return notSupported(sel.Into.Pos(), "SELECT INTO is not supported").WithHint("Use CREATE TABLE … AS.")
	}
	return nil
}

func (sb *selectBinder) clause(name string, aggregates *aggregateList) *exprBinder {
	return &exprBinder{binder: sb.binder, scope: sb.scope, clause: name, aggregates: aggregates, lowers: true}
}

// bindTargets binds the SELECT list.
func (sb *selectBinder) bindTargets() error {
	eb := sb.clause("SELECT", &sb.aggregates)
	eb.sets, eb.overs = true, &sb.overs
	if err := sb.bindList(eb); err != nil {
		return err
	}
	sb.visible = len(sb.output)
	return nil
}

// bindList binds the items of a SELECT list, or of RETURNING, as output columns.
func (sb *selectBinder) bindList(eb *exprBinder) error {
	for _, t := range sb.ast.Targets {
		var err error
		switch e := t.Expr.(type) {
		case *ast.Star:
			err = sb.expandStar(e)
		case *ast.ExpandFields:
			err = sb.expandFields(eb, e)
		default:
			var value expr.Expr
			if value, err = eb.bind(t.Expr); err == nil {
				sb.output = append(sb.output, target{value: sb.takeResultColumn(value), name: targetName(t)})
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// bindWhere binds WHERE, behind the SELECT list as in PostgreSQL: of several
// mistakes the same one is told.
func (sb *selectBinder) bindWhere() error {
	if sb.ast.Where == nil {
		return nil
	}
	where, err := sb.clause("WHERE", nil).bindBool(sb.ast.Where, "WHERE")
	if err != nil {
		return err
	}
	sb.node, err = sb.lowerFilter(sb.node, where)
	return err
}

// takeResultColumn notes which output columns are rowop and rowmark; the host fills
// them in.
func (sb *selectBinder) takeResultColumn(value expr.Expr) expr.Expr {
	ref, ok := value.(*resultRef)
	switch {
	case !ok:
		return value
	case ref.name == "rowop":
		sb.rowOpColumn = len(sb.output)
	default:
		sb.rowMarks = append(sb.rowMarks, len(sb.output))
	}
	return &expr.Const{Node: expr.Node{ResultType: types.Text, Position: value.Pos()}}
}

func (sb *selectBinder) expandStar(star *ast.Star) error {
	if len(star.Qualifier) == 0 {
		if len(sb.scope.tables) == 0 && len(sb.scope.columns) == 0 {
			return sqlerr.New(sqlerr.SyntaxError, star.Pos(), "SELECT * with no tables specified is not valid")
		}
		for _, c := range sb.scope.columns {
			if c.starred {
				sb.output = append(sb.output, target{value: c.at(0, star.Pos()), name: c.name})
			}
		}
		return nil
	}
	name, schema := star.Qualifier[len(star.Qualifier)-1], ""
	if len(star.Qualifier) > 1 {
		schema = star.Qualifier[len(star.Qualifier)-2]
	}
	for level, at := 0, sb.scope; at != nil; level, at = level+1, at.parent {
		table, err := at.table(schema, name, star.Pos())
		if err != nil {
			return err
		}
		if table == nil {
			continue
		}
		for _, c := range at.columns {
			if c.table == table && c.inTable {
				sb.output = append(sb.output, target{value: c.at(level, star.Pos()), name: c.name})
			}
		}
		return nil
	}
	return missingTable(name, star.Pos(), sb.scope)
}

func (sb *selectBinder) expandFields(eb *exprBinder, e *ast.ExpandFields) error {
	value, err := eb.bind(e.Operand)
	if err != nil {
		return err
	}
	if value.Type().Kind != types.KindStruct {
		return sqlerr.New(sqlerr.WrongObjectType, e.Pos(), "type %s is not composite", value.Type().BaseName())
	}
	for _, f := range value.Type().Fields {
		field, err := fieldOf(value, f.Name, e.Pos())
		if err != nil {
			return err
		}
		sb.output = append(sb.output, target{value: field, name: f.Name})
	}
	return nil
}

// bindOrder binds ORDER BY: numbers and names of output columns, then
// expressions over the row of FROM.
func (sb *selectBinder) bindOrder(items []*ast.OrderItem) error {
	if len(items) == 0 {
		return nil
	}
	for _, item := range items {
		column, err := sb.outputColumn(item.Expr, "ORDER BY")
		if err != nil {
			return err
		}
		if sb.output[column].value, err = sb.settle(sb.output[column].value); err != nil {
			return err
		}
		key, err := sb.sortKey(sb.outputRef(column), item)
		if err != nil {
			return err
		}
		sb.order = append(sb.order, key)
	}
	return nil
}

func (sb *selectBinder) outputRef(column int) expr.Expr {
	t := &sb.output[column]
	return &expr.Column{Node: expr.Node{ResultType: t.value.Type(), Position: t.value.Pos()}, Index: column, Name: t.name}
}

// outputColumn returns the output column that an item of ORDER BY or DISTINCT
// ON means, added behind the visible ones where it is not among them.
func (sb *selectBinder) outputColumn(e ast.Expr, clause string) (int, error) {
	switch e := e.(type) {
	case *ast.IntegerLiteral:
		return sb.ordinal(e, clause)
	case *ast.StringLiteral, *ast.NumericLiteral, *ast.NullLiteral, *ast.BooleanLiteral:
		return 0, sqlerr.New(sqlerr.SyntaxError, e.Pos(), "non-integer constant in %s", clause)
	case *ast.ColumnRef:
		if len(e.Parts) == 1 {
			if column, err := sb.outputName(e.Parts[0], clause, e.Pos()); column >= 0 || err != nil {
				return column, err
			}
		}
	}
	eb := sb.clause(clause, &sb.aggregates)
	eb.sets, eb.overs = true, &sb.overs
	value, err := eb.bind(e)
	if err != nil {
		return 0, err
	}
	for i := range sb.output {
		if equalExprs(sb.output[i].value, value) {
			return i, nil
		}
	}
	if sb.ast.Distinct && len(sb.ast.DistinctOn) == 0 {
		return 0, sqlerr.New(sqlerr.InvalidColumnReference, e.Pos(), "for SELECT DISTINCT, ORDER BY expressions must appear in select list")
	}
	name, _ := columnName(e)
	sb.output = append(sb.output, target{value: value, name: name})
	return len(sb.output) - 1, nil
}

// ordinal returns the output column with a number from 1.
func (sb *selectBinder) ordinal(e *ast.IntegerLiteral, clause string) (int, error) {
	if e.Value < 1 || e.Value > int64(sb.visible) {
		return 0, sqlerr.New(sqlerr.InvalidColumnReference, e.Pos(), "%s position %d is not in select list", clause, e.Value)
	}
	return int(e.Value) - 1, nil
}

// outputName returns the output column with a name, -1 when there is none.
func (sb *selectBinder) outputName(name, clause string, pos int) (int, error) {
	found := -1
	for i := range sb.output[:sb.visible] {
		if sb.output[i].name != name {
			continue
		}
		if found >= 0 && !equalExprs(sb.output[found].value, sb.output[i].value) {
			return -1, sqlerr.New(sqlerr.AmbiguousColumn, pos, "%s %q is ambiguous", clause, name)
		}
		if found < 0 {
			found = i
		}
	}
	return found, nil
}

// bindDistinctOn binds DISTINCT ON; ORDER BY must begin with its expressions.
func (sb *selectBinder) bindDistinctOn() error {
	if len(sb.ast.DistinctOn) == 0 {
		return nil
	}
	columns := make(map[int]bool)
	for _, e := range sb.ast.DistinctOn {
		column, err := sb.outputColumn(e, "DISTINCT ON")
		if err != nil {
			return err
		}
		if err := checkEquality(sb.output[column].value.Type(), e.Pos()); err != nil {
			return err
		}
		if !columns[column] {
			columns[column] = true
			sb.distinctOn = append(sb.distinctOn, sb.outputRef(column))
		}
	}
	for i, key := range sb.order {
		if i >= len(sb.distinctOn) {
			break
		}
		if !columns[key.Expr.(*expr.Column).Index] {
			return sqlerr.New(sqlerr.InvalidColumnReference, sb.ast.DistinctOn[0].Pos(), "SELECT DISTINCT ON expressions must match initial ORDER BY expressions")
		}
	}
	return nil
}

// finish puts the block's operators on top of its input.
func (sb *selectBinder) finish() (*boundQuery, error) {
	if err := sb.lowerOutput(); err != nil {
		return nil, err
	}
	sb.expandOutput()
	if sb.incremental() && !sb.ast.Distinct {
		sb.addHiddenKey()
	}
	exprs := make([]expr.Expr, len(sb.output))
	names := make([]string, len(sb.output))
	for i, t := range sb.output {
		exprs[i], names[i] = t.value, t.name
	}
	var node plan.Node = newProject(sb.node, exprs, names)
	if sb.ast.Distinct && len(sb.distinctOn) == 0 {
		bound := &boundQuery{node: node, visible: sb.visible}
		if err := sb.settleColumns(bound); err != nil {
			return nil, err
		}
		if err := checkColumnsEquality(bound, sb.ast.Pos()); err != nil {
			return nil, err
		}
		node = sb.distinct(bound.node)
	}
	if sb.incremental() {
		return sb.finishKept(node)
	}
	if len(sb.order) > 0 {
		node = newSort(node, sb.order)
	}
	if len(sb.distinctOn) > 0 {
		node = newDistinct(node, sb.distinctOn)
	}
	if len(sb.locked) > 0 {
		node = newLockRows(node, sb.locked)
	}
	return sb.partitionBy(&boundQuery{node: node, visible: sb.visible})
}

// lowerOutput makes joins of the subqueries in the SELECT list and ORDER BY, where
// the result is kept up to date.
func (sb *selectBinder) lowerOutput() error {
	if !sb.incremental() {
		return nil
	}
	l := &lowering{binder: sb.binder, node: sb.node}
	for i := range sb.output {
		value, err := l.value(sb.output[i].value, nullIsNull)
		if err != nil {
			return err
		}
		sb.output[i].value = value
	}
	sb.node = l.node
	return nil
}

// expandOutput makes rows of the set-returning functions in the output.
func (sb *selectBinder) expandOutput() {
	values := make([]expr.Expr, len(sb.output))
	for i := range sb.output {
		values[i] = sb.output[i].value
	}
	sb.node, values = expandSets(sb.node, values)
	for i := range sb.output {
		sb.output[i].value = values[i]
	}
}

// finishKept puts DISTINCT ON on top, and hands the order on to LIMIT, where the
// result is kept up to date.
func (sb *selectBinder) finishKept(node plan.Node) (*boundQuery, error) {
	bound := &boundQuery{node: node, visible: sb.visible, order: sb.order, unlimited: len(sb.order) > 0 && len(sb.distinctOn) == 0}
	if len(sb.distinctOn) == 0 {
		return sb.partitionBy(bound)
	}
	if err := sb.settleColumns(bound); err != nil {
		return nil, err
	}
	first := &plan.TopN{Order: sb.order, Count: 1}
	for _, e := range sb.distinctOn {
		first.PartitionBy = append(first.PartitionBy, e.(*expr.Column).Index)
	}
	bound.node = newTopN(bound.node, first)
	return sb.partitionBy(bound)
}

// distinct removes duplicates; where a result is kept up to date, the rows are
// the groups of an aggregation that computes nothing.
func (sb *selectBinder) distinct(node plan.Node) plan.Node {
	if !sb.incremental() {
		return newDistinct(node, nil)
	}
	groupBy := make([]expr.Expr, len(node.Columns()))
	for i, c := range node.Columns() {
		groupBy[i] = columnOf(c, i)
	}
	return newAggregate(node, plan.AggregateComplete, groupBy, nil, columnNames(node))
}

// addHiddenKey carries the key's columns along that the SELECT list lacks, so
// that rows which change can be told from each other.
func (sb *selectBinder) addHiddenKey() {
	from := sb.node.Props()
	if from.Key == nil {
		return
	}
	for _, k := range from.Key {
		column := columnOf(sb.node.Columns()[k], k)
		present := false
		for i := range sb.output {
			present = present || equalExprs(sb.output[i].value, column)
		}
		if !present {
			sb.output = append(sb.output, target{value: column, name: column.Name})
		}
	}
}
