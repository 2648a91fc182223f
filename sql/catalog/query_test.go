package catalog

import (
	"slices"
	"testing"

	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// flow makes streams and tables and the queries between them.
type flow struct {
	t *testing.T
	s *Snapshot
}

func newFlow(t *testing.T) *flow {
	f := &flow{t: t, s: &Snapshot{}}
	f.apply(&Bootstrap{ClusterID: "c", Shards: 8}, "")
	return f
}

func (f *flow) apply(c Command, want sqlerr.Code) Result {
	f.t.Helper()
	next, result, err := Apply(f.s, c)
	if sqlerr.CodeOf(err) != want {
		f.t.Fatalf("%T: got %v, want %q", c, err, want)
	}
	f.s = next
	return result
}

func (f *flow) id(name string) ObjectID {
	f.t.Helper()
	r := f.s.Lookup(DefaultSchema, name)
	if r == nil {
		f.t.Fatalf("no relation %q", name)
	}
	return r.ID
}

// create makes a stream, or with kind KindTable a table, from others.
func (f *flow) create(kind Kind, name string, from ...string) {
	f.t.Helper()
	c := &CreateRelation{Relation: Relation{
		Kind: kind, Schema: DefaultSchema, Name: name, Partitions: 8, Rowtime: -1, Columns: []Column{{Name: "a", Type: types.Int4}},
	}}
	if len(from) > 0 {
		c.Query = &Query{Name: name, Text: "SELECT 1"}
		for _, source := range from {
			c.Query.Sources = append(c.Query.Sources, f.id(source))
		}
	}
	f.apply(c, "")
}

func (f *flow) insert(into, from string, want sqlerr.Code) {
	f.t.Helper()
	f.apply(&CreateQuery{Query: Query{Text: "SELECT 1", Sink: f.id(into), Into: []int{0}, Sources: []ObjectID{f.id(from)}}}, want)
}

func (f *flow) names() []string {
	var names []string
	for _, q := range f.s.Queries() {
		names = append(names, q.Name)
	}
	return names
}

func TestQueryThatInsertsClosesNoCircle(t *testing.T) {
	f := newFlow(t)
	f.create(KindStream, "a")
	f.create(KindStream, "b")
	f.create(KindStream, "c")
	f.insert("a", "a", sqlerr.InvalidObjectDefinition)
	f.insert("b", "a", "")
	f.insert("a", "b", sqlerr.InvalidObjectDefinition)
	f.insert("c", "b", "")
	f.insert("a", "c", sqlerr.InvalidObjectDefinition)
	f.create(KindTable, "t", "c")
	f.insert("a", "t", sqlerr.InvalidObjectDefinition)
	f.insert("b", "t", sqlerr.InvalidObjectDefinition)
	f.insert("c", "a", "") // a second way from a to c is none back
	if want := []string{"insertquery_1", "insertquery_2", "t", "insertquery_3"}; !slices.Equal(f.names(), want) {
		t.Errorf("the queries are %v, want %v", f.names(), want)
	}
	// Without what closed the circle, the way is free.
	f.apply(&TerminateQuery{Name: "insertquery_1"}, "")
	f.apply(&TerminateQuery{Name: "insertquery_3"}, "")
	f.insert("a", "t", "")
}

func TestQueryThatInsertsGoesAlone(t *testing.T) {
	f := newFlow(t)
	f.create(KindStream, "a")
	f.create(KindStream, "b")
	f.create(KindStream, "derived", "a")
	f.insert("b", "a", "")
	f.insert("derived", "b", "")
	drop := func(name string, cascade bool) Command {
		return &DropRelations{Kind: KindStream, Names: []Name{{DefaultSchema, name}}, Cascade: cascade}
	}
	f.apply(drop("a", false), sqlerr.DependentObjectsStillExist)
	f.apply(drop("b", false), sqlerr.DependentObjectsStillExist)
	f.apply(drop("derived", false), sqlerr.DependentObjectsStillExist)
	// The query of CREATE … AS freezes what it has made; one that inserts does not, and
	// goes on where the other has ended.
	f.apply(&TerminateQuery{Name: "derived"}, "")
	if !f.s.Lookup(DefaultSchema, "derived").Frozen || len(f.s.QueriesInto(f.id("derived"))) != 1 {
		t.Error("the stream is not frozen, or the other query ended with its")
	}
	encoded, err := f.s.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if f.s, err = DecodeSnapshot(encoded); err != nil {
		t.Fatal(err)
	}
	f.insert("derived", "b", sqlerr.WrongObjectType)
	f.apply(drop("b", true), "")
	if len(f.names()) != 0 || f.id("a") == 0 || f.id("derived") == 0 {
		t.Errorf("the queries %v are left", f.names())
	}
}
