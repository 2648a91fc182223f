package pull

import (
	"context"

	"millrace/planner/plan"
	"millrace/sql/expr"
	"millrace/sql/types"
)

// RowSubqueries returns the Subqueries function of an evaluation context of operators
// that keep a result up to date: it runs those subqueries that are functions of the row
// that they are evaluated for (expr.Subquery.OfRow). list are the subqueries by number
// and roots the plans whose expressions call them. env is the context itself; what it
// says of time and settings holds when a subquery runs. Nothing is kept from one row to
// the next. The function belongs to the context's goroutine.
func RowSubqueries(list []*plan.Query, roots []plan.Node, env *expr.Context) func(number int, outer [][]types.Datum) ([][]types.Datum, error) {
	if len(list) == 0 {
		return nil
	}
	e := &execution{env: env, memory: budget{limit: DefaultMemoryLimit}, ctx: context.Background(), rowByRow: true}
	s := e.newScope(e.prepareSubqueries(&plan.Query{Subqueries: list}, nil), true)
	for _, root := range roots {
		s.noteAll(root)
	}
	return s.runSubquery
}

// noteAll is noteSubqueries for a plan.
func (s *scope) noteAll(n plan.Node) {
	s.noteSubqueries(n)
	for _, input := range n.Inputs() {
		s.noteAll(input)
	}
}
