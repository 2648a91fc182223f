package sql

import "millrace/sql/ast"

// startsQuery says whether the current token begins a query that is not in
// parentheses.
func (p *parser) startsQuery() bool { return p.beginsQuery(p.token, p.peek) }

// beginsQuery says whether a token begins a query; following gives the one
// behind it.
func (p *parser) beginsQuery(t token, following func() token) bool {
	switch t.keyword {
	case kwSelect, kwWith, kwTable:
		return true
	case kwValues:
		return following().kind == leftParenthesis
	}
	return false
}

// parenthesesHold says whether a query begins behind the run of opening
// parentheses at the current token. The answer is the same for the whole run
// and remembered, so that deep nesting is not looked through at each level.
func (p *parser) parenthesesHold() bool {
	if p.token.start <= p.parenthesesEnd {
		return p.parenthesesHoldQuery
	}
	scan := lexer{text: p.lexer.text, position: int(p.token.end)}
	p.parenthesesEnd = p.token.start
	t := scan.next()
	for t.kind == leftParenthesis {
		p.parenthesesEnd = t.start
		t = scan.next()
	}
	p.parenthesesHoldQuery = p.beginsQuery(t, scan.next)
	return p.parenthesesHoldQuery
}

// continuesQuery says whether the current token goes on with a query whose
// first part was in parentheses, or ends the parentheses around it.
func (p *parser) continuesQuery() bool {
	switch p.token.keyword {
	case kwUnion, kwIntersect, kwExcept, kwOrder, kwLimit, kwOffset, kwFetch, kwFor:
		return true
	case kwEmit:
		return p.atEmit()
	}
	return p.token.kind == rightParenthesis
}

// parenthesizedItems takes (query) or (expression, …). Of the results one is
// set. With several opening parentheses in a row, what the first one holds is
// known only behind what the last one holds:
//
//	((SELECT 1) UNION SELECT 2)   a query
//	((SELECT 1) + 2, 3)           expressions
func (p *parser) parenthesizedItems() (*ast.Query, []ast.Expr) {
	outer := p.enter()
	query, items := p.itemsInParentheses()
	p.leave(outer)
	return query, items
}

func (p *parser) itemsInParentheses() (*ast.Query, []ast.Expr) {
	p.expectKind(leftParenthesis)
	if p.startsQuery() {
		query := p.query()
		p.expectRightParenthesis()
		return query, nil
	}
	var items []ast.Expr
	if p.atKind(leftParenthesis) && p.parenthesesHold() {
		start := p.token.start
		query, inner := p.parenthesizedItems()
		if query != nil && p.continuesQuery() {
			query = p.restOfQuery(start, query)
			p.expectRightParenthesis()
			return query, nil
		}
		first := p.afterParentheses(start, query, inner)
		items = append(items, p.operators(first, lowestPrecedence, false))
	} else {
		items = append(items, p.expr())
	}
	for p.acceptKind(comma) {
		items = append(items, p.expr())
	}
	p.expectRightParenthesis()
	return nil, items
}

// parenthesizedExpr takes a primary expression that begins with a parenthesis.
func (p *parser) parenthesizedExpr() ast.Expr {
	start := p.token.start
	query, items := p.parenthesizedItems()
	return p.afterParentheses(start, query, items)
}

// afterParentheses makes a primary expression of what was in parentheses,
// with the subscripts and fields behind them.
func (p *parser) afterParentheses(start ast.Position, query *ast.Query, items []ast.Expr) ast.Expr {
	switch {
	case query != nil:
		return p.indirection(&ast.Subquery{Span: p.spanFrom(start), Query: query})
	case len(items) == 1:
		return p.indirection(items[0])
	}
	row := &ast.Row{Span: p.spanFrom(start), Elements: items}
	if p.at(kwOverlaps) {
		return p.overlaps(row)
	}
	return row
}

// parenthesizedQuery takes (query).
func (p *parser) parenthesizedQuery() *ast.Query {
	if !p.atKind(leftParenthesis) {
		p.fail()
	}
	outer := p.enter()
	p.advance()
	query := p.query()
	p.expectRightParenthesis()
	p.leave(outer)
	return query
}
