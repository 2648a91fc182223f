package planner

import (
	"slices"

	"millrace/planner/plan"
	"millrace/sql/expr"
	"millrace/sql/types"
)

// firstOfPartitions keeps only the first rows of each partition where a condition on
// their number asks for these: a change then costs about as much as these, and not as
// its partition. It is for functions whose results depend on earlier rows alone, and
// whose ties the first rows break as the functions do.
func firstOfPartitions(r *ruleContext, root plan.Node) (plan.Node, error) {
	if !r.incremental() {
		return root, nil
	}
	return rewriteNodes(root, func(node plan.Node) (plan.Node, error) {
		filter, ok := node.(*plan.Filter)
		if !ok {
			return node, nil
		}
		over, ok := filter.Input.(*plan.Over)
		if !ok || slices.ContainsFunc(over.Calls, func(c plan.OverCall) bool {
			return c.Name != "row_number" && c.Name != "rank" && c.Name != "dense_rank"
		}) {
			return node, nil
		}
		first := firstRows(over, split(filter.Predicate))
		if first == nil {
			return node, nil
		}
		return newFilter(newOver(newTopN(over.Input, first), over), filter.Predicate), nil
	})
}

// rankTies are the functions that number rows, and what they do with ties.
var rankTies = []struct {
	name string
	ties plan.Ties
}{{"row_number", plan.TiesBroken}, {"rank", plan.TiesRank}, {"dense_rank", plan.TiesDense}}

// firstRows are the first rows of each partition to which conditions on their numbers
// confine the result; nil where none does.
func firstRows(over *plan.Over, conditions []expr.Expr) *plan.TopN {
	width := len(over.Input.Columns())
	for _, function := range rankTies {
		count := int64(-1)
		for i := range over.Calls {
			if over.Calls[i].Name != function.name {
				continue
			}
			for _, condition := range conditions {
				if n, is := upperBound(condition, width+i); is && (count < 0 || n < count) {
					count = n
				}
			}
		}
		if count < 0 || count > maxFirstRows || function.ties != plan.TiesBroken && len(over.Order) == 0 {
			continue
		}
		if function.ties == plan.TiesBroken && over.Input.Props().Kind == plan.Keyed {
			count = max(count, 2) // one row of each partition would have another key
		}
		return &plan.TopN{PartitionBy: over.PartitionBy, Order: over.Order, Count: count, Ties: function.ties}
	}
	return nil
}

// upperBound returns the largest value that a condition allows a column.
func upperBound(condition expr.Expr, column int) (int64, bool) {
	call, ok := condition.(*expr.Call)
	if !ok || len(call.Args) != 2 {
		return 0, false
	}
	name, left, right := call.Func.Name, uncast(call.Args[0]), uncast(call.Args[1])
	if c, is := right.(*expr.Column); is && c.Index == column {
		mirrored := map[string]string{"=": "=", ">=": "<=", ">": "<"}
		name, left, right = mirrored[name], right, left
	}
	c, isColumn := left.(*expr.Column)
	value, isConst := right.(*expr.Const)
	if !isColumn || c.Index != column || !isConst || !value.Value.Valid || value.ResultType.Physical() != types.PhysicalInt {
		return 0, false
	}
	switch name {
	case "=", "<=":
		return max(value.Value.Int, 0), true
	case "<":
		return max(value.Value.Int-1, 0), true
	default:
		return 0, false
	}
}

// uncast takes casts between integers away.
func uncast(e expr.Expr) expr.Expr {
	for {
		c, ok := e.(*expr.Cast)
		if !ok || c.ResultType.Physical() != types.PhysicalInt || c.Arg.Type().Physical() != types.PhysicalInt {
			return e
		}
		e = c.Arg
	}
}
