package session

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"millrace/exec"
	"millrace/sql/catalog"
	"millrace/sql/types"
)

// changes are what one statement does to relations.
type changes struct {
	rows []exec.Rows
	// count is the number in the command tag.
	count int
	// returned are the rows of RETURNING, nil without.
	returned *types.Batch
	// atomic says that all takes effect or nothing, also in streams.
	atomic bool
	// kept are rows that the statement locks and leaves as they are.
	kept []rowLocks
	// probes are keys that the statement found and leaves as they are; refused is
	// its error because of them. Both hold once nobody else is about to change them.
	probes  []probe
	refused error
	// first is the first row that may not be written, nil for none, until finish makes
	// it refused, and finished says that the entries of unique indexes are among the
	// rows.
	first    *refusal
	finished bool
	// fixed says that they do not come from a plan, which could be made anew.
	fixed bool
}

// probe are rows whose keys a statement found in a table.
type probe struct {
	relation *catalog.Relation
	rows     *types.Batch
}

// maxAttempts bounds how often a statement runs when concurrent ones change what
// it has read, and maxPause the wait before it runs again.
const (
	maxAttempts = 200
	maxPause    = 32 * time.Millisecond
)

// carryOut gathers what a statement does and does it: at once where immediate says
// so, else at COMMIT. It gathers again, on fresh data, when a concurrent statement
// changed what it had read; the rows that it has locked until then stay locked.
func (s *Session) carryOut(ctx context.Context, immediate bool, gather func() (*changes, error)) (*changes, error) {
	alone := immediate && s.transaction.locksAlone
	for attempt := 1; ; attempt++ {
		c, err := s.carryOutOnce(ctx, immediate, gather)
		if !s.againUnlocked(err, alone, attempt) {
			return c, err
		}
	}
}

// carryOutOnce is carryOut with locks that may be lost.
func (s *Session) carryOutOnce(ctx context.Context, immediate bool, gather func() (*changes, error)) (*changes, error) {
	mark := s.lockMark()
	fast, met := immediate && mark == 0, false // met: a fast write met another
	for attempt := 1; ; attempt++ {
		c, err := gather()
		if err == nil {
			err = s.finish(ctx, c)
		}
		switch {
		case errors.Is(err, exec.ErrChanged):
			return nil, errPlanOutdated
		case errors.Is(err, exec.ErrConflict) && attempt < maxAttempts:
			if err := pause(ctx, attempt); err != nil {
				return nil, err
			}
			continue
		case s.readsAnew(err) && attempt < maxAttempts:
			continue
		case errors.Is(err, exec.ErrRowsChanged):
			return nil, errKeepsChanging()
		case err != nil:
			return nil, err
		case !s.current(c):
			return nil, errPlanOutdated
		}
		if fast && c.refused == nil && s.lockMark() == 0 {
			fast = false
			done, conflict, err := s.writeFast(ctx, c)
			if done || err != nil {
				return c, err
			}
			met = conflict
		}
		if immediate {
			waited, err := s.enter(ctx, c)
			switch {
			case err != nil:
				return nil, err
			case waited:
				continue
			}
			if err := s.refuseLocked(ctx, c); err != nil {
				return nil, err
			}
		}
		settled, err := s.settle(ctx, c, !immediate)
		settled, met = settled && !met, false
		switch {
		case err != nil:
			return nil, err
		case !settled && attempt < maxAttempts:
			continue
		case !settled:
			return nil, errKeepsChanging()
		case c.refused != nil:
			return nil, c.refused
		case !immediate:
			return c, s.holdAll(c)
		case len(c.rows) == 0:
			s.releaseLocks(mark)
			return c, nil
		}
		err = s.writeNow(ctx, c.rows, c.atomic || !c.fixed && c.count > 1)
		err = s.waitForIndex(ctx, c, err)
		if !errors.Is(err, exec.ErrConflict) || attempt == maxAttempts {
			s.releaseLocks(mark)
			return c, err
		}
		if err := pause(ctx, attempt); err != nil {
			return nil, err
		}
	}
}

// holdAll keeps changes until COMMIT.
func (s *Session) holdAll(c *changes) error {
	for _, rows := range c.rows {
		if err := s.hold(rows); err != nil {
			return err
		}
	}
	return nil
}

// writeFast writes changes without locking their rows, where nobody locks rows in
// their tables. Done is false when it may not, or, as conflict says, a concurrent
// statement changed what this one had read.
func (s *Session) writeFast(ctx context.Context, c *changes) (done, conflict bool, err error) {
	var tables []uint64
	for _, relation := range c.tablesOf() {
		tables = append(tables, uint64(relation.ID))
	}
	entry, entered := s.locks().EnterFast(ctx, tables)
	if !entered {
		return false, false, nil
	}
	defer entry.Leave()
	if !s.current(c) {
		return false, false, errPlanOutdated
	}
	if len(c.rows) == 0 {
		return true, false, nil
	}
	err = s.writeNow(ctx, c.rows, c.atomic || !c.fixed && c.count > 1)
	switch {
	case errors.Is(err, exec.ErrConflict):
		return false, true, nil
	case errors.Is(err, exec.ErrChanged) && !c.fixed:
		return false, false, errPlanOutdated
	}
	return true, false, err
}

