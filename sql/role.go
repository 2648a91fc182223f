package sql

import (
	"millrace/sql/ast"
	"millrace/sql/sqlerr"
)

// role takes the name of a role, or CURRENT_USER and its like.
func (p *parser) role() ast.Identifier {
	switch p.token.keyword {
	case kwCurrentUser, kwCurrentRole, kwSessionUser:
		return p.identifierOf(p.advance())
	case kwNone:
		p.failReservedRole(`role name "none" is reserved`)
	}
	return p.nonReservedWord()
}

// newRole takes the name of a role that shall be.
func (p *parser) newRole() ast.Identifier {
	switch p.token.keyword {
	case kwCurrentUser, kwCurrentRole, kwSessionUser:
		p.failReservedRole(upperWord(p.token.keyword) + " cannot be used as a role name here")
	}
	if p.token.kind == word && p.identifierValue(p.token) == "public" {
		p.failReservedRole(`role name "public" is reserved`)
	}
	return p.role()
}

func (p *parser) failReservedRole(message string) {
	bail(sqlerr.New(sqlerr.ReservedName, int(p.token.start), "%s", message))
}

// roles takes a list of roles.
func (p *parser) roles() []ast.Identifier { return commaSeparated(p, p.role) }

// createRole takes CREATE ROLE | USER | GROUP behind these words.
func (p *parser) createRole(start ast.Position, kind token) ast.Statement {
	n := &ast.CreateRole{Word: keywordTable[kind.keyword].word, Name: p.newRole()}
	p.accept(kwWith)
	n.Options = p.roleOptions()
	n.Span = p.spanFrom(start)
	return n
}

// alterRole takes ALTER ROLE | USER | GROUP behind these words.
func (p *parser) alterRole(start ast.Position, kind token) ast.Statement {
	n := &ast.AlterRole{Word: keywordTable[kind.keyword].word}
	if p.at(kwAll) {
		p.advance()
		n.All = true
	} else {
		n.Name = p.role()
	}
	switch {
	case p.acceptWords(kwRename, kwTo):
		n.RenameTo = identifierPointer(p.newRole())
	case p.acceptWords(kwIn, kwDatabase):
		n.Database = identifierPointer(p.identifier())
		n.Set = p.roleSetting()
	case p.at(kwSet), p.at(kwReset):
		n.Set = p.roleSetting()
	default:
		if n.All {
			p.fail()
		}
		p.accept(kwWith)
		n.Options = p.roleOptions()
	}
	n.Span = p.spanFrom(start)
	return n
}

// roleSetting takes SET … or RESET ….
func (p *parser) roleSetting() ast.Statement {
	if p.at(kwSet) {
		return p.set()
	}
	if !p.at(kwReset) {
		p.fail()
	}
	return p.reset()
}

func (p *parser) roleOptions() []*ast.Option {
	var options []*ast.Option
	for {
		n := &ast.Option{}
		start := p.token.start
		if !p.roleOption(n) {
			return options
		}
		n.Span = p.spanFrom(start)
		options = append(options, n)
	}
}

// roleOption takes one option of a role if one is next, named by its words.
func (p *parser) roleOption(n *ast.Option) bool {
	switch {
	case p.at(kwPassword) || p.atWords(kwEncrypted, kwPassword):
		p.accept(kwEncrypted)
		p.advance()
		n.Name = "password"
		if p.at(kwNull) {
			n.Value = p.wordExpr()
		} else {
			n.Value = p.stringLiteral()
		}
	case p.acceptWords(kwConnection, kwLimit):
		n.Name = "connection limit"
		n.Value = p.sequenceNumber()
	case p.acceptWords(kwValid, kwUntil):
		n.Name = "valid until"
		n.Value = p.stringLiteral()
	case p.accept(kwInherit):
		n.Name = "inherit"
	case p.at(kwAdmin), p.at(kwRole), p.at(kwUser):
		n.Name = keywordTable[p.advance().keyword].word
		n.Value = p.roleList()
	case p.acceptWords(kwIn, kwRole), p.acceptWords(kwIn, kwGroup):
		n.Name = "in role"
		n.Value = p.roleList()
	case p.token.kind == word && p.token.keyword == notKeyword:
		t := p.advance()
		n.Name = p.identifierValue(t)
		if !isRoleAttribute(n.Name) {
			p.failAt(t.start, `unrecognized role option "%s"`, n.Name)
		}
	default:
		return false
	}
	return true
}

// roleList takes a list of roles as the value of an option.
func (p *parser) roleList() ast.Expr {
	list := &ast.List{}
	start := p.token.start
	for _, role := range p.roles() {
		list.Items = append(list.Items, &ast.Word{Span: role.Span, Value: role.Value})
	}
	list.Span = p.spanFrom(start)
	return list
}

