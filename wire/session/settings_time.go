package session

import (
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

// checkTimeZone takes a zone's name, an abbreviation, or an offset in the forms
// that types.TimeZoneSetting knows.
func checkTimeZone(s *setting, value, _ string) (string, error) {
	name, _, ok := types.TimeZoneSetting(value)
	if !ok {
		return "", invalidValue(s, value)
	}
	return name, nil
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
