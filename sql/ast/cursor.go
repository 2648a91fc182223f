package ast

// ScrollMode is SCROLL or NO SCROLL of a cursor.
type ScrollMode uint8

// Scroll modes.
const (
	ScrollDefault ScrollMode = iota
	Scroll
	NoScroll
)

// DeclareCursor is DECLARE name … CURSOR … FOR query. Sensitivity is "",
// "insensitive" or "asensitive".
type DeclareCursor struct {
	Span
	Name        Identifier
	Binary      bool
	Sensitivity string
	Scroll      ScrollMode
	// Hold is WITH HOLD.
	Hold  bool
	Query *Query
}

// FetchDirection is the direction of Fetch.
type FetchDirection uint8

// Directions of Fetch.
const (
	FetchForward  FetchDirection = iota // NEXT, FORWARD [n | ALL], n, ALL
	FetchBackward                       // PRIOR, BACKWARD [n | ALL]
	FetchAbsolute                       // FIRST, LAST (-1), ABSOLUTE n
	FetchRelative                       // RELATIVE n
)

// Fetch is FETCH or MOVE. Count is 1 where none is written, -1 for LAST.
type Fetch struct {
	Span
	Move      bool
	Direction FetchDirection
	All       bool
	Count     int64
	Cursor    Identifier
	// Options are WITH (…), such as timeout = '1s'.
	Options []*Option
}

// CloseCursor is CLOSE name | ALL. Name is nil for ALL.
type CloseCursor struct {
	Span
	Name *Identifier
}

func (*DeclareCursor) statement() {}
func (*Fetch) statement()         {}
func (*CloseCursor) statement()   {}
