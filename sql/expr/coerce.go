package expr

import (
	"slices"
	"strings"
	"sync"

	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// CastContext says where a conversion stands, from the least that it permits to
// the most.
type CastContext uint8

// The contexts, with the meaning they have in PostgreSQL's pg_cast.
const (
	// Implicit is any expression.
	Implicit CastContext = iota
	// Assignment is a value stored in a column.
	Assignment
	// Explicit is CAST and ::.
	Explicit
)

// castList has a line per source type: each target with the context from which
// on the conversion is allowed (i, a, e).
const castList = `
bool int4:e text:a bpchar:a varchar:a
char int4:e text:i bpchar:a varchar:a
name text:i bpchar:a varchar:a
int8 int2:a int4:a oid:i float4:i float8:i numeric:i regproc:i regprocedure:i regoper:i regoperator:i regclass:i regtype:i regconfig:i regdictionary:i regnamespace:i regrole:i regcollation:i
int2 int8:i int4:i oid:i float4:i float8:i numeric:i regproc:i regprocedure:i regoper:i regoperator:i regclass:i regtype:i regconfig:i regdictionary:i regnamespace:i regrole:i regcollation:i
int4 bool:e char:e int8:i int2:a oid:i float4:i float8:i numeric:i regproc:i regprocedure:i regoper:i regoperator:i regclass:i regtype:i regconfig:i regdictionary:i regnamespace:i regrole:i regcollation:i
regproc int8:a int4:a oid:i regprocedure:i
text char:a name:i bpchar:i varchar:i regclass:i
oid int8:a int4:a regproc:i regprocedure:i regoper:i regoperator:i regclass:i regtype:i regconfig:i regdictionary:i regnamespace:i regrole:i regcollation:i
float4 int8:a int2:a int4:a float8:i numeric:a
float8 int8:a int2:a int4:a float4:a numeric:a
bpchar char:a name:i text:i varchar:i
varchar char:a name:i text:i bpchar:i regclass:i
date timestamp:i timestamptz:i
time interval:i timetz:i
timetz time:a
timestamp date:a time:a timestamptz:i
timestamptz date:a time:a timestamp:a timetz:a
interval time:a
numeric int8:a int2:a int4:a float4:i float8:i
regclass int8:a int4:a oid:i
regtype int8:a int4:a oid:i
regprocedure int8:a int4:a oid:i regproc:i
regoper int8:a int4:a oid:i regoperator:i
regoperator int8:a int4:a oid:i regoper:i
regconfig int8:a int4:a oid:i
regdictionary int8:a int4:a oid:i
regnamespace int8:a int4:a oid:i
regrole int8:a int4:a oid:i
regcollation int8:a int4:a oid:i
json jsonb:a
jsonb json:a bool:e int8:e int2:e int4:e float4:e float8:e numeric:e
`

type castPair struct{ from, to types.Kind }

var castContexts = sync.OnceValue(func() map[castPair]CastContext {
	contexts := map[byte]CastContext{'i': Implicit, 'a': Assignment, 'e': Explicit}
	out := map[castPair]CastContext{}
	for line := range strings.SplitSeq(strings.TrimSpace(castList), "\n") {
		words := strings.Fields(line)
		from := declaredTypes[words[0]].Kind
		for _, word := range words[1:] {
			name, context, _ := strings.Cut(word, ":")
			out[castPair{from, declaredTypes[name].Kind}] = contexts[context[0]]
		}
	}
	return out
})

// CanCast reports whether a value of type from may become one of type to in the
// given context. Type modifiers do not matter.
func CanCast(from, to types.Type, context CastContext) bool {
	if from.Kind == types.KindUnknown || from.SameKind(to) {
		return true
	}
	if from.Kind == types.KindEnum && to.Kind == types.KindEnum {
		return false
	}
	if from.Kind == to.Kind {
		return canCastParts(from, to, context)
	}
	if needed, ok := castContexts()[castPair{from.Kind, to.Kind}]; ok {
		return context >= needed
	}
	if from.Kind == types.KindVoid || to.Kind == types.KindVoid {
		return false
	}
	if categoryOf(to) == categoryString && context >= Assignment {
		return true
	}
	return categoryOf(from) == categoryString && context == Explicit && (to.Named != nil || to.Kind != types.KindStruct && to.Kind != types.KindMap)
}

// canCastParts compares two types that are both arrays, structs or maps.
func canCastParts(from, to types.Type, context CastContext) bool {
	switch from.Kind {
	case types.KindArray:
		return CanCast(*from.Elem, *to.Elem, context)
	case types.KindMap:
		return CanCast(*from.Key, *to.Key, context) && CanCast(*from.Elem, *to.Elem, context)
	case types.KindStruct:
		if len(from.Fields) != len(to.Fields) {
			return false
		}
		for i := range from.Fields {
			if !CanCast(from.Fields[i].Type, to.Fields[i].Type, context) {
				return false
			}
		}
		return true
	}
	return false
}

// CommonType returns the type that all the given types become where they meet:
// the branches of CASE, UNION, ARRAY, VALUES, GREATEST, by PostgreSQL's rules
// (https://www.postgresql.org/docs/15/typeconv-union-case.html). A type modifier
// remains if all have it. The context (CASE, UNION, ...) is named in the error.
func CommonType(ts []types.Type, context string, pos int) (types.Type, error) {
	if len(ts) == 0 {
		return types.Text, nil
	}
	common := ts[0]
	for _, t := range ts[1:] {
		switch {
		case t.Kind == types.KindUnknown || t.SameKind(common):
		case common.Kind == types.KindUnknown:
			common = t
		case categoryOf(t) != categoryOf(common):
			return types.Type{}, errNoCommonType(context, common, t, pos)
		case !isPreferred(common) && CanCast(common, t, Implicit) && !CanCast(t, common, Implicit):
			common = t
		}
	}
	if common.Kind == types.KindUnknown {
		return types.Text, nil
	}
	for _, t := range ts {
		if t.Mod != common.Mod || !t.SameKind(common) {
			common.Mod = -1
		}
		if !CanCast(t, common, Implicit) {
			return types.Type{}, errNotConverted(context, t, common, pos)
		}
	}
	return common, nil
}

func errNoCommonType(context string, a, b types.Type, pos int) error {
	a.Mod, b.Mod = -1, -1
	return sqlerr.New(sqlerr.DatatypeMismatch, pos, "%s types %s and %s cannot be matched", context, a, b)
}

func errNotConverted(context string, from, to types.Type, pos int) error {
	if context == "CASE" {
		context = "CASE/WHEN"
	}
	from.Mod, to.Mod = -1, -1
	return sqlerr.New(sqlerr.CannotCoerce, pos, "%s could not convert type %s to %s", context, from, to)
}

// Coerce returns e as a value of type to, type modifier included: e itself, a
// constant made from an unknown literal, or a Cast. Types that do not convert in
// this context are an error (42804 in assignments, else 42846). Literals of
// dates and timestamps depend on the session's settings: they become a Cast,
// which Fold evaluates with its context's Format. So do those of intervals with a
// sign in front.
func Coerce(e Expr, to types.Type, context CastContext) (Expr, error) {
	from := e.Type()
	if from.Kind == types.KindUnknown {
		return coerceUnknown(e, to, context)
	}
	if from.Equal(to) || from.SameKind(to) && to.Mod == -1 {
		return e, nil
	}
	if row, ok := e.(*StructConstructor); ok && to.Named != nil && to.Kind == types.KindStruct && len(row.Fields) == len(to.Fields) {
		return coerceRow(row, to, context)
	}
	if !CanCast(from, to, context) {
		return nil, errCannotCast(from, to, context, e.Pos())
	}
	return &Cast{Node: Node{ResultType: to, Position: e.Pos()}, Arg: e, Explicit: context == Explicit}, nil
}

// coerceRow makes a row of a composite type of one that is written out, field by field:
// literals, which became text in the row, have the types of its fields.
func coerceRow(row *StructConstructor, to types.Type, context CastContext) (Expr, error) {
	fields := make([]Expr, len(row.Fields))
	for i, field := range row.Fields {
		if literal, ok := field.(*Const); ok && literal.ResultType.Kind == types.KindText {
			field = &Const{Node: Node{ResultType: types.Unknown, Position: literal.Position}, Value: literal.Value}
		}
		var err error
		if fields[i], err = Coerce(field, to.Fields[i].Type, context); err != nil {
			return nil, err
		}
	}
	return &StructConstructor{Node: Node{ResultType: to, Position: row.Position}, Fields: fields}, nil
}

func errCannotCast(from, to types.Type, context CastContext, pos int) error {
	from.Mod, to.Mod = -1, -1
	if context == Assignment {
		return sqlerr.New(sqlerr.DatatypeMismatch, pos, "type %s is expected but expression is of type %s", to, from).
			WithHint("You will need to rewrite or cast the expression.")
	}
	return sqlerr.New(sqlerr.CannotCoerce, pos, "cannot cast type %s to %s", from, to)
}

// coerceUnknown gives a type to a literal, a NULL or a parameter without one.
func coerceUnknown(e Expr, to types.Type, context CastContext) (Expr, error) {
	node := Node{ResultType: to, Position: e.Pos()}
	switch e := e.(type) {
	case *Param:
		return &Param{Node: node, Index: e.Index}, nil
	case *Const:
		if !e.Value.Valid {
			return &Const{Node: node}, nil
		}
		if to.Kind == types.KindUnknown {
			return e, nil
		}
		if dependsOnSettings(to) || to.Kind == types.KindInterval && strings.HasPrefix(strings.TrimSpace(e.Value.Str), "-") {
			return &Cast{Node: node, Arg: e, Explicit: context == Explicit}, nil
		}
		d, err := parseLiteral(e.Value.Str, to, types.DefaultFormat(), context == Explicit)
		if err != nil {
			return nil, sqlerr.From(err).At(e.Position)
		}
		return &Const{Node: node, Value: d}, nil
	}
	return &Cast{Node: node, Arg: e, Explicit: true}, nil
}

// parseLiteral reads a literal of type to and applies the type modifier.
func parseLiteral(text string, to types.Type, f *types.Format, explicit bool) (types.Datum, error) {
	base := to
	if to.Kind != types.KindInterval {
		base.Mod = -1
	}
	d, err := types.ParseText(base, text, f)
	if err != nil || to.Mod == -1 {
		return d, err
	}
	return types.CoerceToModifier(to, d, explicit)
}

// dependsOnSettings reports whether reading or printing a value of the type
// depends on the session.
func dependsOnSettings(t types.Type) bool {
	switch t.Kind {
	case types.KindDate, types.KindTimeTZ, types.KindTimestamp, types.KindTimestampTZ:
		return true
	case types.KindArray:
		return dependsOnSettings(*t.Elem)
	case types.KindStruct:
		return slices.ContainsFunc(t.Fields, func(f types.Field) bool { return dependsOnSettings(f.Type) })
	}
	return t.Kind.IsReg() && t.Kind != types.KindRegtype
}
