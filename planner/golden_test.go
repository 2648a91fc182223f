package planner

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"millrace/planner/plan"
	"millrace/sql"
	"millrace/sql/catalog"
	"millrace/sql/catalog/systables"
	"millrace/sql/expr"
	"millrace/sql/sqlerr"
)

// rewrite makes the golden files hold what the planner gives now:
//
//	go test ./planner -run TestGolden -rewrite
var rewrite = flag.Bool("rewrite", false, "rewrite the golden files")

// TestGolden plans the statements in testdata. A file is a list of statements,
// each behind a line "plan" and before a line "----"; what follows up to an empty
// line is the plan or the error. Statements that change the catalog are applied,
// so that later ones of the file see it.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) { runGolden(t, file) })
	}
}

func runGolden(t *testing.T, file string) {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	session := newTestSession(t)
	session.shares = file == sharing
	session.pause()
	var out strings.Builder
	for _, block := range strings.Split(strings.TrimRight(string(text), "\n"), "\n\n") {
		input, want, found := strings.Cut(block, "\n----")
		statement, isPlan := statementOf(input)
		if !isPlan {
			out.WriteString(block + "\n\n")
			continue
		}
		if !found && !*rewrite {
			t.Fatalf("no result for %q", input)
		}
		got := session.run(statement)
		if strings.TrimSpace(want) != strings.TrimSpace(got) && !*rewrite {
			t.Errorf("%s\ngave\n%s\nwant\n%s", statement, got, strings.TrimSpace(want))
		}
		fmt.Fprintf(&out, "%s\n----\n%s\n\n", input, got)
	}
	if *rewrite {
		if err := os.WriteFile(file, []byte(strings.TrimRight(out.String(), "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// statementOf returns the statement of a block, behind comments and "plan".
func statementOf(block string) (string, bool) {
	for strings.HasPrefix(block, "#") {
		_, rest, found := strings.Cut(block, "\n")
		if !found {
			return "", false
		}
		block = rest
	}
	return strings.CutPrefix(block, "plan\n")
}

// testSession plans statements one after the other.
type testSession struct {
	snapshot *catalog.Snapshot
	system   *systables.Registry
	// shares has queries share the work of earlier ones; else these are paused, so that
	// each plan can be seen.
	shares bool
}

// sharing is the file whose queries share the work of others.
const sharing = "testdata/sharing.txt"

// fixture are the relations that all tests may use.
const fixture = `
CREATE STREAM flights (departure TIMESTAMP, origin TEXT, destination TEXT, delay INT, distance INT) WITH (timestamp = 'departure');
CREATE STREAM clicks (user_id BIGINT KEY, url TEXT) WITH (partitions = 4);
CREATE TABLE airports (iata TEXT PRIMARY KEY, name TEXT NOT NULL, city TEXT, country TEXT DEFAULT 'USA', latitude DOUBLE PRECISION);
CREATE TABLE notes (text TEXT PRIMARY KEY, at TIMESTAMPTZ DEFAULT now());
CREATE TABLE delays AS SELECT origin, count(*) AS flights, sum(delay) AS total, avg(delay) AS mean FROM flights GROUP BY origin;
CREATE TABLE copies AS SELECT origin, delay FROM flights;
`

func newTestSession(t testing.TB) *testSession {
	t.Helper()
	snapshot, _, err := catalog.Apply(&catalog.Snapshot{}, &catalog.Bootstrap{ClusterID: "test", Shards: 8})
	if err != nil {
		t.Fatal(err)
	}
	s := &testSession{snapshot: snapshot, system: systables.New()}
	statements, err := sql.Parse(fixture)
	if err != nil {
		t.Fatal(err)
	}
	for _, statement := range statements {
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

// pause keeps later queries from sharing the work of those that there are.
func (s *testSession) pause() {
	if next, _, err := catalog.Apply(s.snapshot, &catalog.PauseQuery{}); err == nil && !s.shares {
		s.snapshot = next
	}
}

func (s *testSession) environment() *Environment {
	return &Environment{Catalog: s.snapshot, System: s.system, Database: "millrace", Now: time.UnixMilli(0)}
}

// run plans a statement, applies it where it is DDL, and describes what came of
// it.
func (s *testSession) run(text string) string {
	statement, err := sql.ParseOne(text)
	if err != nil {
		return describeError(err)
	}
	planned, err := Plan(s.environment(), statement)
	if err != nil {
		return describeError(err)
	}
	switch p := planned.(type) {
	case *plan.Query:
		return planText(p)
	case *plan.Explain:
		return describeExplain(p)
	case *plan.Insert:
		return describeInsert(p)
	case *plan.Modify:
		return describeModify(p)
	case *plan.With:
		return strings.Join(formatStatement(p), "\n")
	case *plan.Copy:
		return describeCopy(p)
	case *plan.DDL:
		return s.apply(p)
	default:
		return fmt.Sprintf("%T", planned)
	}
}

func describeError(err error) string {
	e := sqlerr.From(err)
	text := fmt.Sprintf("ERROR %s at %d: %s", e.Code, e.Position, e.Message)
	if e.Detail != "" {
		text += "\nDETAIL: " + e.Detail
	}
	if e.Hint != "" {
		text += "\nHINT: " + e.Hint
	}
	return text
}

func planText(q *plan.Query) string {
	var columns []string
	for _, c := range q.Root.Columns()[:q.Visible] {
		columns = append(columns, plan.QuoteIdentifier(c.Name)+" "+c.Type.String())
	}
	if q.RowOp {
		columns = append(columns, "rowop text")
	}
	lines := []string{"(" + strings.Join(columns, ", ") + ")"}
	if len(q.Params) > 0 {
		var params []string
		for _, p := range q.Params {
			params = append(params, p.String())
		}
		lines = append(lines, "Parameters: "+strings.Join(params, ", "))
	}
	return strings.Join(append(lines, formatQuery(q)...), "\n")
}

func describeExplain(e *plan.Explain) string {
	var lines []string
	for _, row := range e.Query.Root.(*plan.Values).Rows {
		lines = append(lines, row[0].(*expr.Const).Value.Str)
	}
	return strings.Join(lines, "\n")
}

func describeInsert(p *plan.Insert) string {
	text := "Insert into " + p.Target.Name + "\n" + planText(p.Source)
	if values, ok := p.Source.Root.(*plan.Values); ok {
		for _, row := range values.Rows {
			var cells []string
			for _, e := range row {
				cells = append(cells, plan.ExprString(e, nil))
			}
			text += "\n  " + strings.Join(cells, ", ")
		}
	}
	return text
}

func describeModify(p *plan.Modify) string {
	var lines []string
	for i := range p.Parts {
		part := &p.Parts[i]
		lines = append(lines, fmt.Sprintf("%s of %s: %d columns of rows", p.Tag, part.Target.Name, part.Width()), planText(part.Source))
	}
	return strings.Join(lines, "\n")
}

func describeCopy(p *plan.Copy) string {
	options := fmt.Sprintf("options %+v", p.Options)
	if !p.From {
		return "Copy to\n" + planText(p.Query) + "\n" + options
	}
	var defaults []string
	for _, e := range p.Defaults {
		defaults = append(defaults, plan.ExprString(e, nil))
	}
	return fmt.Sprintf("Copy from into %s %v\ndefaults %s\n%s", p.Target.Name, p.Columns, strings.Join(defaults, ", "), options)
}

// apply changes the catalog and shows what was made: a relation with its
// columns and the stages of its query.
func (s *testSession) apply(ddl *plan.DDL) string {
	next, result, err := catalog.Apply(s.snapshot, ddl.Command)
	if err != nil {
		return ddl.Tag + "\n" + describeError(err)
	}
	s.snapshot = next
	lines := []string{ddl.Tag}
	for _, n := range append(result.Notices, ddl.Notices...) {
		lines = append(lines, "NOTICE: "+n.Message)
	}
	for _, id := range result.Created {
		if r := next.Relation(id); r != nil {
			lines = append(lines, describeRelation(r))
		}
		if i := next.Index(id); i != nil {
			lines = append(lines, describeIndex(i, next.Relation(i.Table)))
		}
		if q := next.Query(id); q != nil {
			c, err := PlanContinuous(next, q)
			if err != nil {
				return describeError(err)
			}
			lines = append(lines, formatContinuous(q.Name, c.Sink, c.Stages, c.Kind, c.Key)...)
			lines = append(lines, formatShared(next, q)...)
		}
	}
	s.pause()
	return strings.Join(lines, "\n")
}

func describeIndex(i *catalog.Index, table *catalog.Relation) string {
	var columns, words []string
	for _, c := range i.Columns {
		text := table.Columns[c.Column].Name
		if c.Descending {
			text += " descending"
		}
		if c.NullsFirst {
			text += " nulls first"
		}
		columns = append(columns, text)
	}
	for _, number := range i.Include {
		words = append(words, "include "+table.Columns[number].Name)
	}
	for _, word := range []struct {
		set  bool
		word string
	}{{i.Unique, "unique"}, {i.NullsNotDistinct, "nulls not distinct"}, {i.Constraint, "constraint"}, {i.Ready, "ready"}} {
		if word.set {
			words = append(words, word.word)
		}
	}
	return fmt.Sprintf("%s index %s on %s (%s) %s", i.Method, i.Name, table.Name, strings.Join(columns, ", "), strings.Join(words, " "))
}

func describeRelation(r *catalog.Relation) string {
	var columns []string
	for i, c := range r.Columns {
		text := plan.QuoteIdentifier(c.Name) + " " + c.Type.String()
		if c.NotNull {
			text += " NOT NULL"
		}
		if c.Default != "" {
			text += " DEFAULT " + c.Default
		}
		if r.IsKey(i) {
			text += " KEY"
		}
		if c.Hidden {
			text += " HIDDEN"
		}
		columns = append(columns, text)
	}
	text := fmt.Sprintf("%s %s (%s)", r.Kind, r.Name, strings.Join(columns, ", "))
	if r.Bag {
		text += " bag"
	}
	if r.Distribution != nil {
		text += fmt.Sprintf(" distributed by %v", r.Distribution)
	}
	return fmt.Sprintf("%s over %d", text, r.Partitions)
}
