package sql

import (
	"millrace/sql/ast"
)

// expr takes a value expression (PostgreSQL's a_expr).
func (p *parser) expr() ast.Expr {
	return p.operand(lowestPrecedence, false)
}

// restrictedExpr takes an expression without AND, OR, NOT, IS NULL, IN, LIKE,
// BETWEEN and AT TIME ZONE, where those words would be ambiguous (b_expr).
func (p *parser) restrictedExpr() ast.Expr {
	return p.operand(lowestPrecedence, true)
}

// operand takes an expression of operators that bind at least as tightly as
// minimum. Operands of higher precedence may begin with a prefix operator of
// lower, which then takes all it can: 2 * @ 3 + 1 is 2 * (@ (3 + 1)).
func (p *parser) operand(minimum precedence, restricted bool) ast.Expr {
	outer := p.enter()
	e := p.operators(p.prefixed(restricted), minimum, restricted)
	p.leave(outer)
	return e
}

// operators takes the infix and postfix operators behind left.
func (p *parser) operators(left ast.Expr, minimum precedence, restricted bool) ast.Expr {
	for {
		level := p.infixPrecedence(restricted)
		if level == noOperator || level < minimum {
			return left
		}
		left = p.infix(left, level, restricted)
		p.wrapped()
	}
}

// prefixed takes an expression that begins with a prefix operator, or a
// primary one.
func (p *parser) prefixed(restricted bool) ast.Expr {
	switch p.token.kind {
	case plus, minus:
		return p.unary(signPrecedence, restricted)
	case operatorToken:
		return p.unary(otherPrecedence+1, restricted)
	case word:
		switch p.token.keyword {
		case kwNot:
			if restricted {
				p.fail()
			}
			start := p.advance().start
			operand := p.operand(notPrecedence, false)
			return &ast.Not{Span: p.spanFrom(start), Operand: operand}
		case kwOperator:
			if p.peek().kind == leftParenthesis {
				return p.unary(otherPrecedence+1, restricted)
			}
		}
	}
	return p.primary()
}

// unary takes a prefix operator and its operand.
func (p *parser) unary(minimum precedence, restricted bool) ast.Expr {
	start := p.token.start
	operator := p.operator()
	operand := p.operand(minimum, restricted)
	return &ast.Unary{Span: p.spanFrom(start), Operator: operator, Operand: operand}
}

// operator takes an operator symbol or OPERATOR(schema.symbol).
func (p *parser) operator() ast.Operator {
	if p.at(kwOperator) {
		return p.qualifiedOperator()
	}
	t := p.advance()
	return ast.Operator{Position: t.start, Symbol: p.operatorSymbol(t)}
}

// operatorSymbol returns the symbol of an operator's token; != is <>.
func (p *parser) operatorSymbol(t token) string {
	if t.kind == notEquals {
		return "<>"
	}
	return p.source(t)
}

// qualifiedOperator takes OPERATOR(schema.symbol).
func (p *parser) qualifiedOperator() ast.Operator {
	operator := ast.Operator{Position: p.token.start}
	p.expect(kwOperator)
	p.expectKind(leftParenthesis)
	for p.atColumnName() {
		operator.Qualifier = append(operator.Qualifier, p.identifier().Value)
		p.expectKind(dot)
	}
	if p.token.kind < plus && p.token.kind != operatorToken {
		p.fail()
	}
	operator.Symbol = p.operatorSymbol(p.advance())
	p.expectKind(rightParenthesis)
	return operator
}

