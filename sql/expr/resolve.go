package expr

import (
	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// ResolveFunction chooses the overload of a function for arguments of the given
// types, by PostgreSQL's rules
// (https://www.postgresql.org/docs/15/typeconv-func.html), and returns it with
// the types that the arguments must be coerced to, one per argument: those of a
// polymorphic or variadic overload are resolved. Overload.ResultType gives the
// type of the call.
func ResolveFunction(name string, args []types.Type, pos int) (*Overload, []types.Type, error) {
	candidates := Overloads(name)
	chosen, ambiguous := choose(asSignatures(candidates), args)
	switch {
	case chosen >= 0:
		o := candidates[chosen]
		resolved, err := resolveArguments(o.Args, o.Variadic, args, pos)
		if err == nil {
			err = checkComparable(name, o.Args, resolved, pos)
		}
		return o, resolved, err
	case ambiguous:
		return nil, nil, sqlerr.New(sqlerr.AmbiguousFunction, pos, "function %s(%s) is not unique", name, typeNames(args)).
			WithHint("Could not choose a best candidate function. You might need to add explicit type casts.")
	}
	if o, ok := castFunction(name, args); ok {
		return o, o.Args, nil
	}
	return nil, nil, errNoFunction(name, args, pos)
}

func errNoFunction(name string, args []types.Type, pos int) error {
	return sqlerr.New(sqlerr.UndefinedFunction, pos, "function %s(%s) does not exist", name, typeNames(args)).
		WithHint("No function matches the given name and argument types. You might need to add explicit type casts.")
}

// castFunction treats the name of a type as a function of one argument that
// converts to it.
func castFunction(name string, args []types.Type) (*Overload, bool) {
	to, ok := declaredTypes[name]
	if !ok || len(args) != 1 || to.Kind == types.KindVoid || to.Kind == types.KindUnknown {
		return nil, false
	}
	from := args[0]
	if from.Kind == types.KindUnknown {
		from = types.Text
	}
	if !CanCast(from, to, Explicit) {
		return nil, false
	}
	return &Overload{
		Name: name, Args: []types.Type{from}, Result: to, Strict: true,
		Volatility: castVolatility(from, to), Eval: castKernel(from, to, true),
		Description: "converts to " + TypeName(to),
	}, true
}

// ResolveOperator chooses the overload of an operator, by PostgreSQL's rules
// (https://www.postgresql.org/docs/15/typeconv-oper.html). For a prefix
// operator left is types.Void. It returns one type per operand.
func ResolveOperator(token string, left, right types.Type, pos int) (*Overload, []types.Type, error) {
	operands := []types.Type{left, right}
	exact := operands
	if left.Kind == types.KindVoid {
		operands, exact = operands[1:], operands[1:]
	} else {
		exact = assumeOtherSide(left, right)
	}
	candidates := Operators(token)
	chosen := exactMatch(asSignatures(candidates), exact)
	ambiguous := false
	if chosen < 0 {
		chosen, ambiguous = choose(asSignatures(candidates), operands)
	}
	switch {
	case chosen >= 0:
		o := candidates[chosen]
		resolved, err := resolveArguments(o.Args, false, operands, pos)
		if err == nil {
			err = checkComparable(token, o.Args, resolved, pos)
		}
		return o, resolved, err
	case ambiguous:
		return nil, nil, sqlerr.New(sqlerr.AmbiguousFunction, pos, "operator is not unique: %s", operatorText(token, operands)).
			WithHint("Could not choose a best candidate operator. You might need to add explicit type casts.")
	}
	hint := "No operator matches the given name and argument types. You might need to add explicit type casts."
	if len(operands) == 1 {
		hint = "No operator matches the given name and argument type. You might need to add an explicit type cast."
	}
	return nil, nil, sqlerr.New(sqlerr.UndefinedFunction, pos, "operator does not exist: %s", operatorText(token, operands)).
		WithHint("%s", hint)
}

// assumeOtherSide gives an unknown operand the type of the other one, which is
// what an exact match is tried with first.
func assumeOtherSide(left, right types.Type) []types.Type {
	switch {
	case left.Kind == types.KindUnknown:
		left = right
	case right.Kind == types.KindUnknown:
		right = left
	}
	return []types.Type{left, right}
}

func operatorText(token string, operands []types.Type) string {
	if len(operands) == 1 {
		return token + " " + typeNames(operands)
	}
	return typeNames(operands[:1]) + " " + token + " " + typeNames(operands[1:])
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
	candidates := theRegistry().aggregates[name]
	signatures := make([]signatureOf, len(candidates))
	for i, a := range candidates {
		signatures[i] = signatureOf{a.Args, a.Variadic}
	}
	chosen, ambiguous := choose(signatures, args)
	switch {
	case chosen >= 0:
		a := candidates[chosen]
		resolved, err := resolveArguments(a.Args, a.Variadic, args, pos)
		return a, resolved, err
	case ambiguous:
		return nil, nil, sqlerr.New(sqlerr.AmbiguousFunction, pos, "function %s(%s) is not unique", name, typeNames(args)).
			WithHint("Could not choose a best candidate function. You might need to add explicit type casts.")
	}
	return nil, nil, errNoFunction(name, args, pos)
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
	out := make([]types.Type, len(a.State))
	for i, t := range a.State {
		if isPolymorphic(t) {
			t, _ = bindPolymorphic(a.Args, a.Variadic, t, args)
		}
		out[i] = t
	}
	return out
}

// signatureOf is the declared arguments of a candidate.
type signatureOf struct {
	args     []types.Type
	variadic bool
}

func asSignatures(list []*Overload) []signatureOf {
	out := make([]signatureOf, len(list))
	for i, o := range list {
		out[i] = signatureOf{o.Args, o.Variadic}
	}
	return out
}

// accepts reports whether the candidate can be called with n arguments.
func (s signatureOf) accepts(n int) bool {
	if s.variadic {
		return n >= len(s.args)
	}
	return n == len(s.args)
}

// at returns the declared type of argument i.
func (s signatureOf) at(i int) types.Type {
	if i >= len(s.args) {
		return s.args[len(s.args)-1]
	}
	return s.args[i]
}

// resolveArguments returns the types that arguments of a chosen candidate are
// coerced to.
func resolveArguments(declared []types.Type, variadic bool, args []types.Type, pos int) ([]types.Type, error) {
	s := signatureOf{declared, variadic}
	bound, err := bind(s, args)
	if err != nil {
		return nil, sqlerr.From(err).At(pos)
	}
	out := make([]types.Type, len(args))
	for i := range args {
		out[i] = bound.actual(s.at(i), args[i])
	}
	return out, nil
}
