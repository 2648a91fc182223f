package planner

import (
	"slices"
	"strings"

	"millrace/planner/plan"
	"millrace/sql/ast"
	"millrace/sql/expr"
	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// Window functions are bound with the SELECT list and ORDER BY, over the row of FROM.
// Grouping moves what they read to the groups' row, as it does with the rest of the
// list. Then plan.Over nodes, one for each different window, add their results behind
// the row's columns.

// overList holds the windows that one SELECT uses, each different one once.
type overList struct {
	windows []*overWindow
	// named are those of the WINDOW clause.
	named []*ast.NamedWindow
}

type overWindow struct {
	partitionBy []expr.Expr
	order       []plan.SortKey
	calls       []plan.OverCall
}

// overRef stands for the result of a window function while a SELECT is bound.
type overRef struct {
	expr.Node
	window, number int
}

// overFunctions are the functions that only a window has
// (https://www.postgresql.org/docs/15/functions-window.html), with the least and the
// largest number of their arguments.
var overFunctions = map[string][2]int{
	"row_number": {0, 0}, "rank": {0, 0}, "dense_rank": {0, 0}, "percent_rank": {0, 0}, "cume_dist": {0, 0},
	"ntile": {1, 1}, "lag": {1, 3}, "lead": {1, 3}, "first_value": {1, 1}, "last_value": {1, 1}, "nth_value": {2, 2},
}

// overCall binds a call with OVER.
func (b *exprBinder) overCall(name string, e *ast.FunctionCall) (expr.Expr, error) {
	_, isWindow := overFunctions[name]
	switch {
	case b.inOver:
		return nil, sqlerr.New(sqlerr.WindowingError, e.Pos(), "window function calls cannot be nested")
	case b.inAggregate:
		return nil, sqlerr.New(sqlerr.GroupingError, e.Pos(), "aggregate function calls cannot contain window function calls")
	case b.overs == nil:
		return nil, sqlerr.New(sqlerr.WindowingError, e.Pos(), "window functions are not allowed in %s", b.clause)
	case !isWindow && !expr.IsAggregate(name):
		return nil, sqlerr.New(sqlerr.WrongObjectType, e.Pos(), "OVER specified, but %s is not a window function nor an aggregate function", name)
	case e.Distinct:
		return nil, notSupported(e.Pos(), "DISTINCT is not implemented for window functions")
	case len(e.OrderBy) > 0:
		return nil, notSupported(e.Pos(), "aggregate ORDER BY is not implemented for window functions")
	case e.Filter != nil && isWindow:
		return nil, notSupported(e.Pos(), "FILTER is not implemented for non-aggregate window functions")
	}
	inner := *b
	inner.inOver, inner.sets = true, false
	call := plan.OverCall{Name: name, Pos: e.Pos()}
	args, err := inner.bindAll(e.Args)
	if err != nil {
		return nil, err
	}
	if isWindow {
		err = b.windowFunction(&call, args, e)
	} else {
		err = b.overAggregate(&inner, &call, args, e)
	}
	if err != nil {
		return nil, err
	}
	window, err := inner.overWindow(&call, e.Over)
	if err != nil {
		return nil, err
	}
	ref := &overRef{Node: expr.Node{ResultType: call.Type, Position: e.Pos()}}
	ref.window = slices.IndexFunc(b.overs.windows, window.same)
	if ref.window < 0 {
		ref.window = len(b.overs.windows)
		b.overs.windows = append(b.overs.windows, window)
	}
	known := b.overs.windows[ref.window]
	ref.number = slices.IndexFunc(known.calls, func(other plan.OverCall) bool { return sameOverCall(&call, &other) })
	if ref.number < 0 {
		ref.number = len(known.calls)
		known.calls = append(known.calls, call)
	}
	return ref, nil
}

// overAggregate resolves an aggregate over a frame.
func (b *exprBinder) overAggregate(inner *exprBinder, call *plan.OverCall, args []expr.Expr, e *ast.FunctionCall) error {
	if len(args) == 0 && !e.Star {
		return sqlerr.New(sqlerr.WrongObjectType, e.Pos(), "%s(*) must be used to call a parameterless aggregate function", call.Name)
	}
	if e.Star && call.Name != "count" {
		return sqlerr.New(sqlerr.UndefinedFunction, e.Pos(), "function %s() does not exist", call.Name)
	}
	resolved := plan.AggregateCall{Star: e.Star, Pos: e.Pos()}
	if err := b.resolveAggregate(&resolved, call.Name, args); err != nil {
		return err
	}
	call.Func, call.Args, call.Type = resolved.Func, resolved.Args, resolved.Type
	if e.Filter == nil {
		return nil
	}
	var err error
	call.Filter, err = inner.bindBool(e.Filter, "FILTER")
	return err
}

// windowFunction resolves a function that only a window has.
func (b *exprBinder) windowFunction(call *plan.OverCall, args []expr.Expr, e *ast.FunctionCall) error {
	limits := overFunctions[call.Name]
	if e.Star || len(args) < limits[0] || len(args) > limits[1] {
		return undefinedOver(call, args)
	}
	var err error
	for i := range args {
		if args[i], err = b.settle(args[i]); err != nil {
			return err
		}
	}
	integer := func(i int) error {
		if i >= len(args) {
			return nil
		}
		if from := args[i].Type(); !from.SameKind(types.Int4) && !expr.CanCast(from, types.Int4, expr.Implicit) {
			return undefinedOver(call, args)
		}
		args[i], err = b.coerce(args[i], types.Int4, expr.Implicit)
		return err
	}
	switch call.Name {
	case "row_number", "rank", "dense_rank":
		call.Type = types.Int8
	case "percent_rank", "cume_dist":
		call.Type = types.Float8
	case "ntile":
		call.Type = types.Int4
		err = integer(0)
	case "nth_value":
		call.Type = args[0].Type()
		err = integer(1)
	case "lag", "lead":
		if err = integer(1); err != nil {
			return err
		}
		call.Type = args[0].Type()
		if len(args) == 3 {
			var values []expr.Expr
			if values, call.Type, err = b.unify([]expr.Expr{args[0], args[2]}, call.Name, e.Pos()); err == nil {
				args[0], args[2] = values[0], values[1]
			}
		}
	default:
		call.Type = args[0].Type()
	}
	call.Args = args
	return err
}

func undefinedOver(call *plan.OverCall, args []expr.Expr) error {
	names := make([]string, len(args))
	for i := range args {
		names[i] = args[i].Type().BaseName()
	}
	return sqlerr.New(sqlerr.UndefinedFunction, call.Pos, "function %s(%s) does not exist", call.Name, strings.Join(names, ", ")).
		WithHint("No function matches the given name and argument types. You might need to add explicit type casts.")
}

// overWindow binds the window of a call, and its frame.
func (b *exprBinder) overWindow(call *plan.OverCall, spec *ast.WindowSpec) (*overWindow, error) {
	partitionBy, orderBy, frame, err := b.overs.resolve(spec, len(b.overs.named))
	if err != nil {
		return nil, err
	}
	w := &overWindow{}
	for _, e := range partitionBy {
		value, err := b.bind(e)
		if err != nil {
			return nil, err
		}
		if value, err = b.settle(value); err != nil {
			return nil, err
		}
		if err := checkEquality(value.Type(), e.Pos()); err != nil {
			return nil, err
		}
		w.partitionBy = append(w.partitionBy, value)
	}
	for _, item := range orderBy {
		value, err := b.bind(item.Expr)
		if err != nil {
			return nil, err
		}
		key, err := b.sortKey(value, item)
		if err != nil {
			return nil, err
		}
		w.order = append(w.order, key)
	}
	call.Frame, err = b.overFrame(frame, len(w.order) > 0)
	return w, err
}

// resolve finds what a window is made of. Its base is among the first windows of the
// WINDOW clause.
func (l *overList) resolve(spec *ast.WindowSpec, first int) ([]ast.Expr, []*ast.OrderItem, *ast.Frame, error) {
	name := spec.Name + spec.Base
	if name == "" {
		return spec.PartitionBy, spec.OrderBy, spec.Frame, nil
	}
	i := slices.IndexFunc(l.named[:first], func(n *ast.NamedWindow) bool { return n.Name.Value == name })
	if i < 0 {
		return nil, nil, nil, sqlerr.New(sqlerr.UndefinedObject, spec.Pos(), "window %q does not exist", name)
	}
	partitionBy, orderBy, frame, err := l.resolve(l.named[i].Spec, i)
	if err != nil || spec.Name != "" {
		return partitionBy, orderBy, frame, err
	}
	switch {
	case len(spec.PartitionBy) > 0:
		err = sqlerr.New(sqlerr.WindowingError, spec.Pos(), "cannot override PARTITION BY clause of window %q", name)
	case len(spec.OrderBy) > 0 && len(orderBy) > 0:
		err = sqlerr.New(sqlerr.WindowingError, spec.Pos(), "cannot override ORDER BY clause of window %q", name)
	case frame != nil:
		err = sqlerr.New(sqlerr.WindowingError, spec.Pos(), "cannot copy window %q because it has a frame clause", name)
	}
	if len(spec.OrderBy) > 0 {
		orderBy = spec.OrderBy
	}
	return partitionBy, orderBy, spec.Frame, err
}

// overFrame binds a frame; the usual one is up to the last peer of the row.
func (b *exprBinder) overFrame(f *ast.Frame, ordered bool) (plan.Frame, error) {
	out := plan.Frame{Mode: plan.FrameRange, Start: plan.FrameBound{Unbounded: true}}
	if f == nil {
		return out, nil
	}
	out.Mode = []plan.FrameMode{plan.FrameRange, plan.FrameRows, plan.FrameGroups}[f.Mode]
	if f.Exclusion != ast.ExcludeNothing {
		return out, notSupported(f.Pos(), "EXCLUDE in a window's frame is not supported")
	}
	if f.Mode == ast.FrameGroups && !ordered {
		return out, sqlerr.New(sqlerr.WindowingError, f.Pos(), "GROUPS mode requires an ORDER BY clause")
	}
	var err error
	if out.Start, err = b.frameBound(f, f.Start, "starting"); err != nil || f.End == nil {
		return out, err
	}
	out.End, err = b.frameBound(f, f.End, "ending")
	return out, err
}

func (b *exprBinder) frameBound(f *ast.Frame, bound *ast.FrameBound, side string) (plan.FrameBound, error) {
	switch bound.Kind {
	case ast.UnboundedPreceding, ast.UnboundedFollowing:
		return plan.FrameBound{Unbounded: true}, nil
	case ast.CurrentRow:
		return plan.FrameBound{}, nil
	}
	if f.Mode == ast.FrameRange {
		return plan.FrameBound{}, notSupported(bound.Pos(), "RANGE with an offset is not supported").
			WithHint("ROWS and GROUPS count rows and groups of rows with equal order.")
	}
	outside := &exprBinder{binder: b.binder, scope: newScope(nil), clause: "window frames"}
	value, err := outside.bind(bound.Offset)
	if err == nil {
		value, err = b.coerce(value, types.Int8, expr.Implicit)
	}
	if err != nil {
		return plan.FrameBound{}, err
	}
	if value, err = expr.Fold(b.evalContext(), value); err != nil {
		return plan.FrameBound{}, err
	}
	offset, ok := value.(*expr.Const)
	switch {
	case !ok:
		return plan.FrameBound{}, notSupported(bound.Pos(), "the offset of a window's frame must be a constant")
	case !offset.Value.Valid:
		return plan.FrameBound{}, sqlerr.New(sqlerr.NullValueNotAllowed, -1, "frame %s offset must not be null", side)
	case offset.Value.Int < 0:
		return plan.FrameBound{}, sqlerr.New(sqlerr.InvalidFrameOffset, -1, "frame %s offset must not be negative", side)
	case bound.Kind == ast.OffsetPreceding:
		return plan.FrameBound{Offset: -offset.Value.Int}, nil
	}
	return plan.FrameBound{Offset: offset.Value.Int}, nil
}

// same reports whether two windows have the same partitions and order.
func (w *overWindow) same(other *overWindow) bool {
	return slices.EqualFunc(w.partitionBy, other.partitionBy, equalExprs) &&
		slices.EqualFunc(w.order, other.order, func(a, b plan.SortKey) bool {
			return a.Descending == b.Descending && a.NullsFirst == b.NullsFirst && equalExprs(a.Expr, b.Expr)
		})
}

func sameOverCall(a, b *plan.OverCall) bool {
	return a.Name == b.Name && a.Func == b.Func && a.Frame == b.Frame && a.Type.Equal(b.Type) &&
		slices.EqualFunc(a.Args, b.Args, equalExprs) && equalExprs(a.Filter, b.Filter)
}

// rewrite replaces all that the windows read.
func (l *overList) rewrite(f exprMap) error {
	for _, w := range l.windows {
		for i := range w.partitionBy {
			var err error
			if w.partitionBy[i], err = f(w.partitionBy[i]); err != nil {
				return err
			}
		}
		var err error
		if w.order, err = f.sortKeys(w.order); err != nil {
			return err
		}
		for i := range w.calls {
			if w.calls[i].Args, err = f.all(w.calls[i].Args); err != nil {
				return err
			}
			if w.calls[i].Filter, err = f.one(w.calls[i].Filter); err != nil {
				return err
			}
		}
	}
	return nil
}

// exprs are all that the windows read.
func (l *overList) exprs() []expr.Expr {
	var all []expr.Expr
	for _, w := range l.windows {
		all = append(append(all, w.partitionBy...), sortExprs(w.order)...)
		for i := range w.calls {
			all = append(append(all, w.calls[i].Args...), present(w.calls[i].Filter)...)
		}
	}
	return all
}

// bindWindows checks the WINDOW clause, whose windows are bound where they are used.
func (sb *selectBinder) bindWindows() error {
	for i, w := range sb.ast.Windows {
		for _, earlier := range sb.ast.Windows[:i] {
			if earlier.Name.Value == w.Name.Value {
				return sqlerr.New(sqlerr.WindowingError, w.Pos(), "window %q is already defined", w.Name.Value)
			}
		}
	}
	sb.overs.named = sb.ast.Windows
	eb := sb.clause("WINDOW", &sb.aggregates)
	eb.overs, eb.inOver = &sb.overs, true
	for i, w := range sb.ast.Windows {
		eb.overs = &overList{named: sb.ast.Windows[:i]}
		unused := *eb
		unused.aggregates = &aggregateList{}
		if _, err := unused.overWindow(&plan.OverCall{}, w.Spec); err != nil {
			return err
		}
	}
	return nil
}

// computeWindows puts the windows on top of the block's rows.
func (sb *selectBinder) computeWindows() error {
	if len(sb.overs.windows) == 0 {
		return nil
	}
	if sb.incremental() {
		l := &lowering{binder: sb.binder, node: sb.node}
		if err := sb.overs.rewrite(func(e expr.Expr) (expr.Expr, error) { return l.value(e, nullIsNull) }); err != nil {
			return err
		}
		sb.node = l.node
	}
	sb.passOperands()
	first := make([]int, len(sb.overs.windows))
	for i, w := range sb.overs.windows {
		over := &plan.Over{Order: w.order, Calls: w.calls}
		for _, e := range w.partitionBy {
			over.PartitionBy = append(over.PartitionBy, e.(*expr.Column).Index)
		}
		first[i] = len(sb.node.Columns())
		sb.node = newOver(sb.node, over)
	}
	for i := range sb.output {
		value, err := expr.Rewrite(sb.output[i].value, func(e expr.Expr) (expr.Expr, error) {
			if ref, ok := e.(*overRef); ok {
				column := first[ref.window] + ref.number
				return columnOf(sb.node.Columns()[column], column), nil
			}
			return e, nil
		})
		if err != nil {
			return err
		}
		sb.output[i].value = value
	}
	return nil
}

// passOperands makes what windows partition and order by columns of the block's rows.
func (sb *selectBinder) passOperands() {
	width := len(sb.node.Columns())
	exprs, names := make([]expr.Expr, width), columnNames(sb.node)
	for i, c := range sb.node.Columns() {
		exprs[i] = columnOf(c, i)
	}
	column := func(e expr.Expr) expr.Expr {
		if _, ok := e.(*expr.Column); ok {
			return e
		}
		at := slices.IndexFunc(exprs, func(other expr.Expr) bool { return equalExprs(e, other) })
		if at < 0 {
			at = len(exprs)
			exprs, names = append(exprs, e), append(names, "operand"+decimal(at-width+1))
		}
		return columnOf(plan.Column{Name: names[at], Type: e.Type()}, at)
	}
	for _, w := range sb.overs.windows {
		for i := range w.partitionBy {
			w.partitionBy[i] = column(w.partitionBy[i])
		}
		for i := range w.order {
			w.order[i].Expr = column(w.order[i].Expr)
		}
	}
	if len(exprs) > width {
		sb.node = newProject(sb.node, exprs, names)
	}
}
