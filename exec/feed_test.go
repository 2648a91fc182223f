package exec

import (
	"slices"
	"testing"

	"millrace/log"
	"millrace/sql/catalog"
	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// followedTable is the table of the tests of feeds.
func followedTable() *catalog.Relation {
	return &catalog.Relation{
		ID: 7, Name: "t", Kind: catalog.KindTable, ChangesMillis: 1,
		Columns: []catalog.Column{{Name: "a", Type: types.Int4}, {Name: "b", Type: types.Text}},
	}
}

// subscribeTo follows a relation; kept says that its changes can be read again.
func subscribeTo(f *feed, relation *catalog.Relation, kept bool) *subscription {
	s := newSubscription(relation, newWakeup())
	s.budget, s.limit, s.kept = &pushBudget{limit: 1 << 20}, 1<<20, kept
	f.subscribe(s)
	return s
}

// changeOf is an entry on a base with one change of a table.
func changeOf(kind log.WriteKind, storage catalog.ObjectID, base uint64, a int64, b string) *log.Entry {
	rows := types.NewBatch([]types.Type{types.Int4, types.Text})
	rows.AppendRow([]types.Datum{types.IntDatum(a), types.StringDatum(b)}, 1)
	kept := keptEntry{time: 3, batches: [][]byte{types.AppendBatch(nil, rows)}}
	return &log.Entry{BaseIndex: base, Writes: []log.Write{
		{Kind: log.Set, Key: []byte("other"), Value: []byte("x")},
		{Kind: kind, Key: keptKey(nil, storage, base), Value: kept.append(nil)},
		{Kind: log.Set, Key: keptKey(nil, storage, keptStatus), Value: (&keptChanges{}).append(nil)},
	}}
}

// valuesTaken are the first columns of what waits for a subscription.
func valuesTaken(t *testing.T, s *subscription, codec *relationCodec) (values []int64) {
	t.Helper()
	changes, err := s.take()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range changes {
		batches, err := c.rows(codec)
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range batches {
			values = append(values, b.Columns[0].Ints...)
		}
	}
	return values
}

// TestFeedTellsEntries gives followers of a table what entries changed in it, kept or
// not, and those of a stream a signal; entries that every snapshot has are no news.
func TestFeedTellsEntries(t *testing.T) {
	f := &feed{}
	f.begin(2, 10)
	table := followedTable()
	codec := newRelationCodec(table)
	first, second := subscribeTo(f, table, true), subscribeTo(f, table, false)
	stream := subscribeTo(f, &catalog.Relation{ID: 9, Kind: catalog.KindStream}, false)
	f.observe(10, changeOf(log.Set, 7, 9, 1, "replayed"))
	f.observe(11, changeOf(log.Set, 7, 10, 2, "kept"))
	f.observe(12, changeOf(log.Note, 7, 11, 3, "not kept"))
	f.observe(13, changeOf(log.Set, 8, 12, 4, "of another table"))
	f.observe(14, &log.Entry{Appends: []log.Append{{Object: 9}, {Object: 9}}})
	for _, s := range []*subscription{first, second} {
		if n := s.waiting(); n != 2 {
			t.Errorf("%d rows wait", n)
		}
		if got := valuesTaken(t, s, codec); !slices.Equal(got, []int64{2, 3}) {
			t.Errorf("got %v", got)
		}
		if s.wake.raised.Load() != 2 {
			t.Errorf("woken %d times", s.wake.raised.Load())
		}
	}
	if stream.wake.raised.Load() != 1 {
		t.Errorf("a follower of a stream was woken %d times", stream.wake.raised.Load())
	}
	wake := newWakeup()
	if !f.reached(14, wake) || f.reached(15, wake) {
		t.Error("what was told is not what was applied")
	}
	f.observe(15, &log.Entry{})
	if wake.raised.Load() != 1 || len(f.waiting) != 0 {
		t.Error("nobody is told that the index is reached")
	}
}

// TestFeedColumns gives followers that know a table with more or fewer columns each
// theirs.
func TestFeedColumns(t *testing.T) {
	f := &feed{}
	old := followedTable()
	old.Columns = old.Columns[:1]
	altered := followedTable()
	altered.Columns = append(altered.Columns, catalog.Column{Name: "c", Type: types.Int8, Missing: types.IntDatum(5), Since: 2})
	var followers []*subscription
	for _, relation := range []*catalog.Relation{followedTable(), old, altered} {
		followers = append(followers, subscribeTo(f, relation, true))
	}
	f.observe(1, changeOf(log.Set, 7, 0, 6, "x"))
	for i, relation := range []*catalog.Relation{followedTable(), old, altered} {
		changes, err := followers[i].take()
		if err != nil {
			t.Fatal(err)
		}
		rows, err := changes[0].rows(newRelationCodec(relation))
		if err != nil || len(rows) != 1 || len(rows[0].Columns) != len(relation.Columns) || rows[0].Columns[0].Ints[0] != 6 {
			t.Fatalf("with %d columns: %v, %v", len(relation.Columns), rows, err)
		}
		if i == 2 && rows[0].Columns[2].Ints[0] != 5 {
			t.Errorf("the missing value is %d", rows[0].Columns[2].Ints[0])
		}
	}
}

// TestFeedJumps has the replica's state replaced: who follows a table goes on from its
// kept changes, or is told, and who follows a stream misses nothing.
func TestFeedJumps(t *testing.T) {
	f := &feed{}
	f.begin(0, 5)
	stream := subscribeTo(f, &catalog.Relation{ID: 9, Kind: catalog.KindStream}, false)
	keeps, keepsNone := subscribeTo(f, followedTable(), true), subscribeTo(f, followedTable(), false)
	f.observe(40, nil)
	if _, err := keeps.take(); err != errSubscriptionBehind {
		t.Errorf("where changes are kept: %v", err)
	}
	if sqlerr.CodeOf(keeps.lostChanges()) != sqlerr.IOError {
		t.Errorf("where they are gone: %v", keeps.lostChanges())
	}
	if _, err := keepsNone.take(); sqlerr.CodeOf(err) != sqlerr.IOError {
		t.Errorf("where none are kept: %v", err)
	}
	if err := stream.failure(); err != nil || stream.wake.raised.Load() == 0 {
		t.Errorf("a follower of a stream is told %v", err)
	}
	f.observe(41, changeOf(log.Set, 7, 40, 1, "x"))
	if got := valuesTaken(t, keeps, newRelationCodec(followedTable())); !slices.Equal(got, []int64{1}) {
		t.Errorf("behind the jump: %v", got)
	}
	if !f.reached(41, newWakeup()) {
		t.Error("the index of the state is not reached")
	}
}

// TestFeedSettles ends what follows a relation that is dropped or stored elsewhere, and
// nothing that a transaction has for itself.
func TestFeedSettles(t *testing.T) {
	before := &catalog.Snapshot{}
	for _, command := range []catalog.Command{
		&catalog.Bootstrap{ClusterID: "test", Shards: 1},
		&catalog.CreateRelation{Relation: catalog.Relation{Schema: "public", Name: "s", Kind: catalog.KindStream, Rowtime: -1, Partitions: 1}},
	} {
		next, _, err := catalog.Apply(before, command)
		if err != nil {
			t.Fatal(err)
		}
		before = next
	}
	after, _, err := catalog.Apply(before, &catalog.DropRelations{Kind: catalog.KindStream, Names: []catalog.Name{{Schema: "public", Name: "s"}}})
	if err != nil {
		t.Fatal(err)
	}
	f := &feed{}
	stream, own := subscribeTo(f, before.Lookup("public", "s"), false), subscribeTo(f, followedTable(), true)
	f.settle(before, before)
	if err := stream.failure(); err != nil {
		t.Errorf("without a change: %v", err)
	}
	f.settle(before, after)
	if err := stream.failure(); sqlerr.CodeOf(err) != sqlerr.UndefinedTable {
		t.Errorf("a dropped stream says %v", err)
	}
	if err := own.failure(); err != nil {
		t.Errorf("a transaction's table says %v", err)
	}
}
