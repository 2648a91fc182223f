package systables

import (
	"context"
	"time"

	"millrace/sql/catalog"
)

func pgRoles(_ context.Context, env *Environment, _ *Table) ([]row, error) {
	return roleRows(env, func(*catalog.Role) any { return "********" }), nil
}

// pgAuthid has the verifiers of passwords; the planner lets superusers read it only.
func pgAuthid(_ context.Context, env *Environment, _ *Table) ([]row, error) {
	return roleRows(env, func(r *catalog.Role) any { return orNull(r.Verifier) }), nil
}

func roleRows(env *Environment, password func(*catalog.Role) any) []row {
	var rows []row
	for _, r := range env.Catalog.Roles() {
		rows = append(rows, row{
			"oid": r.ID, "rolname": r.Name, "rolsuper": r.Superuser, "rolinherit": r.Inherit, "rolcreaterole": r.CreateRole,
			"rolcreatedb": r.CreateDatabase, "rolcanlogin": r.Login, "rolreplication": r.Replication,
			"rolbypassrls": r.BypassRowSecurity, "rolconnlimit": r.ConnectionLimit, "rolpassword": password(r),
			"rolvaliduntil": validUntil(r),
		})
	}
	return rows
}

func validUntil(r *catalog.Role) any {
	if r.ValidUntil == catalog.NoExpiry {
		return nil
	}
	return time.UnixMicro(r.ValidUntil)
}

func pgUser(_ context.Context, env *Environment, _ *Table) ([]row, error) {
	return userRows(env, func(*catalog.Role) any { return "********" }), nil
}

func pgShadow(_ context.Context, env *Environment, _ *Table) ([]row, error) {
	return userRows(env, func(r *catalog.Role) any { return orNull(r.Verifier) }), nil
}

func userRows(env *Environment, password func(*catalog.Role) any) []row {
	var rows []row
	for _, r := range env.Catalog.Roles() {
		if r.Login {
			rows = append(rows, row{
				"usename": r.Name, "usesysid": r.ID, "usecreatedb": r.CreateDatabase, "usesuper": r.Superuser,
				"userepl": r.Replication, "usebypassrls": r.BypassRowSecurity, "passwd": password(r), "valuntil": validUntil(r),
			})
		}
	}
	return rows
}

func pgGroup(_ context.Context, env *Environment, _ *Table) ([]row, error) {
	var rows []row
	for _, r := range env.Catalog.Roles() {
		if r.Login {
			continue
		}
		var members []int
		eachMembership(env, func(member *catalog.Role, m *catalog.Membership) {
			if m.Role == r.ID {
				members = append(members, int(member.ID))
			}
		})
		rows = append(rows, row{"groname": r.Name, "grosysid": r.ID, "grolist": members})
	}
	return rows, nil
}

func eachMembership(env *Environment, visit func(member *catalog.Role, m *catalog.Membership)) {
	for _, member := range env.Catalog.Roles() {
		for i := range member.Memberships {
			visit(member, &member.Memberships[i])
		}
	}
}

func pgAuthMembers(_ context.Context, env *Environment, _ *Table) ([]row, error) {
	var rows []row
	eachMembership(env, func(member *catalog.Role, m *catalog.Membership) {
		rows = append(rows, row{"roleid": m.Role, "member": member.ID, "grantor": m.Grantor, "admin_option": m.Admin})
	})
	return rows, nil
}

// ownerName is the name of who owns an object.
func ownerName(env *Environment, id catalog.ObjectID) string {
	return env.Catalog.RoleName(env.Catalog.Access(id).Owner)
}

// systemOwner is the name of who owns the system tables.
func systemOwner(env *Environment) string { return env.Catalog.RoleName(catalog.SuperuserID) }

// showAccess sets the columns of pg_class about who owns an object and what others may
// do with it.
func showAccess(env *Environment, class row, id catalog.ObjectID) {
	class["relowner"], class["relacl"] = env.Catalog.Access(id).Owner, aclOrNull(env, id)
}

// aclOrNull are the privileges on an object as aclitems, NULL for the default ones.
func aclOrNull(env *Environment, id catalog.ObjectID) any {
	if items := env.Catalog.Items(id); items != nil {
		return items
	}
	return nil
}

func informationEnabledRoles(_ context.Context, env *Environment, _ *Table) ([]row, error) {
	var rows []row
	for _, r := range env.Catalog.Roles() {
		if env.Catalog.Acts(env.Role, r.ID) {
			rows = append(rows, row{"role_name": r.Name})
		}
	}
	return rows, nil
}

func informationApplicableRoles(_ context.Context, env *Environment, _ *Table) ([]row, error) {
	var rows []row
	eachMembership(env, func(member *catalog.Role, m *catalog.Membership) {
		if env.Catalog.Acts(env.Role, member.ID) {
			rows = append(rows, row{"grantee": member.Name, "role_name": env.Catalog.RoleName(m.Role), "is_grantable": yesNo(m.Admin)})
		}
	})
	return rows, nil
}

// informationTablePrivileges lists what the role was granted, has granted, or owns.
func informationTablePrivileges(_ context.Context, env *Environment, _ *Table) ([]row, error) {
	var rows []row
	type named struct {
		id           catalog.ObjectID
		schema, name string
	}
	var objects []named
	for _, r := range env.Catalog.Relations() {
		objects = append(objects, named{r.ID, r.Schema, r.Name})
	}
	for _, v := range env.Catalog.Views() {
		objects = append(objects, named{v.ID, v.Schema, v.Name})
	}
	for _, object := range objects {
		access := env.Catalog.Access(object.id)
		for _, g := range access.Grants {
			if g.Grantee != catalog.Public && !env.Catalog.Acts(env.Role, g.Grantee) && !env.Catalog.Acts(env.Role, g.Grantor) {
				continue
			}
			grantee := "PUBLIC"
			if g.Grantee != catalog.Public {
				grantee = env.Catalog.RoleName(g.Grantee)
			}
			for _, name := range g.Privileges.Each() {
				grantable := g.Grantee == access.Owner || g.Options&catalog.PrivilegeByName(name) != 0
				rows = append(rows, row{
					"grantor": env.Catalog.RoleName(g.Grantor), "grantee": grantee, "table_catalog": env.Database,
					"table_schema": object.schema, "table_name": object.name, "privilege_type": name,
					"is_grantable": yesNo(grantable), "with_hierarchy": yesNo(name == "SELECT"),
				})
			}
		}
	}
	return rows, nil
}
