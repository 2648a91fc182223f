package expr

import "millrace/sql/types"

// Aggregate is one signature of an aggregate function: data plus the maker of
// its accumulators.
type Aggregate struct {
	Name     string
	Args     []types.Type
	Variadic bool
	Result   types.Type
	ResultOf func(args []types.Type) (types.Type, error)
	// State is the types of the columns that hold one group's state, on disk and
	// between a partial and a final aggregation.
	State []types.Type
	// Retraction says what it takes to undo a row.
	Retraction Retraction
	// Combines says that partial states may be merged before a shuffle without
	// changing the result.
	Combines bool
	// OrderSensitive says that the result depends on the order in which rows are
	// added; such an aggregate does not combine.
	OrderSensitive bool
	// New returns an accumulator without groups, for arguments of the given
	// types.
	New func(args []types.Type) Accumulator
	// Description is one line for the documentation.
	Description string
}

// Retraction says what an aggregate needs in order to undo a row.
type Retraction uint8

const (
	// RetractInvertible aggregates undo a row from the state alone (count, sum,
	// avg, bool_and, bool_or by counting).
	RetractInvertible Retraction = iota
	// RetractByValues aggregates need the group's values, kept by their host in
	// order with their multiplicities (min, max over updating input, count
	// distinct, array_agg); over append-only input the accumulator's state alone
	// suffices when State is not empty.
	RetractByValues
)

// Accumulator keeps one aggregate's states for many groups, in columns. Groups
// are numbered from 0 by the host. Calls are per batch, never per row. An
// accumulator is owned by one goroutine.
type Accumulator interface {
	// Resize makes groups 0..n-1 exist; new ones are empty, shrinking forgets.
	Resize(n int)
	// Clear makes the given groups empty.
	Clear(groups []int32)
	// Add applies row r of args, with weights[r] (nil: all +1), to groups[r]. Rows
	// with a NULL argument are skipped where PostgreSQL's aggregate ignores NULL.
	// A row whose effect fails (overflow) is reported through ctx.Fail(r) and has
	// no effect. Weights may be negative only for RetractInvertible aggregates.
	// groups[r] < 0 skips row r.
	Add(ctx *Context, groups []int32, args []*types.Vector, weights []int64)
	// Merge adds the partial state in row r of states to groups[r].
	Merge(ctx *Context, groups []int32, states []*types.Vector)
	// Load replaces the state of groups[r] by row r of states.
	Load(groups []int32, states []*types.Vector)
	// Save appends the states of the groups to the State columns in out.
	Save(groups []int32, out []*types.Vector)
	// Result appends the results of the groups to out. A result that cannot be
	// represented is reported through ctx.Fail(r) for the r-th of groups, with
	// NULL appended.
	Result(ctx *Context, groups []int32, out *types.Vector)
}
