package types

// isoTimestamp is what the fast reader of ISO 8601 found.
type isoTimestamp struct {
	days      int64
	ofDay     int64 // microseconds
	offset    int   // seconds east of UTC
	hasTime   bool
	hasOffset bool
}

// parseISO reads "YYYY-MM-DD", with "HH:MM:SS" behind a blank or T, a fraction
// of at most six digits, and Z or an offset; ok is false for everything else,
// which the general reader then judges. It does not allocate.
func parseISO(s string) (ts isoTimestamp, ok bool) {
	if len(s) < 10 || s[4] != '-' || s[7] != '-' {
		return ts, false
	}
	year := fourDigits(s, 0)
	month := twoDigits(s, 5)
	day := twoDigits(s, 8)
	if year <= 0 || month < 1 || month > 12 || day < 1 || day > daysInMonth(year, month) {
		return ts, false
	}
	ts.days = daysFromCivil(civil{year, month, day})
	if len(s) == 10 {
		return ts, true
	}
	if s[10] != ' ' && s[10] != 'T' {
		return ts, false
	}
	end, ofDay := parseISOTime(s, 11)
	if end == 0 {
		return ts, false
	}
	ts.ofDay, ts.hasTime = ofDay, true
	if end == len(s) {
		return ts, true
	}
	ts.hasOffset = true
	if s[end] == 'Z' && end+1 == len(s) {
		return ts, true
	}
	ts.offset, ok = parseISOOffset(s, end)
	return ts, ok
}

// parseISOTime reads HH:MM:SS and a fraction from s[i:]; end is behind it, 0
// when there is no such time.
func parseISOTime(s string, i int) (end int, micros int64) {
	if len(s) < i+8 || s[i+2] != ':' || s[i+5] != ':' {
		return 0, 0
	}
	hour, minute, second := twoDigits(s, i), twoDigits(s, i+3), twoDigits(s, i+6)
	if uint(hour) > 23 || uint(minute) > 59 || uint(second) > 59 {
		return 0, 0
	}
	micros = int64(hour*3600+minute*60+second) * microsPerSecond
	end = i + 8
	if end == len(s) || s[end] != '.' {
		return end, micros
	}
	end++
	unit, start := int64(100_000), end
	for ; end < len(s) && s[end]-'0' <= 9; end++ {
		if unit == 0 {
			return 0, 0
		}
		micros += int64(s[end]-'0') * unit
		unit /= 10
	}
	if end == start {
		return 0, 0
	}
	return end, micros
}

// parseISOOffset reads "+HH", "+HHMM" or "+HH:MM" at the end of s.
func parseISOOffset(s string, i int) (offset int, ok bool) {
	if s[i] != '+' && s[i] != '-' {
		return 0, false
	}
	minuteAt := 0
	switch len(s) - i {
	case 3:
	case 5:
		minuteAt = i + 3
	case 6:
		if s[i+3] != ':' {
			return 0, false
		}
		minuteAt = i + 4
	default:
		return 0, false
	}
	hour, minute := twoDigits(s, i+1), 0
	if minuteAt > 0 {
		minute = twoDigits(s, minuteAt)
	}
	if uint(hour) > maxZoneHours || uint(minute) > 59 {
		return 0, false
	}
	offset = hour*3600 + minute*60
	if s[i] == '-' {
		offset = -offset
	}
	return offset, true
}

// maxZoneHours is the largest hour of a zone's offset.
const maxZoneHours = 15

// twoDigits returns the number s[i:i+2], negative when it is none.
func twoDigits(s string, i int) int {
	a, b := s[i]-'0', s[i+1]-'0'
	if a > 9 || b > 9 {
		return -1
	}
	return int(a)*10 + int(b)
}

func fourDigits(s string, i int) int {
	high, low := twoDigits(s, i), twoDigits(s, i+2)
	if high < 0 || low < 0 {
		return -1
	}
	return high*100 + low
}
