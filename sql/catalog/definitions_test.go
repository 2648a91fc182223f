package catalog

import (
	"bytes"
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"millrace/sql/sqlerr"
)

// transactionOf is a transaction of the tests: its steps and its copy.
type transactionOf struct {
	steps      []Step
	base, copy *Snapshot
	next, end  ObjectID
}

// begin reserves IDs.
func begin(t *rapid.T, s *Snapshot, count int64) (*Snapshot, *transactionOf) {
	next, result, err := Apply(s, &ReserveIDs{Count: count})
	if err != nil {
		t.Fatal(err)
	}
	first := ObjectID(result.First)
	return next, &transactionOf{base: next, copy: next, next: first, end: first + ObjectID(count)}
}

// define applies a command to the copy, if it can be applied.
func (x *transactionOf) define(command Command) {
	after, step, _, err := x.copy.Extend(command, x.base.Version(), x.next)
	if err != nil || step.Changes == 0 {
		return
	}
	x.copy, x.next, x.steps = after, after.NextID(), append(x.steps, step)
}

// A transaction's definitions have at COMMIT the effect that they had in its copy,
// whatever others have defined meanwhile, on replicas that read them from bytes alike,
// or none and 40001.
func TestDefine(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		one, _, err := Apply(&Snapshot{}, &Bootstrap{ClusterID: "c", Shards: 8})
		if err != nil {
			t.Fatal(err)
		}
		for range rapid.IntRange(0, 4).Draw(t, "before") {
			one, _, _ = Apply(one, drawCommand(t, one))
		}
		one, x := begin(t, one, 1000)
		others := rapid.Bool().Draw(t, "others")
		for range rapid.IntRange(1, 8).Draw(t, "commands") {
			if others && rapid.Bool().Draw(t, "other") {
				one, _, _ = Apply(one, drawCommand(t, one))
				copied, _, err := one.Replay(x.steps)
				if sqlerr.CodeOf(err) == sqlerr.SerializationFailure {
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				x.base, x.copy = one, copied
				continue
			}
			x.define(drawCommand(t, x.copy))
		}
		command := &Define{Steps: x.steps, End: x.end}
		encoded, err := EncodeCommand(command)
		if err != nil {
			t.Fatal(err)
		}
		decoded, err := DecodeCommand(encoded)
		if err != nil || !reflect.DeepEqual(command, decoded) {
			t.Fatalf("%#v became %#v, %v", command, decoded, err)
		}
		two := reencoded(t, one)
		var result Result
		if one, result, err = Apply(one, command); err != nil {
			t.Fatal(err)
		}
		if two, _, err = Apply(two, decoded); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(encodedSnapshot(t, one), encodedSnapshot(t, reencoded(t, two))) {
			t.Fatal("replicas differ")
		}
		if result.Version != one.Version() {
			t.Fatalf("version %d, but the result says %d", one.Version(), result.Version)
		}
		want := *x.copy
		want.nextID = one.nextID
		if !bytes.Equal(encodedSnapshot(t, one), encodedSnapshot(t, &want)) {
			t.Fatalf("the catalog is\n%s, but the copy was\n%s", encodedSnapshot(t, one), encodedSnapshot(t, &want))
		}
	})
}

// What two transactions define beside each other both take effect, in any order, with
// the IDs that they had in the copies.
func TestDefineBeside(t *testing.T) {
	s := bootstrapped(t)
	first, second := beginIn(t, &s), beginIn(t, &s)
	second.define(&CreateRelation{Relation: relation(KindTable, "second")})
	first.define(&CreateRelation{Relation: relation(KindTable, "first")})
	first.define(&CommentOn{Kind: KindTable, Name: Name{DefaultSchema, "first"}, Text: "x"})
	altered := *first.copy.Lookup(DefaultSchema, "first")
	altered.Name = "renamed"
	first.define(&AlterRelation{Relation: altered, Base: altered.Changed})
	for _, x := range []*transactionOf{second, first} {
		var err error
		if s, _, err = Apply(s, &Define{Steps: x.steps, End: x.end}); err != nil {
			t.Fatal(err)
		}
	}
	one, two := s.Lookup(DefaultSchema, "renamed"), s.Lookup(DefaultSchema, "second")
	if one == nil || two == nil || one.ID >= two.ID || one.ID != altered.ID || s.Relation(one.ID) != one || s.Relation(two.ID) != two {
		t.Fatalf("%+v, %+v", one, two)
	}
	if one.Comment != "x" || len(one.FormerNames) != 1 {
		t.Fatalf("%+v", one)
	}
}

