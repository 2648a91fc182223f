package exec

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"millrace/exec/pull"
	"millrace/log"
	"millrace/planner/plan"
	"millrace/sql/catalog"
	"millrace/sql/expr"
	"millrace/sql/sqlerr"
	"millrace/sql/types"
	"millrace/tables"
)

// pull runs a pull query over what is committed now: one snapshot of the table
// store, and the streams up to their ends.
func (e *Engine) pull(ctx context.Context, q *plan.Query, env *QueryEnv) (Cursor, error) {
	sources := &pullSources{engine: e, env: env, view: env.View}
	evaluation := &expr.Context{Now: env.Now, Format: env.Format, Params: env.Params, Session: env.Session, Done: ctx.Done()}
	var err error
	if env.View != nil {
		err = env.View.check(e.newestCatalog(), q.Sources, env.Freshness.Stale)
	} else {
		sources.view, err = e.queryView(ctx, q, env, evaluation)
	}
	if err != nil {
		return nil, err
	}
	rows, err := pull.Run(ctx, q, evaluation, sources, pull.Options{})
	if err != nil {
		sources.close()
		return nil, err
	}
	c := &pullCursor{rows: rows, sources: sources}
	if env.View == nil && len(q.Locks) == 0 {
		c.again = func() (Cursor, error) { return e.pull(ctx, q, env) }
	}
	return c, nil
}

// queryView returns the view of a pull query that reads what is committed now. One that
// reads a single row asks no other shard than that row's.
func (e *Engine) queryView(ctx context.Context, q *plan.Query, env *QueryEnv, evaluation *expr.Context) (*View, error) {
	freshness := env.Freshness
	if freshness.Current {
		freshness.Stale, freshness.MaxStaleness = false, 0
	}
	if freshness.Stale || e.alone() {
		return e.NewView(ctx, q.Sources, env.Freshness)
	}
	shard, known := e.oneKeyShard(q, evaluation)
	if !known {
		return e.NewView(ctx, q.Sources, env.Freshness)
	}
	if err := e.catchUp(ctx, e.outdated([]int{shard}, freshness.MaxStaleness)); err != nil {
		return nil, err
	}
	return e.newView(q.Sources)
}

// streamEnds returns the next offsets of a stream's partitions.
func (e *Engine) streamEnds(stream catalog.ObjectID) ([]int64, error) {
	ends := make([]int64, len(e.loops))
	for i, l := range e.loops {
		partition, err := l.log.Partition(uint64(stream))
		if err != nil {
			return nil, err
		}
		if partition != nil {
			ends[i] = partition.NextOffset()
		}
	}
	return ends, nil
}

// pullCursor is a pull query at work.
type pullCursor struct {
	rows    pull.Iterator
	sources *pullSources
	// again begins the query anew, nil where it must not be: it has given rows, locks some,
	// or reads the view of a transaction.
	again func() (Cursor, error)
}

// Next implements Cursor. A query whose view cannot be read any more before it has given a
// row begins anew, once.
func (c *pullCursor) Next(ctx context.Context) (*types.Batch, error) {
	rows, err := c.rows.Next(ctx)
	again := c.again
	c.again = nil
	if again == nil || !errors.Is(err, ErrReplaced) {
		return rows, err
	}
	anew, err := again()
	if err != nil {
		return nil, err
	}
	c.Close()
	*c = *anew.(*pullCursor)
	c.again = nil
	return c.rows.Next(ctx)
}

// Close implements Cursor.
func (c *pullCursor) Close() {
	c.rows.Close()
	c.sources.close()
}

// pullSources reads the leaves of a pull query.
type pullSources struct {
	engine *Engine
	env    *QueryEnv
	view   *View
}

// close lets the view go, unless it is the session's.
func (s *pullSources) close() {
	if s.view != s.env.View {
		s.view.Close()
	}
}

// System implements pull.Sources.
func (s *pullSources) System(ctx context.Context, schema, name string) ([][]types.Datum, error) {
	return s.env.System(ctx, schema, name)
}

