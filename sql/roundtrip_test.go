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

// ownStatementsFile holds statements that PostgreSQL does not have.
const ownStatementsFile = "testdata/own_statements.sql"

// TestOwnTrees compares the trees of the statements of KSQL and our own, and
// what they print, with recorded ones.
func TestOwnTrees(t *testing.T) {
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
	checkGolden(t, "testdata/own_trees.golden", b.String())
}

// TestPrintedStatements compares what the statements of PostgreSQL print with
// recorded texts, which show how each was read.
func TestPrintedStatements(t *testing.T) {
	var b strings.Builder
	for _, line := range readLines(t, statementsFile) {
		statements, err := Parse(line)
		if err != nil {
			continue
		}
		fmt.Fprintf(&b, "%s\n", line)
		for _, statement := range statements {
			checkTree(t, statement)
			fmt.Fprintf(&b, "  %s\n", ast.String(statement))
		}
	}
	checkGolden(t, "testdata/postgresql_printed.golden", b.String())
}

// checkGolden compares a text with a file, or writes the file.
func checkGolden(t *testing.T, name, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	gotLines, wantLines := strings.Split(got, "\n"), strings.Split(string(want), "\n")
	for i := range min(len(gotLines), len(wantLines)) {
		if gotLines[i] != wantLines[i] {
			t.Fatalf("%s:%d:\n got %s\nwant %s", name, i+1, gotLines[i], wantLines[i])
		}
	}
	if len(gotLines) != len(wantLines) {
		t.Errorf("%s: %d lines, %d recorded: run with -update", name, len(gotLines), len(wantLines))
	}
}
