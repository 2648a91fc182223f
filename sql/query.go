package sql

import (
	"millrace/sql/ast"
	"millrace/sql/sqlerr"
)

// query takes a query with everything around it: WITH, set operations, ORDER
// BY, LIMIT, EMIT.
func (p *parser) query() *ast.Query {
	start := p.token.start
	outer := p.enter()
	var with *ast.With
	if p.at(kwWith) {
		with = p.with()
	}
	body := p.setOperations(p.queryOperand(), unionPrecedence)
	query := p.queryClauses(start, with, body)
	p.leave(outer)
	return query
}

// restOfQuery takes what follows a query in parentheses that begins another.
func (p *parser) restOfQuery(start ast.Position, first *ast.Query) *ast.Query {
	if p.atKind(rightParenthesis) {
		return first
	}
	return p.queryClauses(start, nil, p.setOperations(bodyOf(first), unionPrecedence))
}

// Precedences of the set operators.
const (
	unionPrecedence = 1 + iota
	intersectPrecedence
)

// setOperations takes the set operators behind left that bind at least as
// tightly as minimum.
func (p *parser) setOperations(left ast.QueryBody, minimum int) ast.QueryBody {
	for {
		operator, level := ast.Union, unionPrecedence
		switch p.token.keyword {
		case kwUnion:
		case kwExcept:
			operator = ast.Except
		case kwIntersect:
			operator, level = ast.Intersect, intersectPrecedence
		default:
			return left
		}
		if level < minimum {
			return left
		}
		p.advance()
		n := &ast.SetOperation{Operator: operator, Left: left, All: p.accept(kwAll)}
		if !n.All {
			p.accept(kwDistinct)
		}
		n.Right = p.setOperations(p.queryOperand(), level+1)
		n.Span = p.spanAround(left)
		left = n
		p.wrapped()
	}
}

// queryOperand takes SELECT, VALUES, TABLE or a query in parentheses.
func (p *parser) queryOperand() ast.QueryBody {
	switch {
	case p.at(kwSelect):
		return p.selectBlock()
	case p.at(kwValues):
		return p.values()
	case p.at(kwTable):
		start := p.advance().start
		table := p.relation()
		return &ast.TableQuery{Span: p.spanFrom(start), Table: table}
	case p.atKind(leftParenthesis):
		return bodyOf(p.parenthesizedQuery())
	}
	p.fail()
	return nil
}

// bodyOf returns a query in parentheses as an operand: its body alone where
// there is nothing else in it.
func bodyOf(q *ast.Query) ast.QueryBody {
	if q.With == nil && q.OrderBy == nil && q.Limit == nil && q.Offset == nil && q.Locking == nil && q.Emit == nil {
		return q.Body
	}
	return q
}

// queryClauses takes the clauses behind a query's body. Those behind a single
// query in parentheses belong to that query, as in PostgreSQL: so each may be
// there once.
func (p *parser) queryClauses(start ast.Position, with *ast.With, body ast.QueryBody) *ast.Query {
	query := &ast.Query{}
	if p.at(kwOrder) {
		query.OrderBy = p.orderBy()
	}
	for p.limitClause(query) {
	}
	if p.atEmit() {
		query.Emit = p.emit()
	}
	query.With, query.Body = with, body
	if inner, ok := body.(*ast.Query); ok {
		p.mergeClauses(query, inner)
	}
	if query.Limit != nil && query.Limit.WithTies && query.OrderBy == nil {
		p.failAt(ast.NoPosition, "WITH TIES cannot be specified without ORDER BY clause")
	}
	query.Span = p.spanFrom(start)
	return query
}

// mergeClauses adds the clauses of the query in parentheses to those behind it.
func (p *parser) mergeClauses(query, inner *ast.Query) {
	query.Body = inner.Body
	if inner.OrderBy != nil {
		if query.OrderBy != nil {
			p.failMultiple(query.OrderBy[0], "ORDER BY")
		}
		query.OrderBy = inner.OrderBy
	}
	if inner.Offset != nil {
		if query.Offset != nil {
			p.failMultiple(query.Offset, "OFFSET")
		}
		query.Offset = inner.Offset
	}
	if inner.Limit != nil {
		if query.Limit != nil {
			p.failMultiple(query.Limit.Count, "LIMIT")
		}
		query.Limit = inner.Limit
	}
	if inner.Emit != nil {
		if query.Emit != nil {
			p.failMultiple(query.Emit, "EMIT")
		}
		query.Emit = inner.Emit
	}
	if inner.With != nil {
		if query.With != nil {
			p.failMultiple(query.With, "WITH")
		}
		query.With = inner.With
	}
	query.Locking = append(inner.Locking, query.Locking...)
}

