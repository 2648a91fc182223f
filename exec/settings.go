package exec

import (
	"strings"
	"time"

	"millrace/sql/catalog"
	"millrace/sql/types"
)

// formatOf returns the settings by which a query reads and prints values, fixed
// when it was created. A setting that cannot be understood keeps its default.
func formatOf(q *catalog.Query) *types.Format {
	format := types.DefaultFormat()
	for _, setting := range q.Settings {
		value := strings.ToLower(setting.Value)
		switch strings.ToLower(setting.Name) {
		case "timezone":
			if zone, err := time.LoadLocation(setting.Value); err == nil {
				format.TimeZone = zone
			}
		case "datestyle":
			setDateStyle(format, value)
		case "intervalstyle":
			switch value {
			case "postgres_verbose":
				format.IntervalStyle = types.IntervalStylePostgresVerbose
			case "sql_standard":
				format.IntervalStyle = types.IntervalStyleSQLStandard
			case "iso_8601":
				format.IntervalStyle = types.IntervalStyleISO8601
			}
		}
	}
	return format
}

// setDateStyle takes the words of a DateStyle such as "iso, dmy".
func setDateStyle(format *types.Format, value string) {
	for word := range strings.FieldsFuncSeq(value, func(r rune) bool { return r == ',' || r == ' ' }) {
		switch word {
		case "iso":
			format.DateStyle = types.DateStyleISO
		case "sql":
			format.DateStyle = types.DateStyleSQL
		case "postgres":
			format.DateStyle = types.DateStylePostgres
		case "german":
			format.DateStyle = types.DateStyleGerman
		case "mdy":
			format.DateOrder = types.DateOrderMDY
		case "dmy":
			format.DateOrder = types.DateOrderDMY
		case "ymd":
			format.DateOrder = types.DateOrderYMD
		}
	}
}
