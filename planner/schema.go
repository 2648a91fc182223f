package planner

import (
	"millrace/planner/plan"
	"millrace/sql/ast"
	"millrace/sql/catalog"
	"millrace/sql/sqlerr"
)

// planCreateSchema plans CREATE SCHEMA. What it makes in the schema would be statements
// of their own.
func planCreateSchema(env *Environment, s *ast.CreateSchema) (*plan.DDL, error) {
	if len(s.Elements) > 0 {
		return nil, notSupported(s.Elements[0].Pos(), "CREATE SCHEMA with elements is not supported").
			WithHint("Create the schema, and then what is to be in it, in a transaction block.")
	}
	command := &catalog.CreateSchema{IfNotExists: s.IfNotExists}
	if s.Authorization != nil {
		role, err := env.role(*s.Authorization)
		if err != nil {
			return nil, err
		}
		if !env.Catalog.Member(env.actingRole(), role.ID) {
			return nil, sqlerr.New(sqlerr.InsufficientPrivilege, -1, "must be member of role %q", role.Name)
		}
		command.Owner, command.Name = role.ID, role.Name
	}
	if s.Name != nil {
		command.Name = s.Name.Value
	}
	env.need(demand{object: catalog.DatabaseID, kind: "database", name: env.Database, privileges: catalog.PrivilegeCreate})
	return &plan.DDL{Command: command, Tag: "CREATE SCHEMA"}, nil
}

func planDropSchemas(env *Environment, s *ast.Drop) (*plan.DDL, error) {
	command := &catalog.DropSchemas{IfExists: s.IfExists, Cascade: s.Behavior == ast.Cascade}
	for _, name := range s.Names {
		if err := env.ownSchema(name); err != nil {
			return nil, err
		}
		command.Names = append(command.Names, name.Last())
	}
	return &plan.DDL{Command: command, Tag: "DROP SCHEMA"}, nil
}

// ownSchema notes that only the owner of a schema may do what the statement does, and
// refuses the system's.
func (env *Environment) ownSchema(name *ast.Name) error {
	schema := env.Catalog.Schema(name.Last())
	if schema != nil {
		env.need(demand{object: schema.ID, kind: "schema", name: schema.Name})
		return nil
	}
	if err := refuseSchema(env, name.Last(), name.Pos()); sqlerr.CodeOf(err) == sqlerr.InsufficientPrivilege {
		return sqlerr.New(sqlerr.DependentObjectsStillExist, -1, "cannot change or drop schema %s because it is required by the database system", name.Last())
	}
	return nil
}

// planAlterObject plans ALTER SCHEMA; other objects than schemas have no ALTER.
func planAlterObject(env *Environment, s *ast.AlterObject) (*plan.DDL, error) {
	if s.Kind != ast.ObjectSchema {
		return nil, notSupported(s.Pos(), "ALTER of a %s is not supported", s.Kind)
	}
	if err := env.ownSchema(s.Name); err != nil {
		return nil, err
	}
	schema := env.Catalog.Schema(s.Name.Last())
	if schema == nil {
		return nil, sqlerr.New(sqlerr.InvalidSchemaName, s.Name.Pos(), "schema %q does not exist", s.Name.Last())
	}
	switch action := s.Action.(type) {
	case *ast.RenameTo:
		env.need(demand{object: catalog.DatabaseID, kind: "database", name: env.Database, privileges: catalog.PrivilegeCreate})
		return &plan.DDL{Command: &catalog.RenameSchema{Name: schema.Name, To: action.Name.Value}, Tag: "ALTER SCHEMA"}, nil
	case *ast.OwnerTo:
		role, err := env.role(action.Role)
		if err != nil {
			return nil, err
		}
		return &plan.DDL{Command: &catalog.SetOwner{Object: schema.ID, Owner: role.ID}, Tag: "ALTER SCHEMA"}, nil
	default:
		return nil, notSupported(s.Pos(), "this ALTER SCHEMA is not supported")
	}
}

func commentOnSchema(env *Environment, name *ast.Name, text string) (*plan.DDL, error) {
	if err := env.ownSchema(name); err != nil {
		return nil, err
	}
	return &plan.DDL{Command: &catalog.CommentOnSchema{Name: name.Last(), Text: text}, Tag: "COMMENT"}, nil
}
