package sql

import "millrace/sql/ast"

// functionCall takes a call from its opening parenthesis on, with FILTER and
// OVER behind it. A call with a string behind it is a constant of a type with
// modifiers: numeric(10, 2) '1.5'.
func (p *parser) functionCall(name *ast.Name) ast.Expr {
	if len(name.Parts) == 1 && p.lexer.text[name.Start] != '"' {
		switch name.Parts[0] {
		case "struct":
			if e := p.structConstructor(name.Start); e != nil {
				return e
			}
		case "map":
			return p.mapOrCall(name)
		}
	}
	return p.callOf(name, nil)
}

// callOf takes the rest of a call whose first argument was taken already,
// unless it is nil.
func (p *parser) callOf(name *ast.Name, first ast.Expr) ast.Expr {
	call := &ast.FunctionCall{Name: name}
	outer := p.enter()
	p.arguments(call, first)
	p.leave(outer)
	call.Span = p.spanFrom(name.Start)
	if p.atKind(stringToken) && isPlainCall(call) {
		last := len(name.Parts) - 1
		return p.typedString(&ast.TypeName{
			Span:      call.Span,
			Qualifier: name.Parts[:last:last],
			Name:      name.Parts[last],
			Modifiers: call.Args,
		})
	}
	p.callSuffixes(call)
	call.Span = p.spanFrom(name.Start)
	return p.subscripts(call)
}

// isPlainCall says whether a call has nothing that a type's modifiers have not.
func isPlainCall(call *ast.FunctionCall) bool {
	if call.Star || call.Distinct || call.Variadic || len(call.OrderBy) > 0 || len(call.Args) == 0 {
		return false
	}
	for _, arg := range call.Args {
		switch arg.(type) {
		case *ast.NamedArgument, *ast.ArrowArgument, *ast.Lambda:
			return false
		}
	}
	return true
}

// arguments takes what is between the parentheses of a call.
func (p *parser) arguments(call *ast.FunctionCall, first ast.Expr) {
	if first == nil {
		p.expectKind(leftParenthesis)
		if p.acceptKind(rightParenthesis) {
			return
		}
		if p.atKind(asterisk) && p.peek().kind == rightParenthesis {
			p.advance()
			p.advance()
			call.Star = true
			return
		}
		if p.accept(kwDistinct) {
			call.Distinct = true
		} else {
			p.accept(kwAll)
		}
		call.Variadic = p.accept(kwVariadic)
		first = p.argument()
	}
	call.Args = append(call.Args, first)
	for !call.Variadic && p.acceptKind(comma) {
		call.Variadic = p.accept(kwVariadic)
		call.Args = append(call.Args, p.argument())
	}
	call.OrderBy = p.optionalOrderBy()
	p.expectRightParenthesis()
}

// argument takes one argument: an expression, name := value, name => value,
// or (x, y) => body.
func (p *parser) argument() ast.Expr {
	start := p.token
	if isFunctionName(start) {
		switch p.peek().kind {
		case colonEquals:
			name := p.identifierOf(p.advance())
			p.advance()
			value := p.expr()
			return &ast.NamedArgument{Span: p.spanFrom(start.start), Name: name, Value: value}
		case arrow:
			name := p.identifierOf(p.advance())
			p.advance()
			value := p.expr()
			return &ast.ArrowArgument{Span: p.spanFrom(start.start), Name: name, Value: value}
		}
	}
	e := p.expr()
	if start.kind == leftParenthesis && p.atKind(arrow) {
		return p.lambda(start.start, e)
	}
	return e
}

// lambda takes the arrow and the body of (x, y) => body; what is before the
// arrow was read as an expression.
func (p *parser) lambda(start ast.Position, parameters ast.Expr) ast.Expr {
	n := &ast.Lambda{}
	columns := []ast.Expr{parameters}
	if row, ok := parameters.(*ast.Row); ok && !row.Explicit {
		columns = row.Elements
	}
	for _, column := range columns {
		c, ok := column.(*ast.ColumnRef)
		if !ok || len(c.Parts) != 1 {
			p.failHint("Before => of a lambda there are only the names of its parameters.")
		}
		n.Parameters = append(n.Parameters, ast.Identifier{Span: c.Span, Value: c.Parts[0]})
	}
	p.expectKind(arrow)
	n.Body = p.expr()
	n.Span = p.spanFrom(start)
	return n
}

// callSuffixes takes WITHIN GROUP, FILTER and OVER behind a call.
func (p *parser) callSuffixes(call *ast.FunctionCall) {
	if p.acceptWords(kwWithin, kwGroup) {
		p.expectKind(leftParenthesis)
		call.WithinGroup = p.orderBy()
		p.expectRightParenthesis()
	}
	if p.accept(kwFilter) {
		p.expectKind(leftParenthesis)
		p.expect(kwWhere)
		call.Filter = p.expr()
		p.expectRightParenthesis()
	}
	if p.accept(kwOver) {
		call.Over = p.over()
	}
}

// structConstructor takes STRUCT(name := value, …) from its parenthesis on,
// or returns nil where it is the call of a function.
func (p *parser) structConstructor(start ast.Position) ast.Expr {
	switch p.peek().kind {
	case rightParenthesis:
	case word, quotedWord:
		if p.peekAt(2).kind != colonEquals {
			return nil
		}
	default:
		return nil
	}
	n := &ast.StructConstructor{}
	outer := p.enter()
	p.expectKind(leftParenthesis)
	if !p.atKind(rightParenthesis) {
		n.Fields = commaSeparated(p, p.structField)
	}
	p.expectRightParenthesis()
	p.leave(outer)
	n.Span = p.spanFrom(start)
	return p.subscripts(n)
}

func (p *parser) structField() *ast.StructField {
	start := p.token.start
	name := p.label()
	p.expectKind(colonEquals)
	value := p.expr()
	return &ast.StructField{Span: p.spanFrom(start), Name: name, Value: value}
}

// mapOrCall takes MAP(key := value, …), or the call of a function map, from
// the parenthesis on. The first := tells.
func (p *parser) mapOrCall(name *ast.Name) ast.Expr {
	switch following := p.peek(); {
	case following.kind == rightParenthesis:
		p.advance()
		p.advance()
		return &ast.MapConstructor{Span: p.spanFrom(name.Start)}
	case following.kind == asterisk, following.keyword == kwDistinct,
		following.keyword == kwAll, following.keyword == kwVariadic:
		return p.callOf(name, nil)
	}
	outer := p.enter()
	p.advance()
	start := p.token.start
	first := p.mapKeyOrArgument()
	if !p.atKind(colonEquals) {
		p.leave(outer)
		return p.callOf(name, first)
	}
	n := &ast.MapConstructor{Entries: []*ast.MapEntry{p.mapEntry(start, first)}}
	for p.acceptKind(comma) {
		start = p.token.start
		n.Entries = append(n.Entries, p.mapEntry(start, p.expr()))
	}
	p.expectRightParenthesis()
	p.leave(outer)
	n.Span = p.spanFrom(name.Start)
	return p.subscripts(n)
}

// mapKeyOrArgument takes the first argument of MAP(…); of name := value only
// the name, which is a map's key.
func (p *parser) mapKeyOrArgument() ast.Expr {
	if isAnyWord(p.token) && p.peek().kind == colonEquals {
		return p.expr()
	}
	return p.argument()
}

func (p *parser) mapEntry(start ast.Position, key ast.Expr) *ast.MapEntry {
	p.expectKind(colonEquals)
	value := p.expr()
	return &ast.MapEntry{Span: p.spanFrom(start), Key: key, Value: value}
}
