package sql

import "millrace/sql/ast"

// listen takes LISTEN channel.
func (p *parser) listen() ast.Statement {
	start := p.advance().start
	channel := p.identifier()
	return &ast.Listen{Span: p.spanFrom(start), Channel: channel}
}

// unlisten takes UNLISTEN channel | *.
func (p *parser) unlisten() ast.Statement {
	n := &ast.Unlisten{}
	start := p.advance().start
	if !p.acceptKind(asterisk) {
		n.Channel = identifierPointer(p.identifier())
	}
	n.Span = p.spanFrom(start)
	return n
}

// notify takes NOTIFY channel [, 'payload'].
func (p *parser) notify() ast.Statement {
	n := &ast.Notify{}
	start := p.advance().start
	n.Channel = p.identifier()
	if p.acceptKind(comma) {
		n.Payload = p.stringLiteral()
	}
	n.Span = p.spanFrom(start)
	return n
}

// call takes CALL procedure(args).
func (p *parser) call() ast.Statement {
	n := &ast.Call{}
	start := p.advance().start
	first := p.token
	if !isFunctionName(first) && !isColumnName(first) {
		p.failName()
	}
	name := p.restOfName(p.identifierOf(p.advance()))
	if !p.atKind(leftParenthesis) || len(name.Parts) == 1 && !isFunctionName(first) {
		p.fail()
	}
	n.Function = p.plainCall(name)
	n.Span = p.spanFrom(start)
	return n
}

// maintain takes ANALYZE or VACUUM.
func (p *parser) maintain() ast.Statement {
	n := &ast.Maintain{}
	t := p.advance()
	n.Vacuum = t.keyword == kwVacuum
	if p.atKind(leftParenthesis) {
		n.Options = parenthesized(p, p.utilityOption)
	} else {
		words := []keyword{kwVerbose}
		if n.Vacuum {
			words = []keyword{kwFull, kwFreeze, kwVerbose, kwAnalyze, kwAnalyse}
		}
		for _, k := range words {
			option := p.token
			if p.accept(k) {
				name := keywordTable[k].word
				if k == kwAnalyse {
					name = "analyze"
				}
				n.Options = append(n.Options, &ast.Option{Span: spanOf(option), Name: name})
			}
		}
	}
	if p.atColumnName() {
		n.Tables = commaSeparated(p, p.maintainTable)
	}
	n.Span = p.spanFrom(t.start)
	return n
}

func (p *parser) maintainTable() *ast.MaintainTable {
	n := &ast.MaintainTable{Table: p.name()}
	n.Columns = p.optionalIdentifiers()
	n.Span = p.spanAround(n.Table)
	return n
}

// cluster takes CLUSTER.
func (p *parser) cluster() ast.Statement {
	n := &ast.Cluster{}
	start := p.token.start
	p.expect(kwCluster)
	if p.atKind(leftParenthesis) {
		n.Options = parenthesized(p, p.utilityOption)
	} else if verbose := p.token; p.accept(kwVerbose) {
		n.Options = []*ast.Option{{Span: spanOf(verbose), Name: "verbose"}}
	}
	if !p.atColumnName() {
		n.Span = p.spanFrom(start)
		return n
	}
	n.Table = p.name()
	switch {
	case p.accept(kwUsing):
		index := p.identifier()
		n.Index = &index
	case len(n.Table.Parts) == 1 && p.accept(kwOn):
		n.Index = &ast.Identifier{Span: n.Table.Span, Value: n.Table.Last()}
		n.Table = p.name()
	}
	n.Span = p.spanFrom(start)
	return n
}

// reindex takes REINDEX.
func (p *parser) reindex() ast.Statement {
	n := &ast.Reindex{}
	start := p.token.start
	p.expect(kwReindex)
	if p.atKind(leftParenthesis) {
		n.Options = parenthesized(p, p.utilityOption)
	}
	switch k := p.token.keyword; k {
	case kwIndex, kwTable, kwSchema, kwDatabase, kwSystem:
		n.Object = keywordTable[k].word
		p.advance()
	default:
		p.fail()
	}
	n.Concurrently = p.accept(kwConcurrently)
	n.Name = p.name()
	n.Span = p.spanFrom(start)
	return n
}

// refresh takes REFRESH MATERIALIZED VIEW name.
func (p *parser) refresh() ast.Statement {
	n := &ast.RefreshMaterializedView{}
	start := p.token.start
	p.expect(kwRefresh, kwMaterialized, kwView)
	n.Concurrently = p.accept(kwConcurrently)
	n.Name = p.name()
	switch {
	case p.acceptWords(kwWith, kwData):
	case p.atWords(kwWith, kwNo):
		p.advance()
		p.advance()
		p.expect(kwData)
		n.WithNoData = true
	}
	n.Span = p.spanFrom(start)
	return n
}

// checkpoint takes CHECKPOINT.
func (p *parser) checkpoint() ast.Statement {
	return &ast.Checkpoint{Span: spanOf(p.advance())}
}
