package expr

import "millrace/sql/types"

// Expr is a typed, bound expression: plain data that the planner builds and
// rewrites and that Compile turns into a function over vectors. Expressions are
// immutable once built.
type Expr interface {
	// Type returns the type of the expression's value.
	Type() types.Type
	// Pos returns the byte offset in the statement's text that errors name, or
	// -1.
	Pos() int
}

// Node carries what every expression has; the concrete expressions embed it.
type Node struct {
	ResultType types.Type
	Position   int
}

// Type implements Expr.
func (n *Node) Type() types.Type { return n.ResultType }

// Pos implements Expr.
func (n *Node) Pos() int { return n.Position }

// Column is a column of the input batch.
type Column struct {
	Node
	Index int
	// Name is for printing only.
	Name string
}

// Rowtime is the event time of the input row, as timestamptz.
type Rowtime struct{ Node }

// RowOffset is the input row's offset in its partition, as bigint.
type RowOffset struct{ Node }

// RowPartition is the input row's partition, as integer.
type RowPartition struct{ Node }

// Const is a literal or a folded constant.
type Const struct {
	Node
	Value types.Datum
}

// Param is a statement parameter ($1 has Index 0), whose value is given at
// evaluation.
type Param struct {
	Node
	Index int
}

// Outer is a column of the row of an enclosing query, in a correlated subquery
// of a pull query: Level 1 is the query directly around.
type Outer struct {
	Node
	Level, Index int
	Name         string
}

// Call is a function or operator applied to arguments of exactly its overload's
// types.
type Call struct {
	Node
	Func *Overload
	Args []Expr
}

// Cast converts its argument to ResultType; Explicit casts may truncate.
type Cast struct {
	Node
	Arg      Expr
	Explicit bool
}

// And is the conjunction of two or more booleans; a later one is evaluated only
// for rows that the earlier ones do not decide.
type And struct {
	Node
	Args []Expr
}

// Or is the disjunction of two or more booleans, evaluated as And is.
type Or struct {
	Node
	Args []Expr
}

// Not is the negation of a boolean.
type Not struct {
	Node
	Arg Expr
}

// IsNull is `arg IS NULL`, or IS NOT NULL when Negated.
type IsNull struct {
	Node
	Arg     Expr
	Negated bool
}

// IsDistinct is `left IS DISTINCT FROM right`, or IS NOT DISTINCT FROM when
// Negated; the arguments have the same type.
type IsDistinct struct {
	Node
	Left, Right Expr
	Negated     bool
}

// Case is a searched CASE; a simple one is bound to it with equalities.
// Branches are evaluated only for the rows that reach them. Else may be nil.
type Case struct {
	Node
	When, Then []Expr
	Else       Expr
}

// Coalesce is the first argument that is not NULL; later ones are evaluated
// only for rows that need them.
type Coalesce struct {
	Node
	Args []Expr
}

// In is `arg IN (list)`, with PostgreSQL's NULL rule, or NOT IN when Negated.
// All have the same type.
type In struct {
	Node
	Arg     Expr
	List    []Expr
	Negated bool
}

// AnyAll is `left op ANY (array)` or `left op ALL (array)`: Func compares one
// element.
type AnyAll struct {
	Node
	Left, Array Expr
	Func        *Overload
	All         bool
}

// ArrayConstructor is ARRAY[...]; the elements have the array's element type.
type ArrayConstructor struct {
	Node
	Elems []Expr
}

// StructConstructor is STRUCT(name := value, ...) or ROW(...).
type StructConstructor struct {
	Node
	Fields []Expr
}

// MapConstructor is MAP(key := value, ...).
type MapConstructor struct {
	Node
	Keys, Values []Expr
}

// Subscript is array[index] or map[key] (by the type of Arg).
type Subscript struct {
	Node
	Arg, Index Expr
}

// Slice is array[low:high]; either bound may be nil.
type Slice struct {
	Node
	Arg, Low, High Expr
}

// FieldAccess is the field with the given number of a struct.
type FieldAccess struct {
	Node
	Arg   Expr
	Field int
}

// Subquery is a subquery used as an expression. Where a result is kept up to date, the
// planner replaces those that are not OfRow. The planner keeps the plan; the host of the
// evaluation runs it through Context.Subqueries.
type Subquery struct {
	Node
	// Number identifies the subquery in Context.Subqueries.
	Number int
	Kind   SubqueryKind
	// Left and Func serve ANY and ALL (and IN, which is = ANY). Where rows are
	// compared, Fields and On do: On is over these fields and, behind them, the
	// subquery's columns.
	Left   Expr
	Func   *Overload
	Fields []Expr
	On     Expr
	// OfRow says that the subquery reads nothing but the row that it is evaluated for.
	OfRow bool
}

// SubqueryKind says how a subquery's rows become a value.
type SubqueryKind uint8

// The kinds of subquery expressions.
const (
	SubqueryScalar SubqueryKind = iota
	SubqueryExists
	SubqueryAny
	SubqueryAll
	SubqueryArray
)
