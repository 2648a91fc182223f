package exec

import (
	"encoding/binary"
	"errors"
	"maps"
	"math"
	"slices"

	"millrace/sql/catalog"
	"millrace/sql/types"
	"millrace/tables"
)

// The changes of a table are kept for a while (changes_retention), so that a push
// query goes on behind a rowmark. Each shard keeps its own, in the entries that make
// them:
//
//	(storage, base)  the changes of the entry that was computed on index base
//	(storage, max)   how much there is, and from where on
//
// A table that keeps none has the former as notes in the entries, which are not stored.
// So whoever sees a replica apply entries sees how its tables change (see feed).
//
// Invariants:
//   - Of a state at index p, all later changes are those of the entries with
//     base >= p, in this order.
//   - They are all there if and only if p >= floor.
//   - What is dropped is the oldest, by age and by size, in the leader's entries.

// keptChanges is what a shard knows of the kept changes of one table.
type keptChanges struct {
	// total are the bytes ever kept, and dropped those of the changes that are gone.
	total, dropped uint64
	// floor is the smallest index from which on all changes are there.
	floor uint64
	// oldest is when the first change that is there was made, in milliseconds since
	// the Unix epoch; math.MinInt64 while it is not known.
	oldest int64
}

const (
	keptRecordVersion = 1
	// keptStatus is the base of the key of a table's status.
	keptStatus = math.MaxUint64
)

var errBadKeptChanges = errors.New("damaged record of a table's changes")

func keptKey(buf []byte, storage catalog.ObjectID, base uint64) []byte {
	return binary.BigEndian.AppendUint64(tables.AppendObjectPrefix(buf, tables.KindChange, uint64(storage)), base)
}

func (k *keptChanges) append(buf []byte) []byte {
	buf = append(buf, keptRecordVersion)
	buf = binary.AppendUvarint(buf, k.total)
	buf = binary.AppendUvarint(buf, k.dropped)
	return binary.AppendUvarint(buf, k.floor)
}

// readKept reads the status of a table's kept changes; of one that has none yet all
// are there.
func readKept(state tables.Reader, storage catalog.ObjectID) (*keptChanges, error) {
	k := &keptChanges{oldest: math.MinInt64}
	stored, found, err := state.Get(keptKey(nil, storage, keptStatus), nil)
	if err != nil || !found {
		return k, err
	}
	if len(stored) == 0 || stored[0] != keptRecordVersion {
		return nil, errBadKeptChanges
	}
	in := uvarintReader{data: stored[1:]}
	k.total, k.dropped, k.floor = in.next(), in.next(), in.next()
	if in.bad {
		return nil, errBadKeptChanges
	}
	return k, nil
}

// keptEntry is one entry's changes of a table.
type keptEntry struct {
	base uint64
	// time is when the tick began, in milliseconds since the Unix epoch, and total
	// what keptChanges.total was behind the entry.
	time    int64
	total   uint64
	batches [][]byte
}

// append encodes all but the base: version, time, total, and each batch with its
// length in front.
func (e *keptEntry) append(buf []byte) []byte {
	buf = append(buf, keptRecordVersion)
	buf = binary.AppendVarint(buf, e.time)
	buf = binary.AppendUvarint(buf, e.total)
	for _, b := range e.batches {
		buf = binary.AppendUvarint(buf, uint64(len(b)))
		buf = append(buf, b...)
	}
	return buf
}

func decodeKeptEntry(key, value []byte) (keptEntry, error) {
	var e keptEntry
	if len(key) < 8 || len(value) == 0 || value[0] != keptRecordVersion {
		return e, errBadKeptChanges
	}
	e.base = binary.BigEndian.Uint64(key[len(key)-8:])
	in := uvarintReader{data: value[1:]}
	e.time, e.total = in.varint(), in.next()
	for !in.bad && len(in.data) > 0 {
		size := in.next()
		if size > uint64(len(in.data)) {
			return e, errBadKeptChanges
		}
		e.batches, in.data = append(e.batches, in.data[:size]), in.data[size:]
	}
	if in.bad {
		return e, errBadKeptChanges
	}
	return e, nil
}

