package planner

import (
	"strings"

	"millrace/planner/plan"
	"millrace/sql/ast"
	"millrace/sql/catalog"
	"millrace/sql/sqlerr"
)

// invalidGrant is SQLSTATE invalid_grant_operation.
const invalidGrant sqlerr.Code = "0LP01"

// planGrant plans GRANT and REVOKE, of privileges on objects and of roles.
func planGrant(env *Environment, s *ast.Grant) (*plan.DDL, error) {
	if s.Kind == "" {
		return planGrantRoles(env, s)
	}
	gb := &grantBinder{env: env, ast: s}
	if err := gb.bindObjects(); err != nil {
		return nil, err
	}
	if err := gb.bindGrantees(); err != nil {
		return nil, err
	}
	if err := gb.bindPrivileges(); err != nil {
		return nil, err
	}
	return gb.finish()
}

// grantBinder binds GRANT and REVOKE on objects.
type grantBinder struct {
	env        *Environment
	ast        *ast.Grant
	objects    []grantObject
	class      catalog.ObjectClass
	privileges catalog.Privileges
	grantees   []catalog.ObjectID
}

// grantObject is an object with what errors call it.
type grantObject struct {
	id         catalog.ObjectID
	kind, name string
}

func (gb *grantBinder) bindObjects() error {
	switch gb.ast.Kind {
	case ast.ObjectTable, ast.ObjectStream, ast.ObjectSequence:
		gb.class = catalog.ClassRelation
		if gb.ast.Kind == ast.ObjectSequence {
			gb.class = catalog.ClassSequence
		}
		if gb.ast.AllInSchema {
			return gb.allInSchemas()
		}
		return gb.named()
	case ast.ObjectSchema:
		gb.class = catalog.ClassSchema
		return gb.schemas(func(name string) {
			gb.objects = append(gb.objects, grantObject{gb.env.Catalog.SchemaID(name), "schema", name})
		})
	case "database":
		gb.class = catalog.ClassDatabase
		for _, name := range gb.ast.Objects {
			if gb.env.Database != "" && name.Last() != gb.env.Database {
				return sqlerr.New(sqlerr.InvalidCatalogName, name.Pos(), "database %q does not exist", name.Last())
			}
			gb.objects = append(gb.objects, grantObject{catalog.DatabaseID, "database", name.Last()})
		}
		return nil
	default:
		return notSupported(gb.ast.Pos(), "GRANT and REVOKE on a %s are not supported", gb.ast.Kind)
	}
}

// named finds the relations and sequences that are named.
func (gb *grantBinder) named() error {
	b := newBinder(gb.env, modePull)
	for _, name := range gb.ast.Objects {
		r, err := b.relation(name)
		if err != nil {
			return err
		}
		q := b.sequence(name)
		v, err := b.view(name)
		if err != nil {
			return err
		}
		switch {
		case r != nil && gb.class == catalog.ClassSequence:
			return sqlerr.New(sqlerr.WrongObjectType, name.Pos(), "%q is not a sequence", r.Name)
		case r != nil:
			gb.objects = append(gb.objects, grantObject{r.ID, r.Kind.String(), r.Name})
		case v != nil && gb.class == catalog.ClassRelation:
			gb.objects = append(gb.objects, grantObject{v.ID, "view", v.Name})
		case q != nil:
			// GRANT ON TABLE takes a sequence, too.
			gb.objects = append(gb.objects, grantObject{q.ID, "sequence", q.Name})
		case b.systemTableNamed(name) != "":
			return notSupported(name.Pos(), "GRANT and REVOKE on system tables are not supported")
		default:
			return b.undefinedTable(name)
		}
	}
	return nil
}

// schemas calls visit for each of the schemas that are named.
func (gb *grantBinder) schemas(visit func(name string)) error {
	for _, name := range gb.ast.Objects {
		if gb.env.Catalog.Schema(name.Last()) == nil {
			return sqlerr.New(sqlerr.InvalidSchemaName, name.Pos(), "schema %q does not exist", name.Last())
		}
		visit(name.Last())
	}
	return nil
}

func (gb *grantBinder) allInSchemas() error {
	return gb.schemas(func(schema string) {
		if gb.class == catalog.ClassSequence {
			for _, q := range gb.env.Catalog.Sequences() {
				if q.Schema == schema {
					gb.objects = append(gb.objects, grantObject{q.ID, "sequence", q.Name})
				}
			}
			return
		}
		for _, r := range gb.env.Catalog.Relations() {
			if r.Schema == schema && (gb.ast.Kind == ast.ObjectTable || r.Kind == catalog.KindStream) {
				gb.objects = append(gb.objects, grantObject{r.ID, r.Kind.String(), r.Name})
			}
		}
		for _, v := range gb.env.Catalog.Views() {
			if v.Schema == schema && gb.ast.Kind == ast.ObjectTable {
				gb.objects = append(gb.objects, grantObject{v.ID, "view", v.Name})
			}
		}
	})
}

func (gb *grantBinder) bindGrantees() error {
	for _, name := range gb.ast.Roles {
		if name.Value == "public" {
			gb.grantees = append(gb.grantees, catalog.Public)
			continue
		}
		role, err := gb.env.role(name)
		if err != nil {
			return err
		}
		gb.grantees = append(gb.grantees, role.ID)
	}
	return nil
}

