package expr

import (
	"fmt"
	"strings"

	"millrace/sql/types"
)

// Pseudo-types of declared arguments and results, with PostgreSQL's meaning
// (https://www.postgresql.org/docs/15/extend-type-system.html). They stand in
// Overload.Args and Aggregate.Args only; no expression has them.
const (
	kindAny types.Kind = 200 + iota
	kindAnyElement
	kindAnyNonArray
	kindAnyArray
	kindAnyCompatible
	kindAnyCompatibleArray
	kindAnyMap
	kindAnyStruct
	kindMapKey
	kindMapValue
	kindAnyEnum
)

var pseudoNames = map[types.Kind]string{
	kindAny:                "any",
	kindAnyElement:         "anyelement",
	kindAnyNonArray:        "anynonarray",
	kindAnyArray:           "anyarray",
	kindAnyCompatible:      "anycompatible",
	kindAnyCompatibleArray: "anycompatiblearray",
	kindAnyMap:             "anymap",
	kindAnyStruct:          "record",
	kindMapKey:             "mapkey",
	kindMapValue:           "mapvalue",
	kindAnyEnum:            "anyenum",
}

// isPolymorphic reports whether t is a pseudo-type or an array of one.
func isPolymorphic(t types.Type) bool {
	return t.Kind >= kindAny || t.Kind == types.KindArray && isPolymorphic(*t.Elem)
}

// TypeName returns the name of a type as error messages and documentation give
// it; unlike Type.String it also knows the pseudo-types of declared arguments.
func TypeName(t types.Type) string {
	if name, ok := pseudoNames[t.Kind]; ok {
		return name
	}
	if isPolymorphic(t) {
		return TypeName(*t.Elem) + "[]"
	}
	return t.String()
}

// typeNames lists the types of a signature for an error message.
func typeNames(ts []types.Type) string {
	names := make([]string, len(ts))
	for i, t := range ts {
		t.Mod = -1
		names[i] = TypeName(t)
	}
	return strings.Join(names, ", ")
}

// Signature returns the overload as documentation shows it: a function as
// name(types), an operator with its operands around it.
func (o *Overload) Signature() string {
	if !isOperatorName(o.Name) {
		return signature(o.Name, o.Args, o.Variadic)
	}
	if len(o.Args) == 1 {
		return o.Name + " " + TypeName(o.Args[0])
	}
	return TypeName(o.Args[0]) + " " + o.Name + " " + TypeName(o.Args[1])
}

// Signature returns the aggregate as documentation shows it.
func (a *Aggregate) Signature() string {
	if a.Name == "count" && len(a.Args) == 0 {
		return "count(*)"
	}
	return signature(a.Name, a.Args, a.Variadic)
}

func signature(name string, args []types.Type, variadic bool) string {
	list := typeNames(args)
	if variadic {
		list += ", ..."
	}
	return fmt.Sprintf("%s(%s)", name, list)
}

func isOperatorName(name string) bool {
	c := name[0]
	return c != '_' && (c < 'a' || c > 'z')
}

// typeNamed returns the type with PostgreSQL's internal name; "[]" behind it
// makes an array. It is used for the declarations in this package only.
func typeNamed(name string) types.Type {
	if elem, ok := strings.CutSuffix(name, "[]"); ok {
		return types.ArrayOf(typeNamed(elem))
	}
	for kind, pseudo := range pseudoNames {
		if pseudo == name {
			return types.Type{Kind: kind, Mod: -1}
		}
	}
	t, ok := declaredTypes[name]
	if !ok {
		panic("unknown type in a declaration: " + name)
	}
	return t
}

var declaredTypes = map[string]types.Type{
	"unknown": types.Unknown, "bool": types.Bool, "int2": types.Int2, "int4": types.Int4, "int8": types.Int8,
	"float4": types.Float4, "float8": types.Float8, "numeric": types.Numeric,
	"text": types.Text, "varchar": types.Varchar, "bpchar": types.Bpchar, "name": types.Name, "char": types.Char,
	"bytea": types.Bytea, "date": types.Date, "time": types.Time, "timetz": types.TimeTZ, "timestamp": types.Timestamp,
	"timestamptz": types.TimestampTZ, "interval": types.Interval, "uuid": types.UUID, "json": types.JSON, "jsonb": types.JSONB,
	"oid": types.OID, "regclass": types.Regclass, "regtype": types.Regtype, "regproc": types.Regproc,
	"regprocedure": types.Regprocedure, "regoper": types.Regoper, "regoperator": types.Regoperator,
	"regnamespace": types.Regnamespace, "regrole": types.Regrole, "regcollation": types.Regcollation,
	"regconfig": types.Regconfig, "regdictionary": types.Regdictionary,
	"void": types.Void, "oidvector": types.VectorOf(types.OID),
}
