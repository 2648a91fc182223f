package sql

import "millrace/sql/ast"

// specialCall takes a function that SQL spells in its own way, at its name
// with a parenthesis behind it. It returns nil for all other words.
func (p *parser) specialCall() ast.Expr {
	t := p.token
	switch t.keyword {
	case kwRow:
		return p.explicitRow()
	case kwExists:
		p.advance()
		query := p.parenthesizedQuery()
		return &ast.Exists{Span: p.spanFrom(t.start), Query: query}
	case kwCoalesce, kwGreatest, kwLeast, kwGrouping:
		return p.special(ast.FormCall, p.plainArguments)
	case kwNullif:
		return p.special(ast.FormCall, p.twoArguments)
	case kwExtract:
		return p.special(ast.FormExtract, p.extractArguments)
	case kwPosition:
		return p.special(ast.FormPosition, p.positionArguments)
	case kwSubstring:
		return p.special(ast.FormSubstring, p.substringArguments)
	case kwOverlay:
		return p.special(ast.FormOverlay, p.overlayArguments)
	case kwTrim:
		return p.special(ast.FormTrim, p.trimArguments)
	case kwNormalize:
		return p.special(ast.FormNormalize, p.normalizeArguments)
	case kwTreat:
		p.failUnsupported(t.start, "TREAT")
	case kwXmlconcat, kwXmlelement, kwXmlexists, kwXmlforest, kwXmlparse, kwXmlpi, kwXmlroot, kwXmlserialize:
		p.failUnsupported(t.start, "XML")
	}
	return nil
}

// special takes a special call: its name, and with the function given, what
// is in its parentheses. FILTER and OVER may follow as behind any call.
func (p *parser) special(form ast.FunctionForm, arguments func(*ast.FunctionCall)) ast.Expr {
	name := p.identifierOf(p.advance())
	call := &ast.FunctionCall{Form: form, Name: &ast.Name{Span: name.Span, Parts: []string{name.Value}}}
	outer := p.enter()
	p.expectKind(leftParenthesis)
	arguments(call)
	p.expectRightParenthesis()
	p.leave(outer)
	call.Span = p.spanFrom(name.Start)
	p.callSuffixes(call)
	call.Span = p.spanFrom(name.Start)
	return p.subscripts(call)
}

// plainArguments takes a list of expressions.
func (p *parser) plainArguments(call *ast.FunctionCall) {
	call.Args = p.exprs()
}

// twoArguments takes the arguments of NULLIF.
func (p *parser) twoArguments(call *ast.FunctionCall) {
	first := p.expr()
	p.expectKind(comma)
	call.Args = []ast.Expr{first, p.expr()}
}

// extractArguments takes field FROM source.
func (p *parser) extractArguments(call *ast.FunctionCall) {
	var field *ast.StringLiteral
	if p.atKind(stringToken) {
		field = p.stringLiteral()
	} else {
		name := p.extractField()
		field = &ast.StringLiteral{Span: name.Span, Value: name.Value}
	}
	p.expect(kwFrom)
	call.Args = []ast.Expr{field, p.expr()}
}

func (p *parser) extractField() ast.Identifier {
	switch {
	case p.token.kind == quotedWord, p.token.kind == word && p.token.keyword.isPlainWord():
	case p.at(kwYear), p.at(kwMonth), p.at(kwDay), p.at(kwHour), p.at(kwMinute), p.at(kwSecond):
	default:
		p.fail()
	}
	return p.identifierOf(p.advance())
}

// positionArguments takes substring IN string.
func (p *parser) positionArguments(call *ast.FunctionCall) {
	substring := p.restrictedExpr()
	p.expect(kwIn)
	call.Args = []ast.Expr{p.restrictedExpr(), substring}
}

// substringArguments takes x FROM a FOR b in either order, x SIMILAR p ESCAPE
// e, or plain arguments.
func (p *parser) substringArguments(call *ast.FunctionCall) {
	if p.atKind(rightParenthesis) {
		call.Form = ast.FormCall
		return
	}
	first := p.argument()
	switch {
	case p.accept(kwFrom):
		call.Args = []ast.Expr{first, p.expr()}
		if p.accept(kwFor) {
			call.Args = append(call.Args, p.expr())
		}
	case p.at(kwFor):
		start := p.advance().start
		length := p.expr()
		var from ast.Expr = &ast.IntegerLiteral{Span: ast.Span{Start: start, End: start}, Value: 1}
		if p.accept(kwFrom) {
			from = p.expr()
		}
		call.Args = []ast.Expr{first, from, length}
	case p.accept(kwSimilar):
		call.Form = ast.FormSubstringSimilar
		pattern := p.expr()
		p.expect(kwEscape)
		call.Args = []ast.Expr{first, pattern, p.expr()}
	default:
		p.restOfPlainArguments(call, first)
	}
}

