package sql

import "millrace/sql/ast"

// copy takes COPY table | (statement) FROM | TO ….
func (p *parser) copy() ast.Statement {
	n := &ast.Copy{}
	start := p.advance().start
	binary := p.token
	isBinary := false
	if p.atKind(leftParenthesis) {
		p.advance()
		n.Statement = p.preparableStatement()
		p.expectRightParenthesis()
		p.expect(kwTo)
	} else {
		isBinary = p.accept(kwBinary)
		n.Table = p.name()
		n.Columns = p.optionalIdentifiers()
		if n.From = p.accept(kwFrom); !n.From {
			p.expect(kwTo)
		}
	}
	p.copyEndpoint(n)
	if isBinary {
		n.Options = append(n.Options, wordOption(binary, "format", "binary"))
	}
	if n.Table != nil {
		p.copyDelimiter(n)
	}
	p.accept(kwWith)
	if p.atKind(leftParenthesis) {
		n.Options = append(n.Options, parenthesized(p, p.spacedOption)...)
	} else {
		for p.oldCopyOption(n) {
		}
	}
	if n.Table != nil && p.at(kwWhere) {
		if !n.From {
			p.failAt(p.token.start, "WHERE clause not allowed with COPY TO")
		}
		p.advance()
		n.Where = p.expr()
	}
	n.Span = p.spanFrom(start)
	return n
}

// copyEndpoint takes STDIN, STDOUT, a file or PROGRAM 'command'. PostgreSQL
// takes either of the first two in both directions.
func (p *parser) copyEndpoint(n *ast.Copy) {
	switch {
	case p.accept(kwStdin), p.accept(kwStdout):
	case p.accept(kwProgram):
		n.Endpoint = ast.CopyProgram
		n.Path = p.stringLiteral().Value
	default:
		n.Endpoint = ast.CopyFile
		n.Path = p.stringLiteral().Value
	}
}

// copyDelimiter takes the oldest spelling: [USING] DELIMITERS 'c'.
func (p *parser) copyDelimiter(n *ast.Copy) {
	t := p.token
	if p.atWords(kwUsing, kwDelimiters) {
		p.advance()
	}
	if p.accept(kwDelimiters) {
		value := p.stringLiteral()
		n.Options = append(n.Options, &ast.Option{Span: p.spanFrom(t.start), Name: "delimiter", Value: value})
	}
}

// wordOption returns an option that stands for a word of the old syntax.
func wordOption(t token, name, value string) *ast.Option {
	return &ast.Option{Span: spanOf(t), Name: name, Value: &ast.Word{Span: spanOf(t), Value: value}}
}

// oldCopyOption takes one option of the syntax before PostgreSQL 9.0, if one
// is next, and stores it under its new name.
func (p *parser) oldCopyOption(n *ast.Copy) bool {
	t := p.token
	option := &ast.Option{}
	switch {
	case p.accept(kwBinary):
		option = wordOption(t, "format", "binary")
	case p.accept(kwCsv):
		option = wordOption(t, "format", "csv")
	case p.accept(kwFreeze):
		option.Name = "freeze"
	case p.accept(kwHeader):
		option.Name = "header"
	case p.accept(kwDelimiter), p.accept(kwNull), p.accept(kwQuote), p.accept(kwEscape), p.accept(kwEncoding):
		option.Name = keywordTable[t.keyword].word
		if t.keyword != kwEncoding {
			p.accept(kwAs)
		}
		option.Value = p.stringLiteral()
	case p.accept(kwForce):
		option.Name, option.Value = p.forcedColumns()
	default:
		return false
	}
	option.Span = p.spanFrom(t.start)
	n.Options = append(n.Options, option)
	return true
}

// forcedColumns takes what follows FORCE.
func (p *parser) forcedColumns() (name string, value ast.Expr) {
	switch {
	case p.accept(kwQuote):
		name = "force_quote"
	case p.acceptWords(kwNot, kwNull):
		name = "force_not_null"
	default:
		p.expect(kwNull)
		name = "force_null"
	}
	if name == "force_quote" && p.atKind(asterisk) {
		return name, &ast.Star{Span: spanOf(p.advance())}
	}
	list := &ast.List{}
	start := p.token.start
	for _, column := range p.identifiers() {
		list.Items = append(list.Items, &ast.Word{Span: column.Span, Value: column.Value})
	}
	list.Span = p.spanFrom(start)
	return name, list
}
