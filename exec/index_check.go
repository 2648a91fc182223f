package exec

import (
	"bytes"
	"context"
	"fmt"

	"millrace/sql/catalog"
	"millrace/sql/types"
	"millrace/tables"
)

// CheckIndexes holds every index that is ready against the rows of its table: for
// each row there must be the entry that it makes, where it belongs, and no other
// entry. It is for tests, and takes a node at rest: between shards, one statement's
// effects may be apart for a moment.
func (e *Engine) CheckIndexes(ctx context.Context) error {
	if err := e.catchUp(ctx, rangeOf(len(e.loops))); err != nil {
		return err
	}
	snapshot := e.storage.Store().NewSnapshot()
	defer func() { _ = snapshot.Close() }() // its reads reported their errors
	newest := e.newestCatalog()
	c := &indexChecker{ctx: ctx, snapshot: snapshot, shards: len(e.loops)}
	for _, index := range newest.Indexes() {
		if !index.Ready {
			continue
		}
		table := newest.Relation(index.Table)
		if table == nil {
			continue // of a copy that is being built
		}
		if err := c.check(index, table, newest.UniqueRelation(index.ID)); err != nil {
			return fmt.Errorf("index %q: %w", index.Name, err)
		}
	}
	return c.orphans(newest)
}

// indexChecker compares entries with rows.
type indexChecker struct {
	ctx      context.Context
	snapshot *tables.Snapshot
	shards   int
	// expected are the entries that rows make, by their keys behind the object, for
	// each shard.
	expected []map[string][]byte
}

func (c *indexChecker) check(index *catalog.Index, table, entries *catalog.Relation) error {
	c.expected = make([]map[string][]byte, c.shards)
	for i := range c.expected {
		c.expected[i] = map[string][]byte{}
	}
	expect, prefix := c.localEntries(index, table), tables.AppendIndexKey(nil, uint64(index.ID), nil)
	if index.Unique {
		codec := newRelationCodec(entries)
		expect, prefix = c.uniqueEntries(codec, table), codec.appendStorageKey(nil)
	}
	codec := newRelationCodec(table)
	fetch := newFetchReader(codec, rangeOf(len(codec.columns)))
	for shard := range c.shards {
		err := eachPiece(c.ctx, c.snapshot.Shard(uint32(shard)), fetch, func(rows *types.Batch) error { return expect(shard, rows) })
		if err != nil {
			return err
		}
	}
	for shard := range c.shards {
		if err := c.compare(shard, prefix); err != nil {
			return err
		}
	}
	return nil
}

// localEntries returns what notes the entries of rows in an index beside them.
func (c *indexChecker) localEntries(index *catalog.Index, table *catalog.Relation) func(shard int, rows *types.Batch) error {
	x, codec := &indexCodec{index: index, columns: index.Numbers()}, newRelationCodec(table)
	object := len(tables.AppendIndexKey(nil, uint64(index.ID), nil))
	return func(shard int, rows *types.Batch) error {
		for i := range rows.Len {
			entry, size := x.appendEntry(nil, rows, x.columns, i, codec.appendKey(nil, rows, i))
			c.expected[shard][string(entry[object:])] = appendSize(nil, size)
		}
		return nil
	}
}

// uniqueEntries returns what notes the entries of rows in a unique index.
func (c *indexChecker) uniqueEntries(codec *relationCodec, table *catalog.Relation) func(shard int, rows *types.Batch) error {
	return func(_ int, rows *types.Batch) error {
		made, _ := UniqueEntries(codec.relation, table, rows)
		for i := range made.Len {
			key := codec.appendKey(nil, made, i)
			shard := types.PartitionOf(key, table.Partitions)
			if _, twice := c.expected[shard][string(key)]; twice {
				return fmt.Errorf("two rows have the key %x", key)
			}
			c.expected[shard][string(key)] = codec.row.AppendRow(nil, made, i)
		}
		return nil
	}
}

// compare holds the entries on a shard against those expected.
func (c *indexChecker) compare(shard int, prefix []byte) error {
	it, err := c.snapshot.Shard(uint32(shard)).Scan(prefix, tables.PrefixEnd(nil, prefix))
	if err != nil {
		return err
	}
	defer it.Close()
	for it.Next() {
		key := string(it.Key()[len(prefix):])
		want, known := c.expected[shard][key]
		switch {
		case !known:
			return fmt.Errorf("entry %x on shard %d is of no row", key, shard)
		case !bytes.Equal(want, it.Value()):
			return fmt.Errorf("entry %x on shard %d is %x, not %x", key, shard, it.Value(), want)
		}
		delete(c.expected[shard], key)
	}
	for key := range c.expected[shard] {
		return fmt.Errorf("entry %x is missing on shard %d", key, shard)
	}
	return it.Err()
}

// orphans finds entries of indexes that there are not.
func (c *indexChecker) orphans(newest *catalog.Snapshot) error {
	kind := []byte{byte(tables.KindIndex)}
	for shard := range c.shards {
		it, err := c.snapshot.Shard(uint32(shard)).Scan(kind, tables.PrefixEnd(nil, kind))
		if err != nil {
			return err
		}
		for it.Next() {
			id, _, err := tables.ParseIndexKey(it.Key())
			if err == nil && newest.Index(catalog.ObjectID(id)) == nil {
				err = fmt.Errorf("shard %d has entries of an index %d that is gone", shard, id)
			}
			if err != nil {
				it.Close()
				return err
			}
		}
		err = it.Err()
		it.Close()
		if err != nil {
			return err
		}
	}
	return nil
}
