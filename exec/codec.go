package exec

import (
	"fmt"
	"math"
	"slices"
	"unsafe"

	"millrace/log"
	"millrace/planner/plan"
	"millrace/sql/catalog"
	"millrace/sql/types"
	"millrace/tables"
)

// Rows on disk. A stream's row is a record of its partition: the key is the
// key columns in the order-preserving encoding (null without key columns), the
// value is all columns in the row encoding, the timestamp is the rowtime. A
// row that was stored before a column was added lacks it, and reads as the
// column's missing value there. Its record's headers are the row's, and one of the
// database's own says of a row of a compacted stream that all but its key is NULL, so
// that it ends the key. A
// table's row is a pair of the table store: the key is the key columns in the
// order-preserving encoding, the value is all columns in the row encoding; a
// bag's key is all columns in the row encoding, which keeps apart what compares
// as equal but looks different (0.00 and 0), and its value is preceded by the
// row's multiplicity.

// relationCodec encodes and decodes the rows of one relation. It is safe for
// concurrent use.
type relationCodec struct {
	relation *catalog.Relation
	columns  []types.Type
	row      *types.RowCodec
	// short says that stored rows may lack the last columns.
	short bool
	// local are the indexes whose entries lie beside the rows, unique those of which
	// writers keep the entries, and closed says that a unique index is being built,
	// which keeps writers away. Only a core's codecs have them.
	local  []*indexCodec
	unique []catalog.ObjectID
	closed bool
	// values are the columns of a compacted stream that are not of the key and are given.
	values []int
}

func newRelationCodec(relation *catalog.Relation) *relationCodec {
	columns := make([]types.Type, len(relation.Columns))
	for i := range relation.Columns {
		columns[i] = relation.Columns[i].Type
	}
	c := &relationCodec{relation: relation, columns: columns, row: types.NewRowCodec(columns)}
	for i := range relation.Columns {
		if relation.Compact && !relation.IsKey(i) && !relation.Columns[i].Dropped && relation.Columns[i].Generated == "" {
			c.values = append(c.values, i)
		}
	}
	if c.short = relation.Altered(); c.short {
		missing := make([]types.Datum, len(columns))
		for i := range relation.Columns {
			missing[i] = relation.Columns[i].Missing
		}
		c.row = c.row.WithMissing(missing)
	}
	return c
}

// appendStorageKey appends what the keys of the relation's rows in the table store
// begin with.
func (c *relationCodec) appendStorageKey(buf []byte) []byte {
	return tables.AppendRowKey(buf, uint64(c.relation.StorageID()), nil)
}

// complete adds to rows of the relation's first columns, which were made before
// others were added, the missing values of those.
func (c *relationCodec) complete(rows *types.Batch) {
	for i := len(rows.Columns); i < len(c.columns); i++ {
		column := types.Vector{Type: c.columns[i]}
		for range rows.Len {
			column.Append(c.relation.Columns[i].Missing)
		}
		rows.Columns = append(rows.Columns, column)
	}
}

// current returns the encoding that a stored row has when it is written now, with
// the columns that were added since it was stored.
func (c *relationCodec) current(stored []byte) ([]byte, error) {
	if !c.short || !c.row.Short(stored) {
		return stored, nil
	}
	row := types.NewBatch(c.columns)
	if err := c.row.DecodeInto(stored, row); err != nil {
		return nil, err
	}
	return c.row.AppendRow(nil, row, 0), nil
}

// appendKey appends the key of row i: that of the key columns, or for a bag the
// row itself.
func (c *relationCodec) appendKey(buf []byte, b *types.Batch, i int) []byte {
	if c.relation.Bag {
		return c.row.AppendRow(buf, b, i)
	}
	return appendColumnsKey(buf, b, c.relation.Key, i)
}

// placement returns what the hash of which places a table's row on a shard,
// given the encoded key and the key's values: the distribution columns, which
// are among the key's.
func (c *relationCodec) placement(encoded []byte, key []types.Datum) []byte {
	if c.relation.Distribution == nil {
		return encoded
	}
	var placement []byte
	for _, column := range c.relation.Distribution {
		placement = types.AppendKey(placement, c.columns[column], key[slices.Index(c.relation.Key, column)])
	}
	return placement
}

