package exec

import (
	"fmt"
	"runtime/debug"
	"time"

	"millrace/sql/catalog"
	"millrace/sql/types"
)

// queryFailure tells which query must stop, and why: its code panicked, it came to a
// limit, or a row failed and it was created to stop then.
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
	worked, err := t.resumeWork(q, s, tn, clock)
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
		return t.stageFailed(q, tn.failed)
	}
	t.writePositions(s)
	tn.tick, tn.write = nil, nil // an idle stage keeps nothing of its last tick alive
	return nil
}

// resumeWork lets the operators of a stage go on with the work that earlier ticks have
// left.
func (t *tick) resumeWork(q *runningQuery, s *stage, tn *turn, clock *queryClock) (bool, error) {
	if len(s.workers) == 0 {
		return false, nil
	}
	tn.spent = clock.spent
	for _, j := range s.workers {
		if err := j.work.load(tn); err != nil {
			return false, fmt.Errorf("query %q: %w", q.descriptor.Name, err)
		}
	}
	if q.state != queryRunning || !s.busy() || !t.core.schedule.mayLag.has(q.index) {
		return false, nil
	}
	s.resumeWork(tn)
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
