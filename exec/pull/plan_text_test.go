package pull

import (
	"fmt"
	"strings"

	"millrace/planner/plan"
	"millrace/sql/expr"
	"millrace/sql/types"
)

// planText prints a plan's nodes with their inputs indented below, for the
// message of a failed comparison.
func planText(n plan.Node) string {
	var text strings.Builder
	var write func(n plan.Node, depth int)
	write = func(n plan.Node, depth int) {
		var parts []string
		switch n := n.(type) {
		case *plan.Aggregate:
			for i := range n.Calls {
				parts = append(parts, fmt.Sprintf("%s distinct %t", n.Calls[i].Func.Name, n.Calls[i].Distinct))
			}
		case *plan.Join:
			parts = append(parts, fmt.Sprintf("kind %d lateral %t", n.Kind, n.Lateral))
		case *plan.SetOperation:
			parts = append(parts, fmt.Sprintf("operation %d all %t", n.Op, n.All))
		}
		for _, e := range expressions(n) {
			parts = append(parts, exprText(e))
		}
		fmt.Fprintf(&text, "\n%s%T %s", strings.Repeat("  ", depth), n, strings.Join(parts, "; "))
		for _, input := range n.Inputs() {
			write(input, depth+1)
		}
	}
	write(n, 0)
	return text.String()
}

func exprText(e expr.Expr) string {
	text := fmt.Sprintf("%T", e)
	switch e := e.(type) {
	case *expr.Column:
		return fmt.Sprintf("$%d", e.Index)
	case *expr.Outer:
		return fmt.Sprintf("outer %d $%d", e.Level, e.Index)
	case *expr.Const:
		return fmt.Sprintf("%v", textOf(typesOf([]expr.Expr{e}), [][]types.Datum{{e.Value}}))
	case *expr.Call:
		text = e.Func.Name
	case *expr.Subquery:
		text = fmt.Sprintf("subquery %d", e.Number)
	}
	var parts []string
	for _, child := range expr.Children(e) {
		parts = append(parts, exprText(child))
	}
	return fmt.Sprintf("%s(%s)", text, strings.Join(parts, ", "))
}
