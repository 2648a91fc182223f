package expr

import (
	"strings"
	"unicode/utf8"

	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// defineArrays defines https://www.postgresql.org/docs/15/functions-array.html.
func (b *builder) defineArrays() {
	b.defineArrayShape()
	b.defineArrayBuilding()
	b.defineArraySearch()
	b.function("array_to_string", "anyarray,text", "text", liftRows(arrayToString), "elements' text with a separator, NULLs left out", notStrict, stable)
	b.function("array_to_string", "anyarray,text,text", "text", liftRows(arrayToString), "elements' text with a separator, and a text for NULL", notStrict, stable)
	b.function("string_to_array", "text,text", "text[]", liftRows(stringToArray), "parts between separators", notStrict)
	b.function("string_to_array", "text,text,text", "text[]", liftRows(stringToArray), "parts between separators; a given one becomes NULL", notStrict)
}

// arrayFunc is a function of a decoded first argument and the others.
type arrayFunc func(a *types.Array, elem types.Type, rest []types.Datum) (types.Datum, error)

// onArray makes a kernel of a function of a decoded first argument.
func onArray(f arrayFunc) Kernel {
	return liftRows(func(_ *Context, args []*types.Vector, row []types.Datum, _ types.Type) (types.Datum, error) {
		elem := *args[0].Type.Elem
		a, err := types.DecodeArray(elem, row[0].Str)
		if err != nil {
			return types.Null, err
		}
		return f(&a, elem, row[1:])
	})
}

func (b *builder) defineArrayShape() {
	dimension := func(f func(a *types.Array, i int) int64) Kernel {
		return onArray(func(a *types.Array, _ types.Type, rest []types.Datum) (types.Datum, error) {
			n := rest[0].Int
			if n < 1 || n > int64(len(a.Dims)) {
				return types.Null, nil
			}
			return types.IntDatum(f(a, int(n-1))), nil
		})
	}
	b.function("array_length", "anyarray,int4", "int4", dimension(func(a *types.Array, i int) int64 { return int64(a.Dims[i]) }), "length of a dimension")
	b.function("array_lower", "anyarray,int4", "int4", dimension(func(a *types.Array, i int) int64 { return int64(a.LowerBound(i)) }), "first subscript of a dimension")
	b.function("array_upper", "anyarray,int4", "int4", dimension(func(a *types.Array, i int) int64 {
		return int64(a.LowerBound(i)) + int64(a.Dims[i]) - 1
	}), "last subscript of a dimension")
	b.function("array_ndims", "anyarray", "int4", onArray(func(a *types.Array, _ types.Type, _ []types.Datum) (types.Datum, error) {
		if len(a.Dims) == 0 {
			return types.Null, nil
		}
		return types.IntDatum(int64(len(a.Dims))), nil
	}), "number of dimensions")
	b.function("cardinality", "anyarray", "int4", onArray(func(a *types.Array, _ types.Type, _ []types.Datum) (types.Datum, error) {
		return types.IntDatum(int64(len(a.Elems))), nil
	}), "number of elements")
	b.function("trim_array", "anyarray,int4", "anyarray", onArray(func(a *types.Array, elem types.Type, rest []types.Datum) (types.Datum, error) {
		length := int64(0)
		if len(a.Dims) > 0 {
			length = int64(a.Dims[0])
		}
		if rest[0].Int < 0 || rest[0].Int > length {
			return types.Null, sqlerr.New(sqlerr.ArraySubscriptError, -1, "number of elements to trim must be between 0 and %d", length)
		}
		if length == rest[0].Int {
			return encodedArray(elem, nil), nil
		}
		a.Elems = a.Elems[:int64(len(a.Elems))/length*(length-rest[0].Int)]
		a.Dims[0] -= int32(rest[0].Int)
		a.LowerBounds = nil
		return types.StringDatum(types.EncodeArray(elem, *a)), nil
	}), "array without its last elements")
}

func encodedArray(elem types.Type, elems []types.Datum) types.Datum {
	return types.StringDatum(types.EncodeArray(elem, types.NewArray(elems)))
}

func errOneDimension(what string) error {
	return sqlerr.New(sqlerr.FeatureNotSupported, -1, "%s multidimensional arrays is not supported", what)
}

func (b *builder) defineArrayBuilding() {
	const pair = "anycompatiblearray,anycompatible"
	b.operator("||", pair, "anycompatiblearray", liftRows(arrayAppend), "element added at the end", notStrict)
	b.operator("||", "anycompatible,anycompatiblearray", "anycompatiblearray", liftRows(arrayPrepend), "element added at the start", notStrict)
	b.operator("||", "anycompatiblearray,anycompatiblearray", "anycompatiblearray", liftRows(arrayConcat), "arrays joined", notStrict)
	b.function("array_append", pair, "anycompatiblearray", liftRows(arrayAppend), "element added at the end", notStrict)
	b.function("array_prepend", "anycompatible,anycompatiblearray", "anycompatiblearray", liftRows(arrayPrepend), "element added at the start", notStrict)
	b.function("array_cat", "anycompatiblearray,anycompatiblearray", "anycompatiblearray", liftRows(arrayConcat), "arrays joined", notStrict)
	b.function("array_remove", pair, "anycompatiblearray", liftRows(arrayReplace), "array without the elements equal to a value", notStrict)
	b.function("array_replace", pair+",anycompatible", "anycompatiblearray", liftRows(arrayReplace), "array with the elements equal to a value replaced", notStrict)
}

// decodeOrEmpty decodes an array; NULL is empty.
func decodeOrEmpty(elem types.Type, d types.Datum) (types.Array, error) {
	if !d.Valid {
		return types.Array{}, nil
	}
	return types.DecodeArray(elem, d.Str)
}

func arrayAppend(_ *Context, args []*types.Vector, row []types.Datum, _ types.Type) (types.Datum, error) {
	elem := *args[0].Type.Elem
	a, err := decodeOrEmpty(elem, row[0])
	if err != nil {
		return types.Null, err
	}
	return extended(elem, a, len(a.Elems), row[1])
}

func arrayPrepend(_ *Context, args []*types.Vector, row []types.Datum, _ types.Type) (types.Datum, error) {
	elem := *args[1].Type.Elem
	a, err := decodeOrEmpty(elem, row[1])
	if err != nil {
		return types.Null, err
	}
	return extended(elem, a, 0, row[0])
}

// extended inserts an element at the start or the end of an array.
func extended(elem types.Type, a types.Array, at int, d types.Datum) (types.Datum, error) {
	if len(a.Dims) > 1 {
		return types.Null, sqlerr.New(sqlerr.DataException, -1, "argument must be empty or one-dimensional array")
	}
	elems := make([]types.Datum, 0, len(a.Elems)+1)
	elems = append(elems, a.Elems[:at]...)
	elems = append(elems, d)
	out := types.NewArray(append(elems, a.Elems[at:]...))
	if len(a.Dims) == 1 {
		out.LowerBounds = []int32{a.LowerBound(0)}
	}
	return types.StringDatum(types.EncodeArray(elem, out)), nil
}

func arrayConcat(_ *Context, args []*types.Vector, row []types.Datum, _ types.Type) (types.Datum, error) {
	elem := *args[0].Type.Elem
	switch {
	case !row[0].Valid:
		return row[1], nil
	case !row[1].Valid:
		return row[0], nil
	}
	a, err := types.DecodeArray(elem, row[0].Str)
	if err != nil {
		return types.Null, err
	}
	c, err := types.DecodeArray(elem, row[1].Str)
	if err != nil {
		return types.Null, err
	}
	switch {
	case len(a.Elems) == 0:
		return row[1], nil
	case len(c.Elems) == 0:
		return row[0], nil
	}
	joined, err := joinArrays(a, c)
	return types.StringDatum(types.EncodeArray(elem, joined)), err
}

// joinArrays joins arrays of equal dimensions, or an array with one of one
// dimension less as a new outer element.
func joinArrays(a, c types.Array) (types.Array, error) {
	mismatch := sqlerr.New(sqlerr.ArraySubscriptError, -1, "cannot concatenate incompatible arrays")
	out := types.Array{Elems: append(append([]types.Datum(nil), a.Elems...), c.Elems...)}
	larger, smaller, added := a, c, int32(1)
	skip := 0 // outer dimensions of smaller that need not agree
	switch {
	case len(a.Dims) == len(c.Dims):
		skip, added = 1, c.Dims[0]
	case len(a.Dims) == len(c.Dims)+1:
	case len(a.Dims)+1 == len(c.Dims):
		larger, smaller = c, a
	default:
		return out, mismatch
	}
	for i := skip; i < len(smaller.Dims); i++ {
		at := i + 1 - skip
		if larger.Dims[at] != smaller.Dims[i] || larger.LowerBound(at) != smaller.LowerBound(i) {
			return out, mismatch
		}
	}
	out.Dims = append([]int32(nil), larger.Dims...)
	out.Dims[0] += added
	for i := range larger.Dims {
		out.LowerBounds = append(out.LowerBounds, larger.LowerBound(i))
	}
	return out, nil
}

// arrayReplace is array_replace with three arguments and array_remove with two.
func arrayReplace(_ *Context, args []*types.Vector, row []types.Datum, _ types.Type) (types.Datum, error) {
	if !row[0].Valid {
		return types.Null, nil
	}
	elem := *args[0].Type.Elem
	a, err := types.DecodeArray(elem, row[0].Str)
	if err != nil {
		return types.Null, err
	}
	if len(row) == 2 && len(a.Dims) > 1 {
		return types.Null, errOneDimension("removing elements from")
	}
	var kept []types.Datum
	for _, d := range a.Elems {
		switch {
		case !sameElement(elem, d, row[1]):
			kept = append(kept, d)
		case len(row) == 3:
			kept = append(kept, row[2])
		}
	}
	if len(kept) == len(a.Elems) {
		a.Elems = kept
		return types.StringDatum(types.EncodeArray(elem, a)), nil
	}
	return encodedArray(elem, kept), nil
}

// sameElement compares elements, NULL being the same as NULL.
func sameElement(elem types.Type, a, b types.Datum) bool {
	if !a.Valid || !b.Valid {
		return a.Valid == b.Valid
	}
	return types.Compare(elem, a, b) == 0
}

func (b *builder) defineArraySearch() {
	b.function("array_position", "anycompatiblearray,anycompatible", "int4", liftRows(arrayPosition), "subscript of the first element equal to a value", notStrict)
	b.function("array_position", "anycompatiblearray,anycompatible,int4", "int4", liftRows(arrayPosition), "subscript of the first element equal to a value, from a subscript on", notStrict)
	b.function("array_positions", "anycompatiblearray,anycompatible", "int4[]", liftRows(arrayPositions), "subscripts of the elements equal to a value", notStrict)
	test := func(f func(elem types.Type, a, b []types.Datum) bool) Kernel {
		return liftRows(func(_ *Context, args []*types.Vector, row []types.Datum, _ types.Type) (types.Datum, error) {
			elem := *args[0].Type.Elem
			a, err := types.DecodeArray(elem, row[0].Str)
			if err != nil {
				return types.Null, err
			}
			c, err := types.DecodeArray(elem, row[1].Str)
			return types.BoolDatum(err == nil && f(elem, a.Elems, c.Elems)), err
		})
	}
	const pair = "anyarray,anyarray"
	b.operator("@>", pair, "bool", test(containsAll), "whether the left array has all elements of the right one")
	b.operator("<@", pair, "bool", test(func(elem types.Type, a, c []types.Datum) bool { return containsAll(elem, c, a) }), "whether the right array has all elements of the left one")
	b.operator("&&", pair, "bool", test(func(elem types.Type, a, c []types.Datum) bool {
		for _, d := range c {
			if contains(elem, a, d) {
				return true
			}
		}
		return false
	}), "whether the arrays have an element in common")
}

// contains reports whether a value that is not NULL is among the elements.
func contains(elem types.Type, elems []types.Datum, d types.Datum) bool {
	if !d.Valid {
		return false
	}
	for _, e := range elems {
		if e.Valid && types.Compare(elem, e, d) == 0 {
			return true
		}
	}
	return false
}

func containsAll(elem types.Type, elems, wanted []types.Datum) bool {
	for _, d := range wanted {
		if !contains(elem, elems, d) {
			return false
		}
	}
	return true
}

func arrayPosition(_ *Context, args []*types.Vector, row []types.Datum, _ types.Type) (types.Datum, error) {
	if !row[0].Valid {
		return types.Null, nil
	}
	a, found, err := positionsOf(args, row)
	if err != nil || len(a.Dims) == 0 {
		return types.Null, err
	}
	start, lower := int64(0), int64(a.LowerBound(0))
	if len(row) == 3 {
		if !row[2].Valid {
			return types.Null, sqlerr.New(sqlerr.NullValueNotAllowed, -1, "initial position must not be null")
		}
		start = row[2].Int
	}
	for _, n := range found {
		if subscript := int64(n) + lower; len(row) == 2 || subscript >= start {
			return types.IntDatum(subscript), nil
		}
	}
	return types.Null, nil
}

func arrayPositions(_ *Context, args []*types.Vector, row []types.Datum, _ types.Type) (types.Datum, error) {
	if !row[0].Valid {
		return types.Null, nil
	}
	a, found, err := positionsOf(args, row)
	if err != nil {
		return types.Null, err
	}
	var subscripts []types.Datum
	for _, n := range found {
		subscripts = append(subscripts, types.IntDatum(int64(n)+int64(a.LowerBound(0))))
	}
	return encodedArray(types.Int4, subscripts), nil
}

// positionsOf returns row[0] decoded and where in it elements equal to row[1]
// are.
func positionsOf(args []*types.Vector, row []types.Datum) (a types.Array, found []int, err error) {
	elem := *args[0].Type.Elem
	a, err = types.DecodeArray(elem, row[0].Str)
	if err != nil {
		return a, nil, err
	}
	if len(a.Dims) > 1 {
		return a, nil, errOneDimension("searching for elements in")
	}
	for n, d := range a.Elems {
		if sameElement(elem, d, row[1]) {
			found = append(found, n)
		}
	}
	return a, found, nil
}

func arrayToString(ctx *Context, args []*types.Vector, row []types.Datum, _ types.Type) (types.Datum, error) {
	if !row[0].Valid || !row[1].Valid {
		return types.Null, nil
	}
	elem := *args[0].Type.Elem
	a, err := types.DecodeArray(elem, row[0].Str)
	if err != nil {
		return types.Null, err
	}
	var parts []string
	for _, d := range a.Elems {
		if d.Valid {
			text, err := textOf(ctx, elem, d)
			if err != nil {
				return types.Null, err
			}
			parts = append(parts, text)
		} else if len(row) == 3 && row[2].Valid {
			parts = append(parts, row[2].Str)
		}
	}
	return types.StringDatum(strings.Join(parts, row[1].Str)), nil
}

// stringToArray splits a string: at a separator, into characters when that is
// NULL, not at all when it is empty.
func stringToArray(_ *Context, _ []*types.Vector, row []types.Datum, _ types.Type) (types.Datum, error) {
	if !row[0].Valid {
		return types.Null, nil
	}
	text := row[0].Str
	var parts []string
	switch {
	case text == "":
	case !row[1].Valid:
		for len(text) > 0 {
			_, size := utf8.DecodeRuneInString(text)
			parts = append(parts, text[:size])
			text = text[size:]
		}
	case row[1].Str == "":
		parts = []string{text}
	default:
		parts = strings.Split(text, row[1].Str)
	}
	elems := make([]types.Datum, len(parts))
	for i, part := range parts {
		if len(row) < 3 || !row[2].Valid || part != row[2].Str {
			elems[i] = types.StringDatum(part)
		}
	}
	return textArray(elems), nil
}
