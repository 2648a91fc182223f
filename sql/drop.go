package sql

import "millrace/sql/ast"

// drop takes DROP NODE number, or DROP kind [IF EXISTS] names [CASCADE | RESTRICT] [DELETE TOPIC].
func (p *parser) drop() ast.Statement {
	n := &ast.Drop{}
	start := p.advance().start
	if p.at(kwNode) {
		return p.dropNode(start)
	}
	n.Kind = p.dropKind(start)
	if n.Kind == ast.ObjectIndex {
		n.Concurrently = p.accept(kwConcurrently)
	}
	n.IfExists = p.ifExists()
	if n.Kind == ast.ObjectRole || n.Kind == ast.ObjectUser || n.Kind == ast.ObjectGroup {
		for _, role := range p.roles() {
			n.Names = append(n.Names, &ast.Name{Span: role.Span, Parts: []string{role.Value}})
		}
	} else {
		n.Names = p.names()
		n.Behavior = p.behavior()
	}
	if (n.Kind == ast.ObjectStream || n.Kind == ast.ObjectTable) && p.atWords(kwDelete, kwTopic) {
		p.advance()
		p.advance()
		n.DeleteTopic = true
	}
	n.Span = p.spanFrom(start)
	return n
}

// dropKind takes the kind of object behind DROP.
func (p *parser) dropKind(start ast.Position) ast.ObjectKind {
	t := p.token
	switch t.keyword {
	case kwStream, kwTable, kwView, kwIndex, kwSequence, kwType, kwDomain, kwSchema, kwDatabase,
		kwExtension, kwRole, kwUser, kwGroup:
		p.advance()
		return ast.ObjectKind(keywordTable[t.keyword].word)
	case kwMaterialized:
		p.advance()
		p.expect(kwView)
		return ast.ObjectMaterializedView
	case kwAccess, kwAggregate, kwCast, kwCollation, kwConversion, kwEvent, kwForeign, kwFunction,
		kwLanguage, kwOperator, kwOwned, kwPolicy, kwProcedure, kwProcedural, kwPublication,
		kwRoutine, kwRule, kwServer, kwStatistics, kwSubscription, kwTablespace, kwText,
		kwTransform, kwTrigger, kwConnector:
		p.failUnsupported(start, "DROP "+upperWord(t.keyword))
	}
	p.failKind(droppableWords)
	return ""
}

// comment takes COMMENT ON kind name IS text.
func (p *parser) comment() ast.Statement {
	n := &ast.Comment{}
	start := p.advance().start
	p.expect(kwOn)
	t := p.token
	switch t.keyword {
	case kwColumn, kwConstraint, kwStream, kwTable, kwView, kwIndex, kwSequence, kwType, kwDomain,
		kwSchema, kwDatabase, kwExtension, kwRole, kwTablespace:
		p.advance()
		n.Kind = ast.ObjectKind(keywordTable[t.keyword].word)
	case kwMaterialized:
		p.advance()
		p.expect(kwView)
		n.Kind = ast.ObjectMaterializedView
	case kwAccess, kwAggregate, kwCast, kwCollation, kwConversion, kwEvent, kwForeign, kwFunction,
		kwLanguage, kwLarge, kwOperator, kwPolicy, kwProcedure, kwProcedural, kwPublication,
		kwRoutine, kwRule, kwServer, kwStatistics, kwSubscription, kwText, kwTransform, kwTrigger:
		p.failUnsupported(start, "COMMENT ON "+upperWord(t.keyword))
	default:
		p.fail()
	}
	n.Name = p.name()
	if n.Kind == ast.ObjectConstraint {
		p.expect(kwOn)
		if p.at(kwDomain) {
			p.failUnsupported(p.token.start, "COMMENT ON CONSTRAINT of a domain")
		}
		n.Table = p.name()
	}
	p.expect(kwIs)
	if !p.accept(kwNull) {
		n.Text = p.stringLiteral()
	}
	n.Span = p.spanFrom(start)
	return n
}
