package types

import "time"

// localToUTC returns the timestamp of a local time in a zone. As in
// PostgreSQL, a local time that a change of the clocks skips is read with the
// offset before the change, one that occurs twice with the offset after it.
func localToUTC(local int64, zone *time.Location) int64 {
	return local - int64(offsetOfLocal(local, zone))*microsPerSecond
}

// offsetOfLocal returns the zone's offset, in seconds east of UTC, at a local
// time.
func offsetOfLocal(local int64, zone *time.Location) int {
	if zone == nil || zone == time.UTC {
		return 0
	}
	seconds := floorDiv64(local, microsPerSecond) - unixEpochSeconds
	// No zone is a day from UTC, so the offset before the next change after
	// this time and the one after it are the two candidates.
	before := time.Unix(seconds-secondsPerDay, 0).In(zone)
	_, offsetBefore := before.Zone()
	_, change := before.ZoneBounds()
	if change.IsZero() {
		return offsetBefore
	}
	_, offsetAfter := change.Zone()
	withBefore, withAfter := seconds-int64(offsetBefore), seconds-int64(offsetAfter)
	boundary := change.Unix()
	switch {
	case withBefore < boundary && withAfter < boundary:
		return offsetBefore
	case withBefore >= boundary && withAfter >= boundary:
		return offsetAfter
	case withBefore > withAfter:
		return offsetBefore
	default:
		return offsetAfter
	}
}

// offsetOfUTC returns the zone's offset, in seconds east of UTC, at a
// timestamp.
func offsetOfUTC(micros int64, zone *time.Location) int {
	if zone == nil || zone == time.UTC {
		return 0
	}
	_, offset := timeOf(micros).In(zone).Zone()
	return offset
}

// utcToLocal returns the local time in a zone at a timestamp.
func utcToLocal(micros int64, zone *time.Location) int64 {
	return micros + int64(offsetOfUTC(micros, zone))*microsPerSecond
}

// TimestampFromTime returns t as a timestamp with time zone, whole microseconds
// towards the past.
func TimestampFromTime(t time.Time) int64 {
	return (t.Unix()+unixEpochSeconds)*microsPerSecond + int64(t.Nanosecond())/1000
}

// TimestampToTime returns a finite timestamp with time zone as a time in UTC.
func TimestampToTime(micros int64) time.Time { return timeOf(micros) }

// TimestampFromUnixMillis returns milliseconds since the Unix epoch, as
// rowtimes are kept, as a timestamp with time zone.
func TimestampFromUnixMillis(millis int64) int64 {
	return (millis + unixEpochSeconds*1000) * 1000
}

// TimestampToUnixMillis is the inverse of TimestampFromUnixMillis, rounded
// towards the past.
func TimestampToUnixMillis(micros int64) int64 {
	return floorDiv64(micros, 1000) - unixEpochSeconds*1000
}

// TimestampToLocal returns the local time in a zone at a timestamp with time
// zone: the cast to timestamp. Infinities stay.
func TimestampToLocal(micros int64, zone *time.Location) int64 {
	if micros == TimestampInfinity || micros == TimestampNegativeInfinity {
		return micros
	}
	return utcToLocal(micros, zone)
}

// TimestampFromLocal returns the timestamp with time zone of a local time: the
// cast from timestamp. Infinities stay.
func TimestampFromLocal(micros int64, zone *time.Location) int64 {
	if micros == TimestampInfinity || micros == TimestampNegativeInfinity {
		return micros
	}
	return localToUTC(micros, zone)
}

// TimestampToDate returns the date of a timestamp; infinities stay.
func TimestampToDate(micros int64) int64 {
	switch micros {
	case TimestampInfinity:
		return DateInfinity
	case TimestampNegativeInfinity:
		return DateNegativeInfinity
	default:
		days, _ := splitMicros(micros)
		return days
	}
}

// TimestampFromDate returns midnight of a date; ok is false when that is
// outside the range of timestamps.
func TimestampFromDate(days int64) (micros int64, ok bool) {
	switch days {
	case DateInfinity:
		return TimestampInfinity, true
	case DateNegativeInfinity:
		return TimestampNegativeInfinity, true
	default:
		return joinMicros(days, 0)
	}
}
