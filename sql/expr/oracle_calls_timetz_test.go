package expr

// timeTZCalls are the functions of time with time zone. Zones that change their offset
// are left out, since their offset is that of today.
var timeTZCalls = []functionCall{
	call("pg_catalog.extract", fields, all("timetz")), call("date_part", fields, all("timetz")),
	call("timezone", of("text", "UTC", "EST", "america/phoenix", "+02", "-05:30", "UTC+3", "bad/zone"), all("timetz")),
	call("timezone", of("interval", "02:00", "2 hours", "-03:30", "1 day", "00:00:01.9"), all("timetz")),
	call("overlaps", all("timetz"), of("timetz", "12:00+00", "NULL"), of("timetz", "11:00+01", "13:00-01"), of("timetz", "23:00+00", "NULL")),
	call("to_json", all("timetz")), call("to_jsonb", all("timetz")), call("timetz", all("time")),
}
