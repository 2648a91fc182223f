package pull

import (
	"context"
	"io"
	"slices"

	"millrace/exec/operator"
	"millrace/planner/plan"
	"millrace/sql/expr"
	"millrace/sql/types"
)

// join joins two inputs. The smaller one is held in a hash table by the keys of
// the equalities; the other one's rows find theirs there, and the pairs are
// checked by the rest of the condition. Without equalities all rows meet.
type join struct {
	scope       *scope
	rules       joinRules
	left, right joinSide
	on          *expr.Program

	// build is the side held in table, nil before it is known, and probe the
	// other.
	build, probe *joinSide
	// keepTable says that the right side is the same for every outer row, so that
	// its table stays.
	keepTable bool
	table     *joinTable
	// met has the rows of the table that met one of the other side.
	met types.Bitmap

	in     *types.Batch // the probe batch in progress
	keys   []*types.Vector
	chains []int32 // by probe row: the row of the table to meet next
	row    int     // the probe row in progress
	joined []bool  // by probe row: met a row of the table

	pairs     joinPairs
	selection []int32
	out       types.Batch
	chosen    types.Batch
	ended     bool // probe is at its end
	tableAt   int  // the rows of the table given alone, or not, so far
	failed    error
	// failing is the error of the row behind the probe batch in progress.
	failing error
}

// joinPairs are rows that meet.
type joinPairs struct{ probe, build []int32 }

func (p *joinPairs) reset() { p.probe, p.build = p.probe[:0], p.build[:0] }

func (e *execution) buildJoin(n *plan.Join, s *scope) (node, error) {
	left, err := e.build(n.Left, s)
	if err != nil {
		return nil, err
	}
	if n.Lateral {
		return e.buildLateral(n, s, left)
	}
	right, err := e.build(n.Right, s)
	if err != nil {
		return nil, err
	}
	leftKeys, rightKeys, err := joinKeys(n)
	if err != nil {
		return nil, err
	}
	_, kept := right.(*keep)
	j := &join{
		scope: s, rules: rulesOf[n.Kind],
		left:      newJoinSide(e, left, n.Left.Columns(), leftKeys),
		right:     newJoinSide(e, right, n.Right.Columns(), rightKeys),
		keepTable: kept && !s.readsOuter(n.RightKeys),
		chains:    make([]int32, batchRows), joined: make([]bool, batchRows),
		out: newBatch(append(slices.Clip(n.Left.Columns()), n.Right.Columns()...)),
	}
	if n.On != nil {
		if j.on, err = expr.Compile(n.On); err != nil {
			return nil, err
		}
	}
	return j, nil
}

// readsOuter reports whether expressions depend on outer rows.
func (s *scope) readsOuter(list []expr.Expr) bool {
	var d dependence
	for _, e := range list {
		d.addExpr(e, s.subqueries, 0)
	}
	return !d.nothing()
}

func (j *join) next(ctx context.Context) (*types.Batch, error) {
	if err := j.prepare(ctx); err != nil {
		return nil, err
	}
	for j.failed == nil {
		if err := ended(ctx); err != nil {
			return nil, err
		}
		if j.in == nil && !j.ended {
			if err := j.nextProbe(ctx); err != nil {
				return nil, err
			}
		}
		var out *types.Batch
		switch {
		case j.ended:
			if out = j.tableAlone(); out == nil {
				return nil, io.EOF
			}
		case j.row < j.in.Len:
			out = j.meet()
		default:
			out = j.endProbe()
		}
		if out != nil && out.Len > 0 {
			return out, nil
		}
	}
	return nil, j.failed
}

// prepare finds out which side is smaller, by reading both by turns until one
// is at its end, and puts that one into the table.
func (j *join) prepare(ctx context.Context) error {
	for j.build == nil {
		side := &j.right
		if j.left.size < j.right.size && !j.keepTable {
			side = &j.left
		}
		if err := side.hold(ctx); err != nil {
			return err
		}
		switch {
		case j.right.ended:
			j.build, j.probe = &j.right, &j.left
		case j.left.ended:
			j.build, j.probe = &j.left, &j.right
		}
	}
	if j.table == nil {
		j.table = newJoinTable(j.scope, j.build.keys, j.build.columns)
	}
	return j.table.read(ctx, j.build)
}

// nextProbe takes the next probe batch and finds the chains of its rows.
func (j *join) nextProbe(ctx context.Context) error {
	if j.table.rows.Len == 0 && j.aloneOf(j.probe) != aloneUnmet {
		j.ended = true
		return nil
	}
	in, err := j.probe.next(ctx)
	if err == io.EOF {
		j.ended = true
		return nil
	}
	if err != nil {
		return err
	}
	env := &j.scope.env
	env.ResetErrors()
	j.keys = j.scope.evaluate(j.probe.keys, in, nil, j.keys)
	if row, err := firstFailure(env); err != nil {
		j.failing = err
		head(&j.chosen, in, row)
		in = copyOf(&j.chosen)
	}
	j.table.find(j.keys, in.Len, j.chains)
	clear(j.joined)
	j.in, j.row = in, 0
	return nil
}

// aloneOf returns which rows of a side are given alone.
func (j *join) aloneOf(side *joinSide) alone {
	if side == &j.left {
		return j.rules.left
	}
	return j.rules.right
}

