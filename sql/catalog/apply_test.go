package catalog

import (
	"slices"
	"strings"
	"testing"

	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

func apply(t *testing.T, s *Snapshot, command Command) (*Snapshot, Result) {
	t.Helper()
	next, result, err := Apply(s, command)
	if err != nil {
		t.Fatalf("%T: %v", command, err)
	}
	return next, result
}

func bootstrapped(t *testing.T) *Snapshot {
	t.Helper()
	s, _ := apply(t, &Snapshot{}, &Bootstrap{ClusterID: "test", Shards: 8, CreatedMillis: 1})
	return s
}

func relation(kind Kind, name string) Relation {
	return Relation{
		Kind: kind, Schema: DefaultSchema, Name: name, Partitions: 8, Rowtime: -1,
		Columns: []Column{{Name: "a", Type: types.Int4}, {Name: "b", Type: types.Text}},
	}
}

// derived is CREATE TABLE name AS a query that reads sources.
func derived(s *Snapshot, name string, sources ...string) *CreateRelation {
	c := &CreateRelation{Relation: relation(KindTable, name), Query: &Query{Name: name, Text: "SELECT 1"}}
	for _, source := range sources {
		c.Query.Sources = append(c.Query.Sources, s.Lookup(DefaultSchema, source).ID)
	}
	return c
}

// chain is a stream s with the tables a (of s), b (of a) and c (of s and b).
func chain(t *testing.T) *Snapshot {
	t.Helper()
	s := bootstrapped(t)
	s, _ = apply(t, s, &CreateRelation{Relation: relation(KindStream, "s")})
	s, _ = apply(t, s, derived(s, "a", "s"))
	s, _ = apply(t, s, derived(s, "b", "a"))
	s, _ = apply(t, s, derived(s, "c", "s", "b"))
	return s
}

func TestCreate(t *testing.T) {
	s := chain(t)
	if s.Version() != 5 || s.Shards() != 8 || s.ClusterID() != "test" {
		t.Fatalf("version %d, %d shards, cluster %q", s.Version(), s.Shards(), s.ClusterID())
	}
	a := s.Lookup(DefaultSchema, "a")
	q := s.Query(a.Query)
	if q == nil || q.Sink != a.ID || q.Version != 3 || s.QueryByName("a") != q || s.Relation(a.ID) != a || !a.Derived() {
		t.Fatalf("relation %+v, query %+v", a, q)
	}
	if readers := s.QueriesReading(s.Lookup(DefaultSchema, "s").ID); len(readers) != 2 || readers[0].Name != "a" || readers[1].Name != "c" {
		t.Fatalf("readers %v", readers)
	}
	if first := s.Relations()[0]; first.ID != FirstObjectID || first.IndexID() != FirstObjectID+1 {
		t.Fatalf("first ID %d", first.ID)
	}
}

func TestIDsAreNeverUsedAgain(t *testing.T) {
	s := chain(t)
	c := s.Lookup(DefaultSchema, "c")
	highest := max(c.ID, c.Query)
	s, _ = apply(t, s, &DropRelations{Kind: KindTable, Names: []Name{{DefaultSchema, "c"}}})
	s, result := apply(t, s, derived(s, "c", "s"))
	for _, id := range result.Created {
		if id <= highest {
			t.Fatalf("ID %d was used before", id)
		}
	}
	_ = s
}

func TestOldSnapshotsStay(t *testing.T) {
	before := chain(t)
	after, _ := apply(t, before, &DropRelations{Kind: KindStream, Names: []Name{{DefaultSchema, "s"}}, Cascade: true})
	if len(after.Relations()) != 0 || len(after.Queries()) != 0 {
		t.Fatalf("%d relations and %d queries are left", len(after.Relations()), len(after.Queries()))
	}
	if len(before.Relations()) != 4 || before.Lookup(DefaultSchema, "b") == nil || len(before.Queries()) != 3 {
		t.Fatal("the older snapshot has changed")
	}
}

func TestErrors(t *testing.T) {
	s := chain(t)
	duplicate := relation(KindStream, "x")
	duplicate.Columns[1].Name = "a"
	wide := relation(KindStream, "x")
	wide.Partitions = 9
	elsewhere := relation(KindStream, "x")
	elsewhere.Schema = "nowhere"
	badKey := relation(KindTable, "x")
	badKey.Key = []int{2}
	name := func(n string) []Name { return []Name{{DefaultSchema, n}} }
	for _, c := range []struct {
		name    string
		command Command
		code    sqlerr.Code
		message string
		detail  string
	}{
		{"again", &Bootstrap{Shards: 8}, "55000", "the cluster is already initialized", ""},
		{"duplicate name", &CreateRelation{Relation: relation(KindStream, "a")}, "42P07", `relation "a" already exists`, ""},
		{"duplicate column", &CreateRelation{Relation: duplicate}, "42701", `column "a" specified more than once`, ""},
		{"partitions", &CreateRelation{Relation: wide}, "22023", "the number of partitions must be between 1 and 8", ""},
		{"schema", &CreateRelation{Relation: elsewhere}, "3F000", `schema "nowhere" does not exist`, ""},
		{"key", &CreateRelation{Relation: badKey}, "42P16", `relation "x" has an invalid key`, ""},
		{"source gone", &CreateRelation{Relation: relation(KindTable, "x"), Query: &Query{Name: "x", Sources: []ObjectID{99}}},
			"42P01", "a relation that the query reads was dropped", ""},
		{"drop missing", &DropRelations{Kind: KindTable, Names: name("x")}, "42P01", `table "x" does not exist`, ""},
		{"drop wrong kind", &DropRelations{Kind: KindStream, Names: name("a")}, "42809", `"a" is not a stream`, ""},
		{"drop with dependants", &DropRelations{Kind: KindTable, Names: name("a")}, "2BP01",
			"cannot drop table a because other objects depend on it", "table b depends on table a\ntable c depends on table b"},
		{"drop several", &DropRelations{Kind: KindTable, Names: []Name{{DefaultSchema, "a"}, {DefaultSchema, "b"}}}, "2BP01",
			"cannot drop desired object(s) because other objects depend on them", "table c depends on table b"},
		{"terminate missing", &TerminateQuery{Name: "x"}, "42704", `query "x" does not exist`, ""},
		{"comment on missing", &CommentOn{Kind: KindTable, Name: Name{DefaultSchema, "x"}}, "42P01", `relation "x" does not exist`, ""},
		{"comment on missing column", &CommentOn{Name: Name{DefaultSchema, "a"}, Column: "x"}, "42703",
			`column "x" of relation "a" does not exist`, ""},
	} {
		next, _, err := Apply(s, c.command)
		e := sqlerr.From(err)
		if e == nil || e.Code != c.code || e.Message != c.message || e.Detail != c.detail {
			t.Errorf("%s: %+v, want %s %q %q", c.name, e, c.code, c.message, c.detail)
		}
		if next != s {
			t.Errorf("%s: the catalog changed", c.name)
		}
	}
	if _, _, err := Apply(&Snapshot{}, &PauseQuery{}); sqlerr.CodeOf(err) != "55000" {
		t.Errorf("a command before Bootstrap: %v", err)
	}
}

func TestDropCascade(t *testing.T) {
	s := chain(t)
	next, result := apply(t, s, &DropRelations{Kind: KindTable, Names: []Name{{DefaultSchema, "a"}}, Cascade: true})
	if len(next.Relations()) != 1 || len(next.Queries()) != 0 || len(result.Dropped) != 6 {
		t.Fatalf("%d relations, %d queries, dropped %v", len(next.Relations()), len(next.Queries()), result.Dropped)
	}
	if len(result.Notices) != 1 || result.Notices[0].Detail != "drop cascades to table b\ndrop cascades to table c" {
		t.Fatalf("notices %+v", result.Notices)
	}
}

func TestIfExists(t *testing.T) {
	s := chain(t)
	next, result := apply(t, s, &DropRelations{Kind: KindTable, Names: []Name{{DefaultSchema, "x"}}, IfExists: true})
	if next != s || len(result.Notices) != 1 || result.Notices[0].Message != `table "x" does not exist, skipping` {
		t.Fatalf("%+v", result)
	}
	next, result = apply(t, s, &CreateRelation{Relation: relation(KindTable, "a"), IfNotExists: true})
	if next != s || result.Version != s.Version() || result.Notices[0].Message != `relation "a" already exists, skipping` {
		t.Fatalf("%+v", result)
	}
}

func TestTerminateFreezes(t *testing.T) {
	s := chain(t)
	next, result := apply(t, s, &TerminateQuery{Name: "b"})
	b := next.Lookup(DefaultSchema, "b")
	if b == nil || !b.Frozen || b.Query != 0 || !b.Derived() || next.QueryByName("b") != nil || len(result.Dropped) != 1 {
		t.Fatalf("%+v, %+v", b, result)
	}
	// Nothing computes b from a any more, so that a can go.
	next, _ = apply(t, next, &DropRelations{Kind: KindTable, Names: []Name{{DefaultSchema, "a"}}})
	next, _ = apply(t, next, &TerminateQuery{})
	if len(next.Queries()) != 0 || !next.Lookup(DefaultSchema, "c").Frozen {
		t.Fatal("TERMINATE ALL left queries")
	}
}

func TestPauseAndResume(t *testing.T) {
	s := chain(t)
	paused, _ := apply(t, s, &PauseQuery{Name: "b"})
	if !paused.QueryByName("b").Paused || paused.QueryByName("a").Paused || s.QueryByName("b").Paused {
		t.Fatal("PAUSE b")
	}
	again, _ := apply(t, paused, &PauseQuery{Name: "b"})
	if again != paused {
		t.Fatal("PAUSE of a paused query made a version")
	}
	all, _ := apply(t, paused, &PauseQuery{})
	resumed, _ := apply(t, all, &ResumeQuery{})
	for _, q := range resumed.Queries() {
		if q.Paused || !all.Query(q.ID).Paused {
			t.Fatalf("query %s", q.Name)
		}
	}
}

func TestComment(t *testing.T) {
	s := chain(t)
	s, _ = apply(t, s, &CommentOn{Kind: KindTable, Name: Name{DefaultSchema, "a"}, Text: "about a"})
	s, _ = apply(t, s, &CommentOn{Kind: KindTable, Name: Name{DefaultSchema, "a"}, Column: "b", Text: "about b"})
	a := s.Lookup(DefaultSchema, "a")
	if a.Comment != "about a" || a.Columns[1].Comment != "about b" || a.Columns[0].Comment != "" {
		t.Fatalf("%+v", a)
	}
}

// Dependants are listed each once, as PostgreSQL does, and never before what they read.
func TestDependantsOfADiamond(t *testing.T) {
	s := bootstrapped(t)
	s, _ = apply(t, s, &CreateRelation{Relation: relation(KindStream, "s")})
	s, _ = apply(t, s, derived(s, "left", "s"))
	s, _ = apply(t, s, derived(s, "right", "s"))
	s, _ = apply(t, s, derived(s, "bottom", "left", "right"))
	_, _, err := Apply(s, &DropRelations{Kind: KindStream, Names: []Name{{DefaultSchema, "s"}}})
	lines := strings.Split(sqlerr.From(err).Detail, "\n")
	want := []string{
		"table left depends on stream s", "table right depends on stream s", "table bottom depends on table right",
	}
	if !slices.Equal(lines, want) {
		t.Fatalf("%q", lines)
	}
}
