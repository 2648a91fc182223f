package exec

import (
	"encoding/binary"
	"errors"
	"slices"

	"millrace/sql/catalog"
	"millrace/sql/types"
	"millrace/tables"
)

// Entries of the secondary indexes that are not unique. Each lies on the shard of
// its row and is written in the entry that writes the row. Its key is
//
//	index · the indexed columns · the row's key
//
// in the order-preserving encoding, NULLs included, and its value the length of the
// indexed columns' part as a uvarint, by which the row's key is found.
//
// Invariant: of an index that is ready, there is an entry for each row of the
// table, and no other. While it is being built the entries of all rows are kept
// that are written, and the rows from before are added in the order of their keys.

// indexCodec encodes the entries of one index.
type indexCodec struct {
	index   *catalog.Index
	columns []int
}

// withIndexes gives a table's codec what its writers keep besides the rows: of the
// indexes that the shard has activated.
func (c *relationCodec) withIndexes(snapshot *catalog.Snapshot, active []catalog.ObjectID) *relationCodec {
	for _, index := range snapshot.IndexesOf(c.relation.ID) {
		switch {
		case !slices.Contains(active, index.ID):
		case !index.Unique:
			c.local = append(c.local, &indexCodec{index: index, columns: index.Numbers()})
		case index.Ready:
			c.unique = append(c.unique, index.ID)
		default:
			c.closed = true
		}
	}
	return c
}

// appendEntry appends the key of row i's entry, whose columns have the numbers in
// columns; rowKey is the row's key. size is the length of the indexed columns' part.
func (x *indexCodec) appendEntry(buf []byte, b *types.Batch, columns []int, i int, rowKey []byte) (entry []byte, size int) {
	buf = tables.AppendIndexKey(buf, uint64(x.index.ID), nil)
	start := len(buf)
	buf = appendColumnsKey(buf, b, columns, i)
	size = len(buf) - start
	return append(buf, rowKey...), size
}

// appendSize appends the value of an entry.
func appendSize(buf []byte, size int) []byte { return binary.AppendUvarint(buf, uint64(size)) }

var errBadIndexEntry = errors.New("damaged entry of an index")

// splitEntry returns the row's key of an index entry, given the entry's key behind
// the index, and its value.
func splitEntry(key, value []byte) (rowKey []byte, err error) {
	size, n := binary.Uvarint(value)
	if n <= 0 || size > uint64(len(key)) {
		return nil, errBadIndexEntry
	}
	return key[size:], nil
}

// indexRows brings the indexes of a table up to date with its changes, the old row
// of a key before its new one. Of a bag, remaining has the multiplicity that each
// change leaves.
func (t *tick) indexRows(codec *relationCodec, changes *types.Batch, remaining []int64) {
	for _, x := range codec.local {
		t.indexColumns(codec, x, changes, remaining)
	}
}

func (t *tick) indexColumns(codec *relationCodec, x *indexCodec, changes *types.Batch, remaining []int64) {
	c := t.core
	// gone is the entry of the row before, whose deletion may turn out needless.
	var gone []byte
	for i := range changes.Len {
		deletes := changes.Weight(i) < 0
		if deletes && remaining != nil && remaining[i] > 0 {
			continue
		}
		c.rowKey = codec.appendKey(c.rowKey[:0], changes, i)
		var size int
		c.entry, size = x.appendEntry(c.entry[:0], changes, x.columns, i, c.rowKey)
		switch {
		case deletes:
			if len(gone) > 0 {
				t.write.Delete(gone)
			}
			gone = append(gone[:0], c.entry...)
			continue
		case len(gone) > 0 && string(gone) == string(c.entry):
			gone = gone[:0]
			continue
		case len(gone) > 0:
			t.write.Delete(gone)
			gone = gone[:0]
		}
		keyLen := len(c.entry)
		c.entry = appendSize(c.entry, size)
		t.write.Set(c.entry[:keyLen], c.entry[keyLen:])
	}
	if len(gone) > 0 {
		t.write.Delete(gone)
	}
}