// meet takes the next pairs of the probe batch through the condition and returns
// the rows to give, if any.
func (j *join) meet() *types.Batch {
	j.nextPairs()
	if len(j.pairs.probe) == 0 {
		return nil
	}
	out := &j.out
	if j.rules.pairs || j.on != nil {
		j.fill(j.in, j.pairs.probe, &j.table.rows, j.pairs.build)
	}
	if j.on != nil {
		out = j.check(out)
	}
	for _, row := range j.pairs.probe {
		j.joined[row] = true
	}
	if j.aloneOf(j.build) != aloneNone {
		for _, row := range j.pairs.build {
			j.met = j.met.Set(int(row))
		}
	}
	if !j.rules.pairs {
		return nil
	}
	return out
}

// nextPairs finds the next pairs of the probe batch. Where rows are given only
// for having met any, one pair that holds is enough.
func (j *join) nextPairs() {
	j.pairs.reset()
	once := !j.rules.pairs && j.probe == &j.left
	for j.row < j.in.Len && len(j.pairs.probe) < batchRows {
		row := j.chains[j.row]
		if row == noRow || once && j.joined[j.row] {
			j.row++
			continue
		}
		j.chains[j.row] = j.table.next[row]
		j.pairs.probe = append(j.pairs.probe, int32(j.row))
		j.pairs.build = append(j.pairs.build, row)
		if once && j.on == nil {
			j.row++
		}
	}
}

// check keeps the pairs, of which candidates are the rows, that satisfy the
// condition.
func (j *join) check(candidates *types.Batch) *types.Batch {
	env := &j.scope.env
	env.ResetErrors()
	j.selection = j.on.EvalPredicate(env, candidates, nil, j.selection[:0])
	if row, err := firstFailure(env); err != nil {
		j.failed = err
		j.selection = below(j.selection, row)
	}
	for n, i := range j.selection {
		j.pairs.probe[n], j.pairs.build[n] = j.pairs.probe[i], j.pairs.build[i]
	}
	n := len(j.selection)
	j.pairs.probe, j.pairs.build = j.pairs.probe[:n], j.pairs.build[:n]
	if n == candidates.Len || !j.rules.pairs {
		return candidates
	}
	operator.SelectInto(&j.chosen, candidates, j.selection)
	return &j.chosen
}

// fill makes out the given probe rows beside the given rows of the table, in the
// order of the join's columns; a nil batch stands for NULLs.
func (j *join) fill(probe *types.Batch, probeRows []int32, build *types.Batch, buildRows []int32) {
	n := max(len(probeRows), len(buildRows))
	width := len(j.left.columns)
	left, right := j.out.Columns[:width], j.out.Columns[width:]
	if j.probe == &j.right {
		left, right = right, left
	}
	fillColumns(left, probe, probeRows, n)
	fillColumns(right, build, buildRows, n)
	j.out.Len = n
}

// fillColumns makes columns the given rows of a batch, or n NULLs.
func fillColumns(columns []types.Vector, b *types.Batch, rows []int32, n int) {
	for c := range columns {
		v := &columns[c]
		v.Reset(v.Type)
		if b != nil {
			v.AppendRows(&b.Columns[c], rows)
			continue
		}
		for range n {
			v.Append(types.Null)
		}
	}
}

// endProbe ends the probe batch: it returns the rows of it that are given alone.
func (j *join) endProbe() *types.Batch {
	in := j.in
	j.in, j.failed = nil, j.failing
	wanted := j.aloneOf(j.probe)
	if wanted == aloneNone {
		return nil
	}
	j.selection = j.selection[:0]
	for i, joined := range j.joined[:in.Len] {
		if joined == (wanted == aloneMet) {
			j.selection = append(j.selection, int32(i))
		}
	}
	return j.give(in, nil)
}

// tableAlone returns, when the probe side is at its end, the next rows of the
// table that are given alone; nil at the end.
func (j *join) tableAlone() *types.Batch {
	wanted := j.aloneOf(j.build)
	if wanted == aloneNone {
		return nil
	}
	rows := &j.table.rows
	j.selection = j.selection[:0]
	for ; j.tableAt < rows.Len && len(j.selection) < batchRows; j.tableAt++ {
		if j.met.Get(j.tableAt) == (wanted == aloneMet) {
			j.selection = append(j.selection, int32(j.tableAt))
		}
	}
	return j.give(nil, rows)
}

// give returns the selected rows of one side by themselves, nil for none.
func (j *join) give(probe, build *types.Batch) *types.Batch {
	switch {
	case len(j.selection) == 0:
		return nil
	case !j.rules.padded && probe != nil:
		operator.SelectInto(&j.chosen, probe, j.selection)
		return &j.chosen
	case !j.rules.padded:
		operator.SelectInto(&j.chosen, build, j.selection)
		return &j.chosen
	case probe != nil:
		j.fill(probe, j.selection, nil, nil)
	default:
		j.fill(nil, nil, build, j.selection)
	}
	return &j.out
}

func (j *join) rewind() {
	j.met, j.in, j.tableAt, j.ended, j.failed, j.failing = nil, nil, 0, false, nil, nil
	j.left.forget()
	j.left.node.rewind()
	if j.keepTable && j.table != nil && j.table.built {
		return
	}
	j.forgetTable()
	j.right.forget()
	j.right.node.rewind()
}

// forgetTable makes the sides be compared anew.
func (j *join) forgetTable() {
	if j.table != nil {
		j.table.reset()
	}
	j.table, j.build, j.probe = nil, nil, nil
}

func (j *join) close() {
	j.forgetTable()
	j.left.forget()
	j.right.forget()
	j.left.node.close()
	j.right.node.close()
}