// isRoleAttribute says whether a word is an attribute that a role has or not.
func isRoleAttribute(name string) bool {
	switch name {
	case "superuser", "nosuperuser", "createrole", "nocreaterole", "replication", "noreplication",
		"createdb", "nocreatedb", "login", "nologin", "bypassrls", "nobypassrls", "noinherit":
		return true
	}
	return false
}

// grant takes GRANT or REVOKE.
func (p *parser) grant(revoke bool) ast.Statement {
	n := &ast.Grant{Revoke: revoke}
	start := p.advance().start
	var option keyword
	if revoke && (p.at(kwGrant) || p.at(kwAdmin)) && p.peekIs(kwOption) {
		option = p.advance().keyword
		p.advance()
		p.expect(kwFor)
		n.Option = true
	}
	n.Privileges = p.privileges()
	switch {
	case p.at(kwOn) && option != kwAdmin:
		p.advance()
		p.grantTarget(n)
	case option == kwGrant:
		p.fail()
	}
	if revoke {
		p.expect(kwFrom)
	} else {
		p.expect(kwTo)
	}
	n.Roles = commaSeparated(p, p.grantee)
	p.grantOptions(n)
	n.Span = p.spanFrom(start)
	return n
}

// grantOptions takes what may follow the roles of GRANT and REVOKE.
func (p *parser) grantOptions(n *ast.Grant) {
	if !n.Revoke && p.accept(kwWith) {
		if n.Kind == "" {
			p.expect(kwAdmin)
		} else {
			p.expect(kwGrant)
		}
		p.expect(kwOption)
		n.Option = true
	}
	if p.acceptWords(kwGranted, kwBy) {
		n.GrantedBy = identifierPointer(p.role())
	}
	if n.Revoke {
		n.Behavior = p.behavior()
	}
}

// grantee takes [GROUP] role.
func (p *parser) grantee() ast.Identifier {
	p.accept(kwGroup)
	return p.role()
}

// privileges takes ALL [PRIVILEGES] [(columns)], or a list.
func (p *parser) privileges() []*ast.Privilege {
	if p.at(kwAll) {
		return []*ast.Privilege{p.privilege()}
	}
	return commaSeparated(p, p.privilege)
}

func (p *parser) privilege() *ast.Privilege {
	n := &ast.Privilege{}
	start := p.token.start
	switch {
	case p.at(kwAll):
		p.advance()
		p.accept(kwPrivileges)
		n.Name = "all"
	case p.at(kwSelect), p.at(kwReferences), p.at(kwCreate):
		n.Name = keywordTable[p.advance().keyword].word
	case p.acceptWords(kwAlter, kwSystem):
		n.Name = "alter system"
	default:
		n.Name = p.identifier().Value
	}
	n.Columns = p.optionalIdentifiers()
	n.Span = p.spanFrom(start)
	return n
}

// grantTarget takes what follows ON.
func (p *parser) grantTarget(n *ast.Grant) {
	n.Kind = ast.ObjectTable
	if p.at(kwAll) {
		p.advance()
		n.AllInSchema = true
		n.Kind = p.pluralKind()
		p.expect(kwIn, kwSchema)
		n.Objects = p.names()
		return
	}
	switch p.token.keyword {
	case kwTable, kwSequence, kwDatabase, kwSchema, kwType, kwDomain, kwTablespace, kwStream:
		if isAnyWord(p.peek()) && !p.peekIs(kwTo) && !p.peekIs(kwFrom) {
			n.Kind = ast.ObjectKind(keywordTable[p.advance().keyword].word)
		}
	case kwFunction, kwProcedure, kwRoutine, kwLanguage, kwForeign, kwLarge, kwParameter:
		if isAnyWord(p.peek()) && !p.peekIs(kwTo) && !p.peekIs(kwFrom) {
			p.failUnsupported(p.token.start, "GRANT and REVOKE on "+upperWord(p.token.keyword))
		}
	}
	n.Objects = p.names()
}

// pluralKind takes TABLES, SEQUENCES or STREAMS.
func (p *parser) pluralKind() ast.ObjectKind {
	switch {
	case p.accept(kwTables):
		return ast.ObjectTable
	case p.accept(kwSequences):
		return ast.ObjectSequence
	case p.accept(kwStreams):
		return ast.ObjectStream
	case p.at(kwFunctions), p.at(kwProcedures), p.at(kwRoutines):
		p.failUnsupported(p.token.start, "GRANT and REVOKE on "+upperWord(p.token.keyword))
	}
	p.fail()
	return ""
}
