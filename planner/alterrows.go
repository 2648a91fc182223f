package planner

import (
	"reflect"
	"slices"

	"millrace/planner/plan"
	"millrace/sql"
	"millrace/sql/catalog"
	"millrace/sql/expr"
	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// finish plans what the statement asks of the rows.
func (ab *alterBinder) finish() error {
	out := ab.plan
	if n := len(out.Indexes); n > 1 || n == 1 && !reflect.DeepEqual(*ab.old, *ab.next) {
		ab.rewrite = true
	}
	if ab.rewrite && ab.next.Kind == catalog.KindStream {
		return notSupported(-1, "the rows of a stream cannot be stored anew").
			WithHint("Create another stream from this one: CREATE STREAM … AS SELECT ….")
	}
	if !ab.next.Derived() {
		ab.next.Definition = definitionOf(ab.next)
	}
	out.Command.Relation = *ab.next
	if err := ab.recheck(); err != nil {
		return err
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

// recheck has the rows held against the CHECK constraints that were there before
// and read a column with another type.
func (ab *alterBinder) recheck() error {
	for i := range ab.next.Constraints {
		c := &ab.next.Constraints[i]
		if c.ID == 0 || c.Kind != catalog.ConstraintCheck || !slices.ContainsFunc(c.Columns, func(n int) bool { return slices.Contains(ab.retyped, n) }) {
			continue
		}
		condition, err := sql.ParseExpr(c.Expression)
		if err != nil {
			return err
		}
		if _, err := ab.bindCheck(ab.next, condition); err != nil {
			return sqlerr.From(err).At(-1)
		}
		ab.requireCheck(c, condition)
	}
	return nil
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
