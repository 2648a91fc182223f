package catalog

import (
	"reflect"
	"testing"

	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// viewOver returns the command that makes a view of the first column of relations and
// views.
func viewOver(s *Snapshot, name string, over ...string) *CreateView {
	v := View{
		Schema: DefaultSchema, Name: name, Text: "SELECT", Version: s.Version(),
		Columns: []ViewColumn{{Name: "a", Type: types.Int8}}, Settings: []Option{{"TimeZone", "UTC"}},
	}
	for _, other := range over {
		if r := s.Lookup(DefaultSchema, other); r != nil {
			v.Sources, v.Reads = append(v.Sources, r.ID), append(v.Reads, []int{0})
		} else {
			v.Views = append(v.Views, s.LookupView(DefaultSchema, other).ID)
		}
	}
	return &CreateView{View: v}
}

// views is a catalog with a stream s and views over it and over each other.
func views(t *testing.T) *Snapshot {
	s := bootstrapped(t)
	s, _ = apply(t, s, &CreateRelation{Relation: relation(KindStream, "s")})
	s, _ = apply(t, s, viewOver(s, "left", "s"))
	s, _ = apply(t, s, viewOver(s, "right", "s"))
	s, _ = apply(t, s, viewOver(s, "bottom", "left", "right", "s"))
	return s
}

// The lines are those that PostgreSQL gives for a table s.
func TestDependantsOfViews(t *testing.T) {
	s := views(t)
	_, _, err := Apply(s, &DropRelations{Kind: KindStream, Names: []Name{{DefaultSchema, "s"}}})
	want := "view left depends on stream s\nview right depends on stream s\nview bottom depends on stream s"
	if e := sqlerr.From(err); e.Code != sqlerr.DependentObjectsStillExist || e.Detail != want {
		t.Fatalf("%s: %s", e.Code, e.Detail)
	}
	r := *s.Lookup(DefaultSchema, "s")
	r.Columns = append([]Column{}, r.Columns...)
	r.Columns[0].Dropped, r.Columns[0].Hidden = true, true
	err = s.CheckReaders(s.Lookup(DefaultSchema, "s"), &r, false)
	name := s.Lookup(DefaultSchema, "s").Columns[0].Name
	want = "view left depends on column " + name + " of stream s\nview right depends on column " + name + " of stream s\n" +
		"view bottom depends on column " + name + " of stream s"
	if e := sqlerr.From(err); e.Detail != want {
		t.Fatalf("%s", e.Detail)
	}
	s, result := apply(t, s, &DropRelations{Kind: KindView, Names: []Name{{DefaultSchema, "left"}}, Cascade: true})
	if len(result.Notices) != 1 || result.Notices[0].Message != "drop cascades to view bottom" {
		t.Fatalf("%+v", result.Notices)
	}
	if len(s.Views()) != 1 || s.LookupView(DefaultSchema, "right") == nil {
		t.Fatalf("%d views are left", len(s.Views()))
	}
}

// A view of an earlier version has the names and columns of then.
func TestViewsAsOf(t *testing.T) {
	s := views(t)
	before := s.Version()
	left := *s.LookupView(DefaultSchema, "left")
	renamed := left
	renamed.Name, renamed.Columns = "moved", []ViewColumn{{Name: "b", Type: types.Int8}}
	s, _ = apply(t, s, &AlterView{View: renamed, Base: left.Changed})
	replacement := viewOver(s, "moved", "s")
	replacement.OrReplace = true
	replacement.View.Columns = []ViewColumn{{Name: "b", Type: types.Int8}, {Name: "c", Type: types.Text}}
	s, _ = apply(t, s, replacement)
	now := s.LookupView(DefaultSchema, "moved")
	if now == nil || now.ID != left.ID || len(now.Columns) != 2 || now.Columns[0].Name != "b" {
		t.Fatalf("%+v", now)
	}
	then := s.AsOf(before, nil, []ObjectID{left.ID})
	if v := then.LookupView(DefaultSchema, "left"); v == nil || len(v.Columns) != 1 || v.Columns[0].Name != "a" {
		t.Fatalf("%+v", v)
	}
	if then.LookupView(DefaultSchema, "right") != nil || then.Present() != s {
		t.Fatal("another view is there")
	}
	if _, _, err := Apply(s, &AlterView{View: renamed, Base: left.Changed}); sqlerr.From(err).Code != sqlerr.SerializationFailure {
		t.Fatal(err)
	}
}

func TestViewsRoundTrip(t *testing.T) {
	s := views(t)
	s, _ = apply(t, s, &CommentOn{Kind: KindView, Name: Name{DefaultSchema, "left"}, Column: "a", Text: "about a"})
	encoded, err := s.Encode()
	if err != nil {
		t.Fatal(err)
	}
	decoded, err := DecodeSnapshot(encoded)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(decoded.Views(), s.Views()) {
		t.Fatalf("%+v", decoded.Views())
	}
	for _, command := range []Command{viewOver(s, "v", "s", "left"), &AlterView{View: *s.LookupView(DefaultSchema, "left"), Base: 3}} {
		encoded, err := EncodeCommand(command)
		if err != nil {
			t.Fatal(err)
		}
		again, err := DecodeCommand(encoded)
		if err != nil || !reflect.DeepEqual(again, command) {
			t.Fatalf("%+v: %v", again, err)
		}
	}
}

// A damaged snapshot in which views read each other in a circle is refused.
func TestViewsInACircle(t *testing.T) {
	s := views(t)
	left := *s.LookupView(DefaultSchema, "left")
	left.Views = []ObjectID{s.LookupView(DefaultSchema, "bottom").ID}
	next := s.edit()
	next.replaceView(&left)
	encoded, err := next.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := DecodeSnapshot(encoded); sqlerr.From(err).Code != sqlerr.DataCorrupted {
		t.Fatal(err)
	}
}
