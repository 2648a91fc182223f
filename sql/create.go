package sql

import "millrace/sql/ast"

// createModifiers are the words between CREATE and the kind of object.
type createModifiers struct {
	start     ast.Position
	orReplace bool
	source    bool
	temporary bool
	unlogged  bool
	recursive bool
	unique    bool
}

// create takes CREATE ….
func (p *parser) create() ast.Statement {
	m := createModifiers{start: p.advance().start}
	if m.orReplace = p.accept(kwOr); m.orReplace {
		p.expect(kwReplace)
	}
	p.createModifiers(&m)
	switch p.token.keyword {
	case kwStream, kwTable, kwMaterialized:
		return p.createRelation(m)
	case kwView:
		return p.createView(m)
	case kwIndex:
		return p.createIndex(m)
	case kwSequence:
		return p.createSequence(m)
	}
	return p.createOther(m)
}

// createModifiers takes the words that may stand before the kind of object.
func (p *parser) createModifiers(m *createModifiers) {
	for {
		var modifier *bool
		switch p.token.keyword {
		case kwSource:
			modifier = &m.source
		case kwLocal, kwGlobal:
			if !p.peekIs(kwTemporary) && !p.peekIs(kwTemp) {
				p.fail()
			}
			p.advance()
			modifier = &m.temporary
		case kwTemporary, kwTemp:
			modifier = &m.temporary
		case kwUnlogged:
			modifier = &m.unlogged
		case kwRecursive:
			modifier = &m.recursive
		case kwUnique:
			modifier = &m.unique
		default:
			return
		}
		p.once(*modifier)
		*modifier = true
		p.advance()
	}
}

// createOther takes the objects that have no modifiers.
func (p *parser) createOther(m createModifiers) ast.Statement {
	if p.at(kwConnector) || p.token.keyword == notKeyword && p.peekIs(kwConnector) {
		p.failUnsupported(m.start, "CREATE CONNECTOR")
	}
	if m != (createModifiers{start: m.start, orReplace: m.orReplace}) {
		p.failCreate()
	}
	t := p.token
	switch t.keyword {
	case kwType:
		p.advance()
		return p.createType(m.start)
	case kwRole, kwUser, kwGroup:
		p.advance()
		return p.createRole(m.start, t)
	case kwSchema:
		p.advance()
		return p.createSchema(m.start)
	case kwDatabase:
		p.advance()
		return p.createDatabase(m.start)
	case kwExtension:
		p.advance()
		return p.createExtension(m.start)
	case kwAccess, kwAggregate, kwCast, kwCollation, kwConversion, kwDomain, kwEvent, kwForeign,
		kwFunction, kwLanguage, kwOperator, kwPolicy, kwProcedure, kwPublication, kwRule, kwServer,
		kwStatistics, kwSubscription, kwTablespace, kwText, kwTransform, kwTrigger, kwConstraint,
		kwProcedural, kwTrusted:
		p.failUnsupported(m.start, "CREATE "+upperWord(t.keyword))
	}
	p.failCreate()
	return nil
}

// ifNotExists takes IF NOT EXISTS if it is next.
func (p *parser) ifNotExists() bool {
	if !p.acceptWords(kwIf, kwNot) {
		return false
	}
	p.expect(kwExists)
	return true
}

// ifExists takes IF EXISTS if it is next.
func (p *parser) ifExists() bool { return p.acceptWords(kwIf, kwExists) }

// createView takes VIEW and what follows.
func (p *parser) createView(m createModifiers) ast.Statement {
	if m.source || m.unlogged || m.unique {
		p.fail()
	}
	p.advance()
	n := &ast.CreateView{OrReplace: m.orReplace, Temporary: m.temporary, Recursive: m.recursive}
	n.Name = p.name()
	if n.Columns = p.optionalIdentifiers(); n.Recursive && n.Columns == nil {
		p.fail()
	}
	n.Options = p.optionalWithOptions()
	p.expect(kwAs)
	n.Query = p.query()
	if p.accept(kwWith) {
		n.CheckOption = "cascaded"
		if p.accept(kwLocal) {
			n.CheckOption = "local"
		} else {
			p.accept(kwCascaded)
		}
		p.expect(kwCheck, kwOption)
	}
	n.Span = p.spanFrom(m.start)
	return n
}

