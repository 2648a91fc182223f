package pull

import (
	"io"
	"math"
	"strconv"

	"millrace/planner/plan"
	"millrace/sql/expr"
	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// memoEntries bounds the results that a correlated subquery keeps.
const memoEntries = 4096

// subquery is a subquery used as an expression. It is prepared once, built when
// it first runs, and remembers its results by the outer columns that it reads:
// one that reads none runs once.
type subquery struct {
	execution *execution
	query     *plan.Query
	// subqueries are those that the subquery's own expressions may call.
	subqueries []*subquery
	dependence *dependence
	// wanted is how many rows the expressions that use the subquery look at.
	wanted int

	scope   *scope
	root    node
	results map[string][][]types.Datum
	key     []byte
	account account
	// turns says to which turns of recursions the results belong.
	turns int64
}

// prepareSubqueries makes the subqueries that q's expressions may call. A query
// without a list of its own shares that of the query around it.
func (e *execution) prepareSubqueries(q *plan.Query, around []*subquery) []*subquery {
	if len(q.Subqueries) == 0 {
		return around
	}
	list := make([]*subquery, len(q.Subqueries))
	for i, inner := range q.Subqueries {
		list[i] = &subquery{execution: e, query: inner, account: e.account()}
	}
	for _, s := range list {
		s.subqueries = e.prepareSubqueries(s.query, list)
	}
	e.subqueries = append(e.subqueries, list...)
	return list
}

// prepare finds out what the subquery depends on and builds its operators.
func (s *subquery) prepare() error {
	s.dependence = dependenceOf(s.query.Root, s.subqueries)
	s.scope = s.execution.newScope(s.subqueries, len(s.dependence.outer)+len(s.dependence.recursions) > 0)
	root, err := s.execution.build(s.query.Root, s.scope)
	if err != nil {
		return err
	}
	s.root = root
	s.results = map[string][][]types.Datum{}
	return nil
}

// noteSubqueries notes how a node's expressions use subqueries, before they
// first run.
func (s *scope) noteSubqueries(n plan.Node) {
	for _, e := range expressions(n) {
		expr.Walk(e, func(e expr.Expr) bool {
			if use, ok := e.(*expr.Subquery); ok && use.Number < len(s.subqueries) {
				s.subqueries[use.Number].want(use.Kind)
			}
			return true
		})
	}
}

// want makes the subquery give as many rows as an expression of the given kind
// looks at.
func (s *subquery) want(kind expr.SubqueryKind) {
	wanted := math.MaxInt
	switch kind {
	case expr.SubqueryExists:
		wanted = 1
	case expr.SubqueryScalar:
		wanted = 2 // one too many to be an error
	}
	s.wanted = max(s.wanted, wanted)
}

// runSubquery is the Subqueries function of the scope's evaluation context.
func (s *scope) runSubquery(number int, outer [][]types.Datum) ([][]types.Datum, error) {
	if number < 0 || number >= len(s.subqueries) {
		return nil, sqlerr.New(sqlerr.InternalError, -1, "the plan has no subquery %d", number)
	}
	return s.subqueries[number].run(outer)
}

// uncorrelated is the Uncorrelated function of the scope's evaluation context.
func (s *scope) uncorrelated(number int) bool {
	d := s.subqueries[number].dependence
	return d != nil && len(d.outer) == 0 && len(d.recursions) == 0
}

// run returns the subquery's rows for the given outer rows, innermost first.
func (s *subquery) run(outer [][]types.Datum) ([][]types.Datum, error) {
	if s.root == nil {
		if err := s.prepare(); err != nil {
			return nil, err
		}
	}
	s.forgetTurns()
	s.key = memoKey(s.key[:0], s.dependence.outer, outer)
	if rows, ok := s.results[string(s.key)]; ok {
		return rows, nil
	}
	s.scope.env.OuterRows = outer
	if s.execution.rowByRow {
		s.scope.env.Now, s.scope.env.Random = s.execution.env.Now, s.execution.env.Random
	}
	s.root.rewind()
	rows, size, err := s.read()
	if err != nil {
		return nil, err
	}
	return rows, s.remember(rows, size)
}

// forgetTurns drops the results of earlier turns of the recursions whose last rows the
// subquery reads.
func (s *subquery) forgetTurns() {
	var turns int64
	for _, number := range s.dependence.recursions {
		turns += s.execution.recursions[number].turn
	}
	if turns != s.turns {
		clear(s.results)
		s.account.release()
		s.turns = turns
	}
}

// remember keeps a result under s.key where the same outer columns give the
// same rows.
func (s *subquery) remember(rows [][]types.Datum, size int64) error {
	if s.execution.rowByRow || s.dependence.volatile && len(s.dependence.outer) > 0 {
		return nil
	}
	if len(s.results) >= memoEntries {
		clear(s.results)
		s.account.release()
	}
	s.results[string(s.key)] = rows
	return s.account.grow(size + int64(len(s.key)))
}

// read runs the operators and returns their rows, as many as are wanted, and the
// size of them.
func (s *subquery) read() ([][]types.Datum, int64, error) {
	var rows [][]types.Datum
	var size int64
	memory := &s.execution.memory
	visible := s.query.Visible
	for {
		b, err := s.root.next(s.execution.ctx)
		if err == io.EOF {
			return rows, size, nil
		}
		if err != nil {
			return nil, 0, err
		}
		n := min(b.Len, s.wanted-len(rows))
		before := len(rows)
		data := make([]types.Datum, 0, n*visible)
		for i := range n {
			for c := range visible {
				data = append(data, b.Columns[c].Datum(i))
			}
			rows = append(rows, data[i*visible:(i+1)*visible:(i+1)*visible])
		}
		size += rowsSize(rows[before:])
		if len(rows) >= s.wanted {
			return rows, size, nil
		}
		if memory.used+size > memory.limit {
			return nil, 0, s.account.grow(size)
		}
	}
}

func (s *subquery) close() {
	if s.root != nil {
		s.root.close()
	}
	s.results = nil
	s.account.release()
}

// memoKey appends the values of columns in the outer rows, such that values
// that print differently give different keys.
func memoKey(key []byte, columns []outerColumn, outer [][]types.Datum) []byte {
	for _, c := range columns {
		if c.level > len(outer) || c.index >= len(outer[c.level-1]) {
			continue
		}
		d := outer[c.level-1][c.index]
		if !d.Valid {
			key = append(key, 'n', ',')
			continue
		}
		key = strconv.AppendInt(append(key, 'v'), d.Int, 36)
		key = strconv.AppendUint(append(key, ','), math.Float64bits(d.Float), 36)
		key = strconv.AppendInt(append(key, ','), int64(len(d.Str)), 36)
		key = append(append(key, ','), d.Str...)
	}
	return key
}