// Lock implements pull.Sources.
func (s *pullSources) Lock(ctx context.Context, table *plan.LockedTable, rows *types.Batch) ([]int, error) {
	if s.env.Lock == nil {
		return nil, errors.New("exec: the query may not lock rows")
	}
	got, err := s.env.Lock(ctx, table, rows)
	if err != nil {
		return nil, err
	}
	if got.Waited && !s.view.Kept() {
		return nil, ErrRowsChanged
	}
	if len(got.Fresh) == 0 {
		return got.Skipped, nil
	}
	if err := s.engine.catchUpKeys(ctx, table.Relation, rows); err != nil {
		return nil, err
	}
	codec := newRelationCodec(table.Relation)
	now := s.engine.storage.Store().NewSnapshot()
	defer func() { _ = now.Close() }() // its reads reported their errors
	var key []byte
	for _, row := range got.Fresh {
		key = codec.appendKey(key[:0], rows, row)
		shard := uint32(types.PartitionOf(key, table.Relation.Partitions))
		stored := append(codec.appendStorageKey(nil), key...)
		was, _, err := s.view.snapshot.Shard(shard).Get(stored, nil)
		if err != nil {
			return nil, damaged(err)
		}
		is, _, err := now.Shard(shard).Get(stored, nil)
		if err != nil {
			return nil, damaged(err)
		}
		switch {
		case bytes.Equal(was, is):
		case s.view.Kept():
			if err := s.lockedInView(table, codec, was, is); err != nil {
				return nil, err
			}
		default:
			return nil, ErrRowsChanged
		}
	}
	return got.Skipped, nil
}

// Given implements pull.Sources.
func (s *pullSources) Given(number int) (*types.Batch, error) {
	if number >= len(s.env.Given) || s.env.Given[number] == nil {
		return nil, fmt.Errorf("exec: the query was not given rows %d", number)
	}
	return s.env.Given[number], nil
}

// Scan implements pull.Sources.
func (s *pullSources) Scan(_ context.Context, scan *plan.Scan, key []types.Datum, bounds *pull.Bounds) (pull.Iterator, error) {
	codec := newRelationCodec(scan.Relation)
	fetch := newFetchReader(codec, scan.Fetch)
	if scan.Relation.Kind == catalog.KindStream {
		ends := s.view.ends[scan.Relation.ID]
		if ends == nil && s.view.Kept() {
			ends = make([]int64, len(s.engine.loops)) // it is younger than the view
		}
		if ends == nil {
			return nil, fmt.Errorf("exec: stream %q is not among the query's sources", scan.Relation.Name)
		}
		stream := &streamScan{engine: s.engine, stream: scan.Relation, fetch: fetch, ends: ends, visible: ends}
		if bounds != nil {
			stream.restrict(scan.Access.Pseudocolumn, bounds)
		}
		return stream, nil
	}
	if s.view.snapshot == nil {
		return nil, fmt.Errorf("exec: table %q is not among the query's sources", scan.Relation.Name)
	}
	held := s.env.Overlay.table(scan.Relation.ID)
	if key != nil {
		return s.lookup(codec, fetch, key, held)
	}
	if bounds != nil {
		reader := &tableReader{snapshot: s.view.snapshot, codec: codec, fetch: fetch, held: held, read: s.engine.metrics.read}
		index := scan.Access.Index
		if index == nil {
			return s.access(reader, nil, nil, bounds), nil
		}
		// An index that the catalog has now, behind the snapshot, was not being
		// dropped anywhere when the snapshot was made. Else all rows are read: the
		// condition above the scan finds the same.
		// So are they where the rows' partitions are asked for, which are not those of
		// a unique index's entries.
		if current := s.engine.newestCatalog(); current.Index(index.ID) != nil && s.view.hasIndex(index.ID) && !(index.Unique && fetch.pseudo) {
			return s.access(reader, index, current.UniqueRelation(index.ID), bounds), nil
		}
	}
	return &tableScan{
		snapshot: s.view.snapshot, shards: len(s.engine.loops), codec: codec, fetch: fetch, held: held, read: s.engine.metrics.read,
	}, nil
}

