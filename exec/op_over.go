package exec

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"millrace/exec/operator"
	"millrace/planner/plan"
	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// over keeps window functions up to date: it computes the partitions that a turn
// touches anew, as they were and as they are, and emits the rows whose results differ.
//
// One-shot meaning: plan.Over. Rows that the order does not tell apart are in the order
// of the input's key, or of a hash of the row, so that results depend on the rows alone.
//
// Stored form: see orderedParts; all rows of the input are stored, and no result.
//
// Invariants:
//   - A turn reads and computes the whole of each partition that it touches, twice. A
//     change costs as much as its partition is large. A partition that grows beyond
//     maxPartitionRows rows stops the query, before anything of that is stored. Once it
//     is resumed, it may be larger on the way to what there is by then, up to
//     mostPartitionRows.
//   - A row whose results cannot be computed is left out until they can.
//   - All rows that leave are emitted before those that come.
type over struct {
	next consumer
	*orderedParts
	plan    *plan.Over
	compute *operator.Over
	output  *types.RowCodec
}

// maxPartitionRows bounds a partition of window functions that are kept up to date:
// what a change of it may cost has to fit a tick.
const maxPartitionRows = 50_000

// mostPartitionRows bounds a partition while a query that was stopped catches up.
const mostPartitionRows = 10 * maxPartitionRows

func newOver(node *plan.Over, key stateKey, next consumer, inMemory bool) (*over, error) {
	parts, err := newOrderedParts(node.Input, node.PartitionBy, node.Order, key, inMemory)
	if err != nil {
		return nil, err
	}
	compute, err := operator.NewOver(node)
	return &over{next: next, orderedParts: parts, plan: node, compute: compute, output: types.NewRowCodec(columnTypes(node.Cols))}, err
}

func (o *over) process(t *turn, in *types.Batch) { o.note(t, in) }

func (o *over) finish(t *turn) {
	var gone, come topRows
	for _, part := range o.parts {
		if t.failed != nil {
			break
		}
		if err := o.finishPart(t, part, &gone, &come); err != nil {
			t.fail(err)
		}
	}
	o.forget()
	if out := changesOf(t, o.output, columnTypes(o.plan.Cols), &gone, &come); out != nil && t.failed == nil {
		o.next.process(t, out)
	}
	o.next.finish(t)
}

// finishPart computes a partition as it was and as it is, and notes the rows that leave
// and come.
func (o *over) finishPart(t *turn, part string, gone, come *topRows) error {
	before, after, err := o.partition(t, part)
	if err != nil {
		return err
	}
	if rows := rowCount(after); rows > maxPartitionRows && rows > rowCount(before) && (rows > mostPartitionRows || !t.catchesUp()) {
		return largePartition()
	}
	was, failedBefore, err := o.results(t, before, nil)
	if err != nil {
		return err
	}
	is, _, err := o.results(t, after, failedBefore)
	if err != nil {
		return err
	}
	net := make(map[string]int64, len(was)+len(is))
	for _, row := range was {
		net[row]--
	}
	for _, row := range is {
		net[row]++
	}
	for _, row := range was {
		if net[row] < 0 {
			gone.add(row, 1)
			net[row]++
		}
	}
	for _, row := range is {
		if net[row] > 0 {
			come.add(row, 1)
			net[row]--
		}
	}
	return nil
}

// partition returns the rows of a partition as they were when the turn began and as
// they are, in order, and stores the difference.
func (o *over) partition(t *turn, part string) (before, after []topRow, err error) {
	before = o.held[part]
	if o.held == nil {
		complete := false
		if before, complete, err = o.read(t, part, mostPartitionRows); err != nil {
			return nil, nil, fmt.Errorf("read the state of window functions: %w", err)
		}
		if !complete {
			return nil, nil, largePartition()
		}
	}
	changed := o.changed[part]
	left := before
	for _, key := range slices.Sorted(maps.Keys(changed)) {
		at, found := slices.BinarySearchFunc(left, key, func(r topRow, key string) int { return strings.Compare(r.key, key) })
		after = append(after, left[:at]...)
		left = left[at:]
		was := topRow{key: key}
		if found {
			was, left = left[0], left[1:]
		}
		now := was
		now.count += changed[key].delta
		if changed[key].after != "" {
			now.row = changed[key].after
		}
		o.store(t, part, was, now)
		if now.count != 0 {
			after = append(after, now)
		}
	}
	after = append(after, left...)
	o.hold(part, after)
	return before, after, nil
}

// largePartition is the error that stops a query.
func largePartition() error {
	return sqlerr.New(sqlerr.ProgramLimitExceeded, -1, "a partition of window functions has more than %d rows", maxPartitionRows).
		WithHint("Each change of a partition computes it anew. Use PARTITION BY by columns with more values, or a condition such as rank() <= n. A continuous query goes on, by PAUSE and RESUME, when rows have been deleted.")
}

// rowCount is how many rows there are.
func rowCount(rows []topRow) int64 {
	n := int64(0)
	for i := range rows {
		n += max(rows[i].count, 0)
	}
	return n
}

// results computes a partition: its rows with their results in the row encoding, but
// for those that failed, whose encodings without results it returns, too. Failures
// are reported where known, which are those of before, does not have them; nil reports
// none.
func (o *over) results(t *turn, rows []topRow, known map[string]bool) ([]string, map[string]bool, error) {
	failed := map[string]bool{}
	in := types.NewBatch(columnTypes(o.plan.Input.Columns()))
	for i := range rows {
		for range max(rows[i].count, 0) {
			if err := o.row.DecodeInto(bytesOf(rows[i].row), in); err != nil {
				return nil, nil, err
			}
		}
	}
	if in.Len == 0 {
		return nil, failed, nil
	}
	results := make([]types.Vector, len(o.plan.Calls))
	for i := range results {
		results[i].Type = o.plan.Calls[i].Type
	}
	o.compute.Partition(t.results, in, results, func() bool { return false })
	whole := *in
	whole.Columns = append(slices.Clip(in.Columns), results...)
	encoded := make([]string, 0, in.Len)
	for i := range in.Len {
		if !t.results.Failed(int32(i)) {
			encoded = append(encoded, string(o.output.AppendRow(nil, &whole, i)))
		}
	}
	for _, failure := range t.results.Errors {
		row := string(o.row.AppendRow(nil, in, int(failure.Row)))
		if known != nil && !known[row] {
			t.rowError(in, failure.Row, failure.Err)
		}
		failed[row] = true
	}
	t.results.ResetErrors()
	return encoded, failed, nil
}
