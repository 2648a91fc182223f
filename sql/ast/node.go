package ast

// Position is a byte offset, from 0, into the text that was parsed.
// Texts are limited to 1 GiB, so it always fits.
type Position int32

// NoPosition marks a node that no text stands behind.
const NoPosition Position = -1

// Span is the half-open byte range [Start, End) of the text a node came from.
type Span struct {
	Start, End Position
}

// Pos returns the offset of the node's first byte, as errors want it.
func (s Span) Pos() int { return int(s.Start) }

// Extent returns the whole range.
func (s Span) Extent() Span { return s }

// Node is any node of a tree.
type Node interface {
	// Pos is the byte offset of the node's first byte.
	Pos() int
	// Extent is the byte range of the node.
	Extent() Span

	format(p *printer)
}

// Statement is a whole SQL statement. Its Extent covers its text without the
// closing semicolon, comments and space around it.
type Statement interface {
	Node
	statement()
}

// Expr is a value expression.
type Expr interface {
	Node
	expr()
}

// TableExpr is an item of a FROM list.
type TableExpr interface {
	Node
	tableExpr()
}

// Identifier is one name with its place. Value is folded and unquoted.
type Identifier struct {
	Span
	Value string
}

// Name is a name that may be qualified, as in schema.table. Parts holds at
// least one element, the outermost qualifier first.
type Name struct {
	Span
	Parts []string
}

// Last returns the innermost part: the object's own name.
func (n *Name) Last() string { return n.Parts[len(n.Parts)-1] }

// Schema returns the part before the last, "" where the name is not qualified.
func (n *Name) Schema() string {
	if len(n.Parts) < 2 {
		return ""
	}
	return n.Parts[len(n.Parts)-2]
}

// Catalog returns the database's name before the schema, "" where there is none.
func (n *Name) Catalog() string {
	if len(n.Parts) < 3 {
		return ""
	}
	return n.Parts[len(n.Parts)-3]
}
