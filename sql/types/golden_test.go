package types

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strconv"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write the golden files anew from PostgreSQL")

// Golden files hold what PostgreSQL 15 answered, one case a line: Go-quoted
// fields, the answer in the form of the oracle's function try last. So the
// cases are checked where no server is installed too.

// golden returns the cases of a golden file. With -update they are made anew:
// cases without their answers, and how to ask PostgreSQL for each.
func golden(t *testing.T, name string, cases func() [][]string, ask func(c []string) (settings []string, expression string)) [][]string {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		writeGolden(t, path, cases(), ask)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var out [][]string
	for _, line := range strings.Split(strings.TrimSpace(string(data)), "\n") {
		var fields []string
		for _, quoted := range strings.Split(line, "\t") {
			field, err := strconv.Unquote(quoted)
			if err != nil {
				t.Fatalf("%s: %q: %v", path, line, err)
			}
			fields = append(fields, field)
		}
		out = append(out, fields)
	}
	return out
}

func writeGolden(t *testing.T, path string, cases [][]string, ask func(c []string) ([]string, string)) {
	t.Helper()
	var b strings.Builder
	for _, c := range cases {
		settings, expression := ask(c)
		for _, field := range append(slices.Clone(c), tryAll(t, settings, []string{expression})[0]) {
			fmt.Fprintf(&b, "%q\t", field)
		}
		text := strings.TrimSuffix(b.String(), "\t")
		b.Reset()
		b.WriteString(text + "\n")
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestGoldenText(t *testing.T) {
	format := DefaultFormat()
	format.Now = time.Now
	cases := func() [][]string {
		var out [][]string
		for name, list := range inputs {
			for _, s := range list {
				out = append(out, []string{name, s})
			}
		}
		sort.Slice(out, func(i, j int) bool { return slices.Compare(out[i], out[j]) < 0 })
		return out
	}
	ask := func(c []string) ([]string, string) { return nil, literal(c[1]) + "::" + c[0] }
	for _, c := range golden(t, "text.golden", cases, ask) {
		if got := outcome(typeNamed(t, c[0]), c[1], format); got != c[2] {
			t.Errorf("%s %q:\n  got  %s\n  want %s", c[0], c[1], got, c[2])
		}
	}
}

func TestGoldenStyles(t *testing.T) {
	values := [][]string{{"date", "2001-02-03"}, {"date", "0044-03-15 BC"}, {"date", "12345-06-07"}, {"time", "04:05:06.7"},
		{"timestamp", "1999-01-08 04:05:06.789"}, {"timestamp", "0044-03-15 10:00:00 BC"}, {"timestamptz", "2004-07-19 10:23:54+00"},
		{"timestamptz", "1880-01-01 00:00:00+00"}, {"timestamptz", "12345-06-07 00:00:00+00"},
		{"interval", "1 year 2 mons -3 days 04:05:06.7"}, {"interval", "-1 year 2 days"}, {"interval", "0"}, {"interval", "-3 days"}, {"interval", "1:02:03"}, {"interval", "1 year"},
		{"bytea", `\x00615c7fff`}, {"double precision", "0.1"}, {"double precision", "1e15"}, {"real", "0.1"}, {"real", "123456.789"}}
	cases := func() [][]string {
		var out [][]string
		for i := range styles {
			for _, v := range values {
				out = append(out, append([]string{strconv.Itoa(i)}, v...))
			}
		}
		return out
	}
	style := func(c []string) int {
		i, err := strconv.Atoi(c[0])
		if err != nil {
			t.Fatal(err)
		}
		return i
	}
	ask := func(c []string) ([]string, string) { return styles[style(c)].settings, literal(c[2]) + "::" + c[1] }
	for _, c := range golden(t, "styles.golden", cases, ask) {
		s := styles[style(c)]
		format := s.format
		if !strings.Contains(strings.Join(s.settings, ""), "extra_float") {
			format.ExtraFloatDigits = 1
		}
		if got := outcome(typeNamed(t, c[1]), c[2], &format); got != c[3] {
			t.Errorf("%v %s %q:\n  got  %s\n  want %s", s.settings, c[1], c[2], got, c[3])
		}
	}
}

func TestGoldenNumeric(t *testing.T) {
	few := []string{"0", "1.0", "-1", "2", "3", "0.5", "-0.0001", "9999", "10001", "123456789.987654321", "99999999999999999999", "1e-30", "NaN", "Infinity", "-Infinity"}
	cases := func() [][]string {
		var out [][]string
		for form := range binaryOperations {
			for _, a := range few {
				for _, b := range few {
					if !strings.HasPrefix(form, "power") || len(b) < 4 {
						out = append(out, []string{form, a, b})
					}
				}
			}
		}
		sort.Slice(out, func(i, j int) bool { return slices.Compare(out[i], out[j]) < 0 })
		return out
	}
	ask := func(c []string) ([]string, string) {
		return nil, fmt.Sprintf(c[0], "'"+c[1]+"'::numeric", "'"+c[2]+"'::numeric")
	}
	for _, c := range golden(t, "numeric.golden", cases, ask) {
		shown := ""
		if got, err := binaryOperations[c[0]](mustNumeric(t, c[1]), mustNumeric(t, c[2])); err != nil {
			shown = errorOutcome(err)
		} else {
			shown = "=" + numericText(got)
		}
		if shown != c[3] {
			t.Errorf(c[0]+":\n  got  %s\n  want %s", c[1], c[2], shown, c[3])
		}
	}
}
