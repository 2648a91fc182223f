package sql

import "millrace/sql/ast"

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
	case !n.HasElements && n.Options == nil, n.ColumnNames != nil, n.Kind == ast.MaterializedViewRelation:
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
	for _, element := range n.Elements {
		if element.ClassOptions != nil {
			p.failAt(element.ClassOptions[0].Start, "a partition key takes no options of an operator class")
		}
	}
	n.Span = p.spanFrom(start)
	return n
}