// overlayArguments takes x PLACING y FROM a [FOR b], or plain arguments.
func (p *parser) overlayArguments(call *ast.FunctionCall) {
	if p.atKind(rightParenthesis) {
		call.Form = ast.FormCall
		return
	}
	first := p.argument()
	if !p.accept(kwPlacing) {
		p.restOfPlainArguments(call, first)
		return
	}
	call.Args = []ast.Expr{first, p.expr()}
	p.expect(kwFrom)
	call.Args = append(call.Args, p.expr())
	if p.accept(kwFor) {
		call.Args = append(call.Args, p.expr())
	}
}

// restOfPlainArguments takes the arguments behind the first of a special call
// that was written like any other.
func (p *parser) restOfPlainArguments(call *ast.FunctionCall, first ast.Expr) {
	call.Form = ast.FormCall
	call.Args = append(call.Args, first)
	for p.acceptKind(comma) {
		call.Args = append(call.Args, p.argument())
	}
}

// trimArguments takes [BOTH | LEADING | TRAILING] [characters] FROM list, or
// a list alone.
func (p *parser) trimArguments(call *ast.FunctionCall) {
	call.Name.Parts[0] = "btrim"
	switch {
	case p.accept(kwLeading):
		call.Name.Parts[0] = "ltrim"
	case p.accept(kwTrailing):
		call.Name.Parts[0] = "rtrim"
	default:
		p.accept(kwBoth)
	}
	if p.accept(kwFrom) {
		call.Args = p.exprs()
		return
	}
	first := p.expr()
	if p.accept(kwFrom) {
		call.Args = append(p.exprs(), first)
		return
	}
	call.Args = append(call.Args, first)
	for p.acceptKind(comma) {
		call.Args = append(call.Args, p.expr())
	}
}

// normalizeArguments takes a text and perhaps a Unicode form.
func (p *parser) normalizeArguments(call *ast.FunctionCall) {
	call.Args = []ast.Expr{p.expr()}
	if !p.acceptKind(comma) {
		return
	}
	switch p.token.keyword {
	case kwNfc, kwNfd, kwNfkc, kwNfkd:
		t := p.advance()
		call.Args = append(call.Args, &ast.StringLiteral{Span: spanOf(t), Value: keywordTable[t.keyword].word})
	default:
		p.fail()
	}
}

// collationFor takes COLLATION FOR (x).
func (p *parser) collationFor() ast.Expr {
	start := p.advance().start
	p.expect(kwFor)
	name := &ast.Name{Span: p.spanFrom(start), Parts: []string{"pg_collation_for"}}
	p.expectKind(leftParenthesis)
	args := []ast.Expr{p.expr()}
	p.expectRightParenthesis()
	return &ast.FunctionCall{Span: p.spanFrom(start), Form: ast.FormCollationFor, Name: name, Args: args}
}

// explicitRow takes ROW(…).
func (p *parser) explicitRow() ast.Expr {
	row := &ast.Row{Explicit: true}
	start := p.advance().start
	p.expectKind(leftParenthesis)
	if !p.atKind(rightParenthesis) {
		row.Elements = p.exprs()
	}
	p.expectRightParenthesis()
	row.Span = p.spanFrom(start)
	if p.at(kwOverlaps) {
		return p.overlaps(row)
	}
	return row
}

// overlaps takes OVERLAPS and the row at its right.
func (p *parser) overlaps(left *ast.Row) ast.Expr {
	position := p.advance()
	var right *ast.Row
	outer := p.enter()
	switch {
	case p.at(kwRow) && p.peek().kind == leftParenthesis:
		right, _ = p.explicitRow().(*ast.Row)
	case p.atKind(leftParenthesis):
		right, _ = p.parenthesizedExpr().(*ast.Row)
	}
	p.leave(outer)
	if right == nil {
		p.fail()
	}
	if len(left.Elements) != 2 {
		p.failAt(left.Start, "wrong number of parameters on left side of OVERLAPS expression")
	}
	if len(right.Elements) != 2 {
		p.failAt(right.Start, "wrong number of parameters on right side of OVERLAPS expression")
	}
	return &ast.FunctionCall{
		Span: p.spanAround(left),
		Form: ast.FormOverlaps,
		Name: &ast.Name{Span: spanOf(position), Parts: []string{"overlaps"}},
		Args: append(left.Elements[:2:2], right.Elements...),
	}
}
