package planner

import (
	"math"
	"reflect"

	"millrace/sql/expr"
	"millrace/sql/types"
)

// equalExprs reports whether two expressions compute the same value from the
// same row: the same tree, places in the text and names aside.
func equalExprs(a, b expr.Expr) bool {
	if a == nil || b == nil {
		return a == b
	}
	if !a.Type().Equal(b.Type()) || !sameNode(a, b) {
		return false
	}
	left, right := expr.Children(a), expr.Children(b)
	if len(left) != len(right) {
		return false
	}
	for i := range left {
		if !equalExprs(left[i], right[i]) {
			return false
		}
	}
	return true
}

// sameDatum compares constants bit by bit: NaN is itself, and 0 is not -0.
func sameDatum(a, b types.Datum) bool {
	same := math.Float64bits(a.Float) == math.Float64bits(b.Float)
	a.Float, b.Float = 0, 0
	return same && a == b
}

// sameNode compares what two expressions are besides their children.
func sameNode(a, b expr.Expr) bool {
	switch a := a.(type) {
	case *expr.Column:
		b, ok := b.(*expr.Column)
		return ok && a.Index == b.Index
	case *expr.Const:
		b, ok := b.(*expr.Const)
		return ok && sameDatum(a.Value, b.Value)
	case *expr.Param:
		b, ok := b.(*expr.Param)
		return ok && a.Index == b.Index
	case *expr.Outer:
		b, ok := b.(*expr.Outer)
		return ok && a.Level == b.Level && a.Index == b.Index
	case *overRef:
		b, ok := b.(*overRef)
		return ok && a.window == b.window && a.number == b.number
	case *aggregateRef:
		b, ok := b.(*aggregateRef)
		return ok && a.number == b.number
	case *expr.Call:
		b, ok := b.(*expr.Call)
		return ok && a.Func == b.Func && a.Func.Volatility != expr.Volatile
	case *expr.SetCall:
		b, ok := b.(*expr.SetCall)
		return ok && a.Func == b.Func
	case *expr.IsNull:
		b, ok := b.(*expr.IsNull)
		return ok && a.Negated == b.Negated
	case *expr.IsDistinct:
		b, ok := b.(*expr.IsDistinct)
		return ok && a.Negated == b.Negated
	case *expr.In:
		b, ok := b.(*expr.In)
		return ok && a.Negated == b.Negated
	case *expr.AnyAll:
		b, ok := b.(*expr.AnyAll)
		return ok && a.All == b.All && a.Func == b.Func
	case *expr.FieldAccess:
		b, ok := b.(*expr.FieldAccess)
		return ok && a.Field == b.Field
	case *expr.Case:
		b, ok := b.(*expr.Case)
		return ok && len(a.When) == len(b.When)
	case *expr.MapConstructor:
		b, ok := b.(*expr.MapConstructor)
		return ok && len(a.Keys) == len(b.Keys)
	case *expr.Slice:
		b, ok := b.(*expr.Slice)
		return ok && (a.Low == nil) == (b.Low == nil) && (a.High == nil) == (b.High == nil)
	case *expr.Subquery:
		b, ok := b.(*expr.Subquery)
		return ok && a.Number == b.Number
	default:
		return reflect.TypeOf(a) == reflect.TypeOf(b)
	}
}
