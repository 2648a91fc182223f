package pull

import (
	"fmt"
	"strings"

	"millrace/planner/plan"
)

// planText prints a plan's nodes with their inputs indented below, for the
// message of a failed comparison.
func planText(n plan.Node) string {
	var text strings.Builder
	var write func(n plan.Node, depth int)
	write = func(n plan.Node, depth int) {
		var exprs []string
		for _, e := range expressions(n) {
			exprs = append(exprs, fmt.Sprintf("%T%+v", e, e))
		}
		fmt.Fprintf(&text, "\n%s%T %s", strings.Repeat("  ", depth), n, strings.Join(exprs, "; "))
		for _, input := range n.Inputs() {
			write(input, depth+1)
		}
	}
	write(n, 0)
	return text.String()
}
