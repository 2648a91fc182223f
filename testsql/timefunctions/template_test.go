package timefunctions

import (
	"fmt"
	"strings"
)

var dateFields = strings.Fields(`YYYY YYYY MM MM DD DD HH24 HH24 MI MI SS SS MS US FF1 FF2 FF3 FF4 FF5 FF6 SSSS SSSSS HH HH12 AM PM am pm A.M. P.M. a.m. p.m.
	Y,YYY YYY YY Y IYYY IYY IY I BC AD bc ad B.C. A.D. b.c. a.d. MONTH Month month MON Mon mon DAY Day day DY Dy dy DDD IDDD D ID W WW IW CC J Q RM rm
	TZ tz TZH TZM OF yyyy mm dd hh24 mi ss iyyy iw id cc j q ddd d w ww y,yyy Rm hh12 ff3 ms us`)

// template is a random template of dates.
func (g *generator) template() string {
	if g.IntN(6) == 0 {
		return g.pick("YYYY-MM-DD HH24:MI:SS.US", "FMDay, FMDD Month YYYY", "DD/MM/YYYY", "IYYY-IW-ID", "YYYY-DDD", "", "no fields", "FMHH24:FMMI", "Dy, DD Mon YYYY HH24:MI:SS TZ", `YYYY"T"HH24:MI:SS"Z"`, `a\"b YYYY`, `"x\"y" MM`, `\YYYY`, `YYYY\`, `"open YYYY`)
	}
	var out strings.Builder
	for range 1 + g.IntN(4) {
		if g.IntN(4) == 0 {
			out.WriteString(g.pick("FM", "FM", "fm", "TM", "FX"))
		}
		out.WriteString(g.of(dateFields))
		if g.IntN(6) == 0 {
			out.WriteString(g.pick("TH", "th", "SP", "Th"))
		}
		out.WriteString(g.pick("-", " ", ":", "/", "", "", "", `"T"`, ".", "  ", "x", "é", "_", `"of "`))
	}
	return out.String()
}

func (g *generator) intervalTemplate() string {
	if g.IntN(3) == 0 {
		return g.template()
	}
	var out strings.Builder
	for range 1 + g.IntN(4) {
		if g.IntN(4) == 0 {
			out.WriteString("FM")
		}
		out.WriteString(g.pick("YYYY", "MM", "DD", "HH24", "HH12", "HH", "MI", "SS", "MS", "US", "FF3", "SSSS", "AM", "DDD", "Q", "RM", "Y,YYY", "YY", "Y", "CC", "YYY", "W", "WW", "J", "rm", "D"))
		if g.IntN(6) == 0 {
			out.WriteString(g.pick("TH", "th"))
		}
		out.WriteString(g.pick("-", " ", ":", ""))
	}
	return out.String()
}

// fromTemplate is a call that reads what a template (or nearly that) printed.
func (g *generator) fromTemplate(function string) string {
	pairs := [][2]string{
		{"2024-02-29 13:14:15.678", "YYYY-MM-DD HH24:MI:SS.MS"}, {"2024-02-29 13:14:15.678", "YYYY-MM-DD"}, {"2024-02-29", "YYYY/MM/DD HH24"},
		{"05 Dec 2000", "DD Mon YYYY"}, {"5 dec 2000", "DD MON YYYY"}, {"31 Feb 2000", "DD Mon YYYY"}, {"20240229131415", "YYYYMMDDHH24MISS"},
		{"12:30 PM", "HH12:MI AM"}, {"12:30 AM", "HH12:MI AM"}, {"01:30 p.m.", "HH12:MI p.m."}, {"13:00 PM", "HH12:MI PM"}, {"2024-02-29 13:14 +05:30", "YYYY-MM-DD HH24:MI TZH:TZM"},
		{"2460000", "J"}, {"2024-060", "YYYY-DDD"}, {"2024-366", "YYYY-DDD"}, {"2023-366", "YYYY-DDD"}, {"24", "YY"}, {"97", "YY"}, {"2005-W52-5", `IYYY-"W"IW-ID`}, {"44-03-15 BC", "YYYY-MM-DD BC"},
		{"12 XII 2020", "DD RM YYYY"}, {"March 5, 1999", "Month DD, YYYY"}, {"2000 June", "YYYY Month"}, {"2000+June", "YYYY Month"}, {"2000JUN", "YYYY///MON"}, {"2000/JUN", "YYYY MON"},
		{"-44-02-01", "YYYY-MM-DD"}, {"-44-02-01 BC", "YYYY-MM-DD BC"}, {"1,234", "Y,YYY"}, {"20 1999", "CC YYYY"}, {"21", "CC"}, {"2024 3", "YYYY Q"}, {"3661", "SSSS"}, {"99999", "SSSSS"}, {"2024-02-29 24:00:00", "YYYY-MM-DD HH24:MI:SS"},
		{"20241", "YYYYMM"}, {"1985-1-5", "YYYY-MM-DD"}, {"19850105", "FMYYYYFMMMFMDD"}, {"97/2/16 8:14:30", "FXYY/MM/DD HH:MI:SS"}, {"97/02/16 08:14:30", "FXYY/MM/DD HH:MI:SS"}, {"5th", "DDth"}, {"2024  02", "FXYYYY MM"}, {"2024 02", "YYYY  MM"},
		{"2015-02-11 10:21 IST", "YYYY-MM-DD HH24:MI TZ"}, {"2015-02-11 10:21 +2", "YYYY-MM-DD HH24:MI OF"}, {"2024 53", "IYYY IW"}, {"2020 53 7", "IYYY IW ID"}, {"2020 371", "IYYY IDDD"}, {"2024 10", "YYYY WW"}, {"2024 5 2", "YYYY MM W"}, {"2024 5", "IYYY MM"},
		{"Monday 2024", "Day YYYY"}, {"Mon 2024", "DY YYYY"}, {"Xday 2024", "Day YYYY"}, {"18000", "YYYYY"}, {"5874898", "YYYY"}, {"20000-1116", "YYYY-MMDD"}, {"95-1116", "YYY-MMDD"}, {"9-1116", "Y-MMDD"}, {"995-1116", "YYY-MMDD"}, {"1.123456789", "SS.US"}, {"1.5", "SS.FF3"}, {"15:30:60", "HH24:MI:SS"}, {"", "YYYY"}, {"2024", ""}, {"   2024", "YYYY"}, {"2024\t05", "YYYY MM"}, {"AD 5", "AD YYYY"}, {"a.d. 5", "B.C. YYYY"}, {"1 4 1902", "Q MM YYYY"}, {"3 4 21 01", "W MM CC YY"}, {"2458872", "J"}, {"0", "J"}, {"2011-12-18 11:38 -05:20", "YYYY-MM-DD HH12:MI TZH:TZM"}, {"10 -5", "HH24 TZH"}, {"2024-05 2024-06", "YYYY-MM YYYY-MM"}, {"2024-05 2024-05", "YYYY-MM YYYY-MM"}, {"2020-08-18 +16", "YYYY-MM-DD TZH"}, {"+1 2", "MM DD"}, {"99999999999", "YYYY"}, {"2024 13", "YYYY MM"}, {"2024 4 31", "YYYY MM DD"}, {"2024 0 0", "YYYY MM DD"},
	}
	pair := pairs[g.IntN(len(pairs))]
	text, template := pair[0], pair[1]
	switch g.IntN(8) {
	case 0:
		template = g.pick("FX", "FM", "TM") + template
	case 1:
		at := g.IntN(len(text) + 1)
		text = text[:at] + g.pick(" ", "-", "x", "1", "+", "/") + text[at:]
	case 2:
		at := g.IntN(len(template) + 1)
		template = template[:at] + g.pick(" ", "-", "x", "TH", "FM", "/") + template[at:]
	case 3:
		if len(text) > 0 {
			at := g.IntN(len(text))
			text = text[:at] + text[at+1:]
		}
	}
	return fmt.Sprintf("%s('%s', '%s')", function, text, template)
}

func (g *generator) numeric() string {
	value := g.pick("0", "1.5", "-12.345", "1234567.891", "0.005", "-0.5", "100", "-1", "0.0", "12", "-485", "0.1", "1e10", "123456789012345678901234567890.123", "-0.001", "9.99", "99.995", "4000", "3999", "485", "1", fmt.Sprint(g.IntN(2000)-1000), fmt.Sprintf("%.3f", g.Float64()*2000-1000))
	switch g.IntN(8) {
	case 0:
		return g.pick("float8 'NaN'", "float8 'Infinity'", "numeric 'NaN'", "numeric '-Infinity'", "float4 '-Infinity'", "NULL::int4", "int4 '-2147483648'", "int8 '-9223372036854775808'", "float4 'NaN'")
	case 1:
		return "float8 '" + value + "'"
	case 2:
		return "float4 '" + value + "'"
	case 3, 4:
		return fmt.Sprintf("%s '%d'", g.pick("int4", "int8"), g.IntN(pickInt(g, 10, 100, 10000, 10000000))-pickInt(g, 0, 0, 500))
	}
	return "numeric '" + value + "'"
}

// numberTemplate is a random template of numbers.
func (g *generator) numberTemplate() string {
	if g.IntN(3) == 0 {
		return g.pick("999", "FM999.99", "000.00", "9,999,999.99", "S999.9", "999.9S", "999.9MI", "999.9PR", "L99", "FM9990D00", "SG99", "PL99", "9G999", "99th", "FM000", "0.9", "FMS99.0", ".99", "99.9PL",
			"FM9,999,999", "MI999", `"x="999`, "RN", "FMRN", "rn", "9.99EEEE", "9EEEE", "99V9", "999V99", "B999", "B9.9", "99TH", "FM99th", "999D99S", "9 9 9", "", "x", "SG9", "099999", "990.099", "FM0999.9990", "S0.9", "PR99", "9.9.9", "SS9", "9PRS", "EEEE", "9V9V9", "RN9", "99FM", "CC99", "9SP", "TH", "9TH9", "FM99.90", "99.", "FM99.", "9999999999999999999999999999999999.9", "S9999999V9999", "MI99MI", "L9,99", "9PLMI", "SGMI9")
	}
	var out strings.Builder
	if g.IntN(3) == 0 {
		out.WriteString("FM")
	}
	out.WriteString(g.pick("", "", "S", "MI", "PL", "SG", "L", "B"))
	for range 1 + g.IntN(5) {
		out.WriteString(g.pick("9", "9", "9", "0", ",", "G"))
	}
	if g.IntN(2) == 0 {
		out.WriteString(g.pick(".", "D"))
		for range g.IntN(4) {
			out.WriteString(g.pick("9", "9", "0"))
		}
	}
	if g.IntN(15) == 0 {
		out.WriteString("V99")
	}
	out.WriteString(g.pick("", "", "", "S", "MI", "PR", "TH", "th", "PL", "SG", " x", `"q"`, "EEEE"))
	return out.String()
}
