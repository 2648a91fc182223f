package log

import (
	"bytes"
	"errors"
	"testing"

	"pgregory.net/rapid"
)

// drawEntry makes an arbitrary entry.
func drawEntry(t *rapid.T) Entry {
	content := rapid.SliceOfN(rapid.Byte(), 0, 40)
	e := Entry{
		BaseIndex:      rapid.Uint64().Draw(t, "base"),
		CatalogVersion: rapid.Uint64().Draw(t, "catalog"),
		Time:           rapid.Int64().Draw(t, "time"),
	}
	for range rapid.IntRange(0, 3).Draw(t, "appends") {
		e.Appends = append(e.Appends, Append{Object: rapid.Uint64().Draw(t, "object"), Batch: content.Draw(t, "batch")})
	}
	for range rapid.IntRange(0, 5).Draw(t, "writes") {
		w := Write{Kind: rapid.SampledFrom([]WriteKind{Set, Delete, DeleteRange, Note}).Draw(t, "kind"), Key: content.Draw(t, "key")}
		if w.Kind != Delete {
			w.Value = content.Draw(t, "value")
		}
		e.Writes = append(e.Writes, w)
	}
	for range rapid.IntRange(0, 2).Draw(t, "truncates") {
		e.Truncates = append(e.Truncates, Truncate{Object: rapid.Uint64().Draw(t, "object"), Start: rapid.Int64().Draw(t, "start")})
		e.Compacts = append(e.Compacts, Compact{
			Object: rapid.Uint64().Draw(t, "object"), Before: rapid.Int64().Draw(t, "before"), TombstonesBefore: rapid.Int64().Draw(t, "tombstones"),
		})
	}
	return e
}

func TestEntryRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := drawEntry(t)
		raw := want.AppendTo([]byte("prefix"))[len("prefix"):]
		got, err := DecodeEntry(raw)
		if err != nil {
			t.Fatal(err)
		}
		if diff := difference(want, got); diff != "" {
			t.Fatal(diff)
		}
		for i := range raw {
			var damage *CorruptionError
			if _, err := DecodeEntry(raw[:i]); !errors.As(err, &damage) {
				t.Fatalf("cut off after %d of %d bytes: %v", i, len(raw), err)
			}
		}
	})
}

func TestEntryBuilderInterleaves(t *testing.T) {
	var b EntryBuilder
	b.Reset(1, 2, -3)
	b.Set([]byte("a"), []byte("1"))
	b.Append(7, []byte("batch"))
	b.DeleteRange([]byte("b"), []byte("c"))
	b.Truncate(7, 100)
	b.Compact(Compact{Object: 7, Before: 200, TombstonesBefore: -1})
	b.Delete([]byte("d"))
	if b.Len() != 6 {
		t.Errorf("%d items", b.Len())
	}
	size := b.Size()
	raw := b.Finish()
	if len(raw) != size+1 {
		t.Errorf("entry of %d bytes, size said %d", len(raw), size)
	}
	b.Reset(9, 9, 9) // must not disturb the entry given away
	got, err := DecodeEntry(raw)
	if err != nil {
		t.Fatal(err)
	}
	want := Entry{
		BaseIndex: 1, CatalogVersion: 2, Time: -3,
		Appends:   []Append{{Object: 7, Batch: []byte("batch")}},
		Truncates: []Truncate{{Object: 7, Start: 100}},
		Compacts:  []Compact{{Object: 7, Before: 200, TombstonesBefore: -1}},
		Writes: []Write{
			{Kind: Set, Key: []byte("a"), Value: []byte("1")},
			{Kind: DeleteRange, Key: []byte("b"), Value: []byte("c")},
			{Kind: Delete, Key: []byte("d")},
		},
	}
	if diff := difference(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestEntryDecodeReusesMemory(t *testing.T) {
	var b EntryBuilder
	raw := benchEntry(&b)
	var e Entry
	must(t, e.Decode(raw))
	if n := testing.AllocsPerRun(10, func() { must(t, e.Decode(raw)) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
	if len(e.Writes) != 1000 {
		t.Errorf("%d writes", len(e.Writes))
	}
}

func FuzzDecodeEntry(f *testing.F) {
	e := Entry{
		BaseIndex: 300, CatalogVersion: 2, Time: 1_700_000_000_000,
		Appends:   []Append{{Object: 7, Batch: []byte("batch")}},
		Writes:    []Write{{Kind: Set, Key: []byte("a"), Value: []byte("1")}, {Kind: Delete, Key: []byte("b")}, {Kind: DeleteRange, Key: []byte("c"), Value: []byte("d")}},
		Truncates: []Truncate{{Object: 7, Start: 100}},
		Compacts:  []Compact{{Object: 7, Before: 200, TombstonesBefore: -1}},
	}
	f.Add(e.AppendTo(nil))
	f.Add((&Entry{}).AppendTo(nil))
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := DecodeEntry(data)
		if err != nil {
			return
		}
		again, err := DecodeEntry(e.AppendTo(nil))
		if err != nil {
			t.Fatal(err)
		}
		if diff := difference(e, again); diff != "" {
			t.Fatal(diff)
		}
		if !bytes.Equal(e.AppendTo(nil), again.AppendTo(nil)) {
			t.Fatal("encodings differ")
		}
	})
}
