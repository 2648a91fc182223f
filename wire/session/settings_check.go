package session

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"millrace/sql/sqlerr"
)

// invalidValue is the error of a value that a setting does not take.
func invalidValue(s *setting, value string) *sqlerr.Error {
	return sqlerr.New(sqlerr.InvalidParameterValue, -1, "invalid value for parameter %q: %q", s.name, value)
}

// checkBoolean takes PostgreSQL's words for true and false, and their beginnings
// where they are clear.
func checkBoolean(s *setting, value, _ string) (string, error) {
	v, ok := parseBoolean(value)
	if !ok {
		return "", sqlerr.New(sqlerr.InvalidParameterValue, -1, "parameter %q requires a Boolean value", s.name)
	}
	if v {
		return "on", nil
	}
	return "off", nil
}

func parseBoolean(value string) (result, ok bool) {
	value = strings.ToLower(strings.TrimSpace(value))
	if value == "" {
		return false, false
	}
	switch {
	case strings.HasPrefix("true", value), strings.HasPrefix("yes", value), value == "on", value == "1":
		return true, true
	case strings.HasPrefix("false", value), strings.HasPrefix("no", value), value == "0",
		len(value) > 1 && strings.HasPrefix("off", value):
		return false, true
	default:
		return false, false
	}
}

// checkChoice takes the words of an enumeration in any case, and booleans
// where on and off are among them.
func checkChoice(s *setting, value, _ string) (string, error) {
	lower := strings.ToLower(value)
	if slices.Contains(s.choices, lower) {
		return lower, nil
	}
	if slices.Contains(s.choices, "on") {
		if kept, err := checkBoolean(s, value, ""); err == nil {
			return kept, nil
		}
	}
	return "", invalidValue(s, value).WithHint("Available values: %s.", strings.Join(s.choices, ", "))
}

func checkIsolation(s *setting, value, old string) (string, error) {
	if strings.EqualFold(value, "default") {
		return s.standard, nil
	}
	return checkChoice(s, value, old)
}

func checkOn(s *setting, value, old string) (string, error) {
	kept, err := checkBoolean(s, value, old)
	if err == nil && kept != "on" {
		return "", sqlerr.New(sqlerr.FeatureNotSupported, -1, "%s cannot be turned off", s.name).
			WithHint("Write E'...' for a string with escapes.")
	}
	return kept, err
}

// checkPrintable replaces what is not printable ASCII, as PostgreSQL does.
func checkPrintable(_ *setting, value, _ string) (string, error) {
	const longest = 63
	clean := []byte(value)
	for i, ch := range clean {
		if ch < 32 || ch > 126 {
			clean[i] = '?'
		}
	}
	return string(clean[:min(len(clean), longest)]), nil
}

// checkEncoding takes UTF8 and SQL_ASCII under all their names: as in PostgreSQL letters and
// digits alone count.
func checkEncoding(s *setting, value, _ string) (string, error) {
	name := strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, value)
	switch name {
	case "utf8", "unicode", "default":
		return "UTF8", nil
	case "sqlascii":
		return "SQL_ASCII", nil
	default:
		return "", invalidValue(s, value).WithHint("The client encodings are UTF8 and SQL_ASCII, which convert nothing.")
	}
}

func checkRole(_ *setting, value, _ string) (string, error) {
	return value, nil // the session knows the roles: Session.checkRole
}

func checkSearchPath(s *setting, value, _ string) (string, error) {
	if _, ok := splitNames(value); !ok {
		return "", invalidValue(s, value).WithDetail("List syntax is invalid.")
	}
	return value, nil
}

// splitNames splits a list of identifiers at its commas: quoted ones as they
// are, others in lower case. An empty text is an empty list.
func splitNames(list string) (names []string, ok bool) {
	rest := strings.TrimSpace(list)
	if rest == "" {
		return nil, true
	}
	for {
		var name string
		if strings.HasPrefix(rest, `"`) {
			name, rest, ok = cutQuoted(rest)
			if !ok {
				return nil, false
			}
		} else {
			end := strings.IndexAny(rest, ", \t\n")
			if end < 0 {
				end = len(rest)
			}
			name, rest = strings.ToLower(rest[:end]), rest[end:]
			if name == "" {
				return nil, false
			}
		}
		names = append(names, name)
		rest = strings.TrimSpace(rest)
		if rest == "" {
			return names, true
		}
		if rest[0] != ',' {
			return nil, false
		}
		rest = strings.TrimSpace(rest[1:])
	}
}

// cutQuoted cuts a quoted identifier off the front of a text.
func cutQuoted(text string) (name, rest string, ok bool) {
	var b strings.Builder
	for i := 1; i < len(text); i++ {
		if text[i] != '"' {
			b.WriteByte(text[i])
			continue
		}
		if i+1 < len(text) && text[i+1] == '"' {
			b.WriteByte('"')
			i++
			continue
		}
		return b.String(), text[i+1:], true
	}
	return "", "", false
}

