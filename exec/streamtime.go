package exec

import (
	"encoding/binary"
	"math"
	"time"

	"millrace/planner/plan"
	"millrace/sql/types"
)

// Stream time is the event-time clock by which windows close.
//
// Where rows enter a stage from a partition it is the largest event time seen in
// that partition, so a row is late by what stands before it in its partition and
// by nothing else. Behind a shuffle it is the smallest of the senders', so no row
// that its sender took in time comes too late. A sender whose partition has had
// no rows for partitionIdle does not hold the others back; where none has, it is
// the largest.
//
// It travels with the rows of a shuffle, and without rows where it passes an
// instant at which a window may close.

// noTime is stream time before the first row.
const noTime = math.MinInt64

// partitionIdle is how long a partition may have no new rows before it does not
// hold back the stream time of others.
const partitionIdle = time.Second

// idleness says whether a sender's stream time holds back the others'.
type idleness uint8

const (
	active idleness = iota
	// idle senders have had no rows for partitionIdle.
	idle
	// stopped senders have had none for the query's idle timeout.
	stopped
)

// streamTime is the clock at one point of a stage. at is a timestamp:
// microseconds since 2000-01-01.
type streamTime struct {
	at   int64
	idle idleness
}

// combined returns stream time behind several senders.
func combined(senders []streamTime) streamTime {
	least := streamTime{at: math.MaxInt64}
	most := streamTime{at: noTime, idle: stopped}
	for _, s := range senders {
		if s.idle == active {
			least.at = min(least.at, s.at)
		}
		most.at, most.idle = max(most.at, s.at), min(most.idle, s.idle)
	}
	if most.idle == active {
		return least
	}
	return most
}

// passed returns the number of the last instant at which a window ends that is
// at or before an instant.
func passed(c *plan.Closing, at int64) int64 {
	if at <= noTime+math.MaxInt32 {
		return math.MinInt64
	}
	since := at - timestampEpoch - c.Phase
	n := since / c.Every
	if since%c.Every < 0 {
		n--
	}
	return n
}

// lastEnd returns the last instant at which a window ends that is at or before
// an instant.
func lastEnd(c *plan.Closing, at int64) int64 {
	n := passed(c, at)
	if n == math.MinInt64 {
		return noTime
	}
	return n*c.Every + c.Phase + timestampEpoch
}

// matters reports whether a receiver must hear that stream time went on: it is
// past another end of a window, or the sender's idleness has changed.
func matters(c *plan.Closing, from, to streamTime) bool {
	if from.idle != to.idle {
		return true
	}
	grace := max(c.Grace, 0)
	keep := max(c.Keep, 0)
	return passed(c, saturated(to.at, -grace)) != passed(c, saturated(from.at, -grace)) ||
		c.Keep != plan.NoLimit && passed(c, saturated(to.at, -keep)) != passed(c, saturated(from.at, -keep))
}

// saturated adds to an instant; noTime stays.
func saturated(at, more int64) int64 {
	if at == noTime || more < 0 && at < noTime-more {
		return noTime
	}
	return at + more
}

// timestampEpoch is the Unix epoch as a timestamp.
var timestampEpoch = types.TimestampFromUnixMillis(0)

func (s streamTime) append(buf []byte) []byte {
	return binary.AppendVarint(append(buf, byte(s.idle)), s.at)
}

// take reads a stream time.
func (r *uvarintReader) streamTime() streamTime {
	if len(r.data) == 0 || r.data[0] > byte(stopped) {
		r.bad, r.data = true, nil
		return streamTime{}
	}
	s := streamTime{idle: idleness(r.data[0])}
	at, n := binary.Varint(r.data[1:])
	if n <= 0 {
		r.bad, r.data = true, nil
		return streamTime{}
	}
	s.at, r.data = at, r.data[1+n:]
	return s
}
