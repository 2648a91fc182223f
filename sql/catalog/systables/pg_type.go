package systables

import (
	"context"
	"strings"

	"millrace/sql/types"
)

// typeInfo is what pg_type says about a type besides what package types knows.
type typeInfo struct {
	kind      types.Kind
	name      string
	byValue   bool
	category  string
	preferred bool
	align     string
	storage   string
	collation int
}

// typeInfos are PostgreSQL's types that there are values of, from its pg_type.
var typeInfos = []typeInfo{
	{types.KindBool, "bool", true, "B", true, "c", "p", 0},
	{types.KindBytea, "bytea", false, "U", false, "i", "x", 0},
	{types.KindChar, "char", true, "Z", false, "c", "p", 0},
	{types.KindName, "name", false, "S", false, "c", "p", oidCCollate},
	{types.KindInt8, "int8", true, "N", false, "d", "p", 0},
	{types.KindInt2, "int2", true, "N", false, "s", "p", 0},
	{types.KindInt4, "int4", true, "N", false, "i", "p", 0},
	{types.KindRegproc, "regproc", true, "N", false, "i", "p", 0},
	{types.KindText, "text", false, "S", true, "i", "x", oidDefaultCollate},
	{types.KindOID, "oid", true, "N", true, "i", "p", 0},
	{types.KindFloat4, "float4", true, "N", false, "i", "p", 0},
	{types.KindFloat8, "float8", true, "N", true, "d", "p", 0},
	{types.KindUnknown, "unknown", false, "X", false, "c", "p", 0},
	{types.KindBpchar, "bpchar", false, "S", false, "i", "x", oidDefaultCollate},
	{types.KindVarchar, "varchar", false, "S", false, "i", "x", oidDefaultCollate},
	{types.KindDate, "date", true, "D", false, "i", "p", 0},
	{types.KindTime, "time", true, "D", false, "d", "p", 0},
	{types.KindTimeTZ, "timetz", false, "D", false, "d", "p", 0},
	{types.KindTimestamp, "timestamp", true, "D", false, "d", "p", 0},
	{types.KindTimestampTZ, "timestamptz", true, "D", true, "d", "p", 0},
	{types.KindInterval, "interval", false, "T", true, "d", "p", 0},
	{types.KindNumeric, "numeric", false, "N", false, "i", "m", 0},
	{types.KindRegclass, "regclass", true, "N", false, "i", "p", 0},
	{types.KindRegtype, "regtype", true, "N", false, "i", "p", 0},
	{types.KindRegprocedure, "regprocedure", true, "N", false, "i", "p", 0},
	{types.KindRegoper, "regoper", true, "N", false, "i", "p", 0},
	{types.KindRegoperator, "regoperator", true, "N", false, "i", "p", 0},
	{types.KindRegnamespace, "regnamespace", true, "N", false, "i", "p", 0},
	{types.KindRegrole, "regrole", true, "N", false, "i", "p", 0},
	{types.KindRegcollation, "regcollation", true, "N", false, "i", "p", 0},
	{types.KindRegconfig, "regconfig", true, "N", false, "i", "p", 0},
	{types.KindRegdictionary, "regdictionary", true, "N", false, "i", "p", 0},
	{types.KindVoid, "void", true, "P", false, "i", "p", 0},
	{types.KindUUID, "uuid", false, "U", false, "c", "p", 0},
	{types.KindJSON, "json", false, "U", false, "i", "x", 0},
	{types.KindJSONB, "jsonb", false, "U", false, "i", "x", 0},
}

// infoOf returns what pg_type says about a column's type. Structs and maps go
// out as jsonb; arrays are stored alike whatever their elements are.
func infoOf(t types.Type) *typeInfo {
	kind := t.Kind
	if t.Named != nil {
		return createdInfo(t)
	}
	switch kind {
	case types.KindStruct, types.KindMap:
		kind = types.KindJSONB
	case types.KindArray:
		element := infoOf(*t.Elem)
		if t.Vector {
			return &typeInfo{kind: kind, name: t.BaseName(), category: "A", align: "i", storage: "p"}
		}
		return &typeInfo{kind: kind, name: "_" + element.name, category: "A", align: "i", storage: "x", collation: element.collation}
	}
	for i := range typeInfos {
		if typeInfos[i].kind == kind {
			return &typeInfos[i]
		}
	}
	return &typeInfo{align: "i", storage: "x"}
}

// typeFunctions are the OIDs of the functions by which some drivers know what sort a
// type is of.
var typeFunctions = map[string]uint32{
	"array_in": 750, "array_out": 751, "array_recv": 2400, "array_send": 2401,
	"enum_in": 3506, "enum_out": 3507, "enum_recv": 3532, "enum_send": 3533,
	"record_in": 2290, "record_out": 2291, "record_recv": 2402, "record_send": 2403,
}

