package planner

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"millrace/planner/plan"
	"millrace/sql"
	"millrace/sql/catalog"
	"millrace/sql/expr"
)

// drawQuery draws a SELECT that a continuous query may be, over a source with
// columns of the given names; depth bounds how subqueries nest.
func drawQuery(t *rapid.T, depth int) string {
	from, columns := drawSource(t, depth)
	numbers := slices.DeleteFunc(slices.Clone(columns), func(c string) bool { return !strings.HasPrefix(c, "n") })
	texts := slices.DeleteFunc(slices.Clone(columns), func(c string) bool { return !strings.HasPrefix(c, "t") })
	number := func() string { return rapid.SampledFrom(append(numbers, "1")).Draw(t, "number") }
	text := func() string { return rapid.SampledFrom(append(texts, "'x'")).Draw(t, "text") }
	where := ""
	if rapid.Bool().Draw(t, "where") {
		where = " WHERE " + rapid.SampledFrom([]string{
			number() + " > 3", text() + " = 'ORD'", number() + " + " + number() + " IS NOT NULL", text() + " LIKE 'a%' OR " + number() + " IN (1, 2)",
		}).Draw(t, "condition")
	}
	switch rapid.IntRange(0, 3).Draw(t, "shape") {
	case 0:
		return fmt.Sprintf("SELECT %s AS n1, %s AS t1, %s + 1 AS n2 FROM %s%s", number(), text(), number(), from, where)
	case 1:
		return fmt.Sprintf("SELECT DISTINCT %s AS n1, upper(%s) AS t1 FROM %s%s", number(), text(), from, where)
	case 2:
		return fmt.Sprintf("SELECT count(*) AS n1, sum(%s) AS n2, max(%s) AS t1 FROM %s%s", number(), text(), from, where)
	default:
		having := ""
		if rapid.Bool().Draw(t, "having") {
			having = " HAVING count(*) > 2"
		}
		key, other := text(), number()
		return fmt.Sprintf("SELECT %s AS t1, count(*) AS n1, sum(%s)::bigint AS n2, min(%s) AS n3 FROM %s%s GROUP BY %s, %s%s",
			key, number(), number(), from, where, group(key), group(other), having)
	}
}

// group makes a constant a group expression that is no ordinal.
func group(e string) string {
	if e == "1" {
		return "1 + 0"
	}
	return e
}

func drawSource(t *rapid.T, depth int) (from string, columns []string) {
	if depth < 2 && rapid.Bool().Draw(t, "nest") {
		inner := drawQuery(t, depth+1)
		columns = []string{"n1", "t1"}
		for _, c := range []string{"n2", "n3"} {
			if strings.Contains(inner[:strings.Index(inner, " FROM ")], " AS "+c) {
				columns = append(columns, c)
			}
		}
		return "(" + inner + ") AS s", columns
	}
	switch rapid.IntRange(0, 2).Draw(t, "source") {
	case 0:
		return "flights AS f (td, t2, t3, n4, n5)", []string{"t2", "t3", "n4", "n5"}
	case 1:
		return "clicks AS c (n6, t4)", []string{"n6", "t4"}
	default:
		return "airports AS a (t5, t6, t7, t8, n7)", []string{"t5", "t6", "t7", "t8", "n7"}
	}
}

