package catalog

import (
	"strings"
	"testing"

	"millrace/sql/sqlerr"
)

func indexOn(table *Relation, name string, columns ...int) Index {
	i := Index{Name: name, Table: table.ID, Method: "btree"}
	for _, c := range columns {
		i.Columns = append(i.Columns, IndexColumn{Column: c})
	}
	return i
}

func names(list []*Index) string {
	var out []string
	for _, i := range list {
		out = append(out, i.Name)
	}
	return strings.Join(out, " ")
}

func TestIndexNames(t *testing.T) {
	s := bootstrapped(t)
	s, _ = apply(t, s, &CreateRelation{Relation: relation(KindTable, "t"), Indexes: []Index{
		{Columns: []IndexColumn{{Column: 0}}, Unique: true, Constraint: true},
		{Columns: []IndexColumn{{Column: 0}}, Unique: true, Constraint: true},
		{Columns: []IndexColumn{{Column: 0}, {Column: 1}}, Unique: true, Constraint: true},
	}})
	table := s.Lookup(DefaultSchema, "t")
	for range 2 {
		s, _ = apply(t, s, &CreateIndex{Index: indexOn(table, "", 1)})
	}
	include := indexOn(table, "", 1)
	include.Include = []int{0}
	s, _ = apply(t, s, &CreateIndex{Index: include})
	want := "t_a_key t_a_key1 t_a_b_key t_b_idx t_b_idx1 t_b_a_idx"
	if got := names(s.IndexesOf(table.ID)); got != want {
		t.Fatalf("names %s, want %s", got, want)
	}
	if got := names(s.UniqueOf(table.ID)); got != "t_a_key t_a_key1 t_a_b_key" {
		t.Fatalf("unique indexes %s", got)
	}
	long := s.ChooseName(DefaultSchema, strings.Repeat("x", 70), []string{strings.Repeat("ä", 40)}, "idx")
	if len(long) > 63 || !strings.HasSuffix(long, "ä_idx") {
		t.Fatalf("%q has %d bytes", long, len(long))
	}
}

func TestIndexesShareTheNamesOfRelations(t *testing.T) {
	s := bootstrapped(t)
	s, _ = apply(t, s, &CreateRelation{Relation: relation(KindTable, "t")})
	table := s.Lookup(DefaultSchema, "t")
	s, _ = apply(t, s, &CreateIndex{Index: indexOn(table, "i", 0)})
	for _, command := range []Command{
		&CreateRelation{Relation: relation(KindStream, "i")},
		&CreateIndex{Index: indexOn(table, "t", 0)},
		&CreateIndex{Index: indexOn(table, "i", 1)},
		&CreateRelation{Relation: relation(KindTable, "u"), Indexes: []Index{indexOn(table, "i", 0)}},
		&CreateRelation{Relation: relation(KindTable, "u"), Indexes: []Index{indexOn(table, "u", 0)}},
	} {
		if _, _, err := Apply(s, command); sqlerr.CodeOf(err) != sqlerr.DuplicateTable {
			t.Errorf("%+v: %v", command, err)
		}
	}
	_, result := apply(t, s, &CreateIndex{Index: indexOn(table, "i", 1), IfNotExists: true})
	if len(result.Notices) != 1 || result.Version != s.Version() {
		t.Fatalf("%+v", result)
	}
}

func TestDropIndexes(t *testing.T) {
	s := bootstrapped(t)
	s, _ = apply(t, s, &CreateRelation{Relation: relation(KindTable, "t"), Indexes: []Index{
		{Columns: []IndexColumn{{Column: 0}}, Unique: true, Constraint: true},
	}})
	table := s.Lookup(DefaultSchema, "t")
	s, _ = apply(t, s, &CreateIndex{Index: indexOn(table, "i", 0)})
	for _, test := range []struct {
		name    string
		code    sqlerr.Code
		message string
	}{
		{"t_a_key", sqlerr.DependentObjectsStillExist, "cannot drop index t_a_key because constraint t_a_key on table t requires it"},
		{"t", sqlerr.WrongObjectType, `"t" is not an index`},
		{"none", sqlerr.UndefinedObject, `index "none" does not exist`},
	} {
		_, _, err := Apply(s, &DropIndexes{Names: []Name{{DefaultSchema, "i"}, {DefaultSchema, test.name}}})
		if sqlerr.CodeOf(err) != test.code || err.Error() != test.message {
			t.Errorf("%s: %v", test.name, err)
		}
	}
	after, result := apply(t, s, &DropIndexes{Names: []Name{{DefaultSchema, "i"}, {DefaultSchema, "none"}}, IfExists: true})
	if names(after.IndexesOf(table.ID)) != "t_a_key" || len(result.Notices) != 1 {
		t.Fatalf("%v %+v", names(after.Indexes()), result)
	}
	after, _ = apply(t, after, &DropRelations{Kind: KindTable, Names: []Name{{DefaultSchema, "t"}}})
	if len(after.Indexes()) != 0 || after.UniqueRelation(table.ID+2) != nil {
		t.Fatalf("left: %v", names(after.Indexes()))
	}
}

// A unique index takes part in writes once it is ready; one that is given up
// leaves nothing.
func TestIndexStates(t *testing.T) {
	s := bootstrapped(t)
	s, _ = apply(t, s, &CreateRelation{Relation: relation(KindTable, "t")})
	table := s.Lookup(DefaultSchema, "t")
	unique := indexOn(table, "i", 1, 0)
	unique.Unique = true
	s, result := apply(t, s, &CreateIndex{Index: unique})
	id := result.Created[0]
	if len(s.UniqueOf(table.ID)) != 0 || !s.BuildingUnique(table.ID) {
		t.Fatal("an index that is being built must not be kept by writers")
	}
	abandoned, _ := apply(t, s, &AbandonIndex{ID: id})
	if len(abandoned.Indexes()) != 0 {
		t.Fatal("the index is still there")
	}
	s, _ = apply(t, s, &IndexReady{ID: id})
	if names(s.UniqueOf(table.ID)) != "i" || s.BuildingUnique(table.ID) {
		t.Fatal("the index is not ready")
	}
	kept, _ := apply(t, s, &AbandonIndex{ID: id})
	if kept != s {
		t.Fatal("an index that is ready was given up")
	}
	r := s.UniqueRelation(id)
	if r.Index.ID != id || len(r.Columns) != 2+len(table.Key) || r.Columns[0].Name != "b" || r.Name != "t" {
		t.Fatalf("%+v", r)
	}
}
