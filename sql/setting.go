package sql

import (
	"strings"

	"millrace/sql/ast"
)

// set takes SET ….
func (p *parser) set() ast.Statement {
	start := p.advance().start
	if p.atKind(stringToken) {
		return p.quotedSetting(start)
	}
	if p.at(kwConstraints) && !p.atSettingAssignment(p.peek()) {
		return p.setConstraints(start)
	}
	scope := ast.ScopeDefault
	if (p.at(kwSession) || p.at(kwLocal)) && !p.atSettingAssignment(p.peek()) {
		scope = ast.ScopeSession
		if p.advance().keyword == kwLocal {
			scope = ast.ScopeLocal
		}
	}
	if scope != ast.ScopeDefault && p.atWords(kwSession, kwCharacteristics) {
		scope = ast.ScopeSession
		p.advance()
	}
	if p.atWords(kwCharacteristics, kwAs) && scope == ast.ScopeSession {
		p.advance()
		p.advance()
		p.expect(kwTransaction)
		modes := p.transactionModes()
		return &ast.SetTransaction{Span: p.spanFrom(start), Session: true, Modes: modes}
	}
	if p.at(kwTransaction) && !p.atSettingAssignment(p.peek()) {
		return p.setTransaction(start)
	}
	return p.setVariable(start, scope)
}

// atSettingAssignment says whether a token shows that the word before it is a
// setting's name.
func (p *parser) atSettingAssignment(following token) bool {
	return following.kind == equals || following.kind == dot || following.keyword == kwTo || following.keyword == kwFrom
}

// setTransaction takes TRANSACTION modes or TRANSACTION SNAPSHOT 'id'.
func (p *parser) setTransaction(start ast.Position) ast.Statement {
	n := &ast.SetTransaction{}
	p.advance()
	if p.accept(kwSnapshot) {
		n.Snapshot = p.stringLiteral()
	} else {
		n.Modes = p.transactionModes()
	}
	n.Span = p.spanFrom(start)
	return n
}

// quotedSetting takes KSQL's 'name' = 'value'.
func (p *parser) quotedSetting(start ast.Position) ast.Statement {
	n := &ast.SetVariable{Name: p.stringLiteral().Value}
	p.expectKind(equals)
	n.Values = []ast.Expr{p.stringLiteral()}
	n.Span = p.spanFrom(start)
	return n
}

// setVariable takes what follows SET and its scope.
func (p *parser) setVariable(start ast.Position, scope ast.SetScope) ast.Statement {
	n := &ast.SetVariable{Scope: scope}
	if !p.specialSetting(n) {
		n.Name = p.settingName()
		switch {
		case p.acceptWords(kwFrom, kwCurrent):
			n.FromCurrent = true
		default:
			if !p.acceptKind(equals) {
				p.expect(kwTo)
			}
			p.settingValues(n)
		}
	}
	n.Span = p.spanFrom(start)
	return n
}

// settingName takes the name of a setting, of several parts perhaps.
func (p *parser) settingName() string {
	parts := []string{p.identifier().Value}
	for p.acceptKind(dot) {
		parts = append(parts, p.identifier().Value)
	}
	return strings.Join(parts, ".")
}

// settingValues takes DEFAULT or a list of values.
func (p *parser) settingValues(n *ast.SetVariable) {
	if p.accept(kwDefault) {
		n.Default = true
		return
	}
	n.Values = commaSeparated(p, p.settingValue)
}

// settingValue takes a word, string or number.
func (p *parser) settingValue() ast.Expr {
	switch p.token.kind {
	case plus, minus:
		return p.signedNumber()
	case integerToken, numericToken:
		return p.numberLiteral(p.advance())
	case stringToken:
		return p.stringLiteral()
	}
	if p.at(kwTrue) || p.at(kwFalse) {
		return p.wordExpr()
	}
	if p.at(kwOn) {
		return &ast.Word{Span: spanOf(p.token), Value: p.identifierOf(p.advance()).Value}
	}
	value := p.nonReservedWord()
	return &ast.Word{Span: value.Span, Value: value.Value}
}

// specialSetting takes the settings that have a spelling of their own.
func (p *parser) specialSetting(n *ast.SetVariable) bool {
	following := p.peek()
	if p.atSettingAssignment(following) {
		return false
	}
	switch {
	case p.atWords(kwTime, kwZone):
		p.advance()
		p.advance()
		n.Name = "timezone"
		p.zoneValue(n)
	case p.accept(kwNames):
		n.Name = "client_encoding"
		switch {
		case p.atKind(stringToken):
			n.Values = []ast.Expr{p.stringLiteral()}
		default:
			p.accept(kwDefault)
			n.Default = true
		}
	case p.at(kwSchema) && following.kind == stringToken:
		p.advance()
		n.Name = "search_path"
		n.Values = []ast.Expr{p.stringLiteral()}
	case p.at(kwRole):
		p.advance()
		n.Name = "role"
		n.Values = []ast.Expr{p.roleValue()}
	case p.at(kwAuthorization) && n.Scope == ast.ScopeSession:
		p.advance()
		n.Name = "session_authorization"
		if n.Default = p.accept(kwDefault); !n.Default {
			n.Values = []ast.Expr{p.roleValue()}
		}
		n.Scope = ast.ScopeDefault
	case p.at(kwSession) && following.keyword == kwAuthorization:
		p.advance()
		p.advance()
		n.Name = "session_authorization"
		if n.Default = p.accept(kwDefault); !n.Default {
			n.Values = []ast.Expr{p.roleValue()}
		}
	case p.at(kwCatalog) && following.kind == stringToken, p.at(kwXml) && following.keyword == kwOption:
		p.failUnsupported(p.token.start, "SET "+upperWord(p.token.keyword))
	default:
		return false
	}
	return true
}

// roleValue takes a role as a word or string.
func (p *parser) roleValue() ast.Expr {
	if p.atKind(stringToken) {
		return p.stringLiteral()
	}
	role := p.nonReservedWord()
	return &ast.Word{Span: role.Span, Value: role.Value}
}

// zoneValue takes a time zone.
func (p *parser) zoneValue(n *ast.SetVariable) {
	switch {
	case p.accept(kwDefault), p.accept(kwLocal):
		n.Default = true
	case p.at(kwInterval):
		n.Values = []ast.Expr{p.typedLiteral()}
	case isAnyWord(p.token) && !p.token.keyword.isPlainWord():
		p.fail()
	default:
		n.Values = []ast.Expr{p.settingValue()}
	}
}

// reset takes RESET name | ALL.
func (p *parser) reset() ast.Statement {
	n := &ast.ResetVariable{}
	start := p.advance().start
	switch {
	case p.accept(kwAll):
		n.All = true
	case p.atKind(stringToken):
		n.Name = p.stringLiteral().Value
	default:
		n.Name = p.spelledSetting()
	}
	n.Span = p.spanFrom(start)
	return n
}

// unset takes KSQL's UNSET 'name'.
func (p *parser) unset() ast.Statement {
	start := p.advance().start
	name := p.stringLiteral()
	return &ast.ResetVariable{Span: p.spanFrom(start), Name: name.Value}
}

// spelledSetting takes the name of a setting as SHOW and RESET spell it.
func (p *parser) spelledSetting() string {
	switch {
	case p.acceptWords(kwTime, kwZone):
		return "timezone"
	case p.acceptWords(kwTransaction, kwIsolation):
		p.expect(kwLevel)
		return "transaction_isolation"
	case p.acceptWords(kwSession, kwAuthorization):
		return "session_authorization"
	}
	return p.settingName()
}
