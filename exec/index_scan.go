package exec

import (
	"bytes"
	"context"
	"io"
	"slices"

	"millrace/exec/pull"
	"millrace/sql/catalog"
	"millrace/sql/types"
	"millrace/tables"
)

// Reading a table by ranges of its key or of an index, from one snapshot. What is
// read is in proportion to what is in the ranges: one seek for each range on each
// shard that may hold a part of it, and one read for each row that an index finds.
//
// Rows that the session's transaction has touched are left out, and those that
// there are to be are given at the end, whatever their values: the condition above
// the scan sorts them out.

// keyRange is a range of keys behind the storage's prefix; no end means that of
// the prefix.
type keyRange struct{ from, to []byte }

// orderEnd is the smallest key behind those of values that are not NULL.
const orderEnd = 0xff

// keyRanges returns the ranges for bounds over columns of the given types, in
// order, without overlap.
func keyRanges(columns []types.Type, b *pull.Bounds) []keyRange {
	prefixes := [][]byte{nil}
	for i, values := range b.Equals {
		var next [][]byte
		for _, prefix := range prefixes {
			for _, v := range values {
				next = append(next, types.AppendKey(slices.Clip(prefix), columns[i], v))
			}
		}
		prefixes = next
	}
	slices.SortFunc(prefixes, bytes.Compare)
	prefixes = slices.CompactFunc(prefixes, bytes.Equal)
	ranges := make([]keyRange, len(prefixes))
	for i, prefix := range prefixes {
		ranges[i] = keyRange{prefix, tables.PrefixEnd(nil, prefix)}
		if b.Low == nil && b.High == nil {
			continue
		}
		t := columns[len(b.Equals)]
		ranges[i].to = append(slices.Clip(prefix), orderEnd)
		if b.Low != nil {
			ranges[i].from = types.AppendKey(slices.Clip(prefix), t, b.Low.Value)
			if !b.Low.Inclusive {
				ranges[i].from = tables.PrefixEnd(nil, ranges[i].from)
			}
		}
		if b.High != nil {
			ranges[i].to = types.AppendKey(slices.Clip(prefix), t, b.High.Value)
			if b.High.Inclusive {
				ranges[i].to = tables.PrefixEnd(nil, ranges[i].to)
			}
		}
	}
	return slices.DeleteFunc(ranges, func(r keyRange) bool { return bytes.Compare(r.from, r.to) >= 0 && len(r.to) > 0 })
}

// tableReader fetches rows of a table by their keys.
type tableReader struct {
	snapshot *tables.Snapshot
	codec    *relationCodec
	fetch    *fetchReader
	// held is what the transaction has done; nil for nothing.
	held *overlayTable
	// read counts the entries and rows that were read.
	read func(n int)
	key  []byte
	// arena keeps the strings of the rows of one batch.
	arena types.StringArena
}

// get appends the row with a key on a shard, unless the transaction has touched it.
// matches decides about a row by its stored value; nil for any.
func (r *tableReader) get(shard int, rowKey []byte, rows *types.Batch, matches func(value []byte) (bool, error)) error {
	if _, known := r.held.find(rowKey); known {
		return nil
	}
	r.key = append(r.codec.appendStorageKey(r.key[:0]), rowKey...)
	value, found, err := r.snapshot.Shard(uint32(shard)).Get(r.key, nil)
	r.read(1)
	if err != nil || !found {
		return err
	}
	if matches != nil {
		if ok, err := matches(value); err != nil || !ok {
			return err
		}
	}
	return r.fetch.decodeTableRow(value, rows)
}

// source gives what an index, or the key, finds in ranges: it appends rows until
// there are enough of one shard, and returns the shard. At the end it returns
// io.EOF.
type source interface {
	next(rows *types.Batch) (shard int, err error)
	close()
}

// indexScan is a scan by ranges.
type indexScan struct {
	reader *tableReader
	source source
	done   bool
}