func pgType(_ context.Context, env *Environment, _ *Table) ([]row, error) {
	var rows []row
	for i := range typeInfos {
		info := &typeInfos[i]
		t := types.Type{Kind: info.kind, Mod: -1}
		kind := "b"
		if info.category == "P" || info.category == "X" {
			kind = "p"
		}
		rows = append(rows, typeRow(int(t.OID()), info, kind, int(t.Size()), 0, int(t.ArrayOID())))
		if t.ArrayOID() != 0 {
			rows = append(rows, typeRow(int(t.ArrayOID()), infoOf(types.ArrayOf(t)), "b", -1, int(t.OID()), 0))
		}
	}
	for _, element := range []types.Type{types.Int2, types.OID} {
		vector := types.VectorOf(element)
		rows = append(rows, typeRow(int(vector.OID()), infoOf(vector), "b", -1, int(element.OID()), 0))
	}
	return append(rows, createdTypeRows(env)...), nil
}

func typeRow(oid int, info *typeInfo, kind string, size, element, array int) row {
	input, output, receive, send := 0, 0, 0, 0
	if element != 0 {
		input, output = int(typeFunctions["array_in"]), int(typeFunctions["array_out"])
		receive, send = int(typeFunctions["array_recv"]), int(typeFunctions["array_send"])
	}
	return row{
		"oid": oid, "typname": info.name, "typnamespace": oidSchemaPgCatalog, "typowner": oidRole, "typlen": size,
		"typbyval": info.byValue, "typtype": kind, "typcategory": info.category, "typispreferred": info.preferred,
		"typisdefined": true, "typdelim": ",", "typelem": element, "typarray": array, "typinput": input,
		"typoutput": output, "typreceive": receive, "typsend": send,
		"typalign": info.align, "typstorage": info.storage, "typtypmod": -1, "typcollation": info.collation,
	}
}

// firstFunctionOID is where the OIDs begin that functions get by their place in
// the list of all.
const firstFunctionOID = 100000

func pgProc(_ context.Context, env *Environment, _ *Table) ([]row, error) {
	var rows []row
	for name, oid := range typeFunctions {
		rows = append(rows, row{
			"oid": oid, "proname": name, "pronamespace": oidSchemaPgCatalog, "proowner": oidRole, "prolang": 12, "prokind": "f",
			"proisstrict": true, "provolatile": "s", "proparallel": "s", "prosrc": name,
		})
	}
	for i, f := range env.Functions {
		if !isName(f.Name) {
			continue
		}
		kind := "f"
		if f.Aggregate {
			kind = "a"
		}
		arguments := make([]int, len(f.Args))
		for k, t := range f.Args {
			arguments[k] = signatureOID(t)
		}
		rows = append(rows, row{
			"oid": firstFunctionOID + i, "proname": f.Name, "pronamespace": oidSchemaPgCatalog, "proowner": oidRole, "prolang": 12,
			"prokind": kind, "proisstrict": f.Strict, "provolatile": string(rune(f.Volatility)), "proparallel": "s",
			"pronargs": len(f.Args), "prorettype": signatureOID(f.Result), "proargtypes": arguments, "prosrc": f.Name,
		})
	}
	return rows, nil
}

// oidAny is the OID of PostgreSQL's pseudo-type "any", which stands for every
// polymorphic type in a signature.
const oidAny = 2276

// isConcrete tells types of values from the polymorphic types of signatures.
func isConcrete(t types.Type) bool {
	switch {
	case t.Kind == types.KindStruct:
		return true
	case t.Elem != nil && !isConcrete(*t.Elem), t.Key != nil && !isConcrete(*t.Key):
		return false
	case t.Kind == types.KindArray, t.Kind == types.KindMap:
		return t.Elem != nil
	default:
		return infoOf(t).name != ""
	}
}

func signatureOID(t types.Type) int {
	if !isConcrete(t) {
		return oidAny
	}
	return int(t.OID())
}

func signatureName(t types.Type) string {
	if !isConcrete(t) {
		return "any"
	}
	return t.String()
}

// isName tells functions from operators.
func isName(name string) bool {
	return name != "" && (name[0] == '_' || name[0] >= 'a' && name[0] <= 'z')
}

// argumentList prints the types of a function's arguments.
func (f *Function) argumentList() string {
	list := make([]string, len(f.Args))
	for i, t := range f.Args {
		list[i] = signatureName(t)
		if f.Variadic && i == len(f.Args)-1 {
			list[i] = "VARIADIC " + list[i]
		}
	}
	return strings.Join(list, ", ")
}
