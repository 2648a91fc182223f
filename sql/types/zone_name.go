package types

import (
	"strings"
	"time"
)

// NamedZone returns the time zone that AT TIME ZONE and its like take by a name:
// an abbreviation such as CEST or MSK, or what LookUpZone knows.
func NamedZone(name string) (*time.Location, bool) {
	if zone, ok := abbreviatedZone(name); ok {
		return zone, true
	}
	return LookUpZone(name)
}

// ReferencedZone is NamedZone, but for abbreviations whose offset changed over
// time: they stand for the zone that they are used in, as date_trunc has it.
func ReferencedZone(name string) (*time.Location, bool) {
	lower := strings.ToLower(name)
	if zoneName, ok := zonedAbbreviations[lower[:min(len(lower), wordLength)]]; ok {
		name = zoneName
	}
	return NamedZone(name)
}

// abbreviatedZone returns the zone that an abbreviation stands for. One whose
// meaning changed over time has, at every moment, the offset of its last use, or
// of its first one before that; one that the zone does not use any more stands for
// the zone.
func abbreviatedZone(name string) (*time.Location, bool) {
	lower := strings.ToLower(name)
	lower = lower[:min(len(lower), wordLength)]
	if minutes, ok := fixedAbbreviations[lower]; ok {
		return time.FixedZone(strings.ToUpper(lower), int(minutes)*60), true
	}
	zoneName, ok := zonedAbbreviations[lower]
	if !ok {
		return nil, false
	}
	zone, err := time.LoadLocation(zoneName)
	if err != nil {
		return nil, false
	}
	return usesOf(strings.ToUpper(lower), zone), true
}

// usesOf returns the zone that has, at every moment, the offset that an
// abbreviation last had in a zone; the zone itself where it has none.
func usesOf(abbreviation string, zone *time.Location) *time.Location {
	var changes []offsetChange
	// No zone has changed its clocks before the first year, nor does any abbreviation
	// get another meaning after the last.
	const first, last = -10_000_000_000, 4_000_000_000
	for at := time.Unix(first, 0).In(zone); at.Unix() < last; {
		name, offset := at.Zone()
		if name == abbreviation && (len(changes) == 0 || changes[len(changes)-1].offset != offset) {
			changes = append(changes, offsetChange{at.Unix(), offset})
		}
		_, end := at.ZoneBounds()
		if end.IsZero() {
			break
		}
		at = end
	}
	if len(changes) == 0 {
		return zone
	}
	changes[0].at = first
	uses, err := newZone(abbreviation, changes, "")
	if err != nil {
		return zone
	}
	return uses
}

// LookUpZone returns the time zone with a name of the IANA database, in any
// case, or given as POSIX writes it: a name and the offset west of Greenwich,
// perhaps with summer time and its rule.
func LookUpZone(name string) (*time.Location, bool) {
	if name == "" || strings.EqualFold(name, "local") || strings.Contains(name, "//") {
		return nil, false
	}
	for _, spelling := range [...]string{name, strings.ToUpper(name), zoneSpelling(name)} {
		if zone, err := time.LoadLocation(spelling); err == nil {
			return zone, true
		}
	}
	return posixZone(name)
}

// zoneSpelling gives a zone's name the capital letters it most likely has:
// "america/port_of_spain" is "America/Port_of_Spain".
func zoneSpelling(name string) string {
	lower := strings.ToLower(name)
	for _, area := range [...]string{"etc/", "us/"} {
		rest, found := strings.CutPrefix(lower, area)
		switch {
		case found && area == "etc/" && rest != "greenwich" && rest != "universal" && rest != "zulu":
			return "Etc/" + strings.ToUpper(rest)
		case found && area == "us/":
			return "US/" + capitalized(rest)
		}
	}
	if spelling, ok := irregularZones[lower]; ok {
		return spelling
	}
	return strings.NewReplacer("_Of_", "_of_", "-Au-", "-au-", "_Es_", "_es_").Replace(capitalized(lower))
}

// capitalized writes the letters capital that begin a part of a name.
func capitalized(lower string) string {
	out := []byte(lower)
	for i, c := range out {
		first := i == 0 || strings.IndexByte("/_-", out[i-1]) >= 0
		if first && c >= 'a' && c <= 'z' {
			out[i] = c - 'a' + 'A'
		}
	}
	return string(out)
}

// irregularZones are the names with capital letters inside a part.
var irregularZones = map[string]string{
	"america/argentina/comodrivadavia": "America/Argentina/ComodRivadavia",
	"america/knox_in":                  "America/Knox_IN",
	"antarctica/dumontdurville":        "Antarctica/DumontDUrville",
	"antarctica/mcmurdo":               "Antarctica/McMurdo",
	"australia/act":                    "Australia/ACT",
	"australia/lhi":                    "Australia/LHI",
	"australia/nsw":                    "Australia/NSW",
	"brazil/denoronha":                 "Brazil/DeNoronha",
	"chile/easterisland":               "Chile/EasterIsland",
	"gb-eire":                          "GB-Eire",
	"mexico/bajanorte":                 "Mexico/BajaNorte",
	"mexico/bajasur":                   "Mexico/BajaSur",
}
