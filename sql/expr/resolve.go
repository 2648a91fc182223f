package expr

import (
	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// Overloads returns the overloads of the function with the given name (in lower
// case), nil when there is none. The caller must not change them.
func Overloads(name string) []*Overload { return nil }

// Operators returns the overloads of the operator with the given token; prefix
// operators have one argument.
func Operators(token string) []*Overload { return nil }

// ResolveFunction chooses the overload of a function for arguments of the given
// types, by PostgreSQL's rules
// (https://www.postgresql.org/docs/15/typeconv-func.html), and returns it with
// the types that each argument must be coerced to. The types of a polymorphic
// or variadic overload are resolved: the result has one type per argument.
// ResultType gives the type of the call.
func ResolveFunction(name string, args []types.Type, pos int) (*Overload, []types.Type, error) {
	return nil, nil, sqlerr.New(sqlerr.UndefinedFunction, pos, "function %s does not exist", name)
}

// ResolveOperator chooses the overload of an operator, by PostgreSQL's rules
// (https://www.postgresql.org/docs/15/typeconv-oper.html). For a prefix
// operator left is types.Void. It returns one type per operand.
func ResolveOperator(token string, left, right types.Type, pos int) (*Overload, []types.Type, error) {
	return nil, nil, sqlerr.New(sqlerr.UndefinedFunction, pos, "operator does not exist: %s", token)
}

// ResultType returns the type of a call of o with arguments of the given types,
// which are those that ResolveFunction or ResolveOperator returned.
func (o *Overload) ResultType(args []types.Type) (types.Type, error) {
	if o.ResultOf != nil {
		return o.ResultOf(args)
	}
	return o.Result, nil
}

// ResolveAggregate chooses the aggregate for arguments of the given types, as
// ResolveFunction does; count(*) has none.
func ResolveAggregate(name string, args []types.Type, pos int) (*Aggregate, []types.Type, error) {
	return nil, nil, sqlerr.New(sqlerr.UndefinedFunction, pos, "function %s does not exist", name)
}

// ResultType returns the type of the aggregate's result for arguments of the
// types that ResolveAggregate returned.
func (a *Aggregate) ResultType(args []types.Type) (types.Type, error) {
	if a.ResultOf != nil {
		return a.ResultOf(args)
	}
	return a.Result, nil
}

// StateTypes returns the types of the columns of one group's state for
// arguments of the types that ResolveAggregate returned.
func (a *Aggregate) StateTypes(args []types.Type) []types.Type {
	return a.State
}

// IsAggregate reports whether there is an aggregate function of that name.
func IsAggregate(name string) bool { return false }

// AllFunctions returns every function and operator, by name and then in the
// order of declaration.
func AllFunctions() []*Overload { return nil }

// AllAggregates returns every aggregate, by name.
func AllAggregates() []*Aggregate { return nil }
