package plan

import (
	"fmt"
	"slices"
	"strings"

	"millrace/sql/expr"
)

// FormatKept is Format for a plan whose result is kept up to date: it says behind
// each operator, in brackets, what a changed row costs there where that grows with
// the rows that are kept. An operator without such words reads and writes what has the
// changed row's key, or gives what follows from the row alone.
func FormatKept(root Node) []string {
	p := &printer{kept: true}
	p.node(root, 0)
	return p.lines
}

// Work says what a changed row costs at a node, of a plan whose result is kept up to
// date, where that grows with the rows that are kept; "" where it does not.
func Work(n Node) string {
	switch n := n.(type) {
	case *Join:
		return joinWork(n)
	case *Aggregate:
		return aggregateWork(n)
	case *Session:
		return "a change reads the rows of its session"
	case *Over:
		if _, few := n.Input.(*TopN); !few {
			return "a change computes its partition again"
		}
	case *TopN:
		if n.Offset > 0 {
			return fmt.Sprintf("a change reads the first %d rows", n.Count+n.Offset)
		}
	}
	return ""
}

func joinWork(n *Join) string {
	switch {
	case len(n.LeftKeys) > 0:
		return ""
	case !n.Kind.Wide() && n.On == nil:
		return "whether the other side has rows is the same for all rows"
	case n.Lookup:
		return "each row reads all rows of the other side"
	default:
		return "a change reads all rows of the other side"
	}
}

// aggregateWork names the calls that are computed again from all values of a group.
func aggregateWork(n *Aggregate) string {
	if n.Mode == AggregatePartial {
		return ""
	}
	var list []string
	for i := range n.Calls {
		call := &n.Calls[i]
		name := call.Func.Name
		again := n.InputRetracts && call.Func.Retraction == expr.RetractByValues && name != "min" && name != "max"
		if gathers[name] || again {
			list = append(list, name)
		}
	}
	if list == nil {
		return ""
	}
	slices.Sort(list)
	return "a change reads all values of its group for " + strings.Join(slices.Compact(list), ", ")
}

// gathers are the aggregates whose result has all values of the group in it.
var gathers = map[string]bool{"array_agg": true, "string_agg": true, "jsonb_agg": true, "json_agg": true,
	"jsonb_object_agg": true, "json_object_agg": true}
