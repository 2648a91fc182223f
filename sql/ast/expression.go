package ast

// ColumnRef names a column, or a variable of a lambda: col, table.col,
// schema.table.col or database.schema.table.col. Which part is what (or a
// field of a composite column) is for the binder to find out.
type ColumnRef struct {
	Span
	Parts []string
}

// Star is * or, with a qualifier, table.*: all columns.
type Star struct {
	Span
	Qualifier []string
}

// ExpandFields is (value).* or, with Arrow, KSQL's value->*: all fields of a
// composite value.
type ExpandFields struct {
	Span
	Operand Expr
	Arrow   bool
}

// FieldAccess is (value).field.
type FieldAccess struct {
	Span
	Operand Expr
	Field   Identifier
}

// Operator is an operator's name. Qualifier is set only where it was written
// as OPERATOR(schema.symbol). Symbol is normalised: != is <>.
type Operator struct {
	Position  Position
	Qualifier []string
	Symbol    string
}

// Unary is a prefix operator on a value, such as -x.
type Unary struct {
	Span
	Operator Operator
	Operand  Expr
}

// Binary is an infix operator between two values: arithmetic, comparison,
// regular expression match, -> and every other operator symbol. KSQL's
// struct->field is this as well, with a ColumnRef of one part at the right:
// the binder decides by the type at the left.
type Binary struct {
	Span
	Operator Operator
	Left     Expr
	Right    Expr
}

// LogicalKind tells AND from OR.
type LogicalKind uint8

// Kinds of Logical.
const (
	And LogicalKind = iota
	Or
)

// Logical is AND or OR over two or more operands; a AND b AND c is one node.
type Logical struct {
	Span
	Kind     LogicalKind
	Operands []Expr
}

// Not is NOT x.
type Not struct {
	Span
	Operand Expr
}

// IsKind is what an Is tests for.
type IsKind uint8

// Kinds of Is.
const (
	IsNull IsKind = iota
	IsTrue
	IsFalse
	IsUnknown
	IsDocument
	IsNormalized
)

// Is is x IS [NOT] NULL, TRUE, FALSE, UNKNOWN, DOCUMENT or NORMALIZED; ISNULL
// and NOTNULL as well. Form is the Unicode form of IS NORMALIZED ("nfc", …),
// else "".
type Is struct {
	Span
	Operand Expr
	Kind    IsKind
	Negated bool
	Form    string
}

// IsDistinctFrom is a IS [NOT] DISTINCT FROM b. Negated is IS NOT DISTINCT.
type IsDistinctFrom struct {
	Span
	Left    Expr
	Right   Expr
	Negated bool
}

// Between is x [NOT] BETWEEN [SYMMETRIC] low AND high.
type Between struct {
	Span
	Operand   Expr
	Low       Expr
	High      Expr
	Negated   bool
	Symmetric bool
}

// InList is x [NOT] IN (a, b, …).
type InList struct {
	Span
	Operand Expr
	List    []Expr
	Negated bool
}

// InQuery is x [NOT] IN (SELECT …).
type InQuery struct {
	Span
	Operand Expr
	Query   *Query
	Negated bool
}

// LikeKind tells the pattern matching constructs apart.
type LikeKind uint8

// Kinds of Like.
const (
	LikeCase    LikeKind = iota // LIKE
	LikeFold                    // ILIKE
	LikeSimilar                 // SIMILAR TO
)

// Like is x [NOT] LIKE | ILIKE | SIMILAR TO pattern [ESCAPE c]. Escape is nil
// where none was written.
type Like struct {
	Span
	Kind    LikeKind
	Operand Expr
	Pattern Expr
	Escape  Expr
	Negated bool
}

// Quantified is x operator ANY | ALL (array or subquery); SOME is ANY. LIKE
// and its relatives appear as their operators ~~, !~~, ~~*, !~~*. Exactly one
// of Array and Query is set.
type Quantified struct {
	Span
	Operator Operator
	Left     Expr
	All      bool
	Array    Expr
	Query    *Query
}

// Exists is EXISTS (SELECT …).
type Exists struct {
	Span
	Query *Query
}

// Subquery is (SELECT …) as one value.
type Subquery struct {
	Span
	Query *Query
}

// Case is CASE [operand] WHEN … THEN … [ELSE …] END. Operand and Else may be nil.
type Case struct {
	Span
	Operand Expr
	Whens   []*When
	Else    Expr
}

// When is one WHEN condition THEN result.
type When struct {
	Span
	Condition Expr
	Result    Expr
}

// Cast is CAST(x AS type) or x::type.
type Cast struct {
	Span
	Operand Expr
	Type    *TypeName
}

// Collate is x COLLATE name.
type Collate struct {
	Span
	Operand   Expr
	Collation *Name
}

// AtTimeZone is x AT TIME ZONE zone.
type AtTimeZone struct {
	Span
	Operand Expr
	Zone    Expr
}

// ArrayConstructor is ARRAY[…]; inside one, a bare […] is a nested one.
type ArrayConstructor struct {
	Span
	Elements []Expr
}

// ArrayQuery is ARRAY(SELECT …).
type ArrayQuery struct {
	Span
	Query *Query
}

// Row is ROW(a, b) or, without Explicit, (a, b).
type Row struct {
	Span
	Elements []Expr
	Explicit bool
}

// StructConstructor is STRUCT(name := value, …).
type StructConstructor struct {
	Span
	Fields []*StructField
}

// StructField is one name := value of a StructConstructor.
type StructField struct {
	Span
	Name  Identifier
	Value Expr
}

// MapConstructor is MAP(key := value, …).
type MapConstructor struct {
	Span
	Entries []*MapEntry
}

// MapEntry is one key := value of a MapConstructor.
type MapEntry struct {
	Span
	Key   Expr
	Value Expr
}

// Subscript is x[index]: an element of an array, or the value of a map's key.
type Subscript struct {
	Span
	Operand Expr
	Index   Expr
}

// Slice is x[low:high]. Low and High are nil where they were left out.
type Slice struct {
	Span
	Operand Expr
	Low     Expr
	High    Expr
}

// CurrentOf is WHERE CURRENT OF cursor.
type CurrentOf struct {
	Span
	Cursor Identifier
}

func (*ColumnRef) expr()         {}
func (*Star) expr()              {}
func (*ExpandFields) expr()      {}
func (*FieldAccess) expr()       {}
func (*Unary) expr()             {}
func (*Binary) expr()            {}
func (*Logical) expr()           {}
func (*Not) expr()               {}
func (*Is) expr()                {}
func (*IsDistinctFrom) expr()    {}
func (*Between) expr()           {}
func (*InList) expr()            {}
func (*InQuery) expr()           {}
func (*Like) expr()              {}
func (*Quantified) expr()        {}
func (*Exists) expr()            {}
func (*Subquery) expr()          {}
func (*Case) expr()              {}
func (*Cast) expr()              {}
func (*Collate) expr()           {}
func (*AtTimeZone) expr()        {}
func (*ArrayConstructor) expr()  {}
func (*ArrayQuery) expr()        {}
func (*Row) expr()               {}
func (*StructConstructor) expr() {}
func (*MapConstructor) expr()    {}
func (*Subscript) expr()         {}
func (*Slice) expr()             {}
func (*CurrentOf) expr()         {}