// quoteName puts a name in double quotes unless it is plain.
func quoteName(name string) string {
	for i := 0; i < len(name); i++ {
		ch := name[i]
		letter := ch >= 'a' && ch <= 'z' || ch == '_'
		if !letter && (i == 0 || ch < '0' || ch > '9') {
			return `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
		}
	}
	if name == "" {
		return `""`
	}
	return name
}

// unit is what an integer setting counts.
type unit uint8

const (
	unitNone unit = iota
	unitMillisecond
	unitSecond
	unitKilobyte
	unitBlock
	unitByte
)

// name is how pg_settings has the unit.
func (u unit) name() string {
	switch u {
	case unitMillisecond:
		return "ms"
	case unitSecond:
		return "s"
	case unitKilobyte:
		return "kB"
	case unitBlock:
		return "8kB"
	case unitByte:
		return "B"
	default:
		return ""
	}
}

// scale is a unit that a number may be written in, and how much of the setting's
// own unit it is.
type scale struct {
	name  string
	worth float64
}

// scales returns the units that a number may be written in, largest first.
func (u unit) scales() []scale {
	switch u {
	case unitMillisecond:
		return timeUnits
	case unitSecond:
		return secondUnits
	case unitKilobyte:
		return memoryUnits
	case unitBlock:
		return blockUnits
	case unitByte:
		return byteUnits
	default:
		return nil
	}
}

const maxInt32 = math.MaxInt32

var (
	timeUnits   = []scale{{"d", 86400e3}, {"h", 3600e3}, {"min", 60e3}, {"s", 1e3}, {"ms", 1}, {"us", 1e-3}}
	secondUnits = []scale{{"d", 86400}, {"h", 3600}, {"min", 60}, {"s", 1}, {"ms", 1e-3}, {"us", 1e-6}}
	memoryUnits = []scale{{"TB", 1 << 30}, {"GB", 1 << 20}, {"MB", 1 << 10}, {"kB", 1}, {"B", 1.0 / 1024}}
	blockUnits  = []scale{{"TB", 1 << 27}, {"GB", 1 << 17}, {"MB", 1 << 7}, {"kB", 1.0 / 8}, {"B", 1.0 / 8192}}
	byteUnits   = []scale{{"TB", 1 << 40}, {"GB", 1 << 30}, {"MB", 1 << 20}, {"kB", 1 << 10}, {"B", 1}}
)

// checkInteger takes a whole number within the setting's bounds; where the
// setting has a unit, a number with one. It is kept as SHOW prints it: in the
// largest unit that divides it.
func checkInteger(s *setting, value, _ string) (string, error) {
	n, err := parseInteger(s, value)
	if err != nil {
		return "", err
	}
	if n < s.low || n > s.high {
		suffix := ""
		if s.unit != unitNone {
			suffix = " " + s.unit.name()
		}
		return "", sqlerr.New(sqlerr.InvalidParameterValue, -1, "%d%s is outside the valid range for parameter %q (%d .. %d)",
			n, suffix, s.name, s.low, s.high)
	}
	return formatInteger(s, n), nil
}

// checkKeepAlive is checkInteger for settings of the connection's socket, of which 0
// stands for the server's value, and which SHOW prints without a unit.
func checkKeepAlive(s *setting, value, old string) (string, error) {
	if _, err := checkInteger(s, value, old); err != nil {
		return "", err
	}
	n, _ := parseInteger(s, value) // as checkInteger has found
	if n == 0 {
		return s.standard, nil
	}
	return strconv.FormatInt(n, 10), nil
}

func parseInteger(s *setting, value string) (int64, error) {
	text := strings.TrimSpace(value)
	end := len(text)
	for end > 0 && (text[end-1] >= 'a' && text[end-1] <= 'z' || text[end-1] >= 'A' && text[end-1] <= 'Z') {
		end--
	}
	number, suffix := strings.TrimSpace(text[:end]), text[end:]
	f, err := strconv.ParseFloat(number, 64)
	if err != nil || math.IsNaN(f) {
		return 0, invalidValue(s, value)
	}
	if suffix != "" {
		scale := unitScale(s, suffix)
		if scale == 0 {
			e := invalidValue(s, value)
			switch s.unit {
			case unitMillisecond, unitSecond:
				e = e.WithHint(`Valid units for this parameter are "us", "ms", "s", "min", "h", and "d".`)
			case unitKilobyte:
				e = e.WithHint(`Valid units for this parameter are "B", "kB", "MB", "GB", and "TB".`)
			}
			return 0, e
		}
		f *= scale
	}
	f = math.RoundToEven(f)
	if f > math.MaxInt32 || f < math.MinInt32 {
		return 0, invalidValue(s, value).WithHint("Value exceeds integer range.")
	}
	return int64(f), nil
}

// unitScale returns what a unit is worth in the setting's own, 0 where it does
// not belong to it.
func unitScale(s *setting, name string) float64 {
	for _, u := range s.unit.scales() {
		if u.name == name {
			return u.worth
		}
	}
	return 0
}

func formatInteger(s *setting, n int64) string {
	if n > 0 {
		for _, u := range s.unit.scales() {
			if worth := int64(u.worth); worth > 0 && n%worth == 0 {
				return strconv.FormatInt(n/worth, 10) + u.name
			}
		}
	}
	return strconv.FormatInt(n, 10)
}
