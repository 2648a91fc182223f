package types

import (
	"math"
	"strconv"
	"strings"
)

// timeField reads "hh:mm", "hh:mm:ss" or "mm:ss.ffffff".
func (d *dateDecoder) timeField(s string) (dateParts, error) {
	clock, err := parseClock(s, false)
	if err != nil {
		return 0, err
	}
	if clock.hours > math.MaxInt16 || clock.hours > 24 && !d.timeOnly {
		return 0, errDateOverflow
	}
	d.hour, d.minute, d.second, d.micros = int(clock.hours), clock.minutes, clock.seconds, clock.micros
	if d.timeOfDay() > microsPerDay && !d.timeOnly {
		return 0, errDateOverflow
	}
	return partsTime, nil
}

func (d *dateDecoder) timeOfDay() int64 {
	return int64(d.hour*3600+d.minute*60+d.second)*microsPerSecond + int64(d.micros)
}

// clock is a time as it was written.
type clock struct {
	hours            int64
	minutes, seconds int
	micros           int
}

// parseClock reads a time with colons. Two fields are hours and minutes, or
// minutes and seconds where the fields of an interval say so (shortIsSeconds)
// or a fraction follows.
func parseClock(s string, shortIsSeconds bool) (c clock, err error) {
	parts := strings.Split(s, ":")
	if len(parts) < 2 || len(parts) > 3 {
		return c, errDateSyntax
	}
	last := parts[len(parts)-1]
	whole, fraction, hasFraction := strings.Cut(last, ".")
	parts[len(parts)-1] = whole
	if hasFraction {
		if c.micros, err = parseFraction(fraction); err != nil {
			return c, err
		}
	}
	var numbers [3]int64
	for i, part := range parts {
		// An empty part is 0, as C's strtol has it.
		if part == "" {
			continue
		}
		if !allDigits(part) {
			return c, errDateSyntax
		}
		numbers[i], err = strconv.ParseInt(part, 10, 64)
		if err != nil || i > 0 && numbers[i] > math.MaxInt32 {
			return c, errDateOverflow
		}
	}
	if len(parts) == 2 && (hasFraction || shortIsSeconds) {
		numbers[0], numbers[1], numbers[2] = 0, numbers[0], numbers[1]
	}
	if numbers[1] > 59 || numbers[2] > 60 {
		return c, errDateOverflow
	}
	c.hours, c.minutes, c.seconds = numbers[0], int(numbers[1]), int(numbers[2])
	return c, nil
}

// parseFraction returns the microseconds of the digits behind a point.
func parseFraction(digits string) (int, error) {
	if digits == "" {
		return 0, nil
	}
	if !allDigits(digits) {
		return 0, errDateSyntax
	}
	v, err := strconv.ParseFloat("0."+digits, 64)
	if err != nil {
		return 0, errDateSyntax
	}
	return int(math.RoundToEven(v * microsPerSecond)), nil
}

// ParseZoneOffset reads an offset from UTC as ISO 8601 writes it, behind a sign,
// in seconds; ok is false for other text, and tooLarge says that it is an offset
// that no zone has.
func ParseZoneOffset(s string) (seconds int, ok, tooLarge bool) {
	if s == "" || s[0] != '+' && s[0] != '-' {
		return 0, false, false
	}
	seconds, err := parseZoneOffset(s)
	return seconds, err == nil, err == errZoneOverflow
}

// parseZoneOffset reads "+hh", "+hhmm", "+hh:mm" or "+hh:mm:ss", in seconds
// east of UTC.
func parseZoneOffset(s string) (int, error) {
	parts := strings.Split(s[1:], ":")
	if len(parts) > 3 {
		return 0, errDateSyntax
	}
	var numbers [3]int
	junk := false
	for i, part := range parts {
		digits := part[:skipWhile(part, 0, isDigit)]
		junk = junk || digits != part
		if digits == "" {
			continue
		}
		v, err := strconv.Atoi(digits)
		if err != nil || v > math.MaxInt32 {
			return 0, errZoneOverflow
		}
		numbers[i] = v
	}
	if len(parts) == 1 && len(s) > len("+hh") {
		numbers[0], numbers[1] = numbers[0]/100, numbers[0]%100
	}
	if numbers[0] > maxZoneHours || numbers[1] > 59 || numbers[2] > 59 {
		return 0, errZoneOverflow
	}
	if junk {
		return 0, errDateSyntax
	}
	offset := numbers[0]*3600 + numbers[1]*60 + numbers[2]
	if s[0] == '-' {
		offset = -offset
	}
	return offset, nil
}

// applyHalf turns hours of AM and PM into those of the day.
func (d *dateDecoder) applyHalf() error {
	switch {
	case d.half != half24 && d.hour > 12:
		return errDateOverflow
	case d.half == halfAM && d.hour == 12:
		d.hour = 0
	case d.half == halfPM && d.hour != 12:
		d.hour += 12
	}
	// A time written as digits without colons is not checked in a timestamp:
	// 1997 is 20:37.
	if d.timeOnly && (d.hour > 24 || d.minute > 59 || d.second > 60 || d.timeOfDay() > microsPerDay) {
		return errDateOverflow
	}
	return nil
}
