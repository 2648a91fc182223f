package exec

import (
	"fmt"
	"runtime/debug"
	"time"

	"millrace/log"
	"millrace/planner/plan"
	"millrace/sql/catalog"
	"millrace/sql/sqlerr"
	"millrace/sql/types"
	"millrace/tables"
)

// queryFailure tells which query must stop, and why: its code panicked, or a row
// failed and it was created to stop then.
type queryFailure struct {
	id                   catalog.ObjectID
	name, message, stack string
}

// catchUpRows bounds how many rows a stage that lags reads in one tick, and
// chunkRows how many it processes between looks at the clock.
const (
	catchUpRows  = 16 << 10
	catchUpBytes = 1 << 20
	chunkRows    = 4096
)

// queryClock measures a query's share of a tick.
type queryClock struct {
	now   func() time.Time
	began time.Time
}

func (c *queryClock) spent() bool { return c.now().Sub(c.began) > queryBudget }

// runQuery gives every stage of a query its turn. A panic of the query's code
// is caught and returned.
func (t *tick) runQuery(q *runningQuery) (failed *queryFailure, err error) {
	defer func() {
		if r := recover(); r != nil {
			failed = &queryFailure{id: q.descriptor.ID, name: q.descriptor.Name, message: fmt.Sprint(r), stack: string(debug.Stack())}
		}
	}()
	if q.state == queryFailed && !q.recorded {
		t.writeStatus(q)
	}
	errorsBefore, lateBefore := q.errors, q.late
	clock := &queryClock{now: t.core.clock, began: t.core.clock()}
	for _, s := range q.stages {
		if err := t.runStage(q, s, clock); err != nil {
			return nil, err
		}
		if t.stopped != nil {
			return t.stopped, nil
		}
	}
	if q.errors != errorsBefore || q.late != lateBefore {
		t.writeStatus(q)
	}
	return nil, nil
}

// runStage lets a stage take what its inputs have, and writes its positions.
func (t *tick) runStage(q *runningQuery, s *stage, clock *queryClock) error {
	tn := t.beginTurn(s)
	worked, err := t.resumeJoins(q, s, tn, clock)
	if err != nil {
		return err
	}
	if q.state == queryRunning && !s.started {
		s.started, s.dirty, worked = true, true, true
	}
	worked = worked || s.timed && s.due(t.in.now)
	for _, in := range s.inputs {
		did, err := t.runInput(q, s, in, tn, clock)
		if err != nil {
			return err
		}
		worked = worked || did
	}
	if worked && q.state == queryRunning {
		tn.behind = t.lagging
		s.wake, s.unfinished, s.woken = time.Time{}, false, true
		for _, in := range s.inputs {
			tn.time = in.streamTime()
			in.to.finish(tn)
		}
		t.lagging = t.lagging || s.unfinished
	}
	t.lagging = t.lagging || q.state == queryRunning && s.busy()
	if err := t.tell(s); err != nil {
		return err
	}
	if tn.failed != nil {
		return fmt.Errorf("query %q: %w", q.descriptor.Name, tn.failed)
	}
	t.writePositions(s)
	tn.tick, tn.write = nil, nil // an idle stage keeps nothing of its last tick alive
	return nil
}

// resumeJoins lets the joins of a stage go on with the work that earlier ticks have
// left.
func (t *tick) resumeJoins(q *runningQuery, s *stage, tn *turn, clock *queryClock) (bool, error) {
	if len(s.joins) == 0 {
		return false, nil
	}
	tn.spent = clock.spent
	for _, j := range s.joins {
		if err := j.work.load(tn); err != nil {
			return false, fmt.Errorf("query %q: %w", q.descriptor.Name, err)
		}
	}
	if q.state != queryRunning || !s.busy() || !t.core.schedule.mayLag.has(q.index) {
		return false, nil
	}
	for _, j := range s.joins {
		j.resume(tn)
	}
	return true, nil
}

func (t *tick) writePositions(s *stage) {
	buf := t.core.scratch
	for _, in := range s.inputs {
		if !in.dirty {
			continue
		}
		in.dirty = false
		buf = inputKey(buf[:0], s.id, in.number)
		keyLen := len(buf)
		buf = in.position.append(buf)
		t.write.Set(buf[:keyLen], buf[keyLen:])
	}
	t.core.scratch = buf
	if s.dirty {
		s.dirty = false
		t.write.Set(stageKey(s.id), s.appendRecord(nil))
	}
}

