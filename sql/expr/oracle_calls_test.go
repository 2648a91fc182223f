package expr

import "slices"

// of gives an argument literals of its own.
func of(typ string, values ...string) argument { return argument{typ, values} }

// all gives an argument the interesting literals of its type.
func all(typ string) argument { return argument{typ: typ} }

// call is short for a functionCall.
func call(name string, args ...argument) functionCall { return functionCall{name, args} }

var functionCalls = slices.Concat(textCalls, patternCalls, mathCalls, timeCalls, arrayCalls, jsonCalls, formatCalls)

var positions = of("int4", "-3", "0", "1", "2", "5", "2147483647", "NULL")

var textCalls = []functionCall{
	call("length", all("text")), call("length", all("bpchar")), call("length", all("bytea")),
	call("char_length", all("varchar")), call("octet_length", all("text")), call("bit_length", all("text")),
	call("upper", all("text")), call("lower", all("text")), call("initcap", of("text", "hELLO wORLD_x 1st", "ünder")),
	call("reverse", all("text")), call("repeat", of("text", "ab", ""), of("int4", "-1", "0", "3", "2147483647")),
	call("substr", all("text"), positions), call("substring", of("text", "hello", "ünïcødé"), positions, positions),
	call("substring", all("bytea"), positions), call("substr", all("bytea"), positions, of("int4", "-1", "0", "1", "9")),
	call("left", of("text", "hello", "ünïcødé"), positions), call("right", of("text", "hello", "ünïcødé"), positions),
	call("strpos", all("text"), of("text", "", "l", "World", "ø", "zz")),
	call("position", of("text", "hello"), of("text", "l", "")),
	call("replace", all("text"), of("text", "a", "", "l"), of("text", "", "XY")),
	call("translate", of("text", "12345", "hällo"), of("text", "143", "äl", ""), of("text", "ax", "", "1234")),
	call("split_part", of("text", "a,b,c", "abc", ""), of("text", ",", "", "bc"), of("int4", "-4", "-3", "-1", "0", "1", "2", "4")),
	call("lpad", of("text", "hi", "ünïc"), positions, of("text", "xy", "", "ø")), call("lpad", of("text", "hi"), positions),
	call("rpad", of("text", "hi", "ünïc"), positions, of("text", "xy", "", "ø")), call("rpad", of("text", "hi"), positions),
	call("overlay", of("text", "abcdef"), of("text", "XX", ""), of("int4", "-1", "0", "1", "3", "9")),
	call("overlay", of("text", "abcdef"), of("text", "XX"), of("int4", "1", "3", "9"), of("int4", "-1", "0", "2", "100")),
	call("overlay", of("bytea", "\\x010203"), of("bytea", "\\xff"), of("int4", "1", "3", "9"), of("int4", "0", "2", "100")),
	call("ascii", all("text")), call("chr", of("int4", "65", "0", "-1", "8364", "1114112", "55296")),
	call("to_hex", all("int4")), call("to_hex", all("int8")),
	call("btrim", all("text")), call("btrim", all("text"), of("text", " d", "a")), call("ltrim", all("text"), of("text", "aH ")),
	call("rtrim", all("text"), of("text", "dcé")), call("ltrim", all("text")), call("rtrim", all("text")),
	call("starts_with", all("text"), of("text", "", "a", "Hell")),
	call("concat", all("text"), of("int4", "1", "NULL"), of("bool", "t")), call("concat", all("float8"), all("date")),
	call("concat_ws", of("text", ",", "NULL"), all("text"), of("int4", "1", "NULL")),
	call("quote_ident", of("text", "a", "A", "select", "a b", "a\"b", "int", "1a", "")),
	call("quote_literal", of("text", "a", "a'b", "a\\b")), call("quote_nullable", of("text", "a'b", "NULL")),
	call("quote_literal", of("int4", "42")),
	call("format", of("text", "%s-%I-%L", "%2$s %1$s", "%%", "%5s|%-5s|", "%*s", "%s", "%d", "%", "%3$s"), of("text", "a b", "select", "NULL"), of("int4", "7", "NULL")),
	call("format", of("text", "x", "%s")),
	call("md5", all("text")), call("md5", all("bytea")), call("sha256", all("bytea")), call("sha512", of("bytea", "\\x00")),
	call("encode", all("bytea"), of("text", "hex", "base64", "escape", "bad")),
	call("decode", of("text", "00ff", "0g", "123", "AP8=", "a\\\\b\\001", "q q", ""), of("text", "hex", "base64", "escape")),
	call("get_byte", all("bytea"), of("int4", "0", "1", "-1", "9")), call("set_byte", of("bytea", "\\x0102"), of("int4", "0", "2"), of("int4", "7", "300")),
	call("bit_count", all("bytea")),
	call("convert_from", all("bytea"), of("text", "UTF8", "utf-8", "none")), call("convert_to", all("text"), of("text", "utf8", "none")),
}