func appendColumnsKey(buf []byte, b *types.Batch, columns []int, i int) []byte {
	for _, column := range columns {
		buf = types.AppendKeyFrom(buf, &b.Columns[column], i)
	}
	return buf
}

// appendRecords encodes rows of a stream as records into builder. The rowtimes
// must be set.
func (c *relationCodec) appendRecords(builder *log.BatchBuilder, b *types.Batch, scratch []byte) []byte {
	var headers []log.RecordHeader
	for i := range b.Len {
		scratch, headers = scratch[:0], headers[:0]
		var key []byte
		if len(c.relation.Key) > 0 {
			scratch = appendColumnsKey(scratch, b, c.relation.Key, i)
			key = scratch
		}
		start := len(scratch)
		scratch = c.row.AppendRow(scratch, b, i)
		if b.Headers != nil {
			headers = appendRecordHeaders(headers, b.Headers[i])
		}
		if c.endsKey(b, i) {
			headers = append(headers, log.RecordHeader{Key: log.TombstoneHeader})
		}
		builder.Append(b.Rowtimes[i], key, scratch[start:], headers...)
	}
	return scratch
}

// endsKey reports whether row i of a compacted stream has NULL in all columns but
// those of the key and those that are computed.
func (c *relationCodec) endsKey(b *types.Batch, i int) bool {
	for _, column := range c.values {
		if !b.Columns[column].IsNull(i) {
			return false
		}
	}
	return len(c.values) > 0
}

// fetchReader decodes the columns that a scan asks for, pseudocolumns included.
type fetchReader struct {
	codec *relationCodec
	// stored are the numbers of the stored columns that are decoded, ascending;
	// position[i] is where fetch[i] stands among them, or a pseudocolumn's number.
	stored   []int
	position []int
	types    []types.Type
	pseudo   bool
	// headers says that records' headers are decoded.
	headers bool
}

func newFetchReader(codec *relationCodec, fetch []int) *fetchReader {
	r := &fetchReader{codec: codec, position: make([]int, len(fetch)), types: make([]types.Type, len(fetch))}
	wanted := make([]bool, len(codec.columns))
	for _, column := range fetch {
		if column >= 0 {
			wanted[column] = true
		}
	}
	at := make([]int, len(codec.columns))
	for column, want := range wanted {
		if want {
			at[column] = len(r.stored)
			r.stored = append(r.stored, column)
		}
	}
	for i, column := range fetch {
		if column >= 0 {
			r.position[i], r.types[i] = at[column], codec.columns[column]
			continue
		}
		r.pseudo = true
		r.headers = r.headers || column == plan.FetchHeaders
		r.position[i] = column
		r.types[i] = pseudocolumnType(column)
	}
	return r
}

func pseudocolumnType(column int) types.Type {
	switch column {
	case plan.FetchRowtime:
		return types.TimestampTZ
	case plan.FetchRowOffset:
		return types.Int8
	case plan.FetchRowOp:
		return types.Text
	case plan.FetchHeaders:
		return types.Headers
	default:
		return types.Int4
	}
}

// newStored returns an empty batch of the stored columns.
func (r *fetchReader) newStored() *types.Batch {
	b := &types.Batch{Columns: make([]types.Vector, len(r.stored))}
	for i, column := range r.stored {
		b.Columns[i].Type = r.codec.columns[column]
	}
	return b
}

// decodeRecords appends the records of one record batch whose offset is at
// least from, as rows with rowtimes and offsets; columns alias data.
func (r *fetchReader) decodeRecords(batch *log.Batch, from int64, stored *types.Batch) error {
	it := batch.Records()
	for it.Next() {
		record := it.Record()
		if record.Offset < from {
			continue
		}
		if len(r.stored) > 0 {
			if err := r.codec.row.DecodeColumns(record.Value, r.stored, stored); err != nil {
				return fmt.Errorf("stream %q, offset %d: %w", r.codec.relation.Name, record.Offset, err)
			}
			stored.Len--
		}
		if r.headers {
			headers, err := recordHeaders(record)
			if err != nil {
				return fmt.Errorf("stream %q: %w", r.codec.relation.Name, err)
			}
			stored.AppendHeaders([]string{headers})
		}
		stored.Len++
		stored.Rowtimes = append(stored.Rowtimes, record.Timestamp)
		stored.Offsets = append(stored.Offsets, record.Offset)
	}
	return it.Err()
}

