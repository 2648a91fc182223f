package log

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

var allCompressions = []Compression{CompressionNone, CompressionGzip, CompressionSnappy, CompressionLZ4, CompressionZstd}

// difference describes how two values differ, empty when they are equal.
func difference(want, got any) string {
	if reflect.DeepEqual(want, got) {
		return ""
	}
	return fmt.Sprintf("want %+v\ngot  %+v", want, got)
}

// testRecord is a record as a test states it.
type testRecord struct {
	Timestamp  int64
	Key, Value []byte
	Headers    []RecordHeader
}

// randomRecords makes records with nulls, empties, headers and backward time.
func randomRecords(rng *rand.Rand, n int) []testRecord {
	bytesOrNil := func(limit int) []byte {
		switch rng.IntN(6) {
		case 0:
			return nil
		case 1:
			return []byte{}
		}
		b := make([]byte, rng.IntN(limit))
		for i := range b {
			b[i] = byte(rng.IntN(4)) // compressible
		}
		return b
	}
	records := make([]testRecord, n)
	for i := range records {
		records[i] = testRecord{Timestamp: 1_700_000_000_000 + rng.Int64N(1000) - 500, Key: bytesOrNil(20), Value: bytesOrNil(300)}
		for range rng.IntN(3) {
			records[i].Headers = append(records[i].Headers, RecordHeader{Key: fmt.Sprintf("h%d", rng.IntN(9)), Value: bytesOrNil(9)})
		}
	}
	return records
}

// buildBatch encodes records with the builder.
func buildBatch(b *BatchBuilder, records []testRecord, compression Compression) []byte {
	b.Reset()
	for _, r := range records {
		b.Append(r.Timestamp, r.Key, r.Value, r.Headers...)
	}
	return b.Finish(7, 3, 11, compression)
}

// walkBatch decodes a batch with the iterator.
func walkBatch(t testing.TB, batch Batch) (records []testRecord, offsets []int64) {
	t.Helper()
	it := batch.Records()
	for it.Next() {
		r := it.Record()
		headers, err := r.AppendHeaders(nil)
		if err != nil {
			t.Fatal(err)
		}
		records = append(records, testRecord{Timestamp: r.Timestamp, Key: r.Key, Value: r.Value, Headers: headers})
		offsets = append(offsets, r.Offset)
	}
	if it.Err() != nil {
		t.Fatal(it.Err())
	}
	return records, offsets
}

func TestBatchRoundTrip(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	var b BatchBuilder
	for _, compression := range allCompressions {
		for n := 1; n <= 2000; n = n*3 + 1 {
			want := randomRecords(rng, n)
			raw := buildBatch(&b, want, compression)
			SetBaseOffset(raw, 1000)
			SetLeaderEpoch(raw, 5)
			batch, rest, err := ParseBatch(append(bytes.Clone(raw), "tail"...))
			if err != nil || string(rest) != "tail" {
				t.Fatalf("%v, %d records: rest %q, error %v", compression, n, rest, err)
			}
			if batch.BaseOffset != 1000 || batch.LeaderEpoch != 5 || batch.ProducerID != 7 || batch.ProducerEpoch != 3 ||
				batch.BaseSequence != 11 || int(batch.Count) != n || batch.NextOffset() != 1000+int64(n) || batch.Compression() != compression {
				t.Fatalf("header %+v", batch.BatchHeader)
			}
			got, offsets := walkBatch(t, batch)
			if diff := difference(want, got); diff != "" {
				t.Fatalf("%v, %d records: %s", compression, n, diff)
			}
			for i, offset := range offsets {
				if offset != 1000+int64(i) {
					t.Fatalf("record %d has offset %d", i, offset)
				}
			}
		}
	}
}

// TestBatchAgainstKmsg reads our batches with franz-go's decoder.
func TestBatchAgainstKmsg(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 2))
	var b BatchBuilder
	for n := range 50 {
		want := randomRecords(rng, n+1)
		raw := buildBatch(&b, want, CompressionNone)
		var batch kmsg.RecordBatch
		if err := batch.ReadFrom(raw); err != nil {
			t.Fatal(err)
		}
		if sum := crc32.Checksum(raw[21:], crc32.MakeTable(crc32.Castagnoli)); uint32(batch.CRC) != sum || batch.Magic != 2 ||
			int(batch.NumRecords) != len(want) || int(batch.Length) != len(raw)-12 || batch.ProducerID != 7 {
			t.Fatalf("batch %+v, checksum %x", batch, sum)
		}
		maxTimestamp := want[0].Timestamp
		data := batch.Records
		for i, w := range want {
			length, prefix := binary.Varint(data)
			size := prefix + int(length)
			var r kmsg.Record
			if err := r.ReadFrom(data[:size]); err != nil {
				t.Fatal(err)
			}
			data = data[size:]
			got := testRecord{Timestamp: batch.FirstTimestamp + r.TimestampDelta64, Key: r.Key, Value: r.Value}
			for _, h := range r.Headers {
				got.Headers = append(got.Headers, RecordHeader{Key: h.Key, Value: h.Value})
			}
			if diff := difference(w, got); diff != "" || int(r.OffsetDelta) != i {
				t.Fatalf("record %d at delta %d: %s", i, r.OffsetDelta, diff)
			}
			maxTimestamp = max(maxTimestamp, w.Timestamp)
		}
		if len(data) != 0 || batch.MaxTimestamp != maxTimestamp {
			t.Fatalf("%d bytes left, max timestamp %d, want %d", len(data), batch.MaxTimestamp, maxTimestamp)
		}
	}
}

