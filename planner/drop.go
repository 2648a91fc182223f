package planner

import (
	"millrace/planner/plan"
	"millrace/sql/ast"
	"millrace/sql/catalog"
	"millrace/sql/sqlerr"
)

func planDrop(env *Environment, s *ast.Drop) (*plan.DDL, error) {
	if s.Kind == ast.ObjectIndex {
		return planDropIndex(env, s)
	}
	command := &catalog.DropRelations{IfExists: s.IfExists, Cascade: s.Behavior == ast.Cascade}
	tag := "DROP TABLE"
	switch s.Kind {
	case ast.ObjectStream:
		command.Kind, tag = catalog.KindStream, "DROP STREAM"
	case ast.ObjectTable:
		command.Kind = catalog.KindTable
	case ast.ObjectMaterializedView:
		command.Kind, tag = catalog.KindTable, "DROP MATERIALIZED VIEW"
	case ast.ObjectView:
		command.Kind, tag = catalog.KindView, "DROP VIEW"
	case ast.ObjectSequence:
		return planDropSequences(env, s)
	case ast.ObjectType:
		return planDropTypes(env, s)
	case ast.ObjectSchema:
		return planDropSchemas(env, s)
	case ast.ObjectRole, ast.ObjectUser, ast.ObjectGroup:
		return planDropRoles(env, s)
	default:
		return nil, notSupported(s.Pos(), "DROP of a %s is not supported", s.Kind)
	}
	if s.DeleteTopic {
		return nil, notSupported(s.Pos(), "DELETE TOPIC is not supported").WithHint("DROP removes the rows as well.")
	}
	b := newBinder(env, modePull)
	for _, n := range s.Names {
		name, err := b.targetName(n)
		if err != nil {
			return nil, err
		}
		env.needOwnerOf(name)
		command.Names = append(command.Names, name)
	}
	return &plan.DDL{Command: command, Tag: tag}, nil
}

func planDropSequences(env *Environment, s *ast.Drop) (*plan.DDL, error) {
	command := &catalog.DropSequences{IfExists: s.IfExists, Cascade: s.Behavior == ast.Cascade}
	b := newBinder(env, modePull)
	for _, n := range s.Names {
		name, err := b.targetName(n)
		if err != nil {
			return nil, err
		}
		env.needOwnerOf(name)
		command.Names = append(command.Names, name)
	}
	return &plan.DDL{Command: command, Tag: "DROP SEQUENCE"}, nil
}

// planDropIndex plans DROP INDEX. Nothing depends on an index that can be dropped,
// so that CASCADE says nothing.
func planDropIndex(env *Environment, s *ast.Drop) (*plan.DDL, error) {
	if s.Concurrently && len(s.Names) > 1 {
		return nil, notSupported(s.Pos(), "DROP INDEX CONCURRENTLY does not support dropping multiple objects")
	}
	if s.Concurrently && s.Behavior == ast.Cascade {
		return nil, notSupported(s.Pos(), "DROP INDEX CONCURRENTLY does not support CASCADE")
	}
	command := &catalog.DropIndexes{IfExists: s.IfExists}
	b := newBinder(env, modePull)
	for _, n := range s.Names {
		name, err := b.targetName(n)
		if err != nil {
			return nil, err
		}
		if index := env.Catalog.KeyIndex(name.Schema, name.Name); index != nil {
			return nil, sqlerr.New(sqlerr.DependentObjectsStillExist, n.Pos(), "cannot drop index %s because constraint %s on table %s requires it", name, name.Name, index.Name).
				WithHint("You can drop constraint %s on table %s instead.", name.Name, index.Name)
		}
		env.needOwnerOf(name)
		command.Names = append(command.Names, name)
	}
	return &plan.DDL{Command: command, Tag: "DROP INDEX", Alone: s.Concurrently}, nil
}

func planControl(env *Environment, s *ast.ControlQuery) (*plan.DDL, error) {
	name := ""
	if s.QueryID != nil {
		name = s.QueryID.Value
	}
	env.needQuery(name)
	switch s.Action {
	case ast.PauseQuery:
		return &plan.DDL{Command: &catalog.PauseQuery{Name: name}, Tag: "PAUSE"}, nil
	case ast.ResumeQuery:
		return &plan.DDL{Command: &catalog.ResumeQuery{Name: name}, Tag: "RESUME"}, nil
	default:
		return &plan.DDL{Command: &catalog.TerminateQuery{Name: name}, Tag: "TERMINATE"}, nil
	}
}

func planComment(env *Environment, s *ast.Comment) (*plan.DDL, error) {
	command := &catalog.CommentOn{}
	if s.Text != nil {
		command.Text = s.Text.Value
	}
	name := s.Name
	switch s.Kind {
	case ast.ObjectStream:
		command.Kind = catalog.KindStream
	case ast.ObjectTable, ast.ObjectMaterializedView:
		command.Kind = catalog.KindTable
	case ast.ObjectView:
		command.Kind = catalog.KindView
	case ast.ObjectSequence:
		target, err := newBinder(env, modePull).targetName(name)
		env.needOwnerOf(target)
		return &plan.DDL{Command: &catalog.CommentOnSequence{Name: target, Text: command.Text}, Tag: "COMMENT"}, err
	case ast.ObjectSchema:
		return commentOnSchema(env, name, command.Text)
	case ast.ObjectConstraint:
		return commentOnConstraint(env, s, command.Text)
	case ast.ObjectType:
		return commentOnType(env, name, command.Text)
	case ast.ObjectColumn:
		if len(name.Parts) < 2 {
			return nil, notSupported(name.Pos(), "COMMENT ON COLUMN needs the name of a table and a column")
		}
		command.Column = name.Last()
		name = &ast.Name{Span: name.Span, Parts: name.Parts[:len(name.Parts)-1]}
	case ast.ObjectIndex:
		name, err := newBinder(env, modePull).targetName(name)
		env.needOwnerOf(name)
		return &plan.DDL{Command: &catalog.CommentOnIndex{Name: name, Text: command.Text}, Tag: "COMMENT"}, err
	default:
		return nil, notSupported(s.Pos(), "COMMENT ON %s is not supported", s.Kind)
	}
	var err error
	if command.Name, err = newBinder(env, modePull).targetName(name); err != nil {
		return nil, err
	}
	env.needOwnerOf(command.Name)
	return &plan.DDL{Command: command, Tag: "COMMENT"}, nil
}

// commentOnConstraint plans COMMENT ON CONSTRAINT name ON table. That of UNIQUE is
// its index's.
func commentOnConstraint(env *Environment, s *ast.Comment, text string) (*plan.DDL, error) {
	target, err := newBinder(env, modePull).targetName(s.Table)
	if err != nil {
		return nil, err
	}
	env.needOwnerOf(target)
	ddl := &plan.DDL{Tag: "COMMENT"}
	name := s.Name.Last()
	if r := env.Catalog.Lookup(target.Schema, target.Name); r != nil && r.Constraint(name) == nil {
		for _, i := range env.Catalog.IndexesOf(r.ID) {
			if i.Constraint && i.Name == name {
				ddl.Command = &catalog.CommentOnIndex{Name: catalog.Name{Schema: i.Schema, Name: i.Name}, Text: text}
				return ddl, nil
			}
		}
	}
	ddl.Command = &catalog.CommentOnConstraint{Relation: target, Constraint: name, Text: text}
	return ddl, nil
}
