package catalog

import (
	"slices"
	"testing"

	"millrace/sql/sqlerr"
)

// shareAs makes a table whose query reads stream s and shares the work of others.
func (f *flow) shareAs(name string, shared ...string) {
	f.t.Helper()
	r := relation(KindTable, name)
	q := &Query{Name: name, Text: "SELECT 1", Sources: []ObjectID{f.id("s")}}
	for _, other := range shared {
		q.Shared = append(q.Shared, f.s.QueryByName(other).ID)
	}
	f.apply(&CreateRelation{Relation: r, Query: q}, "")
}

// running names the queries that the shards have, and checks what is relied on.
func (f *flow) running() []string {
	f.t.Helper()
	var names []string
	for _, q := range f.s.RunningQueries() {
		names = append(names, q.Name)
		if f.s.Result(q) == nil || f.s.RunningQuery(q.ID) != q {
			f.t.Errorf("query %q has no result", q.Name)
		}
		for _, id := range q.Shared {
			if f.s.RunningQuery(id) == nil {
				f.t.Errorf("query %q shares one that is gone", q.Name)
			}
		}
		if f.s.Query(q.ID) == nil && len(f.s.SharedBy(q.ID)) == 0 {
			f.t.Errorf("query %q is kept for nobody", q.Name)
		}
	}
	encoded, err := f.s.Encode()
	if err != nil {
		f.t.Fatal(err)
	}
	if f.s, err = DecodeSnapshot(encoded); err != nil {
		f.t.Fatal(err)
	}
	return names
}

func (f *flow) drop(name string) {
	f.t.Helper()
	f.apply(&DropRelations{Kind: KindTable, Names: []Name{{DefaultSchema, name}}}, "")
}

// TestSharedQueriesAreKept drops queries that others share, in several orders.
func TestSharedQueriesAreKept(t *testing.T) {
	f := newFlow(t)
	f.create(KindStream, "s")
	f.shareAs("a")
	f.shareAs("b", "a")
	f.shareAs("c", "b")
	a := f.id("a")
	expect := func(want ...string) {
		t.Helper()
		if got := f.running(); !slices.Equal(got, want) {
			t.Errorf("%v run, not %v", got, want)
		}
	}
	f.apply(&TerminateQuery{Name: "a"}, sqlerr.DependentObjectsStillExist)
	f.drop("a")
	expect("a", "b", "c")
	if f.s.Relation(a) != nil || f.s.Lookup(DefaultSchema, "a") != nil || f.s.QueryByName("a") != nil || f.s.KeptRelation(a) == nil {
		t.Error("what is kept can be named")
	}
	f.shareAs("a", "b")
	f.drop("b")
	expect("a", "b", "c", "a")
	f.drop("c")
	expect("a", "b", "a")
	f.apply(&DropRelations{Kind: KindStream, Names: []Name{{DefaultSchema, "s"}}}, sqlerr.DependentObjectsStillExist)
	f.drop("a")
	expect()
	if len(f.s.KeptRelations()) != 0 {
		t.Error("relations are kept for nobody")
	}
	f.apply(&DropRelations{Kind: KindStream, Names: []Name{{DefaultSchema, "s"}}}, "")
}

// TestSharedQueriesPause pauses a query that is shared: it goes on until it is not.
func TestSharedQueriesPause(t *testing.T) {
	f := newFlow(t)
	f.create(KindStream, "s")
	f.shareAs("a")
	f.shareAs("b", "a")
	f.apply(&PauseQuery{Name: "a"}, "")
	if a := f.s.QueryByName("a"); !a.Paused || f.s.Rests(a) {
		t.Error("a paused query that another one shares rests")
	}
	f.shareAs("c", "a") // it was planned before the pause
	if c := f.s.QueryByName("c"); len(c.Shared) != 0 {
		t.Error("a paused query is shared")
	}
	f.drop("b")
	if a := f.s.QueryByName("a"); !f.s.Rests(a) {
		t.Error("a paused query that nobody shares any more does not rest")
	}
	f.apply(&ResumeQuery{Name: "a"}, "")
	f.shareAs("d", "a")
	f.apply(&TerminateQuery{}, "")
	if got := f.running(); got != nil {
		t.Errorf("%v run after all were terminated", got)
	}
}
