package types

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// TimeZoneSetting returns the time zone that a value of the setting TimeZone
// means, and the name that SHOW prints for it:
//
//   - a name of the time zone database, in any case: Europe/Berlin, UTC;
//   - hours east of Greenwich: 2, -5, 5.5;
//   - POSIX's abbreviation with the offset west of Greenwich, perhaps with summer
//     time and its rule: GMT-2, <+02>-02, UTC+5:30, CET-1CEST,M3.5.0,M10.5.0/3;
//   - a fixed abbreviation: CEST, PDT.
func TimeZoneSetting(value string) (name string, zone *time.Location, ok bool) {
	value = strings.TrimSpace(value)
	if hours, err := strconv.ParseFloat(value, 64); err == nil {
		return offsetZone(int(hours * 3600))
	}
	if strings.EqualFold(value, "default") {
		return "UTC", time.UTC, true
	}
	if zone, ok := LookUpZone(value); ok {
		if strings.EqualFold(zone.String(), value) {
			return zone.String(), zone, true
		}
		return strings.ToUpper(value), zone, true
	}
	if zone, ok := abbreviatedZone(value); ok {
		return strings.ToUpper(value), zone, true
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
