package sql

import (
	"strings"
	"testing"

	"millrace/sql/sqlerr"
)

// TestErrors checks code, place, message and hint of errors. The place is
// marked by ^ in front of it.
func TestErrors(t *testing.T) {
	tests := []struct {
		text    string
		code    sqlerr.Code
		message string
		hint    string
	}{
		{"^SELCT 1", sqlerr.SyntaxError, `syntax error at or near "SELCT"`, "Perhaps you meant SELECT."},
		{"^isnert INTO t VALUES (1)", sqlerr.SyntaxError, `syntax error at or near "isnert"`, "Perhaps you meant INSERT."},
		{"^xyzzy", sqlerr.SyntaxError, `syntax error at or near "xyzzy"`, ""},
		{"SELECT 1; ^DLETE FROM t", sqlerr.SyntaxError, `syntax error at or near "DLETE"`, "Perhaps you meant DELETE."},
		{"CREATE ^STREAMS s (a int)", sqlerr.SyntaxError, `syntax error at or near "STREAMS"`, "Perhaps you meant STREAM."},
		{"CREATE ^tabel s (a int)", sqlerr.SyntaxError, `syntax error at or near "tabel"`, "Perhaps you meant TABLE."},
		{"DROP ^STREM s", sqlerr.SyntaxError, `syntax error at or near "STREM"`, "Perhaps you meant STREAM."},
		{"LIST ^stream", sqlerr.SyntaxError, `syntax error at or near "stream"`, "Perhaps you meant STREAMS."},
		{"SELECT a FROM s EMIT ^CHANGE", sqlerr.SyntaxError, `syntax error at or near "CHANGE"`,
			"Perhaps you meant EMIT CHANGES or EMIT FINAL."},
		{"SELECT a FROM s WHERE b ^EMIT", sqlerr.SyntaxError, `syntax error at or near "EMIT"`,
			"EMIT is followed by CHANGES or FINAL, and stands behind LIMIT."},
		{"SELECT a FROM s EMIT CHANGES ^WHERE b", sqlerr.SyntaxError, `syntax error at or near "WHERE"`,
			"Nothing but WITH (…) and LIMIT may stand behind EMIT CHANGES and EMIT FINAL."},
		{"INSERT INTO t VALUES (1 ^2)", sqlerr.SyntaxError, `syntax error at or near "2"`,
			`A comma or a closing parenthesis is missing before "2", perhaps.`},
		{"CREATE STREAM s (a int ^b int)", sqlerr.SyntaxError, `syntax error at or near "b"`,
			`A comma or a closing parenthesis is missing before "b", perhaps.`},
		{"CREATE TABLE t (^select int)", sqlerr.SyntaxError, `syntax error at or near "select"`,
			`"select" is a reserved word: as a name it needs double quotes.`},
		{"SELECT * FROM a JOIN b ^WHERE c", sqlerr.SyntaxError, `syntax error at or near "WHERE"`,
			"A join needs ON condition or USING (columns)."},
		{"SELECT * FROM s WINDOW TUMBLING (SIZE ^'1 hour')", sqlerr.SyntaxError, `syntax error at or near "'1 hour'"`,
			"A length of time is a number and a unit, such as 10 SECONDS."},
		{"SELECT * FROM s WINDOW TUMBLING (SIZE 1 ^FORTNIGHT)", sqlerr.SyntaxError, `syntax error at or near "FORTNIGHT"`,
			"Units of time are MILLISECONDS, SECONDS, MINUTES, HOURS, DAYS, WEEKS, MONTHS and YEARS."},
		{"SELECT a LIMIT^", sqlerr.SyntaxError, "syntax error at end of input", ""},
		{"SELECT (1 ^", sqlerr.SyntaxError, "syntax error at end of input", ""},
		{"SELECT 'é', ^'x", sqlerr.SyntaxError, `unterminated quoted string at or near "'x"`, ""},
		{"SELECT ^\"\"", sqlerr.SyntaxError, `zero-length delimited identifier at or near """"`, ""},
		{"SELECT ^$tag$x", sqlerr.SyntaxError, `unterminated dollar-quoted string at or near "$tag$x"`, ""},
		{"SELECT ^1x", sqlerr.SyntaxError, `trailing junk after numeric literal at or near "1x"`, ""},
		{"SELECT ^B'012'", sqlerr.InvalidTextRepresentation, `"2" is not a valid binary digit`, ""},
		{"SELECT ^X'0G'", sqlerr.InvalidTextRepresentation, `"G" is not a valid hexadecimal digit`, ""},
		{"SELECT ^E'\\xff'", sqlerr.CharacterNotInRepertoire, `invalid byte sequence for encoding "UTF8": 0xff`, ""},
		{"SELECT ^\x00", sqlerr.CharacterNotInRepertoire, `invalid byte sequence for encoding "UTF8": 0x00`, ""},
		{"SELECT 'é^\xe9'", sqlerr.CharacterNotInRepertoire, `invalid byte sequence for encoding "UTF8": 0xe9`, ""},
		{"SELECT a::float(^99)", sqlerr.InvalidParameterValue, "precision for type float must be less than 54 bits", ""},
		{"SELECT sum(a) OVER (ROWS ^UNBOUNDED FOLLOWING)", sqlerr.WindowingError, "frame start cannot be UNBOUNDED FOLLOWING", ""},
		{"^DO 'x'", sqlerr.FeatureNotSupported, "DO is not supported", ""},
		{"^CREATE FUNCTION f() RETURNS int", sqlerr.FeatureNotSupported, "CREATE FUNCTION is not supported", ""},
		{"^MERGE INTO t USING s ON a WHEN MATCHED THEN DELETE", sqlerr.FeatureNotSupported, "MERGE is not supported", "Use INSERT … ON CONFLICT, or UPDATE and DELETE in the WITH of an INSERT."},
		{"^CREATE SINK CONNECTOR c WITH (a = 'b')", sqlerr.FeatureNotSupported, "CREATE CONNECTOR is not supported", ""},
		{"^RUN SCRIPT 'x'", sqlerr.FeatureNotSupported, "RUN is not supported", ""},
		{"CREATE ROLE ^public", sqlerr.ReservedName, `role name "public" is reserved`, ""},
	}
	for _, test := range tests {
		text := strings.Replace(test.text, "^", "", 1)
		_, err := Parse(text)
		if err == nil {
			t.Errorf("%s is accepted", text)
			continue
		}
		e := sqlerr.From(err)
		if want := strings.Index(test.text, "^"); e.Position != want {
			t.Errorf("%s: position %d, want %d", text, e.Position, want)
		}
		if e.Code != test.code || e.Message != test.message || e.Hint != test.hint {
			t.Errorf("%s:\n got %s %s (%s)\nwant %s %s (%s)", text, e.Code, e.Message, e.Hint, test.code, test.message, test.hint)
		}
	}
}

// TestLongTokensAreClipped checks that an error does not repeat a long text.
func TestLongTokensAreClipped(t *testing.T) {
	_, err := Parse("SELECT 1 '" + strings.Repeat("é", 100_000) + "'")
	if err == nil || len(err.Error()) > 300 {
		t.Errorf("%v", err)
	}
}

func TestParseOneTakesOneStatement(t *testing.T) {
	for text, position := range map[string]int{"": 0, ";": 0, "SELECT 1; SELECT 2": 10, " -- x": 5} {
		if _, err := ParseOne(text); err == nil {
			t.Errorf("%q is accepted", text)
		} else if got := sqlerr.From(err).Position; got != position {
			t.Errorf("%q: position %d, want %d", text, got, position)
		}
	}
	if _, err := ParseOne("SELECT 1;;"); err != nil {
		t.Error(err)
	}
}

func TestParseExprTakesOneExpression(t *testing.T) {
	for _, text := range []string{"", "1 2", "a AS b", "1;", "SELECT 1"} {
		if _, err := ParseExpr(text); err == nil {
			t.Errorf("%q is accepted", text)
		}
	}
}

func TestStatementsKnowTheirText(t *testing.T) {
	const text = " /* x */ SELECT 1 ;; -- y\n BEGIN;INSERT INTO t VALUES ('a;b') "
	statements, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"SELECT 1", "BEGIN", "INSERT INTO t VALUES ('a;b')"}
	if len(statements) != len(want) {
		t.Fatalf("%d statements", len(statements))
	}
	for i, statement := range statements {
		extent := statement.Extent()
		if got := text[extent.Start:extent.End]; got != want[i] {
			t.Errorf("got %q, want %q", got, want[i])
		}
	}
}
