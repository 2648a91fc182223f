package tables

import (
	"bytes"
	"math"
	"testing"

	"pgregory.net/rapid"
)

// anyBytes draws byte strings, with many bytes at the ends of their range.
func anyBytes(name string, t *rapid.T) []byte {
	return rapid.SliceOfN(rapid.OneOf(rapid.Byte(), rapid.SampledFrom([]byte{0, 1, 0xfe, 0xff})), 0, 12).Draw(t, name)
}

func TestKeysRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		object := rapid.Uint64().Draw(t, "object")
		stage := rapid.Uint16().Draw(t, "stage")
		operator := rapid.Uint16().Draw(t, "operator")
		peer := rapid.Uint32().Draw(t, "peer")
		number := rapid.Uint64().Draw(t, "number")
		rest := anyBytes("rest", t)
		before := anyBytes("before", t)
		cut := func(key []byte) []byte {
			if !bytes.HasPrefix(key, before) {
				t.Fatalf("%x does not append to %x", key, before)
			}
			return key[len(before):]
		}

		if o, r, err := ParseRowKey(cut(AppendRowKey(before, object, rest))); err != nil || o != object || !bytes.Equal(r, rest) {
			t.Fatal(o, r, err)
		}
		if o, r, err := ParseIndexKey(cut(AppendIndexKey(before, object, rest))); err != nil || o != object || !bytes.Equal(r, rest) {
			t.Fatal(o, r, err)
		}
		state, err := ParseStateKey(cut(AppendStateKey(before, object, stage, operator, rest)))
		if err != nil || state.Query != object || state.Stage != stage || state.Operator != operator || !bytes.Equal(state.Key, rest) {
			t.Fatal(state, err)
		}
		position, err := ParsePositionKey(cut(AppendPositionKey(before, object, stage, operator)))
		if err != nil || position != (PositionKey{object, stage, operator}) {
			t.Fatal(position, err)
		}
		if p, err := ParseProducerKey(cut(AppendProducerKey(before, object))); err != nil || p != object {
			t.Fatal(p, err)
		}
		if q, err := ParseQueryKey(cut(AppendQueryKey(before, object))); err != nil || q != object {
			t.Fatal(q, err)
		}
		internal, err := ParseInternalKey(cut(AppendInternalKey(before, object, stage, Outgoing, peer, number)))
		if err != nil || internal != (InternalKey{object, stage, Outgoing, peer, number}) {
			t.Fatal(internal, err)
		}
		var id [16]byte
		copy(id[:], rest)
		if kind, got, err := ParseTransactionKey(cut(AppendTransactionKey(before, 'c', id))); err != nil || kind != 'c' || got != id {
			t.Fatal(kind, got, err)
		}
	})
}

// Keys sort by their fields, in the order in which they are drawn.
func TestKeysSortByTheirFields(t *testing.T) {
	ascending := [][]byte{
		{byte(KindApplied)},
		AppendIndexKey(nil, 1, []byte("a")),
		AppendInternalKey(nil, 1, 1, Incoming, 1, math.MaxUint64),
		AppendInternalKey(nil, 1, 1, Incoming, 2, 1),
		AppendInternalKey(nil, 1, 1, Incoming, 2, 256),
		AppendInternalKey(nil, 1, 1, Outgoing, 1, 1),
		AppendInternalKey(nil, 1, 2, Incoming, 1, 1),
		AppendInternalKey(nil, 256, 0, Incoming, 0, 0),
		AppendPositionKey(nil, 1, 1, 256),
		AppendPositionKey(nil, 1, 2, 1),
		AppendProducerKey(nil, 1),
		AppendRowKey(nil, 1, nil),
		AppendRowKey(nil, 1, []byte{0}),
		AppendRowKey(nil, 1, []byte{0xff, 0xff}),
		AppendRowKey(nil, 2, nil),
		AppendStateKey(nil, 1, 1, 1, []byte("z")),
		AppendStateKey(nil, 1, 1, 2, []byte("a")),
		AppendTransactionKey(nil, 'p', [16]byte{}),
		AppendQueryKey(nil, 1),
	}
	for i := 1; i < len(ascending); i++ {
		if bytes.Compare(ascending[i-1], ascending[i]) >= 0 {
			t.Errorf("%x is not below %x", ascending[i-1], ascending[i])
		}
	}
}

func TestPrefixEnd(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		prefix, key := anyBytes("prefix", t), anyBytes("key", t)
		if rapid.Bool().Draw(t, "below") {
			key = append(bytes.Clone(prefix), key...)
		}
		end := PrefixEnd(nil, prefix)
		inRange := bytes.Compare(key, prefix) >= 0 && (len(end) == 0 || bytes.Compare(key, end) < 0)
		if inRange != bytes.HasPrefix(key, prefix) {
			t.Fatalf("prefix %x ends at %x, key %x", prefix, end, key)
		}
	})
}

func FuzzParseKeys(f *testing.F) {
	f.Add(AppendRowKey(nil, 1, []byte("key")))
	f.Add(AppendInternalKey(nil, 1, 2, Outgoing, 3, 4))
	f.Add(AppendTransactionKey(nil, 'x', [16]byte{1}))
	f.Fuzz(func(t *testing.T, key []byte) {
		// None may panic; what parses has to be what was there.
		if object, rest, err := ParseRowKey(key); err == nil && !bytes.Equal(AppendRowKey(nil, object, rest), key) {
			t.Fatalf("row key %x", key)
		}
		if s, err := ParseStateKey(key); err == nil && !bytes.Equal(AppendStateKey(nil, s.Query, s.Stage, s.Operator, s.Key), key) {
			t.Fatalf("state key %x", key)
		}
		_, _, _ = ParseIndexKey(key)
		_, _ = ParsePositionKey(key)
		_, _ = ParseProducerKey(key)
		_, _ = ParseQueryKey(key)
		_, _ = ParseInternalKey(key)
		_, _, _ = ParseTransactionKey(key)
		_, _ = KeyKind(key)
	})
}
