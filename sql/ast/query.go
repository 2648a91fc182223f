package ast

// Query is a SELECT, VALUES or TABLE with everything around it: as a
// statement, a subquery, or the source of INSERT and CREATE … AS.
type Query struct {
	Span
	With    *With
	Body    QueryBody
	OrderBy []*OrderItem
	// Limit is LIMIT or FETCH FIRST before EMIT, nil without and for LIMIT ALL.
	Limit *Limit
	// Offset is nil without.
	Offset  Expr
	Locking []*Locking
	// Emit is set for continuous queries.
	Emit *Emit
}

// QueryBody is a *Select, *SetOperation, *Values, *TableQuery, or a *Query in
// parentheses.
type QueryBody interface {
	Node
	queryBody()
}

// Select is one SELECT … FROM … block.
type Select struct {
	Span
	// Distinct is SELECT DISTINCT; DistinctOn holds the expressions of
	// DISTINCT ON (…), and Distinct is true then as well.
	Distinct   bool
	DistinctOn []Expr
	Targets    []*Target
	// Into is the table of SELECT INTO, nil without.
	Into *IntoTable
	From []TableExpr
	// Window is KSQL's WINDOW TUMBLING (…) and so on, nil without. It may be
	// written before WHERE or, in the place of PostgreSQL's WINDOW clause,
	// after HAVING.
	Window *StreamWindow
	Where  Expr
	// GroupBy is nil without a GROUP BY clause.
	GroupBy *GroupBy
	// PartitionBy is KSQL's PARTITION BY.
	PartitionBy []Expr
	Having      Expr
	// Windows are the named windows of PostgreSQL's WINDOW clause.
	Windows []*NamedWindow
}

// Target is one item of a SELECT list or of RETURNING. Alias is nil without.
type Target struct {
	Span
	Expr  Expr
	Alias *Identifier
}

// IntoTable is the target of SELECT INTO.
type IntoTable struct {
	Span
	Name      *Name
	Temporary bool
	Unlogged  bool
}

// GroupBy is GROUP BY [ALL | DISTINCT] items. Items may hold GroupingSets.
type GroupBy struct {
	Span
	Distinct bool
	Items    []Expr
}

// GroupingKind is the kind of a GroupingSet.
type GroupingKind uint8

// Kinds of GroupingSet.
const (
	GroupingEmpty GroupingKind = iota // ()
	GroupingRollup
	GroupingCube
	GroupingSets
)

// GroupingSet is (), ROLLUP (…), CUBE (…) or GROUPING SETS (…) in GROUP BY.
type GroupingSet struct {
	Span
	Kind  GroupingKind
	Items []Expr
}

// NamedWindow is name AS (…) of the WINDOW clause.
type NamedWindow struct {
	Span
	Name Identifier
	Spec *WindowSpec
}

// SetOperator is UNION, INTERSECT or EXCEPT.
type SetOperator uint8

// Set operators.
const (
	Union SetOperator = iota
	Intersect
	Except
)

// SetOperation is left UNION | INTERSECT | EXCEPT [ALL] right.
type SetOperation struct {
	Span
	Operator SetOperator
	All      bool
	Left     QueryBody
	Right    QueryBody
}

// Values is VALUES (…), (…). All rows of one list need not have one length
// here; the binder checks that.
type Values struct {
	Span
	Rows [][]Expr
}

// TableQuery is TABLE name.
type TableQuery struct {
	Span
	Table *TableName
}

// With is WITH [RECURSIVE] name AS (…), ….
type With struct {
	Span
	Recursive bool
	Tables    []*CommonTable
}

// Materialization is the hint of a common table expression.
type Materialization uint8

// Hints of CommonTable.
const (
	MaterializeDefault Materialization = iota
	Materialized
	NotMaterialized
)

// CommonTable is one name [(columns)] AS (statement) of WITH. Statement is a
// *Query, *Insert, *Update or *Delete.
type CommonTable struct {
	Span
	Name      Identifier
	Columns   []Identifier
	Hint      Materialization
	Statement Statement
}

// SortDirection is the direction of an OrderItem.
type SortDirection uint8

// Directions of OrderItem.
const (
	SortDefault SortDirection = iota // none written: ascending
	Ascending
	Descending
	SortUsing // USING operator
)

// NullsOrder says where NULLs go.
type NullsOrder uint8

// Places of NULLs.
const (
	NullsDefault NullsOrder = iota // last when ascending, first when descending
	NullsFirst
	NullsLast
)

// OrderItem is one item of ORDER BY. Using is set for SortUsing only.
type OrderItem struct {
	Span
	Expr      Expr
	Direction SortDirection
	Using     *Operator
	Nulls     NullsOrder
}

// Limit is LIMIT count or FETCH FIRST count ROWS.
type Limit struct {
	Span
	Count    Expr
	WithTies bool
}

// Locking is FOR UPDATE and its relatives. Strength is "update",
// "no key update", "share" or "key share"; Wait is "", "nowait" or
// "skip locked".
type Locking struct {
	Span
	Strength string
	Tables   []*Name
	Wait     string
}

// EmitKind tells the EMIT clauses apart.
type EmitKind uint8

// Kinds of Emit.
const (
	EmitChanges EmitKind = iota
	EmitFinal
)

// Emit is EMIT CHANGES | FINAL [WITH (options)] [LIMIT n]: the query is
// continuous. Limit ends a push query after so many rows, nil without.
type Emit struct {
	Span
	Kind    EmitKind
	Options []*Option
	Limit   Expr
}

func (*Query) statement() {}

func (*Query) queryBody()        {}
func (*Select) queryBody()       {}
func (*SetOperation) queryBody() {}
func (*Values) queryBody()       {}
func (*TableQuery) queryBody()   {}

func (*GroupingSet) expr() {}
