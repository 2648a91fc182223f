package planner

import (
	"strings"

	"millrace/planner/plan"
	"millrace/sql/ast"
	"millrace/sql/expr"
	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// functionCall binds a call of a function or an aggregate.
func (b *exprBinder) functionCall(e *ast.FunctionCall) (expr.Expr, error) {
	name, err := b.functionName(e.Name)
	if err != nil {
		return nil, err
	}
	switch {
	case len(e.WithinGroup) > 0:
		return nil, notSupported(e.Pos(), "ordered-set aggregates are not supported")
	case e.Variadic:
		return nil, notSupported(e.Pos(), "VARIADIC is not supported")
	}
	if e.Over != nil {
		return b.overCall(name, e)
	}
	if expr.IsAggregate(name) {
		return b.aggregateCall(name, e)
	}
	if _, isWindow := overFunctions[name]; isWindow {
		return nil, sqlerr.New(sqlerr.WrongObjectType, e.Pos(), "window function %s requires an OVER clause", name)
	}
	if err := notAggregate(name, e); err != nil {
		return nil, err
	}
	if expr.IsSetFunction(name) {
		return b.rowFunction(name, e)
	}
	if name == "grouping" {
		return nil, notSupported(e.Pos(), "%s is not supported", name)
	}
	positions, err := positional(name, e)
	if err != nil {
		return nil, err
	}
	inner := b
	if name == "coalesce" {
		inner = b.insideOf("COALESCE")
	}
	args, err := inner.bindAll(withUnit(name, positions))
	if err != nil {
		return nil, err
	}
	switch name {
	case "coalesce", "greatest", "least":
		return b.variadicCommon(name, args, e.Pos())
	case "nullif":
		return b.nullIf(args, e.Pos())
	}
	if call, err := b.catalogCall(name, args, e.Pos()); call != nil || err != nil {
		return call, err
	}
	return b.call(name, args, e.Pos())
}

// functionName returns the name under which package expr knows a function.
func (b *binder) functionName(name *ast.Name) (string, error) {
	if err := b.checkDatabase(name.Catalog(), strings.Join(name.Parts, "."), name.Pos()); err != nil {
		return "", err
	}
	switch schema := name.Schema(); schema {
	case "", "pg_catalog", "public", "information_schema", "millrace":
		return name.Last(), nil
	default:
		return "", sqlerr.New(sqlerr.InvalidSchemaName, name.Pos(), "schema %q does not exist", schema)
	}
}

// notAggregate refuses what only aggregates take.
func notAggregate(name string, e *ast.FunctionCall) error {
	refuse := func(what string) error {
		return sqlerr.New(sqlerr.WrongObjectType, e.Pos(), "%s specified, but %s is not an aggregate function", what, name)
	}
	switch {
	case e.Star:
		return sqlerr.New(sqlerr.UndefinedFunction, e.Pos(), "function %s() does not exist", name)
	case e.Distinct:
		return refuse("DISTINCT")
	case len(e.OrderBy) > 0:
		return refuse("ORDER BY")
	case e.Filter != nil:
		return refuse("FILTER")
	}
	return nil
}

// variadicCommon binds COALESCE, GREATEST and LEAST, whose arguments have one
// type.
func (b *exprBinder) variadicCommon(name string, args []expr.Expr, pos int) (expr.Expr, error) {
	if len(args) == 0 {
		return nil, sqlerr.New(sqlerr.SyntaxError, pos, "%s needs arguments", strings.ToUpper(name))
	}
	args, common, err := b.unify(args, strings.ToUpper(name), pos)
	if err != nil {
		return nil, err
	}
	if name == "coalesce" {
		return &expr.Coalesce{Node: expr.Node{ResultType: common, Position: pos}, Args: args}, nil
	}
	return b.call(name, args, pos)
}

// nullIf is NULL where the arguments are equal, else the first.
func (b *exprBinder) nullIf(args []expr.Expr, pos int) (expr.Expr, error) {
	if len(args) != 2 {
		return nil, sqlerr.New(sqlerr.SyntaxError, pos, "NULLIF needs two arguments")
	}
	equal, err := b.operator("=", args[0], args[1], pos)
	if err != nil {
		return nil, err
	}
	// The result is the first operand as the comparison sees it: NULLIF(1, 2.5) is
	// numeric.
	value := args[0]
	if call, ok := equal.(*expr.Call); ok {
		value = call.Args[0]
	}
	null := &expr.Const{Node: expr.Node{ResultType: value.Type(), Position: pos}}
	return &expr.Case{
		Node: expr.Node{ResultType: value.Type(), Position: pos},
		When: []expr.Expr{equal}, Then: []expr.Expr{null}, Else: value,
	}, nil
}

// valueFunction binds the functions that SQL calls without parentheses. All
// that tell the time are made of now().
func (b *exprBinder) valueFunction(e *ast.ValueFunction) (expr.Expr, error) {
	name := e.Name
	to := types.Type{}
	switch e.Name {
	case "current_timestamp":
		to = types.TimestampTZ
	case "localtimestamp":
		to = types.Timestamp
	case "current_date":
		to = types.Date
	case "localtime":
		to = types.Time
	case "current_time":
		to = types.TimeTZ
	case "current_role", "user":
		name = "current_user"
	case "current_catalog":
		name = "current_database"
	}
	if to.Kind == types.KindUnknown {
		return b.call(name, nil, e.Pos())
	}
	now, err := b.call("now", nil, e.Pos())
	if err != nil {
		return nil, err
	}
	if to.Kind == types.KindTime {
		if now, err = b.coerce(now, types.Timestamp, expr.Explicit); err != nil {
			return nil, err
		}
	}
	if e.Precision >= 0 {
		to.Mod = int32(min(e.Precision, 6))
	}
	return b.coerce(now, to, expr.Explicit)
}

// aggregateCall binds a call of an aggregate and returns a reference to its
// result.
func (b *exprBinder) aggregateCall(name string, e *ast.FunctionCall) (expr.Expr, error) {
	if b.inAggregate {
		return nil, sqlerr.New(sqlerr.GroupingError, e.Pos(), "aggregate function calls cannot be nested")
	}
	if b.aggregates == nil {
		return nil, sqlerr.New(sqlerr.GroupingError, e.Pos(), "aggregate functions are not allowed in %s", b.clause)
	}
	inner := *b
	inner.aggregates, inner.inAggregate = nil, true
	inner.clause = "FILTER"
	call := plan.AggregateCall{Distinct: e.Distinct, Star: e.Star, Pos: e.Pos()}
	args, err := inner.bindAll(e.Args)
	if err != nil {
		return nil, err
	}
	if e.Star && name != "count" {
		return nil, sqlerr.New(sqlerr.UndefinedFunction, e.Pos(), "function %s() does not exist", name)
	}
	if len(args) == 0 && !e.Star {
		return nil, sqlerr.New(sqlerr.WrongObjectType, e.Pos(), "%s(*) must be used to call a parameterless aggregate function", name)
	}
	if err := b.resolveAggregate(&call, name, args); err != nil {
		return nil, err
	}
	if e.Filter != nil {
		if call.Filter, err = inner.bindBool(e.Filter, "FILTER"); err != nil {
			return nil, err
		}
	}
	for _, item := range e.OrderBy {
		if err := b.refuse(item.Pos(), "ORDER BY in an aggregate"); err != nil {
			return nil, err
		}
		key, err := inner.bind(item.Expr)
		if err != nil {
			return nil, err
		}
		sortKey, err := b.sortKey(key, item)
		if err != nil {
			return nil, err
		}
		call.OrderBy = append(call.OrderBy, sortKey)
	}
	number := b.aggregates.add(call, name)
	return &aggregateRef{Node: expr.Node{ResultType: call.Type, Position: e.Pos()}, number: number}, nil
}

func (b *exprBinder) resolveAggregate(call *plan.AggregateCall, name string, args []expr.Expr) error {
	aggregate, want, err := expr.ResolveAggregate(name, exprTypes(args), call.Pos)
	if err != nil {
		return err
	}
	for i := range args {
		if args[i], err = b.coerce(args[i], want[i], expr.Implicit); err != nil {
			return err
		}
		if args[i], err = b.settle(args[i]); err != nil {
			return err
		}
	}
	call.Func, call.Args = aggregate, args
	if err := checkDistinct(call); err != nil {
		return err
	}
	if call.Type, err = aggregate.ResultType(exprTypes(args)); err != nil {
		return sqlerr.From(err).At(call.Pos)
	}
	return nil
}

// add returns the number of a call, which is that of an equal one where there
// is one.
func (l *aggregateList) add(call plan.AggregateCall, name string) int {
	for i := range l.calls {
		if equalCalls(&l.calls[i], &call) {
			return i
		}
	}
	l.calls, l.names = append(l.calls, call), append(l.names, name)
	return len(l.calls) - 1
}

func equalCalls(a, b *plan.AggregateCall) bool {
	if a.Func != b.Func || a.Distinct != b.Distinct || len(a.Args) != len(b.Args) || len(a.OrderBy) != len(b.OrderBy) ||
		!equalExprs(a.Filter, b.Filter) {
		return false
	}
	for i := range a.Args {
		if !equalExprs(a.Args[i], b.Args[i]) {
			return false
		}
	}
	for i := range a.OrderBy {
		x, y := a.OrderBy[i], b.OrderBy[i]
		if x.Descending != y.Descending || x.NullsFirst != y.NullsFirst || !equalExprs(x.Expr, y.Expr) {
			return false
		}
	}
	return true
}
