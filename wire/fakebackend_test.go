package wire_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"millrace/exec"
	"millrace/exec/lock"
	"millrace/exec/pull"
	"millrace/planner/plan"
	"millrace/sql/catalog"
	"millrace/sql/expr"
	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// fakeBackend is a node in memory: relations are batches, a pull query runs
// over them, and a push query runs over what was written behind its start, as
// it does for append-only results.
type fakeBackend struct {
	mu       sync.Mutex
	locks    exec.Locks
	snapshot *catalog.Snapshot
	rows     map[catalog.ObjectID]*types.Batch
	// changed is closed, and made anew, with every write.
	changed chan struct{}
	// writes has the rows of each call of Write, with the relation and whether all
	// or none were asked for; cursors counts the queries that are open.
	writes  []string
	cursors int
	// failWrites makes writes fail, holdWrites makes them wait.
	failWrites error
	holdWrites chan struct{}
	// failPushes fails the push queries that wait, one after the other, and failQueries
	// those that begin.
	failPushes  chan error
	failQueries atomic.Pointer[sqlerr.Error]
}

func newFakeBackend() *fakeBackend {
	snapshot, _, err := catalog.Apply(new(catalog.Snapshot), &catalog.Bootstrap{ClusterID: "test", Shards: 2})
	if err != nil {
		panic(err)
	}
	return &fakeBackend{locks: exec.LocalLocks(lock.NewManager(nil, nil)), snapshot: snapshot, rows: make(map[catalog.ObjectID]*types.Batch), changed: make(chan struct{}), failPushes: make(chan error)}
}

func (b *fakeBackend) Catalog() *catalog.Snapshot {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.snapshot
}

func (b *fakeBackend) Define(_ context.Context, command catalog.Command) (catalog.Result, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	snapshot, result, err := catalog.Apply(b.snapshot, command)
	if err != nil {
		return result, err
	}
	b.snapshot = snapshot
	return result, nil
}

// Find finds nothing: the backend keeps no keys.
func (b *fakeBackend) Find(_ context.Context, relation *catalog.Relation, keys *types.Batch, _ *exec.Overlay) (*exec.Found, error) {
	found := &exec.Found{Rows: &types.Batch{Columns: make([]types.Vector, len(relation.Columns))}, At: make([]int32, keys.Len)}
	for i := range found.At {
		found.At[i] = -1
	}
	return found, nil
}

func (b *fakeBackend) CatchUpCatalog(context.Context) error { return nil }

func (b *fakeBackend) NewView(context.Context, []*catalog.Relation, exec.Freshness) (*exec.View, error) {
	return &exec.View{}, nil
}

func (b *fakeBackend) NewTransactionView(context.Context, []*catalog.Relation, exec.Freshness) (*exec.View, error) {
	return &exec.View{}, nil
}

func (b *fakeBackend) FindIn(context.Context, *exec.View, *catalog.Relation, *types.Batch, *exec.Overlay) (*exec.Found, error) {
	return nil, sqlerr.New(sqlerr.FeatureNotSupported, -1, "there are no views")
}

func (b *fakeBackend) NextValues(context.Context, catalog.ObjectID, []int64) (int, error) {
	return 0, sqlerr.New(sqlerr.FeatureNotSupported, -1, "there are no sequences")
}

func (b *fakeBackend) CheckStart(context.Context, *plan.Start, *catalog.Relation) error { return nil }

func (b *fakeBackend) SetSequence(context.Context, *catalog.SetSequence) error { return nil }

func (b *fakeBackend) SequenceState(catalog.ObjectID) (int64, bool, int64) { return 0, false, 0 }

func (b *fakeBackend) SetRowIDs(context.Context, *catalog.Relation, *types.Batch) error { return nil }

// Locks returns the locks of nobody else.
func (b *fakeBackend) Locks() exec.Locks { return b.locks }

func (b *fakeBackend) Alive() error { return nil }

