package ast

// FunctionForm is the notation a function call was written in.
type FunctionForm uint8

// Forms of FunctionCall. All but FormCall are SQL's spellings with words
// between the arguments; Args then holds the arguments in the plain order
// that the comment shows.
const (
	FormCall             FunctionForm = iota // name(a, b)
	FormExtract                              // EXTRACT(field FROM x): extract('field', x)
	FormPosition                             // POSITION(a IN b): position(b, a)
	FormSubstring                            // SUBSTRING(x FROM a FOR b): substring(x, a, b)
	FormSubstringSimilar                     // SUBSTRING(x SIMILAR p ESCAPE e): substring(x, p, e)
	FormOverlay                              // OVERLAY(x PLACING y FROM a FOR b): overlay(x, y, a, b)
	FormTrim                                 // TRIM(BOTH|LEADING|TRAILING c FROM x): btrim|ltrim|rtrim(x, c)
	FormNormalize                            // NORMALIZE(x, NFC): normalize(x, 'nfc')
	FormOverlaps                             // (a, b) OVERLAPS (c, d): overlaps(a, b, c, d)
	FormCollationFor                         // COLLATION FOR (x): pg_collation_for(x)
)

// FunctionCall is a call of a function or aggregate. COALESCE, NULLIF,
// GREATEST, LEAST and GROUPING are calls as well, with those names.
//
// Args may hold NamedArgument, ArrowArgument and Lambda nodes.
type FunctionCall struct {
	Span
	Form FunctionForm
	Name *Name
	Args []Expr

	// PartitionBy is PARTITION BY behind the first argument, in FROM only:
	// SESSION(s PARTITION BY k, at, …).
	PartitionBy []Expr
	// Star is count(*): no arguments, but not the same as f().
	Star bool
	// Distinct is f(DISTINCT …).
	Distinct bool
	// Variadic says that the last argument was marked VARIADIC.
	Variadic bool
	// OrderBy is the ORDER BY inside the parentheses.
	OrderBy []*OrderItem
	// WithinGroup is WITHIN GROUP (ORDER BY …).
	WithinGroup []*OrderItem
	// Filter is FILTER (WHERE …), nil without.
	Filter Expr
	// Over is the window of a window function, nil without.
	Over *WindowSpec
}

// NamedArgument is name := value as an argument of a function.
type NamedArgument struct {
	Span
	Name  Identifier
	Value Expr
}

// ArrowArgument is name => value as an argument of a function. It is a named
// argument, or a lambda of one parameter where the function takes one at this
// place; only the function's signature can tell.
type ArrowArgument struct {
	Span
	Name  Identifier
	Value Expr
}

// NamedArgument returns the argument read as a named one.
func (a *ArrowArgument) NamedArgument() *NamedArgument {
	return &NamedArgument{Span: a.Span, Name: a.Name, Value: a.Value}
}

// Lambda returns the argument read as a lambda.
func (a *ArrowArgument) Lambda() *Lambda {
	return &Lambda{Span: a.Span, Parameters: []Identifier{a.Name}, Body: a.Value}
}

// Lambda is (x, y) => body, with the parentheses: as an argument of a
// function only. A single parameter without them is an ArrowArgument.
type Lambda struct {
	Span
	Parameters []Identifier
	Body       Expr
}

// ValueFunction is a function that SQL calls without parentheses. Name is one
// of current_date, current_time, current_timestamp, localtime,
// localtimestamp, current_user, current_role, session_user, user,
// current_catalog, current_schema. Precision is that of the four time
// functions, as in CURRENT_TIMESTAMP(3), and -1 without.
type ValueFunction struct {
	Span
	Name      string
	Precision int
}

// WindowSpec is what follows OVER, or a definition of the WINDOW clause.
type WindowSpec struct {
	Span
	// Name refers to a named window: OVER w. The rest is empty then.
	Name string
	// Base is the window that OVER (w …) or WINDOW x AS (w …) copies, or "".
	Base        string
	PartitionBy []Expr
	OrderBy     []*OrderItem
	Frame       *Frame
}

// FrameMode is the unit of a window frame.
type FrameMode uint8

// Modes of Frame.
const (
	FrameRange FrameMode = iota
	FrameRows
	FrameGroups
)

// Frame is the frame of a window. Without BETWEEN, End is nil: the current row.
type Frame struct {
	Span
	Mode      FrameMode
	Start     *FrameBound
	End       *FrameBound
	Exclusion FrameExclusion
}

// FrameBoundKind is the kind of one end of a frame.
type FrameBoundKind uint8

// Kinds of FrameBound.
const (
	UnboundedPreceding FrameBoundKind = iota
	OffsetPreceding
	CurrentRow
	OffsetFollowing
	UnboundedFollowing
)

// FrameBound is one end of a frame. Offset is set for the two offset kinds.
type FrameBound struct {
	Span
	Kind   FrameBoundKind
	Offset Expr
}

// FrameExclusion is the EXCLUDE clause of a frame.
type FrameExclusion uint8

// Exclusions of a Frame.
const (
	ExcludeNothing FrameExclusion = iota // none, or EXCLUDE NO OTHERS
	ExcludeCurrentRow
	ExcludeGroup
	ExcludeTies
)

func (*FunctionCall) expr()  {}
func (*NamedArgument) expr() {}
func (*ArrowArgument) expr() {}
func (*Lambda) expr()        {}
func (*ValueFunction) expr() {}
