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
)

// PlanChecks binds the CHECK constraints of a relation, in the order of their names,
// in which rows are held against them.
func PlanChecks(env *Environment, r *catalog.Relation) ([]plan.Check, error) {
	return newBinder(env, modePull).checks(r)
}

// PlanCheck binds the condition of a CHECK constraint over a relation's row: its
// columns are those of the relation by their numbers. It returns the numbers of the
// columns that the condition reads, too, ascending. No constraint may have a
// condition for which it fails.
func PlanCheck(env *Environment, r *catalog.Relation, condition ast.Expr) (expr.Expr, []int, error) {
	return newBinder(env, modePull).check(r, condition)
}

// checks binds the CHECK constraints that a relation has.
func (b *binder) checks(r *catalog.Relation) ([]plan.Check, error) {
	var checks []plan.Check
	for i := range r.Constraints {
		c := &r.Constraints[i]
		if c.Kind != catalog.ConstraintCheck {
			continue
		}
		parsed, err := sql.ParseExpr(c.Expression)
		if err != nil {
			return nil, err
		}
		condition, _, err := b.check(r, parsed)
		if err != nil {
			return nil, sqlerr.From(err).At(-1)
		}
		checks = append(checks, plan.Check{Constraint: c, Condition: condition})
	}
	slices.SortFunc(checks, func(x, y plan.Check) int { return strings.Compare(x.Constraint.Name, y.Constraint.Name) })
	return checks, nil
}

func (b *binder) check(r *catalog.Relation, condition ast.Expr) (expr.Expr, []int, error) {
	bound, err := b.bindCheck(r, condition)
	if err != nil {
		return nil, nil, err
	}
	columns := columnsOf(bound)
	bound, err = expr.Fold(b.stored().evalContext(), bound)
	return bound, columns, err
}

// bindCheck binds the condition of a CHECK constraint as it is written.
func (b *binder) bindCheck(r *catalog.Relation, condition ast.Expr) (expr.Expr, error) {
	s := newScope(nil)
	s.addRelation(&scopeTable{schema: r.Schema, name: r.Name}, r)
	eb := &exprBinder{binder: b.stored(), scope: s, clause: "check constraints"}
	bound, err := eb.bindBool(condition, "CHECK")
	if err != nil {
		return nil, err
	}
	if hasSubquery(bound) {
		return nil, notSupported(condition.Pos(), "cannot use subquery in check constraint")
	}
	return bound, nil
}

// stored returns a binder for an expression that the catalog keeps. It has no
// parameters, and its literals are read by the default settings, so that they mean
// the same in every session.
func (b *binder) stored() *binder {
	env := *b.env
	env.Format = nil
	return &binder{env: &env, mode: modePull, catalog: env.Catalog, params: &parameters{closed: true}, rowOpColumn: -1, sequences: b.sequences}
}

// columnsOf returns the numbers of the columns that an expression reads, ascending.
func columnsOf(e expr.Expr) []int {
	columns := []int{}
	expr.Walk(e, func(e expr.Expr) bool {
		if c, ok := e.(*expr.Column); ok && !slices.Contains(columns, c.Index) {
			columns = append(columns, c.Index)
		}
		return true
	})
	slices.Sort(columns)
	return columns
}

// addCheck adds a CHECK constraint. Its columns may be declared behind it, so this
// is done when all are known.
func (cb *createBinder) addCheck(condition ast.Expr, name *ast.Identifier, timing string, pos int) error {
	if strings.HasPrefix(timing, "deferrable") || strings.Contains(timing, "initially deferred") {
		return notSupported(pos, "CHECK constraints cannot be marked DEFERRABLE")
	}
	r := cb.relation
	_, columns, err := cb.check(r, condition)
	if err != nil {
		return err
	}
	c := catalog.Constraint{Kind: catalog.ConstraintCheck, Columns: columns, Expression: ast.String(condition)}
	switch {
	case name == nil:
		c.Name = CheckName(cb.env.Catalog, r, columns)
	case r.Constraint(name.Value) != nil:
		return sqlerr.New(sqlerr.DuplicateObject, name.Pos(), "check constraint %q already exists", name.Value)
	default:
		c.Name = name.Value
	}
	r.Constraints = append(r.Constraints, c)
	return nil
}

// CheckName makes up the name of a CHECK constraint that reads the given columns,
// as PostgreSQL does: table_column_check where that is one column, else
// table_check, with a number where that is taken.
func CheckName(s *catalog.Snapshot, r *catalog.Relation, columns []int) string {
	var names, besides []string
	if len(columns) == 1 {
		names = []string{r.Columns[columns[0]].Name}
	}
	for i := range r.Constraints {
		besides = append(besides, r.Constraints[i].Name)
	}
	return s.ChooseConstraintName(r.Schema, r.Name, names, "check", besides...)
}
