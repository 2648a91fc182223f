package sql

import (
	"millrace/sql/ast"
	"millrace/sql/sqlerr"
)

// maxDepth is the height of the highest tree that is built: whatever walks a
// tree by recursion needs a stack for so many levels. PostgreSQL stops at
// about the same place with its default stack.
const maxDepth = 5000

// parser is a recursive-descent parser over one text. Its methods take the
// tokens of one rule of the grammar and return its node; an error ends the
// whole parse by bail.
type parser struct {
	lexer lexer
	// token is the current one, previous the one before it.
	token    token
	previous token
	// ahead are tokens that were looked at behind the current one.
	ahead      [maxLookahead]token
	aheadCount int

	// depth is the number of open recursions, height an upper bound of the
	// height of the trees built in the innermost of them.
	depth  int
	height int
	// targetDepth is the depth at which the innermost item of a SELECT list
	// is taken.
	targetDepth int

	// parenthesesEnd and parenthesesHoldQuery cache what the innermost of a
	// run of opening parentheses holds.
	parenthesesEnd       ast.Position
	parenthesesHoldQuery bool

	integers slab[ast.IntegerLiteral]
	numerics slab[ast.NumericLiteral]
	strings  slab[ast.StringLiteral]
	columns  slab[ast.ColumnRef]
	parts    slab[string]
	cells    slab[ast.Expr]
}

// maxLookahead is how far peekAt looks.
const maxLookahead = 3

// bailout carries the error that ends a parse up to the exported functions.
type bailout struct{ err error }

// bail ends the parse with an error.
func bail(err error) { panic(bailout{err}) }

// recoverBailout stores the error of a bail; other panics go on.
func recoverBailout(err *error) {
	switch failure := recover().(type) {
	case nil:
	case bailout:
		*err = failure.err
	default:
		panic(failure)
	}
}

// start readies the parser for a text.
func (p *parser) start(text string) {
	p.lexer.text = text
	p.parenthesesEnd = ast.NoPosition
	p.token = p.lexer.next()
}

// advance takes the current token and returns it.
func (p *parser) advance() token {
	p.previous = p.token
	if p.aheadCount > 0 {
		p.token = p.ahead[0]
		p.aheadCount--
		copy(p.ahead[:], p.ahead[1:])
	} else {
		p.token = p.lexer.next()
	}
	return p.previous
}

// peek returns the token behind the current one.
func (p *parser) peek() token { return p.peekAt(1) }

// peekAt returns the token so many behind the current one.
func (p *parser) peekAt(distance int) token {
	for p.aheadCount < distance {
		p.ahead[p.aheadCount] = p.lexer.next()
		p.aheadCount++
	}
	return p.ahead[distance-1]
}

// at says whether the current token is the keyword.
func (p *parser) at(k keyword) bool { return p.token.keyword == k }

// atKind says whether the current token is of the kind.
func (p *parser) atKind(kind tokenKind) bool { return p.token.kind == kind }

// peekIs says whether the token behind the current one is the keyword.
func (p *parser) peekIs(k keyword) bool { return p.peek().keyword == k }

// atWords says whether the next tokens are the two keywords.
func (p *parser) atWords(first, second keyword) bool {
	return p.token.keyword == first && p.peek().keyword == second
}

// accept takes the keyword if it is next.
func (p *parser) accept(k keyword) bool {
	if p.token.keyword != k {
		return false
	}
	p.advance()
	return true
}

// acceptWords takes the two keywords if they are next.
func (p *parser) acceptWords(first, second keyword) bool {
	if !p.atWords(first, second) {
		return false
	}
	p.advance()
	p.advance()
	return true
}

// acceptKind takes a token of the kind if it is next.
func (p *parser) acceptKind(kind tokenKind) bool {
	if p.token.kind != kind {
		return false
	}
	p.advance()
	return true
}

// expect takes the keywords, which must be next.
func (p *parser) expect(keywords ...keyword) {
	for _, k := range keywords {
		if p.token.keyword != k {
			p.fail()
		}
		p.advance()
	}
}

// expectKind takes a token of the kind, which must be next.
func (p *parser) expectKind(kind tokenKind) token {
	if p.token.kind != kind {
		p.fail()
	}
	return p.advance()
}

// expectRightParenthesis takes a closing parenthesis that ends a list.
func (p *parser) expectRightParenthesis() {
	if p.token.kind != rightParenthesis {
		p.failInList()
	}
	p.advance()
}

// spanOf returns the span of one token.
func spanOf(t token) ast.Span { return ast.Span{Start: t.start, End: t.end} }

// spanFrom returns the span from a start to the end of the last token taken.
func (p *parser) spanFrom(start ast.Position) ast.Span {
	return ast.Span{Start: start, End: p.previous.end}
}

// enter opens a recursion; the returned height belongs to leave. Between the
// two p.height counts only what is built inside.
func (p *parser) enter() (outerHeight int) {
	p.depth++
	if p.depth > maxDepth {
		p.failTooComplex()
	}
	outerHeight = p.height
	p.height = 0
	return outerHeight
}

// leave closes a recursion: what was built in it is one level of what
// surrounds it.
func (p *parser) leave(outerHeight int) {
	p.depth--
	p.height = max(outerHeight, p.height+1)
}

// wrapped notes that a node was put around what was built before, as chains
// of operators do without recursion.
func (p *parser) wrapped() {
	p.height++
	if p.height > maxDepth {
		p.failTooComplex()
	}
}

func (p *parser) failTooComplex() {
	bail(sqlerr.New(sqlerr.StatementTooComplex, int(p.token.start),
		"statement is nested too deeply").
		WithHint("At most %d levels of expressions and subqueries are supported.", maxDepth))
}
