package session

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"millrace/planner"
	"millrace/sql"
	"millrace/sql/ast"
	"millrace/sql/catalog"
	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// UPDATE and DELETE … WHERE CURRENT OF a cursor
// (https://www.postgresql.org/docs/15/sql-update.html).
//
// The query of a cursor over one table with a PRIMARY KEY is planned with the key's
// columns behind those that the client sees. CURRENT OF is planned as a condition on the
// key whose values are parameters, behind the statement's own; they are taken from the
// cursor's row when the statement runs.

// updatable is the table whose rows a cursor gives, and where their keys are.
type updatable struct {
	relation catalog.ObjectID
	// visible is the number of columns that the client sees; the key's are behind them.
	visible int
}

// currentOf is the row of a cursor that a statement changes.
type currentOf struct {
	cursor string
	table  *catalog.Relation
	// parameters are those of the statement without the key's.
	parameters int
}

// keyedTable returns the table with a name, nil where there is none whose rows have a
// key that can be named.
func (s *Session) keyedTable(name *ast.Name) *catalog.Relation {
	var r *catalog.Relation
	if len(name.Parts) == 1 {
		r = s.relationNamed(s.catalog(), name.Last())
	} else {
		r = s.catalog().Lookup(name.Schema(), name.Last())
	}
	if r == nil || r.Kind != catalog.KindTable || len(r.Key) == 0 || r.Derived() ||
		slices.ContainsFunc(r.Key, func(column int) bool { return r.Columns[column].Hidden }) {
		return nil
	}
	return r
}

// keyColumns are the key's columns as they are written where the table is in FROM.
func keyColumns(table *ast.TableName, r *catalog.Relation) []string {
	name := table.Name.Last()
	if table.Alias != nil {
		name = table.Alias.Name.Value
	}
	columns := make([]string, len(r.Key))
	for i, column := range r.Key {
		columns[i] = quoteName(name) + "." + quoteName(r.Columns[column].Name)
	}
	return columns
}

// targets parses a list of expressions.
func targets(list string) ([]*ast.Target, error) {
	trees, err := sql.Parse("SELECT " + list)
	if err != nil {
		return nil, err
	}
	return trees[0].(*ast.Query).Body.(*ast.Select).Targets, nil
}

// planCursor plans the query of DECLARE, with the key of its rows where they are those
// of one table.
func (s *Session) planCursor(st *statement, env *planner.Environment, query *ast.Query) error {
	if extended, table := s.withKey(query); extended != nil {
		planned, err := planner.Plan(env, extended)
		if err == nil {
			st.plan = planned
			st.describePlan()
			st.updatable = &updatable{relation: table.ID, visible: len(st.columns) - len(table.Key)}
			return nil
		}
		// Grouped rows, for instance, have no key.
	}
	var err error
	st.plan, err = planner.Plan(env, query)
	if err == nil {
		st.describePlan()
	}
	return err
}

// withKey adds the key to what a query selects, where each row of the result is one of a
// table; nil where it may be another.
func (s *Session) withKey(query *ast.Query) (*ast.Query, *catalog.Relation) {
	body, isSelect := query.Body.(*ast.Select)
	if !isSelect || query.Emit != nil || query.With != nil || body.Distinct || body.GroupBy != nil || body.Having != nil || len(body.From) != 1 {
		return nil, nil
	}
	from, isTable := body.From[0].(*ast.TableName)
	if !isTable || from.Changes || from.Sample != nil || from.AsOf != nil {
		return nil, nil
	}
	table := s.keyedTable(from.Name)
	if table == nil {
		return nil, nil
	}
	key, err := targets(strings.Join(keyColumns(from, table), ", "))
	if err != nil {
		return nil, nil
	}
	selection, extended := *body, *query
	selection.Targets = slices.Concat(body.Targets, key)
	extended.Body = &selection
	return &extended, table
}

// withCurrentOf turns CURRENT OF into a condition on the key. The tree stays as it is
// where there is no such clause, or where the planner has an error to tell.
func (s *Session) withCurrentOf(st *statement, tree ast.Statement) (ast.Statement, []types.Type) {
	var target *ast.TableName
	var where *ast.Expr
	switch n := tree.(type) {
	case *ast.Update:
		changed := *n
		tree, target, where = &changed, n.Table, &changed.Where
	case *ast.Delete:
		changed := *n
		tree, target, where = &changed, n.Table, &changed.Where
	default:
		return tree, st.declared
	}
	clause, isCurrent := (*where).(*ast.CurrentOf)
	if !isCurrent {
		return st.tree, st.declared
	}
	table := s.keyedTable(target.Name)
	if table == nil {
		return st.tree, st.declared
	}
	own := len(st.declared)
	eachParameter(reflect.ValueOf(st.tree), func(p *ast.Parameter) { own = max(own, p.Number) })
	declared := slices.Clone(st.declared)
	for len(declared) < own {
		declared = append(declared, types.Unknown)
	}
	conditions := keyColumns(target, table)
	for i, column := range table.Key {
		conditions[i] += fmt.Sprintf(" = $%d", own+i+1)
		declared = append(declared, table.Columns[column].Type)
	}
	condition, err := targets(strings.Join(conditions, " AND "))
	if err != nil {
		return st.tree, st.declared
	}
	*where = condition[0].Expr
	st.current = &currentOf{cursor: clause.Cursor.Value, table: table, parameters: own}
	return tree, declared
}

// currentKey returns the statement's parameters with the key of the row that the cursor
// stands on.
func (s *Session) currentKey(current *currentOf, params []types.Datum) ([]types.Datum, error) {
	c := s.cursors[current.cursor]
	switch {
	case c == nil && s.portals[current.cursor] == nil:
		return nil, unknownCursor(current.cursor)
	case c != nil && !c.inTransaction:
		return nil, sqlerr.New(sqlerr.InvalidCursorState, -1, "cursor %q is held from a previous transaction", c.name)
	case c == nil || c.updatable == nil || c.updatable.relation != current.table.ID:
		return nil, sqlerr.New(sqlerr.InvalidCursorState, -1, "cursor %q is not a simply updatable scan of table %q", current.cursor, current.table.Name)
	}
	batch, row := c.current()
	if batch == nil {
		return nil, sqlerr.New(sqlerr.InvalidCursorState, -1, "cursor %q is not positioned on a row", c.name)
	}
	params = slices.Clip(params[:min(len(params), current.parameters)])
	for i := range current.table.Key {
		params = append(params, batch.Columns[c.updatable.visible+i].Datum(row))
	}
	return params, nil
}

// current returns the row that the cursor stands on, nil for none.
func (c *cursor) current() (batch *types.Batch, row int) {
	switch {
	case onRow(c) == 0:
		return nil, 0
	case c.kept != nil:
		return c.kept.locate(c.position)
	case c.rows.batch == nil || c.rows.at == 0:
		return nil, 0
	default:
		return c.rows.batch, c.rows.at - 1
	}
}
