package sql

import "millrace/sql/ast"

// begin takes BEGIN [WORK | TRANSACTION] modes.
func (p *parser) begin() ast.Statement {
	n := &ast.Begin{}
	start := p.advance().start
	p.transactionWord()
	n.Modes = p.optionalTransactionModes()
	n.Span = p.spanFrom(start)
	return n
}

// startTransaction takes START TRANSACTION modes.
func (p *parser) startTransaction() ast.Statement {
	n := &ast.Begin{Start: true}
	start := p.advance().start
	p.expect(kwTransaction)
	n.Modes = p.optionalTransactionModes()
	n.Span = p.spanFrom(start)
	return n
}

// transactionWord takes WORK or TRANSACTION if one is next.
func (p *parser) transactionWord() {
	if !p.accept(kwWork) {
		p.accept(kwTransaction)
	}
}

// commit takes COMMIT, END or COMMIT PREPARED.
func (p *parser) commit() ast.Statement {
	t := p.advance()
	if t.keyword == kwCommit && p.accept(kwPrepared) {
		id := p.stringLiteral()
		return &ast.FinishPrepared{Span: p.spanFrom(t.start), ID: id.Value}
	}
	p.transactionWord()
	chain := p.chain()
	return &ast.Commit{Span: p.spanFrom(t.start), Chain: chain}
}

// rollback takes ROLLBACK, ABORT, ROLLBACK TO or ROLLBACK PREPARED.
func (p *parser) rollback() ast.Statement {
	t := p.advance()
	if t.keyword == kwRollback && p.accept(kwPrepared) {
		id := p.stringLiteral()
		return &ast.FinishPrepared{Span: p.spanFrom(t.start), Rollback: true, ID: id.Value}
	}
	p.transactionWord()
	if t.keyword == kwRollback && p.accept(kwTo) {
		p.accept(kwSavepoint)
		name := p.identifier()
		return &ast.RollbackTo{Span: p.spanFrom(t.start), Name: name}
	}
	chain := p.chain()
	return &ast.Rollback{Span: p.spanFrom(t.start), Chain: chain}
}

// chain takes AND [NO] CHAIN if it is next.
func (p *parser) chain() bool {
	if !p.accept(kwAnd) {
		return false
	}
	no := p.accept(kwNo)
	p.expect(kwChain)
	return !no
}

// savepoint takes SAVEPOINT name.
func (p *parser) savepoint() ast.Statement {
	start := p.advance().start
	name := p.identifier()
	return &ast.Savepoint{Span: p.spanFrom(start), Name: name}
}

// release takes RELEASE [SAVEPOINT] name.
func (p *parser) release() ast.Statement {
	start := p.advance().start
	p.accept(kwSavepoint)
	name := p.identifier()
	return &ast.ReleaseSavepoint{Span: p.spanFrom(start), Name: name}
}

// optionalTransactionModes takes the modes that are next, perhaps none.
func (p *parser) optionalTransactionModes() ast.TransactionModes {
	var modes ast.TransactionModes
	for p.transactionMode(&modes) {
		if p.acceptKind(comma) && !p.atTransactionMode() {
			p.fail()
		}
	}
	return modes
}

// transactionModes takes the modes that are next, at least one.
func (p *parser) transactionModes() ast.TransactionModes {
	if !p.atTransactionMode() {
		p.fail()
	}
	return p.optionalTransactionModes()
}

func (p *parser) atTransactionMode() bool {
	switch p.token.keyword {
	case kwIsolation, kwRead, kwDeferrable, kwNot:
		return true
	}
	return false
}

// transactionMode takes one mode if one is next.
func (p *parser) transactionMode(modes *ast.TransactionModes) bool {
	switch {
	case p.accept(kwIsolation):
		p.expect(kwLevel)
		modes.Isolation = p.isolationLevel()
	case p.acceptWords(kwRead, kwOnly):
		modes.Access = ast.ReadOnly
	case p.acceptWords(kwRead, kwWrite):
		modes.Access = ast.ReadWrite
	case p.accept(kwDeferrable):
		modes.Deferrable = ast.Deferrable
	case p.acceptWords(kwNot, kwDeferrable):
		modes.Deferrable = ast.NotDeferrable
	default:
		return false
	}
	return true
}

func (p *parser) isolationLevel() ast.IsolationLevel {
	switch {
	case p.accept(kwSerializable):
		return ast.Serializable
	case p.acceptWords(kwRepeatable, kwRead):
		return ast.RepeatableRead
	case p.acceptWords(kwRead, kwCommitted):
		return ast.ReadCommitted
	}
	p.expect(kwRead, kwUncommitted)
	return ast.ReadUncommitted
}

// setConstraints takes SET CONSTRAINTS behind SET.
func (p *parser) setConstraints(start ast.Position) ast.Statement {
	n := &ast.SetConstraints{}
	p.expect(kwConstraints)
	if !p.accept(kwAll) {
		n.Names = p.names()
	}
	if n.Deferred = p.accept(kwDeferred); !n.Deferred {
		p.expect(kwImmediate)
	}
	n.Span = p.spanFrom(start)
	return n
}

// lock takes LOCK [TABLE] tables [IN mode MODE] [NOWAIT].
func (p *parser) lock() ast.Statement {
	n := &ast.Lock{}
	start := p.advance().start
	p.accept(kwTable)
	n.Tables = commaSeparated(p, p.relation)
	if p.accept(kwIn) {
		n.Mode = p.lockMode()
		p.expect(kwMode)
	}
	n.NoWait = p.accept(kwNowait)
	n.Span = p.spanFrom(start)
	return n
}

func (p *parser) lockMode() string {
	switch {
	case p.acceptWords(kwAccess, kwShare):
		return "access share"
	case p.acceptWords(kwAccess, kwExclusive):
		return "access exclusive"
	case p.acceptWords(kwRow, kwShare):
		return "row share"
	case p.acceptWords(kwRow, kwExclusive):
		return "row exclusive"
	case p.acceptWords(kwShare, kwUpdate):
		p.expect(kwExclusive)
		return "share update exclusive"
	case p.acceptWords(kwShare, kwRow):
		p.expect(kwExclusive)
		return "share row exclusive"
	case p.accept(kwShare):
		return "share"
	}
	p.expect(kwExclusive)
	return "exclusive"
}
