package sql

import "millrace/sql/ast"

// selectBlock takes one SELECT … block.
func (p *parser) selectBlock() *ast.Select {
	n := &ast.Select{}
	start := p.advance().start
	if p.accept(kwDistinct) {
		n.Distinct = true
		if p.accept(kwOn) {
			n.DistinctOn = parenthesized(p, p.expr)
		}
	} else {
		p.accept(kwAll)
	}
	if n.Distinct || p.startsTarget() {
		n.Targets = p.targets()
	}
	if p.at(kwInto) {
		n.Into = p.into()
	}
	if p.accept(kwFrom) {
		n.From = p.fromList()
	}
	if p.atStreamWindow() {
		n.Window = p.streamWindow()
	}
	if p.accept(kwWhere) {
		n.Where = p.expr()
	}
	if p.at(kwGroup) {
		n.GroupBy = p.groupBy()
	}
	p.havingAndWindows(n)
	n.Span = p.spanFrom(start)
	return n
}

// startsTarget says whether a SELECT list follows; PostgreSQL allows none.
func (p *parser) startsTarget() bool {
	switch p.token.kind {
	case endOfInput, semicolon, rightParenthesis:
		return false
	}
	switch p.token.keyword {
	case kwInto, kwFrom, kwWhere, kwGroup, kwHaving, kwWindow, kwUnion, kwIntersect, kwExcept,
		kwOrder, kwLimit, kwOffset, kwFetch, kwFor, kwWith:
		return false
	case kwEmit:
		return !p.atEmit()
	case kwPartition:
		return !p.peekIs(kwBy)
	}
	return true
}

// havingAndWindows takes HAVING, PARTITION BY and WINDOW, which KSQL and
// PostgreSQL order differently.
func (p *parser) havingAndWindows(n *ast.Select) {
	for {
		switch {
		case p.at(kwHaving):
			p.once(n.Having != nil)
			p.advance()
			n.Having = p.expr()
		case p.atWords(kwPartition, kwBy):
			p.once(n.PartitionBy != nil)
			p.advance()
			p.advance()
			n.PartitionBy = p.exprs()
		case p.atStreamWindow():
			p.once(n.Window != nil)
			n.Window = p.streamWindow()
		case p.at(kwWindow):
			p.once(n.Windows != nil)
			p.advance()
			n.Windows = commaSeparated(p, p.namedWindow)
		default:
			return
		}
	}
}

// targets takes the items of a SELECT list or of RETURNING.
func (p *parser) targets() []*ast.Target {
	return commaSeparated(p, p.target)
}

func (p *parser) target() *ast.Target {
	start := p.token.start
	if p.atKind(asterisk) {
		span := spanOf(p.advance())
		return &ast.Target{Span: span, Expr: &ast.Star{Span: span}}
	}
	outer := p.targetDepth
	p.targetDepth = p.depth + 1
	n := &ast.Target{Expr: p.expr()}
	p.targetDepth = outer
	switch {
	case p.accept(kwAs):
		n.Alias = identifierPointer(p.label())
	case p.atBareLabel():
		n.Alias = identifierPointer(p.identifierOf(p.advance()))
	}
	n.Span = p.spanFrom(start)
	return n
}

// atBareLabel says whether the current token labels a column without AS.
func (p *parser) atBareLabel() bool {
	switch p.token.kind {
	case quotedWord:
		return true
	case word:
		return p.token.keyword.isBareLabel() && !p.atClauseWords()
	}
	return false
}

// atClauseWords says whether words that could be names begin one of our
// clauses; the word behind them tells.
func (p *parser) atClauseWords() bool {
	switch p.token.keyword {
	case kwEmit:
		return p.atEmit()
	case kwPartition:
		return p.peekIs(kwBy)
	case kwWithin:
		return p.atWithin()
	case kwAsof:
		return p.atAsofJoin()
	}
	return false
}

// into takes INTO and the table of SELECT INTO.
func (p *parser) into() *ast.IntoTable {
	n := &ast.IntoTable{}
	start := p.advance().start
	switch {
	case p.at(kwTemporary), p.at(kwTemp):
		p.advance()
		n.Temporary = true
	case p.atWords(kwLocal, kwTemporary), p.atWords(kwLocal, kwTemp):
		p.advance()
		p.advance()
		n.Temporary = true
	case p.accept(kwUnlogged):
		n.Unlogged = true
	}
	p.accept(kwTable)
	n.Name = p.name()
	n.Span = p.spanFrom(start)
	return n
}

// groupBy takes GROUP BY [ALL | DISTINCT] and its items.
func (p *parser) groupBy() *ast.GroupBy {
	n := &ast.GroupBy{}
	start := p.token.start
	p.expect(kwGroup, kwBy)
	if p.accept(kwDistinct) {
		n.Distinct = true
	} else {
		p.accept(kwAll)
	}
	n.Items = commaSeparated(p, p.groupItem)
	n.Span = p.spanFrom(start)
	return n
}

// groupItem takes an expression or a grouping set.
func (p *parser) groupItem() ast.Expr {
	start := p.token.start
	following := p.peek()
	n := &ast.GroupingSet{}
	switch {
	case p.atKind(leftParenthesis) && following.kind == rightParenthesis:
		p.advance()
		p.advance()
		n.Span = p.spanFrom(start)
		return n
	case p.at(kwRollup) && following.kind == leftParenthesis:
		n.Kind = ast.GroupingRollup
	case p.at(kwCube) && following.kind == leftParenthesis:
		n.Kind = ast.GroupingCube
	case p.at(kwGrouping) && following.keyword == kwSets:
		p.advance()
		n.Kind = ast.GroupingSets
	default:
		return p.expr()
	}
	outer := p.enter()
	p.advance()
	p.expectKind(leftParenthesis)
	if n.Kind == ast.GroupingSets {
		n.Items = commaSeparated(p, p.groupItem)
	} else {
		n.Items = p.exprs()
	}
	p.expectRightParenthesis()
	p.leave(outer)
	n.Span = p.spanFrom(start)
	return n
}
