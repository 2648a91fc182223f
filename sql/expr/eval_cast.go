package expr

import (
	"millrace/sql/types"
)

func compileCast(e *Cast) (evaluator, error) {
	arg, err := compileOperand(e.Arg)
	if err != nil {
		return nil, err
	}
	kernel := castKernel(e.Arg.Type(), e.ResultType, e.Explicit)
	return &callEval{args: []operand{arg}, vectors: make([]*types.Vector, 1), kernel: kernel, strict: true}, nil
}

// isRelabel reports whether a cast leaves the representation as it is.
func isRelabel(from, to types.Type) bool {
	if to.Mod != -1 && to.Mod != from.Mod {
		return false
	}
	if from.SameKind(to) {
		return true
	}
	if isOIDKind(to.Kind) {
		return isOIDKind(from.Kind)
	}
	switch to.Kind {
	case types.KindInt4:
		return from.Kind == types.KindInt2
	case types.KindInt8:
		return from.Kind == types.KindInt2 || from.Kind == types.KindInt4 || isOIDKind(from.Kind)
	case types.KindFloat8:
		return from.Kind == types.KindFloat4
	case types.KindText, types.KindVarchar:
		return from.Kind == types.KindText || from.Kind == types.KindVarchar || from.Kind == types.KindName
	}
	return false
}

func isOIDKind(k types.Kind) bool {
	return k == types.KindOID || k.IsReg()
}

// castFunc converts one value that is not NULL.
type castFunc func(ctx *Context, d types.Datum) (types.Datum, error)

// castKernel returns the kernel that converts from one type to another, which
// CanCast allows, and applies the type modifier.
func castKernel(from, to types.Type, explicit bool) Kernel {
	if to.Mod == -1 {
		switch {
		case from.Physical() == types.PhysicalInt && to.Kind == types.KindFloat8 && isIntegerKind(from.Kind):
			return lift1(func(v int64) float64 { return float64(v) })
		case isIntegerKind(from.Kind) && to.Kind == types.KindNumeric:
			return lift1(types.NumericFromInt64)
		case isIntegerKind(from.Kind) && isIntegerKind(to.Kind):
			return lift1e(func(v int64) (int64, error) { return checkInteger(v, to.Kind) })
		}
	}
	convert := castValue(from, to)
	modify := to.Mod != -1 && to.Kind != types.KindArray
	return func(ctx *Context, args []*types.Vector, selection []int32, out *types.Vector) {
		for _, i := range selection {
			d, err := convert(ctx, args[0].Datum(int(i)))
			if err == nil && modify && d.Valid {
				d, err = types.CoerceToModifier(to, d, explicit)
			}
			if err != nil {
				settle(ctx, out, i, err)
				continue
			}
			out.Set(int(i), d)
		}
	}
}

func isIntegerKind(k types.Kind) bool {
	return k == types.KindInt2 || k == types.KindInt4 || k == types.KindInt8
}

// castValue returns the conversion between two types without modifiers.
func castValue(from, to types.Type) castFunc {
	if from.SameKind(to) {
		return func(_ *Context, d types.Datum) (types.Datum, error) { return d, nil }
	}
	switch {
	case from.Kind == types.KindArray && to.Kind == types.KindArray:
		return castArray(*from.Elem, *to.Elem)
	case from.Kind == types.KindStruct && to.Kind == types.KindStruct:
		return castStruct(from, to)
	case from.Kind == types.KindMap && to.Kind == types.KindMap:
		return castMap(from, to)
	case isStringLike(to.Kind):
		return castToText(from, to)
	case isStringLike(from.Kind) || from.Kind == types.KindUnknown:
		return castFromText(to)
	}
	switch from.Kind {
	case types.KindBool:
		return func(_ *Context, d types.Datum) (types.Datum, error) { return d, nil }
	case types.KindFloat4, types.KindFloat8:
		return castFloat(from, to)
	case types.KindNumeric:
		return castNumeric(to)
	case types.KindDate, types.KindTime, types.KindTimeTZ, types.KindTimestamp, types.KindTimestampTZ, types.KindInterval:
		return castDateTime(from, to)
	case types.KindJSON:
		return func(_ *Context, d types.Datum) (types.Datum, error) {
			normalized, err := types.NormalizeJSONB(d.Str)
			return types.StringDatum(normalized), err
		}
	case types.KindJSONB:
		if to.Kind == types.KindJSON {
			return func(_ *Context, d types.Datum) (types.Datum, error) { return d, nil }
		}
		return castJSONB(to)
	}
	return castInteger(from, to)
}

func isStringLike(k types.Kind) bool {
	switch k {
	case types.KindText, types.KindVarchar, types.KindBpchar, types.KindName, types.KindChar:
		return true
	}
	return false
}

// castVolatility returns the volatility of a conversion: those that read or
// print dates, times and names depend on the session.
func castVolatility(from, to types.Type) Volatility {
	if from.SameKind(to) {
		return Immutable
	}
	textual := isStringLike(from.Kind) || isStringLike(to.Kind)
	if textual && (printsBySettings(from) || printsBySettings(to)) {
		return Stable
	}
	zoned := from.Kind == types.KindTimestampTZ || to.Kind == types.KindTimestampTZ
	if from.Kind == types.KindTime && to.Kind == types.KindTimeTZ {
		return Stable
	}
	if zoned && from.Kind != to.Kind {
		return Stable
	}
	return Immutable
}

