package exec

import (
	"context"
	"io"
	"slices"

	"millrace/sql/types"
	"millrace/tables"
)

// keptScan reads the kept changes of a table in a snapshot, shard by shard.
type keptScan struct {
	snapshot *tables.Snapshot
	codec    *relationCodec
	shard    int
	it       *tables.Iterator
}

// next returns the changes of the first entry with a base from begin up to, but not
// including, end; no batches when there is none.
func (s *keptScan) next(shard int, begin, end uint64) (keptEntry, []*types.Batch, error) {
	if s.it != nil && s.shard != shard {
		s.close()
	}
	if s.it == nil {
		storage := s.codec.relation.StorageID()
		it, err := s.snapshot.Shard(uint32(shard)).Scan(keptKey(nil, storage, begin), keptKey(nil, storage, max(begin, end)))
		if err != nil {
			return keptEntry{}, nil, err
		}
		s.it, s.shard = it, shard
	}
	if !s.it.Next() {
		err := s.it.Err()
		s.close()
		return keptEntry{}, nil, err
	}
	entry, err := decodeKeptEntry(s.it.Key(), slices.Clone(s.it.Value()))
	if err != nil {
		return entry, nil, err
	}
	rows, err := entry.rows(s.codec)
	return entry, rows, err
}

func (s *keptScan) close() {
	if s.it != nil {
		_ = s.it.Close() // Err was looked at after the last step
		s.it = nil
	}
}

// pastScan reads a table as it was at earlier indexes of its shards: its rows in a
// snapshot, with the kept changes since then undone. The order is that of the keys, as
// it was for a scan then.
type pastScan struct {
	codec *relationCodec
	fetch *fetchReader
	// rows are rows that were there and are others now or gone.
	rows   *types.Batch
	shards []pastShard
	shard  int
	it     *tables.Iterator
	prefix []byte
	// ahead says that the iterator stands at a row that has not been given.
	ahead    bool
	snapshot *tables.Snapshot
}

// pastShard are the keys of a shard that have changed since, and how they were.
type pastShard struct {
	changed map[string]pastRow
	keys    []string
	next    int
}

// pastRow is a row that was there, the number of one in pastScan.rows or -1 for none.
// Of a bag, net is by how much its multiplicity has grown since.
type pastRow struct {
	row int
	net int64
}

func newPastScan(snapshot *tables.Snapshot, codec *relationCodec, fetch *fetchReader, at []uint64) (*pastScan, error) {
	s := &pastScan{codec: codec, fetch: fetch, snapshot: snapshot, rows: types.NewBatch(codec.columns), shards: make([]pastShard, len(at))}
	s.prefix = codec.appendStorageKey(nil)
	changes := &keptScan{snapshot: snapshot, codec: codec}
	defer changes.close()
	for shard := range at {
		changed := map[string]pastRow{}
		for {
			_, batches, err := changes.next(shard, at[shard], keptStatus)
			if err != nil {
				return nil, err
			}
			if batches == nil {
				break
			}
			for _, b := range batches {
				s.undo(changed, b)
			}
		}
		s.shards[shard] = pastShard{changed: changed, keys: make([]string, 0, len(changed))}
		for key := range changed {
			s.shards[shard].keys = append(s.shards[shard].keys, key)
		}
		slices.Sort(s.shards[shard].keys)
	}
	return s, nil
}

// undo notes how the rows were that changed: of a key, its first change says so.
func (s *pastScan) undo(changed map[string]pastRow, changes *types.Batch) {
	for i := range changes.Len {
		key := string(s.codec.appendKey(nil, changes, i))
		past, known := changed[key]
		if !known {
			past.row = -1
		}
		if weight := changes.Weight(i); s.codec.relation.Bag || !known && weight < 0 {
			past.net += weight
			if past.row < 0 {
				past.row = s.rows.Len
				s.rows.AppendRowFrom(changes, i, 1)
			}
		}
		changed[key] = past
	}
}

// Next implements pull.Iterator.
func (s *pastScan) Next(ctx context.Context) (*types.Batch, error) {
	for s.shard < len(s.shards) {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		stored := s.fetch.newStored()
		partition := int32(s.shard)
		more, err := s.fill(stored)
		if err != nil {
			return nil, damaged(err)
		}
		if !more {
			s.Close()
			s.shard++
		}
		if stored.Len > 0 {
			return s.fetch.project(stored, partition), nil
		}
	}
	return nil, io.EOF
}

// fill adds the shard's next rows, and reports whether there may be more.
func (s *pastScan) fill(stored *types.Batch) (more bool, err error) {
	shard := &s.shards[s.shard]
	if s.it == nil {
		if s.it, err = s.snapshot.Shard(uint32(s.shard)).Scan(s.prefix, tables.PrefixEnd(nil, s.prefix)); err != nil {
			return false, err
		}
		s.ahead = s.it.Next()
	}
	for stored.Len < scanRows {
		var key string
		if s.ahead {
			key = string(s.it.Key()[len(s.prefix):])
		}
		var changed string
		waits := shard.next < len(shard.keys)
		if waits {
			changed = shard.keys[shard.next]
		}
		switch {
		case !s.ahead && !waits:
			return false, s.it.Err()
		case !waits || s.ahead && key < changed:
			if err := s.fetch.decodeTableRow(slices.Clone(s.it.Value()), stored); err != nil {
				return false, err
			}
			s.ahead = s.it.Next()
			continue
		}
		shard.next++
		present := int64(0)
		if s.ahead && key == changed {
			if s.codec.relation.Bag {
				if present, _, err = splitMultiplicity(s.it.Value()); err != nil {
					return false, err
				}
			}
			s.ahead = s.it.Next()
		}
		s.appendPast(stored, shard.changed[changed], present)
	}
	return true, nil
}

// appendPast adds a row as it was.
func (s *pastScan) appendPast(stored *types.Batch, past pastRow, present int64) {
	weight := int64(1)
	if s.codec.relation.Bag {
		weight = present - past.net
	}
	if past.row < 0 || weight <= 0 {
		return
	}
	for i, column := range s.fetch.stored {
		stored.Columns[i].AppendFrom(&s.rows.Columns[column], past.row)
	}
	stored.Len++
	if s.codec.relation.Bag {
		stored.Weights = append(stored.Weights, weight)
	}
}

// Close implements pull.Iterator.
func (s *pastScan) Close() {
	if s.it != nil {
		_ = s.it.Close() // Err was looked at after the last step
		s.it = nil
	}
}
