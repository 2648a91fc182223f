package sql

import (
	"strings"

	"millrace/sql/ast"
)

// columnDefinition takes name type [COLLATE c] [constraints].
func (p *parser) columnDefinition() *ast.ColumnDefinition {
	n := &ast.ColumnDefinition{Name: p.identifier()}
	n.Type = p.typeName()
	for {
		if p.accept(kwCollate) {
			n.Collation = p.name()
			continue
		}
		constraint := p.columnConstraint()
		if constraint == nil {
			n.Span = p.spanFrom(n.Name.Start)
			return n
		}
		n.Constraints = append(n.Constraints, constraint)
	}
}

// columnConstraint takes one constraint of a column, or returns nil.
func (p *parser) columnConstraint() *ast.ColumnConstraint {
	n := &ast.ColumnConstraint{}
	start := p.token.start
	if p.accept(kwConstraint) {
		n.Name = identifierPointer(p.identifier())
	}
	if !p.columnConstraintBody(n) {
		if n.Name != nil {
			p.fail()
		}
		return nil
	}
	n.Timing = p.constraintTiming()
	n.Span = p.spanFrom(start)
	return n
}

// columnConstraintBody takes what follows the name of a constraint.
func (p *parser) columnConstraintBody(n *ast.ColumnConstraint) bool {
	switch p.token.keyword {
	case kwNot:
		if !p.peekIs(kwNull) {
			return false
		}
		p.advance()
		p.advance()
		n.Kind = ast.ConstraintNotNull
	case kwNull:
		p.advance()
		n.Kind = ast.ConstraintNull
	case kwDefault:
		p.advance()
		n.Kind = ast.ConstraintDefault
		n.Expr = p.restrictedExpr()
	case kwCheck:
		p.advance()
		n.Kind = ast.ConstraintCheck
		n.Expr = p.checkExpr()
		n.NoInherit = p.acceptWords(kwNo, kwInherit)
	case kwUnique, kwPrimary:
		p.uniqueColumn(n)
	case kwReferences:
		n.Kind = ast.ConstraintReferences
		n.References = p.references()
	case kwGenerated:
		p.generated(n)
	case kwKey:
		p.advance()
		n.Kind = ast.ConstraintKey
	case kwHeaders:
		p.advance()
		n.Kind = ast.ConstraintHeaders
	case kwHeader:
		p.advance()
		n.Kind = ast.ConstraintHeader
		p.expectKind(leftParenthesis)
		n.Header = p.stringLiteral().Value
		p.expectRightParenthesis()
	default:
		return false
	}
	return true
}

// checkExpr takes the expression of CHECK (…).
func (p *parser) checkExpr() ast.Expr {
	p.expectKind(leftParenthesis)
	e := p.expr()
	p.expectRightParenthesis()
	return e
}

// uniqueColumn takes UNIQUE or PRIMARY KEY behind a column.
func (p *parser) uniqueColumn(n *ast.ColumnConstraint) {
	n.Kind = ast.ConstraintUnique
	if p.advance().keyword == kwPrimary {
		p.expect(kwKey)
		n.Kind = ast.ConstraintPrimaryKey
	} else {
		n.NullsNotDistinct = p.nullsNotDistinct()
	}
	n.Options = p.optionalWithOptions()
	if p.acceptWords(kwUsing, kwIndex) {
		p.expect(kwTablespace)
		p.identifier()
	}
}

// generated takes GENERATED ALWAYS AS (expr) STORED, or AS IDENTITY.
func (p *parser) generated(n *ast.ColumnConstraint) {
	p.advance()
	start := p.token.start
	if !p.accept(kwAlways) {
		p.expect(kwBy, kwDefault)
		n.ByDefault = true
	}
	p.expect(kwAs)
	if p.accept(kwIdentity) {
		n.Kind = ast.ConstraintIdentity
		if p.acceptKind(leftParenthesis) {
			n.Sequence = p.sequenceOptions()
			if len(n.Sequence) == 0 {
				p.fail()
			}
			p.expectRightParenthesis()
		}
		return
	}
	n.Kind = ast.ConstraintGenerated
	n.Expr = p.checkExpr()
	p.expect(kwStored)
	if n.ByDefault {
		p.failAt(start, "for a generated column, GENERATED ALWAYS must be specified")
	}
}

