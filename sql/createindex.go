package sql

import "millrace/sql/ast"

// createIndex takes INDEX and what follows.
func (p *parser) createIndex(m createModifiers) ast.Statement {
	if m.orReplace || m.source || m.temporary || m.unlogged || m.recursive {
		p.fail()
	}
	p.advance()
	n := &ast.CreateIndex{Unique: m.unique}
	n.Concurrently = p.accept(kwConcurrently)
	n.IfNotExists = p.ifNotExists()
	n.Name = p.optionalIdentifier()
	if n.IfNotExists && n.Name == nil {
		p.fail()
	}
	p.expect(kwOn)
	n.Only = p.accept(kwOnly)
	n.Table = p.name()
	if p.accept(kwUsing) {
		n.Method = identifierPointer(p.identifier())
	}
	n.Elements = parenthesized(p, p.indexElement)
	if p.accept(kwInclude) {
		n.Include = parenthesized(p, p.indexElement)
	}
	n.NullsNotDistinct = p.nullsNotDistinct()
	n.Options = p.optionalWithOptions()
	if p.accept(kwTablespace) {
		n.Tablespace = identifierPointer(p.identifier())
	}
	if p.accept(kwWhere) {
		n.Where = p.expr()
	}
	n.Span = p.spanFrom(m.start)
	return n
}

// nullsNotDistinct takes NULLS [NOT] DISTINCT if it is next.
func (p *parser) nullsNotDistinct() bool {
	switch {
	case p.acceptWords(kwNulls, kwDistinct):
		return false
	case p.atWords(kwNulls, kwNot):
		p.advance()
		p.advance()
		p.expect(kwDistinct)
		return true
	}
	return false
}

// indexElement takes a column, a function call or an expression in
// parentheses, with how it is ordered.
func (p *parser) indexElement() *ast.IndexElement {
	n := &ast.IndexElement{}
	start := p.token.start
	switch {
	case p.atKind(leftParenthesis):
		p.advance()
		n.Expr = p.expr()
		p.expectRightParenthesis()
	case p.atFunctionWord():
		n.Expr = p.wordExpr()
	case isFunctionName(p.token) && (p.peek().kind == leftParenthesis || p.peek().kind == dot):
		n.Expr = p.tableFunctionCall()
	default:
		n.Column = identifierPointer(p.identifier())
	}
	if p.accept(kwCollate) {
		n.Collation = p.name()
	}
	if p.atColumnName() && !(p.at(kwNulls) && (p.peekIs(kwFirst) || p.peekIs(kwLast))) {
		n.Class = p.name()
		if p.atKind(leftParenthesis) {
			n.ClassOptions = p.options()
		}
	}
	n.Direction = p.sortDirection()
	n.Nulls = p.nullsOrder()
	n.Span = p.spanFrom(start)
	return n
}
