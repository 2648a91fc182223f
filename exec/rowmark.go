package exec

import (
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"
	"math"

	"millrace/sql/sqlerr"
)

// rowmark is a place in the result of a push query, from which it can be gone on
// with. What the query gives between two positions in its sources is a unit: the
// rows of a piece of its input, consolidated. A rowmark says which unit, and how many
// of its rows the client has.
//
// As text it is opaque, the base64 of
//
//	version u8 · crc32c u32 of what follows, little endian
//	fingerprint u64 · flags u8 · shards u · sources u
//	per source and shard: first u · after u · before u, where there are rows and the
//	  unit is not the initial result
//	rows u · digest u64, where there are rows
type rowmark struct {
	// fingerprint tells queries apart.
	fingerprint uint64
	// initial says that the unit is the initial result: it has no before.
	initial bool
	shards  int
	sources []markedSource
	// rows is how many rows of the unit the client has, and digest a hash of them; 0
	// where it has all.
	rows, digest uint64
}

// markedSource are positions by shard: of a stream offsets, of a table indexes of the
// log up to which changes are in. Of a stream first is where it began to be read.
type markedSource struct{ first, before, after []uint64 }

const (
	rowmarkVersion = 1

	rowmarkInitial = 1 << 0
	rowmarkPartial = 1 << 1
)

var rowmarkChecksum = crc32.MakeTable(crc32.Castagnoli) // that of every checksum on disk

// text encodes the mark.
func (m *rowmark) text() string {
	buf := make([]byte, 5, 64)
	buf[0] = rowmarkVersion
	buf = binary.LittleEndian.AppendUint64(buf, m.fingerprint)
	flags := byte(0)
	if m.initial {
		flags |= rowmarkInitial
	}
	if m.rows > 0 {
		flags |= rowmarkPartial
	}
	buf = append(buf, flags)
	buf = binary.AppendUvarint(buf, uint64(m.shards))
	buf = binary.AppendUvarint(buf, uint64(len(m.sources)))
	for i := range m.sources {
		s := &m.sources[i]
		for shard := range m.shards {
			buf = binary.AppendUvarint(buf, s.first[shard])
			buf = binary.AppendUvarint(buf, s.after[shard])
			if m.rows > 0 && !m.initial {
				buf = binary.AppendUvarint(buf, s.before[shard])
			}
		}
	}
	if m.rows > 0 {
		buf = binary.AppendUvarint(buf, m.rows)
		buf = binary.LittleEndian.AppendUint64(buf, m.digest)
	}
	binary.LittleEndian.PutUint32(buf[1:], crc32.Checksum(buf[5:], rowmarkChecksum))
	return base64.RawURLEncoding.EncodeToString(buf)
}

// parseRowmark decodes a mark. Shards and sources are those of the query.
func parseRowmark(text string, fingerprint uint64, shards, sources int) (*rowmark, error) {
	data, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(data) < 14 || binary.LittleEndian.Uint32(data[1:]) != crc32.Checksum(data[5:], rowmarkChecksum) {
		return nil, sqlerr.New(sqlerr.InvalidParameterValue, -1, "invalid rowmark").
			WithDetail("It is not one, or a part of it is missing or changed.").
			WithHint("Give the value of rowmark as it came with the last row.")
	}
	if data[0] != rowmarkVersion {
		return nil, sqlerr.New(sqlerr.InvalidParameterValue, -1, "the rowmark has version %d, which is not known", data[0]).WithHint(newSnapshotHint)
	}
	m := &rowmark{fingerprint: binary.LittleEndian.Uint64(data[5:]), initial: data[13]&rowmarkInitial != 0}
	partial := data[13]&rowmarkPartial != 0
	in := uvarintReader{data: data[14:]}
	m.shards = int(in.next())
	given := in.next()
	if in.bad || m.fingerprint != fingerprint || m.shards != shards || given != uint64(sources) {
		return nil, sqlerr.New(sqlerr.InvalidParameterValue, -1, "the rowmark belongs to another query").
			WithHint("It resumes the query that gave it, with the same parameters, as long as what it reads is not altered. " + newSnapshotHint)
	}
	m.sources = make([]markedSource, sources)
	for i := range m.sources {
		s := &m.sources[i]
		for shard := range shards {
			s.first, s.after = append(s.first, in.next()), append(s.after, in.next())
			before := s.after[len(s.after)-1]
			if partial && !m.initial {
				before = in.next()
			}
			s.before = append(s.before, before)
			in.bad = in.bad || s.after[shard] > math.MaxInt64 || s.first[shard] > s.after[shard] || before > s.after[shard]
		}
	}
	if partial {
		if m.rows = in.next(); len(in.data) == 8 {
			m.digest = binary.LittleEndian.Uint64(in.data)
		}
	}
	if in.bad {
		return nil, sqlerr.New(sqlerr.InvalidParameterValue, -1, "invalid rowmark")
	}
	return m, nil
}

const newSnapshotHint = "Without the option resume the query begins anew, with the current result where it has one."

// expiredMark is the error for a mark behind which not all is there any more.
func expiredMark(relation, reason string) error {
	return sqlerr.New(sqlerr.SnapshotTooOld, -1, "the rowmark has expired").
		WithDetail("Of %q %s.", relation, reason).WithHint(newSnapshotHint)
}
