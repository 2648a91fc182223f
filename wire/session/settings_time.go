package session

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// checkDateStyle takes a style, an order, or both, in any order
// (https://www.postgresql.org/docs/15/runtime-config-client.html#GUC-DATESTYLE).
// What is left out stays as it is.
func checkDateStyle(s *setting, value, old string) (string, error) {
	style, order, _ := strings.Cut(old, ", ")
	styleSet, orderSet := false, false
	names, ok := splitNames(value)
	if !ok {
		return "", invalidValue(s, value).WithDetail("List syntax is invalid.")
	}
	for _, name := range names {
		nextStyle, nextOrder := dateStyleWord(strings.ToLower(name))
		if nextStyle == "" && nextOrder == "" {
			return "", invalidValue(s, value).WithDetail("Unrecognized key word: %q.", name)
		}
		if nextStyle != "" {
			if styleSet && style != nextStyle {
				return "", invalidValue(s, value).WithDetail("Conflicting \"datestyle\" specifications.")
			}
			style, styleSet = nextStyle, true
			if nextStyle == "German" && !orderSet {
				order = "DMY"
			}
		} else {
			if orderSet && order != nextOrder {
				return "", invalidValue(s, value).WithDetail("Conflicting \"datestyle\" specifications.")
			}
			order, orderSet = nextOrder, true
		}
	}
	return style + ", " + order, nil
}

func dateStyleWord(word string) (style, order string) {
	switch {
	case word == "iso":
		return "ISO", ""
	case word == "sql":
		return "SQL", ""
	case strings.HasPrefix(word, "postgres"):
		return "Postgres", ""
	case word == "german":
		return "German", ""
	case word == "ymd":
		return "", "YMD"
	case word == "dmy", strings.HasPrefix(word, "euro"):
		return "", "DMY"
	case word == "mdy", word == "us", strings.HasPrefix(word, "noneuro"):
		return "", "MDY"
	default:
		return "", ""
	}
}

// parseDateStyle reads the kept form of DateStyle.
func parseDateStyle(kept string) (types.DateStyle, types.DateOrder) {
	styleName, orderName, _ := strings.Cut(kept, ", ")
	style, order := types.DateStyleISO, types.DateOrderMDY
	switch styleName {
	case "SQL":
		style = types.DateStyleSQL
	case "Postgres":
		style = types.DateStylePostgres
	case "German":
		style = types.DateStyleGerman
	}
	switch orderName {
	case "DMY":
		order = types.DateOrderDMY
	case "YMD":
		order = types.DateOrderYMD
	}
	return style, order
}

// checkTimeZone takes a zone's name, an abbreviation, or an offset in the forms
// that loadTimeZone knows.
func checkTimeZone(s *setting, value, _ string) (string, error) {
	name, _, ok := loadTimeZone(value)
	if !ok {
		return "", invalidValue(s, value)
	}
	return name, nil
}

// loadTimeZone returns a time zone and the name that SHOW prints for it:
//
//   - a name of the time zone database, in any case: Europe/Berlin, UTC;
//   - hours east of Greenwich: 2, -5, 5.5;
//   - POSIX's abbreviation with the offset west of Greenwich: GMT-2, <+02>-02,
//     UTC+5:30;
//   - a fixed abbreviation: CEST, PDT.
func loadTimeZone(value string) (name string, zone *time.Location, ok bool) {
	value = strings.TrimSpace(value)
	if value == "" || strings.EqualFold(value, "local") {
		return "", nil, false
	}
	if hours, err := strconv.ParseFloat(value, 64); err == nil {
		return offsetZone(int(hours * 3600))
	}
	if strings.EqualFold(value, "default") {
		return "UTC", time.UTC, true
	}
	if zone, ok := loadNamedZone(value); ok {
		return zone.String(), zone, true
	}
	if zone, ok := loadPosixZone(value); ok {
		return value, zone, true
	}
	if seconds, ok := zoneAbbreviations[strings.ToUpper(value)]; ok {
		return strings.ToUpper(value), time.FixedZone(strings.ToUpper(value), seconds), true
	}
	return "", nil, false
}

// offsetZone returns the zone at an offset, in seconds east of Greenwich, under
// PostgreSQL's name for it, which counts both ways: <+02>-02.
func offsetZone(seconds int) (string, *time.Location, bool) {
	const limit = 168 * 3600
	if seconds < -limit || seconds > limit {
		return "", nil, false
	}
	east := formatOffset(seconds, "+")
	return "<" + east + ">" + formatOffset(-seconds, "+"), time.FixedZone(east, seconds), true
}

