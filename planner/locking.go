package planner

import (
	"slices"
	"strings"

	"millrace/planner/plan"
	"millrace/sql/ast"
	"millrace/sql/catalog"
	"millrace/sql/expr"
	"millrace/sql/sqlerr"
)

// FOR UPDATE and its relatives lock the rows of tables that a SELECT's rows were
// made of: each row of the result must stem from one row of each such table
// (https://www.postgresql.org/docs/15/sql-select.html#SQL-FOR-UPDATE-SHARE). The
// keys of those rows stand as hidden columns behind the SELECT list.

// lockable is an item of FROM that is a relation, with the key of its row.
type lockable struct {
	table    *scopeTable
	relation *catalog.Relation
	// key are the values of the relation's key in the scope's row.
	key []expr.Expr
	// nullable says that an outer join may put NULLs in the place of the row.
	nullable bool
}

// shift moves lockables to a row in which their columns stand by further to the
// right.
func shiftLockables(list []lockable, by int) []lockable {
	out := slices.Clone(list)
	for i := range out {
		out[i].key = slices.Clone(list[i].key)
		for k := range out[i].key {
			out[i].key[k] = shiftColumns(out[i].key[k], by)
		}
	}
	return out
}

// markNullable notes on which side of a join rows may be missing; the first left
// of the scope's lockables belong to the left side.
func (s *scope) markNullable(kind plan.JoinKind, left int) {
	for i := range s.lockables {
		isLeft := i < left
		if kind == plan.JoinFull || kind == plan.JoinLeft && !isLeft || kind == plan.JoinRight && isLeft {
			s.lockables[i].nullable = true
		}
	}
}

// hideRows notes that the scope's tables are made of rows of others.
func (s *scope) hideRows() {
	s.lockables = nil
	for _, t := range s.tables {
		t.query = true
	}
}

// lockClause is how errors call a locking clause.
func lockClause(l *ast.Locking) string { return "FOR " + strings.ToUpper(l.Strength) }

func notAllowedWith(l *ast.Locking, what string) error {
	return sqlerr.New(sqlerr.FeatureNotSupported, l.Pos(), "%s is not allowed with %s", lockClause(l), what)
}

// refuseLockingBody refuses locking clauses behind what is not a SELECT.
func refuseLockingBody(body ast.QueryBody, locking []*ast.Locking) error {
	if len(locking) == 0 {
		return nil
	}
	switch body.(type) {
	case *ast.SetOperation:
		return notAllowedWith(locking[0], "UNION/INTERSECT/EXCEPT")
	case *ast.Values:
		return sqlerr.New(sqlerr.FeatureNotSupported, locking[0].Pos(), "%s cannot be applied to VALUES", lockClause(locking[0]))
	default:
		return notSupported(locking[0].Pos(), "%s is not supported here", lockClause(locking[0]))
	}
}

// refuseLocking refuses locking clauses of a SELECT whose rows do not stem from one
// row of each table.
func (sb *selectBinder) refuseLocking(l *ast.Locking) error {
	switch {
	case sb.incremental():
		return notSupported(l.Pos(), "%s is not supported in a result that is kept up to date", lockClause(l))
	case sb.ast.Distinct:
		return notAllowedWith(l, "DISTINCT clause")
	case sb.ast.GroupBy != nil:
		return notAllowedWith(l, "GROUP BY clause")
	case sb.ast.Having != nil:
		return notAllowedWith(l, "HAVING clause")
	case len(sb.aggregates.calls) > 0:
		return notAllowedWith(l, "aggregate functions")
	case slices.ContainsFunc(sb.output, func(t target) bool { return hasSet([]expr.Expr{t.value}) }):
		return notAllowedWith(l, "set-returning functions in the target list")
	}
	return nil
}

var lockStrengths = map[string]plan.LockStrength{
	"key share": plan.LockKeyShare, "share": plan.LockShare, "no key update": plan.LockNoKeyUpdate, "update": plan.LockUpdate,
}

var lockWaits = map[string]plan.LockWait{"": plan.LockBlock, "skip locked": plan.LockSkipLocked, "nowait": plan.LockNoWait}

// bindLocking finds the tables that the clauses lock, and adds their keys to the
// output. Where several name one table, the strongest of all counts.
func (sb *selectBinder) bindLocking(clauses []*ast.Locking) error {
	for _, clause := range clauses {
		if err := sb.refuseLocking(clause); err != nil {
			return err
		}
		if len(clause.Tables) > 0 {
			for _, name := range clause.Tables {
				if err := sb.lockNamed(clause, name); err != nil {
					return err
				}
			}
			continue
		}
		for _, table := range sb.scope.tables {
			if err := sb.lockItem(clause, table, clause.Pos()); err != nil {
				return err
			}
		}
	}
	return nil
}