func (gb *grantBinder) bindPrivileges() error {
	for _, p := range gb.ast.Privileges {
		if len(p.Columns) > 0 {
			return notSupported(p.Pos(), "privileges on columns are not supported").WithHint("A view of these columns can be granted.")
		}
		if p.Name == "all" {
			gb.privileges |= gb.class.All()
			continue
		}
		one := catalog.PrivilegeByName(p.Name)
		if one == 0 {
			return sqlerr.New(sqlerr.SyntaxError, p.Pos(), "unrecognized privilege type %q", p.Name)
		}
		possible := gb.class.All()
		if gb.class == catalog.ClassRelation {
			possible |= catalog.ClassSequence.All() // it may be a sequence
		}
		if one&possible == 0 {
			return sqlerr.New(invalidGrant, p.Pos(), "invalid privilege type %s for %s", strings.ToUpper(p.Name), gb.className())
		}
		for _, object := range gb.objects {
			if one&gb.env.Catalog.Class(object.id).All() == 0 {
				return sqlerr.New(invalidGrant, -1, "invalid privilege type %s for %s", strings.ToUpper(p.Name), object.kind)
			}
		}
		gb.privileges |= one
	}
	return nil
}

func (gb *grantBinder) className() string {
	switch gb.class {
	case catalog.ClassRelation:
		return "relation"
	case catalog.ClassSequence:
		return "sequence"
	case catalog.ClassSchema:
		return "schema"
	default:
		return "database"
	}
}

// finish finds out in whose name the privileges are given. Who owns an object gives
// as its owner; others give what they have with the option to.
func (gb *grantBinder) finish() (*plan.DDL, error) {
	s := gb.ast
	acting := gb.env.actingRole()
	if s.GrantedBy != nil {
		by, err := gb.env.role(*s.GrantedBy)
		if err != nil {
			return nil, err
		}
		if by.ID != acting {
			return nil, notSupported(s.GrantedBy.Pos(), "grantor must be current user")
		}
	}
	ddl := &plan.DDL{Tag: "GRANT"}
	if s.Revoke {
		ddl.Tag = "REVOKE"
	}
	command := &catalog.GrantPrivileges{
		Grantees: gb.grantees, Option: s.Option, Revoke: s.Revoke, Cascade: s.Behavior == ast.Cascade,
		Privileges: gb.privileges, Grantor: acting,
	}
	for _, object := range gb.objects {
		wanted := gb.privileges & gb.env.Catalog.Class(object.id).All()
		switch grantable := gb.env.Catalog.Grantable(acting, object.id, wanted); {
		case gb.env.Catalog.Owns(acting, object.id):
			command.Grantor = gb.env.Catalog.Access(object.id).Owner
		case grantable == 0 && gb.env.Catalog.Allowed(acting, object.id, gb.env.Catalog.Class(object.id).All()) == 0:
			return nil, sqlerr.New(sqlerr.InsufficientPrivilege, -1, "permission denied for %s %s", object.kind, object.name)
		case grantable != wanted:
			return nil, sqlerr.New(sqlerr.InsufficientPrivilege, -1, "not all of these privileges on %s %s may be given by this role", object.kind, object.name).
				WithHint("It needs them WITH GRANT OPTION.")
		}
		if len(command.Objects) > 0 && command.Grantor != gb.grantorOf(command.Objects[0]) {
			return nil, notSupported(s.Pos(), "GRANT and REVOKE on objects of several owners are not supported").
				WithHint("Use a statement for each owner's objects.")
		}
		command.Objects = append(command.Objects, object.id)
	}
	ddl.Command = command
	return ddl, nil
}

// grantorOf is the role in whose name privileges on an object are given.
func (gb *grantBinder) grantorOf(object catalog.ObjectID) catalog.ObjectID {
	if gb.env.Catalog.Owns(gb.env.actingRole(), object) {
		return gb.env.Catalog.Access(object).Owner
	}
	return gb.env.actingRole()
}

// planGrantRoles plans GRANT role TO role and REVOKE.
func planGrantRoles(env *Environment, s *ast.Grant) (*plan.DDL, error) {
	command := &catalog.GrantRoles{Admin: s.Option, Revoke: s.Revoke, Grantor: env.actingRole()}
	for _, p := range s.Privileges {
		role, err := env.role(ast.Identifier{Span: p.Span, Value: p.Name})
		if err != nil {
			return nil, err
		}
		if role.Superuser && !env.Catalog.IsSuperuser(env.actingRole()) {
			return nil, sqlerr.New(sqlerr.InsufficientPrivilege, -1, "must be superuser to alter superusers")
		}
		if !env.Catalog.Administers(env.actingRole(), role.ID) && env.maySetUpRoles(false, "grant") != nil {
			return nil, sqlerr.New(sqlerr.InsufficientPrivilege, -1, "must have admin option on role %q", role.Name)
		}
		command.Roles = append(command.Roles, role.ID)
	}
	var err error
	if command.Members, err = env.roles(s.Roles); err != nil {
		return nil, err
	}
	tag := "GRANT ROLE"
	if s.Revoke {
		tag = "REVOKE ROLE"
	}
	return &plan.DDL{Command: command, Tag: tag}, nil
}

// ownerTo plans OWNER TO: the object goes to a role that the one which runs the
// statement may act as, and that may create in the schema.
func (env *Environment) ownerTo(a *ast.OwnerTo, object catalog.ObjectID, schema, tag string) (*plan.DDL, error) {
	role, err := env.role(a.Role)
	if err != nil {
		return nil, err
	}
	if !env.Catalog.Member(env.actingRole(), role.ID) {
		return nil, sqlerr.New(sqlerr.InsufficientPrivilege, -1, "must be member of role %q", role.Name)
	}
	if !env.Catalog.IsSuperuser(env.actingRole()) {
		env.need(demand{object: env.Catalog.SchemaID(schema), kind: "schema", name: schema, privileges: catalog.PrivilegeCreate, as: role.ID})
	}
	return &plan.DDL{Command: &catalog.SetOwner{Object: object, Owner: role.ID}, Tag: tag}, nil
}
