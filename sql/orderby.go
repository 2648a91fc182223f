package sql

import "millrace/sql/ast"

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