func (b *fakeBackend) NewWriter() exec.Writer { return fakeWriter{b} }

type fakeWriter struct{ *fakeBackend }

func (b fakeWriter) WriteDefining(ctx context.Context, command *catalog.Define, _ *catalog.Snapshot, writes []exec.Rows) error {
	if _, err := b.Define(ctx, command); err != nil {
		return err
	}
	return b.Write(ctx, writes, true)
}

func (fakeWriter) Close() {}

func (fakeWriter) Rely(func(context.Context) error) {}

func (b fakeWriter) Write(ctx context.Context, writes []exec.Rows, atomic bool) error {
	if b.holdWrites != nil {
		select {
		case <-b.holdWrites:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.failWrites != nil {
		return b.failWrites
	}
	var calls []string
	for _, write := range writes {
		calls = append(calls, fmt.Sprintf("%s %d", write.Relation.Name, write.Batch.Len))
		stored := b.table(write.Relation)
		for i := range stored.Columns {
			stored.Columns[i].AppendAll(&write.Batch.Columns[i])
		}
		stored.Len += write.Batch.Len
	}
	call := strings.Join(calls, ", ")
	if atomic {
		call += " atomic"
	}
	b.fakeBackend.writes = append(b.fakeBackend.writes, call)
	close(b.changed)
	b.changed = make(chan struct{})
	return nil
}

// table returns the rows of a relation.
func (b *fakeBackend) table(r *catalog.Relation) *types.Batch {
	stored := b.rows[r.ID]
	if stored == nil {
		stored = &types.Batch{Columns: make([]types.Vector, len(r.Columns))}
		for i := range r.Columns {
			stored.Columns[i].Type = r.Columns[i].Type
		}
		b.rows[r.ID] = stored
	}
	return stored
}

// takeWrites returns the calls of Write since it was called last.
func (b *fakeBackend) takeWrites() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	writes := strings.Join(b.writes, "; ")
	b.writes = nil
	return writes
}

// count returns how many rows a relation has.
func (b *fakeBackend) count(name string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.table(b.snapshot.Lookup(catalog.DefaultSchema, name)).Len
}

// between returns a copy of a relation's rows from one number up to another,
// which is negative for the end.
func (b *fakeBackend) between(r *catalog.Relation, from, to int) *types.Batch {
	b.mu.Lock()
	defer b.mu.Unlock()
	stored := b.table(r)
	if to < 0 {
		to = stored.Len
	}
	var selection []int32
	for i := from; i < to; i++ {
		selection = append(selection, int32(i))
	}
	return stored.Select(selection)
}

func (b *fakeBackend) Query(ctx context.Context, q *plan.Query, env *exec.QueryEnv) (exec.Cursor, error) {
	if failure := b.failQueries.Load(); failure != nil {
		return nil, failure
	}
	c := &fakeCursor{backend: b, query: q, env: env}
	b.mu.Lock()
	b.cursors++
	if len(q.Sources) > 0 {
		c.from = b.table(q.Sources[0]).Len
	}
	b.mu.Unlock()
	if q.Emit == plan.EmitNone {
		var err error
		if c.iterator, err = c.run(ctx, 0, -1); err != nil {
			c.Close()
			return nil, err
		}
	}
	return c, nil
}

// openCursors returns how many queries are open.
func (b *fakeBackend) openCursors() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.cursors
}

// fakeCursor gives the rows of a query over the backend's batches.
type fakeCursor struct {
	backend *fakeBackend
	query   *plan.Query
	env     *exec.QueryEnv
	// from is the first row that a push query has not seen.
	from     int
	iterator pull.Iterator
	closed   bool
	// given counts the rows given.
	given int64
}

