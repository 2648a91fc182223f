package planner

import (
	"slices"

	"millrace/planner/plan"
	"millrace/sql/ast"
	"millrace/sql/catalog"
)

// Statements in WITH that change data. Each is planned by a binder of its own,
// which shares the parameters; what it returns is read through plan.Given, so
// that it runs once however often it is named.

// withPart plans a statement in WITH that changes data and adds it to the tables
// that are known.
func (b *binder) withPart(with *ast.With, table *ast.CommonTable, known *withScope) (*withScope, error) {
	if err := b.refuse(table.Pos(), "a statement in WITH that changes data"); err != nil {
		return nil, err
	}
	if with != b.modifying {
		return nil, notSupported(table.Pos(), "WITH clause containing a data-modifying statement must be at the top level")
	}
	inner := newBinder(b.env, modePull)
	inner.params, inner.inPart = b.params, true
	var statement plan.Statement
	var err error
	switch s := table.Statement.(type) {
	case *ast.Insert:
		statement, err = planned(inner.insert(s, known))
	case *ast.Update:
		statement, err = planned(inner.update(s, known))
	case *ast.Delete:
		statement, err = planned(inner.delete(s, known))
	default:
		return nil, notSupported(table.Statement.Pos(), "%s in WITH is not supported", statementName(s))
	}
	if err != nil {
		return nil, err
	}
	b.parts = append(b.parts, plan.WithPart{Name: table.Name.Value, Statement: statement, Reads: inner.reads})
	return &withScope{outer: known, table: table, bound: true, part: len(b.parts), columns: plan.ReturningColumns(statement)}, nil
}

// planChange plans a statement that changes data, whose WITH may do so as well.
func planChange(env *Environment, with *ast.With, bind func(*binder) (plan.Statement, error)) (plan.Statement, error) {
	b := newBinder(env, modePull)
	b.modifying = with
	statement, err := bind(b)
	if err != nil {
		return nil, err
	}
	return b.withParts(statement), nil
}

// withParts puts a statement together with those in its WITH that change data,
// where there are any.
func (b *binder) withParts(main plan.Statement) plan.Statement {
	if len(b.parts) == 0 {
		return main
	}
	out := &plan.With{Parts: b.parts, Main: main, Reads: b.reads}
	queries := statementQueries(main)
	for i := range out.Parts {
		queries = append(queries, statementQueries(out.Parts[i].Statement)...)
	}
	for _, q := range queries {
		for _, relation := range q.Sources {
			if !slices.ContainsFunc(out.Sources, func(r *catalog.Relation) bool { return r.ID == relation.ID }) {
				out.Sources = append(out.Sources, relation)
			}
		}
	}
	return out
}

// statementQueries are the queries that a statement runs.
func statementQueries(s plan.Statement) []*plan.Query {
	var list []*plan.Query
	switch s := s.(type) {
	case *plan.Query:
		list = append(list, s)
	case *plan.Insert:
		list = append(list, s.Source, s.Returning)
		if s.OnConflict != nil {
			list = append(list, s.OnConflict.Updated)
		}
	case *plan.Modify:
		for i := range s.Parts {
			list = append(list, s.Parts[i].Source)
		}
	}
	return slices.DeleteFunc(list, func(q *plan.Query) bool { return q == nil })
}
