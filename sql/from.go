package sql

import "millrace/sql/ast"

// fromList takes the items of FROM.
func (p *parser) fromList() []ast.TableExpr {
	return commaSeparated(p, p.tableExpr)
}

// tableExpr takes an item of FROM with its joins.
func (p *parser) tableExpr() ast.TableExpr {
	outer := p.enter()
	t := p.joins(p.tablePrimary())
	p.leave(outer)
	return t
}

// joins takes the joins behind left.
func (p *parser) joins(left ast.TableExpr) ast.TableExpr {
	for p.atJoin() {
		left = p.join(left)
		p.wrapped()
	}
	return left
}

func (p *parser) atJoin() bool {
	switch p.token.keyword {
	case kwJoin, kwInner, kwLeft, kwRight, kwFull, kwCross, kwNatural:
		return true
	}
	return p.atAsofJoin()
}

// atAsofJoin says whether ASOF [INNER | LEFT | RIGHT | FULL …] JOIN is next. ASOF
// is a name otherwise.
func (p *parser) atAsofJoin() bool {
	if !p.at(kwAsof) {
		return false
	}
	switch p.peek().keyword {
	case kwJoin, kwInner, kwLeft, kwRight, kwFull:
		return true
	}
	return false
}

// join takes one join behind left. In a JOIN b JOIN c ON x ON y the first ON
// belongs to the inner join: so the right side takes joins until an ON.
func (p *parser) join(left ast.TableExpr) ast.TableExpr {
	n := &ast.Join{Left: left}
	if p.accept(kwCross) {
		p.expect(kwJoin)
		n.Kind = ast.CrossJoin
		n.Right = p.tablePrimary()
		n.Span = p.spanAround(left)
		return n
	}
	n.Natural = p.accept(kwNatural)
	n.AsOf = p.accept(kwAsof)
	n.Kind = p.joinKind()
	n.AsOf = n.AsOf || !n.Natural && p.accept(kwAsof)
	p.expect(kwJoin)
	n.Right = p.tablePrimary()
	if !n.Natural {
		for p.atJoin() {
			n.Right = p.join(n.Right)
			p.wrapped()
		}
		p.joinCondition(n)
	}
	n.Span = p.spanAround(left)
	return n
}

// joinKind takes [INNER | LEFT | RIGHT | FULL [OUTER]].
func (p *parser) joinKind() ast.JoinKind {
	kind := ast.InnerJoin
	switch p.token.keyword {
	case kwInner:
		p.advance()
		return ast.InnerJoin
	case kwLeft:
		kind = ast.LeftJoin
	case kwRight:
		kind = ast.RightJoin
	case kwFull:
		kind = ast.FullJoin
	default:
		return ast.InnerJoin
	}
	p.advance()
	p.accept(kwOuter)
	return kind
}

// joinCondition takes WITHIN …, then ON or USING.
func (p *parser) joinCondition(n *ast.Join) {
	if p.atWithin() {
		n.Within = p.within()
	}
	switch {
	case p.accept(kwOn):
		n.On = p.expr()
	case p.accept(kwUsing):
		n.Using = p.parenthesizedIdentifiers()
		if p.accept(kwAs) {
			n.UsingAlias = identifierPointer(p.identifier())
		}
	default:
		p.failHint("A join needs ON condition or USING (columns).")
	}
}

// tablePrimary takes an item of FROM without joins.
func (p *parser) tablePrimary() ast.TableExpr {
	switch {
	case p.at(kwLateral):
		return p.lateral()
	case p.atKind(leftParenthesis):
		return p.parenthesizedTable()
	case p.at(kwRows) && p.peekIs(kwFrom):
		return p.rowsFrom(p.token.start, false)
	case p.at(kwOnly), p.atChangesOf():
		return p.aliasedRelation()
	case p.atFunctionWord():
		return p.functionTable(p.token.start, false)
	}
	return p.namedTable()
}

// lateral takes LATERAL and the subquery or function behind it.
func (p *parser) lateral() ast.TableExpr {
	start := p.advance().start
	switch {
	case p.atKind(leftParenthesis):
		query := p.parenthesizedQuery()
		return p.derivedTable(start, query, true)
	case p.at(kwRows) && p.peekIs(kwFrom):
		return p.rowsFrom(start, true)
	}
	return p.functionTable(start, true)
}

// derivedTable takes the alias behind a subquery.
func (p *parser) derivedTable(start ast.Position, query *ast.Query, lateral bool) ast.TableExpr {
	alias := p.optionalAlias()
	return &ast.DerivedTable{Span: p.spanFrom(start), Lateral: lateral, Query: query, Alias: alias}
}

// parenthesizedTable takes (query) alias or (a JOIN b …) alias.
func (p *parser) parenthesizedTable() ast.TableExpr {
	start := p.token.start
	outer := p.enter()
	query, table := p.tableInParentheses()
	p.leave(outer)
	return p.afterTable(start, query, table)
}

// afterTable makes an item of FROM of what was in parentheses.
func (p *parser) afterTable(start ast.Position, query *ast.Query, table ast.TableExpr) ast.TableExpr {
	if query != nil {
		return p.derivedTable(start, query, false)
	}
	alias := p.optionalAlias()
	return &ast.ParenthesizedTable{Span: p.spanFrom(start), Table: table, Alias: alias}
}

