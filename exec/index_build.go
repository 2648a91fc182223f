package exec

import (
	"slices"

	"millrace/sql/catalog"
	"millrace/tables"
)

// Building an index that is not unique, on one shard. From the entry that
// activates it on, the entries of all rows are kept that are written. The rows from
// before are added by a scan of the table in the order of keys, a piece in a tick,
// whose position is part of the entry.
//
// The piece is read from the committed state and written at the beginning of the
// tick, before the tick's own changes, which come later in the entry and win.

// indexBuild is the building of one index on a shard.
type indexBuild struct {
	index *catalog.Index
	// position has the scan's state in scanned, begun and cursor.
	position
}

func indexBuildKey(index catalog.ObjectID) []byte {
	return tables.AppendPositionKey(nil, uint64(index), 0, 0)
}

// activateIndexes begins to keep the indexes that are new, and removes those that
// are gone.
func (t *tick) activateIndexes(known []catalog.ObjectID, snapshot *catalog.Snapshot) {
	c := t.core
	for _, id := range known {
		if snapshot.Index(id) == nil {
			t.dropIndex(id)
		}
	}
	for _, index := range snapshot.Indexes() {
		c.record.indexes = append(c.record.indexes, index.ID)
		n := slices.IndexFunc(c.builds, func(b *indexBuild) bool { return b.index.ID == index.ID })
		switch {
		case n >= 0 && index.Ready:
			c.builds = slices.Delete(c.builds, n, n+1)
			t.write.Delete(indexBuildKey(index.ID))
		case n >= 0:
			c.builds[n].index = index
		case !index.Ready && !index.Unique && !slices.Contains(known, index.ID):
			b := &indexBuild{index: index}
			c.builds = append(c.builds, b)
			t.write.Set(indexBuildKey(index.ID), b.append(nil))
		}
	}
}

// dropIndex removes all that an index keeps on the shard.
func (t *tick) dropIndex(id catalog.ObjectID) {
	t.core.builds = slices.DeleteFunc(t.core.builds, func(b *indexBuild) bool { return b.index.ID == id })
	for _, kind := range []tables.Kind{tables.KindIndex, tables.KindRow, tables.KindPosition} {
		t.deleteObject(kind, id)
	}
}

// loadIndexes reads how far the indexes are that are being built.
func (c *core) loadIndexes() error {
	c.builds = nil
	for _, id := range c.record.indexes {
		index := c.snapshot.Index(id)
		if index == nil {
			continue // dropped since; the next activation removes it
		}
		stored, found, err := c.state.Get(indexBuildKey(id), nil)
		if err != nil {
			return err
		}
		if !found {
			continue
		}
		b := &indexBuild{index: index}
		if b.position, err = decodePosition(stored); err != nil {
			return err
		}
		c.builds = append(c.builds, b)
	}
	return nil
}

// buildIndexes adds the next piece to the first index that is not finished.
func (t *tick) buildIndexes() error {
	for _, b := range t.core.builds {
		if b.scanned {
			continue
		}
		if err := t.buildIndex(b); err != nil {
			return err
		}
		break
	}
	t.result.more = slices.ContainsFunc(t.core.builds, func(b *indexBuild) bool { return !b.scanned })
	return nil
}

func (t *tick) buildIndex(b *indexBuild) error {
	c := t.core
	codec := c.codec(b.index.Table)
	x := &indexCodec{index: b.index, columns: b.index.Numbers()}
	prefix := codec.appendStorageKey(nil)
	from := prefix
	if b.begun {
		from = append(append(slices.Clone(prefix), b.cursor...), 0) // the next possible key
	}
	it, err := c.state.Scan(from, tables.PrefixEnd(nil, prefix))
	if err != nil {
		return err
	}
	defer it.Close()
	fetch := newFetchReader(codec, x.columns)
	places := make([]int, len(x.columns))
	for i := range places {
		places[i] = i
	}
	rows, bytes, more := 0, 0, false
	for more = it.Next(); more && rows < c.scanRows && bytes < catchUpBytes; more = it.Next() {
		stored := fetch.newStored()
		if err := fetch.decodeTableRow(it.Value(), stored); err != nil {
			return err
		}
		rowKey := it.Key()[len(prefix):]
		var size int
		c.entry, size = x.appendEntry(c.entry[:0], fetch.project(stored, 0), places, 0, rowKey)
		keyLen := len(c.entry)
		c.entry = appendSize(c.entry, size)
		t.write.Set(c.entry[:keyLen], c.entry[keyLen:])
		b.begun, b.cursor = true, append(b.cursor[:0], rowKey...)
		rows, bytes = rows+1, bytes+len(c.entry)
	}
	if err := it.Err(); err != nil {
		return err
	}
	if !more {
		b.scanned, b.cursor = true, nil
	}
	t.write.Set(indexBuildKey(b.index.ID), b.append(nil))
	return nil
}

// indexesDone returns, of the indexes that are not ready, whether this shard has
// done its part: nil where there are none. That is for an index that is not unique
// the scan; for a unique one, that no transaction is prepared which was begun
// before and writes the table without it.
func (c *core) indexesDone() map[catalog.ObjectID]bool {
	var done map[catalog.ObjectID]bool
	for _, index := range c.unready {
		if done == nil {
			done = map[catalog.ObjectID]bool{}
		}
		if index.Unique {
			done[index.ID] = !c.preparedFor(index.Table)
			continue
		}
		n := slices.IndexFunc(c.builds, func(b *indexBuild) bool { return b.index.ID == index.ID })
		done[index.ID] = n >= 0 && c.builds[n].scanned
	}
	return done
}

// preparedFor reports whether a prepared transaction writes a table.
func (c *core) preparedFor(table catalog.ObjectID) bool {
	for _, p := range c.prepared {
		if slices.ContainsFunc(p.parts, func(p part) bool { return p.relation == table }) {
			return true
		}
	}
	return false
}
