package catalog

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

func sequenceOf(name string, start, increment, least, most int64) Sequence {
	return Sequence{Schema: DefaultSchema, Name: name, Type: types.Int8, Start: start, Increment: increment, Min: least, Max: most, Cache: 1}
}

// Ranges of values, taken in any sizes, are the values that one gets one by one.
func TestSequenceRanges(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		bound := rapid.SampledFrom([]int64{math.MinInt64, math.MaxInt64 - 40, -7, 0})
		least := bound.Draw(t, "least")
		most := least + rapid.Int64Range(1, 40).Draw(t, "span")
		step := rapid.Int64Range(-15, 15).Filter(func(n int64) bool { return n != 0 }).Draw(t, "step")
		if rapid.Bool().Draw(t, "large") {
			step = rapid.SampledFrom([]int64{math.MinInt64, math.MaxInt64}).Draw(t, "large step")
		}
		q := sequenceOf("s", rapid.Int64Range(least, most).Draw(t, "start"), step, least, most)
		q.Last, q.Cycle = q.Start, rapid.Bool().Draw(t, "cycle")
		single := q
		for range 20 {
			first, taken, err := q.Take(rapid.Int64Range(1, 9).Draw(t, "count"))
			if err != nil {
				if _, err := single.step(); sqlerr.CodeOf(err) != sqlerr.SequenceGeneratorLimitExceeded {
					t.Fatalf("a range ends where single values go on: %v", err)
				}
				return
			}
			for i := range taken {
				value, err := single.step()
				if err != nil || value != first+i*q.Increment {
					t.Fatalf("value %d of the range from %d is %d, %v", i, first, value, err)
				}
			}
		}
	})
}

// step is nextval by the letter of PostgreSQL's documentation.
func (q *Sequence) step() (int64, error) {
	if !q.Called {
		q.Called = true
		return q.Last, nil
	}
	next := q.Last + q.Increment
	over := q.Increment > 0 && (next > q.Max || next < q.Last) || q.Increment < 0 && (next < q.Min || next > q.Last)
	if over && !q.Cycle {
		return 0, sqlerr.New(sqlerr.SequenceGeneratorLimitExceeded, -1, "the end")
	}
	if over {
		next = q.Min
		if q.Increment < 0 {
			next = q.Max
		}
	}
	q.Last = next
	return next, nil
}

// What moves a sequence is no new version, and what was reserved in an earlier epoch
// is not taken back.
func TestSequenceStates(t *testing.T) {
	s := bootstrapped(t)
	s, result := apply(t, s, &CreateSequence{Sequence: sequenceOf("s", 1, 1, 1, 1000)})
	id, version := result.Created[0], s.Version()
	s, reserved := apply(t, s, &NextValues{ID: id, Count: 33})
	if s.Version() != version || reserved.First != 1 || reserved.Count != 33 || s.Sequence(id).Last != 33 {
		t.Fatalf("%+v %+v", reserved, s.Sequence(id))
	}
	returned, _ := apply(t, s, &ReturnValues{ID: id, Epoch: reserved.Epoch, Reserved: 33, Given: 2})
	if last := returned.Sequence(id).Last; last != 2 {
		t.Fatalf("last is %d", last)
	}
	s, _ = apply(t, s, &SetSequence{ID: id, Value: 33, Called: true})
	kept, _ := apply(t, s, &ReturnValues{ID: id, Epoch: reserved.Epoch, Reserved: 33, Given: 2})
	if last := kept.Sequence(id).Last; last != 33 {
		t.Fatalf("what was set is %d", last)
	}
	if _, _, err := Apply(s, &SetSequence{ID: id, Value: 1001}); sqlerr.CodeOf(err) != sqlerr.NumericValueOutOfRange {
		t.Fatal(err)
	}
	s, _ = apply(t, s, &SetSequence{ID: id, Restart: true})
	_, again := apply(t, s, &NextValues{ID: id, Count: 1})
	if again.First != 1 || again.Epoch != reserved.Epoch+2 {
		t.Fatalf("%+v", again)
	}
}

// Sequences go with the columns that own them, and not before.
func TestOwnedSequences(t *testing.T) {
	s := bootstrapped(t)
	r := relation(KindTable, "t")
	r.Columns[1].Identity = IdentityAlways
	identity := sequenceOf("t_b_seq", 1, 1, 1, 9)
	identity.OwnerColumn, identity.Identity = 1, true
	s, _ = apply(t, s, &CreateRelation{Relation: r, Sequences: []Sequence{sequenceOf("t_a_seq", 1, 1, 1, 9), identity}})
	table := s.Lookup(DefaultSchema, "t")
	serial := s.OwnedSequence(table.ID, 0)
	if serial == nil || len(table.Columns[0].Sequences) != 1 || table.Columns[0].Sequences[0] != serial.ID || table.Columns[1].Sequences != nil {
		t.Fatalf("%+v %+v", serial, table.Columns)
	}
	for _, name := range []string{"t_a_seq", "t_b_seq"} {
		if _, _, err := Apply(s, &DropSequences{Names: []Name{{DefaultSchema, name}}}); sqlerr.CodeOf(err) != sqlerr.DependentObjectsStillExist {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, _, err := Apply(s, &CreateRelation{Relation: relation(KindTable, "t_a_seq")}); sqlerr.CodeOf(err) != sqlerr.DuplicateTable {
		t.Error(err)
	}
	cascaded, _ := apply(t, s, &DropSequences{Names: []Name{{DefaultSchema, "t_a_seq"}}, Cascade: true})
	if c := cascaded.Lookup(DefaultSchema, "t").Columns[0]; c.Default != "" || c.Sequences != nil {
		t.Errorf("the default stays: %+v", c)
	}
	dropped, result := apply(t, s, &DropRelations{Kind: KindTable, Names: []Name{{DefaultSchema, "t"}}})
	if len(dropped.Sequences()) != 0 || len(result.Dropped) != 3 {
		t.Errorf("%v are left, %v dropped", dropped.Sequences(), result.Dropped)
	}
}