// references takes REFERENCES table [(columns)] and what follows.
func (p *parser) references() *ast.References {
	n := &ast.References{}
	start := p.advance().start
	n.Table = p.name()
	n.Columns = p.optionalIdentifiers()
	if p.accept(kwMatch) {
		switch p.token.keyword {
		case kwFull, kwPartial, kwSimple:
			n.Match = keywordTable[p.advance().keyword].word
		default:
			p.fail()
		}
	}
	for p.at(kwOn) && (p.peekIs(kwDelete) || p.peekIs(kwUpdate)) {
		p.advance()
		if p.advance().keyword == kwDelete {
			p.once(n.OnDelete != "")
			n.OnDelete = p.referentialAction()
		} else {
			p.once(n.OnUpdate != "")
			n.OnUpdate = p.referentialAction()
		}
	}
	n.Span = p.spanFrom(start)
	return n
}

func (p *parser) referentialAction() string {
	switch {
	case p.acceptWords(kwNo, kwAction):
		return "no action"
	case p.accept(kwRestrict):
		return "restrict"
	case p.accept(kwCascade):
		return "cascade"
	case p.acceptWords(kwSet, kwNull):
		return "set null"
	}
	p.expect(kwSet, kwDefault)
	return "set default"
}

// constraintTiming takes [NOT] DEFERRABLE and INITIALLY …, each once, and
// returns them in lower case.
func (p *parser) constraintTiming() string {
	deferrable, initially := "", ""
	for {
		switch {
		case p.at(kwDeferrable):
			p.once(deferrable != "")
			p.advance()
			deferrable = "deferrable"
		case p.atWords(kwNot, kwDeferrable):
			p.once(deferrable != "")
			p.advance()
			p.advance()
			deferrable = "not deferrable"
		case p.at(kwInitially):
			p.once(initially != "")
			p.advance()
			initially = "initially deferred"
			if !p.accept(kwDeferred) {
				p.expect(kwImmediate)
				initially = "initially immediate"
			}
		default:
			return strings.TrimSpace(deferrable + " " + initially)
		}
	}
}

// atTableConstraint says whether a constraint of the table is next. These
// words begin no column's definition.
func (p *parser) atTableConstraint() bool {
	switch p.token.keyword {
	case kwConstraint, kwCheck, kwUnique, kwPrimary, kwForeign:
		return true
	case kwExclude:
		return p.peekIs(kwUsing) || p.peek().kind == leftParenthesis
	}
	return false
}

// tableConstraint takes a constraint of the table.
func (p *parser) tableConstraint() *ast.TableConstraint {
	n := &ast.TableConstraint{}
	start := p.token.start
	if p.accept(kwConstraint) {
		n.Name = identifierPointer(p.identifier())
	}
	switch p.token.keyword {
	case kwCheck:
		p.advance()
		n.Kind = ast.TableCheck
		n.Check = p.checkExpr()
	case kwUnique:
		p.advance()
		n.Kind = ast.TableUnique
		n.NullsNotDistinct = p.nullsNotDistinct()
		p.constraintColumns(n)
	case kwPrimary:
		p.advance()
		p.expect(kwKey)
		n.Kind = ast.TablePrimaryKey
		p.constraintColumns(n)
	case kwForeign:
		p.advance()
		p.expect(kwKey)
		n.Kind = ast.TableForeignKey
		n.Columns = p.parenthesizedIdentifiers()
		if !p.at(kwReferences) {
			p.fail()
		}
		n.References = p.references()
	case kwExclude:
		p.failUnsupported(p.token.start, "EXCLUDE")
	default:
		p.fail()
	}
	p.constraintAttributes(n)
	n.Span = p.spanFrom(start)
	return n
}

// constraintAttributes takes what may stand behind a table's constraint.
func (p *parser) constraintAttributes(n *ast.TableConstraint) {
	for {
		if timing := p.constraintTiming(); timing != "" {
			n.Timing = timing
			continue
		}
		switch {
		case p.acceptWords(kwNot, kwValid):
			n.NotValid = true
		case p.acceptWords(kwNo, kwInherit):
			n.NoInherit = true
		default:
			return
		}
	}
}

// constraintColumns takes the columns of UNIQUE and PRIMARY KEY, or the index
// that they shall use.
func (p *parser) constraintColumns(n *ast.TableConstraint) {
	if p.acceptWords(kwUsing, kwIndex) {
		n.UsingIndex = identifierPointer(p.identifier())
		return
	}
	n.Columns = p.parenthesizedIdentifiers()
	if p.accept(kwInclude) {
		n.Include = p.parenthesizedIdentifiers()
	}
	n.Options = p.optionalWithOptions()
	if p.acceptWords(kwUsing, kwIndex) {
		p.expect(kwTablespace)
		p.identifier()
	}
}
