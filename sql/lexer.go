package sql

import (
	"strings"
	"unicode/utf8"

	"millrace/sql/ast"
	"millrace/sql/sqlerr"
)

// maxTextLength is the longest text that is parsed. Positions fit their type
// with room to spare; PostgreSQL cannot receive a longer one either.
const maxTextLength = 1 << 30

// maxNameLength is the longest name in bytes; longer ones are cut to it.
const maxNameLength = 63

// lexer splits a text into tokens by the rules of PostgreSQL 15
// (https://www.postgresql.org/docs/15/sql-syntax-lexical.html). It reads
// every byte once and allocates nothing; values are decoded by the parser.
type lexer struct {
	text string
	// position is where the next token is looked for.
	position int
	run      operatorRun
}

// Character classes of one byte; bytes above 127 are letters.
const (
	letterClass = 1 << iota
	digitClass
	operatorClass
	spaceClass
)

var byteClass = classifyBytes()

func classifyBytes() (class [256]uint8) {
	for c := 'a'; c <= 'z'; c++ {
		class[c] |= letterClass
		class[c-'a'+'A'] |= letterClass
	}
	for c := '0'; c <= '9'; c++ {
		class[c] |= digitClass
	}
	for c := 128; c < 256; c++ {
		class[c] |= letterClass
	}
	class['_'] |= letterClass
	for _, c := range "~!@#^&|`?+-*/%<>=" {
		class[c] |= operatorClass
	}
	for _, c := range " \t\n\r\f" {
		class[c] |= spaceClass
	}
	return class
}

func isDigit(c byte) bool { return c-'0' < 10 }

func lowerByte(c byte) byte {
	if c-'A' < 26 {
		return c + 'a' - 'A'
	}
	return c
}

// isWordByte says whether c may follow in an identifier.
func isWordByte(c byte) bool {
	return byteClass[c]&(letterClass|digitClass) != 0 || c == '$'
}

// checkEncoding refuses a text that is too long or not valid UTF-8.
func checkEncoding(text string) error {
	if len(text) > maxTextLength {
		return sqlerr.New(sqlerr.ProgramLimitExceeded, -1,
			"statement is too long: %d bytes, the limit is %d", len(text), maxTextLength)
	}
	if zero := strings.IndexByte(text, 0); zero >= 0 {
		return sqlerr.New(sqlerr.CharacterNotInRepertoire, zero,
			`invalid byte sequence for encoding "UTF8": 0x00`)
	}
	if utf8.ValidString(text) {
		return nil
	}
	for i, r := range text {
		if r != utf8.RuneError {
			continue
		}
		if _, size := utf8.DecodeRuneInString(text[i:]); size == 1 {
			return sqlerr.New(sqlerr.CharacterNotInRepertoire, i,
				`invalid byte sequence for encoding "UTF8": 0x%02x`, text[i])
		}
	}
	return nil
}

// byteAt returns the byte at a position, 0 at or behind the end. The text
// holds no zero bytes.
func (l *lexer) byteAt(i int) byte {
	if i < len(l.text) {
		return l.text[i]
	}
	return 0
}

// fail ends the parse with an error that quotes the text from start to end.
func (l *lexer) fail(start, end int, message string) {
	bail(sqlerr.New(sqlerr.SyntaxError, start, `%s at or near "%s"`, message, clip(l.text[start:end])))
}

// next returns the next token. Malformed ones end the parse by bail.
func (l *lexer) next() token {
	l.skipSpace()
	start := l.position
	if start == len(l.text) {
		return token{kind: endOfInput, start: ast.Position(start), end: ast.Position(start)}
	}
	c := l.text[start]
	var t token
	switch class := byteClass[c]; {
	case class&letterClass != 0:
		t = l.wordOrPrefixedString(c)
	case class&digitClass != 0:
		t = l.number()
	case c == '\'':
		t = l.quotedString(false)
	case class&operatorClass != 0:
		t = l.operator()
	default:
		t = l.punctuation(c)
	}
	t.start, t.end = ast.Position(start), ast.Position(l.position)
	return t
}

