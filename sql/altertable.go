package sql

import "millrace/sql/ast"

// alterRelation takes ALTER kind behind these words.
func (p *parser) alterRelation(start ast.Position, kind ast.ObjectKind) ast.Statement {
	n := &ast.AlterRelation{Kind: kind}
	n.IfExists = p.ifExists()
	n.Table = p.relation()
	if kind == ast.ObjectSequence {
		optionsStart := p.token.start
		if options := p.sequenceOptions(); options != nil {
			action := &ast.AlterSequenceOptions{Span: p.spanFrom(optionsStart), Options: options}
			n.Actions = []ast.AlterAction{action}
			n.Span = p.spanFrom(start)
			return n
		}
	}
	if action := p.objectAction(kind); action != nil {
		n.Actions = []ast.AlterAction{action}
	} else {
		n.Actions = commaSeparated(p, p.alterAction)
	}
	n.Span = p.spanFrom(start)
	return n
}

// objectAction takes RENAME or SET SCHEMA, which stand alone, or returns nil.
func (p *parser) objectAction(kind ast.ObjectKind) ast.AlterAction {
	start := p.token.start
	switch {
	case p.acceptWords(kwSet, kwSchema):
		schema := p.identifier()
		return &ast.SetSchema{Span: p.spanFrom(start), Schema: schema}
	case !p.accept(kwRename):
		return nil
	case p.accept(kwTo):
		name := p.identifier()
		return &ast.RenameTo{Span: p.spanFrom(start), Name: name}
	}
	n := &ast.RenameMember{Kind: ast.ObjectColumn}
	switch kind {
	case ast.ObjectTable, ast.ObjectStream, ast.ObjectView, ast.ObjectMaterializedView:
	default:
		p.fail()
	}
	if kind == ast.ObjectTable && p.accept(kwConstraint) {
		n.Kind = ast.ObjectConstraint
	} else if p.at(kwColumn) {
		p.advance()
	}
	n.Old = p.identifier()
	p.expect(kwTo)
	n.New = p.identifier()
	n.Span = p.spanFrom(start)
	return n
}

// alterAction takes one of the actions that may stand in a list.
func (p *parser) alterAction() ast.AlterAction {
	start := p.token.start
	switch p.token.keyword {
	case kwAdd:
		p.advance()
		return p.addAction(start)
	case kwDrop:
		p.advance()
		return p.dropAction(start)
	case kwAlter:
		p.advance()
		return p.alterColumn(start)
	case kwValidate:
		p.advance()
		p.expect(kwConstraint)
		constraint := p.identifier()
		return &ast.ValidateConstraint{Span: p.spanFrom(start), Constraint: constraint}
	case kwOwner:
		return p.ownerTo()
	case kwSet, kwReset:
		if p.peek().kind == leftParenthesis {
			reset := p.advance().keyword == kwReset
			options := p.options()
			return &ast.SetOptions{Span: p.spanFrom(start), Reset: reset, Options: options}
		}
	}
	return p.alterFlag(start)
}

// ownerTo takes OWNER TO role.
func (p *parser) ownerTo() ast.AlterAction {
	start := p.token.start
	p.expect(kwOwner, kwTo)
	role := p.role()
	return &ast.OwnerTo{Span: p.spanFrom(start), Role: role}
}

// addAction takes what follows ADD.
func (p *parser) addAction(start ast.Position) ast.AlterAction {
	if p.atTableConstraint() {
		constraint := p.tableConstraint()
		return &ast.AddConstraint{Span: p.spanFrom(start), Constraint: constraint}
	}
	n := &ast.AddColumn{}
	p.accept(kwColumn)
	n.IfNotExists = p.ifNotExists()
	n.Column = p.columnDefinition()
	n.Span = p.spanFrom(start)
	return n
}

// dropAction takes what follows DROP in ALTER.
func (p *parser) dropAction(start ast.Position) ast.AlterAction {
	if p.accept(kwConstraint) {
		n := &ast.DropConstraint{IfExists: p.ifExists(), Constraint: p.identifier()}
		n.Behavior = p.behavior()
		n.Span = p.spanFrom(start)
		return n
	}
	n := &ast.DropColumn{}
	p.accept(kwColumn)
	n.IfExists = p.ifExists()
	n.Column = p.identifier()
	n.Behavior = p.behavior()
	n.Span = p.spanFrom(start)
	return n
}

// alterColumn takes what follows ALTER in ALTER.
func (p *parser) alterColumn(start ast.Position) ast.AlterAction {
	if p.at(kwConstraint) {
		p.failUnsupported(p.token.start, "ALTER CONSTRAINT")
	}
	p.accept(kwColumn)
	n := &ast.AlterColumn{Column: p.identifier()}
	switch {
	case p.at(kwType), p.atWords(kwSet, kwData):
		p.alterColumnType(n)
	case p.accept(kwSet):
		p.setColumn(n)
	case p.accept(kwDrop):
		p.dropFromColumn(n)
	case p.accept(kwAdd):
		n.Kind = ast.AddColumnIdentity
		constraint := &ast.ColumnConstraint{}
		if !p.at(kwGenerated) {
			p.fail()
		}
		p.generated(constraint)
		if constraint.Kind != ast.ConstraintIdentity {
			p.fail()
		}
		n.ByDefault, n.Options = constraint.ByDefault, constraint.Sequence
	case p.accept(kwReset):
		n.Kind = ast.ResetColumnOptions
		n.Options = p.options()
	default:
		p.fail()
	}
	n.Span = p.spanFrom(start)
	return n
}

