package expr

import (
	"testing"
	"time"

	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

func TestKSQLTime(t *testing.T) {
	at := func(text string) Expr { return lit("timestamptz", text) }
	text := func(s string) Expr { return lit("text", s) }
	number := func(s string) Expr { return lit("int4", s) }
	leap := at("2024-02-29 13:04:05.678901+00")
	tests := []struct {
		e    Expr
		want string
	}{
		{fn("format_timestamp", leap, text("yyyy-MM-dd'T'HH:mm:ss.SSSX")), "2024-02-29T13:04:05.678Z"},
		{fn("format_timestamp", leap, text("EEE, d MMM uuuu hh:mm a zzz"), text("America/New_York")), "Thu, 29 Feb 2024 08:04 AM EST"},
		{fn("format_timestamp", leap, text("EEEE MMMM MMMMM yy D q k K h n A"), text("Asia/Kolkata")), "Thursday February F 24 60 1 18 6 6 678901000 66845678"},
		{fn("format_timestamp", leap, text("XXX xx x Z ZZZZZ VV G"), text("Asia/Kolkata")), "+05:30 +0530 +0530 +0530 +05:30 Asia/Kolkata AD"},
		{fn("format_timestamp", lit("timestamp", "2024-02-29 13:04:05"), text("yyyy''MM''dd ''HH''")), "2024'02'29 '13'"},
		{fn("format_date", lit("date", "0044-03-15 BC"), text("y G u")), "44 BC -43"},
		{fn("format_date", lit("date", "12345-03-15"), text("yyyy-M-d")), "+12345-3-15"},
		{fn("format_time", lit("time", "00:30"), text("h:mm a, k H")), "12:30 AM, 24 0"},
		{fn("datetostring", number("19782"), text("dd/MM/yyyy")), "29/02/2024"},
		{fn("timestamptostring", lit("int8", "1709211845678"), text("yyyy-MM-dd HH:mm:ss.SSS")), "2024-02-29 13:04:05.678"},
		{fn("timestamptostring", lit("int8", "0"), text("yyyy-MM-dd HH:mm Z"), text("Europe/Berlin")), "1970-01-01 01:00 +0100"},
		{fn("parse_date", text("20240229"), text("yyyyMMdd")), "2024-02-29"},
		{fn("parse_date", text("29 february 24"), text("d MMMM yy")), "2024-02-29"},
		{fn("parse_date", text("2024-060"), text("yyyy-DDD")), "2024-02-29"},
		{fn("parse_date", text("44 BC"), text("y G")), "0044-01-01 BC"},
		{fn("parse_time", text("1:05 pm"), text("h:mm a")), "13:05:00"},
		{fn("parse_time", text("130501.25"), text("HHmmss[.SS]")), "13:05:01.25"},
		{fn("parse_time", text("130501"), text("HHmmss[.SS]")), "13:05:01"},
		{fn("parse_timestamp", text("2024-02-29T13:04:05+05:30"), text("yyyy-MM-dd'T'HH:mm:ssXXX")), "2024-02-29 07:34:05+00"},
		{fn("parse_timestamp", text("2024-07-04 12:00"), text("yyyy-MM-dd HH:mm"), text("America/New_York")), "2024-07-04 16:00:00+00"},
		{fn("parse_timestamp", text("2024-07-04 Europe/Berlin"), text("yyyy-MM-dd VV")), "2024-07-03 22:00:00+00"},
		{fn("stringtotimestamp", text("1970-01-01 00:00:01.5"), text("yyyy-MM-dd HH:mm:ss.S")), "1500"},
		{fn("stringtodate", text("1970-01-03"), text("yyyy-MM-dd")), "2"},
		{fn("unix_date", lit("date", "1970-01-03")), "2"},
		{fn("dateadd", text("DAYS"), number("3"), lit("date", "2024-02-28")), "2024-03-02"},
		{fn("datesub", text("month"), number("1"), lit("date", "2024-03-31")), "2024-02-29"},
		{fn("dateadd", text("hours"), number("-1"), lit("date", "2024-03-01")), "2024-02-29"},
		{fn("timeadd", text("HOUR"), number("3"), lit("time", "22:30")), "01:30:00"},
		{fn("timesub", text("minutes"), number("45"), lit("time", "00:30")), "23:45:00"},
		{fn("timestampadd", text("milliseconds"), number("1500"), lit("timestamp", "2024-01-01")), "2024-01-01 00:00:01.5"},
		{fn("timestampsub", text("weeks"), number("1"), at("2024-01-01 00:00+00")), "2023-12-25 00:00:00+00"},
		{fn("convert_tz", lit("timestamp", "2024-07-04 12:00"), text("UTC"), text("America/New_York")), "2024-07-04 08:00:00"},
		{fn("convert_tz", at("2024-07-04 12:00+00"), text("Asia/Tokyo"), text("UTC")), "2024-07-04 03:00:00"},
	}
	format := types.DefaultFormat()
	for _, test := range tests {
		ctx := &Context{Format: format, Now: time.Unix(0, 0)}
		d, err := EvalDatum(ctx, test.e, nil)
		if err != nil {
			t.Errorf("want %s: %v", test.want, err)
			continue
		}
		if got := string(types.AppendText(nil, test.e.Type(), d, format)); got != test.want {
			t.Errorf("got %s, want %s", got, test.want)
		}
	}
}

func TestKSQLTimeRefuses(t *testing.T) {
	text := func(s string) Expr { return lit("text", s) }
	moment := lit("timestamptz", "2024-02-29 13:04:05+00")
	tests := []struct {
		e    Expr
		want sqlerr.Code
	}{
		{fn("format_timestamp", moment, text("YYYY-'W'ww")), sqlerr.FeatureNotSupported},
		{fn("format_timestamp", moment, text("yyyy-MM-ddTHH")), sqlerr.FeatureNotSupported},
		{fn("format_timestamp", moment, text("yyyy 'open")), sqlerr.InvalidParameterValue},
		{fn("format_timestamp", moment, text("ddd")), sqlerr.InvalidParameterValue},
		{fn("format_timestamp", moment, text("yyyy"), text("no/zone")), sqlerr.InvalidParameterValue},
		{fn("format_date", lit("date", "2024-02-29"), text("HH")), sqlerr.InvalidParameterValue},
		{fn("format_date", lit("date", "infinity"), text("yyyy")), sqlerr.DatetimeFieldOverflow},
		{fn("parse_date", text("2024-02-30"), text("yyyy-MM-dd")), sqlerr.DatetimeFieldOverflow},
		{fn("parse_date", text("2024-2-3"), text("yyyy-MM-dd")), sqlerr.InvalidDatetimeFormat},
		{fn("parse_date", text("2024-02-03 10"), text("yyyy-MM-dd")), sqlerr.InvalidDatetimeFormat},
		{fn("parse_time", text("25:00"), text("HH:mm")), sqlerr.DatetimeFieldOverflow},
		{fn("dateadd", text("fortnight"), lit("int4", "1"), lit("date", "2024-02-29")), sqlerr.InvalidParameterValue},
		{fn("from_unixtime", lit("int8", "9223372036854775807")), sqlerr.DatetimeFieldOverflow},
	}
	for i, test := range tests {
		_, err := EvalDatum(&Context{Format: types.DefaultFormat()}, test.e, nil)
		if sqlerr.CodeOf(err) != test.want {
			t.Errorf("case %d: %v, want %s", i, err, test.want)
		}
	}
}

// FuzzJavaPattern reads what a pattern printed, and any other text, without
// failing in other ways than by errors.
func FuzzJavaPattern(f *testing.F) {
	f.Add("yyyy-MM-dd'T'HH:mm:ss.SSSXXX", "2024-02-29T13:04:05.678+05:30")
	f.Add("[yyyy][[MM]dd] a", "2024 am")
	f.Add("yyyyMMddHHmmssSSS z", "20240229130405678 UTC")
	f.Fuzz(func(t *testing.T, pattern, text string) {
		nodes, err := parseJavaPattern(pattern)
		if err != nil {
			return
		}
		r := javaReader{text: text, pattern: pattern, nodes: nodes}
		if r.read() == nil {
			_, _ = r.local()
		}
		var p javaPrinter
		_, _ = p.print(zonedMoment(762527045678901, time.UTC), pattern)
	})
}
