package planner

import (
	"slices"
	"strings"

	"millrace/planner/plan"
	"millrace/sql/ast"
	"millrace/sql/catalog"
	"millrace/sql/expr"
	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// scope is what names mean at one level of a query: the columns of the row
// that FROM gives. The parent is the row of the query around, which expressions
// see as Outer.
type scope struct {
	parent  *scope
	tables  []*scopeTable
	columns []*scopeColumn
	// with holds the common table expressions that FROM may name.
	with *withScope
	// lockables are the items of FROM whose rows can be locked.
	lockables []lockable
	// depth is the number of scopes around.
	depth int
}

// scopeTable is one item of FROM by its alias or name.
type scopeTable struct {
	schema, name string
	// aliasOf is the relation's own name, where the item has an alias.
	aliasOf string
	// keyed is set for a table with a primary key, which decides all columns.
	keyed bool
	// nullable says that an outer join may fill the item's columns with NULLs.
	nullable bool
	// query says that the item has rows of other tables in it, which cannot be
	// locked through it.
	query bool
}

// scopeColumn is one name in a scope.
type scopeColumn struct {
	table *scopeTable // nil for a column merged by USING
	name  string
	// value is the column of the scope's row, or an expression over it for a
	// column merged by FULL JOIN … USING.
	value expr.Expr
	// bare columns are found without a qualifier; starred ones are part of `*`.
	bare, starred bool
	// inTable says that the column is part of `table.*`.
	inTable bool
	// inKey says that the column is part of its table's primary key.
	inKey bool
	// yields says that a bare name means another column of that name, where there is
	// one, here or further out.
	yields bool
}

func newScope(parent *scope) *scope {
	s := &scope{parent: parent}
	if parent != nil {
		s.depth = parent.depth + 1
	}
	return s
}

// addTable adds the visible columns of a node as table name; columns are
// numbered from first in the scope's row.
func (s *scope) addTable(table *scopeTable, columns []plan.Column, visible, first int) {
	numbers := make([]int, visible)
	for i := range numbers {
		numbers[i] = i
	}
	s.addColumns(table, columns, numbers, first)
}

// addColumns adds the columns with the given numbers as table name; columns are
// numbered from first in the scope's row.
func (s *scope) addColumns(table *scopeTable, columns []plan.Column, numbers []int, first int) {
	s.tables = append(s.tables, table)
	for _, i := range numbers {
		s.columns = append(s.columns, &scopeColumn{
			table: table, name: columns[i].Name, value: columnOf(columns[i], first+i), bare: true, starred: true, inTable: true,
		})
	}
}

// addRelation adds the columns of a relation's whole row that are not hidden,
// each under its number.
func (s *scope) addRelation(table *scopeTable, r *catalog.Relation) {
	s.tables = append(s.tables, table)
	for i := range r.Columns {
		if r.Columns[i].Hidden {
			continue
		}
		s.columns = append(s.columns, &scopeColumn{
			table: table, name: r.Columns[i].Name, value: columnOf(scanColumn(r, i), i), bare: true, starred: true, inTable: true,
		})
	}
}

// addPseudocolumn adds a column that `*` leaves out.
func (s *scope) addPseudocolumn(table *scopeTable, c plan.Column, index int) {
	s.columns = append(s.columns, &scopeColumn{table: table, name: c.Name, value: columnOf(c, index), bare: true})
}

// joined returns the scope of two FROM items side by side, the right one's
// columns behind width columns of the left one.
func (s *scope) joined(right *scope, width int) *scope {
	out := &scope{parent: s.parent, depth: s.depth, with: s.with}
	out.tables = append(slices.Clone(s.tables), right.tables...)
	out.columns = slices.Clone(s.columns)
	out.lockables = append(slices.Clone(s.lockables), shiftLockables(right.lockables, width)...)
	for _, c := range right.columns {
		moved := *c
		moved.value = shiftColumns(c.value, width)
		out.columns = append(out.columns, &moved)
	}
	return out
}

// shiftColumns moves an expression to a row in which its columns stand by
// further to the right.
func shiftColumns(e expr.Expr, by int) expr.Expr {
	if by == 0 {
		return e
	}
	shifted, _ := expr.Rewrite(e, func(e expr.Expr) (expr.Expr, error) {
		if c, ok := e.(*expr.Column); ok {
			moved := *c
			moved.Index += by
			return &moved, nil
		}
		return e, nil
	})
	return shifted
}

// lookup finds a column by its bare name at this level: nil when there is none,
// 42702 when there are several.
func (s *scope) lookup(name string, pos int) (*scopeColumn, error) {
	var found *scopeColumn
	for _, c := range s.columns {
		if !c.bare || c.name != name || found != nil && c.yields && !found.yields {
			continue
		}
		if found != nil && found.yields == c.yields {
			return nil, sqlerr.New(sqlerr.AmbiguousColumn, pos, "column reference %q is ambiguous", name)
		}
		found = c
	}
	return found, nil
}

// table finds an item of FROM at this level by its name.
func (s *scope) table(schema, name string, pos int) (*scopeTable, error) {
	var found *scopeTable
	for _, t := range s.tables {
		if t.name != name || (schema != "" && t.schema != schema) {
			continue
		}
		if found != nil {
			return nil, sqlerr.New(sqlerr.AmbiguousAlias, pos, "table reference %q is ambiguous", name)
		}
		found = t
	}
	return found, nil
}

// lookupIn finds a column of one table.
func (s *scope) lookupIn(table *scopeTable, name string, pos int) (*scopeColumn, error) {
	var found *scopeColumn
	for _, c := range s.columns {
		if c.table != table || c.name != name {
			continue
		}
		if found != nil {
			return nil, sqlerr.New(sqlerr.AmbiguousColumn, pos, "column reference %q is ambiguous", name)
		}
		found = c
	}
	return found, nil
}

// at returns the value of a column for an expression that stands level scopes
// further in.
func (c *scopeColumn) at(level, pos int) expr.Expr {
	value, _ := expr.Rewrite(c.value, func(e expr.Expr) (expr.Expr, error) {
		column, ok := e.(*expr.Column)
		if !ok {
			return e, nil
		}
		node := expr.Node{ResultType: column.ResultType, Position: pos}
		if level > 0 {
			return &expr.Outer{Node: node, Level: level, Index: column.Index, Name: column.Name}, nil
		}
		return &expr.Column{Node: node, Index: column.Index, Name: column.Name}, nil
	})
	return value
}

// columnRef resolves a name, from the innermost scope outwards.
func (b *binder) columnRef(ref *ast.ColumnRef, s *scope) (expr.Expr, error) {
	parts := ref.Parts
	if len(parts) == 1 {
		return b.bareColumn(parts[0], ref.Pos(), s)
	}
	if len(parts) == 4 {
		if err := b.checkDatabase(parts[0], strings.Join(parts, "."), ref.Pos()); err != nil {
			return nil, err
		}
		parts = parts[1:]
	}
	if len(parts) > 3 {
		return nil, sqlerr.New(sqlerr.SyntaxError, ref.Pos(), "improper qualified name (too many dotted names): %s", strings.Join(ref.Parts, "."))
	}
	schema, tableName, name := "", parts[len(parts)-2], parts[len(parts)-1]
	if len(parts) == 3 {
		schema = parts[0]
	}
	for level, at := 0, s; at != nil; level, at = level+1, at.parent {
		table, err := at.table(schema, tableName, ref.Pos())
		if err != nil {
			return nil, err
		}
		if table == nil {
			continue
		}
		column, err := at.lookupIn(table, name, ref.Pos())
		if err != nil {
			return nil, err
		}
		if column == nil {
			err := sqlerr.New(sqlerr.UndefinedColumn, ref.Pos(), "column %s.%s does not exist", tableName, name)
			return nil, withColumnHint(err, name, at)
		}
		return column.at(level, ref.Pos()), nil
	}
	return nil, missingTable(tableName, ref.Pos(), s)
}

func (b *binder) bareColumn(name string, pos int, s *scope) (expr.Expr, error) {
	var yielding expr.Expr
	for level, at := 0, s; at != nil; level, at = level+1, at.parent {
		column, err := at.lookup(name, pos)
		switch {
		case err != nil:
			return nil, err
		case column == nil:
		case !column.yields:
			return column.at(level, pos), nil
		case yielding == nil:
			yielding = column.at(level, pos)
		}
	}
	if yielding != nil {
		return yielding, nil
	}
	if e, err := b.pseudocolumn(name, pos); e != nil || err != nil {
		return e, err
	}
	for level, at := 0, s; at != nil; level, at = level+1, at.parent {
		if t, _ := at.table("", name, pos); t != nil {
			return at.wholeRow(t, level, pos), nil
		}
	}
	err := sqlerr.New(sqlerr.UndefinedColumn, pos, "column %q does not exist", name)
	return nil, withColumnHint(err, name, s)
}

// pseudocolumn binds the columns that belong to a result instead of a relation.
func (b *binder) pseudocolumn(name string, pos int) (expr.Expr, error) {
	switch name {
	case "rowop", "rowmark":
		if b.mode == modePush && b.depth == 1 {
			return &resultRef{Node: expr.Node{ResultType: types.Text, Position: pos}, name: name}, nil
		}
		return nil, sqlerr.New(sqlerr.UndefinedColumn, pos, "column %q does not exist", name).
			WithHint("%s belongs to the result of SELECT … EMIT CHANGES.", name)
	case "rowtime", "rowpartition", "rowoffset", headersColumn:
		return nil, sqlerr.New(sqlerr.UndefinedColumn, pos, "column %q does not exist", name).
			WithHint("Only streams have the pseudocolumn %s; a subquery passes it on when it selects it.", name)
	}
	return nil, nil
}

// resultRef stands for rowop or rowmark, pseudocolumns of the result, while a push
// query is bound.
type resultRef struct {
	expr.Node
	name string
}

// missingTable is the error for a qualifier that no FROM item has.
func missingTable(name string, pos int, s *scope) error {
	err := sqlerr.New(sqlerr.UndefinedTable, pos, "missing FROM-clause entry for table %q", name)
	for at := s; at != nil; at = at.parent {
		for _, t := range at.tables {
			if t.aliasOf == name {
				return sqlerr.New(sqlerr.UndefinedTable, pos, "invalid reference to FROM-clause entry for table %q", name).
					WithHint("Perhaps you meant to reference the table alias %q.", t.name)
			}
			if strings.EqualFold(t.name, name) {
				return err.WithHint("Perhaps you meant to reference the table %q.", t.name)
			}
		}
	}
	return err
}

// withColumnHint adds the name that the user may have meant.
func withColumnHint(err *sqlerr.Error, name string, s *scope) *sqlerr.Error {
	var candidates []string
	for at := s; at != nil; at = at.parent {
		for _, c := range at.columns {
			if c.table != nil {
				candidates = append(candidates, c.table.name+"."+c.name)
			}
		}
	}
	best := closest(name, candidates, func(candidate string) string {
		return candidate[strings.LastIndexByte(candidate, '.')+1:]
	})
	if best == "" {
		return err
	}
	return err.WithHint("Perhaps you meant to reference the column %q.", best)
}
