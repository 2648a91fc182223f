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
		switch p.token.keyword {
		case kwSource:
			m.source = true
		case kwTemporary, kwTemp:
			m.temporary = true
		case kwLocal, kwGlobal:
			if !p.peekIs(kwTemporary) && !p.peekIs(kwTemp) {
				p.fail()
			}
			p.advance()
			m.temporary = true
		case kwUnlogged:
			m.unlogged = true
		case kwRecursive:
			m.recursive = true
		case kwUnique:
			m.unique = true
		default:
			return
		}
		p.advance()
	}
}

// createOther takes the objects that have no modifiers.
func (p *parser) createOther(m createModifiers) ast.Statement {
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
		kwProcedural, kwTrusted, kwConnector:
		p.failUnsupported(m.start, "CREATE "+upperWord(t.keyword))
	}
	p.failCreate()
	return nil
}

// relationKind takes STREAM, TABLE or MATERIALIZED VIEW.
func (p *parser) relationKind() ast.RelationKind {
	switch p.advance().keyword {
	case kwStream:
		return ast.StreamRelation
	case kwTable:
		return ast.TableRelation
	}
	p.expect(kwView)
	return ast.MaterializedViewRelation
}

// createRelation takes STREAM, TABLE or MATERIALIZED VIEW and what follows.
func (p *parser) createRelation(m createModifiers) ast.Statement {
	if m.recursive || m.unique {
		p.fail()
	}
	n := &ast.CreateRelation{
		OrReplace: m.orReplace, Source: m.source, Temporary: m.temporary, Unlogged: m.unlogged,
	}
	n.Kind = p.relationKind()
	n.IfNotExists = p.ifNotExists()
	n.Name = p.name()
	if p.atKind(leftParenthesis) {
		p.relationElements(n)
	}
	p.refusePartitionOf()
	if p.accept(kwInherits) {
		n.Inherits = parenthesized(p, p.name)
	}
	if p.atWords(kwPartition, kwBy) {
		n.PartitionBy = p.partitionClause()
	}
	p.relationClauses(n)
	switch {
	case p.at(kwAs):
		p.relationQuery(n)
	case !n.HasElements && n.Options == nil, n.Kind == ast.MaterializedViewRelation:
		p.fail()
	}
	n.Span = p.spanFrom(m.start)
	return n
}

// refusePartitionOf names the forms of CREATE TABLE that are not supported.
func (p *parser) refusePartitionOf() {
	switch {
	case p.atWords(kwPartition, kwOf):
		p.failUnsupported(p.token.start, "PARTITION OF")
	case p.at(kwOf):
		p.failUnsupported(p.token.start, "a table of a composite type")
	}
}

// relationClauses takes what may stand between the elements and AS.
func (p *parser) relationClauses(n *ast.CreateRelation) {
	if p.accept(kwUsing) {
		n.Method = identifierPointer(p.identifier())
	}
	if p.acceptWords(kwWithout, kwOids) {
		// Tables have had no OIDs since PostgreSQL 12.
	} else {
		n.Options = p.optionalWithOptions()
	}
	if p.acceptWords(kwOn, kwCommit) {
		switch {
		case p.accept(kwDrop):
			n.OnCommit = "drop"
		case p.acceptWords(kwDelete, kwRows):
			n.OnCommit = "delete rows"
		default:
			p.expect(kwPreserve, kwRows)
			n.OnCommit = "preserve rows"
		}
	}
	if p.accept(kwTablespace) {
		n.Tablespace = identifierPointer(p.identifier())
	}
}

