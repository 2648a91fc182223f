package sql

import (
	"millrace/sql/ast"
	"millrace/sql/sqlerr"
)

// declare takes DECLARE name … CURSOR … FOR query.
func (p *parser) declare() ast.Statement {
	n := &ast.DeclareCursor{}
	start := p.advance().start
	n.Name = p.identifier()
	for !p.accept(kwCursor) {
		p.cursorOption(n)
	}
	if n.Hold = p.acceptWords(kwWith, kwHold); !n.Hold {
		p.acceptWords(kwWithout, kwHold)
	}
	p.expect(kwFor)
	n.Query = p.query()
	n.Span = p.spanFrom(start)
	return n
}

// cursorOption takes a word between the name of a cursor and CURSOR.
func (p *parser) cursorOption(n *ast.DeclareCursor) {
	scroll, sensitivity := n.Scroll, n.Sensitivity
	switch {
	case p.accept(kwBinary):
		n.Binary = true
	case p.at(kwInsensitive), p.at(kwAsensitive):
		n.Sensitivity = keywordTable[p.advance().keyword].word
	case p.accept(kwScroll):
		n.Scroll = ast.Scroll
	case p.acceptWords(kwNo, kwScroll):
		n.Scroll = ast.NoScroll
	default:
		p.fail()
	}
	if scroll != ast.ScrollDefault && scroll != n.Scroll {
		bail(sqlerr.New(sqlerr.InvalidCursorDefinition, -1, "cannot specify both SCROLL and NO SCROLL"))
	}
	if sensitivity != "" && sensitivity != n.Sensitivity {
		bail(sqlerr.New(sqlerr.InvalidCursorDefinition, -1, "cannot specify both INSENSITIVE and ASENSITIVE"))
	}
}

// fetch takes FETCH or MOVE.
func (p *parser) fetch() ast.Statement {
	n := &ast.Fetch{Count: 1}
	t := p.advance()
	n.Move = t.keyword == kwMove
	p.fetchDirection(n)
	if !p.accept(kwFrom) {
		p.accept(kwIn)
	}
	n.Cursor = p.identifier()
	n.Options = p.optionalWithOptions()
	n.Span = p.spanFrom(t.start)
	return n
}

// fetchDirection takes the direction, if one is next. Its words are the name
// of a cursor where nothing follows them.
func (p *parser) fetchDirection(n *ast.Fetch) {
	if isAnyWord(p.token) && (p.endsAfter(1) || p.atWithOptionsAfter()) {
		return
	}
	switch p.token.keyword {
	case kwNext:
		p.advance()
	case kwPrior:
		p.advance()
		n.Direction = ast.FetchBackward
	case kwFirst:
		p.advance()
		n.Direction = ast.FetchAbsolute
	case kwLast:
		p.advance()
		n.Direction, n.Count = ast.FetchAbsolute, -1
	case kwAbsolute:
		p.advance()
		n.Direction, n.Count = ast.FetchAbsolute, p.signedInteger()
	case kwRelative:
		p.advance()
		n.Direction, n.Count = ast.FetchRelative, p.signedInteger()
	case kwForward, kwBackward:
		if p.advance().keyword == kwBackward {
			n.Direction = ast.FetchBackward
		}
		p.fetchNumber(n)
	default:
		p.fetchNumber(n)
	}
}

// atWithOptionsAfter says whether WITH (…) follows the current token.
func (p *parser) atWithOptionsAfter() bool {
	return p.peekIs(kwWith) && p.peekAt(2).kind == leftParenthesis
}

// fetchNumber takes ALL or a number of rows, if one is next.
func (p *parser) fetchNumber(n *ast.Fetch) {
	switch {
	case p.accept(kwAll):
		n.All = true
	case p.atKind(integerToken), p.atKind(minus), p.atKind(plus):
		n.Count = p.signedInteger()
	}
}

// signedInteger takes an integer constant with a sign perhaps.
func (p *parser) signedInteger() int64 {
	sign := int64(1)
	if p.acceptKind(minus) {
		sign = -1
	} else {
		p.acceptKind(plus)
	}
	return sign * int64(p.smallInteger())
}

// closeCursor takes CLOSE name | ALL.
func (p *parser) closeCursor() ast.Statement {
	n := &ast.CloseCursor{}
	start := p.advance().start
	if !p.accept(kwAll) {
		n.Name = identifierPointer(p.identifier())
	}
	n.Span = p.spanFrom(start)
	return n
}

// prepare takes PREPARE name [(types)] AS statement or PREPARE TRANSACTION.
func (p *parser) prepare() ast.Statement {
	n := &ast.Prepare{}
	start := p.advance().start
	if p.at(kwTransaction) && p.peek().kind == stringToken {
		p.advance()
		id := p.stringLiteral()
		return &ast.PrepareTransaction{Span: p.spanFrom(start), ID: id.Value}
	}
	n.Name = p.identifier()
	if p.atKind(leftParenthesis) {
		n.Types = parenthesized(p, p.typeName)
	}
	p.expect(kwAs)
	n.Statement = p.preparableStatement()
	n.Span = p.spanFrom(start)
	return n
}

// execute takes EXECUTE name [(args)].
func (p *parser) execute() ast.Statement {
	n := &ast.Execute{}
	start := p.advance().start
	n.Name = p.identifier()
	if p.atKind(leftParenthesis) {
		n.Args = parenthesized(p, p.expr)
	}
	n.Span = p.spanFrom(start)
	return n
}

// deallocate takes DEALLOCATE [PREPARE] name | ALL.
func (p *parser) deallocate() ast.Statement {
	n := &ast.Deallocate{}
	start := p.advance().start
	if p.at(kwPrepare) && !p.endsAfter(1) {
		p.advance()
	}
	if !p.accept(kwAll) {
		n.Name = identifierPointer(p.identifier())
	}
	n.Span = p.spanFrom(start)
	return n
}

// discard takes DISCARD ALL | PLANS | SEQUENCES | TEMP.
func (p *parser) discard() ast.Statement {
	n := &ast.Discard{}
	start := p.advance().start
	switch p.token.keyword {
	case kwAll, kwPlans, kwSequences, kwTemp:
		n.Target = keywordTable[p.advance().keyword].word
	default:
		p.expect(kwTemporary)
		n.Target = "temp"
	}
	n.Span = p.spanFrom(start)
	return n
}
