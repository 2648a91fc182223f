package timefunctions

import (
	"fmt"
	"strings"
)

// dateText is text that a date or timestamp may be read from.
func (g *generator) dateText() string {
	if g.IntN(3) == 0 {
		return g.pick("epoch", "infinity", "-infinity", "+infinity", "allballs", "2024-W01-1", "2024-001", "2024.366", "20240229", "20240229T131415", "20240229 131415.5", "240229", "J2451187", "J2451187.5", "2024-02-29T13:14:15Z", "2024-02-29T13:14:15.123456789+05:30",
			"Feb 29 2024", "29 Feb 2024", "29-Feb-2024", "Feb-29-2024", "2024-Feb-29", "1/8/1999", "1/18/1999", "18/1/1999", "01/02/03", "1999-Jan-08 04:05:06 PST", "January 8, 1999", "99-08-Jan", "08-Jan-99", "Thursday 8 January 1999", "1999-01-08 04:05 AM", "1999-01-08 13:05 PM", "1999-01-08 12:05 PM", "040506", "1999-01-08 04:05:06 America/New_York",
			"1999-01-08 04:05:06.789 -8", "1999-01-08 04:05:06-08:00:30", "Sat Feb 16 17:32:01 1997 PST", "97FEB10 5:32:01PM UTC", "epoch 10:00", "2024-02-30", "2023-02-29", "2024-13-01", "2024-00-10", "0000-01-01", "0000-01-01 BC", "0001-01-01 BC", "5874898-01-01", "4714-11-23 BC", "294277-01-01", "2024-02-29 24:00:00", "2024-02-29 24:00:01", "2024-02-29 23:59:60", "2024-02-29 25:00", "", "  ", "x", "2024", "2024-02", "10:00", "y2024 m2 d29 h10", "y2024m02d29", "2024-02-29 10:00 +24:00", "2024-02-29 10:00 EST5EDT", "2024-07-04 10:00 EST", "2024-07-04 10:00 MSK", "2010-07-04 10:00 MSK", "2024-03-10 02:30:00 America/New_York", "2024-11-03 01:30 America/New_York", "44 BC March 15", "March 15 44 BC", "2024-02-29 BC", "1999-01-08 noon", "12.31.2024", "31.12.2024", "2024/2/9", "1-2-3", "12:34 2024-02-29", "2024-02-29 10:00 z", "2024-02-29 10:00 zulu", "2024-02-29 10:00 foo", "2024-02-29 10:00 DST", "2024-02-29 10:00 EST DST", "2024-07-04 10:00 ART", "100000-01-01", "12024-02-29", "2024-02-29 1:2:3", "2024-02-29 1:2", "2024-02-29  10 : 00", "2024-02-29,10:00", "2024-02-29 at 10:00", "on 2024-02-29", "2024-02-29 10:00:00.0000005", "2024-02-29 10:00:59.9999999", "Dec 31 99999", "2024-02-29T10", "2024-02-29 T10:00", "2024-02-29 10:00am", "2024-02-29 10:00 am BC", "invalid", "current", "jan 1 2024 jan", "2024-02-29 2024-02-29", "2024-02-29+05")
	}
	text := g.pick("2024-02-29", "1999-01-08", "Jan 8 1999", "8 January 1999", "0044-03-15", "19990108", "1/8/1999", "January 8, 99 BC", "2500-07-01", "1850-07-01")
	switch g.IntN(3) {
	case 0:
		text += g.pick(" ", "T", " ") + g.timeOfDay()
		text += g.pick("", "", "Z", "+02", "-05:30", " EST", " PDT", " Europe/Berlin", " +0530", " America/New_York", " -15:59:59", " IST", " CEST", " BC", " AD", " PM", " am")
	case 1:
		text = g.timeOfDay() + " " + text
	}
	return text
}

// timeText is text that a time of day may be read from.
func (g *generator) timeText() string {
	return g.pick("04:05:06.789", "04:05:06", "04:05", "040506", "04:05 AM", "04:05 PM", "12:00 AM", "12:00 PM", "04:05:06.789-8", "04:05:06-08:00", "04:05-08:00", "040506-08", "040506+0730", "040506+07:30:00", "04:05:06 PST", "2003-04-12 04:05:06 America/New_York", "04:05:06 America/New_York", "allballs", "24:00:00", "24:00:01", "23:59:60", "23:59:59.9999999", "25:00", "10", "1000", "100000", "1:2:3", "", "noon", "13:00 PM", "00:00 PM", "T10:00", "T1000", "10:00:00.5555555", "epoch", "2024-02-29", "2024-02-29 10:00", "10:60", "10:00:61", "04:05 UTC", "04:05 EST5EDT", "10:00 BC", "15:36:39 America/New_York", "23:59:60.01", "07:06 +16", "t 040506", "040506.789", "0405 am", "-04:05", g.timeOfDay())
}

// intervalInput is text that an interval may be read from.
func (g *generator) intervalInput() string {
	if g.IntN(2) == 0 {
		return g.pick("1-2", "3 4:05:06", "1 year 2 months 3 days 4 hours 5 minutes 6 seconds", "P1Y2M3DT4H5M6S", "P0001-02-03T04:05:06", "P1.5Y", "P1.5M", "P0.5D", "PT0.5H", "P1W", "PT", "P", "P1", "-P1Y", "P-1Y2M", "P1Y-2M", "@ 1 minute", "1 day ago", "-1 day ago", "1 day 2 hours ago", "1.5 days", "1.5 weeks", "1.5 months", "1.5 years", "0.1 centuries", "1.7 millennia", "1 decade", "1 week 3 days", "-1-2 +3 -4:05:06", "1 2:03", "1:02:03.4567891", "12:34", "1 sec", "1.5 sec", "500 ms", "1000 us", "1 year 1 year", "1 fortnight", "", "x", "1", "-1", "1.5", "2147483648 days", "2147483647 years", "178956970 years 8 mons", "9223372036854775807 us", "9223372036854775808 us", "2562047788:00:54.775807", "1 day -1 hour", "-1 day +1 hour", "1y2mon3d4h5m6s", "1m", "6 mons 15.5 days", "0.33 months", "-0.33 months", "1e2 days", "1 day 24:00:00", "100:00", "1:60:00", "1:00:60", "-00:00:01", "- 1 day", "+1 day", "1 -1:00", "1 day 1", "3 days 4", "4 hours 5", "infinity", "1-13", "1-", "1--2", "P2147483648Y", "PT2562047789H", "P1Y2M3D T4H", "p1y", "P1MT1M", "1.5h", ".5 hour", "1. day", "1 quarter", "1 qtr", "0.5 quarter", "1 day 2 day", "5 years 3 centuries", "1 month 2 mons", "1 second 5 milliseconds", "1.5 second 5 milliseconds", "0:0:0.000001", "00:00:00.0000005", "P0Y0M0DT0S", "P00021015T103020", "1 day, 2 hours", "1 hr 2 mins", "1 dec", "PT1:2:3", "P1-2", "P1-2-3", "20 ms ago")
	}
	var parts []string
	for range 1 + g.IntN(3) {
		parts = append(parts, fmt.Sprintf("%s%s", g.pick("1", "2", "-3", "1.5", "-0.7", "0.123456789", "+12", "100000"), g.pick(" ", "", " ")+g.pick("years", "mon", "d", "hours", "min", "s", "weeks", "ms", "us", "decades", "centuries", "mils", "y", "m", "h", "days")))
	}
	return strings.Join(parts, " ")
}
