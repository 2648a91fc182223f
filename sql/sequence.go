package sql

import (
	"strings"

	"millrace/sql/ast"
)

// createSequence takes SEQUENCE and what follows.
func (p *parser) createSequence(m createModifiers) ast.Statement {
	if m.orReplace || m.source || m.recursive || m.unique {
		p.fail()
	}
	p.advance()
	n := &ast.CreateSequence{Temporary: m.temporary}
	n.IfNotExists = p.ifNotExists()
	n.Name = p.name()
	n.Options = p.sequenceOptions()
	n.Span = p.spanFrom(m.start)
	return n
}

// sequenceOptions takes the options of a sequence or an identity column. They
// are named by their words without BY and WITH.
func (p *parser) sequenceOptions() []*ast.Option {
	var options []*ast.Option
	for {
		n := &ast.Option{}
		start := p.token.start
		if !p.sequenceOption(n) {
			return options
		}
		n.Span = p.spanFrom(start)
		options = append(options, n)
	}
}

// sequenceOption takes one option if one is next.
func (p *parser) sequenceOption(n *ast.Option) bool {
	switch {
	case p.accept(kwAs):
		n.Name = "as"
		start := p.token.start
		t := p.simpleTypeName()
		n.Value = &ast.Word{Span: p.spanFrom(start), Value: t.Name}
	case p.accept(kwIncrement):
		n.Name = "increment"
		p.accept(kwBy)
		n.Value = p.sequenceNumber()
	case p.at(kwCache), p.at(kwMinvalue), p.at(kwMaxvalue):
		n.Name = keywordTable[p.advance().keyword].word
		n.Value = p.sequenceNumber()
	case p.accept(kwCycle):
		n.Name = "cycle"
	case p.atWords(kwSequence, kwName):
		p.advance()
		p.advance()
		n.Name = "sequence name"
		name := p.name()
		n.Value = &ast.Word{Span: name.Span, Value: strings.Join(name.Parts, ".")}
	case p.acceptWords(kwNo, kwCycle):
		n.Name = "no cycle"
	case p.acceptWords(kwNo, kwMinvalue):
		n.Name = "no minvalue"
	case p.acceptWords(kwNo, kwMaxvalue):
		n.Name = "no maxvalue"
	case p.accept(kwStart):
		n.Name = "start"
		p.accept(kwWith)
		n.Value = p.sequenceNumber()
	case p.accept(kwRestart):
		n.Name = "restart"
		if p.accept(kwWith) || p.atKind(integerToken) || p.atKind(minus) || p.atKind(plus) {
			n.Value = p.sequenceNumber()
		}
	case p.atWords(kwOwned, kwBy):
		p.advance()
		p.advance()
		n.Name = "owned by"
		owner := p.name()
		n.Value = &ast.Word{Span: owner.Span, Value: strings.Join(owner.Parts, ".")}
	default:
		return false
	}
	return true
}

// sequenceNumber takes a number with a sign perhaps.
func (p *parser) sequenceNumber() ast.Expr {
	switch p.token.kind {
	case plus, minus:
		return p.signedNumber()
	case integerToken, numericToken:
		return p.numberLiteral(p.advance())
	}
	p.fail()
	return nil
}
