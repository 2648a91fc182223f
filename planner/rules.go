package planner

import (
	"millrace/planner/plan"
	"millrace/sql/expr"
)

// Rule is one rewrite of a plan. Rules are applied once each, in the order of
// Rules, to the whole plan and to the plans of its subqueries.
type Rule struct {
	// Name is what tests and docs call the rule.
	Name string
	// Does says what the rule changes and when.
	Does  string
	apply func(r *ruleContext, root plan.Node) (plan.Node, error)
}

// ruleContext is what rules may use besides the plan.
type ruleContext struct{ *binder }

// Rules returns the rules in their order. Every rule keeps the root's columns.
func Rules() []Rule {
	return []Rule{
		{"fold-constants", "computes immutable functions of constants and drops conditions that are true", foldConstants},
		{"push-filters", "moves conditions below projections, sorts, joins and groupings, to where the rows come from", pushFilters},
		{"merge-projections", "makes one projection of two and drops those that change nothing", mergeProjections},
		{"hash-joins", "takes the equalities of a join's condition out as keys for hashing", hashJoins},
		{"recursive-joins", "puts the rows that a recursion found last to the left of inner joins, so that the other side is read and hashed once", turnRecursiveJoins},
		{"look-up-keys", "reads one key of a table where a pull query asks for it by equality", lookUpKeys},
		{"prune-columns", "reads and computes only columns that are used", pruneColumns},
		{"first-of-partitions", "keeps the first rows of each partition where a condition on row_number() of a result that is kept up to date asks for these", firstOfPartitions},
		{"shuffle", "moves rows in continuous queries to the shard of their group, or of the rows that they may be joined with, where they do not lie there already, aggregated before where that cannot change results", shuffleRows},
		{"prune-shuffled-columns", "moves only columns that are used", pruneColumns},
		{"merge-projections-again", "removes the projections that pruning made needless", mergeProjections},
		{"order-keys", "has push queries find the one row of each key of a table whose rows are not placed by their key", orderKeys},
	}
}

// optimize applies all rules to a plan.
func (b *binder) optimize(root plan.Node) (plan.Node, error) {
	r := &ruleContext{binder: b}
	if _, isValues := root.(*plan.Values); isValues {
		// A list of rows, as most INSERTs have it, offers nothing to other rules.
		return foldConstants(r, root)
	}
	for _, rule := range Rules() {
		var err error
		if root, err = rule.apply(r, root); err != nil {
			return nil, err
		}
	}
	return root, nil
}

// optimizeSubqueries applies the rules to the subqueries that a plan uses and
// numbers these anew, in the order in which they are met. Each runs as a pull query does.
func (b *binder) optimizeSubqueries(root plan.Node, list *[]*plan.Query) (plan.Node, error) {
	mode := b.mode
	b.mode = modePull
	defer func() { b.mode = mode }()
	return rewriteExprs(root, func(e expr.Expr) (expr.Expr, error) {
		return expr.Rewrite(e, func(e expr.Expr) (expr.Expr, error) {
			sub, ok := e.(*expr.Subquery)
			if !ok {
				return e, nil
			}
			number := len(*list)
			q := *b.subqueries[sub.Number]
			*list = append(*list, &q)
			inner, err := b.optimize(q.Root)
			if err != nil {
				return nil, err
			}
			if q.Root, err = b.optimizeSubqueries(inner, list); err != nil {
				return nil, err
			}
			renumbered := *sub
			renumbered.Number = number
			return &renumbered, nil
		})
	})
}

// rewriteExprs rewrites all expressions of a plan to ones of the same types.
func rewriteExprs(node plan.Node, f exprMap) (plan.Node, error) {
	inputs := node.Inputs()
	rewritten := make([]plan.Node, len(inputs))
	for i, input := range inputs {
		var err error
		if rewritten[i], err = rewriteExprs(input, f); err != nil {
			return nil, err
		}
	}
	return copyNode(node, rewritten, f)
}

// rewriteNodes rewrites a plan from its leaves up: f gets each node over inputs
// that are rewritten already.
func rewriteNodes(node plan.Node, f func(plan.Node) (plan.Node, error)) (plan.Node, error) {
	inputs := node.Inputs()
	if len(inputs) > 0 {
		rewritten := make([]plan.Node, len(inputs))
		for i, input := range inputs {
			var err error
			if rewritten[i], err = rewriteNodes(input, f); err != nil {
				return nil, err
			}
		}
		node = withInputs(node, rewritten)
	}
	return f(node)
}