func formatOffset(seconds int, plus string) string {
	sign := plus
	if seconds < 0 {
		sign, seconds = "-", -seconds
	}
	text := fmt.Sprintf("%s%02d", sign, seconds/3600)
	if rest := seconds % 3600; rest != 0 {
		text += fmt.Sprintf(":%02d", rest/60)
		if rest%60 != 0 {
			text += fmt.Sprintf(":%02d", rest%60)
		}
	}
	return text
}

// loadNamedZone finds a zone of the database. Its names are mostly words with
// capitals, or capitals alone; both are tried for names in another case.
func loadNamedZone(name string) (*time.Location, bool) {
	if strings.EqualFold(name, "utc") {
		return time.UTC, true
	}
	for _, candidate := range []string{name, titleCase(name), strings.ToUpper(name)} {
		if zone, err := time.LoadLocation(candidate); err == nil {
			return zone, true
		}
	}
	return nil, false
}

// titleCase begins each word of a zone's name with a capital, small words apart.
func titleCase(name string) string {
	lower := []byte(strings.ToLower(name))
	start := 0
	for i := 0; i <= len(lower); i++ {
		if i < len(lower) && lower[i] != '/' && lower[i] != '_' && lower[i] != '-' {
			continue
		}
		switch string(lower[start:i]) {
		case "of", "es", "au", "":
		default:
			lower[start] -= 'a' - 'A'
			if lower[start] < 'A' || lower[start] > 'Z' {
				lower[start] += 'a' - 'A'
			}
		}
		start = i + 1
	}
	return string(lower)
}

// loadPosixZone reads POSIX's fixed zones: an abbreviation, in angle brackets
// unless it is all letters, and the hours[:minutes[:seconds]] that it lies west
// of Greenwich.
func loadPosixZone(value string) (*time.Location, bool) {
	var abbreviation, offset string
	if strings.HasPrefix(value, "<") {
		end := strings.IndexByte(value, '>')
		if end < 0 {
			return nil, false
		}
		abbreviation, offset = value[1:end], value[end+1:]
	} else {
		end := strings.IndexAny(value, "+-0123456789")
		if end < 0 {
			return nil, false
		}
		abbreviation, offset = value[:end], value[end:]
	}
	sign := -1
	if strings.HasPrefix(offset, "-") {
		sign, offset = 1, offset[1:]
	} else {
		offset = strings.TrimPrefix(offset, "+")
	}
	seconds, scale := 0, 3600
	for _, part := range strings.Split(offset, ":") {
		n, err := strconv.Atoi(part)
		if err != nil || n < 0 || n > 167 || scale == 0 || scale < 3600 && n > 59 {
			return nil, false
		}
		seconds += n * scale
		scale /= 60
	}
	return time.FixedZone(abbreviation, sign*seconds), true
}

// zoneAbbreviations are abbreviations that are no names of zones, in seconds
// east of Greenwich, with PostgreSQL's default meaning.
var zoneAbbreviations = map[string]int{
	"Z": 0, "WEST": 3600, "BST": 3600, "CEST": 2 * 3600, "EEST": 3 * 3600, "MSK": 3 * 3600,
	"IST": 2 * 3600, "JST": 9 * 3600, "KST": 9 * 3600, "SGT": 8 * 3600, "AEST": 10 * 3600, "AEDT": 11 * 3600,
	"NZST": 12 * 3600, "NZDT": 13 * 3600, "EDT": -4 * 3600, "CST": -6 * 3600, "CDT": -5 * 3600,
	"MDT": -6 * 3600, "PST": -8 * 3600, "PDT": -7 * 3600, "AKST": -9 * 3600, "AKDT": -8 * 3600,
}

// parseSettingDuration reads a kept number of milliseconds, such as 30s.
func parseSettingDuration(s *setting, kept string) time.Duration {
	n, err := parseInteger(s, kept)
	if err != nil {
		return 0
	}
	return time.Duration(n) * time.Millisecond
}

// parseDurationOption reads a duration as FETCH … WITH (timeout = …) has it: a
// number of milliseconds, or a number with a unit.
func parseDurationOption(value string, position int) (time.Duration, error) {
	s := &setting{name: "timeout", unit: unitMillisecond, high: maxInt32}
	n, err := parseInteger(s, value)
	if err != nil {
		return 0, sqlerr.From(err).At(position)
	}
	if n < 0 || n > s.high {
		return 0, sqlerr.New(sqlerr.InvalidParameterValue, position, "the timeout %q is out of range", value)
	}
	return time.Duration(n) * time.Millisecond, nil
}
