package operator

import (
	"millrace/planner/plan"
	"millrace/sql/expr"
	"millrace/sql/types"
)

// Places computes where the rows of one side of an as-of join stand among those of
// their key: places compare as bytes such that the right row which a left one meets
// is the first one not before it. So times are inverted where the closest row is
// the one with the greatest time. It holds the values of one batch at a time.
type Places struct {
	keys, ties []*expr.Program
	at         *expr.Program
	backwards  bool

	keyValues, tieValues []*types.Vector
	times                *types.Vector
}

// NewPlaces returns the places of the left or the right side of a join whose AsOf
// is set. keys are the side's, perhaps in another type.
func NewPlaces(node *plan.Join, right bool, keys []*expr.Program) (*Places, error) {
	p := &Places{keys: keys, backwards: node.AsOf.Backwards()}
	var err error
	if !right {
		p.at, err = expr.Compile(node.AsOf.Left)
		return p, err
	}
	if p.at, err = expr.Compile(node.AsOf.Right); err != nil {
		return nil, err
	}
	for _, e := range node.AsOf.Ties {
		program, err := expr.Compile(e)
		if err != nil {
			return nil, err
		}
		p.ties = append(p.ties, program)
	}
	return p, nil
}

// Evaluate computes the values of a batch. The errors of rows are in the context.
func (p *Places) Evaluate(ctx *expr.Context, in *types.Batch) {
	p.keyValues = evaluateAll(ctx, p.keys, in, p.keyValues)
	p.tieValues = evaluateAll(ctx, p.ties, in, p.tieValues)
	p.times = p.at.EvalRef(ctx, in, nil)
}

func evaluateAll(ctx *expr.Context, programs []*expr.Program, in *types.Batch, out []*types.Vector) []*types.Vector {
	out = out[:0]
	for _, program := range programs {
		out = append(out, program.EvalRef(ctx, in, nil))
	}
	return out
}

// Meets reports whether row i can meet any: neither its time nor a key is NULL.
func (p *Places) Meets(i int) bool {
	for _, v := range p.keyValues {
		if v.IsNull(i) {
			return false
		}
	}
	return !p.times.IsNull(i)
}

// Time is the time of row i, which is not NULL, where times are integers.
func (p *Places) Time(i int) int64 { return p.times.Ints[i] }

// AppendKey appends the join key of row i. No key begins another.
func (p *Places) AppendKey(buf []byte, i int) []byte {
	for _, v := range p.keyValues {
		buf = types.AppendKeyFrom(buf, v, i)
	}
	return buf
}

// AppendTime appends the time of row i, with which its place begins. No time begins
// another.
func (p *Places) AppendTime(buf []byte, i int) []byte {
	start := len(buf)
	buf = types.AppendKeyFrom(buf, p.times, i)
	if p.backwards {
		for at := start; at < len(buf); at++ {
			buf[at] = ^buf[at]
		}
	}
	return buf
}

// AppendTies appends what puts right row i in an order among those of its time.
func (p *Places) AppendTies(buf []byte, i int) []byte {
	for _, v := range p.tieValues {
		buf = types.AppendKeyFrom(buf, v, i)
	}
	return buf
}
