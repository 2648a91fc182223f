package sql

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"millrace/sql/ast"
)

// keywordsFile is PostgreSQL's own list: a keyword, the letter of its
// category, and whether it may be a label without AS.
const keywordsFile = "testdata/postgresql_keywords.txt"

// checkKeywordList compares the file with a server's list.
func checkKeywordList(t *testing.T, conn *pgconn.PgConn) {
	const query = `SELECT word || ' ' || catcode::text || ' ' || left(barelabel::text, 1)
		FROM pg_get_keywords() ORDER BY word COLLATE "C"`
	result := conn.ExecParams(context.Background(), query, nil, nil, nil, nil).Read()
	if result.Err != nil {
		t.Fatal(result.Err)
	}
	lines := readLines(t, keywordsFile)
	if len(lines) != len(result.Rows) {
		t.Fatalf("%d keywords in the file, %d on the server", len(lines), len(result.Rows))
	}
	for i, row := range result.Rows {
		if string(row[0]) != lines[i] {
			t.Errorf("the server has %q, the file %q", row[0], lines[i])
		}
	}
}

// keywordUses are statements with a keyword in place of each ?, and the
// letters of PostgreSQL's categories that must work there.
var keywordUses = []struct{ statement, categories string }{
	{"SELECT a AS ?", "UCTR"},
	{"SELECT a.? FROM a", "UCTR"},
	{"SELECT a ? FROM b", ""},
	{"SELECT a, b ?", ""},
	{"SELECT f(a) ? FROM b", ""},
	{"SELECT * FROM a AS ?", "UC"},
	{"SELECT * FROM a ?", "UC"},
	{"SELECT * FROM a ? WHERE b", "UC"},
	{"SELECT * FROM a ? JOIN b ON c", "UC"},
	{"SELECT * FROM a JOIN b ? ON c", "UC"},
	{"SELECT * FROM (SELECT 1) ?", "UC"},
	{"SELECT * FROM f(a) ? (b, c)", "UC"},
	{"SELECT * FROM f(a) ?", "UC"},
	{"SELECT a AS b FROM ?", "UC"},
	{"SELECT a AS b FROM a.b, ?", "UC"},
	{"SELECT 1 AS a FROM b WHERE ? > 1 AND ? IS NULL", "UC"},
	{"SELECT 1 AS a FROM b WHERE x = ? OR NOT ?", "UC"},
	{"SELECT ?.a FROM ? ORDER BY ?", "UC"},
	{"SELECT ?, 1 FROM a GROUP BY ?", "UC"},
	{"SELECT f(?), (?), ?[1], -?", "UC"},
	{"SELECT f(? => 1)", "UT"},
	{"SELECT f(? := 1)", "UT"},
	{"SELECT sum(a) OVER ?", "UC"},
	{"SELECT sum(a) OVER (ORDER BY ?)", "UC"},
	{"SELECT a FROM b WINDOW ? AS (ORDER BY a)", "UC"},
	{"WITH ? AS (SELECT 1) SELECT 1", "UC"},
	{"CREATE TABLE ? (? int)", "UC"},
	{"CREATE TABLE a (b int, ? int DEFAULT 1 NOT NULL)", "UC"},
	{"CREATE TABLE a (b ?)", "UT"},
	{"SELECT a::?", "UT"},
	{"SELECT ? 'x'", "UT"},
	{"SELECT ?(1, 2) AS a", "UT"},
	{"SELECT a.?(1)", "UCTR"},
	{"INSERT INTO ? (?) VALUES (1)", "UC"},
	{"INSERT INTO a AS ? VALUES (1)", "UC"},
	{"UPDATE ? SET ? = 1", "UC"},
	{"UPDATE a AS ? SET b = 1", "UC"},
	{"UPDATE a ? SET b = 1", ""},
	{"DELETE FROM a ? WHERE b", "UC"},
	{"DROP TABLE ?", "UC"},
	{"DROP TABLE a.?", "UCTR"},
	{"CLOSE ?", "UC"},
	{"FETCH ?", "UC"},
	{"FETCH FROM ?", "UC"},
	{"DECLARE ? CURSOR FOR SELECT 1", "UC"},
	{"PREPARE ? AS SELECT 1", "UC"},
	{"EXECUTE ?", "UC"},
	{"SAVEPOINT ?", "UC"},
	{"SET ? = 1", "UC"},
	{"SET a = ?", "UCT"},
	{"SET a TO ?", "UCT"},
	{"COMMENT ON TABLE ? IS 'x'", "UC"},
	{"CREATE ROLE ?", "UCT"},
	{"ALTER TABLE a ADD COLUMN ? int", "UC"},
	{"ALTER TABLE a RENAME COLUMN ? TO ?", "UC"},
	{"CREATE INDEX ? ON a (?)", "UC"},
	{"CREATE TABLE a (b int) WITH (? = 1)", "UCTR"},
	{"COPY a (?) FROM STDIN", "UC"},
	{"SELECT a COLLATE ?", "UC"},
}

