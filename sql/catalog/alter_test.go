package catalog

import (
	"slices"
	"testing"

	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// altered makes the command that changes table t as edit does.
func altered(s *Snapshot, edit func(*Relation)) *AlterRelation {
	t := *s.Lookup(DefaultSchema, "t")
	t.Columns = slices.Clone(t.Columns)
	c := &AlterRelation{Base: t.Changed}
	edit(&t)
	c.Relation = t
	return c
}

// tableWithReader is table t (a, b) and table d, whose query reads column a of it.
func tableWithReader(t *testing.T) *Snapshot {
	s := bootstrapped(t)
	s, _ = apply(t, s, &CreateRelation{Relation: relation(KindTable, "t")})
	d := derived(s, "d", "t")
	d.Query.Columns = [][]int{{0}}
	s, _ = apply(t, s, d)
	return s
}

func dropColumn(number int) func(*Relation) {
	return func(r *Relation) {
		c := &r.Columns[number]
		c.Name, c.Dropped, c.Hidden, c.NotNull, c.Default = DroppedName(number+1), true, true, false, ""
	}
}

func addColumn(name string) func(*Relation) {
	return func(r *Relation) {
		r.Columns = append(r.Columns, Column{Name: name, Type: types.Int4, Missing: types.IntDatum(7)})
	}
}

func TestNamesAndColumnsAsOfAVersion(t *testing.T) {
	s := tableWithReader(t)
	before := s.Version()
	table := s.Lookup(DefaultSchema, "t").ID
	s, _ = apply(t, s, altered(s, func(r *Relation) { r.Columns[0].Name = "x" }))
	s, _ = apply(t, s, altered(s, addColumn("a")))
	between := s.Version()
	s, _ = apply(t, s, altered(s, dropColumn(1)))
	s, _ = apply(t, s, altered(s, addColumn("b")))
	s, _ = apply(t, s, altered(s, func(r *Relation) { r.Name = "u"; r.Columns[0].Name = "y" }))
	names := func(s *Snapshot, name string) []string {
		var out []string
		for _, c := range s.Lookup(DefaultSchema, name).Columns {
			if !c.Hidden {
				out = append(out, c.Name)
			}
		}
		return out
	}
	ids := []ObjectID{table}
	for _, c := range []struct {
		snapshot *Snapshot
		name     string
		want     []string
	}{
		{s, "u", []string{"y", "a", "b"}},
		{s.AsOf(s.Version(), ids, nil), "u", []string{"y", "a", "b"}},
		{s.AsOf(before, ids, nil), "t", []string{"a", "b"}},
		{s.AsOf(between, ids, nil), "t", []string{"x", "b", "a"}},
	} {
		if got := names(c.snapshot, c.name); !slices.Equal(got, c.want) {
			t.Errorf("columns %v, want %v", got, c.want)
		}
		if c.snapshot.Lookup(DefaultSchema, "t") != nil && c.snapshot.Lookup(DefaultSchema, "u") != nil {
			t.Error("the table has two names")
		}
	}
	if r := s.Relation(table); r.Attribute(2) != 3 || r.Column("b") != 3 || !r.Altered() {
		t.Errorf("attribute %d, column b is %d", r.Attribute(2), r.Column("b"))
	}
	if s.AsOf(before, nil, nil).Lookup(DefaultSchema, "t") != nil {
		t.Error("a relation was found that was not asked for")
	}
}

func TestColumnsThatAreReadStay(t *testing.T) {
	s := tableWithReader(t)
	for _, c := range []struct {
		edit func(*Relation)
		code sqlerr.Code
	}{
		{dropColumn(0), sqlerr.DependentObjectsStillExist},
		{func(r *Relation) { r.Columns[0].Type = types.Int8 }, sqlerr.FeatureNotSupported},
		{func(r *Relation) { r.Key = []int{1} }, sqlerr.FeatureNotSupported},
		{func(r *Relation) { r.Name = "d" }, sqlerr.DuplicateTable},
		{func(r *Relation) { r.Columns = r.Columns[:1] }, sqlerr.InternalError},
		{func(r *Relation) { r.Columns[1].Name = "a" }, sqlerr.DuplicateColumn},
	} {
		if _, _, err := Apply(s, altered(s, c.edit)); sqlerr.CodeOf(err) != c.code {
			t.Errorf("%v, want %s", err, c.code)
		}
	}
	for _, edit := range []func(*Relation){
		dropColumn(1), addColumn("c"), func(r *Relation) { r.Columns[1].Type = types.Int8 },
		func(r *Relation) { r.Name = "u" },
	} {
		if _, _, err := Apply(s, altered(s, edit)); err != nil {
			t.Error(err)
		}
	}
	command := altered(s, dropColumn(0))
	command.Cascade = true
	s, result := apply(t, s, command)
	if s.Lookup(DefaultSchema, "d") != nil || len(s.Queries()) != 0 || len(result.Dropped) != 2 {
		t.Errorf("dropped %v", result.Dropped)
	}
	if len(result.Notices) != 1 || result.Notices[0].Message != "drop cascades to table d" {
		t.Errorf("notices %v", result.Notices)
	}
}

func TestAlterOfWhatHasChanged(t *testing.T) {
	s := tableWithReader(t)
	late := altered(s, addColumn("c"))
	layout := s.Lookup(DefaultSchema, "t").Layout
	s, _ = apply(t, s, &CommentOn{Kind: KindTable, Name: Name{DefaultSchema, "t"}, Text: "x"})
	if s.Lookup(DefaultSchema, "t").Layout != layout {
		t.Error("a comment changed the layout")
	}
	if _, _, err := Apply(s, late); sqlerr.CodeOf(err) != sqlerr.SerializationFailure {
		t.Errorf("a command made of what has changed: %v", err)
	}
	s, _ = apply(t, s, altered(s, func(r *Relation) { r.Columns[0].Name = "x" }))
	if s.Lookup(DefaultSchema, "t").Layout != layout {
		t.Error("a name changed the layout")
	}
	s, _ = apply(t, s, altered(s, addColumn("c")))
	if s.Lookup(DefaultSchema, "t").Layout == layout {
		t.Error("a column did not change the layout")
	}
}

func TestShadows(t *testing.T) {
	s := bootstrapped(t)
	s, _ = apply(t, s, &CreateRelation{Relation: relation(KindTable, "t")})
	table := *s.Lookup(DefaultSchema, "t")
	wide := table
	wide.Columns = append(slices.Clone(table.Columns), Column{Name: "c", Type: types.Int4})
	s, result := apply(t, s, &CreateShadow{Relation: wide, Base: table.Changed})
	id := result.Created[0]
	if shadow := s.Shadow(id); shadow == nil || shadow.Shadow != table.ID || len(s.Relations()) != 1 || len(shadow.Columns) != 3 {
		t.Fatalf("%+v", shadow)
	}
	if next, _ := apply(t, s, &DropShadow{}); len(next.Shadows()) != 0 || next.Relation(table.ID).StorageID() != table.ID {
		t.Error("the copy is still there")
	}
	if _, _, err := Apply(s, &AlterRelation{Relation: wide, Base: table.Changed, Shadow: id + 1}); sqlerr.CodeOf(err) != sqlerr.SerializationFailure {
		t.Errorf("a copy that is not there: %v", err)
	}
	swapped, _ := apply(t, s, &AlterRelation{Relation: wide, Base: table.Changed, Shadow: id})
	if r := swapped.Relation(table.ID); r.StorageID() != id || len(swapped.Shadows()) != 0 {
		t.Errorf("%+v", r)
	}
	dropped, _ := apply(t, s, &DropRelations{Kind: KindTable, Names: []Name{{DefaultSchema, "t"}}})
	if len(dropped.Shadows()) != 0 {
		t.Error("the copy of a dropped table is still there")
	}
	withReader := tableWithReader(t)
	read := *withReader.Lookup(DefaultSchema, "t")
	if _, _, err := Apply(withReader, &CreateShadow{Relation: read, Base: read.Changed}); sqlerr.CodeOf(err) != sqlerr.FeatureNotSupported {
		t.Errorf("a rewrite of a table that a query reads: %v", err)
	}
}
