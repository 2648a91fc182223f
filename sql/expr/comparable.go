package expr

import (
	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// comparing are the polymorphic functions and operators that compare values: whether
// they order them.
var comparing = map[string]bool{
	"=": false, "<>": false, "<": true, "<=": true, ">": true, ">=": true, "@>": false, "<@": false, "&&": false,
	"greatest": true, "least": true, "nullif": false,
	"array_position": false, "array_positions": false, "array_remove": false, "array_replace": false,
	"array_distinct": false, "array_except": false, "array_intersect": false, "array_union": false,
	"array_contains": false, "array_max": true, "array_min": true, "array_sort": true,
}

// checkComparable refuses a polymorphic overload that compares where a type among the
// arguments' parts has no comparison: json.
func checkComparable(name string, declared, args []types.Type, pos int) error {
	orders, compares := comparing[name]
	if !compares || len(declared) == 0 || !isPolymorphic(declared[0]) {
		return nil
	}
	for _, t := range args {
		part, found := incomparable(t)
		switch {
		case !found:
		case orders:
			return sqlerr.New(sqlerr.UndefinedFunction, pos, "could not identify a comparison function for type %s", part)
		default:
			return sqlerr.New(sqlerr.UndefinedFunction, pos, "could not identify an equality operator for type %s", part)
		}
	}
	return nil
}

// incomparable returns the type among a type's parts that has no comparison.
func incomparable(t types.Type) (types.Type, bool) {
	switch {
	case t.Kind == types.KindJSON:
		return t, true
	case t.Elem != nil:
		if part, found := incomparable(*t.Elem); found {
			return part, true
		}
	}
	if t.Key != nil {
		if part, found := incomparable(*t.Key); found {
			return part, true
		}
	}
	for _, f := range t.Fields {
		if part, found := incomparable(f.Type); found {
			return part, true
		}
	}
	return types.Type{}, false
}
