package sql

import "millrace/sql/ast"

// atFunctionWord says whether a function that the grammar knows by a word of
// its own is next, as CURRENT_DATE or COALESCE(…).
func (p *parser) atFunctionWord() bool {
	switch p.token.keyword {
	case kwCurrentCatalog, kwCurrentDate, kwCurrentRole, kwCurrentTime, kwCurrentTimestamp,
		kwCurrentUser, kwLocaltime, kwLocaltimestamp, kwSessionUser, kwUser, kwCurrentSchema, kwCast:
		return true
	case kwCoalesce, kwGreatest, kwLeast, kwNullif, kwExtract, kwPosition, kwSubstring,
		kwOverlay, kwTrim, kwNormalize:
		return p.peek().kind == leftParenthesis
	case kwCollation:
		return p.peekIs(kwFor)
	}
	return false
}

// functionTable takes a function in FROM.
func (p *parser) functionTable(start ast.Position, lateral bool) ast.TableExpr {
	return p.functionTableOf(start, lateral, p.tableFunctionCall())
}

// tableFunctionCall takes the call of a function in FROM: no FILTER and OVER.
func (p *parser) tableFunctionCall() ast.Expr {
	if p.atFunctionWord() {
		return p.wordExpr()
	}
	first := p.token
	if !isFunctionName(first) && !isColumnName(first) {
		p.failName()
	}
	name := p.restOfName(p.identifierOf(p.advance()))
	if !p.atKind(leftParenthesis) || len(name.Parts) == 1 && !isFunctionName(first) {
		p.fail()
	}
	return p.plainCall(name)
}

// plainCall takes the arguments of a call and nothing behind them.
func (p *parser) plainCall(name *ast.Name) *ast.FunctionCall {
	call := &ast.FunctionCall{Name: name}
	outer := p.enter()
	p.windowArgument(call)
	p.leave(outer)
	call.Span = p.spanFrom(name.Start)
	return call
}

// windowArgument takes the arguments of a call in FROM, the first of which may
// be a relation as Flink's window functions have it: TABLE name, with PARTITION
// BY columns behind it.
func (p *parser) windowArgument(call *ast.FunctionCall) {
	if p.peekIs(kwTable) {
		p.advance()
		p.advance()
	} else if p.peekAt(2).keyword == kwPartition {
		p.advance()
	} else {
		p.arguments(call, nil)
		return
	}
	first := p.argument()
	if p.acceptWords(kwPartition, kwBy) {
		if p.atKind(leftParenthesis) {
			call.PartitionBy = parenthesized(p, p.expr)
		} else {
			// Without parentheses there is one: a comma ends the argument.
			call.PartitionBy = []ast.Expr{p.expr()}
		}
	}
	p.arguments(call, first)
}

// functionTableOf takes what follows a call in FROM.
func (p *parser) functionTableOf(start ast.Position, lateral bool, call ast.Expr) ast.TableExpr {
	n := &ast.FunctionTable{Lateral: lateral}
	n.Functions = []*ast.RowFunction{{Span: call.Extent(), Call: call}}
	n.Ordinality = p.acceptWords(kwWith, kwOrdinality)
	p.functionAlias(n)
	n.Span = p.spanFrom(start)
	return n
}

// functionAlias takes the alias of a function in FROM, whose columns may have
// types.
func (p *parser) functionAlias(n *ast.FunctionTable) {
	if p.at(kwAs) && p.peek().kind == leftParenthesis {
		p.advance()
		n.Columns = p.columnTypes()
		return
	}
	if !p.atAlias() {
		return
	}
	start := p.token.start
	p.accept(kwAs)
	alias := &ast.Alias{Name: p.identifier()}
	if p.atKind(leftParenthesis) {
		if following := p.peekAt(2).kind; following == comma || following == rightParenthesis {
			alias.Columns = p.parenthesizedIdentifiers()
		} else {
			n.Columns = p.columnTypes()
		}
	}
	alias.Span = p.spanFrom(start)
	n.Alias = alias
}

// columnTypes takes (name type [COLLATE c], …).
func (p *parser) columnTypes() []*ast.TypeField {
	return parenthesized(p, p.columnType)
}

func (p *parser) columnType() *ast.TypeField {
	n := &ast.TypeField{Name: p.identifier(), Type: p.typeName()}
	if p.accept(kwCollate) {
		n.Collation = p.name()
	}
	n.Span = p.spanFrom(n.Name.Start)
	return n
}

// rowsFrom takes ROWS FROM (f(…) [AS (columns)], …).
func (p *parser) rowsFrom(start ast.Position, lateral bool) ast.TableExpr {
	p.expect(kwRows, kwFrom)
	n := &ast.FunctionTable{Lateral: lateral, RowsFrom: true}
	n.Functions = parenthesized(p, p.rowFunction)
	n.Ordinality = p.acceptWords(kwWith, kwOrdinality)
	p.functionAlias(n)
	n.Span = p.spanFrom(start)
	return n
}

func (p *parser) rowFunction() *ast.RowFunction {
	n := &ast.RowFunction{Call: p.tableFunctionCall()}
	if p.accept(kwAs) {
		n.Columns = p.columnTypes()
	}
	n.Span = p.spanAround(n.Call)
	return n
}
