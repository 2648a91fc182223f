package sql

import "millrace/sql/ast"

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
		row := append(p.cells.slice(width)[:0], p.expr())
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
