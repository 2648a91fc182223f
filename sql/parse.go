package sql

import "millrace/sql/ast"

// Parse parses a text of any number of statements with semicolons between
// them. Empty statements are left out. The positions in the trees, and in
// errors, which are *sqlerr.Error, are byte offsets into the whole text; the
// Extent of each statement is its own text.
//
// Trees share the text's memory.
func Parse(text string) (statements []ast.Statement, err error) {
	if err := checkEncoding(text); err != nil {
		return nil, err
	}
	defer recoverBailout(&err)
	var p parser
	p.start(text)
	for {
		for p.acceptKind(semicolon) {
		}
		if p.atKind(endOfInput) {
			return statements, nil
		}
		statement := p.statement()
		if !p.atKind(semicolon) && !p.atKind(endOfInput) {
			p.failAfterStatement(statement)
		}
		statements = append(statements, statement)
	}
}

// ParseOne parses a text that must hold exactly one statement, with a
// semicolon behind it perhaps.
func ParseOne(text string) (statement ast.Statement, err error) {
	if err := checkEncoding(text); err != nil {
		return nil, err
	}
	defer recoverBailout(&err)
	var p parser
	p.start(text)
	statement = p.statement()
	for p.acceptKind(semicolon) {
	}
	if !p.atKind(endOfInput) {
		p.failAfterStatement(statement)
	}
	return statement, nil
}

// ParseExpr parses a text that is one value expression.
func ParseExpr(text string) (e ast.Expr, err error) {
	if err := checkEncoding(text); err != nil {
		return nil, err
	}
	defer recoverBailout(&err)
	var p parser
	p.start(text)
	e = p.expr()
	if !p.atKind(endOfInput) {
		p.fail()
	}
	return e, nil
}

// ParseTypeName parses a text that is the name of a type.
func ParseTypeName(text string) (t *ast.TypeName, err error) {
	if err := checkEncoding(text); err != nil {
		return nil, err
	}
	defer recoverBailout(&err)
	var p parser
	p.start(text)
	t = p.typeName()
	if !p.atKind(endOfInput) {
		p.fail()
	}
	return t, nil
}