// Next implements pull.Iterator.
func (s *indexScan) Next(ctx context.Context) (*types.Batch, error) {
	for !s.done {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		rows := s.reader.fetch.newStored()
		shard, err := s.source.next(rows)
		if err == io.EOF {
			s.done = true
		} else if err != nil {
			return nil, damaged(err)
		}
		if rows.Len > 0 {
			return s.reader.fetch.project(rows, int32(shard)), nil
		}
	}
	if held := s.reader.held; held != nil {
		s.reader.held = nil
		if rows := held.batch(); rows.Len > 0 {
			return s.reader.fetch.projectFull(rows, 0), nil
		}
	}
	return nil, io.EOF
}

// Close implements pull.Iterator.
func (s *indexScan) Close() { s.source.close() }

// rangeSource walks ranges of one object on each partition of its table.
type rangeSource struct {
	reader     *tableReader
	prefix     []byte
	ranges     []keyRange
	partitions int
	shard, at  int
	it         *tables.Iterator
	// visit takes what lies in a range.
	visit func(shard int, key, value []byte, rows *types.Batch) error
}

func (s *rangeSource) next(rows *types.Batch) (int, error) {
	for ; s.shard < s.partitions; s.shard, s.at = s.shard+1, 0 {
		for ; s.at < len(s.ranges); s.at++ {
			if err := s.seek(); err != nil {
				return 0, err
			}
			for s.it.Next() {
				s.reader.read(1)
				if err := s.visit(s.shard, s.it.Key()[len(s.prefix):], s.it.Value(), rows); err != nil {
					return 0, err
				}
				if rows.Len >= scanRows {
					return s.shard, nil
				}
			}
			if err := s.it.Err(); err != nil {
				return 0, err
			}
			s.close()
		}
		if rows.Len > 0 {
			shard := s.shard
			s.shard, s.at = s.shard+1, 0
			return shard, nil
		}
	}
	return 0, io.EOF
}

// seek begins the current range, unless it has begun.
func (s *rangeSource) seek() error {
	if s.it != nil {
		return nil
	}
	r := s.ranges[s.at]
	to := tables.PrefixEnd(nil, s.prefix)
	if len(r.to) > 0 {
		to = append(slices.Clone(s.prefix), r.to...)
	}
	it, err := s.reader.snapshot.Shard(uint32(s.shard)).Scan(append(slices.Clone(s.prefix), r.from...), to)
	s.it = it
	return err
}

func (s *rangeSource) close() {
	if s.it != nil {
		_ = s.it.Close() // Err was looked at after the last step, or the scan is given up
		s.it = nil
	}
}

// pointSource reads one object at given keys, each on the shard that its hash
// names.
type pointSource struct {
	points     [][]byte
	partitions int
	// whole says that a batch may have rows of several shards.
	whole bool
	visit func(shard int, key []byte, rows *types.Batch) (rowShard int, err error)
}

func (s *pointSource) next(rows *types.Batch) (int, error) {
	for len(s.points) > 0 {
		point := s.points[0]
		s.points = s.points[1:]
		shard, err := s.visit(types.PartitionOf(point, s.partitions), point, rows)
		if err != nil || rows.Len > 0 && (!s.whole || rows.Len >= scanRows) {
			return shard, err
		}
	}
	return 0, io.EOF
}

func (s *pointSource) close() {}

