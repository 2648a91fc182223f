package sql

import "millrace/sql/ast"

// statement takes one statement. Its first word decides which.
func (p *parser) statement() ast.Statement {
	if p.atKind(leftParenthesis) {
		return p.query()
	}
	switch p.token.keyword {
	case kwSelect, kwValues, kwTable, kwWith, kwInsert, kwUpdate, kwDelete, kwMerge:
		return p.preparableStatement()
	case kwBegin:
		return p.begin()
	case kwStart:
		return p.startTransaction()
	case kwCommit, kwEnd:
		return p.commit()
	case kwRollback, kwAbort:
		return p.rollback()
	case kwSavepoint:
		return p.savepoint()
	case kwRelease:
		return p.release()
	case kwCopy:
		return p.copy()
	case kwTruncate:
		return p.truncate()
	case kwLock:
		return p.lock()
	case kwCreate:
		return p.create()
	case kwAlter:
		return p.alter()
	case kwDrop:
		return p.drop()
	case kwComment:
		return p.comment()
	case kwGrant:
		return p.grant(false)
	case kwRevoke:
		return p.grant(true)
	}
	return p.sessionStatement()
}

// sessionStatement takes a statement about the session, its cursors, the
// running queries, or the server.
func (p *parser) sessionStatement() ast.Statement {
	switch p.token.keyword {
	case kwSet:
		return p.set()
	case kwReset:
		return p.reset()
	case kwUnset:
		return p.unset()
	case kwShow, kwList:
		return p.show()
	case kwDescribe:
		return p.describe()
	case kwExplain:
		return p.explain()
	case kwTerminate:
		return p.controlQuery(ast.TerminateQuery)
	case kwPause:
		return p.controlQuery(ast.PauseQuery)
	case kwResume:
		return p.controlQuery(ast.ResumeQuery)
	case kwPrint:
		return p.print()
	case kwDeclare:
		return p.declare()
	case kwFetch, kwMove:
		return p.fetch()
	case kwClose:
		return p.closeCursor()
	case kwPrepare:
		return p.prepare()
	case kwExecute:
		return p.execute()
	case kwDeallocate:
		return p.deallocate()
	case kwDiscard:
		return p.discard()
	case kwListen:
		return p.listen()
	case kwUnlisten:
		return p.unlisten()
	case kwNotify:
		return p.notify()
	case kwCall:
		return p.call()
	case kwAnalyze, kwAnalyse, kwVacuum:
		return p.maintain()
	case kwCluster:
		return p.cluster()
	case kwReindex:
		return p.reindex()
	case kwRefresh:
		return p.refresh()
	case kwCheckpoint:
		return p.checkpoint()
	}
	return p.unsupportedStatement()
}

// unsupportedStatement refuses statements that PostgreSQL or KSQL has and we
// have not, by name; what is left is a syntax error.
func (p *parser) unsupportedStatement() ast.Statement {
	switch k := p.token.keyword; k {
	case kwDo, kwImport, kwSecurity, kwReassign, kwLoad:
		p.failUnsupported(p.token.start, upperWord(k))
	case kwDefine, kwUndefine, kwAssert, kwRun:
		if isAnyWord(p.peek()) {
			p.failUnsupported(p.token.start, upperWord(k))
		}
	}
	p.failStatement()
	return nil
}

// failAfterStatement ends the parse at a token that follows a whole statement.
func (p *parser) failAfterStatement(s ast.Statement) {
	if query, ok := s.(*ast.Query); ok && query.Emit != nil && p.token.kind == word {
		p.failHint("Nothing but WITH (…) and LIMIT may stand behind EMIT CHANGES and EMIT FINAL.")
	}
	if p.previous.keyword == kwEmit {
		p.failHint("Perhaps you meant EMIT CHANGES or EMIT FINAL.")
	}
	if p.at(kwEmit) {
		p.failHint("EMIT is followed by CHANGES or FINAL, and stands behind LIMIT.")
	}
	p.fail()
}
