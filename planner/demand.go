package planner

import (
	"slices"

	"millrace/sql/ast"
	"millrace/sql/catalog"
	"millrace/sql/sqlerr"
)

// What a statement needs to be allowed is gathered while it is bound and checked when
// it is planned, so that errors of names and types come first, as in PostgreSQL
// (https://www.postgresql.org/docs/15/ddl-priv.html). Plans are made anew when the
// catalog or the role changes, so that a check holds for as long as its plan.

// demand is what a statement needs to do with an object.
type demand struct {
	object catalog.ObjectID
	// kind and name are what errors call the object.
	kind, name string
	// privileges are what the role must have all of, or one of where any is set;
	// 0 asks for an owner.
	privileges catalog.Privileges
	any        bool
	// as is the role that must be allowed: the one that runs the statement, or owns the
	// view that the need comes from.
	as catalog.ObjectID
}

// need notes what the statement needs to be allowed. Nothing is noted for superusers.
func (env *Environment) need(d demand) {
	if env.demands == nil {
		return
	}
	if d.as == 0 {
		d.as = env.Role
		if env.viewOwner != 0 {
			d.as = env.viewOwner
		}
	}
	if !env.Catalog.IsSuperuser(d.as) && !slices.Contains(*env.demands, d) {
		*env.demands = append(*env.demands, d)
	}
}

// needRelation notes that the statement needs privileges on a stream or table, and to
// look into its schema.
func (b *binder) needRelation(r *catalog.Relation, privileges catalog.Privileges) {
	b.env.need(demand{object: b.env.Catalog.SchemaID(r.Schema), kind: "schema", name: r.Schema, privileges: catalog.PrivilegeUsage})
	b.env.need(demand{object: r.ID, kind: r.Kind.String(), name: r.Name, privileges: privileges})
}

// needOwner notes that only the owner of a stream or table may run the statement.
func (env *Environment) needOwner(r *catalog.Relation) {
	env.need(demand{object: r.ID, kind: r.Kind.String(), name: r.Name})
}

// needOwnerOf notes that only the owner of what has a name may run the statement; a
// name that nothing has is the command's error. An index belongs to who owns its
// table.
func (env *Environment) needOwnerOf(name catalog.Name) {
	if r := env.Catalog.Lookup(name.Schema, name.Name); r != nil {
		env.needOwner(r)
	} else if q := env.Catalog.LookupSequence(name.Schema, name.Name); q != nil {
		env.need(demand{object: q.ID, kind: "sequence", name: q.Name})
	} else if v := env.Catalog.LookupView(name.Schema, name.Name); v != nil {
		env.need(demand{object: v.ID, kind: "view", name: v.Name})
	} else if i := env.Catalog.LookupIndex(name.Schema, name.Name); i != nil {
		env.need(demand{object: i.Table, kind: "index", name: i.Name})
	}
}

// needQuery notes that only who owns what a continuous query writes may pause, resume
// or end it; all of them for "".
func (env *Environment) needQuery(name string) {
	for _, q := range env.Catalog.Queries() {
		if sink := env.Catalog.Relation(q.Sink); sink != nil && (name == "" || q.Name == name) {
			env.need(demand{object: sink.ID, kind: "query", name: q.Name})
		}
	}
}

// needCreate notes that the statement makes something in a schema.
func (env *Environment) needCreate(schema string) {
	env.need(demand{object: env.Catalog.SchemaID(schema), kind: "schema", name: schema, privileges: catalog.PrivilegeCreate})
}

// needUsage notes that a name is looked up in the schema that it says.
func (env *Environment) needUsage(name *ast.Name) {
	present := env.Catalog.Present()
	if schema := present.Schema(name.Schema()); schema != nil {
		env.need(demand{object: schema.ID, kind: "schema", name: schema.Name, privileges: catalog.PrivilegeUsage})
	}
}

// secretTables are the system tables that only superusers read.
var secretTables = []string{"pg_authid", "pg_shadow"}

// checkDemands refuses the statement unless the role may do all that it needs.
func (env *Environment) checkDemands() error {
	if env.demands == nil {
		return nil
	}
	for _, d := range *env.demands {
		if err := env.checkDemand(d); err != nil {
			return err
		}
	}
	return nil
}

func (env *Environment) checkDemand(d demand) error {
	if d.privileges == 0 {
		if env.Catalog.Owns(d.as, d.object) {
			return nil
		}
		return sqlerr.New(sqlerr.InsufficientPrivilege, -1, "must be owner of %s %s", d.kind, d.name)
	}
	allowed := env.Catalog.Allowed(d.as, d.object, d.privileges)
	if allowed == d.privileges || d.any && allowed != 0 {
		return nil
	}
	return sqlerr.New(sqlerr.InsufficientPrivilege, -1, "permission denied for %s %s", d.kind, d.name)
}

// refuseSecret refuses system tables that hold secrets to everybody but superusers.
func (env *Environment) refuseSecret(name *ast.Name) error {
	if env.demands == nil || env.Catalog.IsSuperuser(env.Role) || !slices.Contains(secretTables, name.Last()) {
		return nil
	}
	return sqlerr.New(sqlerr.InsufficientPrivilege, -1, "permission denied for table %s", name.Last())
}
