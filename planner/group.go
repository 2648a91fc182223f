package planner

import (
	"slices"

	"millrace/planner/plan"
	"millrace/sql/ast"
	"millrace/sql/expr"
	"millrace/sql/sqlerr"
)

// bindGroupBy binds GROUP BY: a name means a column of FROM before one of the
// SELECT list, a number one of the SELECT list.
func (sb *selectBinder) bindGroupBy() error {
	if sb.ast.GroupBy == nil {
		return nil
	}
	for _, item := range sb.ast.GroupBy.Items {
		if row, ok := item.(*ast.Row); ok && !row.Explicit {
			for _, element := range row.Elements {
				if err := sb.groupItem(element); err != nil {
					return err
				}
			}
			continue
		}
		if err := sb.groupItem(item); err != nil {
			return err
		}
	}
	return nil
}

func (sb *selectBinder) groupItem(item ast.Expr) error {
	var value expr.Expr
	switch e := item.(type) {
	case *ast.GroupingSet:
		if e.Kind == ast.GroupingEmpty {
			return nil
		}
		return notSupported(e.Pos(), "grouping sets are not supported")
	case *ast.IntegerLiteral:
		column, err := sb.ordinal(e, "GROUP BY")
		if err != nil {
			return err
		}
		value = sb.output[column].value
	case *ast.ColumnRef:
		if len(e.Parts) == 1 {
			inFrom, err := sb.scope.lookup(e.Parts[0], e.Pos())
			if err != nil {
				return err
			}
			if inFrom == nil {
				column, err := sb.outputName(e.Parts[0], "GROUP BY", e.Pos())
				if err != nil {
					return err
				}
				if column >= 0 {
					value = sb.output[column].value
				}
			}
		}
	}
	if value == nil {
		var err error
		eb := sb.clause("GROUP BY", nil)
		eb.sets = true
		if value, err = eb.bind(item); err != nil {
			return err
		}
	}
	if hasAggregate(value) {
		return sqlerr.New(sqlerr.GroupingError, item.Pos(), "aggregate functions are not allowed in GROUP BY")
	}
	settled, err := sb.settle(value)
	if err != nil {
		return err
	}
	if err := checkEquality(settled.Type(), item.Pos()); err != nil {
		return err
	}
	// What the SELECT list has of unknown type has become text here.
	for i := range sb.output {
		if sb.output[i].value == value {
			sb.output[i].value = settled
		}
	}
	if !slices.ContainsFunc(sb.groupBy, func(g expr.Expr) bool { return equalExprs(g, settled) }) {
		sb.groupBy = append(sb.groupBy, settled)
	}
	return nil
}

func hasAggregate(e expr.Expr) bool {
	found := false
	expr.Walk(e, func(e expr.Expr) bool {
		_, ok := e.(*aggregateRef)
		found = found || ok
		return !found
	})
	return found
}

func (sb *selectBinder) bindHaving() error {
	if sb.ast.Having == nil {
		return nil
	}
	var err error
	sb.having, err = sb.clause("HAVING", &sb.aggregates).bindBool(sb.ast.Having, "HAVING")
	return err
}

// group puts the aggregation between FROM and what stands behind it, where the
// block groups.
func (sb *selectBinder) group() error {
	if sb.ast.GroupBy == nil && sb.having == nil && len(sb.aggregates.calls) == 0 {
		if sb.ast.Window != nil {
			return sqlerr.New(sqlerr.WindowingError, sb.ast.Window.Pos(), "WINDOW needs GROUP BY or aggregates").
				WithHint("For rows with their windows, use the function: SELECT * FROM TUMBLE(stream, rowtime, INTERVAL '1 hour').")
		}
		return nil
	}
	sb.addDependentColumns()
	sb.groupSessions()
	sb.groupWindows()
	names := make([]string, 0, len(sb.groupBy)+len(sb.aggregates.calls))
	for i, g := range sb.groupBy {
		name := "group" + decimal(i+1)
		if c, ok := g.(*expr.Column); ok {
			name = c.Name
		}
		for k := range sb.output {
			if sb.output[k].value == g {
				name = sb.output[k].name
			}
		}
		names = append(names, name)
	}
	names = append(names, sb.aggregates.names...)
	for i := range sb.output {
		moved, err := sb.overGroups(sb.output[i].value)
		if err != nil {
			return err
		}
		sb.output[i].value = moved
	}
	if err := sb.overs.rewrite(sb.overGroups); err != nil {
		return err
	}
	if err := sb.lowerGrouped(); err != nil {
		return err
	}
	node, groupBy := expandSets(sb.node, sb.groupBy)
	aggregate := newAggregate(node, plan.AggregateComplete, groupBy, sb.aggregates.calls, names)
	sb.node = aggregate
	if sb.having == nil {
		return nil
	}
	having, err := sb.overGroups(sb.having)
	if err != nil {
		return err
	}
	sb.node, err = sb.lowerFilter(aggregate, having)
	return err
}

