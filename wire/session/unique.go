package session

import (
	"context"
	"errors"
	"slices"

	"millrace/exec"
	"millrace/exec/lock"
	"millrace/sql/catalog"
	"millrace/sql/types"
)

// refusal is a row that a statement may not write.
type refusal struct {
	// row counts the rows of the statement, by which the first of several refusals
	// is found.
	row int
	err error
	// probe is what is in the row's way, nil where the statement itself is.
	probe *probe
}

// before returns the one of two refusals, each nil for none, that PostgreSQL would
// have met first; r, where they are about the same row.
func (r *refusal) before(other *refusal) *refusal {
	if r == nil || other != nil && other.row < r.row {
		return other
	}
	return r
}

// firstRefused returns the first of some new rows, or entries, whose key is there or
// comes before it among them; nil for none. The keys in leaving are those of rows
// that the statement removes.
func firstRefused(relation *catalog.Relation, rows *types.Batch, found *exec.Found, leaving map[string]bool) *refusal {
	seen := map[string]bool{}
	var key []byte
	for i := range rows.Len {
		key = rowKey(key[:0], relation, rows, i)
		exists := found.At[i] >= 0 && !leaving[string(key)]
		if !exists && !seen[string(key)] {
			seen[string(key)] = true
			continue
		}
		r := &refusal{row: i, err: exec.UniqueViolation(relation, rows, i)}
		if !seen[string(key)] {
			r.probe = &probe{relation, rows.Select([]int32{int32(i)})}
		}
		return r
	}
	return nil
}

// finish completes what a statement does, or was refused: the entries of unique
// indexes are added to its rows.
func (s *Session) finish(ctx context.Context, c *changes) error {
	if c.finished {
		return nil
	}
	c.finished = true
	snapshot := s.catalog()
	rows := c.rows
	done := map[catalog.ObjectID]bool{}
	for i := range rows {
		table := rows[i].Relation
		if done[table.ID] || table.Kind != catalog.KindTable {
			continue
		}
		done[table.ID] = true
		if err := s.addEntries(ctx, snapshot, table, rows, c); err != nil {
			return err
		}
	}
	if c.first != nil {
		c.rows, c.refused = nil, c.first.err
		if c.first.probe != nil {
			c.probes = append(c.probes, *c.first.probe)
		}
	}
	return nil
}

// refuseLocked refuses the rows of an INSERT that is made at once where somebody else
// locks one of their keys and one is there: a key that is there refuses them whoever
// locks its row. Without it the shards would find that, but only once the lock is free.
func (s *Session) refuseLocked(ctx context.Context, c *changes) error {
	if len(c.rows) != 1 || c.refused != nil {
		return nil
	}
	rows := &c.rows[0]
	if rows.Operation != exec.OperationInsert || rows.Relation.Upsert || len(s.locksOf(rows)) == 0 {
		return nil
	}
	mark := s.lockMark()
	got, err := s.lockRows(ctx, rows.Relation, rows.Batch, lock.ChangeKey, lock.SkipLocked)
	if err != nil || len(got.Skipped) == 0 {
		return err
	}
	s.releaseLocks(mark)
	found, err := s.find(ctx, rows.Relation, rows.Batch)
	if err != nil {
		return err
	}
	if first := firstRefused(rows.Relation, rows.Batch, found, nil); first != nil && first.probe != nil {
		c.rows, c.refused, c.probes = nil, first.err, append(c.probes, *first.probe)
	}
	return nil
}

// addEntries adds to a statement's changes the entries of a table's unique indexes.
func (s *Session) addEntries(ctx context.Context, snapshot *catalog.Snapshot, table *catalog.Relation, rows []exec.Rows, c *changes) error {
	unique := snapshot.UniqueOf(table.ID)
	if len(unique) == 0 {
		return nil
	}
	if current := snapshot.Relation(table.ID); current == nil || current.Layout != table.Layout {
		return exec.Changed()
	}
	ids := indexIDs(unique)
	var own []*exec.Rows
	for i := range rows {
		if rows[i].Relation.ID == table.ID {
			rows[i].Unique = ids
			own = append(own, &rows[i])
		}
	}
	for _, index := range unique {
		w := newEntryWriter(snapshot.UniqueRelation(index.ID), table)
		for _, r := range own {
			w.take(r)
		}
		refused, err := w.check(ctx, s)
		if err != nil {
			return err
		}
		c.first = c.first.before(refused)
		c.rows = append(c.rows, w.operations()...)
	}
	return nil
}

func indexIDs(list []*catalog.Index) []catalog.ObjectID {
	var ids []catalog.ObjectID
	for _, index := range list {
		ids = append(ids, index.ID)
	}
	return ids
}