// ourUses are such statements of our own; every word that may name a column
// must work in them.
var ourUses = []string{
	"CREATE STREAM ? (b int)", "CREATE STREAM a (b int, ? text KEY)", "SELECT ? FROM ? EMIT CHANGES",
	"SELECT ? FROM a AS ? EMIT CHANGES", "SELECT * FROM a ? EMIT FINAL", "SELECT * FROM CHANGES OF ?",
	"DESCRIBE ?", "TERMINATE ?", "SELECT * FROM a JOIN ? WITHIN 1 HOUR ON b",
	"SELECT * FROM a ASOF JOIN ? ON b", "SELECT * FROM a AS ? ASOF JOIN b ON c", "SELECT * FROM a AS ? LEFT JOIN b ON c",
	"SELECT ? FROM a WINDOW TUMBLING (SIZE 1 HOUR) GROUP BY ?", "SELECT a -> ? FROM b",
}

// readOtherwise says whether a use of a keyword is one that we read otherwise
// than its category, or PostgreSQL, has it.
func readOtherwise(word, use string) bool {
	switch word {
	case "operator":
		return use == "SELECT ?(1, 2) AS a"
	case "set":
		return use == "DELETE FROM a ? WHERE b"
	case "none":
		return use == "CREATE ROLE ?"
	}
	// Refused by name, which the tests count as understood.
	return use == "SELECT ?(1, 2) AS a" && (word == "treat" || strings.HasPrefix(word, "xml"))
}

// TestKeywordsAreNames uses every keyword of PostgreSQL, and every word of
// our own, as each kind of name that its category promises.
func TestKeywordsAreNames(t *testing.T) {
	for _, line := range keywordLines(t) {
		var word, category string
		if _, err := fmt.Sscan(line, &word, &category); err != nil {
			t.Fatal(err)
		}
		for _, use := range keywordUses {
			statement := strings.ReplaceAll(use.statement, "?", word)
			if !strings.Contains(use.categories, category) || readOtherwise(word, use.statement) {
				continue
			}
			if _, err := Parse(statement); err != nil {
				t.Errorf("%s: %v", statement, err)
			}
			checkRoundTrip(t, statement)
		}
		for _, use := range ourUses {
			statement := strings.ReplaceAll(use, "?", word)
			if category != "U" && category != "C" {
				continue
			}
			if _, err := Parse(statement); err != nil {
				t.Errorf("%s: %v", statement, err)
			}
			checkRoundTrip(t, statement)
		}
	}
}

// checkKeywordUses asks a server about each keyword at each place, whatever
// its category.
func checkKeywordUses(t *testing.T, conn *pgconn.PgConn) {
	for _, line := range keywordLines(t) {
		word, _, _ := strings.Cut(line, " ")
		for _, use := range keywordUses {
			statement := strings.ReplaceAll(use.statement, "?", word)
			want := postgresqlVerdict(t, conn, statement) == accepted
			if got := parserVerdict(statement) == accepted; got != want && !readOtherwise(word, use.statement) {
				t.Errorf("%s: accepted %v, by PostgreSQL %v", statement, got, want)
			}
		}
	}
}

// keywordLines returns the lines of the keywords' file, and such lines for
// the words that only we have.
func keywordLines(t *testing.T) []string {
	t.Helper()
	lines := readLines(t, keywordsFile)
	for k := notKeyword + 1; k < keywordCount; k++ {
		if keywordTable[k].ours {
			lines = append(lines, keywordTable[k].word+" U t")
		}
	}
	return lines
}

// TestPrinterQuotesKeywords checks that the printer knows the same categories
// as the parser: what it leaves without quotes is read as the same name.
func TestPrinterQuotesKeywords(t *testing.T) {
	for k := notKeyword + 1; k < keywordCount; k++ {
		word := keywordTable[k].word
		statement := ast.String(&ast.TableQuery{Table: &ast.TableName{Name: &ast.Name{Parts: []string{word}}}})
		quoted := strings.Contains(statement, `"`)
		if plain := keywordTable[k].category == unreserved; plain == quoted {
			t.Errorf("%s: unreserved %v, quoted %v", word, plain, quoted)
		}
		call := ast.String(&ast.FunctionTable{Functions: []*ast.RowFunction{
			{Call: &ast.FunctionCall{Name: &ast.Name{Parts: []string{word}}}},
		}})
		if !k.isTypeOrFunctionName() && !strings.Contains(call, `"`) && word != "substring" && word != "overlay" {
			t.Errorf("%s is printed as a function without quotes", word)
		}
	}
}

func TestNamesAreFoldedAndCut(t *testing.T) {
	long := strings.Repeat("é", 40)
	tests := []struct{ text, want string }{
		{"Abc_1$", "abc_1$"},
		{"ÀB", "Àb"},
		{`"Abc"`, "Abc"},
		{`"a""b"`, `a"b`},
		{`U&"d\0061t\+000061"`, "data"},
		{`U&"d!0061ta" UESCAPE '!'`, "data"},
		{`U&"a" /* ' */ uescape /* ' */ '!'`, "a"},
		{strings.Repeat("A", 70), strings.Repeat("a", 63)},
		{long, strings.Repeat("é", 31)},
		{`"` + long + `"`, strings.Repeat("é", 31)},
	}
	for _, test := range tests {
		e, err := ParseExpr(test.text)
		if err != nil {
			t.Errorf("%s: %v", test.text, err)
			continue
		}
		if c, ok := e.(*ast.ColumnRef); !ok || c.Parts[0] != test.want {
			t.Errorf("%s: got %s", test.text, dump(e))
		}
	}
}
