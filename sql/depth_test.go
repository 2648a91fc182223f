package sql

import (
	"strings"
	"testing"

	"millrace/sql/ast"
	"millrace/sql/sqlerr"
)

// TestNestingIsBounded nests each construct that can be nested. A moderate
// depth parses and prints; a huge one is an error, not a crash.
func TestNestingIsBounded(t *testing.T) {
	tests := []struct{ name, before, open, inner, close, after string }{
		{"parentheses", "SELECT ", "(", "1", ")", ""},
		{"sign", "SELECT ", "- ", "1", "", ""},
		{"not", "SELECT ", "NOT ", "a", "", ""},
		{"operator", "SELECT ", "@ ", "1", "", ""},
		{"sum", "SELECT ", "1 + ", "1", "", ""},
		{"right sum", "SELECT ", "1 + (", "1", ")", ""},
		{"power", "SELECT 1", "", "", " ^ 2", ""},
		{"is", "SELECT 1", "", "", " IS NULL", ""},
		{"cast", "SELECT 1", "", "", "::int", ""},
		{"subscript", "SELECT a", "", "", "[1]", ""},
		{"subscript inside", "SELECT ", "a[", "1", "]", ""},
		{"field", "SELECT (a)", "", "", ".b", ""},
		{"case", "SELECT ", "CASE WHEN a THEN ", "1", " END", ""},
		{"case operand", "SELECT ", "CASE ", "1", " WHEN 1 THEN 1 END", ""},
		{"call", "SELECT ", "f(", "1", ")", ""},
		{"coalesce", "SELECT ", "coalesce(", "1", ")", ""},
		{"cast function", "SELECT ", "CAST(", "1", " AS int)", ""},
		{"array", "SELECT ", "ARRAY[", "1", "]", ""},
		{"bare array", "SELECT ARRAY", "[", "1", "]", ""},
		{"row", "SELECT ", "ROW(", "1", ")", ""},
		{"struct", "SELECT ", "STRUCT(a := ", "1", ")", ""},
		{"map", "SELECT ", "MAP(1 := ", "1", ")", ""},
		{"map key", "SELECT ", "MAP(", "1", " := 1)", ""},
		{"lambda", "SELECT f(", "x => g(", "1", ")", ")"},
		{"in", "SELECT ", "a IN (", "1", ")", ""},
		{"between", "SELECT ", "a BETWEEN (", "1", ") AND 2", ""},
		{"like", "SELECT ", "a LIKE (", "b", ")", ""},
		{"any", "SELECT ", "a = ANY (", "b", ")", ""},
		{"overlaps", "SELECT ", "(1, ", "2", ") OVERLAPS (3, 4)", ""},
		{"subquery", "", "SELECT (", "SELECT 1", ")", ""},
		{"subquery in parentheses", "SELECT ", "((SELECT 1) + ", "1", ")", ""},
		{"exists", "", "SELECT EXISTS (", "SELECT 1", ")", ""},
		{"derived table", "", "SELECT * FROM (", "SELECT 1", ") x", ""},
		{"derived tables in parentheses", "SELECT * FROM ", "(", "(SELECT 1) x JOIN y ON true", " JOIN z ON true)", ""},
		{"join", "SELECT * FROM a", "", "", " JOIN b ON true", ""},
		{"cross join", "SELECT * FROM a", "", "", " CROSS JOIN b", ""},
		{"right join", "SELECT * FROM ", "a JOIN ", "a", " ON true", ""},
		{"join in parentheses", "SELECT * FROM ", "(", "a JOIN b ON true", ")", ""},
		{"union", "SELECT 1", "", "", " UNION SELECT 1", ""},
		{"union in parentheses", "", "(", "SELECT 1", ") UNION SELECT 2", ""},
		{"right union", "", "SELECT 1 UNION (", "SELECT 1", ")", ""},
		{"with", "", "WITH a AS (", "SELECT 1", ") SELECT 1", ""},
		{"grouping sets", "SELECT 1 GROUP BY ", "GROUPING SETS (", "a", ")", ""},
		{"type", "SELECT a::", "ARRAY<", "int", ">", ""},
		{"struct type", "SELECT a::", "STRUCT<a ", "int", ">", ""},
		{"explain", "", "EXPLAIN (ANALYZE) ", "SELECT 1", "", ""},
		{"schema", "", "CREATE SCHEMA a ", "", "", ""},
		{"option", "CREATE STREAM a WITH (b = ", "(", "1", ")", ")"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			nested := func(depth int) string {
				return test.before + strings.Repeat(test.open, depth) + test.inner +
					strings.Repeat(test.close, depth) + test.after
			}
			const moderate, huge = 200, 100_000
			statement, err := ParseOne(nested(moderate))
			if err == nil {
				checkTree(t, statement)
			} else if code := sqlerr.CodeOf(err); code != sqlerr.SyntaxError {
				t.Errorf("depth %d: %v (%s)", moderate, err, code)
			}
			statement, err = ParseOne(nested(huge))
			if err == nil {
				if length := len(ast.String(statement)); length > 1000 {
					t.Errorf("depth %d is accepted and prints %d bytes", huge, length)
				}
			} else if code := sqlerr.CodeOf(err); code != sqlerr.StatementTooComplex && code != sqlerr.SyntaxError {
				t.Errorf("depth %d: %v (%s)", huge, err, code)
			}
		})
	}
}

// TestLongChainsAreFlat checks that AND and OR, which generated statements
// have by the thousand, do not nest.
func TestLongChainsAreFlat(t *testing.T) {
	for _, word := range []string{" AND ", " OR "} {
		e, err := ParseExpr("a = 1" + strings.Repeat(word+"a = 1", 100_000))
		if err != nil {
			t.Fatal(err)
		}
		if n, ok := e.(*ast.Logical); !ok || len(n.Operands) != 100_001 {
			t.Errorf("%q: %T", word, e)
		}
	}
}