// decodeTableRow appends one stored table row with its multiplicity.
func (r *fetchReader) decodeTableRow(value []byte, stored *types.Batch) error {
	weight := int64(1)
	if r.codec.relation.Bag {
		var err error
		if weight, value, err = splitMultiplicity(value); err != nil {
			return fmt.Errorf("table %q: %w", r.codec.relation.Name, err)
		}
	}
	weights := stored.Weights
	stored.Weights = nil
	if len(r.stored) > 0 {
		if err := r.codec.row.DecodeColumns(value, r.stored, stored); err != nil {
			return fmt.Errorf("table %q: %w", r.codec.relation.Name, err)
		}
		stored.Len--
	}
	stored.Len++
	if r.codec.relation.Bag {
		stored.Weights = append(weights, weight)
	}
	return nil
}

// project gives the batch that the scan's consumer sees: the fetched columns in
// the order of the fetch list. Vectors are shared with stored.
func (r *fetchReader) project(stored *types.Batch, partition int32) *types.Batch {
	out := &types.Batch{
		Len: stored.Len, Columns: make([]types.Vector, len(r.position)),
		Weights: stored.Weights, Rowtimes: stored.Rowtimes, Offsets: stored.Offsets, Partition: partition,
	}
	for i, at := range r.position {
		if at >= 0 {
			out.Columns[i] = stored.Columns[at]
			continue
		}
		out.Columns[i] = pseudocolumn(at, stored, partition)
	}
	return out
}

// projectFull is project for a batch that has all columns of the relation.
func (r *fetchReader) projectFull(full *types.Batch, partition int32) *types.Batch {
	stored := *full
	stored.Columns = make([]types.Vector, len(r.stored))
	for i, column := range r.stored {
		stored.Columns[i] = full.Columns[column]
	}
	return r.project(&stored, partition)
}

func pseudocolumn(column int, b *types.Batch, partition int32) types.Vector {
	v := types.NewVector(pseudocolumnType(column), b.Len)
	for i := range b.Len {
		switch column {
		case plan.FetchRowtime:
			if b.Rowtimes == nil {
				v.SetNull(i)
				continue
			}
			v.Ints[i] = timestampFromMillis(b.Rowtimes[i])
		case plan.FetchRowOffset:
			if b.Offsets == nil {
				v.SetNull(i)
				continue
			}
			v.Ints[i] = b.Offsets[i]
		case plan.FetchRowOp:
			v.SetNull(i) // the changelog knows it
		case plan.FetchHeaders:
			v.Strs[i] = types.NoHeaders
			if b.Headers != nil {
				v.Strs[i] = b.Headers[i]
			}
		default:
			v.Ints[i] = int64(partition)
		}
	}
	return v
}

// millisAtTimestampZero is 2000-01-01 00:00 UTC, the zero of timestamps, in
// milliseconds since the Unix epoch.
const millisAtTimestampZero = 946_684_800_000

// timestampFromMillis turns milliseconds since the Unix epoch into a timestamp.
func timestampFromMillis(millis int64) int64 { return (millis - millisAtTimestampZero) * 1000 }

// millisFromTimestamp turns a timestamp into milliseconds since the Unix epoch,
// rounding down; the infinities saturate.
func millisFromTimestamp(micros int64) int64 {
	switch micros {
	case math.MaxInt64, math.MinInt64:
		return micros
	}
	millis := micros / 1000
	if micros%1000 < 0 {
		millis--
	}
	return millis + millisAtTimestampZero
}

// bytesOf views a string as bytes, which must not be changed.
func bytesOf(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }
