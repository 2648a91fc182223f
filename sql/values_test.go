package sql

import (
	"testing"

	"millrace/sql/ast"
)

func TestStrings(t *testing.T) {
	tests := []struct{ text, want string }{
		{`'abc'`, "abc"},
		{`''`, ""},
		{`'it''s'`, "it's"},
		{`'back\slash'`, `back\slash`},
		{"'a'\n'b'", "ab"},
		{"'a' -- it's a comment\n  'b'\r\n\t'c''d'", "abc'd"},
		{`N'abc'`, "abc"},
		{`n'a''b'`, "a'b"},
		{`E'a\'b\\c\n\t\r\b\f\/'`, "a'b\\c\n\t\r\b\f/"},
		{`e'it''s'`, "it's"},
		{`E'\101\7\x41\x4a\u00e9\U0001F600\q\x'`, "A\aAJé😀qx"},
		{`E'\ud83d\ude00\uD83D\U0000DE00'`, "😀😀"},
		{`E'\xc3\xa9'`, "é"},
		{"E'a\\\\'\n'b'", `a\b`},
		{`U&'d\0061t\+000061\\'`, `data\`},
		{`U&'d!0061t\a!!' UESCAPE '!'`, `dat\a!`},
		{`u&'\d83d\de00\D83D\+00DE00'`, "😀😀"},
		{"U&'a'\n'b' UESCAPE '!'", "ab"},
		{`$$it's \n$$`, `it's \n`},
		{`$tag$a$$b$ta$c$tag$`, "a$$b$ta$c"},
		{`$é_1$x$é_1$`, "x"},
	}
	for _, test := range tests {
		literal, ok := mustParseExpr(t, test.text).(*ast.StringLiteral)
		if !ok || literal.Value != test.want {
			t.Errorf("%s: got %q, want %q", test.text, literal.Value, test.want)
		}
		if literal.Start != 0 || int(literal.End) != len(test.text) {
			t.Errorf("%s: extent %v", test.text, literal.Span)
		}
	}
}

func TestNumbers(t *testing.T) {
	tests := []struct{ text, want string }{
		{"0", "(IntegerLiteral)"},
		{"007", "(IntegerLiteral Value:7)"},
		{"9223372036854775807", "(IntegerLiteral Value:9223372036854775807)"},
		{"9223372036854775808", `(NumericLiteral Text:"9223372036854775808")`},
		{"999999999999999999", "(IntegerLiteral Value:999999999999999999)"},
		{"1.50", `(NumericLiteral Text:"1.50")`},
		{".5e-3", `(NumericLiteral Text:".5e-3")`},
		{"5.", `(NumericLiteral Text:"5.")`},
		{"1E+10", `(NumericLiteral Text:"1E+10")`},
		{"b'01'", `(BitLiteral Digits:"01")`},
		{"x'1f'", `(BitLiteral Hex:true Digits:"1f")`},
		{"$12", "(Parameter Number:12)"},
	}
	for _, test := range tests {
		if got := dump(mustParseExpr(t, test.text)); got != test.want {
			t.Errorf("%s: got %s, want %s", test.text, got, test.want)
		}
	}
}

// TestPrecedence compares each expression with one that has all parentheses.
func TestPrecedence(t *testing.T) {
	tests := []struct{ text, full string }{
		{"a + b * c - d", "(a + (b * c)) - d"},
		{"a - b - c", "(a - b) - c"},
		{"a ^ b ^ c", "(a ^ b) ^ c"},
		{"-a ^ b", "(-a) ^ b"},
		{"- - a", "-(-a)"},
		{"-1::int", "-(1::int)"},
		{"a || b + c", "a || (b + c)"},
		{"a || b -> c", "(a || b) -> c"},
		{"a = b || c", "a = (b || c)"},
		{"@ a + b", "@ (a + b)"},
		{"@ a || b", "(@ a) || b"},
		{"2 * @ 3 + 1", "2 * (@ (3 + 1))"},
		{"a < b AND c OR NOT d = e", "((a < b) AND c) OR (NOT (d = e))"},
		{"NOT a IS NULL", "NOT (a IS NULL)"},
		{"a = b IS NULL", "(a = b) IS NULL"},
		{"a IS NULL = b", "(a IS NULL) = b"},
		{"a = b LIKE c", "a = (b LIKE c)"},
		{"a LIKE b || c", "a LIKE (b || c)"},
		{"a LIKE b ESCAPE c || d AND e", "(a LIKE b ESCAPE (c || d)) AND e"},
		{"a BETWEEN b AND c AND d", "(a BETWEEN b AND c) AND d"},
		{"a BETWEEN b + 1 AND c + 1 = d", "(a BETWEEN (b + 1) AND (c + 1)) = d"},
		{"a NOT IN (b) OR c", "(a NOT IN (b)) OR c"},
		{"a IN (b) IN (c)", "(a IN (b)) IN (c)"},
		{"a IS DISTINCT FROM b = c", "a IS DISTINCT FROM (b = c)"},
		{"a AT TIME ZONE b AT TIME ZONE c", "(a AT TIME ZONE b) AT TIME ZONE c"},
		{"a + b AT TIME ZONE c", "a + (b AT TIME ZONE c)"},
		{"-a AT TIME ZONE b", "(-a) AT TIME ZONE b"},
		{"a || b COLLATE c", "a || (b COLLATE c)"},
		{"a COLLATE b AT TIME ZONE c", "(a COLLATE b) AT TIME ZONE c"},
		{"a OPERATOR(s.+) b * c", "a OPERATOR(s.+) (b * c)"},
		{"a * b OPERATOR(s.*) c", "(a * b) OPERATOR(s.*) c"},
		{"a + 1 = ANY (b) AND c", "((a + 1) = ANY (b)) AND c"},
		{"a << b | c", "(a << b) | c"},
		{"a <= b + c", "a <= (b + c)"},
	}
	for _, test := range tests {
		got, want := dump(mustParseExpr(t, test.text)), dump(mustParseExpr(t, test.full))
		if got != want {
			t.Errorf("%s:\n got %s\nwant %s", test.text, got, want)
		}
	}
}
