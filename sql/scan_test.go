package sql

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestStatementScanner(t *testing.T) {
	for _, test := range []struct {
		text string
		end  int
		stop ScanStop
	}{
		{"", 0, StopEmpty},
		{" -- only; a comment\n", 20, StopEmpty},
		{"SELECT 1", 8, StopOpen},
		{"SELECT 1; SELECT 2", 9, StopSemicolon},
		{"SELECT ';'; x", 11, StopSemicolon},
		{"SELECT 'a''; b", 14, StopQuote},
		{`SELECT E'\'; b`, 14, StopQuote},
		{`SELECT "a; b`, 12, StopDoubleQuote},
		{`SELECT U&"a; b`, 14, StopDoubleQuote},
		{`SELECT U&'a; b`, 14, StopQuote},
		{"SELECT $x$ ; $y$ ;", 18, StopDollarQuote},
		{"SELECT $x$ ; $x$;", 17, StopSemicolon},
		{"SELECT $1;", 10, StopSemicolon},
		{"SELECT /* /* ; */ ;", 19, StopComment},
		{"/* ;", 4, StopComment},
		{"SELECT (1; 2", 12, StopParenthesis},
		{"SELECT 1); 2", 10, StopSemicolon},
		{`SELECT 1 \g`, 9, StopBackslash},
		{`\d t`, 0, StopBackslash},
		{`SELECT '\d'; `, 12, StopSemicolon},
		{`SELECT ""; x`, 10, StopSemicolon},
		{"SELECT 1x; y", 10, StopSemicolon},
		{"SELECT \x00\xff; y", 10, StopSemicolon},
		{"SELECT U&'a' UESCAPE 5; y", 23, StopSemicolon},
	} {
		var scanner StatementScanner
		if end, stop := scanner.Scan(test.text); end != test.end || stop != test.stop {
			t.Errorf("%q: end %d, stop %d; want %d, %d", test.text, end, stop, test.end, test.stop)
		}
	}
}

// TestStatementScannerGoesOn cuts texts at the ends of lines: the scanner comes to the
// same end as with the whole text.
func TestStatementScannerGoesOn(t *testing.T) {
	pieces := rapid.SampledFrom([]string{"SELECT", "\n", "'a'", "'b\nc'", `"n;"`, "$$", "$t$", "/*", "*/", "--", ";", "(", ")", " ", "1", ":", "\\", "E'\\''"})
	rapid.Check(t, func(t *rapid.T) {
		text := ""
		for _, piece := range rapid.SliceOf(pieces).Draw(t, "pieces") {
			text += piece
		}
		var whole, lines StatementScanner
		wantEnd, wantStop := whole.Scan(text)
		for cut := range text {
			if text[cut] != '\n' {
				continue
			}
			if end, stop := lines.Scan(text[:cut+1]); stop <= StopBackslash {
				if end != wantEnd || stop != wantStop {
					t.Fatalf("%q: end %d, stop %d after a line; %d, %d in one", text, end, stop, wantEnd, wantStop)
				}
				return
			}
		}
		if end, stop := lines.Scan(text); end != wantEnd || stop != wantStop {
			t.Fatalf("%q: end %d, stop %d line by line; %d, %d in one", text, end, stop, wantEnd, wantStop)
		}
	})
}

func TestColonNames(t *testing.T) {
	text := `SELECT :a, :'b', :"c", x::int, ':d', "e:f", a[1:g], :$$h$$, : i, $x$:j$x$ -- :k` + "\n" + `, :=l, 'open :m`
	var names []string
	for _, name := range ColonNames(text) {
		names = append(names, text[name.Start:name.End]+" "+name.Name)
	}
	if diff := cmp.Diff([]string{`:a a`, `:'b' b`, `:"c" c`, `:g g`}, names); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
