package planner

import (
	"strings"

	"millrace/planner/plan"
	"millrace/sql/ast"
	"millrace/sql/catalog"
	"millrace/sql/sqlerr"
)

// planAlterIndex plans ALTER INDEX … RENAME TO, and SET of storage parameters, which
// mean nothing here. The index of a constraint has the constraint's name.
func planAlterIndex(env *Environment, s *ast.AlterRelation) (*plan.Alter, error) {
	b := newBinder(env, modePull)
	out := &plan.Alter{Tag: "ALTER INDEX"}
	name, err := b.targetName(s.Table.Name)
	if err != nil {
		return nil, err
	}
	index, keyed := env.Catalog.LookupIndex(name.Schema, name.Name), env.Catalog.KeyIndex(name.Schema, name.Name)
	switch {
	case index != nil:
		out.Target = env.Catalog.Relation(index.Table)
	case keyed != nil:
		out.Target = keyed
	case env.Catalog.Lookup(name.Schema, name.Name) != nil:
		return nil, sqlerr.New(sqlerr.WrongObjectType, s.Table.Pos(), "%q is not an index", name.Name)
	case s.IfExists:
		out.Notices = []catalog.Notice{{Message: `relation "` + strings.Join(s.Table.Name.Parts, ".") + `" does not exist, skipping`}}
		return out, nil
	default:
		return nil, b.undefinedTable(s.Table.Name)
	}
	env.need(demand{object: out.Target.ID, kind: "index", name: name.Name})
	for _, action := range s.Actions {
		switch a := action.(type) {
		case *ast.RenameTo:
			out.Command = &catalog.AlterRelation{Base: out.Target.Changed, Relation: *out.Target}
			if index != nil {
				out.Command.RenameIndexes = []catalog.IndexName{{ID: index.ID, Name: a.Name.Value}}
				continue
			}
			ab := &alterBinder{binder: b, plan: out, old: out.Target, next: &out.Command.Relation}
			ab.next.Constraints = append([]catalog.Constraint(nil), ab.next.Constraints...)
			rename := &ast.RenameMember{Kind: ast.ObjectConstraint, Old: ast.Identifier{Value: name.Name}, New: a.Name}
			if err := ab.renameConstraint(rename); err != nil {
				return nil, err
			}
		case *ast.SetOptions:
			if err := checkIndexOptions(a.Options); err != nil {
				return nil, err
			}
		default:
			return nil, notSupported(action.Pos(), "this action of ALTER INDEX is not supported")
		}
	}
	return out, nil
}
