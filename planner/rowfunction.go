package planner

import (
	"slices"

	"millrace/planner/plan"
	"millrace/sql/ast"
	"millrace/sql/expr"
	"millrace/sql/types"
)

// functionTable binds functions in FROM: the rows of all of them side by side, made
// from one row without columns. A value that is a struct is a row of its fields.
func (b *binder) functionTable(t *ast.FunctionTable, s *scope) (*fromItem, error) {
	// The arguments stand outside the item: their row is the one around.
	eb := &exprBinder{binder: b, scope: &scope{parent: s.parent, depth: s.depth, with: s.with}, clause: "functions in FROM"}
	model := &plan.Expand{Ordinality: t.Ordinality}
	var names []string // of the functions, for columns that have none
	for _, f := range t.Functions {
		if len(t.Columns) > 0 || len(f.Columns) > 0 {
			return nil, notSupported(f.Pos(), "a function that returns records is not supported")
		}
		name, calls, err := eb.functionCalls(f.Call)
		if err != nil {
			return nil, err
		}
		for range calls {
			names = append(names, name)
		}
		model.Calls = append(model.Calls, calls...)
	}
	name := names[0]
	if len(names) == 1 && t.Alias != nil {
		names[0] = t.Alias.Name.Value
	}
	node, err := fieldsOfRows(setRows(model), setColumnNames(model, names))
	if err != nil {
		return nil, err
	}
	return b.named(&boundQuery{node: node, visible: len(node.Columns())}, name, nil, t.Alias, s, t.Pos())
}

// setRows are the rows of functions alone.
func setRows(model *plan.Expand) plan.Node {
	one := newValues([][]expr.Expr{{}}, nil)
	if first := model.Calls[0]; len(model.Calls) == 1 && first.Func.Name == "" && !model.Ordinality {
		return newProject(one, first.Args, []string{""})
	}
	return expandAll(one, model)
}

// setColumnNames names the columns of functions, given a name for each function.
func setColumnNames(model *plan.Expand, functions []string) []string {
	var names []string
	for i, call := range model.Calls {
		for _, c := range call.Columns {
			if c.Name == "" {
				c.Name = functions[i]
			}
			names = append(names, c.Name)
		}
	}
	if model.Ordinality {
		names = append(names, "ordinality")
	}
	return names
}

// functionCalls binds a function of FROM, with its name. unnest of several arrays is
// as many functions.
func (b *exprBinder) functionCalls(e ast.Expr) (string, []*expr.SetCall, error) {
	call, isCall := e.(*ast.FunctionCall)
	name, err := "", error(nil)
	if isCall {
		if name, err = b.functionName(call.Name); err != nil {
			return "", nil, err
		}
	}
	if !expr.IsSetFunction(name) {
		value, err := b.bind(e)
		if err == nil {
			value, err = b.settle(value)
		}
		if err != nil {
			return "", nil, err
		}
		name, _ = columnName(e)
		return name, []*expr.SetCall{expr.OneRow(value)}, nil
	}
	args := [][]ast.Expr{call.Args}
	if (name == "unnest" || name == "explode") && len(call.Args) > 1 {
		args = nil
		for _, arg := range call.Args {
			args = append(args, []ast.Expr{arg})
		}
	}
	var calls []*expr.SetCall
	for _, list := range args {
		c, err := b.setCall(name, call, list)
		if err != nil {
			return "", nil, err
		}
		calls = append(calls, c)
	}
	return name, calls, nil
}

// setCall binds a call of a set-returning function.
func (b *exprBinder) setCall(name string, e *ast.FunctionCall, list []ast.Expr) (*expr.SetCall, error) {
	if err := notAggregate(name, e); err != nil {
		return nil, err
	}
	args, err := b.bindAll(list)
	if err != nil {
		return nil, err
	}
	function, want, columns, err := expr.ResolveSetFunction(name, exprTypes(args), e.Pos())
	if err != nil {
		return nil, err
	}
	for i := range args {
		if args[i], err = b.coerce(args[i], want[i], expr.Implicit); err != nil {
			return nil, err
		}
	}
	return &expr.SetCall{
		Node: expr.Node{ResultType: expr.CallType(columns), Position: e.Pos()}, Func: function, Args: args, Columns: columns,
	}, nil
}