// writePiece writes rows of a COPY: what they are is known, so they are never
// gathered anew.
func (s *Session) writePiece(ctx context.Context, target *catalog.Relation, batch *types.Batch) error {
	_, err := s.carryOut(ctx, true, func() (*changes, error) { return s.gatherCopied(ctx, target, batch, true) })
	return err
}

// gatherCopied finds out what becomes of rows of a COPY.
func (s *Session) gatherCopied(ctx context.Context, target *catalog.Relation, batch *types.Batch, immediate bool) (*changes, error) {
	c := &changes{count: batch.Len, fixed: true}
	var err error
	c.rows, err = s.insertOperations(ctx, target, batch, s.looks(target, immediate), c)
	return c, err
}

// pause waits for a random time that grows with the number of attempts, so that
// statements which met do not meet again.
func pause(ctx context.Context, attempt int) error {
	longest := min(time.Millisecond<<min(attempt-1, 10), maxPause)
	timer := time.NewTimer(rand.N(longest))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return interrupted(ctx, context.Cause(ctx))
	}
}

// rowKey appends what tells the rows of a table apart by their keys.
func rowKey(buf []byte, relation *catalog.Relation, batch *types.Batch, row int) []byte {
	for _, column := range relation.Key {
		buf = types.AppendKeyFrom(buf, &batch.Columns[column], row)
	}
	return buf
}

// find looks for rows by their keys, as the session's transaction sees them, with
// what the running command has done.
func (s *Session) find(ctx context.Context, relation *catalog.Relation, keys *types.Batch) (*exec.Found, error) {
	overlay := s.transaction.overlay
	if s.command != nil {
		overlay = s.command.found
	}
	return s.options.Backend.Find(ctx, relation, keys, overlay)
}

// updates returns the operations that replace old rows by new ones. A row whose
// key changes is removed and added; no two rows may have one key when all is
// done.
func (s *Session) updates(ctx context.Context, relation *catalog.Relation, before, after *types.Batch) ([]exec.Rows, error) {
	update := newOperation(relation, exec.OperationUpdate)
	leaving := map[string]int{} // rows of before by the keys that they leave
	var moved []int32
	var key []byte
	for i := range before.Len {
		key = rowKey(key[:0], relation, before, i)
		old := string(key)
		if key = rowKey(key[:0], relation, after, i); string(key) == old {
			update.Old.AppendRowFrom(before, i, 1)
			update.Batch.AppendRowFrom(after, i, 1)
			continue
		}
		leaving[old] = i
		moved = append(moved, int32(i))
	}
	if len(moved) == 0 {
		return nonEmpty(*update), nil
	}
	arriving := after.Select(moved)
	found, err := s.find(ctx, relation, arriving)
	if err != nil {
		return nil, err
	}
	add := newOperation(relation, exec.OperationAdd)
	arrived := map[string]bool{}
	for i := range arriving.Len {
		key = rowKey(key[:0], relation, arriving, i)
		from, left := leaving[string(key)]
		switch {
		case arrived[string(key)] || !left && found.At[i] >= 0:
			return nil, exec.UniqueViolation(relation, arriving, i)
		case left:
			update.Old.AppendRowFrom(before, from, 1)
			update.Batch.AppendRowFrom(arriving, i, 1)
		default:
			add.Batch.AppendRowFrom(arriving, i, 1)
		}
		arrived[string(key)] = true
	}
	remove := newOperation(relation, exec.OperationDelete)
	for _, i := range moved {
		if key = rowKey(key[:0], relation, before, int(i)); !arrived[string(key)] {
			remove.Batch.AppendRowFrom(before, int(i), 1)
		}
	}
	return nonEmpty(*remove, *update, *add), nil
}

// newOperation returns rows to be filled.
func newOperation(relation *catalog.Relation, operation exec.Operation) *exec.Rows {
	rows := &exec.Rows{Relation: relation, Operation: operation, Batch: newTargetBatch(relation)}
	if operation == exec.OperationUpdate {
		rows.Old = newTargetBatch(relation)
	}
	return rows
}

// nonEmpty leaves out operations without rows.
func nonEmpty(list ...exec.Rows) []exec.Rows {
	var out []exec.Rows
	for _, rows := range list {
		if rows.Batch.Len > 0 {
			out = append(out, rows)
		}
	}
	return out
}
