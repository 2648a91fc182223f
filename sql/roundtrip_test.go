package sql

import (
	"fmt"
	"os"
	"strings"
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

// ownStatementsFile holds statements that PostgreSQL does not have.
const ownStatementsFile = "testdata/own_statements.sql"

// ownTreesFile holds for each of them what it prints and its tree.
const ownTreesFile = "testdata/own_statements.golden"

// TestOwnStatements compares the trees of the statements of KSQL and our own
// with recorded ones.
func TestOwnStatements(t *testing.T) {
	var b strings.Builder
	for _, line := range readLines(t, ownStatementsFile) {
		statement, err := ParseOne(line)
		if err != nil {
			t.Errorf("%s: %v", line, err)
			continue
		}
		checkTree(t, statement)
		fmt.Fprintf(&b, "%s\n  %s\n  %s\n", line, ast.String(statement), dump(statement))
	}
	if *update {
		if err := os.WriteFile(ownTreesFile, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(ownTreesFile)
	if err != nil {
		t.Fatal(err)
	}
	gotLines, wantLines := strings.Split(b.String(), "\n"), strings.Split(string(want), "\n")
	for i := range min(len(gotLines), len(wantLines)) {
		if gotLines[i] != wantLines[i] {
			t.Fatalf("line %d:\n got %s\nwant %s", i+1, gotLines[i], wantLines[i])
		}
	}
	if len(gotLines) != len(wantLines) {
		t.Errorf("%d lines, %d recorded: run with -update", len(gotLines), len(wantLines))
	}
}