// kmsgBatch encodes records with franz-go's encoder.
func kmsgBatch(records []testRecord) []byte {
	batch := kmsg.RecordBatch{
		FirstOffset: 42, PartitionLeaderEpoch: 9, Magic: 2, NumRecords: int32(len(records)),
		LastOffsetDelta: int32(len(records) - 1), FirstTimestamp: records[0].Timestamp, ProducerID: -1, ProducerEpoch: -1, FirstSequence: -1,
	}
	for i, r := range records {
		record := kmsg.Record{TimestampDelta64: r.Timestamp - batch.FirstTimestamp, OffsetDelta: int32(i), Key: r.Key, Value: r.Value}
		for _, h := range r.Headers {
			record.Headers = append(record.Headers, kmsg.Header{Key: h.Key, Value: h.Value})
		}
		record.Length = int32(len(record.AppendTo(nil)) - 1) // Length itself took one byte
		batch.Records = record.AppendTo(batch.Records)
		batch.MaxTimestamp = max(batch.MaxTimestamp, r.Timestamp)
	}
	raw := batch.AppendTo(nil)
	binary.BigEndian.PutUint32(raw[8:], uint32(len(raw)-12))
	binary.BigEndian.PutUint32(raw[17:], crc32.Checksum(raw[21:], crc32.MakeTable(crc32.Castagnoli)))
	return raw
}

// TestKmsgBatch reads franz-go's batches with our decoder.
func TestKmsgBatch(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	for n := range 50 {
		want := randomRecords(rng, n+1)
		batch, rest, err := ParseBatch(kmsgBatch(want))
		if err != nil || len(rest) != 0 {
			t.Fatal(err, len(rest))
		}
		got, offsets := walkBatch(t, batch)
		if diff := difference(want, got); diff != "" {
			t.Fatal(diff)
		}
		if offsets[0] != 42 || batch.LeaderEpoch != 9 || batch.ProducerID != -1 || batch.BaseSequence != -1 {
			t.Fatalf("header %+v", batch.BatchHeader)
		}
	}
}

func TestParseBatchDamage(t *testing.T) {
	var b BatchBuilder
	raw := buildBatch(&b, randomRecords(rand.New(rand.NewPCG(4, 4)), 20), CompressionNone)
	var damage *CorruptionError
	for i := range raw {
		if i < batchLength || i >= batchLeaderEpoch && i < batchMagic {
			continue // not covered by the checksum
		}
		flipped := bytes.Clone(raw)
		flipped[i] ^= 0x10
		if _, _, err := ParseBatch(flipped); !errors.As(err, &damage) {
			t.Fatalf("byte %d flipped: %v", i, err)
		}
	}
	for i := range raw {
		if _, _, err := ParseBatch(raw[:i]); !errors.As(err, &damage) {
			t.Fatalf("cut off after %d bytes: %v", i, err)
		}
	}
}

func TestBatchBuilderDoesNotAllocatePerRecord(t *testing.T) {
	var b BatchBuilder
	key, value := []byte("key"), make([]byte, 100)
	build := func() {
		b.Reset()
		for i := range 1000 {
			b.Append(int64(i), key, value)
		}
		raw := b.Finish(-1, -1, -1, CompressionNone)
		batch, _, err := ParseBatch(raw)
		if err != nil {
			t.Fatal(err)
		}
		it := batch.Records()
		for it.Next() {
			if len(it.Record().Value) != 100 {
				t.Fatal("wrong value")
			}
		}
	}
	build()
	if n := testing.AllocsPerRun(10, build); n > 0 {
		t.Errorf("%v allocations for 1000 records", n)
	}
}

// TestXerialSnappy decodes the framing that Kafka's Java client writes.
func TestXerialSnappy(t *testing.T) {
	var c compressor
	framed := []byte(xerialMagic + "\x00\x00\x00\x01\x00\x00\x00\x01")
	for _, part := range []string{"hello ", "snappy"} {
		block, err := c.append(nil, []byte(part), CompressionSnappy)
		if err != nil {
			t.Fatal(err)
		}
		framed = binary.BigEndian.AppendUint32(framed, uint32(len(block)))
		framed = append(framed, block...)
	}
	if got, err := decompress(framed, CompressionSnappy); err != nil || string(got) != "hello snappy" {
		t.Fatalf("%q, %v", got, err)
	}
}

