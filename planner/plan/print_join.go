package plan

import (
	"fmt"
	"strings"
)

func describeJoin(n *Join) string {
	text := []string{"Join", "Left join", "Right join", "Full join", "Semi join", "Anti join", "Mark join"}[n.Kind]
	if n.Lookup {
		text = "Lookup " + strings.ToLower(text)
	}
	if n.Lateral {
		text = "Lateral " + strings.ToLower(text)
	}
	if n.AsOf != nil {
		text = "As-of " + strings.ToLower(text) + describeAsOf(n)
	}
	var conditions []string
	for i := range n.LeftKeys {
		conditions = append(conditions, ExprString(n.LeftKeys[i], n.Left.Columns())+" = "+ExprString(n.RightKeys[i], n.Right.Columns()))
	}
	if len(conditions) > 0 {
		if n.AsOf != nil {
			text += ","
		}
		text += " by hash of " + strings.Join(conditions, ", ")
	}
	if n.On != nil {
		both := append(append([]Column{}, n.Left.Columns()...), n.Right.Columns()...)
		text += " on " + ExprString(n.On, both)
	}
	if w := n.Within; w != nil {
		text += fmt.Sprintf(", within %s before and %s after, grace %s", DurationString(w.Before), DurationString(w.After), DurationString(w.Grace))
	}
	return text
}

func describeAsOf(n *Join) string {
	a, columns := n.AsOf, n.Right.Columns()
	text := fmt.Sprintf(", closest with %s %s %s", ExprString(a.Left, n.Left.Columns()), a.Op, ExprString(a.Right, columns))
	if len(a.Ties) > 0 {
		text += ", then by (" + exprList(a.Ties, columns) + ")"
	}
	if a.Gone != nil {
		text += ", none where " + ExprString(a.Gone, columns)
	}
	if a.Waits {
		text += ", after a grace of " + DurationString(a.Grace)
	}
	return text
}
