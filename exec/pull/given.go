package pull

import (
	"context"
	"io"

	"millrace/planner/plan"
	"millrace/sql/types"
)

// givenRows reads rows that the host of the query has at hand.
type givenRows struct {
	scope  *scope
	plan   *plan.Given
	pieces pieces
	begun  bool
}

func newGivenRows(s *scope, n *plan.Given) node { return &givenRows{scope: s, plan: n} }

func (g *givenRows) next(ctx context.Context) (*types.Batch, error) {
	if err := ended(ctx); err != nil {
		return nil, err
	}
	if !g.begun {
		rows, err := g.scope.execution.sources.Given(g.plan.Number)
		if err != nil {
			return nil, err
		}
		g.pieces.start(rows)
		g.begun = true
	}
	if b := g.pieces.next(); b != nil {
		return b, nil
	}
	return nil, io.EOF
}

func (g *givenRows) rewind() { g.begun = false }

func (g *givenRows) close() { g.pieces.batch, g.begun = nil, true }