func printsBySettings(t types.Type) bool {
	switch t.Kind {
	case types.KindInterval, types.KindTime, types.KindTimeTZ, types.KindBytea, types.KindRegtype:
		return true
	}
	return dependsOnSettings(t)
}

func castToText(from, to types.Type) castFunc {
	finish := func(text string) types.Datum { return types.StringDatum(text) }
	switch to.Kind {
	case types.KindName:
		finish = func(text string) types.Datum { return types.StringDatum(truncateUTF8(text, 63)) }
	case types.KindChar:
		finish = func(text string) types.Datum { return types.StringDatum(text[:min(1, len(text))]) }
	}
	switch {
	case from.Kind == types.KindBool && to.Kind != types.KindName && to.Kind != types.KindChar:
		return func(_ *Context, d types.Datum) (types.Datum, error) {
			if d.Int != 0 {
				return finish("true"), nil
			}
			return finish("false"), nil
		}
	case from.Kind == types.KindBpchar:
		return func(_ *Context, d types.Datum) (types.Datum, error) { return finish(trimBlanks(d.Str)), nil }
	case from.Kind == types.KindChar && to.Kind != types.KindChar:
		return func(_ *Context, d types.Datum) (types.Datum, error) { return finish(d.Str), nil }
	case isStringLike(from.Kind) || from.Kind == types.KindUnknown:
		return func(_ *Context, d types.Datum) (types.Datum, error) { return finish(d.Str), nil }
	}
	return func(ctx *Context, d types.Datum) (types.Datum, error) {
		text, err := textOf(ctx, from, d)
		return finish(text), err
	}
}

// textOf prints a value with the context's settings.
func textOf(ctx *Context, t types.Type, d types.Datum) (string, error) {
	return string(types.AppendText(nil, t, d, ctx.format())), nil
}

// format returns the context's settings, PostgreSQL's defaults when it has none.
func (c *Context) format() *types.Format {
	if c.Format == nil {
		c.Format = types.DefaultFormat()
	}
	return c.Format
}

func castFromText(to types.Type) castFunc {
	if to.Kind == types.KindRegclass {
		return func(ctx *Context, d types.Datum) (types.Datum, error) { return relationNamed(ctx, d.Str) }
	}
	if to.Kind == types.KindRegtype {
		return func(ctx *Context, d types.Datum) (types.Datum, error) {
			oid, err := types.ParseText(to, d.Str, ctx.format())
			if err == nil {
				return oid, nil
			}
			found, err := typeNamedIn(ctx, d.Str)
			return types.IntDatum(found), err
		}
	}
	if to.Kind.IsReg() && to.Kind != types.KindRegtype {
		return func(ctx *Context, d types.Datum) (types.Datum, error) { return objectNamed(ctx, to, d.Str) }
	}
	return func(ctx *Context, d types.Datum) (types.Datum, error) {
		return types.ParseText(to, d.Str, ctx.format())
	}
}

func castArray(from, to types.Type) castFunc {
	convert := castValue(from, to)
	return func(ctx *Context, d types.Datum) (types.Datum, error) {
		a, err := types.DecodeArray(from, d.Str)
		if err != nil {
			return types.Null, err
		}
		elems := make([]types.Datum, len(a.Elems))
		for i, elem := range a.Elems {
			if elems[i], err = castElement(ctx, convert, elem, to); err != nil {
				return types.Null, err
			}
		}
		a.Elems = elems
		return types.StringDatum(types.EncodeArray(to, a)), nil
	}
}

func castElement(ctx *Context, convert castFunc, d types.Datum, to types.Type) (types.Datum, error) {
	if !d.Valid {
		return d, nil
	}
	d, err := convert(ctx, d)
	if err != nil || to.Mod == -1 {
		return d, err
	}
	return types.CoerceToModifier(to, d, true)
}

func castStruct(from, to types.Type) castFunc {
	convert := make([]castFunc, len(from.Fields))
	for i := range convert {
		convert[i] = castValue(from.Fields[i].Type, to.Fields[i].Type)
	}
	return func(ctx *Context, d types.Datum) (types.Datum, error) {
		fields, err := types.DecodeStruct(from, d.Str)
		if err != nil {
			return types.Null, err
		}
		for i := range fields {
			if fields[i], err = castElement(ctx, convert[i], fields[i], to.Fields[i].Type); err != nil {
				return types.Null, err
			}
		}
		return types.StringDatum(types.EncodeStruct(to, fields)), nil
	}
}

func castMap(from, to types.Type) castFunc {
	key, value := castValue(*from.Key, *to.Key), castValue(*from.Elem, *to.Elem)
	return func(ctx *Context, d types.Datum) (types.Datum, error) {
		entries, err := types.DecodeMap(from, d.Str)
		if err != nil {
			return types.Null, err
		}
		for i := range entries {
			if entries[i].Key, err = castElement(ctx, key, entries[i].Key, *to.Key); err != nil {
				return types.Null, err
			}
			if entries[i].Value, err = castElement(ctx, value, entries[i].Value, *to.Elem); err != nil {
				return types.Null, err
			}
		}
		return types.StringDatum(types.EncodeMap(to, entries)), nil
	}
}