// Definitions of the same thing exclude each other.
func TestDefineConflict(t *testing.T) {
	s := bootstrapped(t)
	first, second := beginIn(t, &s), beginIn(t, &s)
	first.define(&CreateRelation{Relation: relation(KindTable, "t")})
	second.define(&CreateRelation{Relation: relation(KindTable, "t")})
	s, _, err := Apply(s, &Define{Steps: first.steps, End: first.end})
	if err != nil {
		t.Fatal(err)
	}
	after, _, err := Apply(s, &Define{Steps: second.steps, End: second.end})
	if sqlerr.CodeOf(err) != sqlerr.SerializationFailure || after != s {
		t.Fatalf("%v", err)
	}
}

// A transaction is committed by the entry of its definitions, unless somebody was told
// before that it is not; and remembered until it is forgotten.
func TestDefineDecides(t *testing.T) {
	s := bootstrapped(t)
	x := beginIn(t, &s)
	x.define(&CreateRelation{Relation: relation(KindTable, "t")})
	command := &Define{Steps: x.steps, End: x.end, Transaction: [16]byte{1}, Aborts: s.Aborts()}
	ask := func(s *Snapshot) (*Snapshot, int64) {
		t.Helper()
		next, result, err := Apply(s, &DecideTransaction{ID: command.Transaction})
		if err != nil {
			t.Fatal(err)
		}
		return next, result.Count
	}
	aborted, committed := ask(s)
	if committed != 0 {
		t.Fatal("committed before")
	}
	if _, _, err := Apply(aborted, command); sqlerr.CodeOf(err) != sqlerr.SerializationFailure {
		t.Fatalf("committed behind an abort: %v", err)
	}
	s, _, err := Apply(s, command)
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := s.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if s, err = DecodeSnapshot(encoded); err != nil {
		t.Fatal(err)
	}
	if s, committed = ask(s); committed != 1 || !s.IsCommitted(command.Transaction) {
		t.Fatal("the commit is forgotten")
	}
	if s, _, err = Apply(s, &ForgetTransaction{ID: command.Transaction}); err != nil || len(s.Committed()) != 0 {
		t.Fatalf("%v, %v", s.Committed(), err)
	}
}

// IDs are given back where nobody was given others since, and what a transaction has
// used is not.
func TestReturnIDs(t *testing.T) {
	s := bootstrapped(t)
	before := s.NextID()
	first := beginIn(t, &s)
	second := beginIn(t, &s)
	give := func(x *transactionOf) {
		t.Helper()
		var err error
		if s, _, err = Apply(s, &ReturnIDs{First: x.end - 100, End: x.end}); err != nil {
			t.Fatal(err)
		}
	}
	if give(first); s.NextID() != second.end {
		t.Fatalf("next is %d: IDs in the middle were given back", s.NextID())
	}
	give(second)
	if give(first); s.NextID() != max(before, FirstObjectID) {
		t.Fatalf("next is %d, was %d", s.NextID(), before)
	}
	first.define(&CreateRelation{Relation: relation(KindTable, "t")})
	if _, _, err := Apply(s, &Define{Steps: first.steps, End: first.end}); sqlerr.CodeOf(err) != sqlerr.SerializationFailure {
		t.Fatalf("defined with IDs that were given back: %v", err)
	}
	third := beginIn(t, &s)
	third.define(&CreateRelation{Relation: relation(KindTable, "t")})
	s, _, err := Apply(s, &Define{Steps: third.steps, End: third.end})
	if err != nil || s.NextID() != third.next {
		t.Fatalf("next is %d, want %d; %v", s.NextID(), third.next, err)
	}
}

func beginIn(t *testing.T, s **Snapshot) *transactionOf {
	t.Helper()
	next, result, err := Apply(*s, &ReserveIDs{Count: 100})
	if err != nil {
		t.Fatal(err)
	}
	*s = next
	first := ObjectID(result.First)
	return &transactionOf{base: next, copy: next, next: first, end: first + 100}
}
