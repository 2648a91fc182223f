package expr

import (
	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// anyAllEval is `left op ANY (array)` and `left op ALL (array)`. For each row
// the operator runs once, over all elements of the array.
type anyAllEval struct {
	left, array operand
	kernel      Kernel
	strict      bool
	all         bool
	vectors     [2]*types.Vector
	repeated    types.Vector
	elements    types.Vector
	truth       types.Vector
	rows        []int32
	notNull     []int32
}

func compileAnyAll(e *AnyAll) (evaluator, error) {
	if in, ok := constantArrayIn(e); ok {
		return compileIn(in)
	}
	args, err := compileOperands([]Expr{e.Left, e.Array})
	if err != nil {
		return nil, err
	}
	a := &anyAllEval{left: args[0], array: args[1], kernel: e.Func.kernel(), strict: e.Func.Strict, all: e.All}
	a.truth.Type = types.Bool
	return a, nil
}

// constantArrayIn turns = ANY and <> ALL over a constant array of the left
// side's type into IN and NOT IN.
func constantArrayIn(e *AnyAll) (*In, bool) {
	array, ok := e.Array.(*Const)
	member := e.Func.comparison == equal && !e.All || e.Func.comparison == notEqual && e.All
	if !ok || !array.Value.Valid || !member || !e.Left.Type().SameKind(*array.ResultType.Elem) {
		return nil, false
	}
	elem := *array.ResultType.Elem
	decoded, err := types.DecodeArray(elem, array.Value.Str)
	if err != nil {
		return nil, false
	}
	in := &In{Node: e.Node, Arg: e.Left, Negated: e.All}
	for _, d := range decoded.Elems {
		in.List = append(in.List, &Const{Node: Node{ResultType: elem, Position: array.Position}, Value: d})
	}
	return in, len(in.List) > 0
}

func (a *anyAllEval) evaluate(ctx *Context, in *types.Batch, selection []int32, out *types.Vector) {
	a.vectors[0], a.vectors[1] = a.left.values(ctx, in, selection), a.array.values(ctx, in, selection)
	left, array := a.vectors[0], a.vectors[1]
	for _, i := range selection {
		if array.IsNull(int(i)) {
			out.SetNull(int(i))
			continue
		}
		decoded, err := types.DecodeArray(*a.array.typ.Elem, array.Strs[i])
		if err != nil {
			fail(ctx, out, i, err)
			continue
		}
		d, err := a.row(ctx, left.Datum(int(i)), decoded.Elems)
		if err != nil {
			fail(ctx, out, i, err)
			continue
		}
		out.Set(int(i), d)
	}
}

// row combines the operator's results over one row's elements.
func (a *anyAllEval) row(ctx *Context, left types.Datum, elements []types.Datum) (types.Datum, error) {
	a.repeated.Reset(a.left.typ)
	a.elements.Reset(*a.array.typ.Elem)
	a.rows = a.rows[:0]
	for n, d := range elements {
		a.repeated.Append(left)
		a.elements.Append(d)
		a.rows = append(a.rows, int32(n))
	}
	a.truth.Resize(len(elements))
	local := Context{Now: ctx.Now, Format: ctx.Format, Session: ctx.Session}
	args := []*types.Vector{&a.repeated, &a.elements}
	rows := a.rows
	if a.strict {
		rows = dropNulls(args, rows, &a.notNull, &a.truth)
	}
	a.kernel(&local, args, rows, &a.truth)
	return combineTruth(&local, &a.truth, a.all)
}

// combineTruth is the OR of the truths (the AND when all), or the first error.
func combineTruth(ctx *Context, truth *types.Vector, all bool) (types.Datum, error) {
	decisive := boolInt(!all)
	result := types.BoolDatum(all)
	for n := range truth.Ints {
		switch {
		case ctx.Failed(int32(n)):
			return types.Null, ctx.Errors[0].Err
		case truth.IsNull(n):
			result = types.Null
		case truth.Ints[n] == decisive:
			return types.IntDatum(decisive), nil
		}
	}
	return result, nil
}

// rowEval evaluates arguments and combines them row by row; NULLs reach the
// combining function.
type rowEval struct {
	args    []operand
	combine func(ctx *Context, row []types.Datum) (types.Datum, error)
	vectors []*types.Vector
	row     []types.Datum
}

func newRowEval(args []Expr, combine func(*Context, []types.Datum) (types.Datum, error)) (evaluator, error) {
	operands, err := compileOperands(args)
	if err != nil {
		return nil, err
	}
	return &rowEval{
		args:    operands,
		combine: combine,
		vectors: make([]*types.Vector, len(args)),
		row:     make([]types.Datum, len(args)),
	}, nil
}

func (r *rowEval) evaluate(ctx *Context, in *types.Batch, selection []int32, out *types.Vector) {
	for n := range r.args {
		r.vectors[n] = r.args[n].values(ctx, in, selection)
	}
	for _, i := range selection {
		for n, v := range r.vectors {
			r.row[n] = v.Datum(int(i))
		}
		d, err := r.combine(ctx, r.row)
		if err != nil {
			settle(ctx, out, i, err)
			continue
		}
		out.Set(int(i), d)
	}
}

func compileArray(e *ArrayConstructor) (evaluator, error) {
	elem := *e.ResultType.Elem
	nested := len(e.Elems) > 0 && e.Elems[0].Type().Kind == types.KindArray && elem.Kind != types.KindArray
	return newRowEval(e.Elems, func(_ *Context, row []types.Datum) (types.Datum, error) {
		if nested {
			return stackArrays(elem, row)
		}
		return types.StringDatum(types.EncodeArray(elem, types.NewArray(append([]types.Datum(nil), row...)))), nil
	})
}

// stackArrays makes an array of one more dimension from arrays of equal
// dimensions.
func stackArrays(elem types.Type, rows []types.Datum) (types.Datum, error) {
	var out types.Array
	for n, row := range rows {
		if !row.Valid {
			return types.Null, errArrayShape()
		}
		a, err := types.DecodeArray(elem, row.Str)
		if err != nil {
			return types.Null, err
		}
		if n == 0 && len(a.Dims) > 0 {
			out.Dims = append([]int32{int32(len(rows))}, a.Dims...)
		}
		if !sameShape(out.Dims, a.Dims) {
			return types.Null, errArrayShape()
		}
		out.Elems = append(out.Elems, a.Elems...)
	}
	return types.StringDatum(types.EncodeArray(elem, out)), nil
}

func sameShape(stacked, dims []int32) bool {
	if len(stacked) == 0 {
		return len(dims) == 0
	}
	if len(stacked)-1 != len(dims) {
		return false
	}
	for i, d := range dims {
		if stacked[i+1] != d {
			return false
		}
	}
	return true
}

func errArrayShape() error {
	return sqlerr.New(sqlerr.ArraySubscriptError, -1,
		"multidimensional arrays must have array expressions with matching dimensions")
}

func compileStruct(e *StructConstructor) (evaluator, error) {
	t := e.ResultType
	return newRowEval(e.Fields, func(_ *Context, row []types.Datum) (types.Datum, error) {
		return types.StringDatum(types.EncodeStruct(t, row)), nil
	})
}

func compileMap(e *MapConstructor) (evaluator, error) {
	t, n := e.ResultType, len(e.Keys)
	args := append(append([]Expr{}, e.Keys...), e.Values...)
	return newRowEval(args, func(_ *Context, row []types.Datum) (types.Datum, error) {
		entries := make([]types.MapEntry, n)
		for i := range entries {
			if !row[i].Valid {
				return types.Null, sqlerr.New(sqlerr.NullValueNotAllowed, -1, "a map key must not be null")
			}
			entries[i] = types.MapEntry{Key: row[i], Value: row[n+i]}
		}
		return types.StringDatum(types.EncodeMap(t, entries)), nil
	})
}

func compileFieldAccess(e *FieldAccess) (evaluator, error) {
	t, field := e.Arg.Type(), e.Field
	return newRowEval([]Expr{e.Arg}, func(_ *Context, row []types.Datum) (types.Datum, error) {
		if !row[0].Valid {
			return types.Null, nil
		}
		fields, err := types.DecodeStruct(t, row[0].Str)
		if err != nil || field >= len(fields) {
			return types.Null, err
		}
		return fields[field], nil
	})
}

// compileSubscript compiles array[i], array[i][j] (as nested subscripts whose
// inner type is the array's), map[key] and jsonb['key'].
func compileSubscript(e *Subscript) (evaluator, error) {
	switch e.Arg.Type().Kind {
	case types.KindMap:
		return compileMapSubscript(e)
	case types.KindJSONB:
		return newRowEval([]Expr{e.Arg, e.Index}, func(_ *Context, row []types.Datum) (types.Datum, error) {
			if !row[0].Valid || !row[1].Valid {
				return types.Null, nil
			}
			return jsonSubscript(row[0].Str, e.Index.Type(), row[1])
		})
	}
	indexes := []Expr{e.Index}
	array := e.Arg
	for {
		inner, ok := array.(*Subscript)
		if !ok || !inner.Arg.Type().SameKind(inner.Type()) {
			break
		}
		indexes = append([]Expr{inner.Index}, indexes...)
		array = inner.Arg
	}
	elem := *array.Type().Elem
	return newRowEval(append([]Expr{array}, indexes...), func(_ *Context, row []types.Datum) (types.Datum, error) {
		return arrayElement(elem, row[0], row[1:])
	})
}

// arrayElement returns the element at the given subscripts, NULL where there is
// none.
func arrayElement(elem types.Type, array types.Datum, subscripts []types.Datum) (types.Datum, error) {
	if !array.Valid {
		return types.Null, nil
	}
	a, err := types.DecodeArray(elem, array.Str)
	if err != nil || len(a.Dims) != len(subscripts) {
		return types.Null, err
	}
	position := 0
	for n, s := range subscripts {
		if !s.Valid {
			return types.Null, nil
		}
		at := s.Int - int64(a.LowerBound(n))
		if at < 0 || at >= int64(a.Dims[n]) {
			return types.Null, nil
		}
		position = position*int(a.Dims[n]) + int(at)
	}
	return a.Elems[position], nil
}

func compileMapSubscript(e *Subscript) (evaluator, error) {
	t := e.Arg.Type()
	return newRowEval([]Expr{e.Arg, e.Index}, func(_ *Context, row []types.Datum) (types.Datum, error) {
		if !row[0].Valid || !row[1].Valid {
			return types.Null, nil
		}
		entries, err := types.DecodeMap(t, row[0].Str)
		if err != nil {
			return types.Null, err
		}
		for _, entry := range entries {
			if types.Compare(*t.Key, entry.Key, row[1]) == 0 {
				return entry.Value, nil
			}
		}
		return types.Null, nil
	})
}

// compileSlice compiles array[low:high] of a one-dimensional array.
func compileSlice(e *Slice) (evaluator, error) {
	elem := *e.Arg.Type().Elem
	args := present(e.Arg, e.Low, e.High)
	hasLow, hasHigh := e.Low != nil, e.High != nil
	return newRowEval(args, func(_ *Context, row []types.Datum) (types.Datum, error) {
		for _, d := range row {
			if !d.Valid {
				return types.Null, nil
			}
		}
		a, err := types.DecodeArray(elem, row[0].Str)
		if err != nil {
			return types.Null, err
		}
		if len(a.Dims) > 1 {
			return types.Null, sqlerr.New(sqlerr.FeatureNotSupported, -1, "slices of multidimensional arrays are not supported")
		}
		if len(a.Elems) == 0 {
			return row[0], nil
		}
		low, high := int64(a.LowerBound(0)), int64(a.LowerBound(0))+int64(len(a.Elems))-1
		if hasLow {
			low = max(low, row[1].Int)
		}
		if hasHigh {
			high = min(high, row[len(row)-1].Int)
		}
		if low > high {
			return types.StringDatum(types.EncodeArray(elem, types.Array{})), nil
		}
		first := low - int64(a.LowerBound(0))
		return types.StringDatum(types.EncodeArray(elem, types.NewArray(a.Elems[first:first+high-low+1]))), nil
	})
}
