package expr

import (
	"cmp"

	"millrace/sql/types"
)

var comparisonTokens = []struct {
	token string
	op    comparison
	words string
}{
	{"=", equal, "equal"},
	{"<>", notEqual, "not equal"},
	{"<", less, "less than"},
	{"<=", lessOrEqual, "less than or equal"},
	{">", greater, "greater than"},
	{">=", greaterOrEqual, "greater than or equal"},
}

// comparablePairs are the operand types whose values have one representation.
var comparablePairs = []string{
	"bool,bool", "int4,int4", "int8,int8", "int2,int2", "int4,int8", "int8,int4", "int2,int4", "int4,int2",
	"int2,int8", "int8,int2", "float8,float8", "float4,float4", "float4,float8", "float8,float4",
	"numeric,numeric", "text,text", "bpchar,bpchar", "name,name", "name,text", "text,name", "char,char",
	"bytea,bytea", "date,date", "time,time", "timetz,timetz", "timestamp,timestamp", "timestamptz,timestamptz",
	"interval,interval", "uuid,uuid", "jsonb,jsonb", "oid,oid",
}

func (b *builder) defineComparisons() {
	for _, c := range comparisonTokens {
		for _, pair := range comparablePairs {
			o := b.operator(c.token, pair, "bool", nil, c.words)
			o.comparison, o.ordering = c.op, orderingOf(o.Args[0])
			o.Eval = comparisonKernel(c.op, o.ordering)
		}
		o := b.operator(c.token, "anyarray,anyarray", "bool", comparisonKernel(c.op, orderedByCompare), c.words+", element by element")
		o.comparison, o.ordering = c.op, orderedByCompare
		o = b.operator(c.token, "anyenum,anyenum", "bool", comparisonKernel(c.op, orderedAsInts), c.words+", by the order of the values")
		o.comparison, o.ordering = c.op, orderedAsInts
		o = b.operator(c.token, "record,record", "bool", comparisonKernel(c.op, orderedByCompare), c.words+", field by field")
		o.comparison, o.ordering = c.op, orderedByCompare
		if c.op == equal || c.op == notEqual {
			o = b.operator(c.token, "anymap,anymap", "bool", comparisonKernel(c.op, orderedByCompare), c.words+", entry by entry")
			o.comparison, o.ordering = c.op, orderedByCompare
		}
		b.defineMixedTimes(c.token, c.op, c.words)
	}
}

func comparisonKernel(op comparison, order ordering) Kernel {
	return func(_ *Context, args []*types.Vector, selection []int32, out *types.Vector) {
		compareInto(op, order, args[0], args[1], selection, out.Ints)
	}
}

// defineMixedTimes defines the comparisons of dates and timestamps of different
// types; those with timestamptz depend on the session's time zone.
func (b *builder) defineMixedTimes(token string, op comparison, words string) {
	for _, pair := range [][2]string{
		{"date", "timestamp"}, {"timestamp", "date"}, {"date", "timestamptz"}, {"timestamptz", "date"},
		{"timestamp", "timestamptz"}, {"timestamptz", "timestamp"},
	} {
		left, right := typeNamed(pair[0]), typeNamed(pair[1])
		kernel := lift2c(func(ctx *Context, x, y int64) (int64, error) {
			return boolInt(op.holds(cmp.Compare(instant(ctx, left.Kind, right.Kind, x), instant(ctx, right.Kind, left.Kind, y)))), nil
		})
		options := []option{stable}
		if left.Kind != types.KindTimestampTZ && right.Kind != types.KindTimestampTZ {
			options = nil
		}
		b.operator(token, pair[0]+","+pair[1], "bool", kernel, words, options...)
	}
}

// instant returns a date or timestamp as a timestamp that compares with values
// of the other kind.
func instant(ctx *Context, kind, other types.Kind, v int64) int64 {
	zoned := other == types.KindTimestampTZ
	switch kind {
	case types.KindDate:
		micros := dateToTimestampSaturating(v)
		if zoned {
			return localToUTC(micros, ctx.zone())
		}
		return micros
	case types.KindTimestamp:
		if zoned {
			return localToUTC(v, ctx.zone())
		}
	}
	return v
}
