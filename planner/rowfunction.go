package planner

import (
	"strings"

	"millrace/planner/plan"
	"millrace/sql/ast"
	"millrace/sql/expr"
	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// tableFunctions maps the set-returning functions there are to what they
// return.
var tableFunctions = map[string]func(args []types.Type) ([]types.Type, types.Type, bool){
	"generate_series": generateSeries,
	"unnest":          unnest,
}

func isTableFunction(name string) bool { return tableFunctions[name] != nil }

// generateSeries chooses among PostgreSQL's forms of generate_series.
func generateSeries(args []types.Type) ([]types.Type, types.Type, bool) {
	if len(args) != 2 && len(args) != 3 {
		return nil, types.Type{}, false
	}
	repeat := func(t types.Type) []types.Type {
		out := make([]types.Type, len(args))
		for i := range out {
			out[i] = t
		}
		return out
	}
	for _, t := range []types.Type{types.Int4, types.Int8, types.Numeric} {
		if allBecome(args, repeat(t)) {
			return repeat(t), t, true
		}
	}
	for _, t := range seriesTimes(args) {
		want := []types.Type{t, t, types.Interval}
		if len(args) == 3 && allBecome(args, want) {
			return want, t, true
		}
	}
	return nil, types.Type{}, false
}

// seriesTimes returns the types of generate_series over time: the one with more
// arguments of exactly its type first, timestamptz where they are equal.
func seriesTimes(args []types.Type) []types.Type {
	zoneless := 0
	for _, t := range args {
		switch t.Kind {
		case types.KindTimestamp:
			zoneless++
		case types.KindTimestampTZ:
			zoneless--
		}
	}
	if zoneless > 0 {
		return []types.Type{types.Timestamp, types.TimestampTZ}
	}
	return []types.Type{types.TimestampTZ, types.Timestamp}
}

func allBecome(args, want []types.Type) bool {
	for i := range args {
		if args[i].Kind != types.KindUnknown && !args[i].SameKind(want[i]) && !expr.CanCast(args[i], want[i], expr.Implicit) {
			return false
		}
	}
	return true
}

func unnest(args []types.Type) ([]types.Type, types.Type, bool) {
	if len(args) != 1 || args[0].Kind != types.KindArray {
		return nil, types.Type{}, false
	}
	return args, *args[0].Elem, true
}

func (b *binder) functionTable(t *ast.FunctionTable, s *scope) (*fromItem, error) {
	if t.RowsFrom && len(t.Functions) != 1 {
		return nil, notSupported(t.Pos(), "ROWS FROM with several functions is not supported")
	}
	if len(t.Columns) > 0 || len(t.Functions[0].Columns) > 0 {
		return nil, notSupported(t.Pos(), "a function that returns records is not supported")
	}
	if err := b.refuse(t.Pos(), "a function in FROM"); err != nil {
		return nil, err
	}
	// The arguments stand outside the item: their row is the one around.
	eb := &exprBinder{binder: b, scope: &scope{parent: s.parent, depth: s.depth, with: s.with}, clause: "functions in FROM"}
	call, isCall := t.Functions[0].Call.(*ast.FunctionCall)
	name, node, err := "", plan.Node(nil), error(nil)
	if isCall {
		if name, err = b.functionName(call.Name); err != nil {
			return nil, err
		}
	}
	if isTableFunction(name) {
		node, err = b.setReturning(eb, name, call, t.Ordinality)
	} else {
		name, node, err = b.scalarTable(eb, t)
	}
	if err != nil {
		return nil, err
	}
	// The single column takes the alias of the table as its name.
	alias := t.Alias
	if alias != nil && len(alias.Columns) == 0 && !t.Ordinality {
		named := *alias
		named.Columns = []ast.Identifier{alias.Name}
		alias = &named
	}
	return b.named(&boundQuery{node: node, visible: len(node.Columns())}, name, nil, alias, s, t.Pos())
}

func (b *binder) setReturning(eb *exprBinder, name string, call *ast.FunctionCall, ordinality bool) (plan.Node, error) {
	args, err := eb.bindAll(call.Args)
	if err != nil {
		return nil, err
	}
	want, result, ok := tableFunctions[name](exprTypes(args))
	if !ok {
		return nil, undefinedFunction(name, args, call.Pos())
	}
	for i := range args {
		if args[i], err = b.coerce(args[i], want[i], expr.Implicit); err != nil {
			return nil, err
		}
	}
	f := &plan.TableFunction{Name: name, Args: args, Ordinality: ordinality}
	f.Cols = []plan.Column{{Name: name, Type: result}}
	if ordinality {
		f.Cols = append(f.Cols, plan.Column{Name: "ordinality", Type: types.Int8})
	}
	f.Properties = oneShot
	return f, nil
}

// scalarTable is an ordinary function in FROM: one row with its value.
func (b *binder) scalarTable(eb *exprBinder, t *ast.FunctionTable) (string, plan.Node, error) {
	if t.Ordinality {
		return "", nil, notSupported(t.Pos(), "WITH ORDINALITY is not supported for this function")
	}
	value, err := eb.bind(t.Functions[0].Call)
	if err != nil {
		return "", nil, err
	}
	if value, err = b.settle(value); err != nil {
		return "", nil, err
	}
	name, _ := columnName(t.Functions[0].Call)
	row := newValues([][]expr.Expr{{}}, nil)
	return name, newProject(row, []expr.Expr{value}, []string{name}), nil
}

// rowFunction binds a set-returning function in the SELECT list: a lateral join
// of the row with what the function returns for it.
func (b *exprBinder) rowFunction(name string, e *ast.FunctionCall) (expr.Expr, error) {
	if b.rows == nil || b.inAggregate {
		return nil, notSupported(e.Pos(), "set-returning function %s is not supported here", name).
			WithHint("Call it in FROM: SELECT … FROM %s(…).", name)
	}
	if err := b.refuse(e.Pos(), "a set-returning function"); err != nil {
		return nil, err
	}
	if b.rows.rowFunctions > 0 {
		return nil, notSupported(e.Pos(), "several set-returning functions in one SELECT list are not supported").
			WithHint("Call them in FROM.")
	}
	function, err := b.setReturning(b, name, e, false)
	if err != nil {
		return nil, err
	}
	// The function's arguments see the row from inside the join.
	moved, err := copyNode(function, nil, b.fromInside)
	if err != nil {
		return nil, err
	}
	b.rows.rowFunctions++
	joined := newJoin(plan.JoinInner, b.rows.node, moved, nil, true)
	b.rows.node = joined
	index := len(joined.Cols) - 1
	return &expr.Column{Node: expr.Node{ResultType: joined.Cols[index].Type, Position: e.Pos()}, Index: index, Name: name}, nil
}

func undefinedFunction(name string, args []expr.Expr, pos int) error {
	list := make([]string, len(args))
	for i, a := range args {
		list[i] = a.Type().BaseName()
	}
	return sqlerr.New(sqlerr.UndefinedFunction, pos, "function %s(%s) does not exist", name, strings.Join(list, ", ")).
		WithHint("No function matches the given name and argument types. You might need to add explicit type casts.")
}