var patternCalls = []functionCall{
	call("~~", of("text", "abc", "", "a%c", "hello", "ünï"), of("text", "abc", "a%", "%c", "%b%", "a_c", "_", "%", "", "a\\%c", "%l_o", "___", "x\\", "%ü%", "_%_", "%%l%%")),
	call("~~*", of("text", "ABC", "hElLo", "Ünï"), of("text", "abc", "%ELL%", "ü%", "Ü%")),
	call("!~~", of("text", "abc"), of("text", "a%", "b%")), call("!~~*", of("text", "abc"), of("text", "A%", "b%")),
	call("~~", of("bytea", "\\x616263"), of("bytea", "\\x6125", "\\x5f5f5f")),
	call("like_escape", of("text", "a#%b", "a\\b", "##"), of("text", "#", "", "\\", "ab")),
	call("~", of("text", "abc", "foo bar", "Hello\nWorld", "x.y", "aaa", "tab\there", "ab12"), of("text",
		"^a", "b$", "o b", "\\mfoo\\M", "\\yb", "[[:alpha:]]+", "^[a-c]+$", "(?i)HELLO", "l.W", "^World", "(?n)^World", "(?n)o.W", "x\\.y", "a{2}", "a{2,}$",
		"***=x.y", "(a)(b)?", "[]a]", "[^]a]", "\\d+", "[\\d]", "\\t", "(", "a**", "[a", "\\q", "(?x) a b c # note", "[[:<:]]bar", "a|b|", "x{,2}", "\\u0061", "[[.a.]]", "^\\S+$")),
	call("~*", of("text", "ABC"), of("text", "b", "^abc$")), call("!~", of("text", "abc"), of("text", "b", "x")), call("!~*", of("text", "abc"), of("text", "B", "X")),
	call("substring", of("text", "foobar", "abc"), of("text", "o.b", "o(.)b", "(a)|(x)", "z", "a*?")),
	call("substring", of("text", "foobar", "abc"), of("text", `%#"o_b#"%`, `#"(f|a)%#"%`, `%`, `#"x#"`, `a#"_#"c`, `%#"%#"%#"`, `%#"o%`), of("text", "#", "", "##")),
	call("regexp_match", of("text", "foobarbequebaz", "abc"), of("text", "bar.*que", "(bar)(beque)", "z(x)?", "^$"), of("text", "", "i", "g", "k")),
	call("regexp_like", of("text", "Hello World"), of("text", "world$", "o"), of("text", "", "i", "g")),
	call("regexp_count", of("text", "ABCABCaxc", ""), of("text", "A.", "", "b"), of("int4", "1", "4", "0"), of("text", "i", "")),
	call("regexp_substr", of("text", "ABCDEF abcdef"), of("text", "c(.)(..)", "z"), of("int4", "1", "9"), of("int4", "1", "2", "0"), of("text", "i"), of("int4", "0", "2", "3", "-1")),
	call("regexp_instr", of("text", "ABCDEF abcdef"), of("text", "c(.)(..)", "z"), of("int4", "1", "9"), of("int4", "1", "2"), of("int4", "0", "1", "2"), of("text", "i"), of("int4", "0", "2", "3")),
	call("regexp_replace", of("text", "foobarbaz", "Thomas"), of("text", "b..", "b(..)", ".[mN]a.", "", "o+"), of("text", "X", "[\\1]", "<\\&>", "\\\\"), of("text", "", "g", "i", "ig")),
	call("regexp_replace", of("text", "foobarbaz"), of("text", "b.."), of("text", "X"), of("int4", "1", "5", "8", "0"), of("int4", "0", "1", "2", "-1")),
	call("regexp_split_to_array", of("text", "the quick brown", "a1b22c", ""), of("text", "\\s+", "\\s*", "[0-9]", "", "x")),
	call("similar_to_escape", of("text", "a%", "%(b|d)%", "a_c", "[a-c]+", "a.b")),
	call("~", of("text", "abc", "ABC"), of("text", "^(?:a.*)$")),
}

