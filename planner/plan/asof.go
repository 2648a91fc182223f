package plan

import "millrace/sql/expr"

// AsOf says which of the right rows with its keys a left row meets: of those for
// which Left Op Right holds, the one whose Right is closest to Left; of several
// such rows the one whose Ties, compared in their order with NULL last, are the
// least.
type AsOf struct {
	// Op is >=, >, <= or <.
	Op string
	// Left is over the left side's row alone, Right and Ties over the right side's.
	Left, Right expr.Expr
	Ties        []expr.Expr
	// Gone, where not nil, makes the right rows, which are only added, the versions of
	// a table's rows: of those of one key and time the last one that came counts. Gone
	// is over the right side's row and says that from then on there is no row.
	Gone expr.Expr
	// Waits says that a left row is given once, with the version that it meets when
	// stream time, which comes with the left rows, has passed Left by more than Grace
	// microseconds, and then goes.
	Waits bool
	Grace int64
}

// Backwards reports whether the closest right row is the one with the greatest
// value, rather than the least.
func (a *AsOf) Backwards() bool { return a.Op[0] == '>' }

// Strict reports whether equal values do not match.
func (a *AsOf) Strict() bool { return len(a.Op) == 1 }

// Exprs are the expressions of an AsOf, which may be nil.
func (a *AsOf) Exprs() []expr.Expr {
	if a == nil {
		return nil
	}
	return append([]expr.Expr{a.Left}, a.RightExprs()...)
}

// RightExprs are those over the right side's row.
func (a *AsOf) RightExprs() []expr.Expr {
	all := append([]expr.Expr{a.Right}, a.Ties...)
	if a.Gone != nil {
		all = append(all, a.Gone)
	}
	return all
}
