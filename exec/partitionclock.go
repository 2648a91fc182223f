package exec

import (
	"fmt"
	"time"

	"millrace/sql/types"
	"millrace/tables"
)

// partitionClock keeps stream time where rows enter a stage from partitions.
//
// Invariant: between turns the stored state equals times. It is, per partition,
//
//	version u8 · (idleness u8 · time varint)
//
// under the operator's empty key; a partition's idleness is not kept.
type partitionClock struct {
	key stateKey
	// idleTimeout is in microseconds, 0 for none.
	idleTimeout int64
	// times are the partitions': one on a shard. loaded says that they are those of
	// the store, and stored are what it has.
	times  []partitionTime
	stored []int64
	loaded bool
}

// partitionTime is the stream time of a partition, and when its last row came.
type partitionTime struct {
	streamTime
	seen time.Time
}

func newPartitionClock(key stateKey, partitions int, idleTimeout int64) *partitionClock {
	c := &partitionClock{key: key, idleTimeout: idleTimeout, times: make([]partitionTime, partitions), stored: make([]int64, partitions)}
	for i := range c.times {
		c.times[i].at, c.stored[i] = noTime, noTime
	}
	return c
}

// of returns the time of the partition that a batch is of, for the caller to advance
// by its rows.
func (c *partitionClock) of(t *turn, in *types.Batch) *partitionTime {
	c.load(t)
	p := &c.times[0]
	if int(in.Partition) < len(c.times) {
		p = &c.times[in.Partition]
	}
	p.seen, p.idle = t.now, active
	return p
}

// advance ends a turn: it tells the operators behind what the time is, and stores it.
func (c *partitionClock) advance(t *turn) {
	c.load(t)
	times, changed := make([]streamTime, len(c.times)), false
	for i := range c.times {
		c.rest(t, &c.times[i])
		times[i] = c.times[i].streamTime
		changed = changed || times[i].at != c.stored[i]
		c.stored[i] = times[i].at
	}
	t.time = combined(times)
	if t.unordered {
		t.time = streamTime{at: noTime}
	}
	if !changed || t.write == nil {
		return
	}
	buf := tables.AppendStateKey(t.scratch[:0], c.key.query, c.key.stage, c.key.operator, nil)
	keyLen := len(buf)
	buf = append(buf, recordVersion)
	for _, at := range times {
		buf = at.append(buf)
	}
	t.write.Set(buf[:keyLen], buf[keyLen:])
	t.scratch = buf
}

// rest finds out whether a partition is idle, and when it will be next.
func (c *partitionClock) rest(t *turn, p *partitionTime) {
	timeout := time.Duration(c.idleTimeout) * time.Microsecond
	since := t.now.Sub(p.seen)
	switch {
	case t.unused:
		p.idle = stopped
	case t.behind:
		p.idle = active
		t.wakeAt(t.now.Add(partitionIdle)) // it may rest when nothing waits any more
	case timeout > 0 && since >= timeout:
		p.idle = stopped
	case since >= partitionIdle:
		p.idle = idle
		if timeout > 0 {
			t.wakeAt(p.seen.Add(timeout))
		}
	default:
		p.idle = active
		if timeout > 0 && timeout < partitionIdle {
			t.wakeAt(p.seen.Add(timeout))
		} else {
			t.wakeAt(p.seen.Add(partitionIdle))
		}
	}
}

// load takes the stored times, the first time.
func (c *partitionClock) load(t *turn) {
	if c.loaded {
		return
	}
	c.loaded = true
	for i := range c.times {
		c.times[i].seen = t.now
	}
	if t.state == nil {
		return
	}
	stored, found, err := t.state.Get(tables.AppendStateKey(nil, c.key.query, c.key.stage, c.key.operator, nil), nil)
	if err != nil || !found {
		if err != nil {
			t.fail(fmt.Errorf("read the stream time of partitions: %w", err))
		}
		return
	}
	if len(stored) == 0 || stored[0] != recordVersion {
		t.fail(errBadRecord)
		return
	}
	r := uvarintReader{data: stored[1:]}
	for i := range c.times {
		c.times[i].at = r.streamTime().at
		c.stored[i] = c.times[i].at
	}
	if r.bad {
		t.fail(errBadRecord)
	}
}