// access begins a scan by ranges. index is nil for the key.
func (s *pullSources) access(reader *tableReader, index *catalog.Index, entries *catalog.Relation, b *pull.Bounds) pull.Iterator {
	relation := reader.codec.relation
	columns := relation.Key
	if index != nil {
		columns = index.Numbers()
	}
	ordered := make([]types.Type, len(columns))
	for i, number := range columns {
		ordered[i] = reader.codec.columns[number]
	}
	ranges := keyRanges(ordered, b)
	points := len(b.Equals) == len(columns)
	walk := &rangeSource{reader: reader, ranges: ranges, partitions: relation.Partitions}
	var found source = walk
	switch {
	case index == nil && points && relation.Distribution == nil:
		found = &pointSource{points: starts(ranges), partitions: relation.Partitions, whole: !reader.fetch.pseudo, visit: reader.point}
	case index == nil:
		walk.prefix = reader.codec.appendStorageKey(nil)
		walk.visit = reader.row
	case !index.Unique:
		walk.prefix = tables.AppendIndexKey(nil, uint64(index.ID), nil)
		walk.visit = func(shard int, key, value []byte, rows *types.Batch) error {
			rowKey, err := splitEntry(key, value)
			if err != nil {
				return err
			}
			return reader.get(shard, rowKey, rows, nil)
		}
	default:
		u := newUniqueReader(reader, entries)
		if points {
			found = &pointSource{points: starts(ranges), partitions: relation.Partitions, whole: !reader.fetch.pseudo, visit: u.point}
			break
		}
		walk.prefix = u.entries.appendStorageKey(nil)
		walk.visit = func(_ int, key, value []byte, rows *types.Batch) error {
			_, err := u.row(key, value, rows)
			return err
		}
	}
	return &indexScan{reader: reader, source: found}
}

// starts returns where ranges of one key each begin.
func starts(ranges []keyRange) [][]byte {
	keys := make([][]byte, len(ranges))
	for i := range ranges {
		keys[i] = ranges[i].from
	}
	return keys
}

func (r *tableReader) point(shard int, key []byte, rows *types.Batch) (int, error) {
	return shard, r.get(shard, key, rows, nil)
}

// row appends a row that a range of the table's own keys holds.
func (r *tableReader) row(_ int, key, value []byte, rows *types.Batch) error {
	if _, known := r.held.find(key); known {
		return nil
	}
	if rows.Len == 0 {
		r.arena = types.StringArena{}
	}
	return r.fetch.decodeTableRow(bytesOf(r.arena.Copy(value)), rows)
}

// uniqueReader reads rows by a unique index, whose entries lie on other shards than
// the rows. A row that a concurrent statement is writing may have another entry
// already, or still: only the entry that says what the row says counts.
type uniqueReader struct {
	table   *tableReader
	entries *relationCodec
	// keys decodes the table's key from an entry, and indexed the indexed columns
	// from a row.
	keys, indexed *fetchReader
	key, value    []byte
}

func newUniqueReader(table *tableReader, entries *catalog.Relation) *uniqueReader {
	u := &uniqueReader{table: table, entries: newRelationCodec(entries)}
	first := len(entries.Index.Columns)
	var keys []int
	for n := range table.codec.relation.Key {
		keys = append(keys, first+n)
	}
	u.keys = newFetchReader(u.entries, keys)
	u.indexed = newFetchReader(table.codec, entries.Index.Numbers())
	return u
}

func (u *uniqueReader) point(shard int, key []byte, rows *types.Batch) (int, error) {
	u.key = append(u.entries.appendStorageKey(u.key[:0]), key...)
	value, found, err := u.table.snapshot.Shard(uint32(shard)).Get(u.key, nil)
	u.table.read(1)
	if err != nil || !found {
		return 0, err
	}
	return u.row(key, value, rows)
}

// row appends the row that an entry names and returns its shard.
func (u *uniqueReader) row(key, value []byte, rows *types.Batch) (int, error) {
	stored := u.keys.newStored()
	if err := u.keys.decodeTableRow(value, stored); err != nil {
		return 0, err
	}
	decoded := u.keys.project(stored, 0)
	var rowKey []byte
	for c := range decoded.Columns {
		rowKey = types.AppendKeyFrom(rowKey, &decoded.Columns[c], 0)
	}
	shard := types.PartitionOf(rowKey, u.table.codec.relation.Partitions)
	return shard, u.table.get(shard, rowKey, rows, func(row []byte) (bool, error) {
		stored := u.indexed.newStored()
		if err := u.indexed.decodeTableRow(row, stored); err != nil {
			return false, err
		}
		says := u.indexed.project(stored, 0)
		u.value = u.value[:0]
		for c := range says.Columns {
			u.value = types.AppendKeyFrom(u.value, &says.Columns[c], 0)
		}
		return bytes.Equal(u.value, key), nil
	})
}