// rows decodes the changes with the columns that the table has for the codec. What it
// returns aliases the entry's batches, which must never change afterwards.
func (e *keptEntry) rows(codec *relationCodec) ([]*types.Batch, error) {
	var out []*types.Batch
	for _, data := range e.batches {
		b, err := types.DecodeFirstColumns(data, codec.columns)
		if err != nil {
			return nil, err
		}
		codec.complete(b)
		out = append(out, b)
	}
	return out, nil
}

// changesOf encodes what the tick changed in a table.
func (t *tick) changesOf(id catalog.ObjectID) (entry keptEntry, bytes uint64) {
	entry.time = t.in.now.UnixMilli()
	for _, b := range t.result.changes[id] {
		if b.Len == 0 {
			continue
		}
		encoded := types.AppendBatch(nil, b)
		entry.batches = append(entry.batches, encoded)
		bytes += uint64(len(encoded))
	}
	return entry, bytes
}

// keepChanges adds what the tick changed in tables to their kept changes. Of a table that
// keeps none, the entry has them as a note, for those who follow it.
func (t *tick) keepChanges() error {
	for _, id := range slices.Sorted(maps.Keys(t.result.changes)) {
		codec := t.core.codec(id)
		if codec == nil || codec.relation.ChangesMillis == 0 && t.core.snapshot.Relation(id) == nil {
			continue
		}
		storage := codec.relation.StorageID()
		entry, bytes := t.changesOf(id)
		if entry.batches == nil {
			continue
		}
		if codec.relation.ChangesMillis == 0 {
			t.write.Note(keptKey(nil, storage, t.in.base), entry.append(nil))
			continue
		}
		kept, err := t.core.keptOf(storage)
		if err != nil {
			return err
		}
		kept.total += bytes
		entry.total = kept.total
		t.write.Set(keptKey(nil, storage, t.in.base), entry.append(nil))
		if limit := uint64(codec.relation.ChangesBytes); kept.total-kept.dropped > limit+limit/keptSlack {
			if err := t.dropChanges(codec.relation, kept); err != nil {
				return err
			}
		}
		t.write.Set(keptKey(nil, storage, keptStatus), kept.append(nil))
	}
	return nil
}

// keptSlack is which part of its size the kept changes of a table may be larger, so
// that they are not trimmed with each change.
const keptSlack = 16

// keptOf returns the status of a table's kept changes.
func (c *core) keptOf(storage catalog.ObjectID) (*keptChanges, error) {
	if kept := c.kept[storage]; kept != nil {
		return kept, nil
	}
	kept, err := readKept(c.state, storage)
	if err == nil {
		c.kept[storage] = kept
	}
	return kept, err
}

// retainChanges drops the kept changes that have become old.
func (t *tick) retainChanges() error {
	for _, relation := range t.core.followed {
		kept, err := t.core.keptOf(relation.StorageID())
		if err != nil {
			return err
		}
		if kept.total == kept.dropped || kept.oldest > t.in.now.UnixMilli()-relation.ChangesMillis {
			continue
		}
		floor := kept.floor
		if err := t.dropChanges(relation, kept); err != nil {
			return err
		}
		if kept.floor != floor {
			t.write.Set(keptKey(nil, relation.StorageID(), keptStatus), kept.append(nil))
		}
	}
	return nil
}

// dropChanges drops the committed changes of a table that are too old or too many.
// Those of this tick stay.
func (t *tick) dropChanges(relation *catalog.Relation, kept *keptChanges) error {
	storage := relation.StorageID()
	first := keptKey(nil, storage, kept.floor)
	it, err := t.core.state.Scan(first, keptKey(nil, storage, keptStatus))
	if err != nil {
		return err
	}
	defer it.Close()
	before := t.in.now.UnixMilli() - relation.ChangesMillis
	kept.oldest = t.in.now.UnixMilli()
	for it.Next() {
		entry, err := decodeKeptEntry(it.Key(), it.Value())
		if err != nil {
			return err
		}
		if entry.time > before && kept.total-kept.dropped <= uint64(relation.ChangesBytes) {
			kept.oldest = entry.time
			break
		}
		kept.dropped, kept.floor = entry.total, entry.base+1
	}
	if end := keptKey(nil, storage, kept.floor); string(end) != string(first) {
		t.write.DeleteRange(first, end)
	}
	return it.Err()
}
