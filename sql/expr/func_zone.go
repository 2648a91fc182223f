package expr

import (
	"strings"
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
			return types.TimestampToLocal(v, zone), nil
		})
	}))
	b.function("timezone", "text,timestamp", "timestamptz", nil, "time at which a time zone has a local time", stateful(func() Kernel {
		var cache zoneCache
		return lift2e(func(name string, v int64) (int64, error) {
			zone, err := cache.zone(name)
			if err != nil || isInfinite(v) {
				return v, err
			}
			return checkTimestamp(types.TimestampFromLocal(v, zone))
		})
	}))
	b.function("timezone", "interval,timestamptz", "timestamp", lift2e(func(offset string, v int64) (int64, error) {
		zone, err := intervalZone(offset)
		if err != nil {
			return 0, err
		}
		return types.TimestampToLocal(v, zone), nil
	}), "local time at an offset from UTC")
	b.function("timezone", "interval,timestamp", "timestamptz", lift2e(func(offset string, v int64) (int64, error) {
		zone, err := intervalZone(offset)
		if err != nil {
			return 0, err
		}
		return types.TimestampFromLocal(v, zone), nil
	}), "time at which an offset from UTC has a local time")
}

// zoneCache keeps the last time zone, for one program.
type zoneCache struct {
	name     string
	location *time.Location
}

func (c *zoneCache) zone(name string) (*time.Location, error) {
	if c.location != nil && c.name == name {
		return c.location, nil
	}
	location, err := zoneNamed(name)
	if err != nil {
		return nil, err
	}
	c.name, c.location = name, location
	return location, nil
}

// zoneAbbreviations are the offsets, in hours, of abbreviations that are not
// names in the time zone database.
var zoneAbbreviations = map[string]float64{
	"utc": 0, "z": 0, "zulu": 0, "gmt": 0, "ut": 0, "wet": 0, "west": 1, "bst": 1, "cet": 1, "cest": 2, "eet": 2, "eest": 3, "msk": 3,
	"est": -5, "edt": -4, "cst": -6, "cdt": -5, "mst": -7, "mdt": -6, "pst": -8, "pdt": -7, "akst": -9, "akdt": -8, "hst": -10,
	"ist": 2, "jst": 9, "kst": 9, "aest": 10, "aedt": 11, "acst": 9.5, "acdt": 10.5, "awst": 8, "nzst": 12, "nzdt": 13,
}

// zoneNamed returns a time zone by its name, abbreviation, or offset as POSIX
// writes it (positive west of Greenwich).
func zoneNamed(name string) (*time.Location, error) {
	if hours, ok := zoneAbbreviations[lowerASCII(name)]; ok {
		return time.FixedZone(name, int(hours*3600)), nil
	}
	if offset, ok := parseOffset(name); ok {
		return time.FixedZone(name, -offset), nil
	}
	if name != "" && name != "Local" {
		if location, err := time.LoadLocation(name); err == nil {
			return location, nil
		}
		if location, err := time.LoadLocation(zoneTitle(name)); err == nil {
			return location, nil
		}
	}
	return nil, sqlerr.New(sqlerr.InvalidParameterValue, -1, "time zone \"%s\" not recognized", name)
}

// zoneTitle writes a zone's name with the capitals that most names have:
// america/new_york as America/New_York.
func zoneTitle(name string) string {
	out := []byte(lowerASCII(name))
	for i, c := range out {
		if c >= 'a' && c <= 'z' && (i == 0 || strings.IndexByte("/_-", out[i-1]) >= 0) {
			out[i] = c - 0x20
		}
	}
	return string(out)
}

// parseOffset reads [abbreviation][±]hh[:mm[:ss]] as seconds, the sign as
// written.
func parseOffset(text string) (int, bool) {
	at := strings.IndexAny(text, "+-0123456789")
	if at < 0 || strings.Contains(text[:at], "/") {
		return 0, false
	}
	seconds, unit := 0, 3600
	for part := range strings.SplitSeq(strings.TrimLeft(text[at:], "+-"), ":") {
		n := 0
		for _, c := range part {
			if c < '0' || c > '9' {
				return 0, false
			}
			n = n*10 + int(c-'0')
		}
		if part == "" || n > 167 || unit == 0 {
			return 0, false
		}
		seconds += n * unit
		unit /= 60
	}
	if text[at] == '-' {
		seconds = -seconds
	}
	return seconds, true
}

func intervalZone(interval string) (*time.Location, error) {
	v := types.DecodeInterval(interval)
	if v.Months != 0 || v.Days != 0 {
		text := types.AppendText(nil, types.Interval, types.StringDatum(interval), types.DefaultFormat())
		return nil, sqlerr.New(sqlerr.InvalidParameterValue, -1, "interval time zone \"%s\" must not include months or days", text)
	}
	return time.FixedZone("", int(v.Micros/microsPerSecond)), nil
}
