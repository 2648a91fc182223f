package types

import (
	"encoding/binary"
	"strings"
	"time"
)

// A time zone as POSIX writes it is "name offset [name [offset] [,start,end]]",
// such as EST5EDT,M3.2.0,M11.1.0 or <+03>-3: offsets count west of Greenwich
// (https://www.postgresql.org/docs/15/datetime-posix-timezone-specs.html). The
// standard library knows them as the last line of a zone's file, so one is made a
// file of nothing else.

// americanRule is the rule of a summer time that is named without one.
const americanRule = ",M3.2.0,M11.1.0"

// posixZone reads a zone as POSIX writes it; the name may be empty.
func posixZone(text string) (*time.Location, bool) {
	text = strings.ToUpper(text)
	name, rest, ok := posixName(text)
	if !ok {
		return nil, false
	}
	west, rest, ok := posixOffset(rest)
	if !ok {
		return nil, false
	}
	if rest == "" {
		return time.FixedZone(name, -west), true
	}
	summer, rest, ok := posixName(rest)
	if !ok || summer == "" {
		return nil, false
	}
	summerWest := west - 3600
	if rest != "" && rest[0] != ',' && rest[0] != ';' {
		if summerWest, rest, ok = posixOffset(rest); !ok {
			return nil, false
		}
	}
	switch {
	case rest == "":
		rest = americanRule
	case rest[0] != ',' && rest[0] != ';':
		return nil, false
	}
	// The standard library wants names of at least three letters, and rules that
	// are separated by commas.
	footer := "<" + padded(name) + ">" + formatPosix(west) + "<" + padded(summer) + ">" + formatPosix(summerWest) + strings.ReplaceAll(rest, ";", ",")
	zone, err := newZone(name, []offsetChange{{-1 << 40, -west}}, footer)
	if err != nil {
		return nil, false
	}
	// A rule that the library does not understand is passed over by it in silence.
	if _, end := time.Unix(0, 0).In(zone).ZoneBounds(); end.IsZero() {
		return nil, false
	}
	return zone, true
}

func padded(name string) string { return name + strings.Repeat("-", max(3-len(name), 0)) }

// posixName takes a zone's name from the front of s: <...>, or what stands in
// front of a digit, a sign or a comma.
func posixName(s string) (name, rest string, ok bool) {
	if bracketed, found := strings.CutPrefix(s, "<"); found {
		return strings.Cut(bracketed, ">")
	}
	end := strings.IndexAny(s, "0123456789,+-")
	if end < 0 {
		end = len(s)
	}
	return s[:end], s[end:], true
}

// posixOffset takes "[±]hh[:mm[:ss]]", in seconds, from the front of s.
func posixOffset(s string) (seconds int, rest string, ok bool) {
	sign := 1
	if s != "" && (s[0] == '-' || s[0] == '+') {
		if s[0] == '-' {
			sign = -1
		}
		s = s[1:]
	}
	limits := [...]int{167, 59, 60}
	unit := 3600
	for i, limit := range limits {
		digits := skipWhile(s, 0, isDigit)
		value := 0
		for _, c := range s[:digits] {
			value = min(value*10+int(c-'0'), limit+1)
		}
		if digits == 0 || value > limit {
			return 0, "", false
		}
		seconds += value * unit
		unit /= 60
		s = s[digits:]
		if i == len(limits)-1 || s == "" || s[0] != ':' {
			break
		}
		s = s[1:]
	}
	return sign * seconds, s, true
}

func formatPosix(seconds int) string {
	sign := ""
	if seconds < 0 {
		sign, seconds = "-", -seconds
	}
	return sign + formatOffset(seconds, "")
}

// offsetChange is a moment, in Unix seconds, from which on a zone has an offset,
// in seconds east of UTC.
type offsetChange struct {
	at     int64
	offset int
}

// newZone makes a zone of its changes, with POSIX's rule for the time behind them,
// by writing what the standard library reads: a file as RFC 8536 has it.
func newZone(name string, changes []offsetChange, footer string) (*time.Location, error) {
	var file []byte
	header := func(version byte, transitions, kinds, letters int) {
		file = append(append(file, "TZif"...), version)
		file = append(file, make([]byte, 15)...)
		for _, count := range [...]int{0, 0, 0, transitions, kinds, letters} {
			file = binary.BigEndian.AppendUint32(file, uint32(count))
		}
	}
	header('2', 0, 0, 0)
	header('2', len(changes), len(changes), len(name)+1)
	for _, c := range changes {
		file = binary.BigEndian.AppendUint64(file, uint64(c.at))
	}
	for i := range changes {
		file = append(file, byte(i))
	}
	for _, c := range changes {
		file = binary.BigEndian.AppendUint32(file, uint32(int32(c.offset)))
		file = append(file, 0, 0)
	}
	file = append(append(file, name...), 0)
	file = append(append(append(file, '\n'), footer...), '\n')
	return time.LoadLocationFromTZData(name, file)
}
