package planner

import (
	"slices"
	"strings"

	"millrace/planner/plan"
	"millrace/sql"
	"millrace/sql/ast"
	"millrace/sql/catalog"
	"millrace/sql/expr"
	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

func planCreateSequence(env *Environment, s *ast.CreateSequence) (*plan.DDL, error) {
	if s.Temporary {
		return nil, notSupported(s.Pos(), "TEMPORARY is not supported in CREATE")
	}
	b := newBinder(env, modePull)
	name, err := b.newName(s.Name)
	if err != nil {
		return nil, err
	}
	q := catalog.Sequence{Schema: name.Schema, Name: name.Name, Type: types.Int8}
	o := &sequenceOptions{sequence: &q, fresh: true}
	if err := o.read(b, s.Options); err != nil {
		return nil, err
	}
	return &plan.DDL{Command: &catalog.CreateSequence{Sequence: q, IfNotExists: s.IfNotExists}, Tag: "CREATE SEQUENCE"}, nil
}

// PlanAlterSequence plans ALTER SEQUENCE name options.
func PlanAlterSequence(env *Environment, q *catalog.Sequence, options []*ast.Option) (*plan.DDL, error) {
	changed := *q
	o := &sequenceOptions{sequence: &changed}
	if err := o.read(newBinder(env, modePull), options); err != nil {
		return nil, err
	}
	command := &catalog.AlterSequence{Sequence: changed, Restart: o.restart, RestartWith: o.restartWith}
	return &plan.DDL{Command: command, Tag: "ALTER SEQUENCE"}, nil
}

// planAlterSequence plans ALTER SEQUENCE; nil for what are not options.
func planAlterSequence(env *Environment, s *ast.AlterRelation) (*plan.DDL, error) {
	if s.Kind != ast.ObjectSequence || len(s.Actions) != 1 {
		return nil, notSupported(s.Pos(), "ALTER is not supported")
	}
	b := newBinder(env, modePull)
	name, err := b.targetName(s.Table.Name)
	if err != nil {
		return nil, err
	}
	q := env.Catalog.LookupSequence(name.Schema, name.Name)
	switch {
	case q == nil && env.Catalog.NameTaken(name.Schema, name.Name):
		return nil, sqlerr.New(sqlerr.WrongObjectType, s.Table.Pos(), "%q is not a sequence", name.Name)
	case q == nil && s.IfExists:
		missing := catalog.Sequence{Schema: name.Schema, Name: name.Name, Type: types.Int8, Increment: 1, Min: 1, Max: 1, Start: 1}
		return &plan.DDL{Command: &catalog.AlterSequence{Sequence: missing, IfExists: true}, Tag: "ALTER SEQUENCE"}, nil
	case q == nil:
		return nil, sqlerr.New(sqlerr.UndefinedTable, s.Table.Pos(), "relation %q does not exist", strings.Join(s.Table.Name.Parts, "."))
	}
	env.needOwnerOf(name)
	switch action := s.Actions[0].(type) {
	case *ast.AlterSequenceOptions:
		return PlanAlterSequence(env, q, action.Options)
	case *ast.RenameTo:
		changed := *q
		changed.Name = action.Name.Value
		return &plan.DDL{Command: &catalog.AlterSequence{Sequence: changed}, Tag: "ALTER SEQUENCE"}, nil
	case *ast.SetSchema:
		if q.Owner != 0 {
			return nil, notSupported(action.Pos(), "cannot move an owned sequence into another schema").
				WithDetail("Sequence %q is linked to table %q.", q.Name, env.Catalog.Relation(q.Owner).Name)
		}
		env.needCreate(action.Schema.Value)
		changed := *q
		changed.Schema = action.Schema.Value
		return &plan.DDL{Command: &catalog.AlterSequence{Sequence: changed}, Tag: "ALTER SEQUENCE"}, nil
	case *ast.OwnerTo:
		return env.ownerTo(action, q.ID, q.Schema, "ALTER SEQUENCE")
	default:
		return nil, notSupported(s.Pos(), "this ALTER SEQUENCE is not supported")
	}
}

// planAlterTableSequence plans ALTER TABLE … OWNER TO and RENAME TO of a sequence, which
// PostgreSQL allows and pg_dump writes; nil where the statement is another one.
func planAlterTableSequence(env *Environment, s *ast.AlterRelation) (plan.Statement, error) {
	if s.Kind != ast.ObjectTable || len(s.Actions) != 1 {
		return nil, nil
	}
	switch s.Actions[0].(type) {
	case *ast.OwnerTo, *ast.RenameTo:
	default:
		return nil, nil
	}
	name, err := newBinder(env, modePull).targetName(s.Table.Name)
	if err != nil || env.Catalog.LookupSequence(name.Schema, name.Name) == nil {
		return nil, nil // the table's own errors come
	}
	sequence := *s
	sequence.Kind = ast.ObjectSequence
	out, err := planAlterSequence(env, &sequence)
	if err != nil {
		return nil, err
	}
	out.Tag = "ALTER TABLE"
	return out, nil
}

// sequence finds a sequence by its name; nil where there is none.
func (b *binder) sequence(name *ast.Name) *catalog.Sequence {
	for _, schema := range b.schemasOf(name) {
		if q := b.env.Catalog.LookupSequence(schema, name.Last()); q != nil {
			return q
		}
	}
	return nil
}

// sequenceState is a sequence in FROM: one row that tells how far it is.
func (b *binder) sequenceState(q *catalog.Sequence, t *ast.TableName, s *scope) (*fromItem, error) {
	if err := b.refuse(t.Pos(), "a sequence in FROM"); err != nil {
		return nil, err
	}
	parsed, err := sql.Parse("SELECT last_value, log_cnt, is_called FROM millrace.sequences WHERE id = " + decimal64(int64(q.ID)))
	if err != nil {
		return nil, err
	}
	bound, err := b.query(parsed[0].(*ast.Query), nil, nil)
	if err != nil {
		return nil, err
	}
	return b.named(bound, q.Name, nil, t.Alias, s, t.Pos())
}

// serialTypes are the types that make a column with a sequence of its own.
var serialTypes = map[string]types.Type{
	"smallserial": types.Int2, "serial2": types.Int2,
	"serial": types.Int4, "serial4": types.Int4,
	"bigserial": types.Int8, "serial8": types.Int8,
}

// SequencesOf returns the sequences from which an expression takes values.
func SequencesOf(value expr.Expr) []catalog.ObjectID {
	var list []catalog.ObjectID
	expr.Walk(value, func(e expr.Expr) bool {
		if call, ok := e.(*expr.Call); ok && call.Func.Name == "nextval" {
			if c, ok := call.Args[0].(*expr.Const); ok && c.Value.Valid && !slices.Contains(list, catalog.ObjectID(c.Value.Int)) {
				list = append(list, catalog.ObjectID(c.Value.Int))
			}
		}
		return true
	})
	return list
}

// nextValue is an expression for the next value of a sequence, as a value of a
// column's type.
func (b *binder) nextValue(q *catalog.Sequence, t types.Type) (expr.Expr, error) {
	eb := &exprBinder{binder: b, scope: newScope(nil)}
	sequence := &expr.Const{Node: expr.Node{ResultType: types.Regclass, Position: -1}, Value: types.IntDatum(int64(q.ID))}
	value, err := eb.call("nextval", []expr.Expr{sequence}, -1)
	if err != nil {
		return nil, err
	}
	return b.coerce(value, t, expr.Assignment)
}
