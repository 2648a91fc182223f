package sql

import "millrace/sql/ast"

// alterNode takes ALTER NODE behind these words.
func (p *parser) alterNode(start ast.Position) ast.Statement {
	n := &ast.AlterNode{Node: p.plainInteger()}
	n.Drain = p.accept(kwDrain)
	if !n.Drain {
		p.expect(kwResume)
	}
	n.Span = p.spanFrom(start)
	return n
}

// alterShard takes ALTER SHARD behind these words.
func (p *parser) alterShard(start ast.Position) ast.Statement {
	n := &ast.AlterShard{Shard: p.plainInteger()}
	switch {
	case p.accept(kwReset):
	case p.acceptWords(kwMove, kwFrom):
		n.From = p.plainInteger()
		p.expect(kwTo)
		n.To = p.plainInteger()
	default:
		p.expect(kwSet, kwLeader)
		n.To = p.plainInteger()
	}
	n.Span = p.spanFrom(start)
	return n
}

// alterCluster takes ALTER CLUSTER behind these words.
func (p *parser) alterCluster(start ast.Position) ast.Statement {
	p.expect(kwSet)
	n := &ast.AlterCluster{Name: p.identifier()}
	if !p.acceptKind(equals) {
		p.expect(kwTo)
	}
	n.Value = p.plainInteger()
	n.Span = p.spanFrom(start)
	return n
}

// dropNode takes DROP NODE from its second word on.
func (p *parser) dropNode(start ast.Position) ast.Statement {
	p.advance()
	n := &ast.DropNode{Node: p.plainInteger()}
	n.Span = p.spanFrom(start)
	return n
}
