package types

// Batch is a set of changes in columns: rows with weights, and where they came
// from. Operators take and return batches.
//
// Invariants: every vector, and each of Weights, Rowtimes, Offsets and Headers that is
// not nil, has Len rows.
type Batch struct {
	Len     int
	Columns []Vector
	// Weights holds +n for rows inserted and -n for rows deleted; nil means +1
	// for every row. An update is the old row at -1 followed by the new at +1.
	Weights []int64
	// Rowtimes holds each row's event time in milliseconds since the Unix epoch;
	// nil where rows have none (tables).
	Rowtimes []int64
	// Offsets holds each row's offset in its partition; nil where rows have none.
	Offsets []int64
	// Headers holds the headers of each row's record, as HeadersAt gives them; nil where
	// no row has any. Only rows that are a stream's own have headers: a scan makes a
	// column of them where they are wanted.
	Headers []string
	// Partition is the partition that the rows' offsets belong to.
	Partition int32
}

// NewBatch returns an empty batch with columns of the given types.
func NewBatch(columns []Type) *Batch {
	b := &Batch{Columns: make([]Vector, len(columns))}
	for i, t := range columns {
		b.Columns[i].Type = t
	}
	return b
}

// Reset empties the batch and keeps its memory. Weights, Rowtimes, Offsets and Headers
// become nil-equivalent (length 0, kept capacity is dropped with nil where the
// next user does not set them).
func (b *Batch) Reset() {
	b.Len = 0
	for i := range b.Columns {
		b.Columns[i].Reset(b.Columns[i].Type)
	}
	b.Weights, b.Rowtimes, b.Offsets, b.Headers = nil, nil, nil, nil
	b.Partition = 0
}

// Weight returns the weight of row i.
func (b *Batch) Weight(i int) int64 {
	if b.Weights == nil {
		return 1
	}
	return b.Weights[i]
}

// AppendRow adds one row of datums with a weight.
func (b *Batch) AppendRow(row []Datum, weight int64) {
	for i := range b.Columns {
		b.Columns[i].Append(row[i])
	}
	b.appendWeight(weight)
	b.Len++
}

// AppendRowFrom adds row i of o, which has the same columns, with a weight of
// its own. Rowtimes, offsets and headers follow where o has them.
func (b *Batch) AppendRowFrom(o *Batch, i int, weight int64) {
	for c := range b.Columns {
		b.Columns[c].AppendFrom(&o.Columns[c], i)
	}
	if o.Rowtimes != nil {
		b.Rowtimes = append(b.Rowtimes, o.Rowtimes[i])
	}
	if o.Offsets != nil {
		b.Offsets = append(b.Offsets, o.Offsets[i])
	}
	if o.Headers != nil {
		b.AppendHeaders(o.Headers[i : i+1])
	}
	b.appendWeight(weight)
	b.Len++
	b.padHeaders()
}

// AppendHeaders adds the headers of the rows that come behind the batch's Len ones.
func (b *Batch) AppendHeaders(headers []string) {
	if b.Headers == nil {
		b.Headers = []string{} // what was there before has none
		for range b.Len {
			b.Headers = append(b.Headers, NoHeaders)
		}
	}
	b.Headers = append(b.Headers, headers...)
}

// padHeaders gives rows no headers that were added without any.
func (b *Batch) padHeaders() {
	for b.Headers != nil && len(b.Headers) < b.Len {
		b.Headers = append(b.Headers, NoHeaders)
	}
}

// AppendHeadersOf gives the last rows of the batch, which were appended from o and are
// counted in Len, the headers that they have in o.
func (b *Batch) AppendHeadersOf(o *Batch) {
	if o.Headers != nil {
		b.Len -= o.Len
		b.AppendHeaders(o.Headers)
		b.Len += o.Len
	}
	b.padHeaders()
}

func (b *Batch) appendWeight(weight int64) {
	switch {
	case b.Weights != nil:
		b.Weights = append(b.Weights, weight)
	case weight != 1:
		b.Weights = make([]int64, b.Len, b.Len+1)
		for i := range b.Weights {
			b.Weights[i] = 1
		}
		b.Weights = append(b.Weights, weight)
	}
}

// Row returns row i as datums, appended to buf.
func (b *Batch) Row(i int, buf []Datum) []Datum {
	for c := range b.Columns {
		buf = append(buf, b.Columns[c].Datum(i))
	}
	return buf
}

// Select returns a new batch of the rows named in selection, in that order.
func (b *Batch) Select(selection []int32) *Batch {
	out := &Batch{Len: len(selection), Columns: make([]Vector, len(b.Columns)), Partition: b.Partition}
	for c := range b.Columns {
		out.Columns[c].Type = b.Columns[c].Type
		out.Columns[c].AppendRows(&b.Columns[c], selection)
	}
	out.Weights = selectRows(b.Weights, selection)
	out.Rowtimes = selectRows(b.Rowtimes, selection)
	out.Offsets = selectRows(b.Offsets, selection)
	out.Headers = selectRows(b.Headers, selection)
	return out
}

func selectRows[T any](s []T, selection []int32) []T {
	if s == nil {
		return nil
	}
	out := make([]T, len(selection))
	for n, i := range selection {
		out[n] = s[i]
	}
	return out
}
