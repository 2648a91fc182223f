package planner

import (
	"slices"

	"millrace/planner/plan"
	"millrace/sql/ast"
	"millrace/sql/sqlerr"
)

// withScope is one common table expression and those that were declared before
// it. A common table is bound anew where it is named.
type withScope struct {
	outer *withScope
	table *ast.CommonTable
	query *ast.Query
	// parent is the row around the query that declared the table.
	parent *scope
	// bound says that the table was bound, which shows that it is valid.
	bound bool
	// part is the number of a statement that changes data, 0 for a query, and
	// columns describe what it returns, nil for nothing.
	part    int
	columns []plan.Column
	// recursive says that the query names the table itself. recursion is set in such a
	// query's recursive term, where the name means the rows found last, of columns: the
	// number of their plan.Recursive.
	recursive bool
	recursion int
}

// withClause adds the tables of a WITH to those that are known.
func (b *binder) withClause(with *ast.With, known *withScope, parent *scope) (*withScope, error) {
	if with == nil {
		return known, nil
	}
	for i, table := range with.Tables {
		for _, earlier := range with.Tables[:i] {
			if earlier.Name.Value == table.Name.Value {
				return nil, sqlerr.New(sqlerr.DuplicateAlias, table.Name.Pos(), "WITH query name %q specified more than once", table.Name.Value)
			}
		}
	}
	order, recursive := with.Tables, map[*ast.CommonTable]bool(nil)
	if with.Recursive {
		var err error
		if order, recursive, err = recursiveOrder(with); err != nil {
			return nil, err
		}
	}
	for _, table := range order {
		q, ok := table.Statement.(*ast.Query)
		if !ok {
			var err error
			if known, err = b.withPart(with, table, known); err != nil {
				return nil, err
			}
			continue
		}
		known = &withScope{outer: known, table: table, query: q, parent: parent, recursive: recursive[table]}
	}
	return known, nil
}

// checkUnused binds the tables of a WITH that nothing named: they have to be
// valid as well.
func (b *binder) checkUnused(with *ast.With, known *withScope) error {
	if with == nil {
		return nil
	}
	for range with.Tables {
		if !known.bound {
			if _, err := b.commonTable(known, newScope(known.parent)); err != nil {
				return err
			}
		}
		known = known.outer
	}
	return nil
}

// find returns the common table with a name, or nil.
func (w *withScope) find(name string) *withScope {
	for ; w != nil; w = w.outer {
		if w.table.Name.Value == name {
			return w
		}
	}
	return nil
}

// commonTable binds a common table where FROM names it.
func (b *binder) commonTable(w *withScope, s *scope) (*boundQuery, error) {
	w.bound = true
	if w.part > 0 {
		if i, known := slices.BinarySearch(b.reads, w.part); !known {
			b.reads = slices.Insert(b.reads, i, w.part)
		}
		return &boundQuery{node: newGiven(w.part, w.columns), visible: len(w.columns)}, nil
	}
	if w.recursion > 0 {
		return &boundQuery{node: newLastRows(w.recursion, w.columns), visible: len(w.columns)}, nil
	}
	var bound *boundQuery
	var err error
	if w.recursive {
		bound, err = b.recursion(w)
	} else {
		bound, err = b.query(w.query, w.parent, w.outer)
	}
	if err != nil {
		return nil, err
	}
	if err := b.settleColumns(bound); err != nil {
		return nil, err
	}
	// Rows around the declaration are further out for the place of use.
	if further := s.parent.level() - w.parent.level(); further > 0 {
		if bound.node, err = b.moveOuter(bound.node, 1, func(level, index int) (int, int, error) {
			return level + further, index, nil
		}); err != nil {
			return nil, err
		}
	}
	return bound, nil
}

// level is how many scopes there are up to and with s.
func (s *scope) level() int {
	if s == nil {
		return 0
	}
	return s.depth + 1
}
