package exec

import (
	"fmt"

	"millrace/log"
	"millrace/sql/types"
	"millrace/tables"
)

// How the inputs of stages take rows: those of streams and tables.

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
