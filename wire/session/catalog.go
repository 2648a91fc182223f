package session

import (
	"context"
	"time"

	"millrace/planner"
	"millrace/planner/plan"
	"millrace/sql/ast"
)

// catalogPatience is how long a statement that can do without waits for the node to
// confirm its catalog with the others.
const catalogPatience = time.Second

// catchUpCatalog has the session see what was defined, on whatever node, before a
// statement begins. A node that cannot reach the others refuses, but shows what it knows
// itself: of the cluster's state, which somebody will want to know then, and to sessions
// that read what is there.
func (s *Session) catchUpCatalog(ctx context.Context, tree ast.Statement) error {
	if tree == nil {
		return nil
	}
	switch tree.(type) {
	case *ast.Prepare, *ast.Execute:
	default:
		if !needsPlan(tree) {
			return nil
		}
	}
	soon, cancel := context.WithTimeout(ctx, catalogPatience)
	defer cancel()
	err := s.options.Backend.CatchUpCatalog(soon)
	s.cutOff = false
	if err == nil || ctx.Err() != nil {
		return interrupted(ctx, err)
	}
	if s.needsNoOthers(tree) {
		s.cutOff = true
		return nil
	}
	return interrupted(ctx, s.options.Backend.CatchUpCatalog(ctx))
}

// needsNoOthers reports whether a statement reads system tables alone, or whatever the
// node has where the session asked for that.
func (s *Session) needsNoOthers(tree ast.Statement) bool {
	planned, err := planner.Plan(s.plannerEnvironment(s.catalog(), nil), tree)
	if err != nil {
		return false
	}
	q, isQuery := planned.(*plan.Query)
	return isQuery && q.Emit == plan.EmitNone && len(q.Locks) == 0 && (len(q.Sources) == 0 || s.settings.freshness.Stale)
}