// lookup reads the row of one key.
func (s *pullSources) lookup(codec *relationCodec, fetch *fetchReader, key []types.Datum, held *overlayTable) (pull.Iterator, error) {
	var encoded []byte
	for i, column := range codec.relation.Key {
		encoded = types.AppendKey(encoded, codec.columns[column], key[i])
	}
	shard := types.PartitionOf(codec.placement(encoded, key), codec.relation.Partitions)
	if row, known := held.find(encoded); known {
		rows := types.NewBatch(codec.columns)
		if row.current.batch != nil {
			rows.AppendRowFrom(row.current.batch, row.current.row, 1)
		}
		return &oneBatch{batch: fetch.projectFull(rows, int32(shard))}, nil
	}
	value, found, err := s.view.snapshot.Shard(uint32(shard)).Get(append(codec.appendStorageKey(nil), encoded...), nil)
	if err != nil {
		return nil, damaged(err)
	}
	stored := fetch.newStored()
	if found {
		if err := fetch.decodeTableRow(value, stored); err != nil {
			return nil, damaged(err)
		}
	}
	return &oneBatch{batch: fetch.project(stored, int32(shard))}, nil
}

// oneBatch gives one batch, if it has rows.
type oneBatch struct{ batch *types.Batch }

func (o *oneBatch) Next(context.Context) (*types.Batch, error) {
	batch := o.batch
	o.batch = nil
	if batch == nil || batch.Len == 0 {
		return nil, io.EOF
	}
	return batch, nil
}

func (o *oneBatch) Close() {}

// scanRows is how many table rows make a batch of a scan.
const scanRows = 1024

// tableScan reads a table, shard by shard, and what an open transaction has made
// of it.
type tableScan struct {
	snapshot *tables.Snapshot
	shards   int
	shard    int
	codec    *relationCodec
	fetch    *fetchReader
	it       *tables.Iterator
	// prefix is what the keys of the table's rows begin with.
	prefix []byte
	// held is what the transaction has done; nil once it was given, or for nothing.
	held *overlayTable
	// read counts the rows that were read.
	read func(n int)
}

// Next implements pull.Iterator.
func (s *tableScan) Next(ctx context.Context) (*types.Batch, error) {
	for s.shard < s.shards {
		if err := ctx.Err(); err != nil {
			return nil, context.Cause(ctx)
		}
		if s.it == nil {
			s.prefix = s.codec.appendStorageKey(s.prefix[:0])
			it, err := s.snapshot.Shard(uint32(s.shard)).Scan(s.prefix, tables.PrefixEnd(nil, s.prefix))
			if err != nil {
				return nil, damaged(err)
			}
			s.it = it
		}
		stored := s.fetch.newStored()
		arena := types.StringArena{}
		for stored.Len < scanRows && s.it.Next() {
			if _, known := s.held.find(s.it.Key()[len(s.prefix):]); known {
				continue
			}
			row := arena.Copy(s.it.Value())
			if err := s.fetch.decodeTableRow(bytesOf(row), stored); err != nil {
				return nil, damaged(err)
			}
		}
		s.read(stored.Len)
		if err := s.it.Err(); err != nil {
			return nil, damaged(err)
		}
		partition := int32(s.shard)
		if stored.Len < scanRows {
			s.Close()
			s.shard++
		}
		if stored.Len > 0 {
			return s.fetch.project(stored, partition), nil
		}
	}
	if held := s.held; held != nil {
		s.held = nil
		if rows := held.batch(); rows.Len > 0 {
			return s.fetch.projectFull(rows, 0), nil
		}
	}
	return nil, io.EOF
}

// Close implements pull.Iterator.
func (s *tableScan) Close() {
	if s.it != nil {
		_ = s.it.Close() // Err was looked at after the last step
		s.it = nil
	}
}

// scanBytes is how much of a stream a scan reads at once.
const scanBytes = 256 << 10

// damaged gives errors of reading what is on disk their SQLSTATE.
func damaged(err error) error {
	_, inLog := errors.AsType[*log.CorruptionError](err)
	_, inTables := errors.AsType[*tables.CorruptionError](err)
	if inLog || inTables {
		return sqlerr.New(sqlerr.DataCorrupted, -1, "%w", err).
			WithHint("Where the cluster has other nodes, this one copies its replica anew from them: run the statement again.")
	}
	if errors.Is(err, tables.ErrReplaced) {
		return sqlerr.New(sqlerr.SerializationFailure, -1, "could not serialize access because %w", ErrReplaced).
			WithHint("Run the transaction again.")
	}
	return sqlerr.New(sqlerr.IOError, -1, "%w", err)
}
