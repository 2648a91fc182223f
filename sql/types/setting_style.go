package types

import "strings"

// ParseDateStyle reads a value of the setting DateStyle as SHOW prints it, such
// as "ISO, MDY". Words that it does not know are passed over.
func ParseDateStyle(value string) (DateStyle, DateOrder) {
	style, order := DateStyleISO, DateOrderMDY
	for word := range strings.FieldsFuncSeq(strings.ToLower(value), func(r rune) bool { return r == ',' || r == ' ' }) {
		switch word {
		case "sql":
			style = DateStyleSQL
		case "postgres":
			style = DateStylePostgres
		case "german":
			style = DateStyleGerman
		case "dmy":
			order = DateOrderDMY
		case "ymd":
			order = DateOrderYMD
		}
	}
	return style, order
}

// ParseIntervalStyle reads a value of the setting IntervalStyle; one that it does
// not know is PostgreSQL's default.
func ParseIntervalStyle(value string) IntervalStyle {
	switch strings.ToLower(value) {
	case "postgres_verbose":
		return IntervalStylePostgresVerbose
	case "sql_standard":
		return IntervalStyleSQLStandard
	case "iso_8601":
		return IntervalStyleISO8601
	}
	return IntervalStylePostgres
}
