package sql

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/jackc/pgx/v5/pgconn"

	"millrace/sql/sqlerr"
)

var update = flag.Bool("update", false, "write the golden files anew")

const (
	statementsFile  = "testdata/postgresql_statements.sql"
	verdictsFile    = "testdata/postgresql_verdicts.txt"
	differencesFile = "testdata/postgresql_differences.txt"
)

// accepted is the verdict on a statement that the grammar accepts; any other
// is an error as "position: message".
const accepted = "accepted"

// verdict is PostgreSQL's answer to a statement.
type verdict struct{ statement, answer string }

// TestAcceptsWhatPostgreSQLAccepts compares the parser with the recorded
// answers of PostgreSQL 15: which statements it refuses, with which message at
// which character. What differs on purpose is listed with a reason.
func TestAcceptsWhatPostgreSQLAccepts(t *testing.T) {
	differences := map[string]string{}
	for _, line := range readLines(t, differencesFile) {
		statement, reason, ok := strings.Cut(line, "\t")
		if !ok || reason == "" {
			t.Errorf("no reason for the difference %q", line)
		}
		differences[statement] = reason
	}
	for _, v := range readVerdicts(t) {
		got := parserVerdict(v.statement)
		_, differs := differences[v.statement]
		delete(differences, v.statement)
		switch {
		case got != v.answer && !differs:
			t.Errorf("%s\n got %s\nwant %s", v.statement, got, v.answer)
		case got == v.answer && differs:
			t.Errorf("%s\nis listed as a difference but there is none", v.statement)
		}
	}
	for statement := range differences {
		t.Errorf("the difference %q is not among the statements", statement)
	}
}

// TestAgainstPostgreSQL asks a real server what is recorded of PostgreSQL's
// grammar, and more than could be recorded.
func TestAgainstPostgreSQL(t *testing.T) {
	conn := connectPostgreSQL(t)
	t.Run("verdicts", func(t *testing.T) { checkVerdicts(t, conn) })
	t.Run("mutations", func(t *testing.T) { checkMutations(t, conn) })
	t.Run("keyword list", func(t *testing.T) { checkKeywordList(t, conn) })
	t.Run("keyword uses", func(t *testing.T) { checkKeywordUses(t, conn) })
}

// checkVerdicts compares the recorded answers with a server's.
func checkVerdicts(t *testing.T, conn *pgconn.PgConn) {
	var got []verdict
	for _, statement := range readLines(t, statementsFile) {
		got = append(got, verdict{statement, postgresqlVerdict(t, conn, statement)})
	}
	if *update {
		writeVerdicts(t, got)
	}
	want := readVerdicts(t)
	if len(got) != len(want) {
		t.Fatalf("%d statements, %d recorded answers: run with -update", len(got), len(want))
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("%s\nrecorded %s\nanswered %s", got[i].statement, want[i].answer, got[i].answer)
		}
	}
}

// parserVerdict returns the parser's answer. A construct that is refused by
// name was understood by the grammar.
func parserVerdict(statement string) string {
	_, err := Parse(statement)
	if err == nil || sqlerr.CodeOf(err) == sqlerr.FeatureNotSupported {
		return accepted
	}
	e := sqlerr.From(err)
	position := 0
	if e.Position >= 0 {
		position = utf8.RuneCountInString(statement[:e.Position]) + 1
	}
	return fmt.Sprintf("%d: %s", position, e.Message)
}

// postgresqlVerdict returns the server's answer. A text is parsed whole before
// its first statement runs, and the first one always fails: so nothing of the
// statement is ever looked at but its grammar.
func postgresqlVerdict(t *testing.T, conn *pgconn.PgConn, statement string) string {
	t.Helper()
	const failing = "SELECT 1/0; "
	_, err := conn.Exec(context.Background(), failing+statement).ReadAll()
	var failure *pgconn.PgError
	if !errors.As(err, &failure) {
		t.Fatalf("%s: %v", statement, err)
	}
	if failure.Code == string(sqlerr.DivisionByZero) {
		return accepted
	}
	position := int(failure.Position)
	if position > 0 {
		position -= len(failing)
	}
	return fmt.Sprintf("%d: %s", position, failure.Message)
}

// readLines returns the lines of a file but empty ones and those that begin
// with #.
func readLines(t testing.TB, name string) []string {
	t.Helper()
	file, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var lines []string
	scanner := bufio.NewScanner(file)
	for scanner.Scan() {
		if line := scanner.Text(); line != "" && !strings.HasPrefix(line, "#") {
			lines = append(lines, line)
		}
	}
	if err := scanner.Err(); err != nil {
		t.Fatal(err)
	}
	return lines
}

func readVerdicts(t *testing.T) []verdict {
	t.Helper()
	var verdicts []verdict
	for _, line := range readLines(t, verdictsFile) {
		statement, answer, _ := strings.Cut(line, "\t")
		verdicts = append(verdicts, verdict{statement, answer})
	}
	return verdicts
}

func writeVerdicts(t *testing.T, verdicts []verdict) {
	t.Helper()
	var b strings.Builder
	b.WriteString("# The statements and, behind a tab, what PostgreSQL 15's grammar says to each.\n")
	for _, v := range verdicts {
		fmt.Fprintf(&b, "%s\t%s\n", v.statement, v.answer)
	}
	if err := os.WriteFile(verdictsFile, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}
