package sql

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
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

// backslashEscape introduces the escapes of E'…', which have letters.
const backslashEscape = '\\'

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
