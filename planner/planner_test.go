package planner

import (
	"slices"
	"testing"

	"millrace/planner/plan"
	"millrace/sql"
	"millrace/sql/catalog"
	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

func TestRulesAreNamed(t *testing.T) {
	var names []string
	for _, rule := range Rules() {
		if rule.Name == "" || rule.Does == "" || slices.Contains(names, rule.Name) {
			t.Errorf("rule %q: %q", rule.Name, rule.Does)
		}
		names = append(names, rule.Name)
	}
}

func planOne(t *testing.T, env *Environment, text string) plan.Statement {
	t.Helper()
	statement, err := sql.ParseOne(text)
	if err != nil {
		t.Fatal(err)
	}
	planned, err := Plan(env, statement)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return planned
}

// Names without a schema are looked up along the search path.
func TestSearchPath(t *testing.T) {
	env := newTestSession(t).environment()
	env.SearchPath = []string{"information_schema", "public"}
	q := planOne(t, env, "SELECT table_name FROM tables, flights, pg_class").(*plan.Query)
	if len(q.Sources) != 1 || q.Sources[0].Name != "flights" {
		t.Fatalf("sources %v", q.Sources)
	}
	env.SearchPath = []string{"nowhere"}
	statement, err := sql.ParseOne("SELECT * FROM flights")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Plan(env, statement); sqlerr.CodeOf(err) != sqlerr.UndefinedTable {
		t.Fatalf("flights outside the search path: %v", err)
	}
}

// The types that a client gives for parameters hold.
func TestGivenParameterTypes(t *testing.T) {
	env := newTestSession(t).environment()
	env.ParamTypes = []types.Type{types.Int8, types.Unknown}
	q := planOne(t, env, "SELECT $1 + 1, $2 || 'x'").(*plan.Query)
	if q.Params[0].Kind != types.KindInt8 || q.Params[1].Kind != types.KindText || q.Root.Columns()[0].Type.Kind != types.KindInt8 {
		t.Fatalf("parameters %v, columns %v", q.Params, q.Root.Columns())
	}
	if env.ParamTypes[1].Kind != types.KindUnknown {
		t.Fatal("the caller's list was changed")
	}
}

// A query keeps the settings that its literals were read by.
func TestContinuousQueryKeepsSettings(t *testing.T) {
	session := newTestSession(t)
	env := session.environment()
	env.Settings = []catalog.Option{{Name: "TimeZone", Value: "America/New_York"}, {Name: "search_path", Value: `"$user", public`}}
	ddl := planOne(t, env, "CREATE TABLE x AS SELECT origin FROM flights WHERE rowtime > '2024-01-01 00:00'").(*plan.DDL)
	snapshot, _, err := catalog.Apply(session.snapshot, ddl.Command)
	if err != nil {
		t.Fatal(err)
	}
	c, err := PlanContinuous(snapshot, snapshot.QueryByName("x"))
	if err != nil {
		t.Fatal(err)
	}
	filter := c.Stages[0].Root.Inputs()[0]
	if lines := plan.Format(filter); lines[0] != "Filter: rowtime > '2024-01-01 05:00:00+00'::timestamp with time zone" {
		t.Fatalf("%q", lines)
	}
}

// Options behind EMIT CHANGES reach the plan.
func TestPushOptions(t *testing.T) {
	env := newTestSession(t).environment()
	q := planOne(t, env, "SELECT rowop, origin FROM delays EMIT CHANGES WITH (snapshot = true, from_beginning) LIMIT 3").(*plan.Query)
	if q.Emit != plan.EmitChanges || q.Options.Snapshot == nil || !*q.Options.Snapshot || !q.Options.FromBeginning {
		t.Fatalf("%+v", q.Options)
	}
	if q.RowOp || q.RowOpColumn != 0 || q.EmitLimit == nil || q.Visible != 2 {
		t.Fatalf("%+v", q)
	}
}

func TestEditDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"abc", "abc", 0}, {"abc", "abd", 1}, {"abc", "ab", 1}, {"kitten", "sitting", 3}, {"abc", "xyz", 3}} {
		if got := editDistance(c.a, c.b, 10); got != c.want {
			t.Errorf("%q to %q: %d, want %d", c.a, c.b, got, c.want)
		}
	}
}

func TestDurationsAndSizes(t *testing.T) {
	for text, want := range map[string]string{
		"7 days": "604800000", "30s": "30000", "1.5 hours": "5400000", "250": "250", "2 fortnights": "22023", "-1 day": "22023", "": "22023",
	} {
		checkOption(t, "retention", text, want)
	}
	for text, want := range map[string]string{"1GB": "1073741824", "10": "10", "1.5 kb": "1536", "1 XB": "22023", "0": "22023"} {
		checkOption(t, "retention_bytes", text, want)
	}
}

func checkOption(t *testing.T, name, text, want string) {
	t.Helper()
	env := newTestSession(t).environment()
	statement, err := sql.ParseOne("CREATE STREAM s (a INT) WITH (" + name + " = '" + text + "')")
	if err != nil {
		t.Fatal(err)
	}
	got := ""
	planned, err := Plan(env, statement)
	if err != nil {
		got = string(sqlerr.CodeOf(err))
	} else {
		r := &planned.(*plan.DDL).Command.(*catalog.CreateRelation).Relation
		got = decimal64(r.RetentionMillis + r.RetentionBytes)
	}
	if got != want {
		t.Errorf("%s = %q: %s, want %s", name, text, got, want)
	}
}
