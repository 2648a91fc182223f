package types

import (
	"strings"

	"millrace/sql/sqlerr"
)

// typeNames maps the names that SQL and PostgreSQL's catalog know, in lower
// case, to types; the last are KSQL's. "char" is the SQL type character(1);
// PostgreSQL's one-byte type is spelled with its quotes.
var typeNames = map[string]Type{
	"bool": Bool, "boolean": Bool,
	"int2": Int2, "smallint": Int2,
	"int4": Int4, "int": Int4, "integer": Int4,
	"int8": Int8, "bigint": Int8,
	"float4": Float4, "real": Float4,
	"float8": Float8, "float": Float8, "double precision": Float8,
	"numeric": Numeric, "decimal": Numeric, "dec": Numeric,
	"text":    Text,
	"varchar": Varchar, "character varying": Varchar, "char varying": Varchar,
	"bpchar": Bpchar, "char": Bpchar, "character": Bpchar,
	"name":   Name,
	`"char"`: Char,
	"bytea":  Bytea,
	"date":   Date,
	"time":   Time, "time without time zone": Time,
	"timetz": TimeTZ, "time with time zone": TimeTZ,
	"timestamp": Timestamp, "timestamp without time zone": Timestamp,
	"timestamptz": TimestampTZ, "timestamp with time zone": TimestampTZ,
	"uuid":          UUID,
	"json":          JSON,
	"jsonb":         JSONB,
	"oid":           OID,
	"regclass":      Regclass,
	"regtype":       Regtype,
	"regproc":       Regproc,
	"regprocedure":  Regprocedure,
	"regoper":       Regoper,
	"regoperator":   Regoperator,
	"regnamespace":  Regnamespace,
	"regrole":       Regrole,
	"regcollation":  Regcollation,
	"regconfig":     Regconfig,
	"regdictionary": Regdictionary,
	"void":          Void,
	"unknown":       Unknown,

	"string": Text,
	"bytes":  Bytea,
	"double": Float8,
}

// TypeByName returns the type with the given name: one of PostgreSQL's names
// or aliases ("int", "double precision", "timestamp with time zone"), an
// internal name ("int4", "_int4" for its array) or a KSQL name ("string"), in
// lower case, with "[]" behind it for arrays and with the fields behind
// "interval" ("interval day to second"). mods are the modifiers written in
// parentheses.
//
// Errors: 42704 for an unknown name, 22023 for a bad modifier, 42601 for a
// modifier on a type that takes none.
func TypeByName(name string, mods []int32) (Type, error) {
	if base, ok := strings.CutSuffix(name, "[]"); ok {
		return arrayByName(strings.TrimRight(base, "[] "), mods)
	}
	if base, ok := strings.CutSuffix(name, " array"); ok {
		return arrayByName(base, mods)
	}
	full := name
	name = strings.TrimPrefix(name, "pg_catalog.")
	if base, ok := strings.CutPrefix(name, "_"); ok {
		return arrayByName(base, mods)
	}
	if t, ok := typeNames[name]; ok {
		return withModifiers(t, name, mods)
	}
	if fields, ok := strings.CutPrefix(name, "interval"); ok {
		if mask, ok := intervalFieldMasks[strings.TrimSpace(fields)]; ok {
			return intervalWithModifiers(mask, mods)
		}
	}
	return Type{}, unknownType(full)
}

// arrayByName returns the array of the named type. As in PostgreSQL, the
// number of dimensions is not part of a type.
func arrayByName(elem string, mods []int32) (Type, error) {
	t, err := TypeByName(elem, mods)
	if err != nil || t.Kind == KindArray {
		return t, err
	}
	if t.ArrayOID() == 0 {
		return Type{}, sqlerr.New(sqlerr.UndefinedObject, -1, "could not find array type for data type %s", t)
	}
	return ArrayOf(t), nil
}