// infix takes the operator at the current token with what stands at its right.
func (p *parser) infix(left ast.Expr, level precedence, restricted bool) ast.Expr {
	switch level {
	case orPrecedence:
		return p.logical(left, ast.Or, kwOr, level)
	case andPrecedence:
		return p.logical(left, ast.And, kwAnd, level)
	case isPrecedence:
		return p.is(left, restricted)
	case patternPrecedence:
		return p.pattern(left)
	case atPrecedence:
		p.expect(kwAt, kwTime, kwZone)
		zone := p.operand(level+1, false)
		return &ast.AtTimeZone{Span: p.spanAround(left), Operand: left, Zone: zone}
	case collatePrecedence:
		p.advance()
		collation := p.name()
		return &ast.Collate{Span: p.spanAround(left), Operand: left, Collation: collation}
	case castPrecedence:
		p.advance()
		typeName := p.typeName()
		return &ast.Cast{Span: p.spanAround(left), Operand: left, Type: typeName}
	}
	return p.binary(left, level, restricted)
}

// spanAround returns the span from a node's start to the last token taken.
func (p *parser) spanAround(first ast.Node) ast.Span {
	return p.spanFrom(first.Extent().Start)
}

// logical takes AND or OR and its right operand; a chain is one node.
func (p *parser) logical(left ast.Expr, kind ast.LogicalKind, word keyword, level precedence) ast.Expr {
	operands := []ast.Expr{left}
	for p.accept(word) {
		operands = append(operands, p.operand(level+1, false))
	}
	return &ast.Logical{Span: p.spanAround(left), Kind: kind, Operands: operands}
}

// binary takes an operator symbol with its right operand, or with ANY or ALL.
func (p *parser) binary(left ast.Expr, level precedence, restricted bool) ast.Expr {
	operator := p.operator()
	if !restricted && p.atQuantifier() {
		return p.quantified(left, operator)
	}
	if p.atArrowStar(operator) {
		p.acceptKind(asterisk)
		return &ast.ExpandFields{Span: p.spanAround(left), Operand: left, Arrow: true}
	}
	right := p.operand(level+1, restricted)
	if level == comparisonPrecedence {
		p.refuseChain(level, restricted)
	}
	return &ast.Binary{Span: p.spanAround(left), Operator: operator, Left: left, Right: right}
}

// refuseChain fails where an operator that does not associate follows one of
// its own level: a < b < c.
func (p *parser) refuseChain(level precedence, restricted bool) {
	// Here the word is an operator even where it could be a label.
	outer := p.targetDepth
	p.targetDepth = 0
	if p.infixPrecedence(restricted) == level {
		p.fail()
	}
	p.targetDepth = outer
}

// atArrowStar says whether the operator just taken is the arrow of KSQL's
// value->*, which ends an item of a SELECT list.
func (p *parser) atArrowStar(operator ast.Operator) bool {
	if operator.Symbol == "->" {
		return p.atKind(asterisk)
	}
	if operator.Symbol != "->*" {
		return false
	}
	return p.atKind(comma) || !p.startsTarget()
}

func (p *parser) atQuantifier() bool {
	return p.at(kwAny) || p.at(kwAll) || p.at(kwSome)
}

// quantified takes ANY | ALL | SOME (array or subquery).
func (p *parser) quantified(left ast.Expr, operator ast.Operator) ast.Expr {
	n := &ast.Quantified{Operator: operator, Left: left, All: p.at(kwAll)}
	p.advance()
	query, items := p.parenthesizedItems()
	switch {
	case query != nil:
		n.Query = query
	case len(items) == 1:
		n.Array = items[0]
	default:
		p.failAt(items[1].Extent().Start, "ANY and ALL take one array or a subquery")
	}
	n.Span = p.spanAround(left)
	return n
}