// failMultiple ends the parse where a clause was there before.
func (p *parser) failMultiple(second ast.Node, clause string) {
	p.failAt(second.Extent().Start, "multiple %s clauses not allowed", clause)
}

// once fails at the current token where a clause was there before.
func (p *parser) once(before bool) {
	if before {
		p.fail()
	}
}

// limitClause takes one of LIMIT, OFFSET, FETCH FIRST and FOR UPDATE, if one
// is next.
func (p *parser) limitClause(query *ast.Query) bool {
	switch p.token.keyword {
	case kwLimit:
		p.once(query.Limit != nil)
		start := p.advance().start
		if p.accept(kwAll) {
			return true
		}
		count := p.expr()
		query.Limit = &ast.Limit{Span: p.spanFrom(start), Count: count}
		if p.atKind(comma) {
			bail(sqlerr.New(sqlerr.SyntaxError, int(start), "LIMIT #,# syntax is not supported").
				WithHint("Use separate LIMIT and OFFSET clauses."))
		}
	case kwOffset:
		p.once(query.Offset != nil)
		p.advance()
		query.Offset = p.expr()
		if !p.accept(kwRow) {
			p.accept(kwRows)
		}
	case kwFetch:
		p.once(query.Limit != nil)
		query.Limit = p.fetchFirst()
	case kwFor:
		query.Locking = append(query.Locking, p.locking()...)
	default:
		return false
	}
	return true
}

// fetchFirst takes FETCH FIRST | NEXT [count] ROW | ROWS ONLY | WITH TIES.
func (p *parser) fetchFirst() *ast.Limit {
	start := p.advance().start
	if !p.accept(kwFirst) {
		p.expect(kwNext)
	}
	n := &ast.Limit{}
	if p.at(kwRow) || p.at(kwRows) {
		n.Count = &ast.IntegerLiteral{Span: spanOf(p.token), Value: 1}
	} else {
		n.Count = p.fetchCount()
	}
	if !p.accept(kwRow) {
		p.expect(kwRows)
	}
	if n.WithTies = p.acceptWords(kwWith, kwTies); !n.WithTies {
		p.expect(kwOnly)
	}
	n.Span = p.spanFrom(start)
	return n
}

// fetchCount takes the count of FETCH FIRST: a signed number or a primary
// expression, since the word behind it could be an operand otherwise.
func (p *parser) fetchCount() ast.Expr {
	if p.atKind(plus) || p.atKind(minus) {
		start := p.token.start
		operator := p.operator()
		if !p.atKind(integerToken) && !p.atKind(numericToken) {
			p.fail()
		}
		operand := p.numberLiteral(p.advance())
		return &ast.Unary{Span: p.spanFrom(start), Operator: operator, Operand: operand}
	}
	return p.primary()
}

// locking takes FOR UPDATE and its relatives; FOR READ ONLY is nothing.
func (p *parser) locking() []*ast.Locking {
	start := p.advance().start
	n := &ast.Locking{}
	switch {
	case p.accept(kwUpdate):
		n.Strength = "update"
	case p.accept(kwShare):
		n.Strength = "share"
	case p.acceptWords(kwNo, kwKey):
		p.expect(kwUpdate)
		n.Strength = "no key update"
	case p.acceptWords(kwKey, kwShare):
		n.Strength = "key share"
	default:
		p.expect(kwRead, kwOnly)
		return nil
	}
	if p.accept(kwOf) {
		n.Tables = p.names()
	}
	switch {
	case p.accept(kwNowait):
		n.Wait = "nowait"
	case p.acceptWords(kwSkip, kwLocked):
		n.Wait = "skip locked"
	}
	n.Span = p.spanFrom(start)
	return []*ast.Locking{n}
}

