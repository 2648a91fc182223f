package session

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"

	"millrace/sql/sqlerr"
)

// Assignment is a setting's name with a value.
type Assignment struct{ Name, Value string }

// setting describes one run-time parameter.
type setting struct {
	// name is as SHOW prints it; it is found in any case.
	name        string
	standard    string
	description string
	// context is PostgreSQL's word for who may change it and when.
	context string
	// report says that clients are told the value and every change of it.
	report bool
	// check returns the form in which a value is kept, or an error. old is the
	// value before.
	check func(s *setting, value, old string) (string, error)
	// choices are the words of an enumeration.
	choices []string
	// unit, low and high belong to integers: see checkInteger.
	unit      unit
	low, high int64
}

// values are the settings' values. They are never changed: a change makes new
// ones, so that transactions and savepoints keep the old ones by a pointer.
type values struct {
	byNumber []string
	// custom holds the settings with a dot in the name, which users make up.
	custom map[string]string
	derived
}

// settingNumbers finds settings by their name in lower case.
var settingNumbers = func() map[string]int {
	numbers := make(map[string]int, len(settings))
	for i := range settings {
		numbers[strings.ToLower(settings[i].name)] = i
	}
	return numbers
}()

// standardValues are the values of a session that has set nothing.
var standardValues = func() *values {
	v := &values{byNumber: make([]string, len(settings))}
	for i := range settings {
		v.byNumber[i] = settings[i].standard
	}
	v.derive()
	return v
}()

// get returns a setting's value and canonical name.
func (v *values) get(name string) (canonical, value string, ok bool) {
	name = settingAlias(name)
	if i, known := settingNumbers[strings.ToLower(name)]; known {
		return settings[i].name, v.byNumber[i], true
	}
	value, ok = v.custom[strings.ToLower(name)]
	return name, value, ok
}

// with returns values in which a setting has another value, checked.
func (v *values) with(name, value string) (*values, error) {
	name = settingAlias(name)
	i, known := settingNumbers[strings.ToLower(name)]
	if !known {
		if !strings.Contains(name, ".") {
			return nil, unknownSetting(name)
		}
		if !isCustomName(name) {
			return nil, sqlerr.New("42602", -1, "invalid configuration parameter name %q", name).
				WithDetail("Custom parameter names must be two or more simple identifiers separated by dots.")
		}
		next := *v
		next.custom = maps.Clone(v.custom)
		if next.custom == nil {
			next.custom = make(map[string]string)
		}
		next.custom[strings.ToLower(name)] = value
		return &next, nil
	}
	s := &settings[i]
	if err := s.checkChangeable(); err != nil {
		return nil, err
	}
	kept := value
	if s.check != nil {
		named := *s
		if s.choices != nil {
			// PostgreSQL's errors about enumerations have the name as it was written.
			named.name = name
		}
		var err error
		if kept, err = s.check(&named, value, v.byNumber[i]); err != nil {
			return nil, err
		}
	}
	return v.replace(i, kept), nil
}

// replace returns values in which setting i has a value in its kept form.
func (v *values) replace(i int, value string) *values {
	if v.byNumber[i] == value {
		return v
	}
	next := *v
	next.byNumber = slices.Clone(v.byNumber)
	next.byNumber[i] = value
	next.derive()
	return &next
}

// reset returns values in which a setting has the value that it has in start.
func (v *values) reset(name string, start *values) (*values, error) {
	name = settingAlias(name)
	i, known := settingNumbers[strings.ToLower(name)]
	if !known {
		_, isSet := v.custom[strings.ToLower(name)]
		if !isSet && !isCustomName(name) {
			return nil, unknownSetting(name)
		}
		next := *v
		next.custom = maps.Clone(v.custom)
		if isSet {
			// A name that was once set stays known.
			next.custom[strings.ToLower(name)] = start.custom[strings.ToLower(name)]
		}
		return &next, nil
	}
	if err := settings[i].checkChangeable(); err != nil {
		return nil, err
	}
	return v.replace(i, start.byNumber[i]), nil
}

// checkChangeable refuses to change what sessions do not.
func (s *setting) checkChangeable() error {
	when := ""
	switch s.context {
	case contextUser:
		return nil
	case contextStart:
		when = " without restarting the server"
	case contextReload:
		when = " now"
	}
	return sqlerr.New(sqlerr.CantChangeRuntimeParam, -1, "parameter %q cannot be changed%s", s.name, when)
}

// isCustomName reports whether a name may be a setting that users make up: two
// or more identifiers with dots between them.
func isCustomName(name string) bool {
	parts := strings.Split(name, ".")
	return len(parts) >= 2 && !slices.ContainsFunc(parts, func(part string) bool { return !isPlainWord(part) })
}

// isPlainWord reports whether a text has the form of an identifier without quotes.
func isPlainWord(text string) bool {
	for i := range len(text) {
		ch := text[i]
		letter := ch == '_' || ch >= 0x80 || ch|0x20 >= 'a' && ch|0x20 <= 'z'
		if !letter && (i == 0 || ch != '$' && (ch < '0' || ch > '9')) {
			return false
		}
	}
	return text != ""
}

func unknownSetting(name string) error {
	return sqlerr.New(sqlerr.UndefinedObject, -1, "unrecognized configuration parameter %q", name).
		WithHint("SHOW ALL lists the parameters.")
}

// settingAlias returns the name of a setting that goes by two.
func settingAlias(name string) string {
	switch strings.ToLower(name) {
	case "time zone":
		return "timezone"
	case "session authorization":
		return "session_authorization"
	case "transaction isolation level":
		return "transaction_isolation"
	default:
		return name
	}
}

// kind is the setting's type as pg_settings has it.
func (s *setting) kind() string {
	switch {
	case s.choices != nil:
		return "enum"
	case s.low != 0 || s.high != 0:
		return "integer"
	case s.standard == "on" || s.standard == "off":
		return "bool"
	default:
		return "string"
	}
}

// plain returns a kept value as pg_settings has it: a number in the setting's own
// unit.
func (s *setting) plain(kept string) string {
	if s.unit == unitNone {
		return kept
	}
	n, err := parseInteger(s, kept)
	if err != nil {
		return kept
	}
	return strconv.FormatInt(n, 10)
}

// sortedSettings returns the settings' numbers in the order of SHOW ALL.
func sortedSettings() []int {
	order := make([]int, len(settings))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		return cmp.Compare(strings.ToLower(settings[a].name), strings.ToLower(settings[b].name))
	})
	return order
}