// A continuous query's plan is the same on another node, which has read the
// catalog from bytes, and in later versions of the catalog; and it keeps the
// invariants that the executor relies on.
func TestContinuousPlansAgree(t *testing.T) {
	base := newTestSession(t)
	rapid.Check(t, func(t *rapid.T) {
		text := "CREATE TABLE result AS " + drawQuery(t, 0)
		statement, err := sql.ParseOne(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		env := base.environment()
		planned, err := Plan(env, statement)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		here, _, err := catalog.Apply(base.snapshot, planned.(*plan.DDL).Command)
		if err != nil {
			t.Fatal(err)
		}
		encoded, err := here.Encode()
		if err != nil {
			t.Fatal(err)
		}
		there, err := catalog.DecodeSnapshot(encoded)
		if err != nil {
			t.Fatal(err)
		}
		later, _, err := catalog.Apply(there, &catalog.CreateRelation{Relation: catalog.Relation{
			Kind: catalog.KindStream, Schema: "public", Name: "later", Partitions: 8, Rowtime: -1,
			Columns: []catalog.Column{{Name: "n4", Type: here.Relations()[0].Columns[0].Type}},
		}})
		if err != nil {
			t.Fatal(err)
		}
		var first string
		for _, snapshot := range []*catalog.Snapshot{here, there, later} {
			c, err := PlanContinuous(snapshot, snapshot.QueryByName("result"))
			if err != nil {
				t.Fatalf("%s: %v", text, err)
			}
			lines := strings.Join(formatContinuous("result", c.Sink, c.Stages, c.Kind, c.Key), "\n")
			if first == "" {
				first = lines
			}
			if lines != first {
				t.Fatalf("%s\n%s\n%s", text, first, lines)
			}
			checkContinuous(t, text, c)
		}
	})
}

func checkContinuous(t *rapid.T, text string, c *plan.Continuous) {
	for i, stage := range c.Stages {
		last := i == len(c.Stages)-1
		_, shuffles := stage.Root.(*plan.Shuffle)
		if stage.Number != i || shuffles == last || (stage.To < 0) != last || !last && stage.To <= i {
			t.Fatalf("%s: stage %d is %+v", text, i, stage)
		}
		checkNode(t, text, stage.Root, !last)
	}
	columns := c.Stages[len(c.Stages)-1].Root.Columns()
	if len(columns) != len(c.Sink.Columns) {
		t.Fatalf("%s: %d columns for %d", text, len(columns), len(c.Sink.Columns))
	}
	for i := range columns {
		if !columns[i].Type.Equal(c.Sink.Columns[i].Type) {
			t.Fatalf("%s: column %d is %s, not %s", text, i, columns[i].Type, c.Sink.Columns[i].Type)
		}
	}
	if c.Kind == plan.Keyed && !slices.Equal(c.Key, c.Sink.Key) {
		t.Fatalf("%s: key %v, not %v", text, c.Key, c.Sink.Key)
	}
	if have := c.Stages[len(c.Stages)-1].Root.Props().Partitions; have != c.Sink.Partitions {
		t.Fatalf("%s: %d partitions, not %d", text, have, c.Sink.Partitions)
	}
}

// checkNode makes sure that expressions read columns that are there, of the type
// that they say, and that shuffles stand at roots only.
func checkNode(t interface {
	Fatalf(format string, args ...any)
}, text string, node plan.Node, shuffleAllowed bool) {
	if _, isShuffle := node.(*plan.Shuffle); isShuffle && !shuffleAllowed {
		t.Fatalf("%s: a shuffle inside a stage", text)
	}
	var columns []plan.Column
	for _, input := range node.Inputs() {
		checkNode(t, text, input, false)
		columns = append(columns, input.Columns()...)
	}
	if a, ok := node.(*plan.Aggregate); ok && a.Mode == plan.AggregateFinal {
		return
	}
	if _, ok := node.(*plan.Join); ok {
		return
	}
	for _, e := range nodeExprs(node) {
		expr.Walk(e, func(e expr.Expr) bool {
			if c, ok := e.(*expr.Column); ok {
				if c.Index < 0 || c.Index >= len(columns) || !columns[c.Index].Type.Equal(c.ResultType) {
					t.Fatalf("%s: %s reads column %d of %d", text, plan.Format(node)[0], c.Index, len(columns))
				}
			}
			return true
		})
	}
}

// Pull plans keep the same invariants.
func TestPullPlansAreSound(t *testing.T) {
	base := newTestSession(t)
	rapid.Check(t, func(t *rapid.T) {
		text := drawQuery(t, 0)
		switch rapid.IntRange(0, 4).Draw(t, "around") {
		case 0:
			text = "SELECT s.n1, a.iata FROM (" + text + ") s LEFT JOIN airports a ON a.iata = s.t1 WHERE a.city = 'x' OR s.n1 > 3 ORDER BY a.name"
		case 1:
			text = "SELECT (SELECT max(delay) FROM flights f WHERE f.origin = s.t1), n1 FROM (" + text + ") s WHERE n1 IN (SELECT delay FROM flights)"
		case 2:
			text = "SELECT * FROM (" + text + ") s, LATERAL (SELECT count(*) AS c FROM flights f WHERE f.origin = s.t1 AND f.delay > s.n1) l WHERE l.c > 1"
		case 3:
			text = "SELECT t1 FROM (" + text + ") s UNION SELECT iata FROM airports ORDER BY 1 LIMIT 3"
		}
		statement, err := sql.ParseOne(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		planned, err := Plan(base.environment(), statement)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		q := planned.(*plan.Query)
		checkNode(t, text, q.Root, false)
		for _, sub := range q.Subqueries {
			checkNode(t, text, sub.Root, false)
		}
	})
}

// Planning one row's INSERT is what a client without prepared statements pays.
func BenchmarkPlanInsert(b *testing.B) {
	session := newTestSession(b)
	statement, err := sql.ParseOne("INSERT INTO flights VALUES ('2024-01-01', 'ORD', 'SFO', 3, 100)")
	if err != nil {
		b.Fatal(err)
	}
	env := session.environment()
	env.Now = time.UnixMilli(0)
	for b.Loop() {
		if _, err := Plan(env, statement); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPlanPointRead(b *testing.B) {
	session := newTestSession(b)
	statement, err := sql.ParseOne("SELECT * FROM delays WHERE origin = 'ORD'")
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := Plan(session.environment(), statement); err != nil {
			b.Fatal(err)
		}
	}
}