// alterColumnType takes [SET DATA] TYPE type [COLLATE c] [USING expr].
func (p *parser) alterColumnType(n *ast.AlterColumn) {
	if p.accept(kwSet) {
		p.advance()
	}
	p.expect(kwType)
	n.Kind = ast.SetColumnType
	n.Type = p.typeName()
	if p.accept(kwCollate) {
		n.Collation = p.name()
	}
	if p.accept(kwUsing) {
		n.Expr = p.expr()
	}
}

// setColumn takes what follows ALTER COLUMN name SET.
func (p *parser) setColumn(n *ast.AlterColumn) {
	switch {
	case p.accept(kwDefault):
		n.Kind = ast.SetColumnDefault
		n.Expr = p.expr()
	case p.acceptWords(kwNot, kwNull):
		n.Kind = ast.SetColumnNotNull
	case p.accept(kwStatistics):
		n.Kind = ast.SetColumnStatistics
		sign := 1
		if p.acceptKind(minus) {
			sign = -1
		}
		n.Statistics = sign * p.smallInteger()
	case p.accept(kwStorage):
		n.Kind = ast.SetColumnStorage
		n.Storage = p.identifier().Value
	case p.atKind(leftParenthesis):
		n.Kind = ast.SetColumnOptions
		n.Options = p.options()
	case p.at(kwGenerated), p.at(kwCompression):
		p.failUnsupported(p.token.start, "SET "+upperWord(p.token.keyword))
	default:
		p.fail()
	}
}

// dropFromColumn takes what follows ALTER COLUMN name DROP.
func (p *parser) dropFromColumn(n *ast.AlterColumn) {
	switch {
	case p.accept(kwDefault):
		n.Kind = ast.DropColumnDefault
	case p.acceptWords(kwNot, kwNull):
		n.Kind = ast.DropColumnNotNull
	case p.accept(kwIdentity):
		n.Kind = ast.DropColumnIdentity
		n.IfExists = p.ifExists()
	default:
		p.expect(kwExpression)
		n.Kind = ast.DropColumnExpression
		n.IfExists = p.ifExists()
	}
}

// alterFlag takes an action that is words only, with a name at the end perhaps.
func (p *parser) alterFlag(start ast.Position) ast.AlterAction {
	n := &ast.AlterFlag{}
	switch {
	case p.acceptWords(kwCluster, kwOn):
		n.Words, n.Name = "cluster on", p.name()
	case p.at(kwEnable), p.at(kwDisable):
		n.Words = keywordTable[p.advance().keyword].word
		p.enableAction(n)
	case p.atWords(kwForce, kwRow), p.atWords(kwNo, kwForce):
		if p.accept(kwNo) {
			n.Words = "no "
		}
		p.expect(kwForce, kwRow, kwLevel, kwSecurity)
		n.Words += "force row level security"
	case p.at(kwInherit):
		p.advance()
		n.Words, n.Name = "inherit", p.name()
	case p.acceptWords(kwNo, kwInherit):
		n.Words, n.Name = "no inherit", p.name()
	case p.accept(kwSet):
		p.setFlag(n)
	case p.at(kwAttach), p.at(kwDetach), p.at(kwReplica), p.at(kwOf), p.at(kwNot):
		p.failUnsupported(p.token.start, "ALTER TABLE "+upperWord(p.token.keyword))
	default:
		p.fail()
	}
	n.Span = p.spanFrom(start)
	return n
}

// enableAction takes what follows ENABLE or DISABLE.
func (p *parser) enableAction(n *ast.AlterFlag) {
	switch {
	case p.acceptWords(kwRow, kwLevel):
		p.expect(kwSecurity)
		n.Words += " row level security"
	case p.accept(kwTrigger):
		n.Words += " trigger"
		switch {
		case p.accept(kwAll):
			n.Words += " all"
		case p.accept(kwUser):
			n.Words += " user"
		default:
			n.Name = p.name()
		}
	case p.accept(kwRule):
		n.Words += " rule"
		n.Name = p.name()
	default:
		p.fail()
	}
}

// setFlag takes what follows SET where it is words.
func (p *parser) setFlag(n *ast.AlterFlag) {
	switch {
	case p.accept(kwLogged):
		n.Words = "set logged"
	case p.accept(kwUnlogged):
		n.Words = "set unlogged"
	case p.acceptWords(kwWithout, kwCluster):
		n.Words = "set without cluster"
	case p.acceptWords(kwWithout, kwOids):
		n.Words = "set without oids"
	case p.accept(kwTablespace):
		n.Words, n.Name = "set tablespace", p.name()
	case p.acceptWords(kwAccess, kwMethod):
		n.Words, n.Name = "set access method", p.name()
	default:
		p.fail()
	}
}
