package pull

import (
	"millrace/exec/operator"
	"millrace/planner/plan"
	"millrace/sql/types"
)

// batchRows bounds the rows of a batch between operators.
const batchRows = 1024

// newBatch returns an empty batch with a node's columns.
func newBatch(columns []plan.Column) types.Batch {
	b := types.Batch{Columns: make([]types.Vector, len(columns))}
	for i := range columns {
		b.Columns[i].Type = columns[i].Type
	}
	return b
}

// columnTypes returns the types of a node's columns.
func columnTypes(columns []plan.Column) []types.Type {
	list := make([]types.Type, len(columns))
	for i := range columns {
		list[i] = columns[i].Type
	}
	return list
}

// head makes view the first n rows of b, sharing its memory.
func head(view, b *types.Batch, n int) {
	slice(view, b, 0, n)
}

// slice makes view the rows from (a multiple of 64) to to of b, sharing its
// memory.
func slice(view, b *types.Batch, from, to int) {
	if cap(view.Columns) < len(b.Columns) {
		view.Columns = make([]types.Vector, len(b.Columns))
	}
	view.Columns = view.Columns[:len(b.Columns)]
	for c := range b.Columns {
		view.Columns[c] = sliceVector(&b.Columns[c], from, to)
	}
	view.Len = to - from
	view.Partition = b.Partition
	view.Weights = sliceInts(b.Weights, from, to)
	view.Rowtimes = sliceInts(b.Rowtimes, from, to)
	view.Offsets = sliceInts(b.Offsets, from, to)
}

func sliceVector(v *types.Vector, from, to int) types.Vector {
	rest := types.Vector{Type: v.Type}
	if word := from / 64; word < len(v.Nulls) {
		rest.Nulls = v.Nulls[word:]
	}
	switch v.Type.Physical() {
	case types.PhysicalInt:
		rest.Ints = v.Ints[from:]
	case types.PhysicalFloat:
		rest.Floats = v.Floats[from:]
	default:
		rest.Strs = v.Strs[from:]
	}
	return operator.Head(&rest, to-from)
}

func sliceInts(s []int64, from, to int) []int64 {
	if s == nil {
		return nil
	}
	return s[from:to:to]
}

// noRows returns an empty selection to append to. It is not nil, which would
// select all rows.
func noRows() []int32 { return make([]int32, 0, batchRows) }

// sequence writes the numbers from, from+1 ... to-1 over buf.
func sequence(buf []int32, from, to int) []int32 {
	buf = buf[:0]
	for i := from; i < to; i++ {
		buf = append(buf, int32(i))
	}
	return buf
}

// appendBatch adds all rows of b to store, columns only.
func appendBatch(store, b *types.Batch) {
	for c := range store.Columns {
		store.Columns[c].AppendAll(&b.Columns[c])
	}
	store.Len += b.Len
}

// appendRows adds the selected rows of b to store, columns only.
func appendRows(store, b *types.Batch, selection []int32) {
	for c := range store.Columns {
		store.Columns[c].AppendRows(&b.Columns[c], selection)
	}
	store.Len += len(selection)
}

// pieces cuts a batch of any size into batches without weights of at most
// batchRows rows.
type pieces struct {
	batch *types.Batch
	at    int
	// done counts how often row at, which has a weight, was given.
	done      int64
	selection []int32
	out       types.Batch
}

// start begins with a batch, which must stay valid until next returns nil.
func (p *pieces) start(b *types.Batch) {
	p.batch, p.at, p.done = b, 0, 0
}

// next returns the next rows, valid until the following call, or nil.
func (p *pieces) next() *types.Batch {
	b := p.batch
	switch {
	case b == nil || p.at >= b.Len:
		p.batch = nil
		return nil
	case b.Weights != nil:
		return p.expand()
	case p.at == 0 && b.Len <= batchRows:
		p.at = b.Len
		return b
	default:
		from := p.at
		p.at = min(from+batchRows, b.Len)
		slice(&p.out, b, from, p.at)
		return &p.out
	}
}

// expand repeats each row as often as its weight says.
func (p *pieces) expand() *types.Batch {
	b := p.batch
	p.selection = p.selection[:0]
	for p.at < b.Len && len(p.selection) < batchRows {
		if p.done >= b.Weights[p.at] {
			p.at, p.done = p.at+1, 0
			continue
		}
		p.selection = append(p.selection, int32(p.at))
		p.done++
	}
	if len(p.selection) == 0 {
		p.batch = nil
		return nil
	}
	operator.SelectInto(&p.out, b, p.selection)
	p.out.Weights = nil
	return &p.out
}