// lockNamed locks the item of FROM that OF names.
func (sb *selectBinder) lockNamed(clause *ast.Locking, name *ast.Name) error {
	if name.Schema() != "" {
		return sqlerr.New(sqlerr.SyntaxError, name.Pos(), "%s must specify unqualified relation names", lockClause(clause))
	}
	for _, table := range sb.scope.tables {
		if table.name == name.Last() {
			return sb.lockItem(clause, table, name.Pos())
		}
	}
	return sqlerr.New(sqlerr.UndefinedTable, name.Pos(), "relation %q in %s clause not found in FROM clause", name.Last(), lockClause(clause))
}

// lockItem locks an item of FROM. Items that have no rows of their own are passed
// over unless they are named.
func (sb *selectBinder) lockItem(clause *ast.Locking, table *scopeTable, pos int) error {
	named := len(clause.Tables) > 0
	i := slices.IndexFunc(sb.scope.lockables, func(l lockable) bool { return l.table == table })
	if i < 0 {
		switch {
		case table.query:
			return notSupported(pos, "%s of a subquery is not supported", lockClause(clause)).
				WithHint("Write %s inside the subquery, or name the tables to lock: %s OF ….", lockClause(clause), lockClause(clause))
		case named:
			return sqlerr.New(sqlerr.FeatureNotSupported, pos, "%s cannot be applied to %q, which is not a table", lockClause(clause), table.name)
		}
		return nil
	}
	item := &sb.scope.lockables[i]
	if err := refuseLockable(clause, item, pos); err != nil {
		return err
	}
	sb.needRelation(item.relation, catalog.PrivilegeUpdate)
	locked := plan.LockedTable{Relation: item.relation, Strength: lockStrengths[clause.Strength], Wait: lockWaits[clause.Wait]}
	if k := slices.IndexFunc(sb.lockedItems, func(l *scopeTable) bool { return l == table }); k >= 0 {
		before := &sb.locked[k]
		before.Strength, before.Wait = max(before.Strength, locked.Strength), max(before.Wait, locked.Wait)
		return nil
	}
	for _, value := range item.key {
		locked.Key = append(locked.Key, sb.outputRef(sb.hiddenOutput(value)))
	}
	sb.lockedItems, sb.locked = append(sb.lockedItems, table), append(sb.locked, locked)
	sb.locks = append(sb.locks, item.relation)
	return nil
}

// refuseLockable refuses relations whose rows cannot be locked.
func refuseLockable(clause *ast.Locking, item *lockable, pos int) error {
	r := item.relation
	switch {
	case r.Kind == catalog.KindStream:
		return sqlerr.New(sqlerr.WrongObjectType, pos, "cannot lock rows in stream %q", r.Name).
			WithHint("Rows of a stream do not change. To lock those of tables beside it, name them: %s OF ….", lockClause(clause))
	case r.Derived():
		return sqlerr.New(sqlerr.WrongObjectType, pos, "cannot lock rows in table %q", r.Name).
			WithDetail("A continuous query writes the table.").
			WithHint("Lock rows of the tables that it is computed from.")
	case item.nullable:
		return sqlerr.New(sqlerr.FeatureNotSupported, pos, "%s cannot be applied to the nullable side of an outer join", lockClause(clause))
	}
	return nil
}

// hiddenOutput returns the output column of a value, added behind the others where
// there is none.
func (sb *selectBinder) hiddenOutput(value expr.Expr) int {
	for i := range sb.output {
		if equalExprs(sb.output[i].value, value) {
			return i
		}
	}
	name := ""
	if c, ok := value.(*expr.Column); ok {
		name = c.Name
	}
	sb.output = append(sb.output, target{value: value, name: name})
	return len(sb.output) - 1
}

// lockPrivileges are those of which a role needs one to lock a table.
func lockPrivileges(mode string) catalog.Privileges {
	const writes = catalog.PrivilegeUpdate | catalog.PrivilegeDelete | catalog.PrivilegeTruncate
	switch mode {
	case "access share":
		return writes | catalog.PrivilegeSelect
	case "row exclusive":
		return writes | catalog.PrivilegeInsert
	default:
		return writes
	}
}

// planLock plans LOCK TABLE.
func planLock(env *Environment, s *ast.Lock) (*plan.Lock, error) {
	b := newBinder(env, modePull)
	out := &plan.Lock{Mode: s.Mode, NoWait: s.NoWait}
	if out.Mode == "" {
		out.Mode = "access exclusive"
	}
	for _, table := range s.Tables {
		r, err := b.relation(table.Name)
		switch {
		case err != nil:
			return nil, err
		case r != nil:
			out.Relations = append(out.Relations, r)
			env.need(demand{object: r.ID, kind: r.Kind.String(), name: r.Name, privileges: lockPrivileges(out.Mode), any: true})
			continue
		}
		for _, schema := range append([]string{"pg_catalog"}, env.userSchemas()...) {
			if name := table.Name.Schema(); name != "" {
				schema = name
			}
			if b.systemTableIn(schema, table.Name) != nil {
				return nil, notSupported(table.Pos(), "system tables cannot be locked")
			}
		}
		return nil, b.undefinedTable(table.Name)
	}
	return out, nil
}
