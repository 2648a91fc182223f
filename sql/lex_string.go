package sql

import "strings"

// quotedString lexes '…' from its opening quote on; with escapes, a backslash
// takes the character after it. Parts that are apart by white space with a
// newline in it belong together. It is plain if it holds no quote or escape
// and has one part.
func (l *lexer) quotedString(escapes bool) token {
	start := l.position
	plain := true
	for {
		end, clean := l.scanQuoted(l.position+1, escapes)
		if end < 0 {
			l.fail(start, len(l.text), "unterminated quoted string")
		}
		plain = plain && clean
		l.position = end
		next := l.continuedString(end)
		if next < 0 {
			return token{kind: stringToken, plain: plain && !escapes}
		}
		plain = false
		l.position = next
	}
}

// scanQuoted looks for the quote that closes the one before i, and returns
// the position behind it, or -1. It is clean if nothing in it needs decoding.
func (l *lexer) scanQuoted(i int, escapes bool) (end int, clean bool) {
	clean = true
	if !escapes {
		for {
			quote := strings.IndexByte(l.text[i:], '\'')
			if quote < 0 {
				return -1, false
			}
			i += quote + 1
			if l.byteAt(i) != '\'' {
				return i, clean
			}
			clean = false
			i++
		}
	}
	for ; i < len(l.text); i++ {
		switch l.text[i] {
		case '\\':
			i++
			clean = false
		case '\'':
			if l.byteAt(i+1) != '\'' {
				return i + 1, clean
			}
			clean = false
			i++
		}
	}
	return -1, false
}

// continuedString returns the position of the quote that continues a string
// ended at i, or -1: only white space and -- comments with at least one
// newline may be between.
func (l *lexer) continuedString(i int) int {
	newline := false
	for i < len(l.text) {
		switch c := l.text[i]; {
		case c == '\n' || c == '\r':
			newline = true
			i++
		case byteClass[c]&spaceClass != 0:
			i++
		case c == '-' && l.byteAt(i+1) == '-':
			end := strings.IndexAny(l.text[i:], "\n\r")
			if end < 0 {
				return -1
			}
			i += end
		case c == '\'' && newline:
			return i
		default:
			return -1
		}
	}
	return -1
}

// bitString lexes B'…' or X'…'. The parser checks the digits.
func (l *lexer) bitString(kind tokenKind, unterminated string) token {
	start := l.position
	end, _ := l.scanQuoted(start+2, false)
	if end < 0 {
		l.fail(start, len(l.text), unterminated)
	}
	l.position = end
	return token{kind: kind}
}

// unicodeString lexes U&'…' with the UESCAPE that may follow.
func (l *lexer) unicodeString() token {
	l.position += 2
	t := l.quotedString(false)
	t.plain = false
	l.unicodeEscape()
	return t
}

// unicodeIdentifier lexes U&"…" with the UESCAPE that may follow.
func (l *lexer) unicodeIdentifier() token {
	l.position += 2
	t := l.quotedIdentifier()
	t.plain = false
	l.unicodeEscape()
	return t
}

// unicodeEscape takes UESCAPE 'c' where it follows.
func (l *lexer) unicodeEscape() {
	end := l.position
	l.skipSpace()
	const uescape = "uescape"
	following := l.text[l.position:]
	if len(following) < len(uescape) || !strings.EqualFold(following[:len(uescape)], uescape) ||
		len(following) > len(uescape) && isWordByte(following[len(uescape)]) {
		l.position = end
		return
	}
	l.position += len(uescape)
	l.skipSpace()
	start := l.position
	if l.byteAt(start) != '\'' {
		l.next()
		l.fail(start, l.position, "UESCAPE must be followed by a simple string literal")
	}
	l.quotedString(false)
	if body := l.text[start+1 : l.position-1]; len(body) != 1 || strings.ContainsAny(body, "0123456789abcdefABCDEF+'\" \t\n\r\f") {
		l.fail(start, l.position, "invalid Unicode escape character")
	}
}

// quotedIdentifier lexes "…", in which "" stands for one quote.
func (l *lexer) quotedIdentifier() token {
	start := l.position
	plain := true
	i := start + 1
	for {
		quote := strings.IndexByte(l.text[i:], '"')
		if quote < 0 {
			l.fail(start, len(l.text), "unterminated quoted identifier")
		}
		i += quote + 1
		if l.byteAt(i) != '"' {
			break
		}
		plain = false
		i++
	}
	if i == start+2 {
		l.fail(start, i, "zero-length delimited identifier")
	}
	l.position = i
	return token{kind: quotedWord, plain: plain && i-start-2 <= maxNameLength}
}

// dollarString lexes $tag$…$tag$.
func (l *lexer) dollarString() token {
	start := l.position
	tagEnd := start + 1
	for c := l.byteAt(tagEnd); c != '$'; c = l.byteAt(tagEnd) {
		if byteClass[c]&letterClass == 0 && (tagEnd == start+1 || !isDigit(c)) {
			l.fail(start, start+1, "syntax error")
		}
		tagEnd++
	}
	delimiter := l.text[start : tagEnd+1]
	length := strings.Index(l.text[tagEnd+1:], delimiter)
	if length < 0 {
		l.fail(start, len(l.text), "unterminated dollar-quoted string")
	}
	l.position = tagEnd + 1 + length + len(delimiter)
	return token{kind: stringToken, plain: false}
}