// lowerGrouped makes joins of the subqueries in GROUP BY and in the arguments of
// aggregates, where the result is kept up to date.
func (sb *selectBinder) lowerGrouped() error {
	if !sb.incremental() {
		return nil
	}
	l := &lowering{binder: sb.binder, node: sb.node}
	lower := exprMap(func(e expr.Expr) (expr.Expr, error) { return l.value(e, nullIsNull) })
	var err error
	if sb.groupBy, err = lower.all(sb.groupBy); err != nil {
		return err
	}
	sb.aggregates.calls, err = lower.calls(sb.aggregates.calls)
	sb.node = l.node
	return err
}

// addDependentColumns groups also by those columns that are used and that the
// group decides already, since it has the whole primary key of their table.
func (sb *selectBinder) addDependentColumns() {
	grouped := func(value expr.Expr) bool {
		return slices.ContainsFunc(sb.groupBy, func(g expr.Expr) bool { return equalExprs(g, value) })
	}
	decided := make(map[*scopeTable]bool)
	for _, c := range sb.scope.columns {
		if c.table != nil && c.table.keyed {
			decided[c.table] = true
		}
	}
	for _, c := range sb.scope.columns {
		if c.inKey && !grouped(c.value) {
			decided[c.table] = false
		}
	}
	used := make(map[int]bool)
	list := append(present(sb.having), sb.overs.exprs()...)
	for i := range sb.output {
		list = append(list, sb.output[i].value)
	}
	for _, e := range list {
		sb.columnsOf(e, func(index int) { used[index] = true })
	}
	for _, c := range sb.scope.columns {
		value, ok := c.value.(*expr.Column)
		if ok && c.table != nil && decided[c.table] && used[value.Index] && !grouped(value) {
			sb.groupBy = append(sb.groupBy, value)
		}
	}
}

// overGroups moves an expression over the row of FROM to the row of the groups:
// the group expressions, then the aggregates.
func (sb *selectBinder) overGroups(e expr.Expr) (expr.Expr, error) {
	for i, g := range sb.groupBy {
		if equalExprs(e, g) {
			name := ""
			if c, ok := e.(*expr.Column); ok {
				name = c.Name
			}
			return &expr.Column{Node: expr.Node{ResultType: g.Type(), Position: e.Pos()}, Index: i, Name: name}, nil
		}
	}
	switch e := e.(type) {
	case *overRef:
		return e, nil
	case *aggregateRef:
		return &expr.Column{
			Node:  expr.Node{ResultType: e.ResultType, Position: e.Position},
			Index: len(sb.groupBy) + e.number, Name: sb.aggregates.names[e.number],
		}, nil
	case *expr.Column:
		return nil, sqlerr.New(sqlerr.GroupingError, e.Position, "column %q must appear in the GROUP BY clause or be used in an aggregate function", sb.qualified(e))
	case *expr.Subquery:
		moved, err := sb.moveSubquery(e, 1, sb.outerOverGroups(e))
		if err != nil {
			return nil, err
		}
		return mapChildren(moved, sb.overGroups)
	}
	return mapChildren(e, sb.overGroups)
}

// outerOverGroups moves a subquery's references to the row of FROM.
func (sb *selectBinder) outerOverGroups(e *expr.Subquery) outerMap {
	return func(level, index int) (int, int, error) {
		if level > 1 {
			return level, index, nil
		}
		for i, g := range sb.groupBy {
			if c, ok := g.(*expr.Column); ok && c.Index == index {
				return level, i, nil
			}
		}
		name := sb.qualified(&expr.Column{Index: index})
		return 0, 0, sqlerr.New(sqlerr.GroupingError, e.Position, "subquery uses ungrouped column %q from outer query", name)
	}
}

// qualified is the name of a column of FROM with its table's.
func (sb *selectBinder) qualified(column *expr.Column) string {
	for _, c := range sb.scope.columns {
		if value, ok := c.value.(*expr.Column); ok && value.Index == column.Index && c.table != nil {
			if c.table.name == "" {
				return c.name
			}
			return c.table.name + "." + c.name
		}
	}
	return column.Name
}
