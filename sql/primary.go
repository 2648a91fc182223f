package sql

import (
	"millrace/sql/ast"
)

// primary takes an expression without operators around it (PostgreSQL's
// c_expr), with the subscripts and fields behind it.
func (p *parser) primary() ast.Expr {
	switch p.token.kind {
	case integerToken, numericToken:
		return p.numberLiteral(p.advance())
	case stringToken:
		return p.stringLiteral()
	case bitToken, hexToken:
		t := p.advance()
		return &ast.BitLiteral{Span: spanOf(t), Hex: t.kind == hexToken, Digits: p.bitDigits(t)}
	case parameterToken:
		t := p.advance()
		return p.indirection(&ast.Parameter{Span: spanOf(t), Number: p.parameterNumber(t)})
	case leftParenthesis:
		return p.parenthesizedExpr()
	case quotedWord:
		return p.nameExpr()
	case word:
		return p.wordExpr()
	}
	p.fail()
	return nil
}

// stringLiteral takes a string constant.
func (p *parser) stringLiteral() *ast.StringLiteral {
	t := p.expectKind(stringToken)
	n := p.strings.allocate()
	n.Span, n.Value = spanOf(t), p.stringValue(t)
	return n
}

// wordExpr takes a primary expression that begins with a word.
func (p *parser) wordExpr() ast.Expr {
	t := p.token
	switch t.keyword {
	case notKeyword:
		return p.nameExpr()
	case kwNull:
		return &ast.NullLiteral{Span: spanOf(p.advance())}
	case kwTrue, kwFalse:
		p.advance()
		return &ast.BooleanLiteral{Span: spanOf(t), Value: t.keyword == kwTrue}
	case kwDefault:
		return &ast.Default{Span: spanOf(p.advance())}
	case kwCase:
		return p.caseExpr()
	case kwCast:
		return p.cast()
	case kwArray:
		return p.array()
	case kwCurrentCatalog, kwCurrentDate, kwCurrentRole, kwCurrentTime, kwCurrentTimestamp,
		kwCurrentUser, kwLocaltime, kwLocaltimestamp, kwSessionUser, kwUser:
		return p.valueFunction()
	case kwCurrentSchema:
		if following := p.peek().kind; following != leftParenthesis && following != stringToken {
			return p.valueFunction()
		}
	case kwCollation:
		if p.peekIs(kwFor) {
			return p.collationFor()
		}
	}
	if p.atTypeConstant() {
		return p.typedLiteral()
	}
	if p.peek().kind == leftParenthesis {
		if e := p.specialCall(); e != nil {
			return e
		}
	}
	if t.keyword.isReserved() {
		p.fail()
	}
	return p.nameExpr()
}

// nameExpr takes what begins with a name: a column, a function call or a
// constant with its type in front.
func (p *parser) nameExpr() ast.Expr {
	first := p.token
	if !isColumnName(first) && !isFunctionName(first) {
		p.failName()
	}
	p.advance()
	switch p.token.kind {
	case leftParenthesis:
		if !isFunctionName(first) {
			p.fail()
		}
		return p.functionCall(&ast.Name{Span: spanOf(first), Parts: []string{p.identifierValue(first)}})
	case stringToken:
		if !isFunctionName(first) {
			p.fail()
		}
		return p.typedString(&ast.TypeName{Span: spanOf(first), Name: p.identifierValue(first)})
	}
	if !isColumnName(first) {
		p.fail()
	}
	if p.token.kind != dot {
		n := p.columns.allocate()
		n.Span, n.Parts = spanOf(first), p.parts.slice(1)
		n.Parts[0] = p.identifierValue(first)
		return p.indirection(n)
	}
	return p.qualifiedNameExpr(first)
}

// qualifiedNameExpr takes the rest of what begins with a name and a dot.
func (p *parser) qualifiedNameExpr(first token) ast.Expr {
	parts := []string{p.identifierValue(first)}
	for p.acceptKind(dot) {
		if p.acceptKind(asterisk) {
			return &ast.Star{Span: p.spanFrom(first.start), Qualifier: parts}
		}
		parts = append(parts, p.label().Value)
	}
	switch p.token.kind {
	case leftParenthesis:
		return p.functionCall(&ast.Name{Span: p.spanFrom(first.start), Parts: parts})
	case stringToken:
		last := len(parts) - 1
		return p.typedString(&ast.TypeName{Span: p.spanFrom(first.start), Qualifier: parts[:last:last], Name: parts[last]})
	}
	n := p.columns.allocate()
	n.Span, n.Parts = p.spanFrom(first.start), parts
	return p.indirection(n)
}

// typedString takes the string behind the type of a constant.
func (p *parser) typedString(typeName *ast.TypeName) ast.Expr {
	value := p.stringLiteral()
	return &ast.TypedLiteral{Span: p.spanAround(typeName), Type: typeName, Value: value}
}

