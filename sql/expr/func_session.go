package expr

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// PostgresVersion is the version of PostgreSQL that version() and the setting
// server_version begin with, for drivers that look.
const PostgresVersion = "15.0"

// defineSession defines the functions about the session and the catalog that
// drivers and psql call
// (https://www.postgresql.org/docs/15/functions-info.html).
func (b *builder) defineSession() {
	b.function("version", "", "text", lift0c(func(*Context) (string, error) {
		return "PostgreSQL " + PostgresVersion + " (Millrace)", nil
	}), "version of the server", stable)
	for _, name := range []string{"current_user", "user", "current_role"} {
		b.function(name, "", "name", onSession(func(s Session) (types.Datum, error) { return types.StringDatum(s.User()), nil }), "name of the role that the session acts as", stable)
	}
	b.function("session_user", "", "name", onSession(func(s Session) (types.Datum, error) { return types.StringDatum(s.SessionUser()), nil }), "name of the session's user", stable)
	for _, name := range []string{"current_database", "current_catalog"} {
		b.function(name, "", "name", onSession(func(s Session) (types.Datum, error) { return types.StringDatum(s.Database()), nil }), "name of the database", stable)
	}
	b.function("current_schema", "", "name", onSession(func(s Session) (types.Datum, error) {
		if len(s.Schemas()) == 0 {
			return types.Null, nil
		}
		return types.StringDatum(s.Schemas()[0]), nil
	}), "first schema of the search path", stable)
	b.function("current_schemas", "bool", "name[]", liftRows(currentSchemas), "schemas of the search path, with implicit ones or not", stable)
	b.function("pg_backend_pid", "", "int4", onSession(func(s Session) (types.Datum, error) {
		return types.IntDatum(int64(s.BackendPID())), nil
	}), "process id that cancel requests name", stable)
	b.function("pg_blocking_pids", "int4", "int4[]", liftRows(blockingPIDs), "process ids of those for whose locks a process waits", volatile)
	b.function("pg_cancel_backend", "int4", "bool", liftRows(signalBackend(false)), "ends the statement that a client runs", volatile)
	b.function("pg_terminate_backend", "int4", "bool", liftRows(signalBackend(true)), "ends a client's connection", volatile)
	setting := liftRows(currentSetting)
	b.function("current_setting", "text", "text", setting, "value of a setting", stable)
	b.function("current_setting", "text,bool", "text", setting, "value of a setting, or NULL when there is none", stable)
	b.function("set_config", "text,text,bool", "text", liftRows(setConfig), "sets a setting, for the transaction alone or for longer", notStrict, volatile)
	b.defineCatalogNames()
	b.defineCatalogStubs()
	b.definePrivileges()
	b.defineAccessLists()
	b.defineAdvisory()
	b.function("pg_sleep", "float8", "void", lift1c(sleep), "waits a number of seconds", volatile)
}

// onSession makes a kernel of a function of the session; without one the result
// is NULL.
func onSession(f func(s Session) (types.Datum, error)) Kernel {
	return liftRows(func(ctx *Context, _ []*types.Vector, _ []types.Datum, _ types.Type) (types.Datum, error) {
		if ctx.Session == nil {
			return types.Null, nil
		}
		return f(ctx.Session)
	})
}

func currentSchemas(ctx *Context, _ []*types.Vector, row []types.Datum, _ types.Type) (types.Datum, error) {
	if ctx.Session == nil {
		return types.Null, nil
	}
	var schemas []types.Datum
	if row[0].Int != 0 {
		schemas = append(schemas, types.StringDatum("pg_catalog"))
	}
	for _, s := range ctx.Session.Schemas() {
		schemas = append(schemas, types.StringDatum(s))
	}
	return encodedArray(types.Name, schemas), nil
}

func blockingPIDs(ctx *Context, _ []*types.Vector, row []types.Datum, _ types.Type) (types.Datum, error) {
	if ctx.Session == nil {
		return types.Null, nil
	}
	var pids []types.Datum
	for _, pid := range ctx.Session.BlockingPIDs(int32(row[0].Int)) {
		pids = append(pids, types.IntDatum(int64(pid)))
	}
	return encodedArray(types.Int4, pids), nil
}

// signalBackend is pg_cancel_backend, and pg_terminate_backend where terminate is set
// (https://www.postgresql.org/docs/15/functions-admin.html).
func signalBackend(terminate bool) func(*Context, []*types.Vector, []types.Datum, types.Type) (types.Datum, error) {
	return func(ctx *Context, _ []*types.Vector, row []types.Datum, _ types.Type) (types.Datum, error) {
		if ctx.Session == nil {
			return types.Null, nil
		}
		found, err := ctx.Session.Signal(int32(row[0].Int), terminate)
		return types.BoolDatum(found), err
	}
}

