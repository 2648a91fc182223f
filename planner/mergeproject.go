package planner

import (
	"millrace/planner/plan"
	"millrace/sql/expr"
)

// mergeProjections makes one projection of two where nothing is computed more
// often by that, and removes those that pass their input on as it is.
func mergeProjections(_ *ruleContext, root plan.Node) (plan.Node, error) {
	return rewriteNodes(root, func(node plan.Node) (plan.Node, error) {
		outer, ok := node.(*plan.Project)
		if !ok {
			return node, nil
		}
		if inner, ok := outer.Input.(*plan.Project); ok {
			if merged := merge(outer, inner); merged != nil {
				outer = merged
			}
		}
		if passesOn(outer) {
			return outer.Input, nil
		}
		if renamed := renameAggregate(outer); renamed != nil {
			return renamed, nil
		}
		return outer, nil
	})
}

// merge returns one projection in place of two, nil where it would compute
// something twice.
func merge(outer, inner *plan.Project) *plan.Project {
	uses := make([]int, len(inner.Exprs))
	for _, e := range outer.Exprs {
		if hasSubquery(e) {
			return nil
		}
		expr.Walk(e, func(e expr.Expr) bool {
			if c, ok := e.(*expr.Column); ok {
				uses[c.Index]++
			}
			return true
		})
	}
	for i, e := range inner.Exprs {
		if uses[i] > 1 && !isSimple(e) || isVolatile(e) || hasSubquery(e) {
			return nil
		}
	}
	exprs := make([]expr.Expr, len(outer.Exprs))
	for i, e := range outer.Exprs {
		exprs[i], _ = expr.Rewrite(e, func(e expr.Expr) (expr.Expr, error) {
			if c, ok := e.(*expr.Column); ok {
				return inner.Exprs[c.Index], nil
			}
			return e, nil
		})
	}
	return newProject(inner.Input, exprs, columnNames(outer))
}

func isSimple(e expr.Expr) bool {
	switch e.(type) {
	case *expr.Column, *expr.Const, *expr.Param, *expr.Outer:
		return true
	default:
		return false
	}
}

// passesOn reports whether a projection's output is its input, names included.
func passesOn(p *plan.Project) bool {
	if !onlyRenames(p) {
		return false
	}
	for i, c := range p.Input.Columns() {
		if c.Name != p.Cols[i].Name {
			return false
		}
	}
	return true
}

// onlyRenames reports whether a projection's output is its input but for names.
func onlyRenames(p *plan.Project) bool {
	if len(p.Input.Columns()) != len(p.Exprs) {
		return false
	}
	for i, e := range p.Exprs {
		c, ok := e.(*expr.Column)
		if !ok || c.Index != i {
			return false
		}
	}
	return true
}

// renameAggregate gives the names of a projection that only renames to the
// aggregation below it, which made names up; nil where there is none.
func renameAggregate(p *plan.Project) plan.Node {
	a, ok := p.Input.(*plan.Aggregate)
	if !ok || a.Mode == plan.AggregatePartial || !onlyRenames(p) {
		return nil
	}
	return newAggregate(a.Input, a.Mode, a.GroupBy, a.Calls, columnNames(p))
}
