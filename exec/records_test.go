package exec

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"
	"math"
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"millrace/sql/catalog"
)

// TestPositionRoundTrip encodes and decodes positions.
func TestPositionRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := position{
			live: rapid.Bool().Draw(t, "live"), begun: rapid.Bool().Draw(t, "begun"), scanned: rapid.Bool().Draw(t, "scanned"),
			offset:       rapid.Int64Min(0).Draw(t, "offset"),
			waitingFirst: rapid.Uint64().Draw(t, "first"), waitingNext: rapid.Uint64().Draw(t, "next"),
			wanted: rapid.SliceOfN(rapid.Uint64(), 0, 9).Draw(t, "wanted"),
			cursor: rapid.SliceOf(rapid.Byte()).Draw(t, "cursor"),
		}
		got, err := decodePosition(want.append(nil))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got.cursor, want.cursor) || len(got.wanted) != len(want.wanted) {
			t.Fatalf("%+v became %+v", want, got)
		}
		got.cursor, got.wanted = want.cursor, want.wanted
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("%+v became %+v", want, got)
		}
	})
}

// TestShardRecordRoundTrip encodes and decodes what a shard knows of the catalog.
func TestShardRecordRoundTrip(t *testing.T) {
	want := shardRecord{version: 7, relations: []catalog.ObjectID{16384, 16385}, tables: []bool{false, true}, queries: []catalog.ObjectID{16386}, paused: []bool{true}}
	got, err := decodeShardRecord(want.append(nil))
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("%+v became %+v, %v", want, got, err)
	}
}

// FuzzRecords decodes arbitrary bytes as each of the loop's records: they are
// refused or decoded, and what is decoded encodes to the same.
func FuzzRecords(f *testing.F) {
	seed := position{live: true, offset: 12, wanted: []uint64{1, 2}, cursor: []byte("k"), times: []streamTime{{at: -5, idle: idle}, {at: noTime}}}
	f.Add(seed.append(nil))
	f.Add((&lateRow{time: 1, offset: -1, rowtime: noTime, start: -1, end: 5, rows: 1}).append(nil))
	f.Add((&arrival{from: 3, timed: true, time: streamTime{at: 7}}).append(nil))
	f.Add((&shardRecord{version: 1, relations: []catalog.ObjectID{16384}, tables: []bool{true}}).append(nil))
	f.Add((&rowFailure{time: 1, offset: 5, code: "22012", message: "division by zero"}).append(nil))
	f.Add(appendQueryStatus(nil, queryFailed, 3, 4, "poison"))
	f.Add((&keptEntry{time: -3, total: 9, batches: [][]byte{{1, 2}, {}}}).append(nil))
	f.Add((&keptChanges{total: 9, dropped: 3, floor: 7}).append(nil))
	f.Fuzz(func(t *testing.T, data []byte) {
		_, _, _ = decodeProducer(data)
		_, _, _ = decodeDecision(data)
		_, _ = decodeTransactionIDs(data)
		if e, err := decodeKeptEntry(make([]byte, 8), data); err == nil {
			again, err := decodeKeptEntry(make([]byte, 8), e.append(nil))
			if err != nil || !reflect.DeepEqual(e, again) {
				t.Errorf("kept changes %+v became %+v, %v", e, again, err)
			}
		}
		if p, err := decodePosition(data); err == nil {
			again, err := decodePosition(p.append(nil))
			if err != nil || !reflect.DeepEqual(p, again) {
				t.Errorf("position %+v became %+v, %v", p, again, err)
			}
		}
		if r, err := decodeShardRecord(data); err == nil {
			again, err := decodeShardRecord(r.append(nil))
			if err != nil || !reflect.DeepEqual(r, again) {
				t.Errorf("record %+v became %+v, %v", r, again, err)
			}
		}
		if late, err := decodeLateRow(data); err == nil {
			again, err := decodeLateRow(late.append(nil))
			if err != nil || late != again {
				t.Errorf("late row %+v became %+v, %v", late, again, err)
			}
		}
		if a, err := decodeArrival(data, nil); err == nil && a.rows == nil {
			again, err := decodeArrival(a.append(nil), nil)
			if err != nil || a != again {
				t.Errorf("arrival %+v became %+v, %v", a, again, err)
			}
		}
		if failure, err := decodeRowFailure(data); err == nil {
			again, err := decodeRowFailure(failure.append(nil))
			if err != nil || failure != again {
				t.Errorf("failure %+v became %+v, %v", failure, again, err)
			}
		}
		if state, count, late, failure, err := decodeQueryStatus(data); err == nil {
			if _, _, _, again, err := decodeQueryStatus(appendQueryStatus(nil, state, count, late, failure)); err != nil || again != failure {
				t.Errorf("status %q became %q, %v", failure, again, err)
			}
		}
	})
}

// FuzzRowmark reads marks whose checksum is right and whose content is arbitrary: they
// are refused, or have positions that can be gone to and encode to the same.
func FuzzRowmark(f *testing.F) {
	const fingerprint, shards, sources = 7, 2, 1
	mark := rowmark{fingerprint: fingerprint, shards: shards, rows: 3, digest: 5, sources: []markedSource{
		{first: []uint64{0, 1}, before: []uint64{2, 1}, after: []uint64{4, 1}},
	}}
	for _, partial := range []uint64{0, 3} {
		mark.rows = partial
		content, err := base64.RawURLEncoding.DecodeString(mark.text())
		if err != nil {
			f.Fatal(err)
		}
		f.Add(content)
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		if len(content) >= 5 {
			binary.LittleEndian.PutUint32(content[1:], crc32.Checksum(content[5:], rowmarkChecksum))
		}
		m, err := parseRowmark(base64.RawURLEncoding.EncodeToString(content), fingerprint, shards, sources)
		if err != nil {
			return
		}
		again, err := parseRowmark(m.text(), fingerprint, shards, sources)
		if err != nil || m.rows > 0 && !reflect.DeepEqual(m, again) {
			t.Errorf("mark %+v became %+v, %v", m, again, err)
		}
		for _, at := range m.sources[0].after {
			if at > math.MaxInt64 {
				t.Errorf("a position of %d", at)
			}
		}
	})
}
