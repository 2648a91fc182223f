package simulation

import (
	"testing"
	"time"
	"unsafe"
)

// clockTime is how package time keeps a time that has two readings, of the wall clock and of
// a monotonic one: a flag, 33 bits of seconds since 1885 and 30 of nanoseconds; the
// monotonic reading; the location. TestClock tells when that has changed.
type clockTime struct {
	wall     uint64
	ext      int64
	location *time.Location
}

const (
	hasMonotonic = 1 << 63
	secondsShift = 30
)

// clockEpoch is where the seconds of clockTime begin.
var clockEpoch = time.Date(1885, 1, 1, 0, 0, 0, 0, time.UTC)

// clock returns what time.Now would on a machine whose wall clock is ahead, or behind, since
// somebody has set it: the differences of such times are not changed by that. A bubble's own
// time.Now has no monotonic reading.
func clock(ahead time.Duration) time.Time {
	now := time.Now()
	wall := now.Add(ahead)
	set := wall
	*(*clockTime)(unsafe.Pointer(&set)) = clockTime{
		wall:     hasMonotonic | uint64(wall.Unix()-clockEpoch.Unix())<<secondsShift | uint64(wall.Nanosecond()),
		ext:      now.Sub(clockStart).Nanoseconds(),
		location: time.Local,
	}
	return set
}

// clockStart is before all times of a bubble.
var clockStart = time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC)

// TestClock sets a clock: what it shows changes, and the time that has passed does not.
func TestClock(t *testing.T) {
	before := clock(0)
	if shown := time.Since(before.Round(0)); shown < 0 || shown > time.Minute {
		t.Fatalf("the clock shows %v", before)
	}
	for _, ahead := range []time.Duration{-time.Hour, 0, 1500 * time.Millisecond, 24 * time.Hour} {
		after := clock(ahead)
		if passed := after.Sub(before); passed < 0 || passed > time.Minute || after.Before(before) {
			t.Errorf("set %v ahead, %v have passed", ahead, passed)
		}
		if shown := after.Round(0).Sub(before.Round(0)) - ahead; shown < 0 || shown > time.Minute {
			t.Errorf("set %v ahead, the clock shows %v after %v", ahead, after, before)
		}
		if later := after.Add(time.Second); later.Sub(after) != time.Second || later.UnixMilli()-after.UnixMilli() != 1000 {
			t.Errorf("%v is no second after %v", later, after)
		}
	}
}
