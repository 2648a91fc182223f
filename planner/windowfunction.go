package planner

import (
	"slices"

	"millrace/planner/plan"
	"millrace/sql/ast"
	"millrace/sql/expr"
	"millrace/sql/sqlerr"
)

// windowFunction describes a window function of FROM: relation, time and then
// the lengths, as in Flink's and RisingWave's.
type windowFunction struct {
	kind plan.WindowKind
	// lengths are the arguments behind the time, in their order.
	lengths []string
	usage   string
}

var windowFunctions = map[string]windowFunction{
	"tumble":   {plan.WindowTumbling, []string{"size"}, "TUMBLE(relation, time, size)"},
	"hop":      {plan.WindowHopping, []string{"advance", "size"}, "HOP(relation, time, advance, size)"},
	"session":  {plan.WindowSession, []string{"gap"}, "SESSION(relation PARTITION BY (columns), time, gap)"},
	"cumulate": {plan.WindowCumulate, []string{"advance", "size"}, "CUMULATE(relation, time, advance, size)"},
}

// windowCall returns the call of a window function that an item of FROM is, nil
// where it is none.
func windowCall(t *ast.FunctionTable) (*ast.FunctionCall, windowFunction) {
	if t.RowsFrom || len(t.Functions) != 1 {
		return nil, windowFunction{}
	}
	call, ok := t.Functions[0].Call.(*ast.FunctionCall)
	if !ok || len(call.Name.Parts) != 1 {
		return nil, windowFunction{}
	}
	function, ok := windowFunctions[call.Name.Last()]
	if !ok {
		return nil, windowFunction{}
	}
	return call, function
}

// windowTable binds a window function in FROM.
func (b *binder) windowTable(t *ast.FunctionTable, call *ast.FunctionCall, function windowFunction, s *scope) (*fromItem, error) {
	usage := func(pos int) *sqlerr.Error {
		return sqlerr.New(sqlerr.UndefinedFunction, pos, "the arguments of %s do not fit", call.Name.Last()).WithHint("Usage: %s.", function.usage)
	}
	if call.Star || call.Distinct || call.Variadic || len(call.OrderBy) > 0 || len(call.Args) != 2+len(function.lengths) {
		return nil, usage(call.Pos())
	}
	if len(call.PartitionBy) > 0 && function.kind != plan.WindowSession {
		return nil, sqlerr.New(sqlerr.SyntaxError, call.PartitionBy[0].Pos(), "PARTITION BY is for SESSION").WithHint("Usage: %s.", function.usage)
	}
	if t.Ordinality || len(t.Columns) > 0 {
		return nil, notSupported(t.Pos(), "WITH ORDINALITY and column types are not supported for %s", call.Name.Last())
	}
	name, ok := call.Args[0].(*ast.ColumnRef)
	if !ok {
		return nil, usage(call.Args[0].Pos())
	}
	item, err := b.tableName(&ast.TableName{Span: name.Span, Name: &ast.Name{Span: name.Span, Parts: name.Parts}}, s)
	if err != nil {
		return nil, err
	}
	shape := &plan.Window{Kind: function.kind}
	eb := &exprBinder{binder: b, scope: item.scope, clause: "functions in FROM"}
	value, err := eb.bind(described(call.Args[1]))
	if err != nil {
		return nil, err
	}
	if shape.Time, err = b.eventTime(value); err != nil {
		return nil, err
	}
	for i, what := range function.lengths {
		if err := b.windowLength(call.Args[2+i], what, shape); err != nil {
			return nil, err
		}
	}
	if err := checkShape(shape, call.Pos()); err != nil {
		return nil, err
	}
	if err := b.close(shape, &ast.StreamWindow{Span: call.Span}); err != nil {
		return nil, err
	}
	out, err := windowed(item, shape, true, call.Pos())
	if err != nil {
		return nil, err
	}
	if function.kind == plan.WindowSession {
		partition := &exprBinder{binder: b, scope: out.scope, clause: "PARTITION BY"}
		list, err := partition.bindAll(call.PartitionBy)
		if err != nil {
			return nil, err
		}
		for i := range list {
			if list[i], err = b.settle(list[i]); err != nil {
				return nil, err
			}
			if err := checkEquality(list[i].Type(), list[i].Pos()); err != nil {
				return nil, err
			}
		}
		out.node = sessionsOver(out.node, list)
	}
	return aliased(out, t.Alias)
}