func currentSetting(ctx *Context, _ []*types.Vector, row []types.Datum, _ types.Type) (types.Datum, error) {
	name := lowerASCII(row[0].Str)
	if ctx.Session != nil {
		if value, ok := ctx.Session.Setting(name); ok {
			return types.StringDatum(value), nil
		}
	}
	if len(row) == 2 && row[1].Int != 0 {
		return types.Null, nil
	}
	return types.Null, sqlerr.New(sqlerr.UndefinedObject, -1, "unrecognized configuration parameter \"%s\"", row[0].Str)
}

func setConfig(ctx *Context, _ []*types.Vector, row []types.Datum, _ types.Type) (types.Datum, error) {
	if ctx.Session == nil {
		return types.Null, nil
	}
	if !row[0].Valid {
		return types.Null, sqlerr.New(sqlerr.NullValueNotAllowed, -1, "SET requires parameter name")
	}
	if !row[2].Valid {
		row[2] = types.BoolDatum(false)
	}
	value, err := ctx.Session.SetConfig(row[0].Str, row[1].Str, row[2].Int != 0)
	return types.StringDatum(value), err
}

func (b *builder) defineCatalogNames() {
	b.function("pg_typeof", "any", "regtype", liftRows(func(_ *Context, args []*types.Vector, _ []types.Datum, _ types.Type) (types.Datum, error) {
		return types.IntDatum(int64(args[0].Type.OID())), nil
	}), "type of the argument", notStrict, stable)
	b.function("oidvectortypes", "oidvector", "text", liftRows(vectorTypes), "names of types, with commas between them", stable)
	b.function("format_type", "oid,int4", "text", liftRows(formatType), "name of a type with its modifier", notStrict, stable)
	b.function("pg_get_userbyid", "oid", "name", liftRows(userByID), "name of a role", stable)
	b.function("to_regclass", "text", "regclass", liftRows(func(ctx *Context, _ []*types.Vector, row []types.Datum, _ types.Type) (types.Datum, error) {
		oid, ok := lookUpRelation(ctx, row[0].Str)
		if !ok {
			return types.Null, nil
		}
		return types.IntDatum(oid), nil
	}), "OID of a relation, NULL when there is none", stable)
	for name, t := range map[string]types.Type{
		"to_regnamespace": types.Regnamespace, "to_regrole": types.Regrole, "to_regproc": types.Regproc,
		"to_regprocedure": types.Regprocedure, "to_regoper": types.Regoper, "to_regoperator": types.Regoperator,
		"to_regcollation": types.Regcollation,
	} {
		b.function(name, "text", t.BaseName(), liftRows(func(ctx *Context, _ []*types.Vector, row []types.Datum, _ types.Type) (types.Datum, error) {
			oid, err := objectNamed(ctx, t, row[0].Str)
			if err != nil {
				return types.Null, nil
			}
			return oid, nil
		}), "OID of an object of the kind, NULL when there is none", stable)
	}
	b.function("to_regtype", "text", "regtype", lift1c(func(ctx *Context, name string) (int64, error) {
		oid, err := typeNamedIn(ctx, name)
		if err != nil {
			return 0, errNull
		}
		return oid, nil
	}), "OID of a type, NULL when there is none", stable)
	b.function("pg_table_is_visible", "oid", "bool", liftRows(func(ctx *Context, _ []*types.Vector, row []types.Datum, _ types.Type) (types.Datum, error) {
		if ctx.Session == nil {
			return types.Null, nil
		}
		oid := uint32(row[0].Int)
		_, name, ok := ctx.Session.RelationName(oid)
		if !ok {
			return types.Null, nil
		}
		path := ctx.Session.Schemas()
		if !slices.Contains(path, "pg_catalog") {
			path = append([]string{"pg_catalog"}, path...)
		}
		for _, schema := range path {
			if found, ok := ctx.Session.RelationOID(schema, name); ok {
				return types.BoolDatum(found == oid), nil
			}
		}
		return types.BoolDatum(false), nil
	}), "whether a relation is found without its schema", stable)
	b.function("pg_encoding_to_char", "int4", "name", lift1(func(n int64) string {
		if n == 6 {
			return "UTF8"
		}
		return ""
	}), "name of an encoding", stable)
}

func formatType(ctx *Context, _ []*types.Vector, row []types.Datum, _ types.Type) (types.Datum, error) {
	if !row[0].Valid {
		return types.Null, nil
	}
	t, ok := types.TypeByOID(uint32(row[0].Int))
	if !ok && ctx.format().ObjectName != nil {
		if name, found := ctx.format().ObjectName(types.KindRegtype, uint32(row[0].Int)); found {
			return types.StringDatum(name), nil
		}
	}
	switch {
	case row[0].Int == 0:
		return types.StringDatum("-"), nil
	case !ok:
		return types.StringDatum("???"), nil
	}
	if row[1].Valid && row[1].Int >= 0 {
		t.Mod = int32(row[1].Int)
	}
	return types.StringDatum(t.String()), nil
}