// waitForIndex waits, when a write was refused, while a unique index of one of its
// tables is being built, and returns the write's error.
func (s *Session) waitForIndex(ctx context.Context, c *changes, err error) error {
	building := func() bool {
		snapshot := s.options.Backend.Catalog()
		return slices.ContainsFunc(c.rows, func(r exec.Rows) bool { return snapshot.BuildingUnique(r.Relation.ID) })
	}
	for errors.Is(err, exec.ErrConflict) && building() {
		if err := pause(ctx, maxAttempts); err != nil {
			return err
		}
	}
	return err
}

// entryWriter finds out what becomes of the entries of a unique index when a
// statement writes rows. Uniqueness is checked as of the statement's end: a value
// may go from one row to another.
type entryWriter struct {
	entries, table *catalog.Relation
	codec          *types.RowCodec
	// leaving are entries that go, and arriving those that come, by the operation
	// that adds them; arrivals has the number of the row of each.
	leaving  *types.Batch
	arriving map[exec.Operation]*types.Batch
	arrivals map[exec.Operation][]int
}

func newEntryWriter(entries, table *catalog.Relation) *entryWriter {
	columns := make([]types.Type, len(entries.Columns))
	for i := range columns {
		columns[i] = entries.Columns[i].Type
	}
	w := &entryWriter{
		entries: entries, table: table, codec: types.NewRowCodec(columns), leaving: newTargetBatch(entries),
		arriving: map[exec.Operation]*types.Batch{}, arrivals: map[exec.Operation][]int{},
	}
	for _, operation := range arrivingOperations {
		w.arriving[operation] = newTargetBatch(entries)
	}
	return w
}

// arrivingOperations are those that add entries. Where a row is inserted
// unconditionally, so is its entry; else a value that is there by then is a
// conflict, and the statement looks again.
var arrivingOperations = [...]exec.Operation{exec.OperationInsert, exec.OperationAdd}

// take notes what an operation does to the index.
func (w *entryWriter) take(rows *exec.Rows) {
	switch rows.Operation {
	case exec.OperationDelete:
		gone, _ := exec.UniqueEntries(w.entries, w.table, rows.Batch)
		w.leave(gone, nil)
	case exec.OperationUpdate:
		w.takeUpdate(rows)
	default:
		entries, from := exec.UniqueEntries(w.entries, w.table, rows.Batch)
		for i := range entries.Len {
			w.arrive(rows.Operation, entries, i, int(from[i]))
		}
	}
}

// takeUpdate leaves out the rows whose entry stays as it is.
func (w *entryWriter) takeUpdate(rows *exec.Rows) {
	gone, fromOld := exec.UniqueEntries(w.entries, w.table, rows.Old)
	come, fromNew := exec.UniqueEntries(w.entries, w.table, rows.Batch)
	stays := map[int]bool{}
	before := make(map[int32]int, gone.Len)
	for i, row := range fromOld {
		before[row] = i
	}
	var a, b []byte
	for i, row := range fromNew {
		old, had := before[row]
		if had {
			a, b = w.codec.AppendRow(a[:0], gone, old), w.codec.AppendRow(b[:0], come, i)
			if string(a) == string(b) {
				stays[old] = true
				continue
			}
		}
		w.arrive(exec.OperationAdd, come, i, int(row))
	}
	w.leave(gone, stays)
}

func (w *entryWriter) leave(entries *types.Batch, except map[int]bool) {
	for i := range entries.Len {
		if !except[i] {
			w.leaving.AppendRowFrom(entries, i, 1)
		}
	}
}

func (w *entryWriter) arrive(operation exec.Operation, entries *types.Batch, i, row int) {
	w.arriving[operation].AppendRowFrom(entries, i, 1)
	w.arrivals[operation] = append(w.arrivals[operation], row)
}

// check finds the first row whose values another row has, or one that comes before
// it in the statement.
func (w *entryWriter) check(ctx context.Context, s *Session) (*refusal, error) {
	left := map[string]bool{}
	var key []byte
	for i := range w.leaving.Len {
		key = rowKey(key[:0], w.entries, w.leaving, i)
		left[string(key)] = true
	}
	var first *refusal
	for _, operation := range arrivingOperations {
		arriving := w.arriving[operation]
		if arriving.Len == 0 {
			continue
		}
		found, err := s.find(ctx, w.entries, arriving)
		if err != nil {
			return nil, err
		}
		refused := firstRefused(w.entries, arriving, found, left)
		if refused != nil {
			refused.row = w.arrivals[operation][refused.row]
		}
		first = first.before(refused)
	}
	return first, nil
}

// operations returns what is done to the entries, each key once.
func (w *entryWriter) operations() []exec.Rows {
	folded := exec.NewOverlay()
	folded.Add(exec.Rows{Relation: w.entries, Operation: exec.OperationDelete, Batch: w.leaving})
	for _, operation := range arrivingOperations {
		folded.Add(exec.Rows{Relation: w.entries, Operation: operation, Batch: w.arriving[operation]})
	}
	return folded.Changes()
}
