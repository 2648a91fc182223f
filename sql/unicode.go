package sql

import (
	"strconv"
	"unicode/utf16"
	"unicode/utf8"

	"millrace/sql/sqlerr"
)

// unicodeBody returns the quoted part of a U& string or identifier, and its
// escape character: the backslash unless a UESCAPE clause follows.
func (p *parser) unicodeBody(t token) (body string, escape byte) {
	inner := lexer{text: p.lexer.text, position: int(t.start) + len("U&")}
	if t.kind == quotedWord {
		inner.quotedIdentifier()
	} else {
		inner.quotedString(false)
	}
	escape = '\\'
	if inner.position < int(t.end) {
		escape = p.lexer.text[t.end-2]
	}
	return p.lexer.text[int(t.start)+len("U&") : inner.position], escape
}

// digitsEnd returns the end of the digits of a base from i on, at most limit.
func digitsEnd(text string, i, limit, base int) int {
	end := i
	for end < len(text) && end < i+limit && digitValue(text[end]) < base {
		end++
	}
	return end
}

func digitValue(c byte) int {
	switch {
	case isDigit(c):
		return int(c - '0')
	case lowerByte(c) >= 'a' && lowerByte(c) <= 'f':
		return int(lowerByte(c)-'a') + 10
	}
	return 16
}

// decodeUnicodeEscapes decodes the escapes of a U& string or identifier.
func (p *parser) decodeUnicodeEscapes(t token, body string, escape byte) string {
	var b []byte
	for i := 0; i < len(body); {
		if body[i] != escape {
			b = append(b, body[i])
			i++
			continue
		}
		i++
		if i < len(body) && body[i] == escape {
			b = append(b, escape)
			i++
			continue
		}
		digits := 4
		if i < len(body) && body[i] == '+' {
			digits = 6
			i++
		}
		var r rune
		r, i = p.unicodeEscapes(t, body, i, digits, escape)
		b = utf8.AppendRune(b, r)
	}
	p.checkDecoded(t, b)
	return string(b)
}

// unicodeEscapes reads the digits of a Unicode escape at i, and of the second
// half of a surrogate pair behind it.
func (p *parser) unicodeEscapes(t token, body string, i, digits int, escape byte) (rune, int) {
	r, i := p.unicodeDigits(t, body, i, digits)
	if !utf16.IsSurrogate(r) {
		return r, i
	}
	second, j := rune(0), i
	if j < len(body) && body[j] == escape {
		j++
		switch {
		case j < len(body) && body[j] == '+':
			second, j = p.unicodeDigits(t, body, j+1, 6)
		case j < len(body) && lowerByte(body[j]) == 'u':
			size := 4
			if body[j] == 'U' {
				size = 8
			}
			second, j = p.unicodeDigits(t, body, j+1, size)
		default:
			second, j = p.unicodeDigits(t, body, j, 4)
		}
	}
	pair := utf16.DecodeRune(r, second)
	if pair == utf8.RuneError {
		bail(sqlerr.New(sqlerr.SyntaxError, int(t.start), "invalid Unicode surrogate pair"))
	}
	return pair, j
}

// unicodeDigits reads exactly so many hexadecimal digits.
func (p *parser) unicodeDigits(t token, body string, i, digits int) (rune, int) {
	end := digitsEnd(body, i, digits, 16)
	if end-i < digits {
		bail(sqlerr.New(sqlerr.InvalidEscapeSequence, int(t.start), "invalid Unicode escape").
			WithHint(`Unicode escapes must be \XXXX or \+XXXXXX, in E'' strings \uXXXX or \UXXXXXXXX.`))
	}
	value, _ := strconv.ParseUint(body[i:end], 16, 32)
	if value == 0 || value > utf8.MaxRune {
		bail(sqlerr.New(sqlerr.SyntaxError, int(t.start), "invalid Unicode escape value"))
	}
	return rune(value), end
}

// checkDecoded refuses escapes that make up no valid text.
func (p *parser) checkDecoded(t token, decoded []byte) {
	for i := 0; i < len(decoded); {
		r, size := utf8.DecodeRune(decoded[i:])
		if r == 0 || r == utf8.RuneError && size == 1 {
			bail(sqlerr.New(sqlerr.CharacterNotInRepertoire, int(t.start),
				`invalid byte sequence for encoding "UTF8": 0x%02x`, decoded[i]))
		}
		i += size
	}
}
