package operator

import (
	"bytes"
	"slices"

	"millrace/planner/plan"
	"millrace/sql/expr"
	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// Over computes window functions over one partition at a time. Its owner is one
// goroutine.
//
// Invariants:
//   - Rows are given in their order; those with equal order are peers.
//   - A frame is a range [start, end) of the partition's rows, and neither end ever
//     moves back from one row to the next. So an aggregate whose frame grows at one end
//     only takes each row once; one whose frame loses rows at its start and gains
//     others at its end is computed anew where the frame changes.
type Over struct {
	order []*expr.Program
	calls []*overCall
	// The partition at work: for each row where its peers begin and end, and the
	// number of their group; for each group where it begins.
	peers  []peerRange
	groups []int
	keys   [2][]byte
	// single is the context of aggregates, which know one row and one group.
	single expr.Context
}

type peerRange struct{ start, end, group int }

type overCall struct {
	plan   *plan.OverCall
	args   []*expr.Program
	filter *expr.Program
	// types are those of the arguments.
	types       []types.Type
	accumulator expr.Accumulator
	one         []*types.Vector
}

// NewOver returns what computes the calls of a node.
func NewOver(n *plan.Over) (*Over, error) {
	o := &Over{}
	for i := range n.Order {
		program, err := expr.Compile(n.Order[i].Expr)
		if err != nil {
			return nil, err
		}
		o.order = append(o.order, program)
	}
	for i := range n.Calls {
		call, err := newOverCall(&n.Calls[i])
		if err != nil {
			return nil, err
		}
		o.calls = append(o.calls, call)
	}
	return o, nil
}

func newOverCall(n *plan.OverCall) (*overCall, error) {
	c := &overCall{plan: n}
	for _, arg := range n.Args {
		program, err := expr.Compile(arg)
		if err != nil {
			return nil, err
		}
		c.args, c.types = append(c.args, program), append(c.types, arg.Type())
		c.one = append(c.one, &types.Vector{Type: arg.Type()})
	}
	if n.Func != nil {
		c.accumulator = n.Func.New(c.types)
	}
	if n.Filter == nil {
		return c, nil
	}
	var err error
	c.filter, err = expr.Compile(n.Filter)
	return c, err
}

// Partition appends the results for the rows of a partition, in order, to one vector
// per call. Failures are left in ctx under the rows' numbers, with NULL for a result.
// It asks now and then whether to stop, and then returns false with results that mean
// nothing.
func (o *Over) Partition(ctx *expr.Context, rows *types.Batch, out []types.Vector, stop func() bool) bool {
	o.single = expr.Context{Now: ctx.Now, Format: ctx.Format, Session: ctx.Session}
	o.findPeers(ctx, rows)
	for i, c := range o.calls {
		if stop() {
			return false
		}
		args := make([]*types.Vector, len(c.args))
		for k, program := range c.args {
			args[k] = program.EvalRef(ctx, rows, nil)
		}
		var chosen []int32
		if c.filter != nil {
			chosen = c.filter.EvalPredicate(ctx, rows, nil, make([]int32, 0, rows.Len))
		}
		if c.plan.Func == nil {
			o.function(ctx, c, rows.Len, args, &out[i])
		} else if !o.aggregate(ctx, c, rows.Len, args, chosen, &out[i], stop) {
			return false
		}
	}
	return true
}

// findPeers notes which rows have equal order.
func (o *Over) findPeers(ctx *expr.Context, rows *types.Batch) {
	values := make([]*types.Vector, len(o.order))
	for k, program := range o.order {
		values[k] = program.EvalRef(ctx, rows, nil)
	}
	o.peers, o.groups = o.peers[:0], o.groups[:0]
	for i := range rows.Len {
		last := &o.keys[i%2]
		*last = (*last)[:0]
		for _, v := range values {
			if v.IsNull(i) {
				*last = append(*last, 0)
				continue
			}
			*last = types.AppendKeyFrom(append(*last, 1), v, i)
		}
		if i == 0 || !bytes.Equal(o.keys[0], o.keys[1]) {
			o.groups = append(o.groups, i)
		}
		o.peers = append(o.peers, peerRange{start: o.groups[len(o.groups)-1], group: len(o.groups) - 1})
	}
	for i := range o.peers {
		o.peers[i].end = o.groupStart(o.peers[i].group + 1)
	}
}

// groupStart returns where a group of peers begins; those that are not there begin at
// the partition's ends.
func (o *Over) groupStart(group int) int {
	switch {
	case group < 0:
		return 0
	case group >= len(o.groups):
		return len(o.peers)
	default:
		return o.groups[group]
	}
}

// frame returns the frame of row i.
func (o *Over) frame(f *plan.Frame, i int) (start, end int) {
	n := len(o.peers)
	switch f.Mode {
	case plan.FrameRows:
		start, end = moved(i, f.Start.Offset, n), moved(i+1, f.End.Offset, n)
	case plan.FrameGroups:
		group := o.peers[i].group
		start = o.groupStart(moved(group, f.Start.Offset, len(o.groups)))
		end = o.groupStart(moved(group+1, f.End.Offset, len(o.groups)))
	default:
		start, end = o.peers[i].start, o.peers[i].end
	}
	if f.Start.Unbounded {
		start = 0
	}
	if f.End.Unbounded {
		end = n
	}
	return start, max(start, end)
}

// moved returns at + by within 0 and limit.
func moved(at int, by int64, limit int) int {
	switch {
	case by >= int64(limit-at):
		return limit
	case by <= -int64(at):
		return 0
	default:
		return at + int(by)
	}
}

// function computes a function that only a window has.
func (o *Over) function(ctx *expr.Context, c *overCall, n int, args []*types.Vector, out *types.Vector) {
	switch c.plan.Name {
	case "lag", "lead":
		o.neighbour(ctx, c, n, args, out)
		return
	case "first_value", "last_value", "nth_value":
		o.frameValue(ctx, c, n, args, out)
		return
	case "ntile":
		o.ntile(ctx, n, args[0], out)
		return
	}
	for i := range n {
		p := &o.peers[i]
		switch c.plan.Name {
		case "row_number":
			out.Append(types.IntDatum(int64(i + 1)))
		case "rank":
			out.Append(types.IntDatum(int64(p.start + 1)))
		case "dense_rank":
			out.Append(types.IntDatum(int64(p.group + 1)))
		case "percent_rank":
			share := 0.0
			if n > 1 {
				share = float64(p.start) / float64(n-1)
			}
			out.Append(types.FloatDatum(share))
		default: // cume_dist
			out.Append(types.FloatDatum(float64(p.end) / float64(n)))
		}
	}
}

// neighbour computes lag and lead: the value so many rows before or behind, and where
// there is no such row the default.
func (o *Over) neighbour(_ *expr.Context, c *overCall, n int, args []*types.Vector, out *types.Vector) {
	for i := range n {
		by := int64(1)
		if len(args) > 1 {
			if args[1].IsNull(i) {
				out.Append(types.Null)
				continue
			}
			by = args[1].Ints[i]
		}
		if c.plan.Name == "lag" {
			by = -by
		}
		switch at := int64(i) + by; {
		case at >= 0 && at < int64(n):
			out.AppendFrom(args[0], int(at))
		case len(args) > 2:
			out.AppendFrom(args[2], i)
		default:
			out.Append(types.Null)
		}
	}
}

// frameValue computes first_value, last_value and nth_value.
func (o *Over) frameValue(ctx *expr.Context, c *overCall, n int, args []*types.Vector, out *types.Vector) {
	for i := range n {
		start, end := o.frame(&c.plan.Frame, i)
		at := start
		switch c.plan.Name {
		case "last_value":
			at = end - 1
		case "nth_value":
			if args[1].IsNull(i) {
				out.Append(types.Null)
				continue
			}
			if args[1].Ints[i] < 1 {
				ctx.Fail(int32(i), sqlerr.New(sqlerr.InvalidArgumentForNthValue, -1, "argument of nth_value must be greater than zero"))
				out.Append(types.Null)
				continue
			}
			at = moved(start, args[1].Ints[i]-1, n)
		}
		if at < start || at >= end {
			out.Append(types.Null)
		} else {
			out.AppendFrom(args[0], at)
		}
	}
}

// ntile divides the partition into as many parts of almost equal size as its first
// row says.
func (o *Over) ntile(ctx *expr.Context, n int, parts *types.Vector, out *types.Vector) {
	if parts.IsNull(0) {
		for range n {
			out.Append(types.Null)
		}
		return
	}
	count := parts.Ints[0]
	if count < 1 {
		for i := range n {
			ctx.Fail(int32(i), sqlerr.New(sqlerr.InvalidArgumentForNtile, -1, "argument of ntile must be greater than zero"))
			out.Append(types.Null)
		}
		return
	}
	size, larger := int64(n)/count, int64(n)%count
	for i := range int64(n) {
		if i < larger*(size+1) {
			out.Append(types.IntDatum(i/(size+1) + 1))
		} else {
			out.Append(types.IntDatum((i-larger*(size+1))/size + larger + 1))
		}
	}
}

// aggregate computes an aggregate over the frame of each row. chosen are the rows that
// FILTER leaves, where the call has one.
func (o *Over) aggregate(ctx *expr.Context, c *overCall, n int, args []*types.Vector, chosen []int32, out *types.Vector, stop func() bool) bool {
	takes := func(i int) bool {
		if c.filter == nil {
			return true
		}
		_, found := slices.BinarySearch(chosen, int32(i))
		return found
	}
	if c.plan.Frame.End.Unbounded && !c.plan.Frame.Start.Unbounded && !c.plan.Func.OrderSensitive {
		return o.fromTheEnd(ctx, c, n, args, takes, out, stop)
	}
	c.accumulator.Resize(0)
	c.accumulator.Resize(1)
	from, to := 0, 0 // the frame that the state is of
	for i := range n {
		start, end := o.frame(&c.plan.Frame, i)
		if start != from || end < to {
			c.accumulator.Clear([]int32{0})
			from, to = start, start
		}
		for ; to < end; to++ {
			if (to-start)%stopEvery == stopEvery-1 && stop() {
				return false
			}
			o.add(ctx, c, args, to, takes)
		}
		o.result(ctx, c, i, out)
	}
	return true
}

// stopEvery is how many rows are added between two questions whether to stop.
const stopEvery = 4096

// fromTheEnd computes an aggregate over frames up to the partition's end, the last
// row first.
func (o *Over) fromTheEnd(ctx *expr.Context, c *overCall, n int, args []*types.Vector, takes func(int) bool, out *types.Vector, stop func() bool) bool {
	c.accumulator.Resize(0)
	c.accumulator.Resize(1)
	reversed := types.Vector{Type: out.Type}
	from := n
	for i := n - 1; i >= 0; i-- {
		start, _ := o.frame(&c.plan.Frame, i)
		for ; from > start; from-- {
			if from%stopEvery == 0 && stop() {
				return false
			}
			o.add(ctx, c, args, from-1, takes)
		}
		o.result(ctx, c, i, &reversed)
	}
	for i := range n {
		out.AppendFrom(&reversed, n-1-i)
	}
	return true
}

// add adds a row to the state.
func (o *Over) add(ctx *expr.Context, c *overCall, args []*types.Vector, row int, takes func(int) bool) {
	if !takes(row) || ctx.Failed(int32(row)) {
		return
	}
	for k, v := range args {
		c.one[k].Reset(v.Type)
		c.one[k].AppendFrom(v, row)
	}
	c.accumulator.Add(&o.single, []int32{0}, c.one, nil)
	o.noteErrors(ctx, row)
}

// result appends the state's result for a row.
func (o *Over) result(ctx *expr.Context, c *overCall, row int, out *types.Vector) {
	c.accumulator.Result(&o.single, []int32{0}, out)
	o.noteErrors(ctx, row)
}

// noteErrors makes failures of an aggregate those of a row of the partition.
func (o *Over) noteErrors(ctx *expr.Context, row int) {
	if len(o.single.Errors) > 0 {
		ctx.Fail(int32(row), o.single.Errors[0].Err)
		o.single.ResetErrors()
	}
}