// is takes IS and what follows it, ISNULL, or NOTNULL.
func (p *parser) is(left ast.Expr, restricted bool) ast.Expr {
	switch p.advance().keyword {
	case kwIsnull:
		return &ast.Is{Span: p.spanAround(left), Operand: left, Kind: ast.IsNull}
	case kwNotnull:
		return &ast.Is{Span: p.spanAround(left), Operand: left, Kind: ast.IsNull, Negated: true}
	}
	negated := p.accept(kwNot)
	if p.accept(kwDistinct) {
		p.expect(kwFrom)
		right := p.operand(isPrecedence+1, restricted)
		p.refuseChain(isPrecedence, restricted)
		return &ast.IsDistinctFrom{Span: p.spanAround(left), Left: left, Right: right, Negated: negated}
	}
	if restricted && !p.at(kwDocument) {
		p.fail()
	}
	n := &ast.Is{Operand: left, Negated: negated}
	switch p.token.keyword {
	case kwNull:
		n.Kind = ast.IsNull
	case kwTrue:
		n.Kind = ast.IsTrue
	case kwFalse:
		n.Kind = ast.IsFalse
	case kwUnknown:
		n.Kind = ast.IsUnknown
	case kwDocument:
		n.Kind = ast.IsDocument
	case kwNfc, kwNfd, kwNfkc, kwNfkd:
		n.Form = keywordTable[p.advance().keyword].word
		n.Kind = ast.IsNormalized
	case kwNormalized:
		n.Kind = ast.IsNormalized
	default:
		p.fail()
	}
	if n.Kind == ast.IsNormalized && !p.at(kwNormalized) {
		p.fail()
	}
	p.advance()
	n.Span = p.spanAround(left)
	return n
}

// pattern takes [NOT] BETWEEN, IN, LIKE, ILIKE or SIMILAR TO.
func (p *parser) pattern(left ast.Expr) ast.Expr {
	position := p.token.start
	negated := p.accept(kwNot)
	switch p.advance().keyword {
	case kwBetween:
		return p.between(left, negated)
	case kwIn:
		return p.in(left, negated)
	case kwLike:
		return p.like(left, ast.LikeCase, position, negated)
	case kwIlike:
		return p.like(left, ast.LikeFold, position, negated)
	default:
		p.expect(kwTo)
		return p.like(left, ast.LikeSimilar, position, negated)
	}
}

// between takes what follows BETWEEN. The lower bound is restricted, so that
// AND ends it.
func (p *parser) between(left ast.Expr, negated bool) ast.Expr {
	n := &ast.Between{Operand: left, Negated: negated}
	if !p.accept(kwAsymmetric) {
		n.Symmetric = p.accept(kwSymmetric)
	}
	n.Low = p.restrictedExpr()
	p.expect(kwAnd)
	n.High = p.operand(patternPrecedence+1, false)
	p.refuseChain(patternPrecedence, false)
	n.Span = p.spanAround(left)
	return n
}

// in takes what follows IN.
func (p *parser) in(left ast.Expr, negated bool) ast.Expr {
	query, items := p.parenthesizedItems()
	if query != nil {
		return &ast.InQuery{Span: p.spanAround(left), Operand: left, Query: query, Negated: negated}
	}
	return &ast.InList{Span: p.spanAround(left), Operand: left, List: items, Negated: negated}
}

// like takes what follows LIKE, ILIKE or SIMILAR TO.
func (p *parser) like(left ast.Expr, kind ast.LikeKind, position ast.Position, negated bool) ast.Expr {
	if kind != ast.LikeSimilar && p.atQuantifier() {
		return p.quantified(left, ast.Operator{Position: position, Symbol: likeSymbol(kind, negated)})
	}
	n := &ast.Like{Kind: kind, Operand: left, Negated: negated}
	n.Pattern = p.operand(patternPrecedence+1, false)
	if p.accept(kwEscape) {
		n.Escape = p.operand(patternPrecedence+1, false)
	}
	p.refuseChain(patternPrecedence, false)
	n.Span = p.spanAround(left)
	return n
}

// likeSymbol returns the operator that LIKE or ILIKE stands for.
func likeSymbol(kind ast.LikeKind, negated bool) string {
	symbol := "~~"
	if kind == ast.LikeFold {
		symbol = "~~*"
	}
	if negated {
		symbol = "!" + symbol
	}
	return symbol
}
