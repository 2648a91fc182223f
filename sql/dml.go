package sql

import (
	"millrace/sql/ast"
	"millrace/sql/sqlerr"
)

// preparableStatement takes a statement that may stand in WITH, PREPARE and
// COPY: a query, INSERT, UPDATE or DELETE.
func (p *parser) preparableStatement() ast.Statement {
	start := p.token.start
	var with *ast.With
	if p.at(kwWith) {
		// What follows WITH is known behind it only.
		outer := p.enter()
		with = p.with()
		p.leave(outer)
	}
	switch p.token.keyword {
	case kwInsert:
		return p.insert(start, with)
	case kwUpdate:
		return p.update(start, with)
	case kwDelete:
		return p.delete(start, with)
	case kwMerge:
		bail(sqlerr.New(sqlerr.FeatureNotSupported, int(p.token.start), "MERGE is not supported").
			WithHint("Use INSERT … ON CONFLICT, or UPDATE and DELETE in the WITH of an INSERT."))
	}
	outer := p.enter()
	body := p.setOperations(p.queryOperand(), unionPrecedence)
	query := p.queryClauses(start, with, body)
	p.leave(outer)
	return query
}

// insert takes INSERT.
func (p *parser) insert(start ast.Position, with *ast.With) ast.Statement {
	n := &ast.Insert{With: with}
	p.expect(kwInsert, kwInto)
	n.Table = p.name()
	n.Options = p.optionalWithOptions()
	if p.accept(kwAs) {
		n.Alias = identifierPointer(p.identifier())
	}
	if p.atKind(leftParenthesis) && !p.beginsQuery(p.peek(), func() token { return p.peekAt(2) }) && p.peek().kind != leftParenthesis {
		n.Columns = parenthesized(p, p.targetColumn)
	}
	if p.accept(kwOverriding) {
		n.Overriding = "system"
		if p.accept(kwUser) {
			n.Overriding = "user"
		} else {
			p.expect(kwSystem)
		}
		p.expect(kwValue)
	}
	if n.Columns == nil && n.Overriding == "" && p.at(kwDefault) {
		p.expect(kwDefault, kwValues)
	} else {
		n.Source = p.query()
	}
	if p.at(kwOn) {
		n.OnConflict = p.onConflict()
	}
	n.Returning = p.returning()
	n.Span = p.spanFrom(start)
	return n
}

// targetColumn takes a column that is written, with a path into it perhaps.
func (p *parser) targetColumn() *ast.TargetColumn {
	n := &ast.TargetColumn{Name: p.identifier()}
	for {
		step := &ast.PathStep{}
		start := p.token.start
		switch {
		case p.acceptKind(dot):
			step.Field = identifierPointer(p.label())
		case p.atKind(leftBracket):
			low, high, slice := p.brackets()
			if slice {
				step.Slice, step.Low, step.High = true, low, high
			} else {
				step.Index = low
			}
		default:
			n.Span = p.spanFrom(n.Name.Start)
			return n
		}
		step.Span = p.spanFrom(start)
		n.Path = append(n.Path, step)
	}
}

// onConflict takes ON CONFLICT ….
func (p *parser) onConflict() *ast.OnConflict {
	n := &ast.OnConflict{}
	start := p.token.start
	p.expect(kwOn, kwConflict)
	switch {
	case p.atKind(leftParenthesis):
		n.Columns = parenthesized(p, p.indexElement)
		if p.accept(kwWhere) {
			n.Where = p.expr()
		}
	case p.accept(kwOn):
		p.expect(kwConstraint)
		n.Constraint = identifierPointer(p.identifier())
	}
	p.expect(kwDo)
	if p.accept(kwNothing) {
		n.DoNothing = true
	} else {
		p.expect(kwUpdate, kwSet)
		n.Set = p.assignments()
		if p.accept(kwWhere) {
			n.UpdateWhere = p.expr()
		}
	}
	n.Span = p.spanFrom(start)
	return n
}

// assignments takes the items of SET.
func (p *parser) assignments() []*ast.Assignment {
	return commaSeparated(p, p.assignment)
}

func (p *parser) assignment() *ast.Assignment {
	n := &ast.Assignment{}
	start := p.token.start
	if p.atKind(leftParenthesis) {
		n.Multiple = true
		n.Columns = parenthesized(p, p.targetColumn)
	} else {
		n.Columns = []*ast.TargetColumn{p.targetColumn()}
	}
	p.expectKind(equals)
	n.Value = p.expr()
	n.Span = p.spanFrom(start)
	return n
}

// returning takes RETURNING and its items if it is next.
func (p *parser) returning() []*ast.Target {
	if !p.accept(kwReturning) {
		return nil
	}
	return p.targets()
}

// targetTable takes the table of UPDATE or DELETE with its alias. SET is no
// alias without AS.
func (p *parser) targetTable() *ast.TableName {
	n := p.relation()
	if p.at(kwAs) || p.atColumnName() && !p.at(kwSet) {
		start := p.token.start
		p.accept(kwAs)
		name := p.identifier()
		n.Alias = &ast.Alias{Span: p.spanFrom(start), Name: name}
		n.End = p.previous.end
	}
	return n
}

// update takes UPDATE.
func (p *parser) update(start ast.Position, with *ast.With) ast.Statement {
	n := &ast.Update{With: with}
	p.expect(kwUpdate)
	n.Table = p.targetTable()
	p.expect(kwSet)
	n.Set = p.assignments()
	if p.accept(kwFrom) {
		n.From = p.fromList()
	}
	n.Where = p.whereOrCurrentOf()
	n.Returning = p.returning()
	n.Span = p.spanFrom(start)
	return n
}

// delete takes DELETE.
func (p *parser) delete(start ast.Position, with *ast.With) ast.Statement {
	n := &ast.Delete{With: with}
	p.expect(kwDelete, kwFrom)
	n.Table = p.targetTable()
	if p.accept(kwUsing) {
		n.Using = p.fromList()
	}
	n.Where = p.whereOrCurrentOf()
	n.Returning = p.returning()
	n.Span = p.spanFrom(start)
	return n
}

// whereOrCurrentOf takes WHERE condition or WHERE CURRENT OF cursor.
func (p *parser) whereOrCurrentOf() ast.Expr {
	if !p.accept(kwWhere) {
		return nil
	}
	if p.atWords(kwCurrent, kwOf) {
		start := p.advance().start
		p.advance()
		cursor := p.identifier()
		return &ast.CurrentOf{Span: p.spanFrom(start), Cursor: cursor}
	}
	return p.expr()
}

// truncate takes TRUNCATE.
func (p *parser) truncate() ast.Statement {
	n := &ast.Truncate{}
	start := p.advance().start
	p.accept(kwTable)
	n.Tables = commaSeparated(p, p.relation)
	switch {
	case p.acceptWords(kwRestart, kwIdentity):
		n.RestartIdentity = true
	case p.acceptWords(kwContinue, kwIdentity):
	}
	n.Behavior = p.behavior()
	n.Span = p.spanFrom(start)
	return n
}

// behavior takes CASCADE or RESTRICT if one is next.
func (p *parser) behavior() ast.Behavior {
	switch {
	case p.accept(kwCascade):
		return ast.Cascade
	case p.accept(kwRestrict):
		return ast.Restrict
	}
	return ast.BehaviorDefault
}
