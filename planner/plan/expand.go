package plan

import "millrace/sql/expr"

// Expand gives, for each row of its input, the rows that set-returning functions
// return for it: the columns of the input that Pass numbers, those of the functions,
// whose rows stand side by side with NULLs where one has fewer, and a bigint that
// numbers them from 1 where Ordinality is set.
//
// On, which may be nil, is a condition on these columns. Outer gives a row of the
// input for which there is no such row once, with NULLs behind its columns.
type Expand struct {
	Base
	Input      Node
	Pass       []int
	Calls      []*expr.SetCall
	Ordinality bool
	Outer      bool
	On         expr.Expr
}

// Inputs implements Node.
func (n *Expand) Inputs() []Node { return []Node{n.Input} }

func describeExpand(n *Expand) string {
	text := "Expand "
	for i, call := range n.Calls {
		if i > 0 {
			text += ", "
		}
		text += ExprString(call, n.Input.Columns())
	}
	if len(n.Pass) < len(n.Input.Columns()) {
		text += " beside (" + columnList(n.Pass, n.Input.Columns()) + ")"
	}
	if n.Ordinality {
		text += " with ordinality"
	}
	if n.Outer {
		text += ", keeping rows without any"
	}
	if n.On != nil {
		text += ", where " + ExprString(n.On, n.Cols)
	}
	return text
}
