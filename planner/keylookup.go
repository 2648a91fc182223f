package planner

import (
	"slices"

	"millrace/planner/plan"
	"millrace/sql/catalog"
	"millrace/sql/expr"
	"millrace/sql/types"
)

// lookUpKeys restricts scans of tables to one key. The filter stays: it decides
// about NULL and costs next to nothing for one row.
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
		if !ok || !hasLookUp(scan.Relation) {
			return node, nil
		}
		values := make([]expr.Expr, len(scan.Relation.Key))
		for _, c := range split(filter.Predicate) {
			column, value := keyEquality(c)
			if value == nil {
				continue
			}
			if i := slices.Index(scan.Relation.Key, scan.Fetch[column]); i >= 0 && values[i] == nil {
				values[i] = value
			}
		}
		if slices.Contains(values, nil) {
			return node, nil
		}
		looked := *scan
		looked.KeyEquals = values
		return newFilter(&looked, filter.Predicate), nil
	})
}

// hasLookUp reports whether a relation's rows are found by their key.
func hasLookUp(relation *catalog.Relation) bool {
	return relation.Kind == catalog.KindTable && !relation.Bag && len(relation.Key) > 0 && relation.Distribution == nil
}

// keyEquality returns the column and the constant, parameter or outer value of
// a condition column = value, of one type.
func keyEquality(e expr.Expr) (int, expr.Expr) {
	call, ok := e.(*expr.Call)
	if !ok || !isEquality(call) {
		return 0, nil
	}
	a, b := call.Args[0], call.Args[1]
	if _, ok := a.(*expr.Column); !ok {
		a, b = b, a
	}
	column, ok := a.(*expr.Column)
	if !ok {
		return 0, nil
	}
	switch value := b.(type) {
	case *expr.Const:
		if value.Value == types.Null {
			return 0, nil
		}
		return column.Index, value
	case *expr.Param:
		return column.Index, value
	default:
		return 0, nil
	}
}
