package planner

import (
	"slices"

	"millrace/sql/ast"
	"millrace/sql/sqlerr"
)

// argumentNames are the names of arguments of functions that can be called with
// name => value. Those of make_interval may be left out and are 0 then.
var argumentNames = map[string][]string{
	"make_date":        {"year", "month", "day"},
	"make_time":        {"hour", "min", "sec"},
	"make_timestamp":   {"year", "month", "mday", "hour", "min", "sec"},
	"make_timestamptz": {"year", "month", "mday", "hour", "min", "sec", "timezone"},
	"make_interval":    {"years", "months", "weeks", "days", "hours", "mins", "secs"},
}

// positional puts a call's arguments in the order of the function's: first those
// without a name, then those with one. The calls of functions without named
// arguments stay as they are, as do those whose arguments have no names.
func positional(name string, e *ast.FunctionCall) ([]ast.Expr, error) {
	names := argumentNames[name]
	if names == nil || !slices.ContainsFunc(e.Args, func(arg ast.Expr) bool { return namedArgument(arg) != nil }) {
		return e.Args, nil
	}
	missing := func() error {
		return sqlerr.New(sqlerr.UndefinedFunction, e.Pos(), "no function %s has arguments of these names", name).
			WithHint("Its arguments are %v.", names)
	}
	args := make([]ast.Expr, len(names))
	last := -1
	for i, arg := range e.Args {
		named := namedArgument(arg)
		at := i
		if named != nil {
			at, arg = slices.Index(names, named.Name.Value), named.Value
		} else if i > 0 && namedArgument(e.Args[i-1]) != nil {
			return nil, sqlerr.New(sqlerr.SyntaxError, arg.Pos(), "positional argument cannot follow named argument")
		}
		if at < 0 || at >= len(names) || args[at] != nil {
			return nil, missing()
		}
		args[at], last = arg, max(last, at)
	}
	args = args[:last+1]
	for i := range args {
		if args[i] != nil {
			continue
		}
		if name != "make_interval" {
			return nil, missing()
		}
		args[i] = &ast.IntegerLiteral{Span: e.Span}
	}
	return args, nil
}

// namedArgument returns an argument that has a name, nil for others.
func namedArgument(arg ast.Expr) *ast.NamedArgument {
	switch arg := arg.(type) {
	case *ast.NamedArgument:
		return arg
	case *ast.ArrowArgument:
		return arg.NamedArgument()
	}
	return nil
}

// unitFunctions are ksqlDB's functions whose first argument is a unit of time,
// written as a word.
var unitFunctions = map[string]bool{
	"dateadd": true, "datesub": true, "timeadd": true, "timesub": true, "timestampadd": true, "timestampsub": true,
}

// withUnit makes text of the unit that a call's first argument names.
func withUnit(name string, args []ast.Expr) []ast.Expr {
	if !unitFunctions[name] || len(args) == 0 {
		return args
	}
	column, ok := args[0].(*ast.ColumnRef)
	if !ok || len(column.Parts) != 1 {
		return args
	}
	unit := &ast.StringLiteral{Span: column.Span, Value: column.Parts[0]}
	return append([]ast.Expr{unit}, args[1:]...)
}
