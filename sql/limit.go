package sql

import (
	"millrace/sql/ast"
	"millrace/sql/sqlerr"
)

// once fails at the current token where a clause was there before.
func (p *parser) once(before bool) {
	if before {
		p.fail()
	}
}

// limitClause takes one of LIMIT, OFFSET, FETCH FIRST and FOR UPDATE, if one
// is next.
func (p *parser) limitClause(query *ast.Query) bool {
	switch p.token.keyword {
	case kwLimit:
		p.once(query.Limit != nil)
		start := p.advance().start
		if p.accept(kwAll) {
			return true
		}
		count := p.expr()
		query.Limit = &ast.Limit{Span: p.spanFrom(start), Count: count}
		if p.atKind(comma) {
			bail(sqlerr.New(sqlerr.SyntaxError, int(start), "LIMIT #,# syntax is not supported").
				WithHint("Use separate LIMIT and OFFSET clauses."))
		}
	case kwOffset:
		p.once(query.Offset != nil)
		p.advance()
		query.Offset = p.expr()
		if !p.accept(kwRow) {
			p.accept(kwRows)
		}
	case kwFetch:
		p.once(query.Limit != nil)
		query.Limit = p.fetchFirst()
	case kwFor:
		query.Locking = append(query.Locking, p.locking()...)
	default:
		return false
	}
	return true
}

// fetchFirst takes FETCH FIRST | NEXT [count] ROW | ROWS ONLY | WITH TIES.
func (p *parser) fetchFirst() *ast.Limit {
	start := p.advance().start
	if !p.accept(kwFirst) {
		p.expect(kwNext)
	}
	n := &ast.Limit{}
	if (p.at(kwRow) || p.at(kwRows)) && (p.peekIs(kwOnly) || p.peekIs(kwWith)) {
		n.Count = &ast.IntegerLiteral{Span: spanOf(p.token), Value: 1}
	} else {
		n.Count = p.fetchCount()
	}
	if !p.accept(kwRow) {
		p.expect(kwRows)
	}
	if n.WithTies = p.acceptWords(kwWith, kwTies); !n.WithTies {
		p.expect(kwOnly)
	}
	n.Span = p.spanFrom(start)
	return n
}

// fetchCount takes the count of FETCH FIRST: a signed number or a primary
// expression, since the word behind it could be an operand otherwise.
func (p *parser) fetchCount() ast.Expr {
	if p.atKind(plus) || p.atKind(minus) {
		start := p.token.start
		operator := p.operator()
		if !p.atKind(integerToken) && !p.atKind(numericToken) {
			p.fail()
		}
		operand := p.numberLiteral(p.advance())
		return &ast.Unary{Span: p.spanFrom(start), Operator: operator, Operand: operand}
	}
	return p.primary()
}

// locking takes FOR UPDATE and its relatives; FOR READ ONLY is nothing.
func (p *parser) locking() []*ast.Locking {
	start := p.advance().start
	n := &ast.Locking{}
	switch {
	case p.accept(kwUpdate):
		n.Strength = "update"
	case p.accept(kwShare):
		n.Strength = "share"
	case p.acceptWords(kwNo, kwKey):
		p.expect(kwUpdate)
		n.Strength = "no key update"
	case p.acceptWords(kwKey, kwShare):
		n.Strength = "key share"
	default:
		p.expect(kwRead, kwOnly)
		return nil
	}
	if p.accept(kwOf) {
		n.Tables = p.names()
	}
	switch {
	case p.accept(kwNowait):
		n.Wait = "nowait"
	case p.acceptWords(kwSkip, kwLocked):
		n.Wait = "skip locked"
	}
	n.Span = p.spanFrom(start)
	return []*ast.Locking{n}
}

// atEmit says whether an EMIT clause is next. EMIT is a name otherwise, such
// as an alias: so both words must be there.
func (p *parser) atEmit() bool {
	return p.at(kwEmit) && (p.peekIs(kwChanges) || p.peekIs(kwFinal))
}

// emit takes EMIT CHANGES | FINAL [WITH (options)] [LIMIT n].
func (p *parser) emit() *ast.Emit {
	start := p.advance().start
	n := &ast.Emit{}
	if p.advance().keyword == kwFinal {
		n.Kind = ast.EmitFinal
	}
	if p.at(kwWith) && p.peek().kind == leftParenthesis {
		p.advance()
		n.Options = p.options()
	}
	if p.accept(kwLimit) {
		n.Limit = p.expr()
	}
	n.Span = p.spanFrom(start)
	return n
}
