package ast

// IntegerLiteral is an unsigned integer constant that fits a bigint.
// Larger ones are NumericLiterals; a minus sign is a Unary around it.
type IntegerLiteral struct {
	Span
	Value int64
}

// NumericLiteral is a constant with a point, an exponent, or too many digits
// for a bigint. Text is as written, such as "1.50" or "2e-3".
type NumericLiteral struct {
	Span
	Text string
}

// StringLiteral is a string constant of any notation, unescaped. Its type is
// PostgreSQL's unknown.
type StringLiteral struct {
	Span
	Value string
}

// BitLiteral is a bit string constant: B'01' or, with Hex, X'1F'. Digits are
// checked by the parser.
type BitLiteral struct {
	Span
	Hex    bool
	Digits string
}

// BooleanLiteral is TRUE or FALSE.
type BooleanLiteral struct {
	Span
	Value bool
}

// NullLiteral is NULL.
type NullLiteral struct {
	Span
}

// TypedLiteral is a string constant with its type in front, as in
// DATE '2024-02-29' or INTERVAL '1' DAY.
type TypedLiteral struct {
	Span
	Type  *TypeName
	Value *StringLiteral
}

// Parameter is a positional parameter $1, $2, ….
type Parameter struct {
	Span
	Number int
}

// Default is the word DEFAULT in place of a value of INSERT or UPDATE.
type Default struct {
	Span
}

// Word is a bare word as a value where the grammar allows one: in options and
// in SET (SET x TO on, WITH (format = json)). Value is folded and unquoted.
type Word struct {
	Span
	Value string
}

// List is a parenthesised list as an option's value.
type List struct {
	Span
	Items []Expr
}

func (*IntegerLiteral) expr() {}
func (*NumericLiteral) expr() {}
func (*StringLiteral) expr()  {}
func (*BitLiteral) expr()     {}
func (*BooleanLiteral) expr() {}
func (*NullLiteral) expr()    {}
func (*TypedLiteral) expr()   {}
func (*Parameter) expr()      {}
func (*Default) expr()        {}
func (*Word) expr()           {}
func (*List) expr()           {}