// fieldsOfRows gives the columns of functions under their names, the fields of
// structs in place of these.
func fieldsOfRows(node plan.Node, names []string) (plan.Node, error) {
	var exprs []expr.Expr
	var fields []string
	for i, c := range node.Columns() {
		if c.Type.Kind != types.KindStruct {
			exprs, fields = append(exprs, columnOf(c, i)), append(fields, names[i])
			continue
		}
		for _, f := range c.Type.Fields {
			value, err := fieldOf(columnOf(c, i), f.Name, -1)
			if err != nil {
				return nil, err
			}
			exprs, fields = append(exprs, value), append(fields, f.Name)
		}
	}
	return newProject(node, exprs, fields), nil
}

// rowFunction binds a set-returning function in a SELECT list. Its value stands for
// those of its rows until expandSets makes rows of them.
func (b *exprBinder) rowFunction(name string, e *ast.FunctionCall) (expr.Expr, error) {
	const hint = "You might be able to move the set-returning function into a LATERAL FROM item."
	switch {
	case b.inAggregate:
		return nil, notSupported(e.Pos(), "aggregate function calls cannot contain set-returning function calls").WithHint(hint)
	case b.clause == "functions in FROM":
		return nil, notSupported(e.Pos(), "set-returning functions must appear at top level of FROM")
	case b.conditional != "":
		return nil, notSupported(e.Pos(), "set-returning functions are not allowed in %s", b.conditional).WithHint(hint)
	case !b.sets:
		return nil, notSupported(e.Pos(), "set-returning functions are not allowed in %s", b.clause)
	}
	return b.setCall(name, e, e.Args)
}

// expandSets makes rows of the set-returning functions in expressions over a node:
// those that stand in arguments of others below those. It returns the node with
// them, whose first columns are the old one's, and the expressions over it.
func expandSets(node plan.Node, list []expr.Expr) (plan.Node, []expr.Expr) {
	for {
		var calls []*expr.SetCall
		for _, e := range list {
			expr.Walk(e, func(e expr.Expr) bool {
				call, ok := e.(*expr.SetCall)
				if ok && !hasSet(call.Args) && !isAmong(calls, call) {
					calls = append(calls, call)
				}
				return true
			})
		}
		if calls == nil {
			return node, list
		}
		node, list = expandOnce(node, list, calls)
	}
}

// hasSet reports whether there is a set-returning function in expressions.
func hasSet(list []expr.Expr) bool {
	for _, e := range list {
		if contains(e, func(e expr.Expr) bool { _, ok := e.(*expr.SetCall); return ok }) {
			return true
		}
	}
	return false
}

func isAmong(calls []*expr.SetCall, call *expr.SetCall) bool {
	return slices.ContainsFunc(calls, func(c *expr.SetCall) bool { return equalExprs(c, call) })
}

// expandOnce puts calls on top of a node, and their columns in place of them.
func expandOnce(node plan.Node, list []expr.Expr, calls []*expr.SetCall) (plan.Node, []expr.Expr) {
	expanded := expandAll(node, &plan.Expand{Calls: calls})
	value := func(call *expr.SetCall) expr.Expr {
		at := len(node.Columns())
		for _, c := range calls {
			if equalExprs(c, call) {
				break
			}
			at += len(c.Columns)
		}
		if len(call.Columns) == 1 {
			return &expr.Column{Node: call.Node, Index: at, Name: expanded.Cols[at].Name}
		}
		fields := make([]expr.Expr, len(call.Columns))
		for i := range fields {
			fields[i] = columnOf(expanded.Cols[at+i], at+i)
		}
		return &expr.StructConstructor{Node: call.Node, Fields: fields}
	}
	var replace exprMap
	replace = func(e expr.Expr) (expr.Expr, error) {
		field, isField := e.(*expr.FieldAccess)
		if isField {
			if row, ok := field.Arg.(*expr.SetCall); ok && isAmong(calls, row) && len(row.Columns) > 1 {
				return value(row).(*expr.StructConstructor).Fields[field.Field], nil
			}
		}
		if call, ok := e.(*expr.SetCall); ok && isAmong(calls, call) {
			return value(call), nil
		}
		return mapChildren(e, replace)
	}
	// Replacing calls cannot fail.
	out, _ := replace.all(list)
	return expanded, out
}