func (c *fakeCursor) Next(ctx context.Context) (*types.Batch, error) {
	if c.query.Emit == plan.EmitNone {
		return c.iterator.Next(ctx)
	}
	for {
		c.backend.mu.Lock()
		changed := c.backend.changed
		c.backend.mu.Unlock()
		batch, err := c.nextChanges(ctx)
		if err != nil || batch.Len > 0 {
			return batch, err
		}
		select {
		case <-changed:
		case err := <-c.backend.failPushes:
			return nil, err
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// nextChanges runs a push query over the rows that it has not seen.
func (c *fakeCursor) nextChanges(ctx context.Context) (*types.Batch, error) {
	limit := int64(-1)
	if c.query.EmitLimit != nil {
		d, err := expr.EvalDatum(c.evaluation(), c.query.EmitLimit, nil)
		if err != nil {
			return nil, err
		}
		if limit = d.Int - c.given; limit <= 0 {
			return nil, io.EOF
		}
	}
	if len(c.query.Sources) == 0 {
		return &types.Batch{}, nil
	}
	end := c.backend.between(c.query.Sources[0], 0, -1).Len
	iterator, err := c.run(ctx, c.from, end)
	if err != nil {
		return nil, err
	}
	defer iterator.Close()
	c.from = end
	out := &types.Batch{}
	for _, column := range c.query.Root.Columns()[:c.query.Visible] {
		out.Columns = append(out.Columns, types.Vector{Type: column.Type})
	}
	for {
		batch, err := iterator.Next(ctx)
		if errors.Is(err, io.EOF) {
			c.given += int64(out.Len)
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		for i := 0; i < batch.Len && (limit < 0 || int64(out.Len) < limit); i++ {
			out.AppendRow(batch.Row(i, nil), 1)
		}
	}
}

func (c *fakeCursor) evaluation() *expr.Context {
	return &expr.Context{Now: c.env.Now, Format: c.env.Format, Params: c.env.Params, Session: c.env.Session}
}

func (c *fakeCursor) run(ctx context.Context, from, to int) (pull.Iterator, error) {
	return pull.Run(ctx, c.query, c.evaluation(), fakeSources{c, from, to}, pull.Options{})
}

func (c *fakeCursor) Close() {
	c.backend.mu.Lock()
	defer c.backend.mu.Unlock()
	if !c.closed {
		c.closed = true
		c.backend.cursors--
	}
}

// fakeSources gives a query a range of the rows of its relations.
type fakeSources struct {
	cursor   *fakeCursor
	from, to int
}

func (fakeSources) Lock(context.Context, *plan.LockedTable, *types.Batch) ([]int, error) {
	return nil, nil
}

func (s fakeSources) Scan(_ context.Context, scan *plan.Scan, key []types.Datum, _ *pull.Bounds) (pull.Iterator, error) {
	all := s.cursor.backend.between(scan.Relation, s.from, s.to)
	out := &types.Batch{Len: all.Len}
	for _, column := range scan.Fetch {
		if column < 0 {
			out.Columns = append(out.Columns, types.NewVector(types.TimestampTZ, all.Len))
			continue
		}
		out.Columns = append(out.Columns, all.Columns[column])
	}
	if key != nil {
		return nil, errors.New("the fake backend has no keys")
	}
	return &fakeIterator{batch: out}, nil
}

func (s fakeSources) System(ctx context.Context, schema, name string) ([][]types.Datum, error) {
	return s.cursor.env.System(ctx, schema, name)
}

func (s fakeSources) Given(number int) (*types.Batch, error) { return s.cursor.env.Given[number], nil }

type fakeIterator struct{ batch *types.Batch }

func (i *fakeIterator) Next(context.Context) (*types.Batch, error) {
	batch := i.batch
	i.batch = nil
	if batch == nil || batch.Len == 0 {
		return nil, io.EOF
	}
	return batch, nil
}

func (i *fakeIterator) Close() {}

// waitFor polls until a condition holds.
func waitFor(condition func() bool) bool {
	deadline := time.Now().Add(10 * time.Second)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !condition() {
		if time.Now().After(deadline) {
			return false
		}
		<-tick.C
	}
	return true
}
