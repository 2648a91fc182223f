// Package sql turns SQL text into trees (package ast).
package sql

import (
	"millrace/sql/ast"
	"millrace/sql/sqlerr"
)

// Parse parses a text of any number of statements separated by semicolons.
// Empty statements are left out. Errors are *sqlerr.Error with the byte
// offset in text.
func Parse(text string) ([]ast.Statement, error) {
	return nil, sqlerr.New(sqlerr.FeatureNotSupported, 0, "parsing is not ready")
}

// ParseOne parses a text that must hold exactly one statement.
func ParseOne(text string) (ast.Statement, error) {
	return nil, sqlerr.New(sqlerr.FeatureNotSupported, 0, "parsing is not ready")
}

// ParseExpr parses a text that is one value expression.
func ParseExpr(text string) (ast.Expr, error) {
	return nil, sqlerr.New(sqlerr.FeatureNotSupported, 0, "parsing is not ready")
}
