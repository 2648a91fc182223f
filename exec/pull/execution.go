package pull

import (
	"context"

	"millrace/planner/plan"
	"millrace/sql/expr"
	"millrace/sql/types"
)

// node is an operator of a running query.
type node interface {
	// next returns the next rows, at least one, or io.EOF at the end. The batch is
	// valid until the following call of any method and must not be changed. After
	// ctx's own error the call may be repeated; after any other error only rewind
	// and close may follow.
	next(ctx context.Context) (*types.Batch, error)
	// rewind makes the following next give the first rows again, computed anew
	// where they depend on outer rows.
	rewind()
	// close releases what the operator holds.
	close()
}

// execution is one run of a query with all its subqueries.
type execution struct {
	env     *expr.Context
	sources Sources
	memory  budget
	// subqueries are all that were prepared, to be closed at the end.
	subqueries []*subquery
	// recursions are the rows that each plan.Recursive found last, by its number.
	recursions map[int]*lastRows
	// rowByRow says that subqueries run for the rows of a stream, so that results are not
	// remembered, and that env is a context whose time goes on.
	rowByRow bool
	// ctx is that of the running Next, for the subqueries that expressions call.
	ctx context.Context
}

func (e *execution) account() account { return account{budget: &e.memory} }

func (e *execution) close() {
	for _, s := range e.subqueries {
		s.close()
	}
}

// scope is the part of a plan whose expressions see the same outer rows: the
// query itself, a subquery, or the right side of a lateral join. Its operators
// evaluate one at a time, so they share an evaluation context.
type scope struct {
	execution *execution
	env       expr.Context
	// subqueries are those that expressions of the scope may call, by number.
	subqueries []*subquery
	// repeated says that the scope runs once per outer row.
	repeated bool
}

func (e *execution) newScope(subqueries []*subquery, repeated bool) *scope {
	s := &scope{execution: e, subqueries: subqueries, repeated: repeated}
	s.env = expr.Context{
		Now:        e.env.Now,
		Format:     e.env.Format,
		Params:     e.env.Params,
		Done:       e.env.Done,
		Random:     e.env.Random,
		Session:    e.env.Session,
		Subqueries: s.runSubquery, Uncorrelated: s.uncorrelated,
	}
	return s
}

// programs compiles a list of expressions.
func programs(list []expr.Expr) ([]*expr.Program, error) {
	progs := make([]*expr.Program, len(list))
	for i, e := range list {
		p, err := expr.Compile(e)
		if err != nil {
			return nil, err
		}
		progs[i] = p
	}
	return progs, nil
}

// evaluate computes programs for the selected rows of a batch (nil: all). The
// vectors are the programs'; out is returned, resized. Failures are left in the
// scope's context.
func (s *scope) evaluate(progs []*expr.Program, in *types.Batch, selection []int32, out []*types.Vector) []*types.Vector {
	out = out[:0]
	for _, p := range progs {
		out = append(out, p.EvalRef(&s.env, in, selection))
	}
	return out
}

// datum computes an expression that reads no row.
func (s *scope) datum(e expr.Expr) (types.Datum, error) {
	switch e := e.(type) {
	case *expr.Const:
		return e.Value, nil
	case *expr.Param:
		if e.Index < len(s.env.Params) {
			return s.env.Params[e.Index], nil
		}
	}
	s.env.ResetErrors()
	return expr.EvalDatum(&s.env, e, nil)
}

// build makes the operator of a plan's node and of all below it.
func (e *execution) build(n plan.Node, s *scope) (node, error) {
	return e.buildBounded(n, s, noBound)
}

// noBound says that an operator's whole result may be read.
const noBound = -1

// buildBounded is build for a host that reads at most bound rows.
func (e *execution) buildBounded(n plan.Node, s *scope, bound int64) (node, error) {
	if s.repeated && s.isReusable(n) {
		return e.buildKept(n, s)
	}
	s.noteSubqueries(n)
	switch n := n.(type) {
	case *plan.Scan:
		return newScan(s, n), nil
	case *plan.SystemScan:
		return newSystemScan(s, n), nil
	case *plan.Given:
		return newGivenRows(s, n), nil
	case *plan.LastRows:
		return e.newLastRows(n)
	case *plan.Recursive:
		return e.buildRecursive(n, s)
	case *plan.Values:
		return newValues(s, n), nil
	case *plan.Shuffle:
		return e.buildBounded(n.Input, s, bound)
	case *plan.Filter:
		return e.buildFilter(n, s)
	case *plan.Join:
		if n.AsOf != nil {
			return e.buildAsOf(n, s)
		}
		return e.buildJoin(n, s)
	case *plan.SetOperation:
		return e.buildSetOperation(n, s)
	case *plan.StageInput:
		return nil, notSupported("stages of a continuous query")
	default:
		return e.buildUnary(n, s, bound)
	}
}

// buildUnary makes an operator that has one input.
func (e *execution) buildUnary(n plan.Node, s *scope, bound int64) (node, error) {
	if len(n.Inputs()) != 1 {
		return nil, notSupported("plan nodes of this kind")
	}
	inputBound := int64(noBound)
	switch n := n.(type) {
	case *plan.Project:
		inputBound = bound
	case *plan.Limit:
		inputBound = limitBound(s, n)
	case *plan.LockRows:
		if !skips(n) {
			inputBound = bound
		}
	}
	input, err := e.buildBounded(n.Inputs()[0], s, inputBound)
	if err != nil {
		return nil, err
	}
	switch n := n.(type) {
	case *plan.Project:
		return newProject(s, n, input)
	case *plan.Aggregate:
		return newAggregate(s, n, input)
	case *plan.Sort:
		return newSort(s, n, input, bound)
	case *plan.Limit:
		return newLimit(s, n, input), nil
	case *plan.Distinct:
		return newDistinct(s, n, input)
	case *plan.LockRows:
		return newLockRows(s, n, input, bound)
	case *plan.Expand:
		return newExpand(s, n, input)
	case *plan.Window:
		return newWindow(s, n, input)
	case *plan.Over:
		return newOver(s, n, input)
	case *plan.Session:
		return newSession(s, n, input)
	default:
		return nil, notSupported("plan nodes of this kind")
	}
}
