package types

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"millrace/sql/sqlerr"
)

func TestTypeNamesAgainstPostgreSQL(t *testing.T) {
	names := []string{"bool", "boolean", "smallint", "int2", "int", "integer", "int4", "bigint", "int8", "real", "float4", "float", "float8", "double precision",
		"float(1)", "float(24)", "float(25)", "float(53)", "float(54)", "float(0)", "numeric", "decimal", "dec", "numeric(10)", "numeric(10,2)", "numeric(10,-2)",
		"numeric(1000,1000)", "numeric(1001)", "numeric(0)", "numeric(10,1001)", "text", "varchar", "varchar(10)", "character varying(10)", "varchar(0)",
		"varchar(10485761)", "char", "char(10)", "character(3)", "bpchar", "char(0)", "name", `"char"`, "bytea", "date", "time", "time(3)", "timestamp", "timestamp(0)",
		"timestamptz", "timestamptz(6)", "timestamp with time zone", "time without time zone", "timestamp without time zone", "interval", "interval year", "interval day to second",
		"interval(3)", "interval hour to minute", "uuid", "jsonb", "oid", "regclass", "regtype", "regproc", "_int4", "int4[]", "int[][]", "text[]", "varchar(5)[]", "numeric(4,2)[]", "_text",
		"nonesuch", "integer(3)", "text(3)"}
	expressions := make([]string, len(names))
	for i, name := range names {
		expressions[i] = "(SELECT format_type(atttypid, atttypmod) || ' ' || atttypid || ' ' || attlen FROM column_type(" + literal(name) + "))"
	}
	conn := postgres(t)
	if _, err := conn.Exec(t.Context(), `CREATE OR REPLACE FUNCTION column_type(name text) RETURNS TABLE (atttypid oid, atttypmod int, attlen int2) LANGUAGE plpgsql AS $$
		BEGIN
		  EXECUTE 'CREATE TEMP TABLE probe (c ' || name || ')';
		  RETURN QUERY SELECT a.atttypid, a.atttypmod, a.attlen FROM pg_attribute a WHERE attrelid = 'probe'::regclass AND attname = 'c';
		  DROP TABLE probe;
		END $$`).ReadAll(); err != nil {
		t.Fatal(err)
	}
	for i, want := range tryAll(t, nil, expressions) {
		typ, err := parseTypeName(names[i])
		if err != nil {
			if want[0] != '!' || string(sqlerr.CodeOf(err)) != want[1:6] {
				t.Errorf("%s: got %s, want %s", names[i], errorOutcome(err), want)
			}
			continue
		}
		if got := fmt.Sprintf("=%s %d %d", typ, typ.OID(), typ.Size()); got != want {
			t.Errorf("%s: got %s, want %s", names[i], got, want)
		}
	}
}

func TestTypeByOID(t *testing.T) {
	for _, typ := range allTypes {
		if typ.HasNamed() {
			continue // the catalog knows these
		}
		if typ.Kind == KindStruct || typ.Kind == KindMap {
			if typ.OID() != OIDJSONB {
				t.Errorf("%s has OID %d", typ, typ.OID())
			}
			continue
		}
		got, ok := TypeByOID(typ.OID())
		if !ok || !got.SameKind(typ) {
			t.Errorf("%s: OID %d is %s", typ, typ.OID(), got)
		}
	}
	if _, ok := TypeByOID(0); ok {
		t.Error("OID 0 is a type")
	}
}

func TestStreamingTypeNames(t *testing.T) {
	cases := map[string]Type{"string": Text, "bytes": Bytea, "double": Float8, "pg_catalog.int4": Int4, "integer array": ArrayOf(Int4)}
	for name, want := range cases {
		if got, err := TypeByName(name, nil); err != nil || !got.Equal(want) {
			t.Errorf("%s is %s, %v", name, got, err)
		}
	}
	structure := StructOf([]Field{{"a", Int4}, {"B c", MapOf(Text, ArrayOf(VarcharOf(3)))}})
	if got, want := structure.String(), `struct<a integer, "B c" map<text, character varying(3)[]>>`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// parseTypeName returns the type of a name with modifiers in parentheses.
func parseTypeName(name string) (Type, error) {
	open, end := strings.IndexByte(name, '('), strings.IndexByte(name, ')')
	if open < 0 {
		return TypeByName(name, nil)
	}
	var mods []int32
	for _, part := range strings.Split(name[open+1:end], ",") {
		mod, err := strconv.Atoi(part)
		if err != nil {
			return Type{}, err
		}
		mods = append(mods, int32(mod))
	}
	return TypeByName(name[:open]+name[end+1:], mods)
}
