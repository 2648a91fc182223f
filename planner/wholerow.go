package planner

import (
	"millrace/planner/plan"
	"millrace/sql/expr"
	"millrace/sql/types"
)

// wholeRow returns the row of an item of FROM as one value, for an expression that
// stands level scopes further in. A row that an outer join fills with NULLs is NULL
// itself, while a row whose columns happen to be NULL is not; where both are possible,
// the first is assumed.
func (s *scope) wholeRow(table *scopeTable, level, pos int) expr.Expr {
	var values, missing []expr.Expr
	var fields []types.Field
	for _, c := range s.columns {
		if c.table != table || !c.inTable {
			continue
		}
		value := c.at(level, pos)
		values = append(values, value)
		fields = append(fields, types.Field{Name: c.name, Type: value.Type()})
		missing = append(missing, &expr.IsNull{Node: boolAt(pos), Arg: value})
	}
	node := expr.Node{ResultType: types.StructOf(fields), Position: pos}
	row := &expr.StructConstructor{Node: node, Fields: values}
	if !table.nullable || len(missing) == 0 {
		return row
	}
	return &expr.Case{
		Node: node, When: []expr.Expr{conjunction(missing)}, Then: []expr.Expr{&expr.Const{Node: node}}, Else: row,
	}
}

// markNullableTables notes which items of a join's sides have rows of NULLs.
func (s *scope) markNullableTables(kind plan.JoinKind, left int) {
	for i, t := range s.tables {
		isLeft := i < left
		if kind == plan.JoinFull || kind == plan.JoinLeft && !isLeft || kind == plan.JoinRight && isLeft {
			t.nullable = true
		}
	}
}
