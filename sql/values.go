package sql

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"millrace/sql/ast"
	"millrace/sql/sqlerr"
)

// source returns the text of a token.
func (p *parser) source(t token) string { return p.lexer.text[t.start:t.end] }

// identifierValue returns the name that a word or quoted word stands for:
// folded if unquoted, cut to PostgreSQL's length.
func (p *parser) identifierValue(t token) string {
	text := p.source(t)
	if t.keyword != notKeyword {
		return keywordTable[t.keyword].word
	}
	if t.kind == word {
		if t.plain {
			return text
		}
		return truncateName(foldASCII(text))
	}
	if t.plain {
		return text[1 : len(text)-1]
	}
	if text[0] == '"' {
		return truncateName(strings.ReplaceAll(text[1:len(text)-1], `""`, `"`))
	}
	body, escape := p.unicodeBody(t)
	return truncateName(p.decodeUnicodeEscapes(t, strings.ReplaceAll(body[1:len(body)-1], `""`, `"`), escape))
}

// foldASCII lowers the ASCII letters of a name and leaves all others.
func foldASCII(name string) string {
	folded := []byte(name)
	for i, c := range folded {
		folded[i] = lowerByte(c)
	}
	return string(folded)
}

// truncateName cuts a name to PostgreSQL's length between two characters.
func truncateName(name string) string {
	if len(name) <= maxNameLength {
		return name
	}
	end := maxNameLength
	for !utf8.RuneStart(name[end]) {
		end--
	}
	return name[:end]
}

// stringValue returns the value of a string token.
func (p *parser) stringValue(t token) string {
	text := p.source(t)
	if text[0] == 'n' || text[0] == 'N' {
		text = text[1:]
	}
	if t.plain {
		return text[1 : len(text)-1]
	}
	switch text[0] {
	case '$':
		delimiter := strings.IndexByte(text[1:], '$') + 2
		return text[delimiter : len(text)-delimiter]
	case 'e', 'E':
		return p.decodeBackslashes(t, joinQuoted(text[1:], true))
	case 'u', 'U':
		body, escape := p.unicodeBody(t)
		return p.decodeUnicodeEscapes(t, joinQuoted(body, false), escape)
	}
	return joinQuoted(text, false)
}

// joinQuoted returns what is between the quotes of the parts of a string, one
// behind another, with each doubled quote as one. With escapes, a backslash keeps
// the character behind it from being read as a quote; both stay.
func joinQuoted(text string, escapes bool) string {
	var b strings.Builder
	b.Grow(len(text))
	inside := false
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case !inside:
			// Between the parts there are only space and comments.
			if c == '-' {
				i += strings.IndexAny(text[i:], "\n\r")
			}
			inside = c == '\''
		case c == '\'' && i+1 < len(text) && text[i+1] == '\'':
			if escapes {
				b.WriteByte('\\')
			}
			b.WriteByte('\'')
			i++
		case c == '\'':
			inside = false
		case c == '\\' && escapes && i+1 < len(text):
			b.WriteString(text[i : i+2])
			i++
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

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

// decodeBackslashes decodes the escapes of an E'…' string.
func (p *parser) decodeBackslashes(t token, body string) string {
	var b []byte
	for i := 0; i < len(body); {
		if body[i] != '\\' || i+1 == len(body) {
			b = append(b, body[i])
			i++
			continue
		}
		c := body[i+1]
		i += 2
		switch {
		case c >= '0' && c <= '7':
			end := digitsEnd(body, i-1, 3, 8)
			value, _ := strconv.ParseUint(body[i-1:end], 8, 16)
			b = append(b, byte(value))
			i = end
		case c == 'x' && digitsEnd(body, i, 2, 16) > i:
			end := digitsEnd(body, i, 2, 16)
			value, _ := strconv.ParseUint(body[i:end], 16, 8)
			b = append(b, byte(value))
			i = end
		case c == 'u' || c == 'U':
			digits := 4
			if c == 'U' {
				digits = 8
			}
			var r rune
			r, i = p.unicodeEscapes(t, body, i, digits, backslashEscape)
			b = utf8.AppendRune(b, r)
		default:
			b = append(b, backslashValue(c))
		}
	}
	p.checkDecoded(t, b)
	return string(b)
}

// backslashValue returns what a backslash and one letter stand for.
func backslashValue(c byte) byte {
	switch c {
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	}
	return c
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

// backslashEscape introduces the escapes of E'…', which have letters.
const backslashEscape = '\\'

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

// clip shortens a text that an error quotes.
func clip(text string) string {
	const limit = 200
	if len(text) <= limit {
		return text
	}
	end := limit
	for !utf8.RuneStart(text[end]) {
		end--
	}
	return fmt.Sprintf("%s…", text[:end])
}
