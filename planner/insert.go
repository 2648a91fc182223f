package planner

import (
	"slices"

	"millrace/planner/plan"
	"millrace/sql/ast"
	"millrace/sql/catalog"
	"millrace/sql/expr"
	"millrace/sql/sqlerr"
)

// insertBinder binds one INSERT.
type insertBinder struct {
	*binder
	target *catalog.Relation
	// columns are the numbers of the columns that the source gives, in its order;
	// FetchRowtime stands for the event time and FetchHeaders for the headers.
	columns []int
	// explicit says that the statement lists the columns.
	explicit bool
	// overriding is "system" or "user" for OVERRIDING, "" without.
	overriding string
	// with are the common tables that the statement's clauses may name.
	with     *withScope
	defaults []expr.Expr
	// conflict is ON CONFLICT, nil without.
	conflict *plan.OnConflict
}

// insert plans INSERT; known are the common tables around it.
func (b *binder) insert(s *ast.Insert, known *withScope) (*plan.Insert, error) {
	if err := refuseInsertClauses(s); err != nil {
		return nil, err
	}
	target, err := b.writable(s.Table, "insert into")
	if err != nil {
		return nil, err
	}
	if len(s.Returning) > 0 {
		b.needRelation(target, catalog.PrivilegeSelect)
	}
	if s.OnConflict != nil && len(s.OnConflict.Set) > 0 {
		b.needRelation(target, catalog.PrivilegeSelect|catalog.PrivilegeUpdate)
	}
	ib := &insertBinder{binder: b, target: target, explicit: len(s.Columns) > 0, overriding: s.Overriding}
	if err := ib.bindColumns(s.Columns); err != nil {
		return nil, err
	}
	if ib.defaults, err = b.columnDefaults(target); err != nil {
		return nil, err
	}
	if ib.with, err = b.withClause(s.With, known, nil); err != nil {
		return nil, err
	}
	var root plan.Node
	switch {
	case s.Source == nil:
		root = ib.rows([][]expr.Expr{make([]expr.Expr, len(ib.columns))})
	case plainValues(s) != nil:
		root, err = ib.bindValues(plainValues(s))
	default:
		root, err = ib.bindQuery(s)
	}
	if err != nil {
		return nil, err
	}
	if root, err = b.withGenerated(root, target, 0, ib.givenHeaders()); err != nil {
		return nil, err
	}
	source := b.takeClause(root)
	updated, err := ib.onConflict(s)
	if err != nil {
		return nil, err
	}
	returning, err := ib.returning(s)
	if err != nil {
		return nil, err
	}
	if err := b.checkUnused(s.With, ib.with); err != nil {
		return nil, err
	}
	out := &plan.Insert{Target: target, Rowtime: slices.Contains(ib.columns, plan.FetchRowtime), Headers: slices.Contains(ib.columns, plan.FetchHeaders)}
	if out.Checks, err = b.checks(target); err != nil {
		return nil, err
	}
	if s.OnConflict != nil {
		out.OnConflict = ib.conflict
		if out.OnConflict.Updated, err = b.finishClause(updated); err != nil {
			return nil, err
		}
	}
	if out.Returning, err = b.finishClause(returning); err != nil {
		return nil, err
	}
	out.Source, err = b.finishClause(source)
	return out, err
}

// clause is a bound part of a statement that runs as a query of its own, with the
// relations that it reads.
type clause struct {
	root    plan.Node
	sources []*catalog.Relation
}

// takeClause makes a clause of what was bound since the one before.
func (b *binder) takeClause(root plan.Node) *clause {
	c := &clause{root: root, sources: b.sources}
	b.sources = nil
	return c
}

// finishClause makes a clause ready to run; nil for none.
func (b *binder) finishClause(c *clause) (*plan.Query, error) {
	if c == nil {
		return nil, nil
	}
	b.sources = c.sources
	return b.finishQuery(&boundQuery{node: c.root, visible: len(c.root.Columns())})
}

func refuseInsertClauses(s *ast.Insert) error {
	switch {
	case len(s.Options) > 0:
		return notSupported(s.Options[0].Pos(), "options of an INSERT that runs once are not supported").
			WithHint("They are for INSERT … SELECT … EMIT CHANGES.")
	case s.Source != nil && s.Source.Emit != nil:
		return notSupported(s.Source.Emit.Pos(), "an INSERT that is a continuous query cannot be part of another statement")
	}
	return nil
}