// runInput lets one input take rows. It reports whether rows were processed.
func (t *tick) runInput(q *runningQuery, s *stage, in *input, tn *turn, clock *queryClock) (bool, error) {
	switch in.kind {
	case inputStream:
		return t.runStreamInput(q, s, in, tn, clock)
	case inputTable:
		return t.runTableInput(q, s, in, tn, clock)
	default:
		arrived := t.arrived[in]
		if !s.takes(in) {
			t.keepWaiting(s, in, arrived)
			t.lagging = t.lagging || q.state == queryRunning && in.waitingFirst < in.waitingNext
			return false, nil
		}
		return t.runQueue(s, in, arrived, tn, clock)
	}
}

// feed hands rows to an input's operators in chunks until the query's time is
// spent, and returns how many rows were taken. Chunks are as large as the query's
// pace allows: a query whose rows are slow takes few at once, so that it keeps to
// its budget.
func (t *tick) feed(q *runningQuery, in *input, rows *types.Batch, tn *turn, clock *queryClock) int {
	for from := 0; from < rows.Len; {
		if from > 0 && clock.spent() {
			return from
		}
		chunk := rows
		if n := min(q.pace.chunk(), rows.Len-from); n < rows.Len {
			chunk = rows.Select(rowRange(from, from+n))
		}
		began := clock.now()
		if t.core.hooks.BeforeStage != nil {
			t.core.hooks.BeforeStage(q.descriptor.Name, chunk)
		}
		in.to.process(tn, chunk)
		q.pace.took(clock.now().Sub(began))
		from += chunk.Len
	}
	return rows.Len
}

// pace is how many rows a query takes between two looks at the clock.
type pace struct{ rows int }

// firstChunk is the chunk of a query whose pace is not known.
const firstChunk = 16

func (p *pace) chunk() int {
	if p.rows == 0 {
		p.rows = firstChunk
	}
	return p.rows
}

// took makes the next chunk smaller after one that took a large part of the
// budget, and larger after one that took a small part.
func (p *pace) took(spent time.Duration) {
	switch {
	case spent > queryBudget/2:
		p.rows = max(1, p.rows/4)
	case spent < queryBudget/16:
		p.rows = min(chunkRows, p.rows*4)
	}
}

func rowRange(from, to int) []int32 {
	out := make([]int32, 0, to-from)
	for i := from; i < to; i++ {
		out = append(out, int32(i))
	}
	return out
}

// runStreamInput reads what the input lags behind, and the tick's own rows once
// it does not.
func (t *tick) runStreamInput(q *runningQuery, s *stage, in *input, tn *turn, clock *queryClock) (bool, error) {
	end, err := t.core.end(in.source)
	if err != nil {
		return false, err
	}
	if !s.takes(in) {
		in.live = in.live && in.offset == end
		t.lagging = t.lagging || q.state == queryRunning && in.offset < end
		return false, nil
	}
	fresh := t.rows[in.source]
	start := end
	if len(fresh) > 0 {
		start = fresh[0].Offsets[0]
	}
	worked := false
	if in.offset < start && t.core.schedule.mayLag.has(q.index) {
		if err := t.catchUp(q, in, start, tn, clock); err != nil {
			return false, err
		}
		worked = true
	}
	if in.offset == start {
		in.live = true
		for _, rows := range fresh {
			if clock.spent() {
				break
			}
			worked, in.dirty = true, true
			taken := t.feed(q, in, in.fetch.projectFull(rows, rows.Partition), tn, clock)
			in.offset += int64(taken)
			if taken < rows.Len {
				break
			}
		}
	}
	if in.offset < end {
		in.live = false
		t.lagging = true
	}
	return worked, nil
}

// catchUp reads a bounded piece of a stream from the input's offset up to limit.
func (t *tick) catchUp(q *runningQuery, in *input, limit int64, tn *turn, clock *queryClock) error {
	partition, err := t.core.partition(uint64(in.source))
	if err != nil || partition == nil {
		return err
	}
	in.offset = max(in.offset, partition.StartOffset())
	for rows := 0; in.offset < limit && rows < catchUpRows; {
		data, err := partition.Read(in.offset, catchUpBytes, nil)
		if err != nil {
			return fmt.Errorf("read stream %q: %w", in.codec.relation.Name, err)
		}
		for len(data) > 0 && in.offset < limit {
			var batch log.Batch
			if batch, data, err = log.ParseBatch(data); err != nil {
				return fmt.Errorf("read stream %q: %w", in.codec.relation.Name, err)
			}
			stored := in.fetch.newStored()
			if err := in.fetch.decodeRecords(&batch, in.offset, stored); err != nil {
				return err
			}
			if stored.Len == 0 {
				in.offset = batch.NextOffset()
				continue
			}
			taken := t.feed(q, in, in.fetch.project(stored, int32(t.core.shard)), tn, clock)
			rows += taken
			in.dirty = true
			if taken < stored.Len {
				in.offset = stored.Offsets[taken]
				return nil
			}
			in.offset = batch.NextOffset()
			if rows >= catchUpRows || clock.spent() {
				return nil
			}
		}
	}
	return nil
}