// vectorTypes is oidvectortypes.
func vectorTypes(_ *Context, _ []*types.Vector, row []types.Datum, _ types.Type) (types.Datum, error) {
	list, err := types.DecodeArray(types.OID, row[0].Str)
	if err != nil {
		return types.Null, err
	}
	names := make([]string, len(list.Elems))
	for i, oid := range list.Elems {
		t, _ := types.TypeByOID(uint32(oid.Int))
		names[i] = t.String()
	}
	return types.StringDatum(strings.Join(names, ", ")), nil
}

// sleep waits for a number of seconds or until the statement is cancelled.
func sleep(ctx *Context, seconds float64) (string, error) {
	if !(seconds > 0) {
		return "", nil
	}
	timer := time.NewTimer(time.Duration(min(seconds*float64(time.Second), math.MaxInt64/2)))
	defer timer.Stop()
	select {
	case <-timer.C:
		return "", nil
	case <-ctx.Done:
		return "", sqlerr.New(sqlerr.QueryCanceled, -1, "canceling statement due to user request")
	}
}

// ParseText reads a value as types.ParseText does, and the name of a relation as one
// that the context's session sees.
func ParseText(ctx *Context, t types.Type, text string) (types.Datum, error) {
	return castFromText(t)(ctx, types.StringDatum(text))
}

// relationNamed finds a relation by its name, as the cast to regclass does; a
// number is an OID.
func relationNamed(ctx *Context, text string) (types.Datum, error) {
	oid, ok := lookUpRelation(ctx, text)
	if !ok {
		return types.Null, sqlerr.New(sqlerr.UndefinedTable, -1, "relation \"%s\" does not exist", strings.TrimSpace(text))
	}
	return types.IntDatum(oid), nil
}

// objectNamed finds an object of another kind by its name, as the casts to regrole,
// regnamespace, regproc and the like do; a number is an OID.
func objectNamed(ctx *Context, t types.Type, text string) (types.Datum, error) {
	text = strings.TrimSpace(text)
	if n, err := strconv.ParseUint(text, 10, 32); err == nil {
		return types.IntDatum(int64(n)), nil
	}
	if text == "-" {
		return types.IntDatum(0), nil
	}
	if ctx.Session == nil {
		return types.Null, sqlerr.New(sqlerr.FeatureNotSupported, -1, "type %s needs a session's catalog to find %q", t, text)
	}
	oid, err := ctx.Session.ObjectOID(t.Kind, text)
	return types.IntDatum(int64(oid)), err
}

// typeNamedIn returns the OID of a type by its name, one of PostgreSQL's or of the
// session's catalog.
func typeNamedIn(ctx *Context, name string) (int64, error) {
	t, err := types.TypeNamed(name)
	if err == nil {
		return int64(t.OID()), nil
	}
	if ctx.Session != nil {
		if oid, found := ctx.Session.ObjectOID(types.KindRegtype, name); found == nil {
			return int64(oid), nil
		}
	}
	return 0, err
}

func lookUpRelation(ctx *Context, text string) (int64, bool) {
	text = strings.TrimSpace(text)
	if n, err := strconv.ParseUint(text, 10, 32); err == nil {
		return int64(n), true
	}
	if text == "-" {
		return 0, true
	}
	if ctx.Session == nil {
		return 0, false
	}
	parts := SplitName(text)
	if len(parts) == 2 {
		oid, ok := ctx.Session.RelationOID(parts[0], parts[1])
		return int64(oid), ok
	}
	for _, schema := range append([]string{"pg_catalog"}, ctx.Session.Schemas()...) {
		if oid, ok := ctx.Session.RelationOID(schema, parts[len(parts)-1]); ok {
			return int64(oid), true
		}
	}
	return 0, false
}

// SplitName takes a possibly qualified and quoted name apart and folds what is
// not quoted to lower case.
func SplitName(text string) []string {
	var parts []string
	var part strings.Builder
	quoted := false
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case c == '"' && quoted && i+1 < len(text) && text[i+1] == '"':
			part.WriteByte(c)
			i++
		case c == '"':
			quoted = !quoted
		case c == '.' && !quoted:
			parts = append(parts, part.String())
			part.Reset()
		case !quoted && c >= 'A' && c <= 'Z':
			part.WriteByte(c + 'a' - 'A')
		default:
			part.WriteByte(c)
		}
	}
	return append(parts, part.String())
}