var floatArguments = of("float8", "0", "1", "-1", "0.5", "-0.5", "2", "10", "1e300", "-1e-300", "NaN", "Infinity", "-Infinity", "NULL")

var numericArguments = of("numeric", "0", "1", "-1", "0.5", "-0.5", "2.50", "-2.5", "10", "1234.5678", "99999999999999999999.99", "0.00001", "NaN", "Infinity", "-Infinity", "NULL")

var mathCalls = []functionCall{
	call("abs", all("int2")), call("abs", all("int4")), call("abs", all("int8")), call("abs", all("float8")), call("abs", all("numeric")),
	call("ceil", floatArguments), call("ceil", numericArguments), call("ceiling", floatArguments), call("floor", floatArguments), call("floor", numericArguments),
	call("round", floatArguments), call("round", numericArguments), call("round", numericArguments, of("int4", "-2", "0", "1", "3", "30", "-30")),
	call("trunc", floatArguments), call("trunc", numericArguments), call("trunc", numericArguments, of("int4", "-2", "0", "1", "3", "30")),
	call("sqrt", floatArguments), call("sqrt", numericArguments), call("cbrt", floatArguments), call("exp", floatArguments), call("exp", numericArguments),
	call("ln", floatArguments), call("ln", numericArguments), call("log", floatArguments), call("log", numericArguments), call("log10", of("float8", "1000")),
	call("log", of("numeric", "2", "10", "0.5", "1", "0", "-1"), of("numeric", "64", "0.5", "1", "0", "-1")),
	call("power", floatArguments, floatArguments), call("power", numericArguments, of("numeric", "0", "1", "2", "-1", "0.5", "3.3", "NaN", "Infinity")),
	call("sin", floatArguments), call("cos", floatArguments), call("tan", floatArguments), call("cot", floatArguments), call("asin", floatArguments), call("acos", floatArguments),
	call("atan", floatArguments), call("atan2", floatArguments, of("float8", "1", "-1", "0", "NaN")), call("sinh", of("float8", "1", "Infinity", "NaN")), call("cosh", of("float8", "1", "-Infinity")),
	call("tanh", floatArguments), call("asinh", of("float8", "1", "-2", "NaN")), call("acosh", floatArguments), call("atanh", of("float8", "0.5", "1", "-1", "2")),
	call("degrees", floatArguments), call("radians", floatArguments), call("pi"), call("sign", floatArguments), call("sign", numericArguments),
	call("mod", all("int4"), of("int4", "3", "-3", "0")), call("mod", all("int8"), of("int8", "3", "-1", "0")), call("mod", numericArguments, of("numeric", "3", "-0.7", "0", "NaN", "Infinity")),
	call("div", numericArguments, of("numeric", "3", "-0.7", "0", "NaN", "Infinity")), call("gcd", all("int4"), of("int4", "0", "6", "-2147483648")), call("lcm", all("int4"), of("int4", "0", "6", "2147483647")),
	call("gcd", all("int8"), of("int8", "12")), call("scale", all("numeric")), call("min_scale", of("numeric", "1.500", "100", "0.00", "NaN")), call("trim_scale", of("numeric", "1.500", "100", "0.00", "NaN", "-3.10")),
	call("pg_size_pretty", of("int8", "0", "10239", "10240", "-10240", "1048576", "10485247", "10485248", "123456789012", "9223372036854775807")),
	call("factorial", of("int8", "0", "1", "5", "30", "-1", "40000")), call("width_bucket", floatArguments, of("float8", "0", "5"), of("float8", "10", "0", "Infinity"), of("int4", "5", "0")),
}

var fields = of("text", "microseconds", "milliseconds", "second", "minute", "hour", "day", "week", "month", "quarter", "year", "decade", "century", "millennium",
	"epoch", "dow", "isodow", "doy", "isoyear", "julian", "timezone", "timezone_hour", "bogus", "DAY", "secs")

var timestamps = of("timestamp", "2000-01-01 00:00:00", "2024-02-29 12:34:56.789012", "1969-12-31 23:59:59.5", "0044-03-15 10:00:00 BC", "0001-01-01", "1900-12-31", "2020-12-31 06:00", "2021-01-03", "infinity", "-infinity")

var instants = of("timestamptz", "2024-07-04 01:02:03.5+02", "1901-01-01 00:00:00+00", "infinity")

