package session

import (
	"context"
	"fmt"

	"millrace/exec"
	"millrace/exec/lock"
	"millrace/planner/plan"
	"millrace/sql/catalog"
	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// insert is INSERT: the rows of its source become one write, all or nothing.
// Outside a block it is made at once where immediate says so, else at COMMIT.
func (s *Session) insert(ctx context.Context, p *portal, n *plan.Insert, immediate bool) (string, error) {
	if err := s.requireWritable("INSERT"); err != nil {
		return "", err
	}
	c, err := s.carryOut(ctx, immediate, func() (*changes, error) { return s.gatherInsert(ctx, n, p.params, immediate) })
	if err != nil {
		return "", err
	}
	tag := fmt.Sprintf("INSERT 0 %d", c.count)
	p.returnRows(tag, c.returned)
	return tag, nil
}

// gatherInsert reads the source of an INSERT and finds out what becomes of its
// rows.
func (s *Session) gatherInsert(ctx context.Context, n *plan.Insert, params []types.Datum, immediate bool) (*changes, error) {
	// Where the statement itself looks for keys, it sees all rows at once.
	looks := n.OnConflict != nil || s.looks(n.Target, immediate)
	batches, err := s.insertSource(ctx, n, params, looks)
	if err != nil {
		return nil, err
	}
	c := &changes{}
	if n.Returning != nil {
		c.returned = newPlannedBatch(n.ReturningColumns())
	}
	for _, batch := range batches {
		if err := s.insertBatch(ctx, n, params, batch, looks, c); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// insertBatch adds to an INSERT's changes what becomes of some of its rows.
func (s *Session) insertBatch(ctx context.Context, n *plan.Insert, params []types.Datum, batch *types.Batch, looks bool, c *changes) error {
	if err := s.options.Backend.SetRowIDs(ctx, n.Target, batch); err != nil {
		return err
	}
	if err := s.checkRows(n.Target, n.Checks, batch); err != nil {
		return err
	}
	stored, operations := batch, []exec.Rows(nil)
	if n.OnConflict != nil {
		r := &conflictResolver{session: s, plan: n, params: params, batch: batch}
		if err := r.resolve(ctx); err != nil {
			return err
		}
		stored, operations = r.stored, r.operations()
		c.probes = append(c.probes, r.probes...)
		c.first = c.first.before(r.first)
		if r.kept.Len > 0 {
			c.kept = append(c.kept, rowLocks{relation: n.Target, mode: keptMode(n.OnConflict), rows: r.kept, old: r.kept})
		}
	} else {
		var err error
		if operations, err = s.insertOperations(ctx, n.Target, batch, looks, c); err != nil {
			return err
		}
	}
	c.rows = append(c.rows, operations...)
	c.count += stored.Len
	if n.Returning == nil {
		return nil
	}
	return s.compute(ctx, n.Returning, params, stored, c.returned)
}

// keptMode returns how DO UPDATE locks rows for which its condition does not hold. They
// do not change, so that nobody waits to find their keys there.
func keptMode(conflict *plan.OnConflict) lock.Mode {
	if conflict.SetsKey {
		return lock.Update
	}
	return lock.NoKeyUpdate
}

// newPlannedBatch returns an empty batch with columns of a plan.
func newPlannedBatch(columns []plan.Column) *types.Batch {
	batch := &types.Batch{Columns: make([]types.Vector, len(columns))}
	for i := range columns {
		batch.Columns[i].Type = columns[i].Type
	}
	return batch
}

// compute runs a query over rows at hand, its GivenRows, and appends its result.
func (s *Session) compute(ctx context.Context, q *plan.Query, params []types.Datum, rows, result *types.Batch) error {
	env := s.queryEnv(params)
	env.Given = []*types.Batch{plan.GivenRows: rows}
	if s.command != nil {
		env.Given = append(env.Given, s.command.given[1:]...)
	}
	computed, err := s.queryIn(ctx, q, env)
	if err != nil {
		return err
	}
	defer computed.close()
	return computed.appendTo(ctx, result)
}

// appendTo appends all rows of a source, of which none was taken yet, to a batch
// with its columns.
func (r *source) appendTo(ctx context.Context, result *types.Batch) error {
	for {
		ok, err := r.fill(ctx)
		if err != nil || !ok {
			return err
		}
		batch, _, _ := r.take(0)
		appendBatch(result, batch)
	}
}

// appendBatch copies the rows of a batch to another with as many columns.
func appendBatch(to, from *types.Batch) {
	for i := range to.Columns {
		to.Columns[i].AppendAll(&from.Columns[i])
	}
	to.Len += from.Len
}

// insertSource returns the rows of an INSERT's source, in one batch where whole is
// set. They are the caller's.
func (s *Session) insertSource(ctx context.Context, n *plan.Insert, params []types.Datum, whole bool) ([]*types.Batch, error) {
	rows, err := s.queryToWrite(ctx, n.Source, params)
	if err != nil {
		return nil, err
	}
	defer rows.close()
	var batches []*types.Batch
	for {
		ok, err := rows.fill(ctx)
		if err != nil || !ok {
			return batches, err
		}
		if !whole || len(batches) == 0 {
			batches = append(batches, newTargetBatch(n.Target))
		}
		if err := appendInserted(n, batches[len(batches)-1], rows.batch); err != nil {
			return nil, err
		}
		rows.at = rows.batch.Len
	}
}

// appendInserted copies rows of an INSERT's source, which belong to its cursor.
func appendInserted(n *plan.Insert, to, from *types.Batch) error {
	columns := len(n.Target.Columns)
	for i := range columns {
		to.Columns[i].AppendAll(&from.Columns[i])
	}
	if n.Rowtime {
		to.Rowtimes = append(to.Rowtimes, rowtimes(&from.Columns[columns])...)
	}
	if n.Headers {
		headers, _, err := recordHeaders(&from.Columns[len(from.Columns)-1])
		if err != nil {
			return err
		}
		to.AppendHeaders(headers)
	}
	to.Len += from.Len
	return nil
}

// looks reports whether a statement that inserts rows looks for their keys itself:
// where rows are held, as it is the one to fail, and where there are unique
// indexes, as it looks for their values too. Else the shards do.
func (s *Session) looks(target *catalog.Relation, immediate bool) bool {
	return target.Kind == catalog.KindTable && (!immediate || len(s.catalog().UniqueOf(target.ID)) > 0)
}

// insertOperations returns what adds rows without ON CONFLICT. Where it looks for
// keys, the changes refuse the first row whose key is there.
func (s *Session) insertOperations(ctx context.Context, target *catalog.Relation, batch *types.Batch, looks bool, c *changes) ([]exec.Rows, error) {
	rows := exec.Rows{Relation: target, Batch: batch}
	if !looks || batch.Len == 0 {
		return nonEmpty(rows), nil
	}
	found, err := s.find(ctx, target, batch)
	if err != nil {
		return nil, err
	}
	if target.Upsert {
		return upserts(target, batch, found), nil
	}
	c.first = c.first.before(firstRefused(target, batch, found, nil))
	return nonEmpty(rows), nil
}

// upserts returns what puts rows in the place of those found; of several rows
// with one key the last one stays.
func upserts(target *catalog.Relation, batch *types.Batch, found *exec.Found) []exec.Rows {
	last := map[string]int{}
	var key []byte
	for i := range batch.Len {
		key = rowKey(key[:0], target, batch, i)
		last[string(key)] = i
	}
	add, update := newOperation(target, exec.OperationAdd), newOperation(target, exec.OperationUpdate)
	for i := range batch.Len {
		key = rowKey(key[:0], target, batch, i)
		if last[string(key)] != i {
			continue
		}
		if found.At[i] < 0 {
			add.Batch.AppendRowFrom(batch, i, 1)
			continue
		}
		update.Old.AppendRowFrom(found.Rows, int(found.At[i]), 1)
		update.Batch.AppendRowFrom(batch, i, 1)
	}
	return nonEmpty(*add, *update)
}

// conflictResolver decides for each row of an INSERT … ON CONFLICT what becomes
// of it.
type conflictResolver struct {
	session *Session
	plan    *plan.Insert
	params  []types.Datum
	// batch are the rows to be inserted.
	batch *types.Batch
	// stored are the rows as they were inserted or updated, in order; replaced
	// holds for each of them the number of the row in old that it replaces, or -1.
	stored   *types.Batch
	replaced []int32
	old      *types.Batch
	// probes are what exists and stays as it is, and first is the first row that may
	// not be inserted, nil for none.
	probes []probe
	first  *refusal
	// kept are the rows for which the condition of DO UPDATE does not hold.
	kept *types.Batch
}

func (r *conflictResolver) resolve(ctx context.Context) error {
	target := r.plan.Target
	arbiters, err := r.session.arbiters(target, r.plan.OnConflict)
	if err != nil {
		return err
	}
	for _, a := range arbiters {
		if err := a.ask(ctx, r.session, r.batch); err != nil {
			return err
		}
		if err := r.session.checkInView(ctx, target, a.found); err != nil {
			return err
		}
	}
	r.stored, r.kept = newTargetBatch(target), newTargetBatch(target)
	if r.plan.OnConflict.Update {
		err = r.update(ctx, arbiters[0])
	} else {
		r.skip(arbiters)
	}
	if err != nil {
		return err
	}
	if err := r.session.checkRows(target, r.plan.Checks, r.stored); err != nil {
		return err
	}
	if err := r.checkKeys(); err != nil || arbiters[0].entries == nil {
		return err
	}
	return r.checkAdded(ctx)
}

// checkAdded looks for the keys of the rows that are inserted, where the primary key
// was not asked.
func (r *conflictResolver) checkAdded(ctx context.Context) error {
	var added []int32
	for i, old := range r.replaced {
		if old < 0 {
			added = append(added, int32(i))
		}
	}
	rows := r.stored.Select(added)
	found, err := r.session.find(ctx, r.plan.Target, rows)
	if err == nil {
		r.first = firstRefused(r.plan.Target, rows, found, nil)
	}
	return err
}

// skip is DO NOTHING: rows that conflict are left out.
func (r *conflictResolver) skip(arbiters []*arbiter) {
	for i := range r.batch.Len {
		conflicts := false
		for _, a := range arbiters {
			if a.found.At[i] >= 0 {
				r.probes = append(r.probes, a.probe(r.batch, i))
				conflicts = true
			}
			conflicts = conflicts || a.hasTouched(r.batch, i)
		}
		if conflicts {
			continue
		}
		r.stored.AppendRowFrom(r.batch, i, 1)
		r.replaced = append(r.replaced, -1)
		for _, a := range arbiters {
			a.touch(r.batch, i)
		}
	}
}

// update is DO UPDATE: rows that conflict make new ones of those that are there.
func (r *conflictResolver) update(ctx context.Context, a *arbiter) error {
	target, found := r.plan.Target, a.found
	updated, err := r.updated(ctx, found)
	if err != nil {
		return err
	}
	r.old = found.Rows
	next := 0 // the row of updated that comes next
	for i := range r.batch.Len {
		exists, touched := found.At[i] >= 0, a.hasTouched(r.batch, i)
		if !exists && !touched {
			a.touch(r.batch, i)
			r.stored.AppendRowFrom(r.batch, i, 1)
			r.replaced = append(r.replaced, -1)
			continue
		}
		row := next
		if exists {
			next++
		}
		if touched || exists && r.session.touched(target, found.Rows, int(found.At[i])) {
			return sqlerr.New(sqlerr.CardinalityViolation, -1, "ON CONFLICT DO UPDATE command cannot affect row a second time").
				WithHint("Ensure that no rows proposed for insertion within the same command have duplicate constrained values.")
		}
		if updated.at[row] < 0 {
			r.kept.AppendRowFrom(found.Rows, int(found.At[i]), 1)
			continue
		}
		a.touch(r.batch, i)
		a.touch(updated.rows, int(updated.at[row]))
		r.stored.AppendRowFrom(updated.rows, int(updated.at[row]), 1)
		r.replaced = append(r.replaced, found.At[i])
	}
	return nil
}

// checkKeys refuses an update that changes a key.
func (r *conflictResolver) checkKeys() error {
	var was, is []byte
	for i, old := range r.replaced {
		if old < 0 {
			continue
		}
		was, is = rowKey(was[:0], r.plan.Target, r.old, int(old)), rowKey(is[:0], r.plan.Target, r.stored, i)
		if string(was) != string(is) {
			return sqlerr.New(sqlerr.FeatureNotSupported, -1, "ON CONFLICT DO UPDATE cannot change the primary key").
				WithHint("Use UPDATE.")
		}
	}
	return nil
}

// operations returns what stores the rows.
func (r *conflictResolver) operations() []exec.Rows {
	add := newOperation(r.plan.Target, exec.OperationAdd)
	update := newOperation(r.plan.Target, exec.OperationUpdate)
	for i, old := range r.replaced {
		if old < 0 {
			add.Batch.AppendRowFrom(r.stored, i, 1)
			continue
		}
		update.Old.AppendRowFrom(r.old, int(old), 1)
		update.Batch.AppendRowFrom(r.stored, i, 1)
	}
	return nonEmpty(*add, *update)
}

// updatedRows are the rows that DO UPDATE makes.
type updatedRows struct {
	rows *types.Batch
	// at holds, for each row whose key was found, the number of its new row, -1
	// where WHERE was not true.
	at []int32
}

// updated evaluates DO UPDATE over the rows whose keys were found.
func (r *conflictResolver) updated(ctx context.Context, found *exec.Found) (*updatedRows, error) {
	conflict := r.plan.OnConflict
	var proposed, existing []int32
	for i, at := range found.At {
		if at >= 0 {
			proposed, existing = append(proposed, int32(i)), append(existing, at)
		}
	}
	pairs := found.Rows.Select(existing)
	pairs.Columns = append(pairs.Columns, r.batch.Select(proposed).Columns...)
	numbers := types.NewVector(types.Int8, pairs.Len)
	for i := range numbers.Ints {
		numbers.Ints[i] = int64(i)
	}
	pairs.Columns = append(pairs.Columns, numbers)
	rows := newPlannedBatch(conflict.Updated.Root.Columns())
	if pairs.Len > 0 {
		if err := r.session.compute(ctx, conflict.Updated, r.params, pairs, rows); err != nil {
			return nil, err
		}
	}
	out := &updatedRows{rows: rows, at: make([]int32, pairs.Len)}
	for i := range out.at {
		out.at[i] = -1
	}
	last := len(rows.Columns) - 1
	for i, pair := range rows.Columns[last].Ints {
		out.at[pair] = int32(i)
	}
	rows.Columns = rows.Columns[:last]
	return out, nil
}
