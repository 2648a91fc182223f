package sql

import "millrace/sql/ast"

// alter takes ALTER ….
func (p *parser) alter() ast.Statement {
	start := p.advance().start
	t := p.token
	switch t.keyword {
	case kwTable, kwStream, kwView, kwIndex, kwSequence:
		p.advance()
		return p.alterRelation(start, ast.ObjectKind(keywordTable[t.keyword].word))
	case kwMaterialized:
		p.advance()
		p.expect(kwView)
		return p.alterRelation(start, ast.ObjectMaterializedView)
	case kwSystem:
		p.advance()
		return p.alterSystem(start)
	case kwRole, kwUser, kwGroup:
		p.advance()
		return p.alterRole(start, t)
	case kwNode:
		p.advance()
		return p.alterNode(start)
	case kwShard:
		p.advance()
		return p.alterShard(start)
	case kwCluster:
		p.advance()
		return p.alterCluster(start)
	case kwSchema, kwDatabase, kwType, kwDomain:
		p.advance()
		return p.alterObject(start, ast.ObjectKind(keywordTable[t.keyword].word))
	case kwAggregate, kwCollation, kwConversion, kwDefault, kwEvent, kwExtension, kwForeign,
		kwFunction, kwLanguage, kwLarge, kwOperator, kwPolicy, kwProcedure, kwProcedural,
		kwPublication, kwRoutine, kwRule, kwServer, kwStatistics, kwSubscription, kwTablespace,
		kwText, kwTrigger:
		p.failUnsupported(start, "ALTER "+upperWord(t.keyword))
	}
	p.failKind(alterableWords)
	return nil
}

// alterObject takes ALTER SCHEMA, DATABASE, TYPE or DOMAIN behind these words.
func (p *parser) alterObject(start ast.Position, kind ast.ObjectKind) ast.Statement {
	n := &ast.AlterObject{Kind: kind, Name: p.name()}
	switch {
	case kind == ast.ObjectDatabase && isAnyWord(p.token) && !p.atWords(kwOwner, kwTo) && !p.at(kwRename):
		p.failUnsupported(p.token.start, "ALTER DATABASE with options")
	case p.at(kwOwner):
		n.Action = p.ownerTo()
	case kind == ast.ObjectType && p.at(kwAdd) && p.peekIs(kwValue):
		n.Action = p.addEnumValue()
	case kind == ast.ObjectType && p.atWords(kwRename, kwValue):
		n.Action = p.renameEnumValue()
	case p.atWords(kwRename, kwTo), p.atWords(kwSet, kwSchema):
		n.Action = p.objectAction(kind)
	case isAnyWord(p.token):
		p.failUnsupported(p.token.start, "ALTER "+upperObject(kind)+" "+upperText(p.source(p.token)))
	default:
		p.fail()
	}
	n.Span = p.spanFrom(start)
	return n
}

// renameEnumValue takes RENAME VALUE 'old' TO 'new'.
func (p *parser) renameEnumValue() ast.AlterAction {
	n := &ast.RenameEnumValue{}
	start := p.advance().start
	p.advance()
	n.Old = p.stringLiteral().Value
	p.expect(kwTo)
	n.New = p.stringLiteral().Value
	n.Span = p.spanFrom(start)
	return n
}

// addEnumValue takes ADD VALUE [IF NOT EXISTS] 'label' [BEFORE | AFTER 'other'].
func (p *parser) addEnumValue() ast.AlterAction {
	n := &ast.AddEnumValue{}
	start := p.advance().start
	p.advance()
	n.IfNotExists = p.ifNotExists()
	n.Label = p.stringLiteral().Value
	if p.at(kwBefore) || p.at(kwAfter) {
		n.Place = keywordTable[p.advance().keyword].word
		n.Neighbor = p.stringLiteral().Value
	}
	n.Span = p.spanFrom(start)
	return n
}

// alterSystem takes ALTER SYSTEM behind these words. KSQL's has no SET.
func (p *parser) alterSystem(start ast.Position) ast.Statement {
	n := &ast.AlterSystem{}
	switch {
	case p.atKind(stringToken):
		n.Set = p.quotedSetting(p.token.start)
	case p.at(kwReset):
		n.Set = p.reset()
	default:
		setStart := p.token.start
		p.expect(kwSet)
		n.Set = p.setVariable(setStart, ast.ScopeDefault)
	}
	n.Span = p.spanFrom(start)
	return n
}
