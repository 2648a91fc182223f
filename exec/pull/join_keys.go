package pull

import (
	"millrace/planner/plan"
	"millrace/sql/expr"
	"millrace/sql/types"
)

// joinKeys compiles the two sides of a join's equalities, such that equal values
// have equal encodings: where the types differ, both become their common type.
func joinKeys(n *plan.Join) (left, right []*expr.Program, err error) {
	for i := range n.LeftKeys {
		l, r := n.LeftKeys[i], n.RightKeys[i]
		if !sameEncoding(l.Type(), r.Type()) {
			common, err := expr.CommonType([]types.Type{l.Type(), r.Type()}, "JOIN/ON", l.Pos())
			if err != nil {
				return nil, nil, err
			}
			if l, err = expr.Coerce(l, common, expr.Implicit); err != nil {
				return nil, nil, err
			}
			if r, err = expr.Coerce(r, common, expr.Implicit); err != nil {
				return nil, nil, err
			}
		}
		progs, err := programs([]expr.Expr{l, r})
		if err != nil {
			return nil, nil, err
		}
		left, right = append(left, progs[0]), append(right, progs[1])
	}
	return left, right, nil
}

// sameEncoding reports whether equal values of the two types are encoded alike.
func sameEncoding(a, b types.Type) bool {
	return a.SameKind(b) || encodingFamily(a) == encodingFamily(b) && encodingFamily(a) != noFamily
}

// family is a set of types whose equal values are encoded alike.
type family uint8

const (
	noFamily family = iota
	integerFamily
	floatFamily
	textFamily
)

func encodingFamily(t types.Type) family {
	switch t.Kind {
	case types.KindInt2, types.KindInt4, types.KindInt8:
		return integerFamily
	case types.KindFloat4, types.KindFloat8:
		return floatFamily
	case types.KindText, types.KindVarchar:
		return textFamily
	default:
		return noFamily
	}
}

// withoutNulls appends the rows of the first n for which no key is NULL: NULL
// equals nothing in a join.
func withoutNulls(selection []int32, keys []*types.Vector, n int) []int32 {
	selection = sequence(selection, 0, n)
	for _, v := range keys {
		if !v.HasNulls() {
			continue
		}
		kept := selection[:0]
		for _, i := range selection {
			if !v.IsNull(int(i)) {
				kept = append(kept, i)
			}
		}
		selection = kept
	}
	return selection
}
