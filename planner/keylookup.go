package planner

import (
	"slices"

	"millrace/planner/plan"
	"millrace/sql/catalog"
	"millrace/sql/expr"
	"millrace/sql/types"
)

// lookUpKeys restricts scans of tables to one key, or to what an index finds, and
// those of streams to a range of offsets or what begins at a time. The
// filter stays: it decides about NULL and costs next to nothing for few rows.
func lookUpKeys(r *ruleContext, root plan.Node) (plan.Node, error) {
	if r.incremental() {
		return root, nil
	}
	return rewriteNodes(root, func(node plan.Node) (plan.Node, error) {
		filter, ok := node.(*plan.Filter)
		if !ok {
			return node, nil
		}
		scan, ok := filter.Input.(*plan.Scan)
		if !ok || scan.Changes {
			return node, nil
		}
		looked := *scan
		if scan.Relation.Kind == catalog.KindStream {
			if looked.Access = choosePlace(scan, filter.Predicate); looked.Access == nil {
				return node, nil
			}
			return newFilter(&looked, filter.Predicate), nil
		}
		if looked.KeyEquals = wholeKey(scan, filter.Predicate); looked.KeyEquals == nil {
			looked.Access = r.chooseAccess(scan, filter.Predicate)
		}
		if looked.KeyEquals == nil && looked.Access == nil {
			return node, nil
		}
		return newFilter(&looked, filter.Predicate), nil
	})
}

// wholeKey returns the values that a condition demands of the columns of a table's
// key, nil where it does not demand one of each.
func wholeKey(scan *plan.Scan, predicate expr.Expr) []expr.Expr {
	if !hasLookUp(scan.Relation) {
		return nil
	}
	values := make([]expr.Expr, len(scan.Relation.Key))
	for _, c := range split(predicate) {
		column, value := keyEquality(c)
		if value == nil {
			continue
		}
		number := scan.Fetch[column]
		if i := slices.Index(scan.Relation.Key, number); i >= 0 && values[i] == nil {
			values[i] = keyValue(value, scan.Relation.Columns[number].Type)
		}
	}
	if slices.Contains(values, nil) {
		return nil
	}
	return values
}

// hasLookUp reports whether a relation's rows are found by their key.
func hasLookUp(relation *catalog.Relation) bool {
	return relation.Kind == catalog.KindTable && !relation.Bag && len(relation.Key) > 0 && relation.Distribution == nil
}

// keyEquality returns the column and the constant or parameter of a condition
// column = value.
func keyEquality(e expr.Expr) (int, expr.Expr) {
	call, ok := e.(*expr.Call)
	if !ok || call.Func.Name != "=" || len(call.Args) != 2 {
		return 0, nil
	}
	column, value := plainColumn(call.Args[0]), call.Args[1]
	if column == nil {
		column, value = plainColumn(call.Args[1]), call.Args[0]
	}
	if column == nil {
		return 0, nil
	}
	switch v := value.(type) {
	case *expr.Const:
		if v.Value == types.Null {
			return 0, nil
		}
		return column.Index, v
	case *expr.Param:
		return column.Index, v
	default:
		return 0, nil
	}
}

// plainColumn returns the column that an expression is, also where a varchar is
// compared as text; nil where it is none.
func plainColumn(e expr.Expr) *expr.Column {
	if cast, ok := e.(*expr.Cast); ok && cast.ResultType.Kind == types.KindText && cast.Arg.Type().Kind == types.KindVarchar {
		e = cast.Arg
	}
	column, _ := e.(*expr.Column)
	return column
}

// keyValue returns a constant or parameter as a value of the key column's type:
// nil where equality of the two types is not that of their keys, or where the
// value may not fit.
func keyValue(value expr.Expr, t types.Type) expr.Expr {
	from := value.Type()
	switch {
	case from.SameKind(t):
		if t.Kind == types.KindBpchar {
			return nil
		}
		return value
	case from.Kind == types.KindText && t.Kind == types.KindVarchar:
	case intWidth(from) > 0 && intWidth(t) > 0:
		if !fitsIn(value, t) {
			return nil
		}
	default:
		return nil
	}
	t.Mod = -1
	switch v := value.(type) {
	case *expr.Const:
		return &expr.Const{Node: expr.Node{ResultType: t, Position: v.Position}, Value: v.Value}
	case *expr.Param:
		return &expr.Param{Node: expr.Node{ResultType: t, Position: v.Position}, Index: v.Index}
	default:
		return nil
	}
}

// intWidth is the number of bits of an integer type, 0 for other types.
func intWidth(t types.Type) int {
	switch t.Kind {
	case types.KindInt2:
		return 16
	case types.KindInt4:
		return 32
	case types.KindInt8:
		return 64
	default:
		return 0
	}
}

// fitsIn reports whether an integer surely is in the range of an integer type.
func fitsIn(value expr.Expr, t types.Type) bool {
	if intWidth(value.Type()) <= intWidth(t) {
		return true
	}
	c, ok := value.(*expr.Const)
	if !ok {
		return false
	}
	limit := int64(1) << (intWidth(t) - 1)
	return c.Value.Int >= -limit && c.Value.Int < limit
}
