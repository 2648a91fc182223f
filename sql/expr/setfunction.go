package expr

import (
	"slices"

	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// SetFunction is one signature of a set-returning function, whose value is any
// number of rows (https://www.postgresql.org/docs/15/functions-srf.html).
type SetFunction struct {
	Name string
	Args []types.Type
	// Columns are the declared columns of the rows; SetCall has their types in a
	// call.
	Columns []SetColumn
	// Strict functions return no rows when any argument is NULL, and are not called
	// then.
	Strict bool
	// New returns the maker of a call's rows, for arguments of the types that
	// ResolveSetFunction returned.
	New func(args []types.Type) RowSource
	// Description is one line for the documentation.
	Description string
}

// SetColumn is a column of a set-returning function. One without a name is called
// what the function's alias in FROM says, or what the function is.
type SetColumn struct {
	Name string
	Type types.Type
}

// RowSource makes the rows of calls of a set-returning function, one call after
// the other.
type RowSource interface {
	// Start begins the rows for a call's arguments.
	Start(ctx *Context, args []types.Datum) error
	// Append adds up to n rows to the function's columns and returns how many; fewer
	// than n mean that there are no more. Rows that it adds before an error count.
	Append(columns []types.Vector, n int) (int, error)
}

// SetCall is a set-returning function applied to arguments of exactly its types.
// As a value, in a SELECT list while it is bound, it is the only column of each
// row or a struct of all; it cannot be evaluated there: plans have its calls in
// nodes that give a row for each of its rows.
type SetCall struct {
	Node
	Func    *SetFunction
	Args    []Expr
	Columns []SetColumn
}

// ResolveSetFunction chooses the signature of a set-returning function for
// arguments of the given types, as ResolveFunction does, and returns it with the
// types that the arguments must be coerced to and its columns for those.
func ResolveSetFunction(name string, args []types.Type, pos int) (*SetFunction, []types.Type, []SetColumn, error) {
	candidates := theRegistry().sets[name]
	signatures := make([]signatureOf, len(candidates))
	for i, f := range candidates {
		signatures[i] = signatureOf{args: f.Args}
	}
	chosen, ambiguous := choose(signatures, args)
	switch {
	case chosen < 0 && ambiguous:
		return nil, nil, nil, sqlerr.New(sqlerr.AmbiguousFunction, pos, "function %s(%s) is not unique", name, typeNames(args)).
			WithHint("Could not choose a best candidate function. You might need to add explicit type casts.")
	case chosen < 0:
		return nil, nil, nil, errNoFunction(name, args, pos)
	}
	f := candidates[chosen]
	want, err := resolveArguments(f.Args, false, args, pos)
	if err != nil {
		return nil, nil, nil, err
	}
	columns := slices.Clone(f.Columns)
	for i := range columns {
		if isPolymorphic(columns[i].Type) {
			if columns[i].Type, err = bindPolymorphic(f.Args, false, columns[i].Type, want); err != nil {
				return nil, nil, nil, sqlerr.From(err).At(pos)
			}
		}
	}
	return f, want, columns, nil
}

// IsSetFunction reports whether there is a set-returning function of that name.
func IsSetFunction(name string) bool { return len(theRegistry().sets[name]) > 0 }

// AllSetFunctions returns every set-returning function, by name and then in the
// order of declaration.
func AllSetFunctions() []*SetFunction { return byName(theRegistry().sets) }

// OneRow is a function of one argument whose only row is that: what a function
// that returns one value is among functions in FROM.
func OneRow(arg Expr) *SetCall {
	f := &SetFunction{Args: []types.Type{arg.Type()}, New: func([]types.Type) RowSource { return newList(oneRow) }}
	return &SetCall{
		Node: Node{ResultType: arg.Type(), Position: arg.Pos()}, Func: f, Args: []Expr{arg}, Columns: []SetColumn{{Type: arg.Type()}},
	}
}

func oneRow(_ *Context, args []types.Datum) ([][]types.Datum, error) {
	return [][]types.Datum{{args[0]}}, nil
}

// CallType is the type of a call's value for its columns.
func CallType(columns []SetColumn) types.Type {
	if len(columns) == 1 {
		return columns[0].Type
	}
	fields := make([]types.Field, len(columns))
	for i, c := range columns {
		fields[i] = types.Field{Name: c.Name, Type: c.Type}
	}
	return types.StructOf(fields)
}

// defineSets defines the set-returning functions.
func (b *builder) defineSets() {
	b.defineSeries()
	b.defineArraySets()
	b.defineJSONSets()
	b.defineTextSets()
	b.defineOptionSets()
	b.defineKeywords()
	b.definePartitions()
}

// set defines one signature of a set-returning function; columns are written as
// arguments are, with "name:" before the types of those that have names.
func (b *builder) set(name, args string, columns []SetColumn, newSource func(args []types.Type) RowSource, description string) *SetFunction {
	f := &SetFunction{Name: name, Columns: columns, Strict: true, New: newSource, Description: description}
	f.Args, _ = typesNamed(args)
	b.registry.sets[name] = append(b.registry.sets[name], f)
	return f
}

// setAlias gives every signature of a set-returning function a second name.
func (b *builder) setAlias(name, of string) {
	for _, f := range b.registry.sets[of] {
		renamed := *f
		renamed.Name = name
		b.registry.sets[name] = append(b.registry.sets[name], &renamed)
	}
}

// unnamed is the only column of a function that declares no name for it.
func unnamed(typeName string) []SetColumn { return []SetColumn{{Type: typeNamed(typeName)}} }

// list is a source of rows that are computed at the start: columns of one length.
type list struct {
	compute func(ctx *Context, args []types.Datum) ([][]types.Datum, error)
	columns [][]types.Datum
	at      int
}

func newList(compute func(ctx *Context, args []types.Datum) ([][]types.Datum, error)) RowSource {
	return &list{compute: compute}
}

// Start implements RowSource.
func (l *list) Start(ctx *Context, args []types.Datum) (err error) {
	l.at = 0
	l.columns, err = l.compute(ctx, args)
	return err
}

// Append implements RowSource.
func (l *list) Append(columns []types.Vector, n int) (int, error) {
	if len(l.columns) == 0 {
		return 0, nil
	}
	n = min(n, len(l.columns[0])-l.at)
	for c, values := range l.columns {
		for _, d := range values[l.at : l.at+n] {
			columns[c].Append(d)
		}
	}
	l.at += n
	return n, nil
}
