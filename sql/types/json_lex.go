package types

import (
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"millrace/sql/sqlerr"
)

// next reads the next token.
func (p *jsonParser) next() error {
	p.before = p.end
	i := p.end
	for i < len(p.text) {
		c := p.text[i]
		if c == '\n' {
			p.line++
			p.lineStart = i + 1
		} else if c != ' ' && c != '\t' && c != '\r' {
			break
		}
		i++
	}
	p.start, p.end = i, i
	if i == len(p.text) {
		p.token = jsonEnd
		return nil
	}
	switch c := p.text[i]; {
	case strings.IndexByte("{}[],:", c) >= 0:
		p.token, p.end = jsonToken(c), i+1
		return nil
	case c == '"':
		p.token = jsonStringToken
		return p.lexString()
	case c == '-' || c-'0' <= 9:
		p.token = jsonNumberToken
		return p.lexNumber()
	default:
		return p.lexWord()
	}
}

// isJSONWordByte reports whether c continues a word: letters, digits, the
// underscore and all beyond ASCII.
func isJSONWordByte(c byte) bool {
	return c|0x20 >= 'a' && c|0x20 <= 'z' || c-'0' <= 9 || c == '_' || c >= utf8.RuneSelf
}

func (p *jsonParser) lexWord() error {
	for p.end < len(p.text) && isJSONWordByte(p.text[p.end]) {
		p.end++
	}
	switch p.text[p.start:p.end] {
	case "true":
		p.token = jsonTrue
	case "false":
		p.token = jsonFalse
	case "null":
		p.token = jsonNullToken
	case "":
		p.end++
		return p.invalidToken()
	default:
		return p.invalidToken()
	}
	return nil
}

func (p *jsonParser) invalidToken() error {
	p.token = jsonNullToken
	return p.fail(sqlerr.InvalidTextRepresentation, `Token "%s" is invalid.`, p.text[p.start:p.end])
}

// lexNumber reads a number: no zeros in front, digits on both sides of a point
// and behind an exponent.
func (p *jsonParser) lexNumber() error {
	i := p.start
	if p.text[i] == '-' {
		i++
	}
	whole := p.digits(i)
	ok := whole > i && (whole == i+1 || p.text[i] != '0')
	i = whole
	if ok && i < len(p.text) && p.text[i] == '.' {
		fraction := p.digits(i + 1)
		ok = ok && fraction > i+1
		i = fraction
	}
	if i < len(p.text) && p.text[i]|0x20 == 'e' {
		i++
		if i < len(p.text) && (p.text[i] == '+' || p.text[i] == '-') {
			i++
		}
		exponent := p.digits(i)
		ok = ok && exponent > i
		i = exponent
	}
	p.end = i
	for p.end < len(p.text) && isJSONWordByte(p.text[p.end]) {
		p.end++
		ok = false
	}
	if !ok {
		return p.invalidToken()
	}
	return nil
}

// digits returns the end of the digits from i on.
func (p *jsonParser) digits(i int) int {
	for i < len(p.text) && p.text[i]-'0' <= 9 {
		i++
	}
	return i
}

// lexString reads a string token. Without escapes its value aliases the text.
func (p *jsonParser) lexString() error {
	for i := p.start + 1; i < len(p.text); i++ {
		switch c := p.text[i]; {
		case c == '"':
			p.str, p.end = p.text[p.start+1:i], i+1
			return nil
		case c == '\\':
			return p.lexEscaped(i)
		case c < 0x20:
			return p.controlCharacter(i)
		}
	}
	return p.unterminated()
}

func (p *jsonParser) unterminated() error {
	p.end = len(p.text)
	return p.fail(sqlerr.InvalidTextRepresentation, `Token "%s" is invalid.`, p.text[p.start:])
}

func (p *jsonParser) controlCharacter(i int) error {
	p.end = i
	return p.fail(sqlerr.InvalidTextRepresentation, "Character with value 0x%02x must be escaped.", p.text[i])
}

// lexEscaped reads the rest of a string from its first escape on.
func (p *jsonParser) lexEscaped(i int) error {
	out := append([]byte(nil), p.text[p.start+1:i]...)
	high := rune(0) // a high surrogate that waits for its low one
	for i < len(p.text) {
		c := p.text[i]
		if c != '\\' || i+1 < len(p.text) && p.text[i+1] != 'u' {
			if high != 0 {
				return p.loneSurrogate(i)
			}
		}
		switch {
		case c == '"':
			p.str, p.end = aliasString(out), i+1
			return nil
		case c < 0x20:
			return p.controlCharacter(i)
		case c != '\\':
			out = append(out, c)
			i++
		case i+1 == len(p.text):
			return p.unterminated()
		case p.text[i+1] == 'u':
			r, err := p.hexEscape(i)
			if err != nil {
				return err
			}
			i += len(`\u0000`)
			if r, high, err = p.joinSurrogates(r, high, i); err != nil {
				return err
			}
			if high == 0 {
				out = utf8.AppendRune(out, r)
			}
		default:
			plain := strings.IndexByte(`"\/bfnrt`, p.text[i+1])
			if plain < 0 {
				return p.invalidEscape(i)
			}
			out = append(out, "\"\\/\b\f\n\r\t"[plain])
			i += 2
		}
	}
	return p.unterminated()
}

func (p *jsonParser) invalidEscape(i int) error {
	_, size := utf8.DecodeRuneInString(p.text[i+1:])
	p.end = i + 1 + size
	return p.fail(sqlerr.InvalidTextRepresentation, `Escape sequence "\%s" is invalid.`, p.text[i+1:p.end])
}

func (p *jsonParser) loneSurrogate(i int) error {
	p.end = i
	return p.fail(sqlerr.InvalidTextRepresentation, "Unicode low surrogate must follow a high surrogate.")
}

// hexEscape returns the number behind \u at i.
func (p *jsonParser) hexEscape(i int) (rune, error) {
	r := rune(0)
	for n := i + 2; n < i+6; n++ {
		if n >= len(p.text) {
			return 0, p.unterminated()
		}
		digit, ok := hexValue(p.text[n])
		if !ok {
			_, size := utf8.DecodeRuneInString(p.text[n:])
			p.end = n + size
			return 0, p.fail(sqlerr.InvalidTextRepresentation, `"\u" must be followed by four hexadecimal digits.`)
		}
		r = r<<4 | rune(digit)
	}
	return r, nil
}

// joinSurrogates combines the halves of a character beyond 16 bits. The second
// result is a high surrogate to wait with; the escape ends at i.
func (p *jsonParser) joinSurrogates(r, high rune, i int) (rune, rune, error) {
	const surrogates, lowSurrogates, surrogatesEnd = 0xd800, 0xdc00, 0xe000
	p.end = i
	switch {
	case p.mode >= jsonOutline:
		return 0, 0, nil
	case r >= surrogates && r < lowSurrogates:
		if high != 0 {
			return 0, 0, p.fail(sqlerr.InvalidTextRepresentation,
				"Unicode high surrogate must not follow a high surrogate.")
		}
		return 0, r, nil
	case r >= lowSurrogates && r < surrogatesEnd:
		if high == 0 {
			return 0, 0, p.loneSurrogate(i)
		}
		return utf16.DecodeRune(high, r), 0, nil
	case high != 0:
		return 0, 0, p.loneSurrogate(i)
	case r == 0:
		return 0, 0, p.fail(sqlerr.UntranslatableCharacter, `\u0000 cannot be converted to text.`)
	default:
		return r, 0, nil
	}
}