// createType takes CREATE TYPE behind these words.
func (p *parser) createType(start ast.Position) ast.Statement {
	n := &ast.CreateType{Kind: ast.ShellType}
	n.IfNotExists = p.ifNotExists()
	n.Name = p.name()
	if p.accept(kwAs) {
		p.typeDefinition(n)
	} else if p.atKind(leftParenthesis) {
		p.failUnsupported(p.token.start, "CREATE TYPE of a base type")
	}
	n.Span = p.spanFrom(start)
	return n
}

// typeDefinition takes what follows AS of CREATE TYPE.
func (p *parser) typeDefinition(n *ast.CreateType) {
	switch {
	case p.at(kwEnum) && p.peek().kind == leftParenthesis:
		p.advance()
		n.Kind = ast.EnumType
		p.advance()
		if !p.atKind(rightParenthesis) {
			n.Labels = commaSeparated(p, p.stringLiteral)
		}
		p.expectRightParenthesis()
	case p.at(kwRange) && p.peek().kind == leftParenthesis:
		p.failUnsupported(p.token.start, "CREATE TYPE AS RANGE")
	case p.atKind(leftParenthesis):
		n.Kind = ast.CompositeType
		p.advance()
		if !p.atKind(rightParenthesis) {
			n.Attributes = commaSeparated(p, p.columnType)
		}
		p.expectRightParenthesis()
	default:
		n.Kind = ast.AliasType
		n.Type = p.typeName()
	}
}

// createSchema takes CREATE SCHEMA behind these words.
func (p *parser) createSchema(start ast.Position) ast.Statement {
	n := &ast.CreateSchema{}
	n.IfNotExists = p.ifNotExists()
	if !p.at(kwAuthorization) {
		n.Name = identifierPointer(p.identifier())
	}
	if p.accept(kwAuthorization) {
		n.Authorization = identifierPointer(p.role())
	}
	for p.at(kwCreate) || p.at(kwGrant) {
		n.Elements = append(n.Elements, p.schemaElement())
	}
	n.Span = p.spanFrom(start)
	return n
}

// schemaElement takes a statement inside of CREATE SCHEMA: one that makes
// something in a schema, or GRANT.
func (p *parser) schemaElement() ast.Statement {
	if p.at(kwGrant) {
		return p.grant(false)
	}
	switch p.peek().keyword {
	case kwSchema, kwRole, kwUser, kwGroup, kwDatabase, kwExtension, kwType, kwMaterialized:
		p.advance()
		p.fail()
	}
	return p.create()
}

// createDatabase takes CREATE DATABASE behind these words.
func (p *parser) createDatabase(start ast.Position) ast.Statement {
	n := &ast.CreateDatabase{Name: p.identifier()}
	p.accept(kwWith)
	for isAnyWord(p.token) {
		n.Options = append(n.Options, p.databaseOption())
	}
	n.Span = p.spanFrom(start)
	return n
}

func (p *parser) databaseOption() *ast.Option {
	n := &ast.Option{}
	start := p.token.start
	if p.acceptWords(kwConnection, kwLimit) {
		n.Name = "connection limit"
	} else {
		switch p.token.keyword {
		case kwEncoding, kwLocation, kwOwner, kwTablespace, kwTemplate:
		default:
			if !isAnyWord(p.token) || !p.token.keyword.isPlainWord() {
				p.fail()
			}
		}
		n.Name = p.label().Value
	}
	p.acceptKind(equals)
	if p.token.kind == word && p.token.keyword.isReserved() && !p.atSwitchWord() && !p.at(kwDefault) {
		p.fail()
	}
	n.Value = p.optionValue()
	n.Span = p.spanFrom(start)
	return n
}

// createExtension takes CREATE EXTENSION behind these words.
func (p *parser) createExtension(start ast.Position) ast.Statement {
	n := &ast.CreateExtension{}
	n.IfNotExists = p.ifNotExists()
	n.Name = p.identifier()
	p.accept(kwWith)
	for {
		t := p.token
		option := &ast.Option{Name: keywordTable[t.keyword].word}
		switch {
		case p.accept(kwSchema), p.accept(kwVersion):
			if p.token.kind == word && p.token.keyword.isReserved() {
				p.fail()
			}
			option.Value = p.optionValue()
		case p.accept(kwCascade):
		default:
			n.Span = p.spanFrom(start)
			return n
		}
		option.Span = p.spanFrom(t.start)
		n.Options = append(n.Options, option)
	}
}
