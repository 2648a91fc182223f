package types

import (
	"encoding/binary"
	"time"

	"millrace/sql/sqlerr"
)

// TimeTZValue is a time of day at an offset from UTC: PostgreSQL's time with time zone
// (https://www.postgresql.org/docs/15/datatype-datetime.html).
type TimeTZValue struct {
	// Micros are the microseconds since midnight.
	Micros int64
	// Offset is the seconds east of UTC.
	Offset int
}

// A datum of the type is one integer, in whose order the values are: by the time in UTC
// and then by the offset, the western ones last.
//
//	(microseconds since midnight − offset) << 18 | (2^17 − offset in seconds)
const (
	timeTZZoneBits = 18
	timeTZZoneZero = 1 << (timeTZZoneBits - 1)
	// timeTZSize are the bytes of a value in binary.
	timeTZSize = 12
)

// EncodeTimeTZ returns the value of a datum of TimeTZ.
func EncodeTimeTZ(v TimeTZValue) int64 {
	return (v.Micros-int64(v.Offset)*microsPerSecond)<<timeTZZoneBits | int64(timeTZZoneZero-v.Offset)
}

// DecodeTimeTZ is the inverse of EncodeTimeTZ.
func DecodeTimeTZ(packed int64) TimeTZValue {
	offset := timeTZZoneZero - int(packed&(1<<timeTZZoneBits-1))
	return TimeTZValue{Micros: packed>>timeTZZoneBits + int64(offset)*microsPerSecond, Offset: offset}
}

// In returns the same moment at another offset.
func (v TimeTZValue) In(offset int) TimeTZValue {
	v.Micros = (v.Micros + int64(offset-v.Offset)*microsPerSecond) % microsPerDay
	if v.Micros < 0 {
		v.Micros += microsPerDay
	}
	v.Offset = offset
	return v
}

// TimeToTimeTZ returns a time of day at the offset that a zone has at that time of
// today, which now tells.
func TimeToTimeTZ(micros int64, now time.Time, zone *time.Location) TimeTZValue {
	return TimeTZValue{Micros: micros, Offset: offsetToday(micros, now, zone)}
}

// offsetToday returns the zone's offset at a time of the day on which now is in it.
func offsetToday(micros int64, now time.Time, zone *time.Location) int {
	if zone == nil || zone == time.UTC {
		return 0
	}
	local := utcToLocal(TimestampFromTime(now), zone)
	return offsetOfLocal(local-floorMod64(local, microsPerDay)+micros, zone)
}

func floorMod64(a, b int64) int64 { return a - floorDiv64(a, b)*b }

// TimestampToTimeTZ returns the time of day that a finite timestamp has in a zone.
func TimestampToTimeTZ(micros int64, zone *time.Location) TimeTZValue {
	offset := offsetOfUTC(micros, zone)
	_, ofDay := splitMicros(micros + int64(offset)*microsPerSecond)
	return TimeTZValue{Micros: ofDay, Offset: offset}
}

// ZoneOffsetAt returns a zone's offset at a time, in seconds east of UTC.
func ZoneOffsetAt(now time.Time, zone *time.Location) int {
	return offsetOfUTC(TimestampFromTime(now), zone)
}

func appendTimeTZ(buf []byte, packed int64) []byte {
	v := DecodeTimeTZ(packed)
	return appendOffset(appendTimeOfDay(buf, v.Micros), v.Offset)
}

func roundTimeTZ(packed int64, digits int32) int64 {
	v := DecodeTimeTZ(packed)
	v.Micros = roundMicros(v.Micros, digits)
	return EncodeTimeTZ(v)
}

// parseTimeTZ reads a time of day with a zone, the session's where there is none.
func parseTimeTZ(t Type, s string, f *Format) (int64, error) {
	if end, micros := parseISOTime(s, 0); end > 0 && end < len(s) {
		if offset, ok := parseISOOffset(s, end); ok {
			return EncodeTimeTZ(TimeTZValue{Micros: roundMicros(micros, t.Mod), Offset: offset}), nil
		}
	}
	v, err := parseTimeTZSlow(s, f)
	if err != nil {
		return 0, describeDateError(err, "time with time zone", s)
	}
	v.Micros = roundMicros(v.Micros, t.Mod)
	return EncodeTimeTZ(v), nil
}

func parseTimeTZSlow(s string, f *Format) (TimeTZValue, error) {
	d, err := decodeDate(s, f, true)
	if err != nil {
		return TimeTZValue{}, err
	}
	v := TimeTZValue{Micros: d.timeOfDay()}
	dated := d.seen&partsDate == partsDate
	zone := d.zone
	switch {
	case zone == nil && d.hasOffset:
		v.Offset = d.offset
		return v, nil
	case zone == nil:
		zone = f.TimeZone
	case !dated && !isFixedZone(zone):
		// A zone with changing offsets needs a date.
		return v, errDateSyntax
	}
	if dated {
		days := daysFromCivil(civil{d.year, d.month, d.day})
		v.Offset = offsetOfLocal(days*microsPerDay+v.Micros, zone)
		return v, nil
	}
	if zone == nil || isFixedZone(zone) {
		v.Offset = offsetOfUTC(0, zone)
		return v, nil
	}
	now, err := d.now()
	if err != nil {
		return v, err
	}
	v.Offset = offsetToday(v.Micros, now, zone)
	return v, nil
}

// appendBinaryTimeTZ appends the time and the seconds west of UTC.
func appendBinaryTimeTZ(buf []byte, packed int64) []byte {
	v := DecodeTimeTZ(packed)
	buf = binary.BigEndian.AppendUint64(buf, uint64(v.Micros))
	return binary.BigEndian.AppendUint32(buf, uint32(int32(-v.Offset)))
}

func parseBinaryTimeTZ(data []byte) (Datum, error) {
	if err := checkBinaryLength(data, timeTZSize); err != nil {
		return Null, err
	}
	const limit = (maxZoneHours + 1) * 3600
	micros, west := int64(binary.BigEndian.Uint64(data)), int(int32(binary.BigEndian.Uint32(data[8:])))
	if micros < 0 || micros > microsPerDay {
		return Null, sqlerr.New(sqlerr.DatetimeFieldOverflow, -1, "time out of range")
	}
	if west <= -limit || west >= limit {
		return Null, sqlerr.New(sqlerr.InvalidTimeZoneDisplacement, -1, "time zone displacement out of range")
	}
	return IntDatum(EncodeTimeTZ(TimeTZValue{Micros: micros, Offset: -west})), nil
}
