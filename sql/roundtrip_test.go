package sql

import (
	"testing"

	"millrace/sql/ast"
)

// checkRoundTrip parses a text, prints the trees, parses what was printed,
// and compares the trees and what they print. It reports whether the text
// could be parsed.
func checkRoundTrip(t *testing.T, text string) bool {
	t.Helper()
	statements, err := Parse(text)
	if err != nil {
		return false
	}
	for _, want := range statements {
		checkTree(t, want)
	}
	return true
}

// checkTree prints a statement and parses the text.
func checkTree(t *testing.T, want ast.Statement) {
	t.Helper()
	printed := ast.String(want)
	got, err := ParseOne(printed)
	if err != nil {
		t.Fatalf("printed text is refused: %v\n%s\n%s", err, printed, dump(want))
	}
	if dump(got) != dump(want) {
		t.Fatalf("printed text parses to another tree\n%s\n got %s\nwant %s", printed, dump(got), dump(want))
	}
	if again := ast.String(got); again != printed {
		t.Fatalf("printed twice:\n%s\n%s", printed, again)
	}
}

func TestRoundTripOfPostgreSQLStatements(t *testing.T) {
	for _, v := range readVerdicts(t) {
		t.Run(v.statement, func(t *testing.T) {
			checkRoundTrip(t, v.statement)
		})
	}
}
