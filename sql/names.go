package sql

import "millrace/sql/ast"

// atColumnName says whether the current token is a name without further
// conditions: of a column, table, cursor and so on (PostgreSQL's ColId).
func (p *parser) atColumnName() bool { return isColumnName(p.token) }

func isColumnName(t token) bool {
	return t.kind == quotedWord || t.kind == word && t.keyword.isColumnName()
}

// isFunctionName says whether a token may be the name of a function or type.
func isFunctionName(t token) bool {
	return t.kind == quotedWord || t.kind == word && t.keyword.isTypeOrFunctionName()
}

// isAnyWord says whether a token is a name or any keyword (PostgreSQL's ColLabel).
func isAnyWord(t token) bool { return t.kind == word || t.kind == quotedWord }

// identifier takes a name (ColId).
func (p *parser) identifier() ast.Identifier {
	if !p.atColumnName() {
		p.failName()
	}
	return p.identifierOf(p.advance())
}

// failName ends the parse where a name was expected.
func (p *parser) failName() {
	if p.token.kind == word && p.token.keyword.isReserved() {
		text := p.source(p.token)
		p.failHint(`"%s" is a reserved word: as a name it needs double quotes.`, text)
	}
	p.fail()
}

func (p *parser) identifierOf(t token) ast.Identifier {
	return ast.Identifier{Span: spanOf(t), Value: p.identifierValue(t)}
}

// label takes a name or any keyword (ColLabel).
func (p *parser) label() ast.Identifier {
	if !isAnyWord(p.token) {
		p.fail()
	}
	return p.identifierOf(p.advance())
}

// nonReservedWord takes a name or any keyword that is not reserved.
func (p *parser) nonReservedWord() ast.Identifier {
	if p.token.kind == word && p.token.keyword.isReserved() {
		p.failName()
	}
	return p.label()
}

// functionName takes a name of a function, type or parameter.
func (p *parser) functionName() ast.Identifier {
	if !isFunctionName(p.token) {
		p.failName()
	}
	return p.identifierOf(p.advance())
}

// identifierPointer returns a name that may be absent as the trees hold it.
func identifierPointer(i ast.Identifier) *ast.Identifier { return &i }

// optionalIdentifier takes a name if one is next, else returns nil.
func (p *parser) optionalIdentifier() *ast.Identifier {
	if !p.atColumnName() {
		return nil
	}
	return identifierPointer(p.identifier())
}

// name takes a name that may be qualified: a.b.c.
func (p *parser) name() *ast.Name {
	first := p.identifier()
	return p.restOfName(first)
}

// restOfName takes the parts behind the first one of a qualified name.
func (p *parser) restOfName(first ast.Identifier) *ast.Name {
	parts := []string{first.Value}
	for p.acceptKind(dot) {
		parts = append(parts, p.label().Value)
	}
	return &ast.Name{Span: p.spanFrom(first.Start), Parts: parts}
}

// names takes a list of qualified names.
func (p *parser) names() []*ast.Name {
	return commaSeparated(p, p.name)
}

// identifiers takes a list of names.
func (p *parser) identifiers() []ast.Identifier {
	return commaSeparated(p, p.identifier)
}

// parenthesizedIdentifiers takes (a, b, …).
func (p *parser) parenthesizedIdentifiers() []ast.Identifier {
	return parenthesized(p, p.identifier)
}

// optionalIdentifiers takes (a, b, …) if a parenthesis is next.
func (p *parser) optionalIdentifiers() []ast.Identifier {
	if !p.atKind(leftParenthesis) {
		return nil
	}
	return p.parenthesizedIdentifiers()
}

// commaSeparated takes one or more items.
func commaSeparated[T any](p *parser, item func() T) []T {
	items := []T{item()}
	for p.acceptKind(comma) {
		items = append(items, item())
	}
	return items
}

// parenthesized takes one or more items in parentheses.
func parenthesized[T any](p *parser, item func() T) []T {
	p.expectKind(leftParenthesis)
	items := commaSeparated(p, item)
	p.expectRightParenthesis()
	return items
}
