package planner

import (
	"millrace/planner/plan"
	"millrace/sql/expr"
)

func foldConstants(r *ruleContext, root plan.Node) (plan.Node, error) {
	ctx := r.evalContext()
	folded, err := rewriteExprs(root, func(e expr.Expr) (expr.Expr, error) {
		if isSimple(e) {
			return e, nil
		}
		return expr.Fold(ctx, e)
	})
	if err != nil {
		return nil, err
	}
	return rewriteNodes(folded, func(node plan.Node) (plan.Node, error) {
		if f, ok := node.(*plan.Filter); ok && isTrue(f.Predicate) {
			return f.Input, nil
		}
		return node, nil
	})
}

func isTrue(e expr.Expr) bool {
	c, ok := e.(*expr.Const)
	return ok && c.Value.Valid && c.Value.Int != 0
}