var timeCalls = []functionCall{
	call("date_part", fields, timestamps), call("date_part", fields, all("date")), call("date_part", fields, all("time")), call("date_part", fields, all("interval")), call("date_part", fields, instants),
	call("pg_catalog.extract", fields, timestamps), call("pg_catalog.extract", fields, all("date")), call("pg_catalog.extract", fields, all("time")), call("pg_catalog.extract", fields, all("interval")), call("pg_catalog.extract", fields, instants),
	call("date_trunc", fields, timestamps), call("date_trunc", fields, instants), call("date_trunc", fields, all("interval")),
	call("date_trunc", of("text", "day", "month"), instants, of("text", "America/New_York", "Asia/Kolkata", "nowhere")),
	call("date_bin", of("interval", "15 minutes", "1 day", "1 month", "0", "-1 hour"), timestamps, of("timestamp", "2001-02-16 20:05:00", "2030-01-01")),
	call("age", of("timestamp", "2000-01-01 00:00:00", "2024-02-29 12:34:56.789012", "0044-03-15 10:00:00 BC", "2021-03-31"), of("timestamp", "2024-01-31 13:00:00", "1999-03-30 00:00:01")),
	call("justify_hours", all("interval")), call("justify_days", of("interval", "35 days", "-70 days 3 hours")), call("justify_interval", of("interval", "1 mon -1 hour", "35 days 30 hours")),
	call("isfinite", all("date")), call("isfinite", all("timestamp")), call("isfinite", all("interval")),
	call("to_timestamp", of("float8", "0", "1284352323.5", "-1e9", "NaN", "Infinity", "1e18")),
	call("make_date", of("int4", "2024", "-44", "0", "300000", "10000000"), of("int4", "2", "13", "0"), of("int4", "29", "30", "1", "0")),
	call("make_time", of("int4", "0", "23", "24", "25", "-1"), of("int4", "0", "59", "60"), of("float8", "0", "59.999", "60", "61", "-1", "NaN")),
	call("make_timestamp", of("int4", "2024"), of("int4", "7", "13"), of("int4", "4"), of("int4", "10"), of("int4", "5"), of("float8", "6.5")),
	call("make_timestamptz", of("int4", "2024"), of("int4", "7"), of("int4", "4"), of("int4", "10"), of("int4", "5"), of("float8", "6.5"), of("text", "Europe/Berlin", "UTC", "bad")),
	call("make_interval", of("int4", "1"), of("int4", "-2"), of("int4", "3"), of("int4", "4"), of("int4", "5"), of("int4", "6"), of("float8", "7.5", "-0.1")), call("make_interval", of("int4", "1"), of("int4", "2")),
	call("timezone", of("text", "UTC", "America/New_York", "america/new_york", "EST", "+02", "-05:30", "UTC+3", "bad/zone"), of("timestamptz", "2024-07-04 01:02:03.5+02", "2024-03-10 07:30:00+00", "infinity")),
	call("timezone", of("text", "UTC", "America/New_York", "PST", "+02"), of("timestamp", "2024-07-04 01:02:03.5", "2024-03-10 02:30:00", "2024-11-03 01:30:00", "infinity")),
	call("timezone", of("interval", "02:00", "2 hours", "-03:30", "1 day"), of("timestamp", "2024-07-04 01:02:03.5")), call("timezone", of("interval", "02:00"), instants),
	call("*", all("interval"), of("float8", "2", "0.5", "-1.25", "NaN", "1e20")), call("/", all("interval"), of("float8", "2", "0.3", "0", "-7")), call("*", of("int4", "3"), all("interval")),
	call("+", timestamps, all("interval")), call("-", timestamps, all("interval")), call("+", instants, all("interval")), call("-", all("date"), all("interval")), call("+", all("time"), all("interval")), call("-", all("time"), all("interval")),
	call("-", timestamps, of("timestamp", "2024-01-31 13:00:00", "infinity")), call("+", all("date"), all("time")), call("+", all("date"), of("int4", "1", "-1000", "2147483647")), call("-", all("date"), of("int4", "30")), call("-", all("date"), of("date", "2020-02-29")),
}

var ints = of("int4[]", "{}", "{1,2,3}", "{3,NULL,1}", "{{1,2},{3,4}}", "[0:1]={5,6}", "NULL")