// atEmit says whether an EMIT clause is next. EMIT is a name otherwise, such
// as an alias: so both words must be there.
func (p *parser) atEmit() bool {
	return p.at(kwEmit) && (p.peekIs(kwChanges) || p.peekIs(kwFinal))
}

// emit takes EMIT CHANGES | FINAL [WITH (options)] [LIMIT n].
func (p *parser) emit() *ast.Emit {
	start := p.advance().start
	n := &ast.Emit{}
	if p.advance().keyword == kwFinal {
		n.Kind = ast.EmitFinal
	}
	if p.at(kwWith) && p.peek().kind == leftParenthesis {
		p.advance()
		n.Options = p.options()
	}
	if p.accept(kwLimit) {
		n.Limit = p.expr()
	}
	n.Span = p.spanFrom(start)
	return n
}

// optionalOrderBy takes ORDER BY if it is next.
func (p *parser) optionalOrderBy() []*ast.OrderItem {
	if !p.at(kwOrder) {
		return nil
	}
	return p.orderBy()
}

// orderBy takes ORDER BY and its items.
func (p *parser) orderBy() []*ast.OrderItem {
	p.expect(kwOrder, kwBy)
	return commaSeparated(p, p.orderItem)
}

func (p *parser) orderItem() *ast.OrderItem {
	n := &ast.OrderItem{Expr: p.expr()}
	if p.accept(kwUsing) {
		n.Direction = ast.SortUsing
		if p.token.kind < plus && p.token.kind != operatorToken && !p.at(kwOperator) {
			p.fail()
		}
		operator := p.operator()
		n.Using = &operator
	} else {
		n.Direction = p.sortDirection()
	}
	n.Nulls = p.nullsOrder()
	n.Span = p.spanAround(n.Expr)
	return n
}

// sortDirection takes ASC or DESC if one is next.
func (p *parser) sortDirection() ast.SortDirection {
	switch {
	case p.accept(kwAsc):
		return ast.Ascending
	case p.accept(kwDesc):
		return ast.Descending
	}
	return ast.SortDefault
}

// nullsOrder takes NULLS FIRST or NULLS LAST if one is next.
func (p *parser) nullsOrder() ast.NullsOrder {
	switch {
	case p.acceptWords(kwNulls, kwFirst):
		return ast.NullsFirst
	case p.acceptWords(kwNulls, kwLast):
		return ast.NullsLast
	}
	return ast.NullsDefault
}

// values takes VALUES and its rows.
func (p *parser) values() *ast.Values {
	n := &ast.Values{}
	start := p.advance().start
	for {
		p.expectKind(leftParenthesis)
		width := 1
		if before := len(n.Rows); before > 0 {
			width = len(n.Rows[before-1])
		}
		row := append(make([]ast.Expr, 0, width), p.expr())
		for p.acceptKind(comma) {
			row = append(row, p.expr())
		}
		p.expectRightParenthesis()
		n.Rows = append(n.Rows, row)
		if !p.acceptKind(comma) {
			break
		}
	}
	n.Span = p.spanFrom(start)
	return n
}

// with takes WITH [RECURSIVE] and its tables.
func (p *parser) with() *ast.With {
	n := &ast.With{}
	start := p.advance().start
	if p.at(kwRecursive) && isColumnName(p.peek()) {
		p.advance()
		n.Recursive = true
	}
	n.Tables = commaSeparated(p, p.commonTable)
	n.Span = p.spanFrom(start)
	return n
}

func (p *parser) commonTable() *ast.CommonTable {
	n := &ast.CommonTable{Name: p.identifier(), Columns: p.optionalIdentifiers()}
	p.expect(kwAs)
	switch {
	case p.accept(kwMaterialized):
		n.Hint = ast.Materialized
	case p.acceptWords(kwNot, kwMaterialized):
		n.Hint = ast.NotMaterialized
	}
	p.expectKind(leftParenthesis)
	n.Statement = p.preparableStatement()
	p.expectRightParenthesis()
	if p.at(kwSearch) || p.at(kwCycle) {
		p.failUnsupported(p.token.start, "SEARCH and CYCLE in WITH")
	}
	n.Span = p.spanFrom(n.Name.Start)
	return n
}