// described returns what stands in DESCRIPTOR(column), as Flink writes the time.
func described(e ast.Expr) ast.Expr {
	if call, ok := e.(*ast.FunctionCall); ok && call.Name.Last() == "descriptor" && len(call.Args) == 1 {
		return call.Args[0]
	}
	return e
}

// windowLength binds a length of a window function.
func (b *binder) windowLength(e ast.Expr, what string, shape *plan.Window) error {
	eb := &exprBinder{binder: b, scope: newScope(nil), clause: "functions in FROM"}
	value, err := eb.bind(e)
	if err != nil {
		return err
	}
	what = "the " + what + " of a window"
	micros, err := b.constantInterval(value, what)
	if err != nil {
		return err
	}
	if micros <= 0 {
		return sqlerr.New(sqlerr.WindowingError, e.Pos(), "%s must be greater than zero", what)
	}
	if what == "the advance of a window" {
		shape.Advance = micros
	} else {
		shape.Size = micros
	}
	return nil
}

// aliased renames an item of FROM that is one table, and its first columns.
func aliased(item *fromItem, alias *ast.Alias) (*fromItem, error) {
	if alias == nil {
		return item, nil
	}
	inner := *item.scope
	renamed := *inner.tables[0]
	var names []string
	for _, c := range inner.columns {
		if c.inTable {
			names = append(names, c.name)
		}
	}
	names, err := applyAlias(&renamed, names, alias)
	if err != nil {
		return nil, err
	}
	inner.tables = []*scopeTable{&renamed}
	inner.columns = nil
	next := 0
	for _, c := range item.scope.columns {
		moved := *c
		moved.table = &renamed
		if c.inTable {
			moved.name = names[next]
			next++
		}
		inner.columns = append(inner.columns, &moved)
	}
	return &fromItem{node: item.node, scope: &inner}, nil
}

// groupSessions merges the windows of the WINDOW SESSION clause: those of each
// group, of the rows that WHERE leaves.
func (sb *selectBinder) groupSessions() {
	if sb.ast.Window != nil && sb.ast.Window.Kind == ast.SessionWindow {
		sb.node = sessionsOver(sb.node, sb.groupBy)
	}
}

// sessionsOver merges the windows of rows with equal values of a list, other
// than windows'.
func sessionsOver(input plan.Node, list []expr.Expr) plan.Node {
	bounds := input.Props().Window
	exprs := make([]expr.Expr, len(input.Columns()))
	names := columnNames(input)
	for i, c := range input.Columns() {
		exprs[i] = columnOf(c, i)
	}
	partition := []int{}
	for _, e := range list {
		at := -1
		if c, ok := e.(*expr.Column); ok {
			at = c.Index
		}
		if at == bounds.Start || at == bounds.End {
			continue
		}
		if at < 0 {
			at = len(exprs)
			exprs, names = append(exprs, e), append(names, "partition"+decimal(len(partition)+1))
		}
		if !slices.Contains(partition, at) {
			partition = append(partition, at)
		}
	}
	if len(exprs) > len(input.Columns()) {
		input = newProject(input, exprs, names)
	}
	return newSession(input, partition)
}

// groupWindows adds the window of the WINDOW clause to the groups, and puts the
// columns of windows before other groups, the end first: so old windows are one
// range of the state and of the result.
func (sb *selectBinder) groupWindows() {
	bounds := sb.node.Props().Window
	if bounds == nil {
		return
	}
	columns := sb.node.Columns()
	end, start := columnOf(columns[bounds.End], bounds.End), columnOf(columns[bounds.Start], bounds.Start)
	has := func(e expr.Expr) bool { return containsExpr(sb.groupBy, e) }
	// Where either bound decides the other, both may be grouped by as well.
	implied := bounds.Fixed && (has(end) || has(start))
	if sb.ast.Window == nil && !implied && !(has(end) && has(start)) {
		return
	}
	grouped := []expr.Expr{end, start}
	for _, g := range sb.groupBy {
		if !containsExpr(grouped, g) {
			grouped = append(grouped, g)
		}
	}
	sb.groupBy = grouped
}

func containsExpr(list []expr.Expr, e expr.Expr) bool {
	for _, other := range list {
		if equalExprs(other, e) {
			return true
		}
	}
	return false
}
