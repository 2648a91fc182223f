package ast

// Alias is [AS] name [(columns)] after an item of FROM.
type Alias struct {
	Span
	Name    Identifier
	Columns []Identifier
}

// TableName is a table, stream or view in FROM, or as a statement's target.
type TableName struct {
	Span
	Name *Name
	// Only is ONLY name.
	Only bool
	// Changes is CHANGES OF name: a table's changes as a stream.
	Changes bool
	// AsOf is FOR SYSTEM_TIME AS OF expr, nil without, and Grace its GRACE PERIOD, nil
	// without.
	AsOf   Expr
	Grace  *Duration
	Alias  *Alias
	Sample *TableSample
}

// TableSample is TABLESAMPLE method (args) [REPEATABLE (seed)].
type TableSample struct {
	Span
	Method     *Name
	Args       []Expr
	Repeatable Expr
}

// DerivedTable is [LATERAL] (query) [alias].
type DerivedTable struct {
	Span
	Lateral bool
	Query   *Query
	Alias   *Alias
}

// FunctionTable is [LATERAL] f(…) [WITH ORDINALITY] [alias], or
// ROWS FROM (f(…), g(…)).
type FunctionTable struct {
	Span
	Lateral bool
	// RowsFrom says that ROWS FROM was written; otherwise there is exactly one function.
	RowsFrom   bool
	Functions  []*RowFunction
	Ordinality bool
	Alias      *Alias
	// Columns are the typed columns of a function that returns records:
	// f(…) AS alias (a int, b text).
	Columns []*TypeField
}

// RowFunction is one function of a FunctionTable. Call is a *FunctionCall,
// *ValueFunction or *Cast, as PostgreSQL allows. Columns are its own typed
// columns, in ROWS FROM only.
type RowFunction struct {
	Span
	Call    Expr
	Columns []*TypeField
}

// JoinKind is the kind of a Join.
type JoinKind uint8

// Kinds of Join. A comma in FROM is not a Join but two items.
const (
	InnerJoin JoinKind = iota
	LeftJoin
	RightJoin
	FullJoin
	CrossJoin
)

// Join joins two items of FROM. Of Natural, Using and On at most one is set;
// none for CrossJoin.
type Join struct {
	Span
	Kind    JoinKind
	Left    TableExpr
	Right   TableExpr
	Natural bool
	Using   []Identifier
	// UsingAlias is the alias of USING (…) AS alias, nil without.
	UsingAlias *Identifier
	On         Expr
	// Within is the time bound of a join of streams, nil without.
	Within *Within
	// AsOf is ASOF JOIN: each left row meets the one right row that is closest to it
	// by the inequality in On.
	AsOf bool
}

// Within is WITHIN size | (before, after) [GRACE PERIOD grace]. Of a single
// size, After is nil: it holds for both sides. Grace is nil without.
type Within struct {
	Span
	Before *Duration
	After  *Duration
	Grace  *Duration
}

// ParenthesizedTable is a join in parentheses, with an alias perhaps.
type ParenthesizedTable struct {
	Span
	Table TableExpr
	Alias *Alias
}

func (*TableName) tableExpr()          {}
func (*DerivedTable) tableExpr()       {}
func (*FunctionTable) tableExpr()      {}
func (*Join) tableExpr()               {}
func (*ParenthesizedTable) tableExpr() {}
