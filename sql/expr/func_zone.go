package expr

import (
	"time"

	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// defineZones defines timezone(), which AT TIME ZONE stands for
// (https://www.postgresql.org/docs/15/functions-datetime.html#FUNCTIONS-DATETIME-ZONECONVERT).
func (b *builder) defineZones() {
	b.function("timezone", "text,timestamptz", "timestamp", nil, "local time in a time zone", stateful(func() Kernel {
		var cache zoneCache
		return lift2e(func(name string, v int64) (int64, error) {
			if isInfinite(v) {
				return v, nil
			}
			zone, err := cache.zone(name)
			if err != nil {
				return 0, err
			}
			return checkTimestamp(types.TimestampToLocal(v, zone))
		})
	}))
	b.function("timezone", "text,timestamp", "timestamptz", nil, "time at which a time zone has a local time", stateful(func() Kernel {
		var cache zoneCache
		return lift2e(func(name string, v int64) (int64, error) {
			if isInfinite(v) {
				return v, nil
			}
			zone, err := cache.zone(name)
			if err != nil {
				return 0, err
			}
			return checkTimestamp(types.TimestampFromLocal(v, zone))
		})
	}))
	b.function("timezone", "interval,timestamptz", "timestamp", lift2e(func(offset string, v int64) (int64, error) { return shift(v, offset, 1) }), "local time at an offset from UTC")
	b.function("timezone", "interval,timestamp", "timestamptz", lift2e(func(offset string, v int64) (int64, error) { return shift(v, offset, -1) }), "time at which an offset from UTC has a local time")
}

// zoneCache keeps the last time zone, for one program. Where referenced is set,
// abbreviations whose offset changed over time stand for their zone.
type zoneCache struct {
	referenced bool
	name       string
	location   *time.Location
}

func (c *zoneCache) zone(name string) (*time.Location, error) {
	if c.location != nil && c.name == name {
		return c.location, nil
	}
	lookUp := types.NamedZone
	if c.referenced {
		lookUp = types.ReferencedZone
	}
	location, ok := lookUp(name)
	if !ok {
		return nil, errNoZone(name)
	}
	c.name, c.location = name, location
	return location, nil
}

// zoneNamed returns a time zone by its name, abbreviation, or offset as POSIX
// writes it (positive west of Greenwich).
func zoneNamed(name string) (*time.Location, error) {
	zone, ok := types.NamedZone(name)
	if !ok {
		return nil, errNoZone(name)
	}
	return zone, nil
}

func errNoZone(name string) error {
	return sqlerr.New(sqlerr.InvalidParameterValue, -1, "time zone \"%s\" not recognized", name)
}

// zoneOfMaker returns the time zone of make_timestamptz, in which an offset is
// that of ISO 8601 (positive east of Greenwich) and must have a sign.
func zoneOfMaker(name string) (*time.Location, error) {
	seconds, ok, tooLarge := types.ParseZoneOffset(name)
	switch {
	case ok:
		return time.FixedZone("", seconds), nil
	case tooLarge:
		return nil, sqlerr.New(sqlerr.InvalidParameterValue, -1, "numeric time zone \"%s\" out of range", name)
	case name != "" && name[0] >= '0' && name[0] <= '9':
		return nil, sqlerr.New(sqlerr.InvalidParameterValue, -1, "invalid input syntax for type numeric time zone: \"%s\"", name).
			WithHint("Numeric time zones must have \"-\" or \"+\" as first character.")
	}
	return zoneNamed(name)
}

// shift moves a timestamp by an offset from UTC, to local time (sign 1) or from it
// (sign -1).
func shift(v int64, offset string, sign int64) (int64, error) {
	if isInfinite(v) {
		return v, nil
	}
	seconds, err := zoneShift(offset)
	if err != nil {
		return 0, err
	}
	micros := sign * seconds * microsPerSecond
	moved := v + micros
	if (moved < v) != (micros < 0) && micros != 0 {
		return 0, errTimestampRange
	}
	return checkTimestamp(moved)
}

// zoneShift returns the seconds of an interval that stands for an offset from UTC.
func zoneShift(offset string) (int64, error) {
	o := types.DecodeInterval(offset)
	if o.Months != 0 || o.Days != 0 {
		text := types.AppendText(nil, types.Interval, types.StringDatum(offset), types.DefaultFormat())
		return 0, sqlerr.New(sqlerr.InvalidParameterValue, -1, "interval time zone \"%s\" must not include months or days", text)
	}
	return o.Micros / microsPerSecond, nil
}
