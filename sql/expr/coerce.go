package expr

import (
	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// CastContext says where a conversion stands, from the least that it permits to
// the most.
type CastContext uint8

// The contexts, with the meaning they have in PostgreSQL's pg_cast.
const (
	// Implicit is any expression.
	Implicit CastContext = iota
	// Assignment is a value stored in a column.
	Assignment
	// Explicit is CAST and ::.
	Explicit
)

// CanCast reports whether a value of type from may become one of type to in the
// given context.
func CanCast(from, to types.Type, context CastContext) bool { return false }

// CommonType returns the type that all the given types become where they meet:
// the branches of CASE, UNION, ARRAY, VALUES, GREATEST, by PostgreSQL's rules
// (https://www.postgresql.org/docs/15/typeconv-union-case.html). The context
// (CASE, UNION, ...) is named in the error.
func CommonType(ts []types.Type, context string, pos int) (types.Type, error) {
	return types.Type{}, sqlerr.New(sqlerr.DatatypeMismatch, pos, "%s types cannot be matched", context)
}

// Coerce returns e as a value of type to, type modifier included: e itself, a
// constant made from an unknown literal, or a Cast. Types that do not convert in
// this context are an error (42804 in assignments, else 42846).
func Coerce(e Expr, to types.Type, context CastContext) (Expr, error) {
	return nil, sqlerr.New(sqlerr.CannotCoerce, e.Pos(), "cannot cast")
}
