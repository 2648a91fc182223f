package types

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"millrace/sql/sqlerr"
)

// outcome returns what ParseText and AppendText make of s in the form of the
// oracle's function try.
func outcome(t Type, s string, f *Format) string {
	plain := t
	if t.Kind == KindVarchar || t.Kind == KindBpchar {
		// The cast of a constant cuts, which reading does not.
		plain.Mod = -1
	}
	d, err := ParseText(plain, s, f)
	if err == nil {
		d, err = CoerceToModifier(t, d, true)
	}
	if err != nil {
		return errorOutcome(err)
	}
	return "=" + string(AppendText(nil, t, d, f))
}

func errorOutcome(err error) string {
	e := sqlerr.From(err)
	return fmt.Sprintf("!%s %s|%s|%s", e.Code, e.Message, e.Detail, e.Hint)
}

// inputs holds odd texts by type; each is read by us and by PostgreSQL.
var inputs = map[string][]string{
	"boolean":  {"t", "true", "TRUE", " tr ", "y", "yes", "on", "o", "of", "off", "f", "n", "no", "1", "0", "2", "", "truee", "10"},
	"smallint": {"0", "32767", "32768", "-32768", "-32769", " 12 ", "+7", "--1", "1.5", "", " ", "1e3", "00012", "99999999999999999999"},
	"integer":  {"2147483647", "2147483648", "-2147483648", "-2147483649", "x", "12x", "\t5\n", "0x10", "- 1", "+ 1"},
	"bigint": {"9223372036854775807", "9223372036854775808", "-9223372036854775808", "-9223372036854775809",
		"1234567890123456789", "000000000000000000000000012"},
	"oid": {"0", "4294967295", "4294967296", "-1", "-2147483648", "x", " 5 "},
	"real": {"0", "-0", "1", "1.5", "1e6", "999999", "1e-4", "0.0001", "1e-5", "123456.7", "1234567", "3.4028235e38",
		"3.5e38", "1e-45", "1e-46", "nan", "Infinity", "-inf", "16777217", "87524540", "1677799999", "0.1", "1e400"},
	"double precision": {"0", "-0", "1", "0.1", "1e15", "999999999999999", "123456789012345678", "1e-4", "1e-5", "1.7976931348623157e308",
		"1e309", "-1e309", "5e-324", "1e-400", "NaN", "nan", "inf", "-Infinity", "+infinity", " 1.5 ", "1.5x", "", ".5", "5.", ".", "e5",
		"0x10", "1_000", "1e", "9007199254740993", "1e22", "1e23", "123456789012345680000", "3.141592653589793"},
	"numeric": {"0", "-0", "1", "1.0", "1.00", "-1.50", ".5", "5.", "+3", "1e5", "1e-5", "1.5e+3", "12345678901234567890.123456789",
		"99999999999999999999999999999999999999", "340282366920938463463374607431768211456", "100000000000000000000000000000000000000",
		"nan", "NaN", "inf", "-Infinity", "+Infinity", "infinit", "x", "", " 7 ", "1e", "1e+", "--1", "1.2.3", "1e131072", "1e131071x",
		"1e-16383", "1e-16384", "0e-16384", "1e2147483647", "000.000", "0.000001", "1_000"},
	"numeric(5,2)":  {"1", "123.456", "999.994", "999.995", "-999.995", "1000", "nan", "inf", "0.005", "0.004", "1e2"},
	"numeric(2,2)":  {"0.99", "0.994", "0.995", "1"},
	"numeric(3,-2)": {"12345", "99949", "99950", "49", "50", "-150"},
	"numeric(2,4)":  {"0.0012", "0.00995", "0.01"},
	"text":          {"", "x", "with 'quote'", "héllo", "a\tb\nc"},
	"varchar(3)":    {"abc", "abcd", "ab   ", "héé!", ""},
	"char(3)":       {"a", "abcd", "", "é", "a  "},
	"name":          {"abc", strings.Repeat("x", 70), strings.Repeat("é", 40)},
	`"char"`:        {"a", "", "ab", `\101`, `\377`, "é"},
	"bytea":         {`\x`, `\x00ff`, `\xDEADbeef`, `\x0`, `\x0g`, `\x 12 34`, `abc`, `a\\b`, `a\001b`, `a\400`, `\`, `é`},
	"uuid": {"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "A0EEBC999C0B4EF8BB6D6BB9BD380A11", "{a0eebc99-9c0b4ef8-bb6d6bb9-bd380a11}",
		"a0ee-bc99-9c0b-4ef8-bb6d-6bb9-bd38-0a11", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a1", "x", "a0eebc999-c0b-4ef8-bb6d-6bb9bd380a11",
		"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11x", "{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "a0eebc99--9c0b-4ef8-bb6d-6bb9bd380a11"},
	"date": {"2020-02-29", "2019-02-29", "2020-13-01", "0001-01-01", "0001-01-01 BC", "4714-11-24 BC", "4714-11-23 BC", "5874897-12-31",
		"5874898-01-01", "epoch", "infinity", "-infinity", "Infinity", "1/8/1999", "1/18/1999", "18/1/1999", "01/02/03", "1999-Jan-08", "Jan-08-1999",
		"08-Jan-1999", "99-Jan-08", "08-Jan-99", "Jan-08-99", "19990108", "990108", "1999.008", "J2451187", "January 8, 99 BC",
		"January 8, 1999", "8 January 1999", "Jan 8 1999", "1999 Jan 8", "Wed Jan 8 1999", "2020-1-5", "2020/1/5", "2020.1.5", "20200103",
		"x", "", "2020-01", "2020", "2020-01-01 10:00", "2020-01-01T10:00:00Z", "now x", "0000-01-01", "10000-01-01", "2020-02-30", "2020-00-10",
		"feb 2020 3", "3 feb", "y2001m02d04", "2020-366", "2020366", "12/31/9999 BC", "jan", "1 2 3 4"},
	"time": {"00:00", "04:05:06.789", "04:05:06", "04:05", "040506", "04:05 AM", "04:05 PM", "12:00 am", "12:00 pm", "13:00 pm", "24:00:00", "24:00:01",
		"23:59:60", "23:59:59.9999999", "04:05:06.789-8", "04:05:06-08:00", "04:05-08:00", "040506-08", "04:05:06 PST", "2003-04-12 04:05:06 America/New_York",
		"04:05:06 America/New_York", "allballs", "x", "", "25:00", "10:60", "10:00:61", "1:2:3", "0405", "10", "10:", "T10:20:30", "10.5", "1:2.5"},
	"time(2)": {"04:05:06.789", "04:05:06.785", "23:59:59.999"},
	"timestamp": {"2004-10-19 10:23:54", "2004-10-19 10:23:54+02", "1999-01-08 04:05:06.789", "January 8 04:05:06 1999", "Jan 8 04:05:06 1999 PST",
		"1999-01-08 04:05:06 -8:00", "19990108 040506", "19990108T040506", "1999-01-08T04:05:06", "1999-01-08T04:05:06Z", "1999-01-08T04:05:06.123456+05:30",
		"1999-01-08T040506", "1999-01-08T040506-08", "epoch", "infinity", "-infinity", "2020-01-01", "2020-01-01 24:00:00", "2020-01-01 24:00:01",
		"2020-12-31 23:59:60", "2020-12-31 23:59:59.9999999", "2020-01-01 12:00 AM", "2020-01-01 12:00 PM", "2020-01-01 1:00 pm", "2020-01-01 13:00 pm",
		"294276-12-31 23:59:59.999999", "294277-01-01", "4714-11-24 00:00:00 BC", "4714-11-23 23:59:59 BC", "0044-03-15 10:00:00 BC", "10000-01-01 00:00:00",
		"Thu Dec 17 07:37:16 1997 PST", "Dec 17 07:37:16 1997", "17 Dec 1997 07:37:16", "17/12/1997 15:37:16.00 CET", "12/17/1997 07:37:16.00 PST", "17.12.1997 07:37:16.00",
		"x", "", "2020-01-01 10", "2020-01-01 10:00:00 Nowhere/Land", "2020-01-01 10:00:00 America/New_York", "2020-01-01 10:00:00 foo", "2020-01-01 10:00:00 +99",
		"2020-01-01 10:00:00 +15:59:59", "2020-01-01 10:00:00 +16", "2020-01-01 10:00:00 UTC+3", "2020-01-01 at 10:00", "on 2020-01-01 10:00", "2020-01-01 10:00:00.5", "2020-01-01 10:00:00.",
		"2020-01-01 10:00:00 BC AD", "10:00 2020-01-01", "20200101 1000", "2020-01-01 100000.25", "2020-06-31", "2020-01-01 10:00:00 PDT", "2020-01-01 10:00:00 PST DST", "J2451187 10:00",
		"2020-1-1 1:2:3", "  2020-01-01 10:00:00  ", "2020-01-01,10:00", "2020-01-01  10:00:00", "2020-01-01t10:00:00z", "00:00:00", "2020-01-01 10:00 10:00", "1.1.2020 5:6"},
	"timestamp(3)": {"2020-01-01 10:00:00.1234", "2020-01-01 10:00:00.1235", "1990-01-01 10:00:00.1235", "infinity"},
	"timestamp with time zone": {"2004-10-19 10:23:54+02", "2004-10-19 10:23:54", "2004-10-19 10:23:54 PST", "2004-07-19 10:23:54 America/New_York", "2004-01-19 10:23:54 America/New_York",
		"2004-01-19 10:23:54 america/new_york", "2020-03-08 02:30:00 America/New_York", "2020-11-01 01:30:00 America/New_York", "1999-01-08 04:05:06.789-8", "1999-01-08 04:05:06.789 -08:30:15",
		"epoch", "infinity", "-infinity", "2020-01-01", "294276-12-31 23:59:59.999999-15", "4714-11-24 00:00:00+10 BC", "2020-01-01 10:00 EST", "2020-01-01 10:00Z", "2020-01-01 10:00 zulu", "2020-01-01 00:00 MET DST",
		"1880-01-01 00:00:00 America/New_York", "2020-01-01 10:00:00 UTC+3", "2020-01-01 10:00:00 EST5EDT"},
	"interval": {"1 day", "1 year 2 mons", "1-2", "-1-2", "1 2:03:04", "-1 2:03:04", "1 day -2:03:04.5", "P1Y2M3DT4H5M6S", "P0001-02-03T04:05:06", "P1W", "PT0.5S", "P-1Y", "P1.5Y", "P", "PT",
		"1.5 months", "1.5 years", "1.5 weeks", "1.5 days", "1.5 hours", "0.1 month", "-0.1 month", "1.7 mons 3.3 days", "@ 1 minute", "@ 1 hour 2 secs ago", "5", "5.5", "1:2", "1:2:3", "1:2.5", "100:00:00",
		"1 millennium 2 centuries 3 decades", "1 c", "1 ms", "1500 us", "1.5 ms", "1 quarter", "x", "", "1 day 1 day", "1 d 2 h 3 m 4 s", "2147483647 days", "2147483648 days", "2147483647 months", "2147483648 months", "178956971 years", "178956970 years 7 mons",
		"9223372036854775807 us", "9223372036854775808 us", "2562047788:00:54.775807", "2562047788:00:54.775808", "1 day ago", "-1 day ago", "+1 day", "1 sec 1 ms", "1.5 sec 1 ms", "00:00:60", "00:60:00", "3 days 04:05:06", "-3 days +04:05:06", "1y2mon3d", "6 months ago 1 day",
		"1 microseconds", "1 milliseconds", "0.0000005 s", "0.0000015 s", "12:34:56.7890123", "P1Y1Y", "PT1:2:3", "P20010203T010203", "PT1HT2M", "PTT1S", "PT1ST", "PT12T1S", "PT1:2T3", "PT010203T1S", "P1DTT"},
	"interval(2)":               {"1.555 sec", "1.545 sec", "-1.555 sec"},
	"interval year":             {"5", "1 year 5 mons", "2 days"},
	"interval day":              {"5", "1 day 23:00"},
	"interval hour to minute":   {"5", "1:2", "1:2:3"},
	"interval minute to second": {"5", "1:2", "1:2:3"},
	"interval year to month":    {"5", "1-2", "1 year 2 mons 3 days"},
	"time with time zone": {"00:00+00", "04:05:06.789-08", "04:05:06Z", "04:05", "040506+0730", "040506-08:00:01", "04:05 AM PST", "24:00:00+15:59:59", "24:00:00.1+00", "04:05:06.1234567+01",
		"04:05:06+16", "04:05:06-15:60", "allballs", "2003-04-12 04:05:06 America/New_York", "04:05:06 America/New_York", "04:05:06 UTC", "04:05:06 EST5EDT", "J2451187 040506-08", "25:00+00", "", "04:05:06 +08:00", "12:00 zulu"},
	"json": {` null `, `-0`, `01`, `1e999999`, `"\u0000"`, `"\ud800"`, `"\u12"`, `"\x"`, `{"b" : 1,"a":[ 1 , 2.50 ],"b":2}`, `{}`, `[1,]`, `{"a"}`, `{"a":1,}`, `tru`, `nulll`, "", " ", "\"a\tb\"", `"unfinished`, "[1,\n2,\nx]"},
	"jsonb": {`null`, `true`, `false`, `0`, `-0`, `1.50`, `1e5`, `1.5e-3`, `"a"`, `"a\"b\\c\/d\b\f\n\r\t"`, `"\u00e9\ud83d\ude00"`, `"\u0000"`, `"\ud800"`, `"\udc00"`, `"\ud800\ud800"`, `"\ud800x"`, `"\u12"`, `"\u12g4"`, `"\x"`,
		`[]`, `{}`, `[1, 2,3]`, `{"b":1,"a":2}`, `{"bb":1,"a":2,"aa":3}`, `{"a":1,"a":2}`, `{"a":{"b":[1,{"c":null}]}}`, `  [ 1 , 2 ]  `, `[1,]`, `[,1]`, `{,}`, `{"a"}`, `{"a":}`, `{"a":1,}`, `{a:1}`, `[1 2]`, `1 2`, ``, `  `, `nul`, `truex`, `01`, `1.`, `.5`, `-`, `1e`, `+1`, `"abc`, "\"a\tb\"", `[1`, `{"a":1`, `'x'`, `"\u001f"`, `"` + "\u007f" + `"`, `1e400`, `[[[[]]]]`, `{"a":[]}`, `]`, `{1:2}`, `[1,2}`, "[1,\n2,\nx]", `{"loooooooooooooooooooooooooooooooooooooooooooooooooooooooong": oops}`, `"é`},
	"integer[]":      {"{}", "{1,2,3}", "{{1,2},{3,4}}", "{NULL,1}", "{null}", "[0:1]={1,2}", "[2:3][1:2]={{1,2},{3,4}}", "{1,{2}}", "{{1},2}", "{{1,2},{3}}", "{1,}", "{,1}", "{1 2}", " { 1 , 2 } ", "1", "{1", "1}", "{1}x", `{"1"}`, "[1:2]={1}", "{x}", "[1:1]=1", "{{}}", "{{},{}}", "[2:1]={}", "", "[-1:0]={5,6}"},
	"text[]":         {`{a,b}`, `{"a b",c}`, `{"",NULL,"NULL"}`, `{"a\"b","c\\d"}`, `{a\,b}`, `{ a b , c }`, `{"a"b}`, `{a"b"}`, `{"{}"}`, `{null,NuLl}`, `{'a'}`, `{"a,b"}`, `{a\ }`},
	"numeric(4,1)[]": {"{1,2.25}", "{1000}"},
	"timestamp[]":    {`{"2020-01-01 10:00:00",NULL}`},
	"jsonb[]":        {`{"{\"a\": 1}","[1, 2]"}`},
	"regtype":        {"integer", "-", "23", "text", "timestamptz"},
}

func TestTextAgainstPostgreSQL(t *testing.T) {
	type question struct{ typeName, input string }
	var questions []question
	var expressions []string
	for name, list := range inputs {
		for _, s := range list {
			questions = append(questions, question{name, s})
			expressions = append(expressions, literal(s)+"::"+name)
		}
	}
	format := DefaultFormat()
	format.Now = time.Now
	answers := tryAll(t, nil, expressions)
	for i, q := range questions {
		typ := typeNamed(t, q.typeName)
		if got := outcome(typ, q.input, format); got != answers[i] {
			t.Errorf("%s %q:\n  got  %s\n  want %s", q.typeName, q.input, got, answers[i])
		}
	}
}

// typeNamed returns a type by its name with modifiers.
func typeNamed(t testing.TB, name string) Type {
	t.Helper()
	typ, err := parseTypeName(name)
	if err != nil {
		t.Fatal(err)
	}
	return typ
}

// styles are the settings that outputs are compared under.
var styles = []struct {
	settings []string
	format   Format
}{
	{[]string{"DateStyle = 'ISO, MDY'"}, Format{}},
	{[]string{"DateStyle = 'SQL, MDY'", "IntervalStyle = 'postgres_verbose'"},
		Format{DateStyle: DateStyleSQL, IntervalStyle: IntervalStylePostgresVerbose}},
	{[]string{"DateStyle = 'SQL, DMY'", "IntervalStyle = 'sql_standard'", "TimeZone = 'America/New_York'"},
		Format{DateStyle: DateStyleSQL, DateOrder: DateOrderDMY, IntervalStyle: IntervalStyleSQLStandard, TimeZone: zoneNamed("America/New_York")}},
	{[]string{"DateStyle = 'Postgres, MDY'", "IntervalStyle = 'iso_8601'", "TimeZone = 'Asia/Kolkata'"},
		Format{DateStyle: DateStylePostgres, IntervalStyle: IntervalStyleISO8601, TimeZone: zoneNamed("Asia/Kolkata")}},
	{[]string{"DateStyle = 'Postgres, DMY'", "TimeZone = 'Europe/Berlin'"},
		Format{DateStyle: DateStylePostgres, DateOrder: DateOrderDMY, TimeZone: zoneNamed("Europe/Berlin")}},
	{[]string{"DateStyle = 'German, YMD'", "TimeZone = 'Europe/Berlin'", "bytea_output = 'escape'", "extra_float_digits = 0"},
		Format{DateStyle: DateStyleGerman, DateOrder: DateOrderYMD, TimeZone: zoneNamed("Europe/Berlin"), ByteaOutput: ByteaOutputEscape}},
	{[]string{"DateStyle = 'ISO, YMD'", "TimeZone = 'America/Sao_Paulo'", "extra_float_digits = -5"},
		Format{DateOrder: DateOrderYMD, TimeZone: zoneNamed("America/Sao_Paulo"), ExtraFloatDigits: -5}},
}

func zoneNamed(name string) *time.Location {
	zone, err := time.LoadLocation(name)
	if err != nil {
		panic(err)
	}
	return zone
}

func TestStylesAgainstPostgreSQL(t *testing.T) {
	names := []string{"date", "time", "timestamp", "timestamp with time zone", "interval", "bytea", "double precision", "real"}
	for _, style := range styles {
		t.Run(strings.Join(style.settings, " "), func(t *testing.T) {
			format := style.format
			format.Now = time.Now
			if !strings.Contains(strings.Join(style.settings, ""), "extra_float") {
				format.ExtraFloatDigits = 1
			}
			var expressions, values []string
			var kinds []string
			for _, name := range names {
				list := append([]string{}, inputs[name]...)
				list = append(list, randomTexts(name, 200)...)
				for _, s := range list {
					kinds = append(kinds, name)
					values = append(values, s)
					expressions = append(expressions, literal(s)+"::"+name)
				}
			}
			answers := tryAll(t, style.settings, expressions)
			failures := 0
			for i, s := range values {
				if got := outcome(typeNamed(t, kinds[i]), s, &format); got != answers[i] {
					if failures++; failures < 20 {
						t.Errorf("%s %q:\n  got  %s\n  want %s", kinds[i], s, got, answers[i])
					}
				}
			}
		})
	}
}

// randomTexts returns texts that the type's input function accepts.
func randomTexts(name string, n int) []string {
	r := rand.New(rand.NewPCG(uint64(len(name)), uint64(n)))
	out := make([]string, n)
	for i := range out {
		out[i] = randomText(r, name)
	}
	return out
}

func randomText(r *rand.Rand, name string) string {
	f := DefaultFormat()
	typ, err := TypeByName(name, nil)
	if err != nil {
		panic(err)
	}
	return string(AppendText(nil, typ, randomDatum(r, typ), f))
}

func TestRandomTextAgainstPostgreSQL(t *testing.T) {
	names := []string{"smallint", "integer", "bigint", "real", "double precision", "numeric", "text", "bytea", "uuid", "date", "time", "timestamp",
		"timestamp with time zone", "interval", "jsonb", "integer[]", "text[]", "numeric[]", "timestamp[]"}
	format := DefaultFormat()
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			values := randomTexts(name, 1000)
			expressions := make([]string, len(values))
			for i, s := range values {
				expressions[i] = literal(s) + "::" + name
			}
			typ := typeNamed(t, name)
			for i, answer := range tryAll(t, nil, expressions) {
				if answer != "="+values[i] && !strings.Contains(values[i], "-2562047788:00:54.775808") {
					t.Errorf("%q: PostgreSQL says %s", values[i], answer)
				}
				if got := outcome(typ, values[i], format); got != answer {
					t.Errorf("%q: got %s, want %s", values[i], got, answer)
				}
			}
		})
	}
}
