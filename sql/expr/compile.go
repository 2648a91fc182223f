package expr

import (
	"errors"

	"millrace/sql/types"
)

// Program is a compiled expression. It owns scratch memory and belongs to one
// goroutine; compile once per host.
type Program struct {
	root Expr
}

// Compile turns an expression into a program. It fails for expressions that
// have no evaluation (0A000).
func Compile(e Expr) (*Program, error) { return nil, errors.New("not compiled") }

// Type returns the type of the values that Eval produces.
func (p *Program) Type() types.Type { return p.root.Type() }

// Eval computes the expression for the rows of in that are in selection (nil:
// all rows). out is resized to in.Len and takes the expression's type; only the
// selected rows that did not fail are meaningful. Failing rows are reported
// through ctx.Fail.
func (p *Program) Eval(ctx *Context, in *types.Batch, selection []int32, out *types.Vector) {}

// EvalRef is Eval into a vector that the program owns, or into none when the
// expression is a column of the batch, which is returned itself. The result is
// valid until the next call and must not be changed.
func (p *Program) EvalRef(ctx *Context, in *types.Batch, selection []int32) *types.Vector { return nil }

// EvalPredicate appends to out those rows of selection (nil: all rows), in
// order, for which the boolean expression is true and did not fail.
func (p *Program) EvalPredicate(ctx *Context, in *types.Batch, selection []int32, out []int32) []int32 {
	return out
}

// EvalDatum computes an expression for one row, for constants, defaults and the
// like: it compiles it each time.
func EvalDatum(ctx *Context, e Expr, row []types.Datum) (types.Datum, error) {
	return types.Null, errors.New("not compiled")
}

// Fold replaces calls of immutable functions with constant arguments by their
// values. A part whose evaluation fails stays as it is, so that it fails when,
// and only if, a row reaches it.
func Fold(ctx *Context, e Expr) (Expr, error) { return e, nil }
