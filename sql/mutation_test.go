package sql

import (
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"millrace/sql/sqlerr"
)

// mutation takes a statement's tokens and changes one: leaves it out, writes
// it twice, exchanges it with its neighbour, or puts one of another
// statement in its place.
func mutation(random *rand.Rand, statement, other string) string {
	tokens, foreign := tokenTexts(statement), tokenTexts(other)
	if len(tokens) < 2 || len(foreign) == 0 {
		return statement
	}
	i := random.IntN(len(tokens) - 1)
	switch random.IntN(4) {
	case 0:
		tokens = append(tokens[:i], tokens[i+1:]...)
	case 1:
		tokens = append(tokens[:i+1], tokens[i:]...)
	case 2:
		tokens[i], tokens[i+1] = tokens[i+1], tokens[i]
	case 3:
		tokens[i] = foreign[random.IntN(len(foreign))]
	}
	text := ""
	for _, token := range tokens {
		text += token + " "
	}
	return text
}

// tokenTexts returns the texts of a statement's tokens, nothing where one of
// them is malformed.
func tokenTexts(statement string) (texts []string) {
	var err error
	defer recoverBailout(&err)
	l := lexer{text: statement}
	for t := l.next(); t.kind != endOfInput; t = l.next() {
		texts = append(texts, statement[t.start:t.end])
	}
	return texts
}

// checkMutations compares the parser with a server on statements that are
// broken in one place, or are not broken after all.
func checkMutations(t *testing.T, conn *pgconn.PgConn) {
	const mutations = 20_000
	random := rand.New(rand.NewPCG(1, 2))
	statements := readLines(t, statementsFile)
	skipped, otherPlace := 0, 0
	for range mutations {
		text := mutation(random, statements[random.IntN(len(statements))], statements[random.IntN(len(statements))])
		if _, err := Parse(text); sqlerr.CodeOf(err) == sqlerr.FeatureNotSupported || readOnPurpose.MatchString(text) {
			skipped++
			continue
		}
		got, want := parserVerdict(text), postgresqlVerdict(t, conn, text)
		switch {
		case strings.Contains(want, "subquery in FROM must have an alias"):
			// Not so since PostgreSQL 16.
		case strings.Contains(want, "improper qualified name"):
			// The binder counts the parts of a name.
		case (got == accepted) != (want == accepted):
			t.Errorf("%s\n got %s\nwant %s", text, got, want)
		case got != want:
			otherPlace++
		}
	}
	t.Logf("of %d statements %d were not compared, %d have another place or message", mutations, skipped, otherPlace)
	if skipped > mutations/50 {
		t.Errorf("%d of %d statements were not compared", skipped, mutations)
	}
	if otherPlace > mutations/25 {
		t.Errorf("%d of %d errors have another place or message", otherPlace, mutations)
	}
}

// readOnPurpose matches what is read otherwise than by PostgreSQL on purpose:
// elements of any value, KEY, options with strings as names, CREATE OR REPLACE
// TABLE, CREATE TYPE AS any type, and EXPLAIN of a query's id.
var readOnPurpose = regexp.MustCompile(`[\])] \[|\bKEY KEY\b|' =|OR REPLACE TABLE|^CREATE TYPE .* AS |^EXPLAIN \w+ $`)