// plainValues returns the VALUES that is the whole source, or nil.
func plainValues(s *ast.Insert) *ast.Values {
	values, ok := s.Source.Body.(*ast.Values)
	q := s.Source
	if !ok || s.With != nil || q.With != nil || len(q.OrderBy) > 0 || q.Limit != nil || q.Offset != nil {
		return nil
	}
	return values
}

// verbPrivileges are the privileges for what is done to a table.
var verbPrivileges = map[string]catalog.Privileges{
	"insert into": catalog.PrivilegeInsert, "copy to": catalog.PrivilegeInsert, "update": catalog.PrivilegeUpdate,
	"delete from": catalog.PrivilegeDelete, "truncate": catalog.PrivilegeTruncate,
}

// writable finds a relation that clients write to.
func (b *binder) writable(name *ast.Name, verb string) (*catalog.Relation, error) {
	r, err := b.relation(name)
	if err != nil {
		return nil, err
	}
	if r == nil {
		if b.env.System != nil && (b.env.System.Lookup(name.Schema(), name.Last()) != nil) {
			return nil, sqlerr.New(sqlerr.WrongObjectType, name.Pos(), "cannot %s system table %q", verb, name.Last())
		}
		if err := b.refuseView(name, verb); err != nil {
			return nil, err
		}
		if q := b.sequence(name); q != nil {
			return nil, sqlerr.New(sqlerr.WrongObjectType, name.Pos(), "cannot %s sequence %q", verb, q.Name).
				WithHint("ALTER SEQUENCE and setval() change a sequence.")
		}
		return nil, b.undefinedTable(name)
	}
	if r.Derived() {
		err := sqlerr.New(sqlerr.WrongObjectType, name.Pos(), "cannot %s %q", verb, r.Name)
		if r.Frozen {
			return nil, err.WithDetail("It is the result of a continuous query that was terminated.")
		}
		return nil, err.WithDetail("A continuous query writes the %s.", r.Kind).WithHint("Write to what it is computed from.")
	}
	b.needRelation(r, verbPrivileges[verb])
	return r, nil
}

// checkWidth compares the number of values with the number of target columns.
func (ib *insertBinder) checkWidth(n int, extra, last int) error {
	if n > len(ib.columns) {
		return sqlerr.New(sqlerr.SyntaxError, extra, "INSERT has more expressions than target columns")
	}
	if n < len(ib.columns) && ib.explicit {
		return sqlerr.New(sqlerr.SyntaxError, last, "INSERT has more target columns than expressions")
	}
	ib.columns = ib.columns[:n]
	return nil
}

func (ib *insertBinder) bindValues(values *ast.Values) (plan.Node, error) {
	width := len(values.Rows[0])
	first := values.Rows[0]
	for _, row := range values.Rows {
		if len(row) != width {
			return nil, sqlerr.New(sqlerr.SyntaxError, row[0].Pos(), "VALUES lists must all be the same length")
		}
	}
	if err := ib.checkWidth(width, first[min(width-1, len(ib.columns))].Pos(), first[0].Pos()); err != nil {
		return nil, err
	}
	eb := &exprBinder{binder: ib.binder, scope: newScope(nil), clause: "VALUES"}
	rows := make([][]expr.Expr, len(values.Rows))
	for r, row := range values.Rows {
		rows[r] = make([]expr.Expr, width)
		for i, cell := range row {
			if _, isDefault := cell.(*ast.Default); isDefault {
				continue
			}
			ignored, err := ib.ignores(i)
			if err != nil {
				return nil, err
			}
			value, err := eb.bind(cell)
			if err != nil {
				return nil, err
			}
			if value, err = ib.assign(value, i); err != nil {
				return nil, err
			}
			if !ignored {
				rows[r][i] = value
			}
		}
	}
	return ib.rows(rows), nil
}

// ignores reports whether OVERRIDING USER VALUE has the value for listed column i
// ignored, and refuses one that the column cannot be given.
func (ib *insertBinder) ignores(i int) (bool, error) {
	if ib.columns[i] < 0 {
		return false, nil
	}
	c := &ib.target.Columns[ib.columns[i]]
	if c.Identity != catalog.NotIdentity && ib.overriding == "user" {
		return true, nil
	}
	return false, refuseValue(c, ib.overriding == "system", cannotInsert)
}

