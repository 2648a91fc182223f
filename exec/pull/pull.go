// Package pull runs pull queries: a plan over finite input, once. Operators are
// iterators over columnar batches of at most 1,024 rows; each stands beside the
// incremental operator of the same name and means the same.
package pull

import (
	"context"
	"errors"
	"io"

	"millrace/planner/plan"
	"millrace/sql/expr"
	"millrace/sql/types"
)

// DefaultMemoryLimit is the memory of one query in bytes unless Options say
// otherwise.
const DefaultMemoryLimit = 256 << 20

// Options bound an execution.
type Options struct {
	// MemoryLimit is how many bytes the query may hold in sorts, hash tables and
	// subquery results, approximately; past it the query fails with 53200. 0 means
	// DefaultMemoryLimit.
	MemoryLimit int64
}

// Sources gives the leaves of a plan their rows.
type Sources interface {
	// Scan returns the rows of a stream or table, as batches of any size with
	// exactly the columns of scan.Fetch, pseudocolumns included. key holds the
	// values of scan.KeyEquals, none of them NULL, or is nil; bounds those of
	// scan.Access, which is nil likewise and may be passed over. All scans of one
	// execution should see the same state. Weights, where set, are positive: a row
	// of weight n counts n times.
	Scan(ctx context.Context, scan *plan.Scan, key []types.Datum, bounds *Bounds) (Iterator, error)
	// System returns the rows of a system table, with all its columns. The caller
	// does not change them.
	System(ctx context.Context, schema, name string) ([][]types.Datum, error)
	// Lock locks the rows of a table that have the keys of the given rows, of which
	// only the key columns are set, and returns the numbers of those that are
	// skipped, in order. It fails where a row is not any more as Scan gives it.
	Lock(ctx context.Context, table *plan.LockedTable, rows *types.Batch) (skipped []int, err error)
	// Given returns the rows of a plan.Given by its number, with its columns. The
	// caller does not change them.
	Given(number int) (*types.Batch, error)
}

// Iterator gives rows batch by batch. It belongs to one goroutine at a time.
type Iterator interface {
	// Next returns the next rows, at least one, or io.EOF at the end. The batch is
	// valid until the following Next or Close and must not be changed; its strings
	// stay valid for ever. When ctx ends, Next returns its cause and may be called
	// again; a subquery that it interrupts ends the query.
	Next(ctx context.Context) (*types.Batch, error)
	// Close releases what the iterator holds. It is safe to call twice.
	Close()
}

// Run prepares a query over finite input and returns an iterator over its
// visible columns. Nothing is read before the first Next. env gives the time,
// parameters and settings; it is copied, and what it says of outer rows and
// subqueries is not used. A row whose evaluation fails ends the query with its
// error, after the rows before it.
func Run(ctx context.Context, q *plan.Query, env *expr.Context, sources Sources, options Options) (Iterator, error) {
	if options.MemoryLimit == 0 {
		options.MemoryLimit = DefaultMemoryLimit
	}
	e := &execution{
		env:     env,
		sources: sources,
		memory:  budget{limit: options.MemoryLimit},
		ctx:     ctx,
	}
	main := e.newScope(e.prepareSubqueries(q, nil), false)
	root, err := e.build(q.Root, main)
	if err != nil {
		return nil, err
	}
	return &result{execution: e, root: root, visible: q.Visible}, nil
}

// result is the iterator over a whole query.
type result struct {
	execution *execution
	root      node
	visible   int
	view      types.Batch
	end       error
}

// Next implements Iterator.
func (r *result) Next(ctx context.Context) (*types.Batch, error) {
	if r.end != nil {
		return nil, r.end
	}
	r.execution.ctx = ctx
	b, err := r.root.next(ctx)
	if err != nil {
		if cause := ended(ctx); cause == nil || !errors.Is(err, cause) {
			r.finish(err)
		}
		return nil, err
	}
	r.view = *b
	r.view.Columns = b.Columns[:r.visible:r.visible]
	return &r.view, nil
}

// finish gives back everything and makes later calls return err.
func (r *result) finish(err error) {
	r.end = err
	r.root.close()
	r.execution.close()
}

// Close implements Iterator.
func (r *result) Close() {
	if r.end == nil {
		r.finish(io.EOF)
	}
}
