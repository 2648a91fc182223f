package expr

import (
	"slices"
	"strings"
	"sync"

	"millrace/sql/types"
)

// registry holds every function, operator and aggregate. It is built once, when
// first asked for, and not changed afterwards.
type registry struct {
	functions  map[string][]*Overload
	operators  map[string][]*Overload
	aggregates map[string][]*Aggregate
	sets       map[string][]*SetFunction
}

var theRegistry = sync.OnceValue(buildRegistry)

func buildRegistry() *registry {
	b := &builder{registry: registry{
		functions:  map[string][]*Overload{},
		operators:  map[string][]*Overload{},
		aggregates: map[string][]*Aggregate{},
		sets:       map[string][]*SetFunction{},
	}}
	b.defineComparisons()
	b.defineArithmetic()
	b.defineMath()
	b.defineText()
	b.defineLike()
	b.defineRegex()
	b.defineEncodings()
	b.defineDateTime()
	b.defineTimeTZ()
	b.defineEnums()
	b.defineToChar()
	b.defineFromChar()
	b.defineNumberTemplates()
	b.defineArrays()
	b.defineJSON()
	b.defineJSONText()
	b.defineConditional()
	b.defineSession()
	b.defineSequences()
	b.defineNotifications()
	b.defineKSQL()
	b.defineAggregates()
	b.defineSets()
	return &b.registry
}

// builder adds definitions to a registry. Argument lists are written as text:
// "int4,text", with "..." after the last for a variadic one; see typeNamed.
type builder struct {
	registry registry
}

// option changes an overload while it is defined.
type option func(*Overload)

// notStrict makes the kernel see rows with NULL arguments.
func notStrict(o *Overload) { o.Strict = false }

// stable and volatile set the volatility.
func stable(o *Overload)   { o.Volatility = Stable }
func volatile(o *Overload) { o.Volatility = Volatile }

// stateful replaces the kernel by one that is made for each program.
func stateful(newKernel func() Kernel) option {
	return func(o *Overload) { o.New = newKernel }
}

// function defines one overload of a function.
func (b *builder) function(name, args, result string, kernel Kernel, description string, options ...option) *Overload {
	o := newOverload(name, args, result, kernel, description, options)
	b.registry.functions[name] = append(b.registry.functions[name], o)
	return o
}

// operator defines one overload of an operator.
func (b *builder) operator(token, args, result string, kernel Kernel, description string, options ...option) *Overload {
	o := newOverload(token, args, result, kernel, description, options)
	b.registry.operators[token] = append(b.registry.operators[token], o)
	return o
}

// alias gives every overload of a function a second name.
func (b *builder) alias(name, of string) {
	for _, o := range b.registry.functions[of] {
		renamed := *o
		renamed.Name = name
		b.registry.functions[name] = append(b.registry.functions[name], &renamed)
	}
}

func newOverload(name, args, result string, kernel Kernel, description string, options []option) *Overload {
	o := &Overload{Name: name, Result: typeNamed(result), Strict: true, Eval: kernel, Description: description}
	o.Args, o.Variadic = typesNamed(args)
	for _, option := range options {
		option(o)
	}
	if isPolymorphic(o.Result) && o.ResultOf == nil {
		declared, result, variadic := o.Args, o.Result, o.Variadic
		o.ResultOf = func(args []types.Type) (types.Type, error) {
			return bindPolymorphic(declared, variadic, result, args)
		}
	}
	return o
}

func typesNamed(list string) (out []types.Type, variadic bool) {
	list, variadic = strings.CutSuffix(list, "...")
	if list == "" {
		return nil, false
	}
	for name := range strings.SplitSeq(list, ",") {
		out = append(out, typeNamed(name))
	}
	return out, variadic
}

// Overloads returns the overloads of the function with the given name (in lower
// case), nil when there is none. The caller must not change them.
func Overloads(name string) []*Overload { return theRegistry().functions[name] }

// Operators returns the overloads of the operator with the given token; prefix
// operators have one argument. The caller must not change them.
func Operators(token string) []*Overload {
	if token == "!=" {
		token = "<>"
	}
	return theRegistry().operators[token]
}

// IsAggregate reports whether there is an aggregate function of that name.
func IsAggregate(name string) bool { return len(theRegistry().aggregates[name]) > 0 }

// AllFunctions returns every function and operator, by name and then in the
// order of declaration; operators come first.
func AllFunctions() []*Overload {
	return append(byName(theRegistry().operators), byName(theRegistry().functions)...)
}

// AllAggregates returns every aggregate, by name and then in the order of
// declaration.
func AllAggregates() []*Aggregate { return byName(theRegistry().aggregates) }

func byName[T any](named map[string][]T) []T {
	names := make([]string, 0, len(named))
	for name := range named {
		names = append(names, name)
	}
	slices.Sort(names)
	var out []T
	for _, name := range names {
		out = append(out, named[name]...)
	}
	return out
}
