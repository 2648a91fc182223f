package expr

import "millrace/sql/types"

// Volatility says what a function's result depends on, with PostgreSQL's
// meaning (https://www.postgresql.org/docs/15/xfunc-volatility.html).
type Volatility uint8

// The volatilities, from the most foldable to the least.
const (
	Immutable Volatility = iota
	Stable
	Volatile
)

// Overload is one signature of a function or operator. Operators are functions
// whose name is the operator's token.
type Overload struct {
	Name       string
	Args       []types.Type
	Variadic   bool // the last of Args repeats
	Result     types.Type
	Volatility Volatility
	// Strict functions return NULL when any argument is NULL, and are not called
	// for such rows.
	Strict bool
	// ResultOf, where not nil, computes the result type from the argument types
	// (polymorphic functions).
	ResultOf func(args []types.Type) (types.Type, error)
	// Eval computes the function for the rows in selection; see Kernel. It is nil
	// where New is set.
	Eval Kernel
	// New returns a kernel with memory of its own (a compiled pattern), for one
	// program.
	New func() Kernel
	// Description is one line for the documentation.
	Description string

	// comparison and ordering are set for operators that have loops of their own.
	comparison comparison
	ordering   ordering
}

// Kernel computes a function over vectors: for each row i in selection it reads
// args[.][i] and writes out's value i (out is sized and zeroed). Strict
// functions are only given rows without NULL arguments; others set and read
// nulls themselves. A row that fails is reported through ctx.Fail(i, err) and
// left NULL.
type Kernel func(ctx *Context, args []*types.Vector, selection []int32, out *types.Vector)