// TestXXHash32 compares the hash with published vectors.
func TestXXHash32(t *testing.T) {
	for _, test := range []struct {
		input string
		want  uint32
	}{
		{"", 0x02CC5D05},
		{"a", 0x550D7456},
		{"abc", 0x32D153FF},
		{"Nobody inspects the spammish repetition", 0xE2293B2F},
	} {
		if got := xxHash32([]byte(test.input)); got != test.want {
			t.Errorf("xxHash32(%q) = %08x, want %08x", test.input, got, test.want)
		}
	}
}

// lz4ReferenceText is what the frames in testdata/lz4 hold.
func lz4ReferenceText() []byte {
	var text []byte
	for i := range 5000 {
		text = fmt.Appendf(text, "line %d of the reference text, %d\n", i, i*i%97)
	}
	return text[:150000]
}

// TestLZ4ReferenceFrames decodes frames of the lz4 program, version 1.9.4:
// default.lz4 (lz4 -1), best.lz4 (-12), linked.lz4 (-1 -BD -B4) and sums.lz4
// (-1 -BX -B4 --content-size).
func TestLZ4ReferenceFrames(t *testing.T) {
	paths, err := filepath.Glob("testdata/lz4/*.lz4")
	if err != nil || len(paths) != 4 {
		t.Fatal(paths, err)
	}
	for _, path := range paths {
		frame, err := os.ReadFile(path)
		must(t, err)
		if got, err := decompressLZ4(frame, MaxBatchBytes); err != nil || !bytes.Equal(got, lz4ReferenceText()) {
			t.Errorf("%s: %d bytes, error %v", path, len(got), err)
		}
		frame[len(frame)/2] ^= 1
		if got, err := decompressLZ4(frame, MaxBatchBytes); err == nil && bytes.Equal(got, lz4ReferenceText()) {
			t.Errorf("%s: a flipped bit changes nothing", path)
		}
	}
}

// TestLZ4Program has the lz4 program, where it is installed, decode our frames.
func TestLZ4Program(t *testing.T) {
	program, err := exec.LookPath("lz4")
	if err != nil {
		t.Skip("the lz4 program is not installed")
	}
	var e lz4Encoder
	random := make([]byte, 70000)
	rng := rand.New(rand.NewPCG(8, 8))
	for i := range random {
		random[i] = byte(rng.Uint32())
	}
	for _, content := range [][]byte{nil, []byte("x"), lz4ReferenceText(), random, append(bytes.Clone(random), lz4ReferenceText()...)} {
		command := exec.Command(program, "-d", "-c")
		command.Stdin = bytes.NewReader(e.appendFrame(nil, content))
		got, err := command.Output()
		if err != nil || !bytes.Equal(got, content) {
			t.Errorf("%d bytes: %d decoded, error %v", len(content), len(got), err)
		}
	}
}

func FuzzParseBatch(f *testing.F) {
	rng := rand.New(rand.NewPCG(5, 5))
	var b BatchBuilder
	for _, compression := range allCompressions {
		f.Add(bytes.Clone(buildBatch(&b, randomRecords(rng, 5), compression)), true)
	}
	f.Fuzz(func(t *testing.T, data []byte, mend bool) {
		data = bytes.Clone(data)
		if size, err := batchSize(data); mend && err == nil && size <= len(data) {
			// Get past the checksum to the records.
			binary.BigEndian.PutUint32(data[batchCRC:], crc32.Checksum(data[batchAttributes:size], castagnoli))
		}
		batch, rest, err := ParseBatch(data)
		if err != nil {
			return
		}
		if len(batch.Raw)+len(rest) != len(data) {
			t.Fatal("batch and rest are not the data")
		}
		it := batch.Records()
		last, count := batch.BaseOffset-1, 0
		for it.Next() {
			r := it.Record()
			if r.Offset <= last || r.Offset >= batch.NextOffset() {
				t.Fatalf("offset %d behind %d in a batch up to %d", r.Offset, last, batch.NextOffset())
			}
			last = r.Offset
			count++
			_, _ = r.AppendHeaders(nil)
		}
		if it.Err() == nil && count != int(batch.Count) {
			t.Fatalf("%d records of %d", count, batch.Count)
		}
	})
}

func FuzzDecompressLZ4(f *testing.F) {
	var e lz4Encoder
	f.Add(e.appendFrame(nil, bytes.Repeat([]byte("abcabcabd"), 100)))
	f.Fuzz(func(t *testing.T, data []byte) {
		_, _ = decompressLZ4(data, 1<<20)
		frame := e.appendFrame(nil, data)
		if got, err := decompressLZ4(frame, len(data)); err != nil || !bytes.Equal(got, data) {
			t.Fatalf("round trip: %v", err)
		}
	})
}