// runTableInput scans what the table held when the query was created, in
// pieces, and takes the table's changes from then on: those to keys that the
// scan has passed, since it reads the others as they are by then.
func (t *tick) runTableInput(q *runningQuery, s *stage, in *input, tn *turn, clock *queryClock) (bool, error) {
	worked := false
	takes := s.takes(in)
	if takes && !in.scanned {
		if in.waitingFirst == in.waitingNext && t.core.schedule.mayLag.has(q.index) {
			if err := t.scanTable(q, s, in, tn, clock); err != nil {
				return false, err
			}
			worked, in.dirty = true, true
		}
		t.lagging = t.lagging || !in.scanned
		takes = s.takes(in)
	}
	var relevant []arrival
	for _, changes := range t.result.changes[in.source] {
		if in.changelog != nil {
			relevant = append(relevant, arrival{rows: t.changelogRows(s, in, changes)})
			continue
		}
		if !in.scanned {
			changes = t.passed(in, changes)
		}
		if changes.Len > 0 {
			relevant = append(relevant, arrival{rows: in.fetch.projectFull(changes, int32(t.core.shard))})
		}
	}
	if !takes {
		t.keepWaiting(s, in, relevant)
		t.lagging = t.lagging || q.state == queryRunning && (!in.scanned || in.waitingFirst < in.waitingNext)
		return worked, nil
	}
	did, err := t.runQueue(s, in, relevant, tn, clock)
	return worked || did, err
}

// passed returns the changes whose key the scan has passed.
func (t *tick) passed(in *input, changes *types.Batch) *types.Batch {
	var selection []int32
	if in.begun {
		for i := range changes.Len {
			t.core.scratch = in.codec.appendKey(t.core.scratch[:0], changes, i)
			if string(t.core.scratch) <= string(in.cursor) {
				selection = append(selection, int32(i))
			}
		}
	}
	return changes.Select(selection)
}

// scanTable reads the next piece of a table's committed rows.
func (t *tick) scanTable(q *runningQuery, s *stage, in *input, tn *turn, clock *queryClock) error {
	prefix := in.codec.appendStorageKey(nil)
	from := prefix
	if in.begun {
		from = append(append([]byte(nil), prefix...), in.cursor...)
		from = append(from, 0) // the next possible key
	}
	it, err := t.core.state.Scan(from, tables.PrefixEnd(nil, prefix))
	if err != nil {
		return err
	}
	defer it.Close()
	stored := in.fetch.newStored()
	// The piece is as large as the query takes at once: the cursor stands behind all
	// of it.
	limit := min(t.core.scanRows, q.pace.chunk())
	more := false
	for more = it.Next(); more && stored.Len < limit; more = it.Next() {
		if in.changelog != nil {
			if _, given := in.changelog.ahead[string(it.Key()[len(prefix):])]; given {
				continue
			}
		}
		if err := in.fetch.decodeTableRow(append([]byte(nil), it.Value()...), stored); err != nil {
			return err
		}
		in.begun = true
		in.cursor = append(in.cursor[:0], it.Key()[len(prefix):]...)
	}
	if err := it.Err(); err != nil {
		return err
	}
	if !more {
		in.scanned, in.live, in.cursor = true, true, nil
		if in.changelog != nil {
			t.forgetAhead(s, in)
		}
	}
	if stored.Len > 0 {
		began := clock.now()
		rows := in.fetch.project(stored, int32(t.core.shard))
		if in.changelog != nil {
			rows = in.changelog.asInserts(rows, t.in.now.UnixMilli())
		}
		t.feedAll(q, in, rows, tn)
		q.pace.took(clock.now().Sub(began))
	}
	return nil
}

// runQueue processes an input's waiting rows and then the ones that came in
// this tick, as far as the query's time goes; the rest waits.
func (t *tick) runQueue(s *stage, in *input, arrived []arrival, tn *turn, clock *queryClock) (bool, error) {
	worked := false
	mayLag := t.core.schedule.mayLag.has(s.query.index)
	for mayLag && in.waitingFirst < in.waitingNext && !clock.spent() {
		key := waitingKey(nil, s.id, in.number, in.waitingFirst)
		stored, found, err := t.core.state.Get(key, nil)
		if err != nil {
			return worked, err
		}
		if !found {
			return worked, fmt.Errorf("rows %d that wait for %q are missing", in.waitingFirst, s.query.descriptor.Name)
		}
		waiting, err := decodeArrival(stored, in.rowTypes())
		if err != nil {
			return worked, fmt.Errorf("rows %d that wait for input %d of stage %d of %q: %w", in.waitingFirst, in.number, s.id.stage, s.query.descriptor.Name, err)
		}
		t.arrive(s.query, in, waiting, tn)
		t.write.Delete(key)
		in.waitingFirst++
		in.waitingBytes -= min(in.waitingBytes, uint64(len(stored)))
		in.dirty, worked = true, true
	}
	if in.waitingFirst < in.waitingNext {
		t.keepWaiting(s, in, arrived)
		t.lagging = true
		return worked, nil
	}
	for i, next := range arrived {
		if clock.spent() {
			t.keepWaiting(s, in, arrived[i:])
			t.lagging = true
			break
		}
		t.arrive(s.query, in, next, tn)
		worked = true
	}
	return worked, nil
}