// skipSpace moves past white space and comments.
func (l *lexer) skipSpace() {
	for l.position < len(l.text) {
		c := l.text[l.position]
		switch {
		case byteClass[c]&spaceClass != 0:
			l.position++
		case c == '-' && l.atComment(l.position):
			l.skipLineComment()
		case c == '/' && l.atComment(l.position):
			l.skipBlockComment()
		default:
			return
		}
	}
}

func (l *lexer) skipLineComment() {
	rest := l.text[l.position:]
	if end := strings.IndexAny(rest, "\n\r"); end >= 0 {
		l.position += end
		return
	}
	l.position = len(l.text)
}

// skipBlockComment moves past a comment, and those nested in it.
func (l *lexer) skipBlockComment() {
	start, depth := l.position, 1
	i := start + 2
	for depth > 0 {
		if i+1 >= len(l.text) {
			l.fail(start, len(l.text), "unterminated /* comment")
		}
		switch {
		case l.text[i] == '*' && l.text[i+1] == '/':
			depth--
			i += 2
		case l.text[i] == '/' && l.text[i+1] == '*':
			depth++
			i += 2
		default:
			i++
		}
	}
	l.position = i
}

// wordOrPrefixedString lexes what begins with a letter: an identifier, or a
// string with a letter in front of its quote.
func (l *lexer) wordOrPrefixedString(first byte) token {
	second := l.byteAt(l.position + 1)
	if second == '\'' {
		switch lowerByte(first) {
		case 'e':
			l.position++
			return l.quotedString(true)
		case 'b':
			return l.bitString(bitToken, "unterminated bit string literal")
		case 'x':
			return l.bitString(hexToken, "unterminated hexadecimal string literal")
		case 'n':
			// NCHAR 'x': the prefix has no effect on the string.
			l.position++
			return l.quotedString(false)
		}
	}
	if lowerByte(first) == 'u' && second == '&' {
		switch l.byteAt(l.position + 2) {
		case '\'':
			return l.unicodeString()
		case '"':
			return l.unicodeIdentifier()
		}
	}
	return l.word()
}

// word lexes an unquoted identifier. It is plain unless it must be folded or cut.
func (l *lexer) word() token {
	start, i := l.position, l.position+1
	upper := l.text[start]-'A' < 26
	for i < len(l.text) && isWordByte(l.text[i]) {
		upper = upper || l.text[i]-'A' < 26
		i++
	}
	l.position = i
	return token{
		kind:    word,
		plain:   !upper && i-start <= maxNameLength,
		keyword: lookupKeyword(l.text[start:i]),
	}
}

// punctuation lexes what is neither a word, a number, a string nor an operator.
func (l *lexer) punctuation(c byte) token {
	following := l.byteAt(l.position + 1)
	switch c {
	case '(':
		return l.take(leftParenthesis, 1)
	case ')':
		return l.take(rightParenthesis, 1)
	case '[':
		return l.take(leftBracket, 1)
	case ']':
		return l.take(rightBracket, 1)
	case ',':
		return l.take(comma, 1)
	case ';':
		return l.take(semicolon, 1)
	case '"':
		return l.quotedIdentifier()
	case '$':
		return l.parameterOrDollarString()
	case ':':
		switch following {
		case ':':
			return l.take(typecast, 2)
		case '=':
			return l.take(colonEquals, 2)
		}
		return l.take(colon, 1)
	case '.':
		switch {
		case following == '.':
			return l.take(doubleDot, 2)
		case isDigit(following):
			return l.number()
		}
		return l.take(dot, 1)
	}
	_, size := utf8.DecodeRuneInString(l.text[l.position:])
	l.fail(l.position, l.position+size, "syntax error")
	panic("unreachable")
}

// take moves past length bytes and returns a token of the kind.
func (l *lexer) take(kind tokenKind, length int) token {
	l.position += length
	return token{kind: kind}
}