// relationQuery takes the query behind AS.
func (p *parser) relationQuery(n *ast.CreateRelation) {
	if n.HasElements {
		p.failHint("With AS only the names of the columns may be given, not their types.")
	}
	p.advance()
	if p.at(kwExecute) {
		p.failUnsupported(p.token.start, "CREATE TABLE AS EXECUTE")
	}
	n.Query = p.query()
	switch {
	case p.acceptWords(kwWith, kwData):
	case p.atWords(kwWith, kwNo):
		p.advance()
		p.advance()
		p.expect(kwData)
		n.WithNoData = true
	}
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

// relationElements takes the columns and constraints in parentheses, or the
// bare names of columns that a query's columns get.
func (p *parser) relationElements(n *ast.CreateRelation) {
	following := p.peekAt(2).kind
	if isColumnName(p.peek()) && (following == comma || following == rightParenthesis) {
		n.ColumnNames = p.parenthesizedIdentifiers()
		return
	}
	n.HasElements = true
	p.expectKind(leftParenthesis)
	if p.acceptKind(rightParenthesis) {
		return
	}
	p.relationElement(n)
	for p.acceptKind(comma) {
		p.relationElement(n)
	}
	p.expectRightParenthesis()
}

func (p *parser) relationElement(n *ast.CreateRelation) {
	switch {
	case p.at(kwLike):
		n.Likes = append(n.Likes, p.likeClause())
	case p.atTableConstraint():
		n.Constraints = append(n.Constraints, p.tableConstraint())
	default:
		n.Columns = append(n.Columns, p.columnDefinition())
	}
}

// likeClause takes LIKE table [INCLUDING | EXCLUDING …].
func (p *parser) likeClause() *ast.LikeClause {
	n := &ast.LikeClause{}
	start := p.advance().start
	n.Table = p.name()
	for p.at(kwIncluding) || p.at(kwExcluding) {
		option := keywordTable[p.advance().keyword].word
		switch p.token.keyword {
		case kwComments, kwCompression, kwConstraints, kwDefaults, kwIdentity, kwGenerated,
			kwIndexes, kwStatistics, kwStorage, kwAll:
			option += " " + keywordTable[p.advance().keyword].word
		default:
			p.fail()
		}
		n.Options = append(n.Options, option)
	}
	n.Span = p.spanFrom(start)
	return n
}

// partitionClause takes PARTITION BY strategy (elements).
func (p *parser) partitionClause() *ast.PartitionClause {
	n := &ast.PartitionClause{}
	start := p.advance().start
	p.advance()
	n.Strategy = p.identifier()
	n.Elements = parenthesized(p, p.indexElement)
	n.Span = p.spanFrom(start)
	return n
}

// createView takes VIEW and what follows.
func (p *parser) createView(m createModifiers) ast.Statement {
	if m.source || m.unlogged || m.unique {
		p.fail()
	}
	p.advance()
	n := &ast.CreateView{OrReplace: m.orReplace, Temporary: m.temporary, Recursive: m.recursive}
	n.Name = p.name()
	n.Columns = p.optionalIdentifiers()
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

// createIndex takes INDEX and what follows.
func (p *parser) createIndex(m createModifiers) ast.Statement {
	if m.orReplace || m.source || m.temporary || m.unlogged || m.recursive {
		p.fail()
	}
	p.advance()
	n := &ast.CreateIndex{Unique: m.unique}
	n.Concurrently = p.accept(kwConcurrently)
	n.IfNotExists = p.ifNotExists()
	n.Name = p.optionalIdentifier()
	if n.IfNotExists && n.Name == nil {
		p.fail()
	}
	p.expect(kwOn)
	n.Only = p.accept(kwOnly)
	n.Table = p.name()
	if p.accept(kwUsing) {
		n.Method = identifierPointer(p.identifier())
	}
	n.Elements = parenthesized(p, p.indexElement)
	if p.accept(kwInclude) {
		n.Include = parenthesized(p, p.indexElement)
	}
	n.NullsNotDistinct = p.nullsNotDistinct()
	n.Options = p.optionalWithOptions()
	if p.accept(kwTablespace) {
		n.Tablespace = identifierPointer(p.identifier())
	}
	if p.accept(kwWhere) {
		n.Where = p.expr()
	}
	n.Span = p.spanFrom(m.start)
	return n
}

// nullsNotDistinct takes NULLS [NOT] DISTINCT if it is next.
func (p *parser) nullsNotDistinct() bool {
	switch {
	case p.acceptWords(kwNulls, kwDistinct):
		return false
	case p.atWords(kwNulls, kwNot):
		p.advance()
		p.advance()
		p.expect(kwDistinct)
		return true
	}
	return false
}

// indexElement takes a column, a function call or an expression in
// parentheses, with how it is ordered.
func (p *parser) indexElement() *ast.IndexElement {
	n := &ast.IndexElement{}
	start := p.token.start
	switch {
	case p.atKind(leftParenthesis):
		p.advance()
		n.Expr = p.expr()
		p.expectRightParenthesis()
	case p.atFunctionWord():
		n.Expr = p.wordExpr()
	case isFunctionName(p.token) && (p.peek().kind == leftParenthesis || p.peek().kind == dot):
		n.Expr = p.tableFunctionCall()
	default:
		n.Column = identifierPointer(p.identifier())
	}
	if p.accept(kwCollate) {
		n.Collation = p.name()
	}
	if p.atColumnName() && !(p.at(kwNulls) && (p.peekIs(kwFirst) || p.peekIs(kwLast))) {
		n.Class = p.name()
		if p.atKind(leftParenthesis) {
			n.ClassOptions = p.options()
		}
	}
	n.Direction = p.sortDirection()
	n.Nulls = p.nullsOrder()
	n.Span = p.spanFrom(start)
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
		n.Name = p.label().Value
	}
	p.acceptKind(equals)
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
