package planner

import "millrace/sql/expr"

// mapChildren returns e with each expression directly inside replaced by f's
// result for it. It is the step of rewrites that go from the outside inwards;
// expr.Rewrite goes the other way.
func mapChildren(e expr.Expr, f exprMap) (expr.Expr, error) {
	var err error
	switch e := e.(type) {
	case *expr.Call:
		c := *e
		c.Args, err = f.all(e.Args)
		return &c, err
	case *expr.SetCall:
		c := *e
		c.Args, err = f.all(e.Args)
		return &c, err
	case *expr.Cast:
		c := *e
		c.Arg, err = f(e.Arg)
		return &c, err
	case *expr.And:
		c := *e
		c.Args, err = f.all(e.Args)
		return &c, err
	case *expr.Or:
		c := *e
		c.Args, err = f.all(e.Args)
		return &c, err
	case *expr.Not:
		c := *e
		c.Arg, err = f(e.Arg)
		return &c, err
	case *expr.IsNull:
		c := *e
		c.Arg, err = f(e.Arg)
		return &c, err
	case *expr.IsDistinct:
		c := *e
		err = f.pair(e.Left, &c.Left, e.Right, &c.Right)
		return &c, err
	case *expr.Case:
		c := *e
		if c.When, err = f.all(e.When); err != nil {
			return nil, err
		}
		err = f.listAnd(e.Then, &c.Then, e.Else, &c.Else)
		return &c, err
	case *expr.Coalesce:
		c := *e
		c.Args, err = f.all(e.Args)
		return &c, err
	case *expr.In:
		c := *e
		err = f.listAnd(e.List, &c.List, e.Arg, &c.Arg)
		return &c, err
	case *expr.AnyAll:
		c := *e
		err = f.pair(e.Left, &c.Left, e.Array, &c.Array)
		return &c, err
	default:
		return mapConstructor(e, f)
	}
}

// mapConstructor is mapChildren for what makes and takes apart arrays, structs
// and maps, and for subqueries.
func mapConstructor(e expr.Expr, f exprMap) (expr.Expr, error) {
	var err error
	switch e := e.(type) {
	case *expr.ArrayConstructor:
		c := *e
		c.Elems, err = f.all(e.Elems)
		return &c, err
	case *expr.StructConstructor:
		c := *e
		c.Fields, err = f.all(e.Fields)
		return &c, err
	case *expr.MapConstructor:
		c := *e
		if c.Keys, err = f.all(e.Keys); err != nil {
			return nil, err
		}
		c.Values, err = f.all(e.Values)
		return &c, err
	case *expr.Subscript:
		c := *e
		err = f.pair(e.Arg, &c.Arg, e.Index, &c.Index)
		return &c, err
	case *expr.Slice:
		c := *e
		if c.Arg, err = f(e.Arg); err != nil {
			return nil, err
		}
		err = f.pair(e.Low, &c.Low, e.High, &c.High)
		return &c, err
	case *expr.FieldAccess:
		c := *e
		c.Arg, err = f(e.Arg)
		return &c, err
	case *expr.Subquery:
		c := *e
		err = f.listAnd(e.Fields, &c.Fields, e.Left, &c.Left)
		return &c, err
	default:
		return e, nil
	}
}

// pair maps two expressions, either of which may be nil.
func (f exprMap) pair(a expr.Expr, toA *expr.Expr, b expr.Expr, toB *expr.Expr) error {
	var err error
	if *toA, err = f.one(a); err != nil {
		return err
	}
	*toB, err = f.one(b)
	return err
}

// listAnd maps a list and one more expression, which may be nil.
func (f exprMap) listAnd(list []expr.Expr, toList *[]expr.Expr, e expr.Expr, to *expr.Expr) error {
	var err error
	if *toList, err = f.all(list); err != nil {
		return err
	}
	*to, err = f.one(e)
	return err
}
