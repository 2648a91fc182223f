package types

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// styleZones are values of TimeZone: names, offsets, intervals, and zones in
// POSIX's form.
var styleZones = []string{
	"'UTC'", "'America/New_York'", "'Europe/Dublin'", "'Asia/Kathmandu'", "'Africa/Monrovia'", "'Australia/Lord_Howe'", "'Pacific/Apia'",
	"'America/St_Johns'", "'Africa/Casablanca'", "'Etc/GMT+12'", "'EST5EDT'", "'posixrules'", "'PST8PDT'", "'GMT'", "'Zulu'",
	"3", "-7.5", "5.75", "'+05:30'", "'-3'", "INTERVAL '-08:00' HOUR TO MINUTE", "INTERVAL '5' HOUR", "INTERVAL '15 hours'",
	"'<+0330>-3:30'", "'XYZ-2'", "'UTC+3'", "'CET-1CEST'", "'CET-1CEST,M3.5.0,M10.5.0/3'", "'AEST-10AEDT,M10.1.0,M4.1.0/3'", "'<-03>3<-02>,M3.5.0/-2,M10.5.0/-1'",
	"'ABC4:30DEF,J60,J300'", "'ABC-4DEF-5,59,299'",
}

var (
	dateStyleWords     = []string{"ISO", "SQL", "Postgres", "German"}
	dateOrderWords     = []string{"MDY", "DMY", "YMD"}
	intervalStyleWords = []string{"postgres", "postgres_verbose", "sql_standard", "iso_8601"}
)

// randomStyle returns settings and what they mean to us. The name of the zone is asked
// of the oracle, which prints it as SHOW does.
func randomStyle(t *testing.T, r *rand.Rand) ([]string, *Format) {
	t.Helper()
	pick := func(words []string) string { return words[r.IntN(len(words))] }
	dateStyle := pick(dateStyleWords) + ", " + pick(dateOrderWords)
	intervalStyle, digits, bytea := pick(intervalStyleWords), r.IntN(19)-15, pick([]string{"hex", "escape"})
	settings := []string{
		"DateStyle = '" + dateStyle + "'", "IntervalStyle = '" + intervalStyle + "'", "TIME ZONE " + pick(styleZones),
		fmt.Sprintf("extra_float_digits = %d", digits), "bytea_output = " + bytea,
	}
	shown := strings.TrimPrefix(tryAll(t, settings, []string{"current_setting('TimeZone')"})[0], "=")
	_, zone, ok := TimeZoneSetting(shown)
	if !ok {
		t.Fatalf("%s: the zone %q is unknown", settings[2], shown)
	}
	format := &Format{IntervalStyle: ParseIntervalStyle(intervalStyle), TimeZone: zone, ExtraFloatDigits: digits, Now: time.Now}
	format.DateStyle, format.DateOrder = ParseDateStyle(dateStyle)
	if bytea == "escape" {
		format.ByteaOutput = ByteaOutputEscape
	}
	return settings, format
}

// styledTypes are the types whose text the settings change.
var styledTypes = []string{
	"date", "time", "time with time zone", "timestamp", "timestamp with time zone", "interval", "bytea", "real", "double precision",
	"timestamp with time zone[]", "interval[]", "double precision[]", "bytea[]",
}

// TestRandomStylesAgainstPostgreSQL writes random values under random settings, and
// reads what was written, and texts near it, under the same settings. STYLES are how many
// settings there are, SEED makes others.
func TestRandomStylesAgainstPostgreSQL(t *testing.T) {
	count, seed := 12, 1
	if n, err := strconv.Atoi(os.Getenv("STYLES")); err == nil {
		count = n
	}
	if n, err := strconv.Atoi(os.Getenv("SEED")); err == nil {
		seed = n
	}
	for n := range count {
		r := rand.New(rand.NewPCG(uint64(seed), uint64(n)))
		settings, format := randomStyle(t, r)
		t.Run(strings.Join(settings, "; "), func(t *testing.T) {
			for _, name := range styledTypes {
				compareStyled(t, r, name, settings, format)
			}
		})
	}
}

// compareStyled compares values of a type. In a zone with a rule for its summer time only
// times from 1970 on are compared: the standard library is a day late before.
func compareStyled(t *testing.T, r *rand.Rand, name string, settings []string, format *Format) {
	t.Helper()
	typ := typeNamed(t, name)
	var texts, expressions []string
	ask := func(text string) {
		texts, expressions = append(texts, text), append(expressions, literal(text)+"::"+name)
	}
	var written []string
	rules := strings.Contains(settings[2], ",") || strings.Contains(settings[2], "CEST")
	if rules && typ.Kind == KindArray && typ.Elem.Kind == KindTimestampTZ {
		return
	}
	for range 40 {
		d := randomDatum(r, typ)
		if rules && typ.Kind == KindTimestampTZ {
			d = IntDatum(max(d.Int, -d.Int, 0))
		}
		ask(string(AppendText(nil, typ, d, &Format{ExtraFloatDigits: 1, IntervalStyle: IntervalStyleISO8601})))
		text := string(AppendText(nil, typ, d, format))
		written = append(written, text)
		ask(text)
	}
	for range 40 {
		if typ.Kind == KindArray || rules && typ.Kind == KindTimestampTZ {
			break // PostgreSQL 15 takes some arrays that are malformed
		}
		ask(strings.ToValidUTF8(mutate(r, written), "?"))
	}
	const shown = 5
	failures := 0
	for i, want := range tryAll(t, settings, expressions) {
		got := outcome(typ, texts[i], format)
		if got == want || bothRefuse(got, want) || namesZone(got) || strings.Contains(texts[i], "2562047788") {
			continue
		}
		if failures++; failures <= shown {
			t.Errorf("%s %q\n  got  %s\n  want %s", name, texts[i], got, want)
		}
	}
}

// TestStyleZonesAgainstPostgreSQL writes moments in every zone, and asks for its name
// where the setting is a string.
func TestStyleZonesAgainstPostgreSQL(t *testing.T) {
	typ := Type{Kind: KindTimestampTZ, Mod: -1}
	moments := []string{"'2024-01-15 12:00+00'::timestamptz", "'2024-07-15 12:00+00'::timestamptz", "'2024-03-31 01:00+00'::timestamptz"}
	for _, setting := range styleZones {
		answers := tryAll(t, []string{"TIME ZONE " + setting}, append([]string{"current_setting('TimeZone')"}, moments...))
		value := strings.TrimPrefix(answers[0], "=")
		if quoted, isString := strings.CutPrefix(setting, "'"); isString {
			value = strings.ToLower(strings.TrimSuffix(quoted, "'"))
		}
		name, zone, ok := TimeZoneSetting(value)
		if !ok {
			t.Errorf("%s: %q is refused", setting, value)
			continue
		}
		if "="+name != answers[0] && !strings.ContainsAny(setting, "/") && setting != "'posixrules'" && setting != "'Zulu'" {
			t.Errorf("%s: SHOW prints %q, want %q", setting, name, answers[0])
		}
		format := &Format{TimeZone: zone, Now: time.Now}
		for i, moment := range moments {
			text, _, _ := strings.Cut(strings.TrimPrefix(moment, "'"), "'")
			if got := outcome(typ, text, format); got != answers[i+1] {
				t.Errorf("%s: %s is %s, want %s", setting, text, got, answers[i+1])
			}
		}
	}
}