// indirection takes the subscripts and fields behind an expression.
func (p *parser) indirection(e ast.Expr) ast.Expr {
	for {
		switch p.token.kind {
		case leftBracket:
			e = p.subscript(e)
		case dot:
			p.advance()
			if p.acceptKind(asterisk) {
				return &ast.ExpandFields{Span: p.spanAround(e), Operand: e}
			}
			field := p.label()
			e = &ast.FieldAccess{Span: p.spanAround(e), Operand: e, Field: field}
		default:
			return e
		}
		p.wrapped()
	}
}

// subscripts takes [index] behind a value that PostgreSQL wants parentheses
// around, with what follows it; .field needs the parentheses here as well.
func (p *parser) subscripts(e ast.Expr) ast.Expr {
	if !p.atKind(leftBracket) {
		return e
	}
	return p.indirection(e)
}

// subscript takes [index] or [low:high] behind an expression.
func (p *parser) subscript(e ast.Expr) ast.Expr {
	low, high, slice := p.brackets()
	if slice {
		return &ast.Slice{Span: p.spanAround(e), Operand: e, Low: low, High: high}
	}
	return &ast.Subscript{Span: p.spanAround(e), Operand: e, Index: low}
}

// brackets takes [low], or [low:high] with either bound perhaps left out.
func (p *parser) brackets() (low, high ast.Expr, slice bool) {
	p.expectKind(leftBracket)
	if !p.atKind(colon) {
		low = p.expr()
	}
	if slice = p.acceptKind(colon); slice && !p.atKind(rightBracket) {
		high = p.expr()
	}
	p.expectKind(rightBracket)
	return low, high, slice
}

// caseExpr takes CASE … END.
func (p *parser) caseExpr() ast.Expr {
	n := &ast.Case{}
	start := p.advance().start
	if !p.at(kwWhen) {
		n.Operand = p.expr()
	}
	for p.at(kwWhen) || len(n.Whens) == 0 {
		when := &ast.When{}
		whenStart := p.token.start
		p.expect(kwWhen)
		when.Condition = p.expr()
		p.expect(kwThen)
		when.Result = p.expr()
		when.Span = p.spanFrom(whenStart)
		n.Whens = append(n.Whens, when)
	}
	if p.accept(kwElse) {
		n.Else = p.expr()
	}
	p.expect(kwEnd)
	n.Span = p.spanFrom(start)
	return n
}

// cast takes CAST(x AS type).
func (p *parser) cast() ast.Expr {
	start := p.advance().start
	p.expectKind(leftParenthesis)
	operand := p.expr()
	p.expect(kwAs)
	typeName := p.typeName()
	p.expectRightParenthesis()
	return &ast.Cast{Span: p.spanFrom(start), Operand: operand, Type: typeName}
}

// array takes ARRAY[…] or ARRAY(query).
func (p *parser) array() ast.Expr {
	start := p.advance().start
	var e ast.Expr
	if p.atKind(leftBracket) {
		elements := p.arrayElements()
		e = &ast.ArrayConstructor{Span: p.spanFrom(start), Elements: elements}
	} else {
		query := p.parenthesizedQuery()
		e = &ast.ArrayQuery{Span: p.spanFrom(start), Query: query}
	}
	return p.subscripts(e)
}

// arrayElements takes […]: expressions, or nested […] without the word.
func (p *parser) arrayElements() []ast.Expr {
	outer := p.enter()
	p.expectKind(leftBracket)
	elements := []ast.Expr{}
	switch {
	case p.atKind(rightBracket):
	case p.atKind(leftBracket):
		elements = commaSeparated(p, func() ast.Expr {
			start := p.token.start
			inner := p.arrayElements()
			return &ast.ArrayConstructor{Span: p.spanFrom(start), Elements: inner}
		})
	default:
		elements = p.exprs()
	}
	p.expectKind(rightBracket)
	p.leave(outer)
	return elements
}

// exprs takes a list of expressions.
func (p *parser) exprs() []ast.Expr {
	list := []ast.Expr{p.expr()}
	for p.acceptKind(comma) {
		list = append(list, p.expr())
	}
	return list
}

// valueFunction takes CURRENT_DATE and its relatives.
func (p *parser) valueFunction() ast.Expr {
	t := p.advance()
	n := &ast.ValueFunction{Name: keywordTable[t.keyword].word, Precision: -1}
	switch t.keyword {
	case kwCurrentTime, kwCurrentTimestamp, kwLocaltime, kwLocaltimestamp:
		if p.acceptKind(leftParenthesis) {
			n.Precision = p.smallInteger()
			p.expectRightParenthesis()
		}
	}
	n.Span = p.spanFrom(t.start)
	return n
}

// smallInteger takes an integer constant of PostgreSQL's integer type.
func (p *parser) smallInteger() int {
	if !p.atKind(integerToken) {
		p.fail()
	}
	value, ok := parseInteger(p.source(p.token))
	if !ok || value > 1<<31-1 {
		p.fail()
	}
	p.advance()
	return int(value)
}
