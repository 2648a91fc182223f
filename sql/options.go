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

// spacedOption takes name [value], as COPY has it.
func (p *parser) spacedOption() *ast.Option {
	n := &ast.Option{}
	start := p.token.start
	n.Name = p.label().Value
	switch {
	case p.atKind(comma), p.atKind(rightParenthesis):
	case p.token.kind == word && p.token.keyword.isReserved() && !p.atSwitchWord():
		p.fail()
	case p.atKind(leftParenthesis):
		listStart := p.token.start
		items := parenthesized(p, p.listWord)
		n.Value = &ast.List{Span: p.spanFrom(listStart), Items: items}
	default:
		n.Value = p.optionValue()
	}
	n.Span = p.spanFrom(start)
	return n
}

// listWord takes an item of the list that an option of COPY has.
func (p *parser) listWord() ast.Expr {
	reserved := p.token.kind == word && p.token.keyword.isReserved() && !p.atSwitchWord()
	if reserved || !isAnyWord(p.token) && !p.atKind(stringToken) {
		p.fail()
	}
	return p.optionValue()
}

// atSwitchWord says whether one of the reserved words that may be the value
// of an option is next.
func (p *parser) atSwitchWord() bool { return p.at(kwTrue) || p.at(kwFalse) || p.at(kwOn) }

// utilityOption takes name [value], as EXPLAIN and VACUUM have it.
func (p *parser) utilityOption() *ast.Option {
	if p.token.kind == word && p.token.keyword.isReserved() && !p.at(kwAnalyze) && !p.at(kwAnalyse) {
		p.fail()
	}
	return p.spacedOption()
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
