package plan

import "millrace/sql/expr"

// TemporalFilter keeps the rows for which all conditions hold now, as now goes
// on: a row enters when it comes to satisfy them and leaves when it does not any
// more. Each condition changes its value at most once as time goes on.
type TemporalFilter struct {
	Base
	Input      Node
	Conditions []TemporalCondition
}

// TemporalCondition compares an expression over the row with one of the clock.
type TemporalCondition struct {
	// Predicate is the whole condition, over the row and now().
	Predicate expr.Expr
	// Ends says that the condition turns false as time goes on; otherwise it turns
	// true.
	Ends bool
	// Row, where not nil, is the expression over the row: the condition is then Row
	// compared with now() + Shift (in microseconds), where Strict says that equal
	// values do not satisfy it.
	Row    expr.Expr
	Shift  int64
	Strict bool
}

// Inputs implements Node.
func (n *TemporalFilter) Inputs() []Node { return []Node{n.Input} }
