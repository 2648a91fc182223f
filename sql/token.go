package sql

import "millrace/sql/ast"

// tokenKind is the kind of a token. Single characters that stand for
// themselves have kinds of their own, so that the parser compares numbers.
type tokenKind uint8

const (
	endOfInput tokenKind = iota
	word                 // an unquoted identifier or keyword
	quotedWord           // "…" and U&"…"
	integerToken
	numericToken
	stringToken // '…', E'…', U&'…', $tag$…$tag$
	bitToken    // B'…'
	hexToken    // X'…'
	parameterToken
	operatorToken // any operator without a kind of its own below

	leftParenthesis
	rightParenthesis
	leftBracket
	rightBracket
	comma
	semicolon
	colon
	dot
	doubleDot
	typecast    // ::
	colonEquals // :=
	arrow       // =>

	plus
	minus
	asterisk
	slash
	percent
	caret
	less
	greater
	equals
	lessEquals
	greaterEquals
	notEquals
)

// token is one lexical element. It holds no text: that is a range of the
// parsed text, decoded when it is wanted, so that a token costs nothing.
type token struct {
	kind tokenKind
	// plain says of words, quoted words and strings that the text between
	// the quotes is the value as it is.
	plain   bool
	keyword keyword
	start   ast.Position
	end     ast.Position
}