// tableInParentheses takes (query) or (table expression). As of expressions,
// what several parentheses in a row hold is known only behind the innermost.
func (p *parser) tableInParentheses() (*ast.Query, ast.TableExpr) {
	p.advance()
	if p.startsQuery() {
		query := p.query()
		p.expectRightParenthesis()
		return query, nil
	}
	var table ast.TableExpr
	if p.atKind(leftParenthesis) && p.parenthesesHold() {
		start := p.token.start
		outer := p.enter()
		query, inner := p.tableInParentheses()
		p.leave(outer)
		if query != nil && p.continuesQuery() {
			query = p.restOfQuery(start, query)
			p.expectRightParenthesis()
			return query, nil
		}
		table = p.joins(p.afterTable(start, query, inner))
	} else {
		table = p.tableExpr()
	}
	if !isJoined(table) {
		p.fail()
	}
	p.expectRightParenthesis()
	return nil, table
}

// isJoined says whether an item of FROM may stand in parentheses: only a join
// may, or one in parentheses itself.
func isJoined(t ast.TableExpr) bool {
	switch t := t.(type) {
	case *ast.Join:
		return true
	case *ast.ParenthesizedTable:
		return t.Alias == nil
	}
	return false
}

// namedTable takes what begins with a name: a table, or a function.
func (p *parser) namedTable() ast.TableExpr {
	start := p.token.start
	if isFunctionName(p.token) && p.peek().kind == leftParenthesis {
		return p.functionTable(start, false)
	}
	first := p.identifier()
	name := p.restOfName(first)
	if p.atKind(leftParenthesis) && len(name.Parts) > 1 {
		return p.functionTableOf(start, false, p.plainCall(name))
	}
	return p.restOfRelation(start, &ast.TableName{Name: name})
}

// atChangesOf says whether CHANGES OF name is next. Of a table CHANGES with
// the alias OF no name can follow, so a third word tells; those that begin a
// clause of ours do not.
func (p *parser) atChangesOf() bool {
	if !p.atWords(kwChanges, kwOf) {
		return false
	}
	switch following := p.peekAt(2); following.keyword {
	case kwEmit:
		after := p.peekAt(3).keyword
		return after != kwChanges && after != kwFinal
	case kwPartition:
		return p.peekAt(3).keyword != kwBy
	case kwWithin:
		kind := p.peekAt(3).kind
		return kind != integerToken && kind != leftParenthesis
	default:
		return isColumnName(following)
	}
}

// aliasedRelation takes [ONLY | CHANGES OF] name with what follows.
func (p *parser) aliasedRelation() *ast.TableName {
	start := p.token.start
	n := &ast.TableName{}
	if p.atChangesOf() {
		p.advance()
		p.advance()
		n.Changes = true
		n.Name = p.name()
	} else {
		n = p.relation()
	}
	return p.restOfRelation(start, n)
}

// relation takes [ONLY] name [*].
func (p *parser) relation() *ast.TableName {
	start := p.token.start
	n := &ast.TableName{}
	if p.accept(kwOnly) {
		n.Only = true
		if p.acceptKind(leftParenthesis) {
			n.Name = p.name()
			p.expectRightParenthesis()
		} else {
			n.Name = p.name()
		}
	} else {
		n.Name = p.name()
		p.acceptKind(asterisk)
	}
	n.Span = p.spanFrom(start)
	return n
}

// restOfRelation takes *, FOR SYSTEM_TIME AS OF … [GRACE PERIOD …], an alias and
// TABLESAMPLE.
func (p *parser) restOfRelation(start ast.Position, n *ast.TableName) *ast.TableName {
	p.acceptKind(asterisk)
	if p.atWords(kwFor, kwSystemTime) {
		p.advance()
		p.advance()
		p.expect(kwAs, kwOf)
		n.AsOf = p.operand(otherPrecedence, false)
		if p.acceptWords(kwGrace, kwPeriod) {
			n.Grace = p.duration()
		}
	}
	n.Alias = p.optionalAlias()
	if p.at(kwTablesample) {
		n.Sample = p.tableSample()
	}
	n.Span = p.spanFrom(start)
	return n
}

// tableSample takes TABLESAMPLE method (args) [REPEATABLE (seed)].
func (p *parser) tableSample() *ast.TableSample {
	n := &ast.TableSample{}
	start := p.advance().start
	n.Method = p.restOfName(p.functionName())
	n.Args = parenthesized(p, p.expr)
	if p.accept(kwRepeatable) {
		p.expectKind(leftParenthesis)
		n.Repeatable = p.expr()
		p.expectRightParenthesis()
	}
	n.Span = p.spanFrom(start)
	return n
}

// atAlias says whether an alias is next, AS or not.
func (p *parser) atAlias() bool {
	return p.at(kwAs) || p.atColumnName() && !p.atClauseWords()
}

// optionalAlias takes [AS] name [(columns)] if it is next.
func (p *parser) optionalAlias() *ast.Alias {
	if !p.atAlias() {
		return nil
	}
	start := p.token.start
	p.accept(kwAs)
	n := &ast.Alias{Name: p.identifier(), Columns: p.optionalIdentifiers()}
	n.Span = p.spanFrom(start)
	return n
}
