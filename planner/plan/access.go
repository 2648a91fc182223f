package plan

import (
	"strings"

	"millrace/sql/catalog"
	"millrace/sql/expr"
)

// Access is how a scan finds rows without reading a whole table: the values of the
// first columns of its key or of an index, and a range of the column behind these.
// Its expressions read no row and are of the columns' types, as far as keys are
// concerned.
type Access struct {
	// Index is the index, nil for the key.
	Index *catalog.Index
	// Equals holds, for each of the first columns, the values that it may have.
	Equals []Alternatives
	// Low and High bound the column behind; nil for no bound.
	Low, High *Bound
	// Pseudocolumn is, of a stream, what Low and High bound: FetchRowOffset, in each
	// partition, or FetchRowtime, of which only Low says where to begin.
	Pseudocolumn int
}

// Alternatives are the values that a column may have: those of a list and of an
// array, NULLs left out, or only NULL.
type Alternatives struct {
	List  []expr.Expr
	Array expr.Expr
	Null  bool
}

// Bound is one end of a range.
type Bound struct {
	Value     expr.Expr
	Inclusive bool
}

// Columns returns the numbers of the columns in whose order the access reads.
func (a *Access) Columns(table *catalog.Relation) []int {
	if a.Index == nil {
		return table.Key
	}
	return a.Index.Numbers()
}

// Exprs returns the expressions of an access, which may be nil.
func (a *Access) Exprs() []expr.Expr {
	if a == nil {
		return nil
	}
	var all []expr.Expr
	for _, e := range a.Equals {
		all = append(all, e.List...)
		if e.Array != nil {
			all = append(all, e.Array)
		}
	}
	for _, b := range []*Bound{a.Low, a.High} {
		if b != nil {
			all = append(all, b.Value)
		}
	}
	return all
}

// describe prints the conditions of an access.
func (a *Access) describe(table *catalog.Relation) string {
	if a.Pseudocolumn != 0 {
		return a.describeRange()
	}
	columns := a.Columns(table)
	var conditions []string
	for i, e := range a.Equals {
		conditions = append(conditions, QuoteIdentifier(table.Columns[columns[i]].Name)+e.describe())
	}
	name := ""
	if len(a.Equals) < len(columns) {
		name = QuoteIdentifier(table.Columns[columns[len(a.Equals)]].Name)
	}
	if a.Low != nil {
		conditions = append(conditions, name+" >"+a.Low.describe())
	}
	if a.High != nil {
		conditions = append(conditions, name+" <"+a.High.describe())
	}
	return strings.Join(conditions, ", ")
}

func (a *Alternatives) describe() string {
	switch {
	case a.Null:
		return " IS NULL"
	case a.Array != nil:
		return " = ANY (" + ExprString(a.Array, nil) + ")"
	case len(a.List) == 1:
		return " = " + ExprString(a.List[0], nil)
	default:
		return " IN (" + exprList(a.List, nil) + ")"
	}
}

func (b *Bound) describe() string {
	if b.Inclusive {
		return "= " + ExprString(b.Value, nil)
	}
	return " " + ExprString(b.Value, nil)
}

// describeRange prints the range of a stream.
func (a *Access) describeRange() string {
	name := "rowoffset"
	if a.Pseudocolumn == FetchRowtime {
		name = "rowtime"
	}
	var conditions []string
	if a.Low != nil {
		conditions = append(conditions, name+" >"+a.Low.describe())
	}
	if a.High != nil {
		conditions = append(conditions, name+" <"+a.High.describe())
	}
	return strings.Join(conditions, " AND ")
}