// arrive hands on the rows of an arrival, and then takes its stream time.
func (t *tick) arrive(q *runningQuery, in *input, a arrival, tn *turn) {
	if a.rows != nil {
		t.feedAll(q, in, a.rows, tn)
	}
	if a.timed && in.times != nil {
		in.times[a.from] = a.time
		in.dirty = true
	}
}

// feedAll hands all rows on, whatever the clock says: a batch that waits is
// taken whole.
func (t *tick) feedAll(q *runningQuery, in *input, rows *types.Batch, tn *turn) {
	if t.core.hooks.BeforeStage != nil {
		t.core.hooks.BeforeStage(q.descriptor.Name, rows)
	}
	in.to.process(tn, rows)
}

// rowTypes are the columns of the rows that enter at the input.
func (in *input) rowTypes() []types.Type {
	if in.kind == inputShuffle {
		return in.columns
	}
	return in.fetch.types
}

// maxWaitingBytes bounds the rows that wait for one input of a query on one
// shard; past it the query fails for good and they are let go.
const maxWaitingBytes = 1 << 30

// keepWaiting stores rows for a stage that cannot take them now.
func (t *tick) keepWaiting(s *stage, in *input, arrived []arrival) {
	if len(arrived) == 0 || in.lost {
		return
	}
	for _, a := range arrived {
		encoded := a.append(nil)
		t.write.Set(waitingKey(nil, s.id, in.number, in.waitingNext), encoded)
		in.waitingNext++
		in.waitingBytes += uint64(len(encoded))
	}
	in.live, in.dirty = false, true
	if in.waitingBytes > t.core.maxWaiting {
		t.loseWaiting(s, in)
	}
}

// loseWaiting lets the rows go that wait for an input, and with them the query:
// its result can no longer be right.
func (t *tick) loseWaiting(s *stage, in *input) {
	t.write.DeleteRange(waitingKey(nil, s.id, in.number, in.waitingFirst), waitingKey(nil, s.id, in.number, in.waitingNext))
	in.waitingFirst, in.waitingBytes, in.lost = in.waitingNext, 0, true
	q := s.query
	q.state, q.failure = queryFailed, "too many rows waited for the query; drop it and create it again"
	t.core.poisoned[q.descriptor.ID] = q.failure
	t.writeStatus(q)
}

// sinkConsumer is the end of a query's last stage.
func (c *core) sinkConsumer(q *runningQuery, s *stage) consumer {
	if q.sink.relation.Kind == catalog.KindTable {
		sink := newTableSink(q.sink, func(t *turn, changes *types.Batch, remaining []int64) {
			t.tick.indexRows(t.tick.core.codec(q.sink.relation.ID), changes, remaining)
			t.tick.tableChanged(q.sink.relation.ID, changes)
		})
		w := s.plan.Root.Props().Window
		if w != nil && w.Closing != nil && w.Closing.Keep != plan.NoLimit && q.sink.relation.Window != nil {
			sink.keep, s.timed = w.Closing, true
		}
		return sink
	}
	var builder log.BatchBuilder
	return &streamSink{emit: func(t *turn, rows *types.Batch) {
		builder.Reset()
		t.scratch = q.sink.appendRecords(&builder, rows, t.scratch)
		records := builder.Finish(-1, -1, -1, log.CompressionNone)
		if err := t.tick.appendStream(q.sink.relation.ID, rows, records); err != nil {
			t.fail(err)
		}
	}}
}

// shuffleConsumer is the end of a stage that moves its rows to other shards.
func (c *core) shuffleConsumer(s *stage, node *plan.Shuffle) consumer {
	receiver := stageID{s.id.query, s.plan.To}
	out := &shuffleOut{keys: node.Keys, partitions: node.Partitions, emit: func(t *turn, shard int, sent arrival) {
		t.tick.send(s, receiver, shard, sent)
	}}
	if bounds := node.Props().Window; bounds != nil && bounds.Closing != nil && !bounds.Closing.WallClock {
		out.closing, out.told = bounds.Closing, make([]streamTime, node.Partitions)
		for shard := range out.told {
			out.told[shard].at = noTime
		}
		s.timed = true
	}
	return out
}

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
