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

// join joins two inputs. The right one is held in a hash table by the keys of
// the equalities; rows that meet there are checked by the rest of the condition.
// Without equalities all rows meet.
type join struct {
	scope       *scope
	kind        plan.JoinKind
	left, right node
	leftKeys    []*expr.Program
	on          *expr.Program
	table       *joinTable
	// met has the right rows that were joined, for RIGHT and FULL.
	met types.Bitmap

	in     *types.Batch // the left batch in progress
	keys   []*types.Vector
	chains []int32 // by left row: the right row to meet next
	row    int     // the left row in progress
	joined []bool  // by left row: met a right row

	pairs     joinPairs
	selection []int32
	out       types.Batch
	chosen    types.Batch
	rightAt   int // the right rows checked for never having been joined
	leftDone  bool
	failed    error
}

// joinPairs are rows that meet.
type joinPairs struct{ left, right []int32 }

func (p *joinPairs) reset() { p.left, p.right = p.left[:0], p.right[:0] }

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
	j := &join{
		scope: s, kind: n.Kind, left: left, right: right, leftKeys: leftKeys,
		table:  newJoinTable(s, rightKeys, columnTypes(n.Right.Columns())),
		chains: make([]int32, batchRows), joined: make([]bool, batchRows),
		out: newBatch(append(slices.Clip(n.Left.Columns()), n.Right.Columns()...)),
	}
	if n.On != nil {
		if j.on, err = expr.Compile(n.On); err != nil {
			return nil, err
		}
	}
	return j, nil
}

func (j *join) next(ctx context.Context) (*types.Batch, error) {
	if err := j.table.build(ctx, j.right); err != nil {
		return nil, err
	}
	for j.failed == nil {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if j.in == nil && !j.leftDone {
			if err := j.nextLeft(ctx); err != nil {
				return nil, err
			}
		}
		var out *types.Batch
		switch {
		case j.leftDone:
			out = j.unmetRight()
			if out == nil {
				return nil, io.EOF
			}
		case j.row < j.in.Len:
			out = j.meet()
		default:
			out = j.endLeft()
		}
		if out != nil && out.Len > 0 {
			return out, nil
		}
	}
	return nil, j.failed
}

// nextLeft takes the next left batch and finds the chains of its rows.
func (j *join) nextLeft(ctx context.Context) error {
	if j.table.rows.Len == 0 && (j.kind == plan.JoinInner || j.kind == plan.JoinSemi || j.kind == plan.JoinRight) {
		j.leftDone = true
		return nil
	}
	in, err := j.left.next(ctx)
	if err == io.EOF {
		j.leftDone = true
		return nil
	}
	if err != nil {
		return err
	}
	env := &j.scope.env
	env.ResetErrors()
	j.keys = j.scope.evaluate(j.leftKeys, in, nil, j.keys)
	if _, err := firstFailure(env); err != nil {
		return err
	}
	j.table.find(j.keys, in.Len, j.chains)
	clear(j.joined)
	j.in, j.row = in, 0
	if j.on == nil && (j.kind == plan.JoinSemi || j.kind == plan.JoinAnti) {
		for i, first := range j.chains[:in.Len] {
			j.joined[i] = first != noRow
		}
		j.row = in.Len
	}
	return nil
}

// meet takes the next pairs of the left batch through the condition and returns
// the rows to give, if any.
func (j *join) meet() *types.Batch {
	j.pairs.reset()
	once := j.kind == plan.JoinSemi || j.kind == plan.JoinAnti
	for j.row < j.in.Len && len(j.pairs.left) < batchRows {
		right := j.chains[j.row]
		if right == noRow || once && j.joined[j.row] {
			j.row++
			continue
		}
		j.pairs.left = append(j.pairs.left, int32(j.row))
		j.pairs.right = append(j.pairs.right, right)
		j.chains[j.row] = j.table.next[right]
	}
	if len(j.pairs.left) == 0 {
		return nil
	}
	j.fill(j.in, j.pairs.left, &j.table.rows, j.pairs.right)
	out := &j.out
	if j.on != nil {
		out = j.check(out)
	}
	for i := range j.pairs.left {
		j.joined[j.pairs.left[i]] = true
	}
	if j.kind == plan.JoinRight || j.kind == plan.JoinFull {
		for _, right := range j.pairs.right {
			j.met = j.met.Set(int(right))
		}
	}
	if once {
		return nil
	}
	return out
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
		j.pairs.left[n], j.pairs.right[n] = j.pairs.left[i], j.pairs.right[i]
	}
	n := len(j.selection)
	j.pairs.left, j.pairs.right = j.pairs.left[:n], j.pairs.right[:n]
	if n == candidates.Len {
		return candidates
	}
	operator.SelectInto(&j.chosen, candidates, j.selection)
	return &j.chosen
}

// fill makes out the given left rows beside the given right ones; a nil batch
// stands for NULLs.
func (j *join) fill(left *types.Batch, leftRows []int32, right *types.Batch, rightRows []int32) {
	n := max(len(leftRows), len(rightRows))
	width := len(j.out.Columns) - len(j.table.rows.Columns)
	fillColumns(j.out.Columns[:width], left, leftRows, n)
	fillColumns(j.out.Columns[width:], right, rightRows, n)
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

// endLeft ends the left batch: it returns the rows that the kind of join gives
// for having, or not having, met any.
func (j *join) endLeft() *types.Batch {
	in := j.in
	j.in = nil
	j.selection = j.selection[:0]
	wanted := j.kind == plan.JoinSemi
	if j.kind == plan.JoinInner || j.kind == plan.JoinRight {
		return nil
	}
	for i, joined := range j.joined[:in.Len] {
		if joined == wanted {
			j.selection = append(j.selection, int32(i))
		}
	}
	if len(j.selection) == 0 {
		return nil
	}
	if j.kind == plan.JoinSemi || j.kind == plan.JoinAnti {
		operator.SelectInto(&j.chosen, in, j.selection)
		return &j.chosen
	}
	j.fill(in, j.selection, nil, nil)
	return &j.out
}

// unmetRight returns, when the left side is at its end, the next right rows that
// were never joined, with NULLs for the left columns; nil at the end.
func (j *join) unmetRight() *types.Batch {
	if j.kind != plan.JoinRight && j.kind != plan.JoinFull {
		return nil
	}
	right := &j.table.rows
	j.selection = j.selection[:0]
	for ; j.rightAt < right.Len && len(j.selection) < batchRows; j.rightAt++ {
		if !j.met.Get(j.rightAt) {
			j.selection = append(j.selection, int32(j.rightAt))
		}
	}
	if len(j.selection) == 0 {
		return nil
	}
	j.fill(nil, nil, right, j.selection)
	return &j.out
}

func (j *join) rewind() {
	j.table.reset()
	j.met, j.in, j.rightAt, j.leftDone, j.failed = nil, nil, 0, false, nil
	j.left.rewind()
	j.right.rewind()
}

func (j *join) close() {
	j.table.reset()
	j.left.close()
	j.right.close()
}
