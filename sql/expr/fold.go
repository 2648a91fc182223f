package expr

import (
	"slices"

	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// Fold replaces calls of immutable functions with constant arguments by their
// values, and reads the literals that Coerce left because they depend on the
// session's settings. A part whose evaluation fails stays as it is, so that it
// fails when, and only if, a row reaches it; a malformed literal is an error at
// once.
func Fold(ctx *Context, e Expr) (Expr, error) {
	f := folder{ctx: &Context{Now: ctx.Now, Format: ctx.Format, Session: ctx.Session}}
	return Rewrite(e, f.fold)
}

type folder struct{ ctx *Context }

func (f *folder) fold(e Expr) (Expr, error) {
	switch e := e.(type) {
	case *Const, *Column, *Param, *Outer, *Subquery, *Rowtime, *RowOffset, *RowPartition:
		return e, nil
	case *And:
		return foldConnective(e, e.Args, 0), nil
	case *Or:
		return foldConnective(e, e.Args, 1), nil
	case *Case:
		return foldCase(e), nil
	case *Coalesce:
		return foldCoalesce(e), nil
	case *Cast:
		return f.foldCast(e)
	case *Call:
		return f.foldCall(e), nil
	case *AnyAll:
		if e.Func.Volatility != Immutable {
			return e, nil
		}
	}
	return f.evaluate(e), nil
}

// evaluate returns e's value when everything in it is constant and it does not
// fail.
func (f *folder) evaluate(e Expr) Expr {
	if !allConstant(Children(e)) {
		return e
	}
	d, err := EvalDatum(f.ctx, e, nil)
	if err != nil {
		return e
	}
	return constant(e, d)
}

func constant(e Expr, d types.Datum) Expr {
	return &Const{Node: Node{ResultType: e.Type(), Position: e.Pos()}, Value: d}
}

func allConstant(list []Expr) bool {
	return !slices.ContainsFunc(list, func(e Expr) bool { _, ok := e.(*Const); return !ok })
}

// isConstant reports whether e is the constant boolean v.
func isConstant(e Expr, v int64) bool {
	c, ok := e.(*Const)
	return ok && c.Value.Valid && c.Value.Int == v
}

func (f *folder) foldCall(e *Call) Expr {
	if e.Func.Strict && slices.ContainsFunc(e.Args, isNullConstant) {
		return constant(e, types.Null)
	}
	if e.Func.Volatility != Immutable {
		return e
	}
	return f.evaluate(e)
}

func isNullConstant(e Expr) bool {
	c, ok := e.(*Const)
	return ok && !c.Value.Valid
}

func (f *folder) foldCast(e *Cast) (Expr, error) {
	c, ok := e.Arg.(*Const)
	if !ok {
		return e, nil
	}
	if f.ctx.Session == nil && e.ResultType.Kind.IsReg() && e.ResultType.Kind != types.KindRegtype {
		return e, nil // the name of an object is looked up where there is a catalog
	}
	if c.ResultType.Kind == types.KindUnknown {
		d, err := EvalDatum(f.ctx, e, nil)
		if err != nil {
			return nil, sqlerr.From(err).At(e.Position)
		}
		return constant(e, d), nil
	}
	if castVolatility(c.ResultType, e.ResultType) != Immutable {
		return e, nil
	}
	return f.evaluate(e), nil
}

// foldConnective simplifies AND (decisive is 0) and OR (decisive is 1).
func foldConnective(e Expr, args []Expr, decisive int64) Expr {
	kept := make([]Expr, 0, len(args))
	for _, arg := range args {
		if isConstant(arg, decisive) {
			return constant(e, types.IntDatum(decisive))
		}
		if !isConstant(arg, 1-decisive) {
			kept = append(kept, arg)
		}
	}
	switch {
	case len(kept) == 0:
		return constant(e, types.IntDatum(1-decisive))
	case len(kept) == 1:
		return kept[0]
	case len(kept) == len(args):
		return e
	}
	node := Node{ResultType: e.Type(), Position: e.Pos()}
	if decisive == 0 {
		return &And{Node: node, Args: kept}
	}
	return &Or{Node: node, Args: kept}
}

// foldCase drops the branches whose condition is constant and not true, and
// those behind one that is always true.
func foldCase(e *Case) Expr {
	out := &Case{Node: e.Node, Else: e.Else}
	for i, when := range e.When {
		if isConstant(when, 0) || isNullConstant(when) {
			continue
		}
		if isConstant(when, 1) {
			out.Else = e.Then[i]
			break
		}
		out.When = append(out.When, when)
		out.Then = append(out.Then, e.Then[i])
	}
	switch {
	case len(out.When) > 0:
		return out
	case out.Else == nil:
		return constant(e, types.Null)
	}
	return out.Else
}

// foldCoalesce drops constant NULLs and what stands behind a constant.
func foldCoalesce(e *Coalesce) Expr {
	out := &Coalesce{Node: e.Node}
	for _, arg := range e.Args {
		if isNullConstant(arg) {
			continue
		}
		out.Args = append(out.Args, arg)
		if _, ok := arg.(*Const); ok {
			break
		}
	}
	switch len(out.Args) {
	case 0:
		return constant(e, types.Null)
	case 1:
		return out.Args[0]
	}
	return out
}

// VolatilityOf returns the volatility of an expression: the largest of what is
// in it. Parameters and pseudo-columns are immutable here.
func VolatilityOf(e Expr) Volatility {
	highest := Immutable
	Walk(e, func(e Expr) bool {
		switch e := e.(type) {
		case *Call:
			highest = max(highest, e.Func.Volatility)
		case *AnyAll:
			highest = max(highest, e.Func.Volatility)
		case *Cast:
			highest = max(highest, castVolatility(e.Arg.Type(), e.ResultType))
		}
		return true
	})
	return highest
}
