package catalog

import (
	"testing"

	"millrace/sql/sqlerr"
)

// reigning is a catalog with a table t, in its first reign.
func reigning(t *testing.T) *Snapshot {
	t.Helper()
	s, _, err := Apply(&Snapshot{}, &Bootstrap{ClusterID: "c", Shards: 8})
	if err != nil {
		t.Fatal(err)
	}
	s, _ = apply(t, s, &CreateRelation{Relation: relation(KindTable, "t")})
	s, result := apply(t, s, &Coordinate{Node: 3})
	if s.Reign().Number != 1 || s.Reign().Node != 3 || result.Count != 1 {
		t.Fatalf("the first reign is %+v", s.Reign())
	}
	return s
}

func shadowOf(s *Snapshot, name string) *CreateShadow {
	r := s.Lookup(DefaultSchema, name)
	return &CreateShadow{Relation: *r, Base: r.Changed}
}

// TestHeldCommands gives commands that rely on locks, before and after these are lost.
func TestHeldCommands(t *testing.T) {
	s := reigning(t)
	s, _ = apply(t, s, &Held{Reign: 1, Holder: 10, Command: shadowOf(s, "t")})
	if len(s.Shadows()) != 1 || len(s.Reign().Work) != 1 {
		t.Fatalf("%d copies are there, and %+v", len(s.Shadows()), s.Reign())
	}
	encoded, err := s.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if s, err = DecodeSnapshot(encoded); err != nil {
		t.Fatal(err)
	}
	other, _ := apply(t, s, &GiveUp{Reign: 1, Holder: 11})
	if len(other.Shadows()) != 1 {
		t.Error("the copy of another holder is gone")
	}
	gone, result := apply(t, s, &GiveUp{Reign: 1, Holder: 10})
	if len(gone.Shadows()) != 0 || len(result.Dropped) != 1 || len(gone.Reign().Work) != 0 || gone.Version() == s.Version() {
		t.Errorf("%d copies are left, %+v", len(gone.Shadows()), gone.Reign())
	}
	next, _ := apply(t, s, &Coordinate{Node: 1})
	if len(next.Shadows()) != 0 || next.Reign().Number != 2 || len(next.Reign().Work) != 0 {
		t.Errorf("a new reign has %d copies, %+v", len(next.Shadows()), next.Reign())
	}
	for name, lost := range map[string]*Snapshot{"given up": gone, "another reign": next} {
		command := &Held{Reign: 1, Holder: 10, Command: shadowOf(lost, "t")}
		after, _, err := Apply(lost, command)
		if sqlerr.CodeOf(err) != sqlerr.SerializationFailure || after != lost {
			t.Errorf("%s: a command without its locks gave %v", name, err)
		}
	}
	late, _ := apply(t, next, &GiveUp{Reign: 1, Holder: 10})
	if len(late.Reign().GivenUp) != 0 {
		t.Error("a holder was given up in a reign that it is not of")
	}
}

// TestFinishedWorkStays drops a holder whose index has become ready.
func TestFinishedWorkStays(t *testing.T) {
	s := reigning(t)
	r := s.Lookup(DefaultSchema, "t")
	index := Index{Schema: DefaultSchema, Name: "i", Table: r.ID, Method: "btree", Unique: true, Columns: []IndexColumn{{Column: 0}}}
	s, result := apply(t, s, &Held{Reign: 1, Holder: 10, Command: &CreateIndex{Index: index}})
	begun, _ := apply(t, s, &GiveUp{Reign: 1, Holder: 10})
	if begun.Index(result.Created[0]) != nil {
		t.Error("an index that nobody builds is there")
	}
	s, _ = apply(t, s, &IndexReady{ID: result.Created[0]})
	s, _ = apply(t, s, &GiveUp{Reign: 1, Holder: 10})
	s, _ = apply(t, s, &Coordinate{Node: 1})
	if s.Index(result.Created[0]) == nil {
		t.Error("an index that was ready is gone")
	}
}
