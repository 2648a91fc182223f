package sql

import (
	"strings"

	"millrace/sql/ast"
	"millrace/sql/sqlerr"
)

// ScanStop says where a StatementScanner came to a stop.
type ScanStop uint8

// Stops of a StatementScanner. All but the first two mean that the text ended.
const (
	// StopSemicolon: a statement is complete with its semicolon.
	StopSemicolon ScanStop = iota
	// StopBackslash: a backslash stands outside of quotes and comments.
	StopBackslash
	// StopEmpty: there was nothing but white space and comments.
	StopEmpty
	// StopOpen: a statement has begun.
	StopOpen
	// StopParenthesis: a statement has begun, and a parenthesis is open.
	StopParenthesis
	// StopQuote: a string in single quotes is open.
	StopQuote
	// StopDoubleQuote: a quoted name is open.
	StopDoubleQuote
	// StopDollarQuote: a dollar-quoted string is open.
	StopDollarQuote
	// StopComment: a block comment is open.
	StopComment
)

// StatementScanner finds the end of the first statement of a text that grows, as a
// client needs that takes statements line by line. It knows tokens, not grammar: a
// semicolon outside of quotes, comments and parentheses ends a statement. The zero
// value is ready for a new text.
type StatementScanner struct {
	position int
	depth    int
	begun    bool
}

// Scan goes on where the last call stopped, in a text that begins with the text of that
// call and was cut between tokens, as line ends do. It returns the position behind the
// semicolon, that of the backslash, or the length of the text.
func (s *StatementScanner) Scan(text string) (end int, stop ScanStop) {
	l := lexer{text: text, position: s.position}
	for {
		t, failure := l.tryNext()
		switch start := int(t.start); {
		case failure != nil && strings.HasPrefix(failure.Message, "unterminated"):
			return len(text), openQuote(text[failure.Position:])
		case failure != nil && text[start] == '\\':
			return start, StopBackslash
		case failure != nil:
			l.position = max(l.position, behindBad(text, start))
		case t.kind == endOfInput:
			return len(text), s.atEnd()
		case t.kind == semicolon && s.depth == 0:
			return int(t.end), StopSemicolon
		case t.kind == leftParenthesis:
			s.depth++
		case t.kind == rightParenthesis:
			s.depth = max(0, s.depth-1)
		}
		s.begun = true
		s.position = l.position
	}
}

// tryNext is next, but returns the error of a malformed token, whose start it says.
func (l *lexer) tryNext() (t token, failure *sqlerr.Error) {
	start := l.position
	var err error
	func() {
		defer recoverBailout(&err)
		l.skipSpace()
		start = l.position
		t = l.next()
	}()
	if err != nil {
		return token{start: ast.Position(start)}, sqlerr.From(err)
	}
	return t, nil
}

// behindBad is a position behind the start of what is no token; the server will say so.
func behindBad(text string, start int) int {
	if strings.HasPrefix(text[start:], `""`) {
		return start + 2
	}
	return start + 1
}

func (s *StatementScanner) atEnd() ScanStop {
	switch {
	case s.depth > 0:
		return StopParenthesis
	case s.begun:
		return StopOpen
	}
	return StopEmpty
}

// openQuote tells what the text begins that does not end in it.
func openQuote(text string) ScanStop {
	if len(text) > 2 && lowerByte(text[0]) == 'u' && text[1] == '&' {
		text = text[2:]
	}
	switch text[0] {
	case '/':
		return StopComment
	case '"':
		return StopDoubleQuote
	case '$':
		return StopDollarQuote
	}
	return StopQuote
}

// ColonName is a name with a colon before it, outside of quotes and comments, as psql
// writes its variables: :name, :'name' or :"name".
type ColonName struct {
	Start, End int
	Name       string
	// Quote is the quote around the name, or 0.
	Quote byte
}

// ColonNames finds the colon names of a text in order. An array slice may have one, too.
func ColonNames(text string) []ColonName {
	var names []ColonName
	l := lexer{text: text}
	colonEnd := -1
	for {
		t, failure := l.tryNext()
		start, end := int(t.start), int(t.end)
		switch {
		case failure != nil && strings.HasPrefix(failure.Message, "unterminated"), failure == nil && t.kind == endOfInput:
			return names
		case failure != nil:
			l.position = max(l.position, behindBad(text, start))
		case start != colonEnd:
		case t.kind == word:
			names = append(names, ColonName{Start: start - 1, End: end, Name: text[start:end]})
		case (t.kind == stringToken && text[start] == '\'' || t.kind == quotedWord && text[start] == '"') && t.plain:
			names = append(names, ColonName{Start: start - 1, End: end, Name: text[start+1 : end-1], Quote: text[start]})
		}
		colonEnd = -1
		if failure == nil && t.kind == colon {
			colonEnd = end
		}
	}
}
