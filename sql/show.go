package sql

import "millrace/sql/ast"

// show takes SHOW or LIST.
func (p *parser) show() ast.Statement {
	t := p.advance()
	start := t.start
	if p.at(kwAll) && !p.peekIs(kwTopics) {
		p.advance()
		return &ast.ShowVariable{Span: p.spanFrom(start), All: true}
	}
	if n := p.showObjects(start); n != nil {
		return n
	}
	if t.keyword == kwList {
		p.failKind(listableWords)
	}
	name := p.spelledSetting()
	return &ast.ShowVariable{Span: p.spanFrom(start), Name: name}
}

// showObjects takes a kind of object and EXTENDED, or returns nil where a
// setting is meant.
func (p *parser) showObjects(start ast.Position) ast.Statement {
	n := &ast.ShowObjects{}
	n.All = p.accept(kwAll)
	switch p.token.keyword {
	case kwStreams, kwTables, kwViews, kwQueries, kwFunctions, kwTypes, kwTopics, kwProperties, kwNodes, kwShards:
		n.Kind = keywordTable[p.advance().keyword].word
	case kwConnectors, kwConnector:
		p.failUnsupported(start, "SHOW CONNECTORS")
	default:
		return nil
	}
	n.Extended = p.accept(kwExtended)
	n.Span = p.spanFrom(start)
	return n
}

// describe takes DESCRIBE [EXTENDED] name [EXTENDED] or DESCRIBE FUNCTION name.
func (p *parser) describe() ast.Statement {
	n := &ast.Describe{}
	start := p.advance().start
	switch {
	case p.at(kwExtended) && isAnyWord(p.peek()):
		p.advance()
		n.Extended = true
	case p.at(kwFunction) && isAnyWord(p.peek()):
		p.advance()
		n.Function = true
		n.Name = p.restOfName(p.label())
		n.Span = p.spanFrom(start)
		return n
	case p.at(kwConnector) && isAnyWord(p.peek()):
		p.failUnsupported(start, "DESCRIBE CONNECTOR")
	}
	n.Name = p.name()
	if p.accept(kwExtended) {
		n.Extended = true
	}
	n.Span = p.spanFrom(start)
	return n
}

// explain takes EXPLAIN.
func (p *parser) explain() ast.Statement {
	n := &ast.Explain{}
	start := p.advance().start
	if p.atKind(leftParenthesis) && !p.beginsQuery(p.peek(), func() token { return p.peekAt(2) }) &&
		p.peek().kind != leftParenthesis {
		n.Options = parenthesized(p, p.utilityOption)
	} else {
		for _, k := range []keyword{kwAnalyze, kwAnalyse, kwVerbose} {
			t := p.token
			if !p.endsAfter(1) && p.accept(k) {
				name := keywordTable[k].word
				if k == kwAnalyse {
					name = "analyze"
				}
				n.Options = append(n.Options, &ast.Option{Span: spanOf(t), Name: name})
			}
		}
	}
	if p.atColumnName() && p.endsAfter(1) {
		n.QueryID = identifierPointer(p.identifier())
	} else {
		n.Statement = p.explainable()
	}
	n.Span = p.spanFrom(start)
	return n
}

// endsAfter says whether the statement ends so many tokens further on.
func (p *parser) endsAfter(distance int) bool {
	kind := p.peekAt(distance).kind
	return kind == endOfInput || kind == semicolon
}

// explainable takes a statement that EXPLAIN may stand before.
func (p *parser) explainable() ast.Statement {
	switch p.token.keyword {
	case kwCreate:
		return p.create()
	case kwDeclare:
		return p.declare()
	case kwExecute:
		return p.execute()
	case kwRefresh:
		return p.refresh()
	}
	return p.preparableStatement()
}

// controlQuery takes TERMINATE | PAUSE | RESUME id | ALL.
func (p *parser) controlQuery(action ast.ControlAction) ast.Statement {
	n := &ast.ControlQuery{Action: action}
	start := p.advance().start
	if !p.accept(kwAll) {
		n.QueryID = identifierPointer(p.label())
	}
	n.Span = p.spanFrom(start)
	return n
}

// print takes PRINT topic [FROM BEGINNING] [INTERVAL | SAMPLE n] [LIMIT n].
func (p *parser) print() ast.Statement {
	n := &ast.Print{}
	start := p.advance().start
	if p.atKind(stringToken) {
		topic := p.stringLiteral()
		n.Topic = &ast.Name{Span: topic.Span, Parts: []string{topic.Value}}
	} else {
		n.Topic = p.name()
	}
	n.FromBeginning = p.acceptWords(kwFrom, kwBeginning)
	if p.accept(kwInterval) || p.accept(kwSample) {
		n.Interval = p.plainInteger()
	}
	if p.accept(kwLimit) {
		n.Limit = p.plainInteger()
	}
	n.Span = p.spanFrom(start)
	return n
}

// plainInteger takes an integer constant without a sign.
func (p *parser) plainInteger() *ast.IntegerLiteral {
	if !p.atKind(integerToken) {
		p.fail()
	}
	n, ok := p.numberLiteral(p.token).(*ast.IntegerLiteral)
	if !ok {
		p.fail()
	}
	p.advance()
	return n
}
