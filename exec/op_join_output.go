package exec

import "millrace/sql/types"

// joinOutput lists the rows of a join's result that a step gives: a row of the
// work's batch and one of the pairs' other rows, either of them -1 for NULLs.
type joinOutput struct {
	own, other []int32
	weights    []int64
	// marks says of each row of a mark join whether it has a match.
	marks []bool
	// widened says that some row has a -1.
	widened bool
	// single says that a row which is there several times is given that often: the
	// rows of a stream have no weights.
	single bool
}

func (o *joinOutput) reset() {
	o.own, o.other, o.weights, o.marks, o.widened = o.own[:0], o.other[:0], nil, o.marks[:0], false
}

func (o *joinOutput) add(own, other int, weight int64, mark bool) {
	for ; o.single && weight > 1; weight-- {
		o.add(own, other, 1, mark)
	}
	o.marks = append(o.marks, mark)
	o.own, o.other = append(o.own, int32(own)), append(o.other, int32(other))
	o.weights = append(o.weights, weight)
	o.widened = o.widened || own < 0 || other < 0
}

// result makes a batch of what a step gives; nil for nothing.
func (j *join) result(w *work) *types.Batch {
	o := &j.out
	if len(o.weights) == 0 {
		return nil
	}
	out := &types.Batch{Len: len(o.weights), Weights: o.weights, Rowtimes: j.rowtimes(w)}
	own := takeRows(w.rows.Columns, o.own, o.widened)
	other := takeRows(j.others.Columns, o.other, o.widened)
	switch {
	case !j.wide && w.side == leftSide:
		out.Columns = own
	case !j.wide:
		out.Columns = other
	case w.side == leftSide:
		out.Columns = append(own, other...)
	default:
		out.Columns = append(other, own...)
	}
	if j.marks {
		marks := types.Vector{Type: types.Bool}
		for _, mark := range j.out.marks {
			marks.Append(types.BoolDatum(mark))
		}
		out.Columns = append(out.Columns, marks)
	}
	return out
}

// takeRows copies the selected rows of some columns; where widened is set, -1
// stands for NULL.
func takeRows(columns []types.Vector, selection []int32, widened bool) []types.Vector {
	out := make([]types.Vector, len(columns), 2*len(columns))
	for c := range columns {
		out[c].Type = columns[c].Type
		if !widened {
			out[c].AppendRows(&columns[c], selection)
			continue
		}
		for _, i := range selection {
			if i < 0 {
				out[c].Append(types.Null)
			} else {
				out[c].AppendFrom(&columns[c], int(i))
			}
		}
	}
	return out
}

// rowtimes are the event times of the rows that a step gives, where both sides
// have them: the later one of a pair's.
func (j *join) rowtimes(w *work) []int64 {
	if w.rows.Rowtimes == nil {
		return nil
	}
	times := make([]int64, len(j.out.weights))
	for i, own := range j.out.own {
		if own >= 0 {
			times[i] = w.rows.Rowtimes[own]
		}
		if other := j.out.other[i]; other >= 0 {
			times[i] = max(times[i], j.pairs[other].rowtime)
		}
	}
	return times
}
