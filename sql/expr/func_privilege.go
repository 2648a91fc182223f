package expr

import (
	"strings"

	"millrace/sql/types"
)

// PrivilegeQuestion is what PostgreSQL's access privilege inquiry functions ask
// (https://www.postgresql.org/docs/15/functions-info.html#FUNCTIONS-INFO-ACCESS).
type PrivilegeQuestion struct {
	// Role is a role by its name or OID; nil for the session's.
	Role *RoleReference
	// Kind is what is asked about: table, sequence, schema, database, column,
	// any_column, role, function, type, language, tablespace, foreign_data_wrapper or
	// server.
	Kind string
	// Name or OID names the object.
	Name string
	OID  uint32
	// Privileges are names of privileges, each perhaps WITH GRANT OPTION; one of them
	// is enough.
	Privileges []string
}

// RoleReference names a role.
type RoleReference struct {
	Name string
	OID  uint32
}

func userByID(ctx *Context, _ []*types.Vector, row []types.Datum, _ types.Type) (types.Datum, error) {
	if ctx.Session == nil {
		return types.Null, nil
	}
	return types.StringDatum(ctx.Session.UserName(uint32(row[0].Int))), nil
}

// definePrivileges defines has_table_privilege and its like: (role, object, privilege)
// and (object, privilege), roles and objects by name or OID.
func (b *builder) definePrivileges() {
	for _, kind := range []string{
		"table", "sequence", "schema", "database", "any_column", "function", "type", "language", "tablespace",
		"foreign_data_wrapper", "server",
	} {
		b.definePrivilege("has_"+kind+"_privilege", kind, "text")
	}
	for _, column := range []string{"text", "int2"} {
		b.definePrivilege("has_column_privilege", "column", column+",text")
	}
	b.definePrivilege("pg_has_role", "role", "text")
}

// definePrivilege defines a function with all ways to name the role and the object;
// rest are the types of the arguments behind these, the privilege last.
func (b *builder) definePrivilege(name, kind, rest string) {
	behind := 1 + strings.Count(rest, ",")
	objects := []string{"text", "oid"}
	if kind == "role" {
		objects = []string{"name", "oid"}
	}
	for _, object := range objects {
		b.function(name, object+","+rest, "bool", liftRows(privilegeKernel(kind, behind)), "whether the session's role has a privilege", stable)
		for _, role := range []string{"name", "oid"} {
			b.function(name, role+","+object+","+rest, "bool", liftRows(privilegeKernel(kind, behind)), "whether a role has a privilege", stable)
		}
	}
}

func privilegeKernel(kind string, behind int) func(*Context, []*types.Vector, []types.Datum, types.Type) (types.Datum, error) {
	return func(ctx *Context, args []*types.Vector, row []types.Datum, _ types.Type) (types.Datum, error) {
		if ctx.Session == nil {
			return types.Null, nil
		}
		q := &PrivilegeQuestion{Kind: kind}
		at := len(row) - behind - 1
		if at > 0 {
			q.Role = &RoleReference{Name: row[0].Str, OID: uint32(row[0].Int)}
		}
		if args[at].Type.SameKind(types.OID) {
			q.OID = uint32(row[at].Int)
		} else {
			q.Name = row[at].Str
		}
		for part := range strings.SplitSeq(row[len(row)-1].Str, ",") {
			q.Privileges = append(q.Privileges, strings.ToUpper(strings.TrimSpace(part)))
		}
		allowed, known, err := ctx.Session.Privilege(q)
		if err != nil || !known {
			return types.Null, err
		}
		return types.BoolDatum(allowed), nil
	}
}
