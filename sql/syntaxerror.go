package sql

import (
	"millrace/sql/ast"
	"millrace/sql/sqlerr"
)

// syntaxError returns PostgreSQL's error for a token that fits no rule.
func (p *parser) syntaxError(t token) *sqlerr.Error {
	if t.kind == endOfInput {
		return sqlerr.New(sqlerr.SyntaxError, int(t.start), "syntax error at end of input")
	}
	return sqlerr.New(sqlerr.SyntaxError, int(t.start),
		`syntax error at or near "%s"`, clip(p.source(t)))
}

// fail ends the parse at the current token.
func (p *parser) fail() { bail(p.syntaxError(p.token)) }

// failHint ends the parse at the current token with a hint.
func (p *parser) failHint(format string, args ...any) {
	bail(p.syntaxError(p.token).WithHint(format, args...))
}

// failAt ends the parse with an error of its own at a place.
func (p *parser) failAt(at ast.Position, format string, args ...any) {
	bail(sqlerr.New(sqlerr.SyntaxError, int(at), format, args...))
}

// failUnsupported ends the parse at a construct that is PostgreSQL's or
// KSQL's but not ours.
func (p *parser) failUnsupported(at ast.Position, what string) {
	bail(sqlerr.New(sqlerr.FeatureNotSupported, int(at), "%s is not supported", what))
}

// failInList ends the parse inside of a parenthesised list. Two values beside
// each other lack a comma, most likely.
func (p *parser) failInList() {
	switch p.token.kind {
	case integerToken, numericToken, stringToken, parameterToken, word, quotedWord, leftParenthesis:
		p.failHint(`A comma or a closing parenthesis is missing before "%s", perhaps.`, clip(p.source(p.token)))
	}
	p.fail()
}
