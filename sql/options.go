package sql

import (
	"strings"

	"millrace/sql/ast"
)

// options takes (name [= value], …).
func (p *parser) options() []*ast.Option {
	return parenthesized(p, p.assignedOption)
}

// optionalWithOptions takes WITH (…) if it is next.
func (p *parser) optionalWithOptions() []*ast.Option {
	if !p.at(kwWith) || p.peek().kind != leftParenthesis {
		return nil
	}
	p.advance()
	return p.options()
}

// assignedOption takes name [= value]. The name may be dotted, or a string as
// in KSQL's properties.
func (p *parser) assignedOption() *ast.Option {
	n := &ast.Option{}
	start := p.token.start
	n.Name = p.optionName()
	if p.acceptKind(equals) {
		n.Value = p.optionValue()
	}
	n.Span = p.spanFrom(start)
	return n
}

// spacedOption takes name [value], as COPY and EXPLAIN have it.
func (p *parser) spacedOption() *ast.Option {
	n := &ast.Option{}
	start := p.token.start
	n.Name = p.optionName()
	if !p.atKind(comma) && !p.atKind(rightParenthesis) {
		n.Value = p.optionValue()
	}
	n.Span = p.spanFrom(start)
	return n
}

// optionName takes the name of an option or setting.
func (p *parser) optionName() string {
	if p.atKind(stringToken) {
		return p.stringValue(p.advance())
	}
	return p.dottedName()
}

// dottedName takes a name of several parts and joins them by dots.
func (p *parser) dottedName() string {
	first := p.label().Value
	if !p.atKind(dot) {
		return first
	}
	parts := []string{first}
	for p.acceptKind(dot) {
		parts = append(parts, p.label().Value)
	}
	return strings.Join(parts, ".")
}

// optionValue takes what an option may be set to.
func (p *parser) optionValue() ast.Expr {
	t := p.token
	switch t.kind {
	case stringToken:
		return p.stringLiteral()
	case integerToken, numericToken:
		return p.numberLiteral(p.advance())
	case plus, minus:
		return p.signedNumber()
	case asterisk:
		return &ast.Star{Span: spanOf(p.advance())}
	case leftParenthesis:
		outer := p.enter()
		items := parenthesized(p, p.optionValue)
		p.leave(outer)
		return &ast.List{Span: p.spanFrom(t.start), Items: items}
	case word, quotedWord:
		return p.wordValue()
	}
	p.fail()
	return nil
}

// wordValue takes a word as a value, or a constant that begins with one.
func (p *parser) wordValue() ast.Expr {
	t := p.token
	switch t.keyword {
	case kwTrue, kwFalse, kwNull:
		return p.wordExpr()
	}
	if p.atTypeConstant() {
		return p.typedLiteral()
	}
	value := p.dottedName()
	return &ast.Word{Span: p.spanFrom(t.start), Value: value}
}

// signedNumber takes a number with a sign in front; + is left out.
func (p *parser) signedNumber() ast.Expr {
	start := p.token.start
	operator := p.operator()
	if !p.atKind(integerToken) && !p.atKind(numericToken) {
		p.fail()
	}
	number := p.numberLiteral(p.advance())
	if operator.Symbol == "+" {
		return number
	}
	return &ast.Unary{Span: p.spanFrom(start), Operator: operator, Operand: number}
}