// rows makes whole rows of the target from rows of the listed columns; nil
// stands for DEFAULT.
func (ib *insertBinder) rows(listed [][]expr.Expr) plan.Node {
	full := make([][]expr.Expr, len(listed))
	for r, row := range listed {
		full[r] = ib.spread(func(i int) expr.Expr { return row[i] })
	}
	return newValues(full, ib.outputColumns())
}

// behind are the pseudocolumns among the listed columns, which stand behind the
// target's columns in this order.
func (ib *insertBinder) behind() []int {
	var numbers []int
	for _, number := range []int{plan.FetchRowtime, plan.FetchHeaders} {
		if slices.Contains(ib.columns, number) {
			numbers = append(numbers, number)
		}
	}
	return numbers
}

// givenHeaders are the headers of a whole row of the target; nil for a table's.
func (ib *insertBinder) givenHeaders() expr.Expr {
	if ib.target.Kind != catalog.KindStream {
		return nil
	}
	at := slices.Index(ib.behind(), plan.FetchHeaders)
	if at < 0 {
		return noHeaders()
	}
	given := columnOf(scanColumn(ib.target, plan.FetchHeaders), len(ib.target.Columns)+at)
	return &expr.Coalesce{Node: given.Node, Args: []expr.Expr{given, noHeaders()}}
}

// spread puts the values of the listed columns in their places and defaults in
// the others.
func (ib *insertBinder) spread(value func(i int) expr.Expr) []expr.Expr {
	row, behind := slices.Clone(ib.defaults), ib.behind()
	for _, number := range behind {
		row = append(row, &expr.Const{Node: expr.Node{ResultType: scanColumn(ib.target, number).Type, Position: -1}})
	}
	for i, number := range ib.columns {
		if number < 0 {
			number = len(ib.defaults) + slices.Index(behind, number)
		}
		if v := value(i); v != nil {
			row[number] = v
		}
	}
	return row
}

func (ib *insertBinder) outputColumns() []plan.Column {
	columns := make([]plan.Column, 0, len(ib.target.Columns)+1)
	for i := range ib.target.Columns {
		c := &ib.target.Columns[i]
		columns = append(columns, plan.Column{Name: c.Name, Type: c.Type})
	}
	for _, number := range ib.behind() {
		columns = append(columns, scanColumn(ib.target, number))
	}
	return columns
}

func (ib *insertBinder) bindQuery(s *ast.Insert) (plan.Node, error) {
	bound, err := ib.query(s.Source, nil, ib.with)
	if err != nil {
		return nil, err
	}
	return ib.targetRows(bound.cut(), s.Source)
}

// targetRows makes whole rows of the target from the rows of a query that gives the
// listed columns.
func (ib *insertBinder) targetRows(bound *boundQuery, source *ast.Query) (plan.Node, error) {
	if err := ib.checkWidth(bound.visible, columnPosition(bound, min(bound.visible-1, len(ib.columns)), source.Pos()), columnPosition(bound, 0, source.Pos())); err != nil {
		return nil, err
	}
	for i := range bound.visible {
		name, t := ib.columnOf(ib.columns[i])
		from := bound.node.Columns()[i].Type
		if !assignable(from, t) {
			return nil, sqlerr.New(sqlerr.DatatypeMismatch, columnPosition(bound, i, source.Pos()), "column %q is of type %s but expression is of type %s", name, t.BaseName(), from.BaseName()).
				WithHint("You will need to rewrite or cast the expression.")
		}
		if err := ib.coerceColumn(bound, i, t, expr.Assignment); err != nil {
			return nil, err
		}
	}
	given := make([]expr.Expr, bound.visible)
	for i := range given {
		ignored, err := ib.ignores(i)
		if err != nil {
			return nil, err
		}
		if !ignored {
			given[i] = columnOf(bound.node.Columns()[i], i)
		}
	}
	exprs := ib.spread(func(i int) expr.Expr { return given[i] })
	names := make([]string, len(exprs))
	for i, c := range ib.outputColumns() {
		names[i] = c.Name
	}
	return newProject(bound.node, exprs, names), nil
}
