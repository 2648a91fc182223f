package exec

import (
	"fmt"

	"millrace/sql/types"
)

// Rows that arrive at inputs, and those that wait for them.

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
