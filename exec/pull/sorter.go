package pull

import (
	"context"
	"slices"

	"millrace/exec/operator"
	"millrace/sql/types"
)

// sorter takes rows with sort keys and gives them back in the keys' order, equal
// ones in the order in which they came.
type sorter struct {
	orders []sortOrder
	// bound is how many of the first rows are wanted, or noBound.
	bound   int64
	account account

	rows    types.Batch // what was added, columns only
	keys    []byte      // the rows' sort keys one after the other
	ends    []int       // where each row's key ends
	entries []sortEntry // in order of addition until sorted
	// worst is, once bound rows are there, the key of the last of them: rows at or
	// behind it are not wanted.
	worst    []byte
	hasWorst bool

	at        int
	scratch   []byte
	selection []int32
}

// maxBound is the largest bound for which keeping only the first rows pays.
const maxBound = 1 << 16

func newSorter(columns []types.Type, orders []sortOrder, bound int64, a account) *sorter {
	if bound > maxBound {
		bound = noBound
	}
	s := &sorter{orders: orders, bound: bound, account: a, selection: noRows()}
	s.rows = *types.NewBatch(columns)
	return s
}

// add takes the selected rows of a batch (nil: all) with their keys.
func (s *sorter) add(in *types.Batch, selection []int32, keys []*types.Vector) error {
	if selection == nil {
		s.selection = sequence(s.selection, 0, in.Len)
		selection = s.selection
	}
	if s.bound != noBound {
		selection = s.wanted(selection, keys)
	}
	before := len(s.keys)
	for _, i := range selection {
		s.keys = appendSortKey(s.keys, keys, s.orders, int(i))
		s.addEntry()
	}
	appendRows(&s.rows, in, selection)
	const perRow = 24 // an entry and an end
	size := batchSize(in, selection) + int64(len(s.keys)-before) + perRow*int64(len(selection))
	if err := s.account.grow(size); err != nil {
		return err
	}
	if s.bound != noBound && int64(len(s.entries)) >= 2*s.bound+batchRows {
		s.prune()
	}
	return checkRows(s.rows.Len)
}

// addEntry adds the row whose key ends the keys.
func (s *sorter) addEntry() {
	row := int32(len(s.ends))
	s.ends = append(s.ends, len(s.keys))
	s.entries = append(s.entries, newSortEntry(s.key(row), row))
}

// wanted drops rows of a selection that cannot be among the first.
func (s *sorter) wanted(selection []int32, keys []*types.Vector) []int32 {
	if s.bound == 0 {
		return s.selection[:0]
	}
	if !s.hasWorst {
		return selection
	}
	s.selection = s.selection[:0]
	for _, i := range selection {
		s.scratch = appendSortKey(s.scratch[:0], keys, s.orders, int(i))
		if string(s.scratch) < string(s.worst) {
			s.selection = append(s.selection, i)
		}
	}
	return s.selection
}

// prune keeps the first rows only.
func (s *sorter) prune() {
	s.order(func() bool { return false })
	s.entries = s.entries[:s.bound]
	kept := make([]int32, len(s.entries))
	for n := range s.entries {
		kept[n] = s.entries[n].row
	}
	s.worst = append(s.worst[:0], s.key(kept[len(kept)-1])...)
	s.hasWorst = true
	// Rows that are equal by key must stay in the order in which they came, which
	// the order of kept is.
	keys := make([]byte, 0, len(s.keys)/2)
	ends := make([]int, 0, len(s.ends))
	for n, row := range kept {
		keys = append(keys, s.key(row)...)
		ends = append(ends, len(keys))
		s.entries[n].row = int32(n)
	}
	s.rows = *s.rows.Select(kept)
	s.keys, s.ends = keys, ends
	s.account.release()
	s.account.held = batchSize(&s.rows, nil) + int64(len(keys))
	s.account.budget.used += s.account.held
}

func (s *sorter) key(row int32) []byte {
	start := 0
	if row > 0 {
		start = s.ends[row-1]
	}
	return s.keys[start:s.ends[row]]
}

// sort puts the rows in order, for next to give them. When ctx ends it returns
// its error, and may be called again.
func (s *sorter) sort(ctx context.Context) error {
	if !s.order(func() bool { return ctx.Err() != nil }) {
		return ended(ctx)
	}
	s.at = 0
	return nil
}

// order sorts the entries and drops those past the bound. It asks now and then
// whether to stop, and if so leaves the entries in any order and returns false.
func (s *sorter) order(stop func() bool) bool {
	const stepsBetweenQuestions = 1 << 14
	steps, stopped := 0, false
	slices.SortFunc(s.entries, func(a, b sortEntry) int {
		if steps++; steps%stepsBetweenQuestions == 0 && !stopped {
			stopped = stop()
		}
		if stopped {
			return 0
		}
		if c := compareKeys(a, b, s.key(a.row), s.key(b.row)); c != 0 {
			return c
		}
		return int(a.row) - int(b.row)
	})
	if !stopped && s.bound != noBound && int64(len(s.entries)) > s.bound {
		s.entries = s.entries[:s.bound]
	}
	return !stopped
}

// next makes out the next rows in order, at most batchRows, and reports whether
// there were any.
func (s *sorter) next(out *types.Batch) bool {
	n := min(batchRows, len(s.entries)-s.at)
	s.selection = s.selection[:0]
	for _, e := range s.entries[s.at : s.at+n] {
		s.selection = append(s.selection, e.row)
	}
	s.at += n
	operator.SelectInto(out, &s.rows, s.selection)
	return n > 0
}

// reset forgets all rows.
func (s *sorter) reset() {
	for c := range s.rows.Columns {
		s.rows.Columns[c] = types.Vector{Type: s.rows.Columns[c].Type}
	}
	s.rows.Len = 0
	s.keys, s.ends, s.entries = nil, nil, nil
	s.worst, s.hasWorst, s.at = nil, false, 0
	s.account.release()
}
