package session

import (
	"context"
	"errors"
	"io"
	"slices"

	"millrace/exec"
	"millrace/planner/plan"
	"millrace/sql/ast"
	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// defaultHistoryBytes bounds the rows that a cursor keeps which was declared
// neither SCROLL nor NO SCROLL. Past it the cursor reads forward only.
const defaultHistoryBytes = 1 << 20

// history has the rows that a cursor has read, for FETCH to go back to.
type history struct {
	batches []*types.Batch
	// ends has for each batch the number of its last row; rows count from 1.
	ends []int64
	// bytes estimates the memory of the batches; no more than limit.
	bytes, limit int
	// required says that SCROLL was written: past the limit the cursor fails.
	required bool
}

// newHistory returns the empty history of a new cursor, nil for one that reads
// forward only. As in PostgreSQL a cursor may read backward without SCROLL where
// that costs little.
func (s *Session) newHistory(n *ast.DeclareCursor, q *plan.Query) *history {
	switch {
	case n.Scroll == ast.Scroll:
		return &history{limit: s.heldLimit(), required: true}
	case n.Scroll == ast.NoScroll, q.Emit != plan.EmitNone, len(q.Locks) > 0:
		return nil
	default:
		return &history{limit: min(defaultHistoryBytes, s.heldLimit())}
	}
}

// rows returns how many rows are kept.
func (h *history) rows() int64 {
	if len(h.ends) == 0 {
		return 0
	}
	return h.ends[len(h.ends)-1]
}

// locate returns the batch that has a row, and which of its rows that is.
func (h *history) locate(row int64) (batch *types.Batch, index int) {
	i, _ := slices.BinarySearch(h.ends, row)
	batch = h.batches[i]
	return batch, batch.Len - 1 - int(h.ends[i]-row)
}

// keep takes the rows at hand over from the cursor's query. Where they are too
// many, they stay there: the cursor fails, or reads forward only from now on.
func (c *cursor) keep() error {
	h := c.kept
	if h == nil {
		return nil
	}
	batch, from, to := c.rows.batch, c.rows.at, c.rows.batch.Len
	bytes := batchBytes(batch)
	if h.bytes+bytes > h.limit {
		if h.required {
			return sqlerr.New(sqlerr.OutOfMemory, -1, "cursor %q would keep more than %d bytes of rows", c.name, h.limit).
				WithHint("Declare it with NO SCROLL: such a cursor keeps no rows.")
		}
		c.kept = nil
		return nil
	}
	c.rows.take(0)
	h.batches = append(h.batches, batch.Select(consecutive(from, to)))
	h.ends = append(h.ends, h.rows()+int64(to-from))
	h.bytes += bytes
	return nil
}

// again returns up to limit of the kept rows behind the cursor's, of which there
// is at least one, and moves the cursor to the last of them.
func (c *cursor) again(limit int) *types.Batch {
	batch, index := c.kept.locate(c.position + 1)
	n := min(limit, batch.Len-index)
	c.position += int64(n)
	if n == batch.Len {
		return batch
	}
	return batch.Select(consecutive(index, index+n))
}

// previous returns up to limit of the kept rows before the cursor's, the nearest
// first, and moves the cursor to the last of them. Without any it moves before the
// first row and returns io.EOF.
func (c *cursor) previous(limit int) (*types.Batch, error) {
	c.behind = false
	if c.position <= 1 {
		c.position = 0
		return nil, io.EOF
	}
	batch, index := c.kept.locate(c.position - 1)
	n := min(limit, index+1)
	c.position -= int64(n)
	selection := consecutive(index+1-n, index+1)
	slices.Reverse(selection)
	return batch.Select(selection), nil
}

// jump moves the cursor back to a row that it has passed, or before the first.
func (c *cursor) jump(row int64) error {
	if c.position == row {
		return nil
	}
	if c.kept == nil {
		return errForwardOnly(c)
	}
	c.position, c.behind = row, false
	return nil
}

// store reads the rows that are left, so that they need the query no longer.
// Where they take more than limit bytes, the others are left to it.
func (r *source) store(ctx context.Context, limit int) error {
	stored := &storedRows{}
	for bytes := 0; bytes <= limit; {
		ok, err := r.fill(ctx)
		if err != nil {
			return err
		}
		if !ok {
			r.cursor.Close()
			if r.release != nil {
				r.release()
			}
			r.cursor, r.release, r.ended = stored, nil, false
			return nil
		}
		batch, from, to := r.take(0)
		stored.batches = append(stored.batches, batch.Select(consecutive(from, to)))
		bytes += batchBytes(batch)
	}
	stored.rest = r.cursor
	r.cursor = stored
	return nil
}

// storedRows is a cursor over rows that have been read from another one, and
// over what that has left.
type storedRows struct {
	batches []*types.Batch
	// rest has the rows behind those of batches, nil for none.
	rest exec.Cursor
}

// Next implements exec.Cursor.
func (r *storedRows) Next(ctx context.Context) (*types.Batch, error) {
	if len(r.batches) > 0 {
		batch := r.batches[0]
		r.batches = r.batches[1:]
		return batch, nil
	}
	if r.rest == nil {
		return nil, io.EOF
	}
	batch, err := r.rest.Next(ctx)
	if errors.Is(err, io.EOF) {
		r.Close()
	}
	return batch, err
}

// Close implements exec.Cursor.
func (r *storedRows) Close() {
	r.batches = nil
	if r.rest != nil {
		r.rest.Close()
		r.rest = nil
	}
}
