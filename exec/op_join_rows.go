package exec

import (
	"slices"
	"strings"
)

// joinRows are rows of one join key in the order of their ids, in chunks, so that a
// change costs the same in a key of millions of rows as in one of a hundred.
//
// Invariants: no chunk is empty, none is longer than joinChunk, and all ids of a
// chunk are behind those of the chunks before it.
type joinRows struct {
	chunks [][]joinRow
	len    int
}

// joinChunk bounds the rows of a chunk.
const joinChunk = 256

// newJoinRows takes rows in the order of their ids.
func newJoinRows(rows []joinRow) joinRows {
	r := joinRows{len: len(rows)}
	for len(rows) > joinChunk {
		r.chunks, rows = append(r.chunks, slices.Clone(rows[:joinChunk])), rows[joinChunk:]
	}
	if len(rows) > 0 {
		r.chunks = append(r.chunks, slices.Clone(rows))
	}
	return r
}

// search returns where the row with an id is, or would be.
func (r *joinRows) search(id string) (chunk, at int, found bool) {
	chunk, _ = slices.BinarySearchFunc(r.chunks, id, func(rows []joinRow, id string) int {
		return strings.Compare(rows[len(rows)-1].id, id)
	})
	if chunk == len(r.chunks) {
		return chunk, 0, false
	}
	at, found = slices.BinarySearchFunc(r.chunks[chunk], id, func(row joinRow, id string) int {
		return strings.Compare(row.id, id)
	})
	return chunk, at, found
}

// find returns the row with an id.
func (r *joinRows) find(id string) (joinRow, bool) {
	chunk, at, found := r.search(id)
	if !found {
		return joinRow{}, false
	}
	return r.chunks[chunk][at], true
}

// read returns at most limit rows, those behind an id or, where begun is false, from
// the first; more says that others follow. The slice must not be changed, and is
// valid until the rows are.
func (r *joinRows) read(after string, begun bool, limit int) (rows []joinRow, more bool) {
	chunk, at, found := 0, 0, false
	if begun {
		if chunk, at, found = r.search(after); found {
			at++
		}
	}
	for ; chunk < len(r.chunks); chunk, at = chunk+1, 0 {
		next := r.chunks[chunk][at:]
		if room := limit - len(rows); len(next) > room {
			return append(rows, next[:room]...), true
		}
		if rows == nil && chunk == len(r.chunks)-1 {
			return next, false
		}
		rows = append(rows, next...)
	}
	return rows, false
}

// put adds a row, or replaces the one that has its id.
func (r *joinRows) put(row joinRow) {
	chunk, at, found := r.search(row.id)
	switch {
	case found:
		r.chunks[chunk][at] = row
		return
	case chunk == len(r.chunks) && chunk > 0:
		chunk, at = chunk-1, len(r.chunks[chunk-1])
	case chunk == len(r.chunks):
		r.chunks = append(r.chunks, nil)
	}
	r.len++
	if rows := r.chunks[chunk]; len(rows) == joinChunk {
		half := joinChunk / 2
		if chunk == len(r.chunks)-1 && at == joinChunk {
			half = joinChunk // rows that come in order fill their chunks
		}
		r.chunks = slices.Insert(r.chunks, chunk+1, slices.Clone(rows[half:]))
		clear(rows[half:])
		r.chunks[chunk] = rows[:half]
		if at >= half {
			chunk, at = chunk+1, at-half
		}
	}
	r.chunks[chunk] = slices.Insert(r.chunks[chunk], at, row)
}

// remove takes the row with an id away, if there is one.
func (r *joinRows) remove(id string) {
	chunk, at, found := r.search(id)
	if !found {
		return
	}
	r.len--
	if len(r.chunks[chunk]) == 1 {
		r.chunks = slices.Delete(r.chunks, chunk, chunk+1)
		return
	}
	r.chunks[chunk] = slices.Delete(r.chunks[chunk], at, at+1)
}
