package expr

import "millrace/sql/types"

// Program is a compiled expression. It owns scratch memory and belongs to one
// goroutine; compile once per host.
type Program struct {
	root Expr
	eval evaluator
}

// evaluator computes an expression for the rows in selection into out, which is
// sized to the batch and zeroed.
type evaluator func(ctx *Context, in *types.Batch, selection []int32, out *types.Vector)

// Type returns the type of the values that Eval produces.
func (p *Program) Type() types.Type { return p.root.Type() }
