package planner

import (
	"errors"
	"os"
	"strings"
	"testing"

	"millrace/sql"
	"millrace/sql/ast"
	"millrace/sql/catalog"
	"millrace/sql/sqlerr"

	"millrace/planner/plan"
)

// statements returns the statements that the parser's tests accept, one a line.
func statements(t testing.TB) []string {
	t.Helper()
	var list []string
	for _, file := range []string{"../sql/testdata/own_statements.sql", "../sql/testdata/postgresql_statements.sql"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range strings.Split(string(text), "\n") {
			if line != "" && !strings.HasPrefix(line, "#") {
				list = append(list, line)
			}
		}
	}
	return list
}

// wideSession has relations under the names that the statements use.
func wideSession(t testing.TB) *testSession {
	t.Helper()
	s := newTestSession(t)
	for _, text := range []string{
		"CREATE TABLE t (a INT PRIMARY KEY, b TEXT, c INT, d INT, x INT, y TEXT, z INT, j JSONB, arr INT[], ts TIMESTAMP)",
		"CREATE STREAM s (a INT, b TEXT, c INT, d INT, x INT, y TEXT, z INT, j JSONB, st STRUCT<f INT, g TEXT>, m MAP<TEXT, INT>)",
		"CREATE TABLE u (a INT PRIMARY KEY, b TEXT, c INT, x INT)",
	} {
		statement, err := sql.ParseOne(text)
		if err != nil {
			t.Fatal(err)
		}
		planned, err := Plan(s.environment(), statement)
		if err != nil {
			t.Fatal(err)
		}
		if s.snapshot, _, err = catalog.Apply(s.snapshot, planned.(*plan.DDL).Command); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// Whatever parses is planned or refused with an SQLSTATE and a place in the
// statement; nothing panics and nothing is an internal error.
func TestEveryStatementIsAnswered(t *testing.T) {
	session := wideSession(t)
	plannedCount := 0
	for _, text := range statements(t) {
		parsed, err := sql.Parse(text)
		if err != nil {
			continue
		}
		for _, statement := range parsed {
			for _, variant := range variants(statement) {
				_, err := Plan(session.environment(), variant)
				if err == nil {
					plannedCount++
					continue
				}
				checkRefusal(t, text, err)
			}
		}
	}
	if plannedCount < 100 {
		t.Errorf("only %d statements were planned", plannedCount)
	}
}

// variants are a statement itself and, of a query, its incremental forms.
func variants(statement ast.Statement) []ast.Statement {
	q, ok := statement.(*ast.Query)
	if !ok {
		return []ast.Statement{statement}
	}
	push := *q
	push.Emit = &ast.Emit{Span: q.Span}
	name := &ast.Name{Span: q.Span, Parts: []string{"made"}}
	return []ast.Statement{
		statement, &push,
		&ast.CreateRelation{Span: q.Span, Kind: ast.TableRelation, Name: name, Query: q},
		&ast.CreateRelation{Span: q.Span, Kind: ast.StreamRelation, Name: name, Query: q},
		&ast.Explain{Span: q.Span, Statement: q},
		&ast.Insert{Span: q.Span, Table: &ast.Name{Span: q.Span, Parts: []string{"t"}}, Source: q},
	}
}

func checkRefusal(t *testing.T, text string, err error) {
	t.Helper()
	var e *sqlerr.Error
	if !errors.As(err, &e) || e.Code == sqlerr.InternalError {
		t.Errorf("%s: %v is not an error for clients", text, err)
		return
	}
	if e.Position >= len(text) {
		t.Errorf("%s: %v at %d", text, err, e.Position)
	}
}

// Arbitrary statements that parse are answered too.
func FuzzPlan(f *testing.F) {
	for _, text := range statements(f) {
		f.Add(text)
	}
	session := wideSession(f)
	f.Fuzz(func(t *testing.T, text string) {
		parsed, err := sql.Parse(text)
		if err != nil {
			return
		}
		for _, statement := range parsed {
			for _, variant := range variants(statement) {
				if _, err := Plan(session.environment(), variant); err != nil {
					checkRefusal(t, text, err)
				}
			}
		}
	})
}