var arrayCalls = []functionCall{
	call("array_length", ints, of("int4", "0", "1", "2", "3")), call("array_lower", ints, of("int4", "1", "2")), call("array_upper", ints, of("int4", "1", "2")),
	call("array_ndims", ints), call("cardinality", ints), call("trim_array", ints, of("int4", "0", "1", "-1", "9")),
	call("array_append", ints, of("int4", "7", "NULL")), call("array_append", ints, of("float8", "7.5")), call("array_prepend", of("int4", "7", "NULL"), ints),
	call("array_cat", ints, ints), call("||", ints, ints), call("||", ints, of("int4", "9")), call("||", of("int8", "9"), ints), call("||", of("text[]", "{a}"), of("unknown", "b", "{b}", "NULL")),
	call("array_remove", ints, of("int4", "1", "NULL", "9")), call("array_replace", ints, of("int4", "1", "NULL"), of("int4", "8", "NULL")),
	call("array_position", ints, of("int4", "3", "1", "NULL", "9")), call("array_position", ints, of("int4", "3", "6"), of("int4", "0", "2", "NULL")), call("array_positions", ints, of("int4", "1", "NULL", "9")),
	call("@>", ints, of("int4[]", "{}", "{1}", "{1,1,3}", "{NULL}", "NULL")), call("<@", of("int4[]", "{}", "{1}", "{NULL}"), ints), call("&&", ints, of("int4[]", "{}", "{1,9}", "{NULL}")),
	call("array_to_string", all("text[]"), of("text", ",", "", "NULL")), call("array_to_string", ints, of("text", "-"), of("text", "*", "NULL")), call("array_to_string", of("bool[]", "{t,f,NULL}"), of("text", "-")),
	call("string_to_array", of("text", "a,b,,c", "", "abc", "NULL"), of("text", ",", "", "NULL", "b")), call("string_to_array", of("text", "a,b,,c"), of("text", ","), of("text", "", "b", "NULL")),
	call("=", ints, ints), call("<", ints, ints), call("=", all("text[]"), of("unknown", "{a,b}")), call("<>", of("float8[]", "{NaN,1}"), of("float8[]", "{NaN,1}", "{1}")),
}

var objects = of("jsonb", "null", "1", "\"a\"", "true", "{\"a\": 1, \"b\": [1, 2, {\"c\": null}], \"longer\": \"x\"}", "[1, \"a\", null, {\"a\": 1}]", "{}", "[]", "[[1, 2], [3]]")

var paths = of("text[]", "{}", "{a}", "{b,0}", "{b,2,c}", "{b,-1}", "{0}", "{1,x}", "{x,y}", "{b,x}", "{NULL}")

var tricky = of("jsonb", `{"a\"b": "q\"}", "\\": "b,{[", "é": "\u00e9\n", "x": ["]", {"k": "}"}, -1.50e1, []], "n": null, "": {}}`)

var jsonCalls = []functionCall{
	call("->", objects, of("text", "a", "b", "zz", "0")), call("->", objects, of("int4", "0", "-1", "9")), call("->>", objects, of("text", "a", "b", "longer")), call("->>", objects, of("int4", "0", "1", "2", "-1")),
	call("->>", tricky, of("text", "a\"b", "\\", "é", "x", "n", "")), call("#>>", tricky, of("text[]", "{x,1,k}", "{x,-1}", "{x,0}")), call("->", tricky, of("text", "x", "n")),
	call("->", objects, of("unknown", "a")), call("#>", objects, paths), call("#>>", objects, paths), call("#-", objects, paths),
	call("@>", objects, objects), call("<@", of("jsonb", "1", "[1]", "{\"b\": [2]}", "{\"b\": [{}]}", "[[1]]", "[{\"a\": 1}]"), objects), call("@>", objects, of("jsonb", "[1, 1]", "{\"b\": [2]}", "{\"b\": [{}]}", "[[1]]", "[{\"a\": 1}]", "\"a\"")),
	call("?", objects, of("text", "a", "b", "1", "")), call("?|", objects, of("text[]", "{a,zz}", "{}", "{zz,NULL}")), call("?&", objects, of("text[]", "{a,b}", "{}", "{a,zz}", "{a,NULL}")),
	call("||", objects, objects), call("-", objects, of("text", "a", "zz")), call("-", objects, of("int4", "0", "-1", "9")), call("-", objects, of("text[]", "{a,b}", "{}")),
	call("jsonb_typeof", objects), call("jsonb_array_length", objects), call("jsonb_pretty", objects), call("jsonb_strip_nulls", objects),
	call("jsonb_set", objects, paths, of("jsonb", "99")), call("jsonb_set", objects, paths, of("jsonb", "[9]"), of("bool", "f")), call("jsonb_insert", objects, paths, of("jsonb", "99")), call("jsonb_insert", objects, paths, of("jsonb", "99"), of("bool", "t")),
	call("jsonb_extract_path", objects, of("text", "b"), of("text", "2", "-1")), call("jsonb_extract_path_text", objects, of("text", "a")),
	call("to_jsonb", all("int4")), call("to_jsonb", all("float8")), call("to_jsonb", all("text")), call("to_jsonb", all("timestamp")), call("to_jsonb", all("timestamptz")), call("to_jsonb", ints), call("to_jsonb", all("bool")), call("to_jsonb", all("numeric")), call("to_jsonb", all("interval")), call("to_jsonb", of("unknown", "a")),
	call("jsonb_build_array"), call("jsonb_build_array", all("int4"), all("text")), call("jsonb_build_object", of("text", "k", "NULL"), all("jsonb")), call("jsonb_build_object", of("unknown", "k"), of("unknown", "v"), of("int4", "1")), call("jsonb_build_object"),
}

