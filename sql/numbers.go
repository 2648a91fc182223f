package sql

import (
	"strconv"
	"unicode/utf8"

	"millrace/sql/ast"
	"millrace/sql/sqlerr"
)

// bitDigits returns the digits of a B'…' or X'…' token.
func (p *parser) bitDigits(t token) string {
	digits := joinQuoted(p.source(t)[1:], false)
	base, name := 2, "binary"
	if t.kind == hexToken {
		base, name = 16, "hexadecimal"
	}
	if end := digitsEnd(digits, 0, len(digits), base); end < len(digits) {
		r, _ := utf8.DecodeRuneInString(digits[end:])
		bail(sqlerr.New(sqlerr.InvalidTextRepresentation, int(t.start),
			`"%c" is not a valid %s digit`, r, name))
	}
	return digits
}

// numberLiteral returns the node of a number token.
func (p *parser) numberLiteral(t token) ast.Expr {
	text := p.source(t)
	if t.kind == integerToken {
		if value, ok := parseInteger(text); ok {
			n := p.integers.allocate()
			n.Span, n.Value = spanOf(t), value
			return n
		}
	}
	n := p.numerics.allocate()
	n.Span, n.Text = spanOf(t), text
	return n
}

// parseInteger reads decimal digits, and reports false where they do not fit
// a bigint.
func parseInteger(digits string) (int64, bool) {
	const safeDigits = 18
	if len(digits) > safeDigits {
		value, err := strconv.ParseInt(digits, 10, 64)
		return value, err == nil
	}
	var value int64
	for i := 0; i < len(digits); i++ {
		value = value*10 + int64(digits[i]-'0')
	}
	return value, true
}

// parameterNumber returns n of $n.
func (p *parser) parameterNumber(t token) int {
	number, err := strconv.ParseInt(p.source(t)[1:], 10, 32)
	if err != nil {
		bail(sqlerr.New(sqlerr.UndefinedParameter, int(t.start), "there is no parameter %s", clip(p.source(t))))
	}
	return int(number)
}
