// Package pull runs pull queries: a plan over finite input, once. Operators are
// iterators over columnar batches of at most 1,024 rows; each stands beside the
// incremental operator of the same name and means the same.
package pull

import (
	"context"

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
	// values of scan.KeyEquals, none of them NULL, or is nil. All scans of one
	// execution should see the same state. Weights, where set, are positive: a row
	// of weight n counts n times.
	Scan(ctx context.Context, scan *plan.Scan, key []types.Datum) (Iterator, error)
	// System returns the rows of a system table, with all its columns. The caller
	// does not change them.
	System(ctx context.Context, schema, name string) ([][]types.Datum, error)
}

// Iterator gives rows batch by batch. It belongs to one goroutine at a time.
type Iterator interface {
	// Next returns the next rows, at least one, or io.EOF at the end. The batch is
	// valid until the following Next or Close and must not be changed; its strings
	// stay valid for ever. When ctx ends, Next returns its error and may be called
	// again.
	Next(ctx context.Context) (*types.Batch, error)
	// Close releases what the iterator holds. It is safe to call twice.
	Close()
}

// Run starts a query over finite input and returns its visible columns. Nothing
// is read before the first Next. env gives the time, parameters and settings;
// it is copied, and what it says of outer rows and subqueries is not used. A row
// whose evaluation fails ends the query with its error, after the rows before
// it.
func Run(ctx context.Context, q *plan.Query, env *expr.Context, sources Sources, options Options) (Iterator, error) {
	return nil, notSupported("pull queries")
}