var templates = of("text", "YYYY-MM-DD HH24:MI:SS.US", "HH12:MI:SS AM", "hh:mi p.m.", "FMDay, FMDD Month YYYY", "DAY Dy dy D ID DDD IDDD", "Mon MON mon Month MONTH month", "YYY YY Y Y,YYY IYYY IYY IY I", "W WW IW CC J Q RM rm FMRM",
	"MS US FF1 FF3 FF6 SSSS SSSSS", "DDth FMDDth ddTH", "BC ad B.C.", "TZ tz TZH TZM OF", "\"quoted YYYY\" YYYY", "FMHH24:FMMI", "YYYY\\\"x", "no: x", "")

var numberTemplates = of("text", "999", "FM999.99", "000.00", "9,999,999.99", "S999.9", "999.9S", "999.9MI", "999.9PR", "L99", "FM9990D00", "SG99", "PL99", "9G999", "99th", "FM000", "0.9", "FMS99.0", ".99", "99.9PL", "FM9,999,999", "MI999", "\"x=\"999")

var formatCalls = []functionCall{
	call("to_char", timestamps, templates), call("to_char", instants, templates), call("to_char", all("interval"), of("text", "YYYY-MM-DD HH24:MI:SS.US", "HH12:MI:SS AM", "MS US SSSS", "DDth FMDD", "FMHH24:FMMI", "Day", "")),
	call("to_timestamp", of("text", "2024-02-29 13:14:15.678"), of("text", "YYYY-MM-DD HH24:MI:SS.MS", "YYYY-MM-DD", "YYYY/MM/DD HH24")),
	call("to_timestamp", of("text", "05 Dec 2000", "5 dec 2000", "31 Feb 2000"), of("text", "DD Mon YYYY", "FMDD Mon YYYY")),
	call("to_timestamp", of("text", "20240229131415", "2024 02 29", "99", "xx"), of("text", "YYYYMMDDHH24MISS", "YYYY MM DD")),
	call("to_timestamp", of("text", "12:30 PM", "12:30 AM", "01:30 p.m.", "13:00 PM"), of("text", "HH12:MI AM", "HH12:MI p.m.")),
	call("to_timestamp", of("text", "2024-02-29 13:14 +05:30"), of("text", "YYYY-MM-DD HH24:MI TZH:TZM")),
	call("to_date", of("text", "05 Dec 2000", "2460000", "2024-060", "2024-366", "2023-366", "24", "97", "2005-W52-5", "44-03-15 BC"), of("text", "DD Mon YYYY", "J", "YYYY-DDD", "YY", "YYYY-MM-DD BC")),
	call("to_date", of("text", "2005-W52-5", "2020-W01-1", "24"), of("text", "IYYY-\"W\"IW-ID")),
	call("to_char", of("numeric", "0", "1.5", "-12.345", "1234567.891", "0.005", "-0.5", "100", "NULL"), numberTemplates), call("to_char", of("int4", "0", "-7", "123", "1000"), numberTemplates),
	call("to_char", of("float8", "0", "-7.25", "123456.789"), numberTemplates), call("to_number", of("text", "12,454.8-", "1234", "-7.5"), of("text", "99G999D9S")), call("to_number", of("text", "<99.5>"), of("text", "99D9PR")),
	call("to_date", of("text", "12 XII 2020", "March 5, 1999"), of("text", "DD RM YYYY", "Month DD, YYYY")),
}
