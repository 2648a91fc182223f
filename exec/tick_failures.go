package exec

import (
	"errors"
	"fmt"

	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// Rows that a query could not evaluate, or that came too late.

// rowError records a row that a query could not evaluate, or stops the query.
func (t *tick) rowError(q *runningQuery, in *types.Batch, row int32, err error) {
	failure := sqlerr.From(err)
	record := rowFailure{
		time: t.in.now.UnixMilli(), partition: t.core.shard, offset: -1,
		code: string(failure.Code), message: failure.Message,
	}
	if in.Offsets != nil {
		record.offset = in.Offsets[row]
	}
	if q.descriptor.StopOnError {
		t.stop(q, &record)
		return
	}
	q.errors++
	t.write.Set(errorKey(nil, q.descriptor.ID, q.errors), record.append(nil))
	if q.errors > keptErrors {
		t.write.Delete(errorKey(nil, q.descriptor.ID, q.errors-keptErrors))
	}
}

// lateRow counts and lists a change that came too late for a window.
func (t *tick) lateRow(q *runningQuery, row *lateRow) {
	row.time = t.in.now.UnixMilli()
	before := q.late
	q.late += uint64(row.rows)
	t.write.Set(lateKey(nil, q.descriptor.ID, q.late), row.append(nil))
	if q.late > keptErrors && before/100 != q.late/100 {
		t.write.DeleteRange(lateKey(nil, q.descriptor.ID, 0), lateKey(nil, q.descriptor.ID, q.late-keptErrors))
	}
}

// stageFailed takes the error that a stage's turn ended with. Where a limit of what a
// query may keep is reached, the tick is made again without the query, and others go on;
// anything else the shard cannot go on with.
func (t *tick) stageFailed(q *runningQuery, err error) error {
	var limit *sqlerr.Error
	if !errors.As(err, &limit) || limit.Code != sqlerr.ProgramLimitExceeded {
		return fmt.Errorf("query %q: %w", q.descriptor.Name, err)
	}
	message := fmt.Sprintf("%s (SQLSTATE %s)", limit.Message, limit.Code)
	if limit.Hint != "" {
		message += ". " + limit.Hint
	}
	t.stopped = &queryFailure{id: q.descriptor.ID, name: q.descriptor.Name, message: message}
	return nil
}

// stop has the tick made again without a query, which then stands before the
// rows that hold the failing one.
func (t *tick) stop(q *runningQuery, row *rowFailure) {
	if t.stopped != nil {
		return
	}
	message := fmt.Sprintf("a row failed: %s (SQLSTATE %s)", row.message, row.code)
	if row.offset >= 0 {
		message = fmt.Sprintf("the row at offset %d of partition %d failed: %s (SQLSTATE %s)", row.offset, row.partition, row.message, row.code)
	}
	t.stopped = &queryFailure{id: q.descriptor.ID, name: q.descriptor.Name, message: message}
}
