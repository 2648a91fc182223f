package expr

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"millrace/sql/sqlerr"
)

// regexOptions are the options of a regular expression, from a flags argument
// or from (?...) at its start
// (https://www.postgresql.org/docs/15/functions-matching.html#POSIX-EMBEDDED-OPTIONS-TABLE).
type regexOptions struct {
	ignoreCase bool
	global     bool
	literal    bool
	expanded   bool
	// dotStops and lineAnchors are the halves of newline-sensitive matching.
	dotStops    bool
	lineAnchors bool
}

// parseFlags reads a flags argument.
func (o *regexOptions) parseFlags(flags string) error {
	for _, c := range flags {
		if c == 'g' {
			o.global = true
			continue
		}
		if !o.set(c) {
			return sqlerr.New(sqlerr.InvalidParameterValue, -1, "invalid regular expression option: \"%c\"", c)
		}
	}
	return nil
}

// set sets one option and reports whether there is such a one.
func (o *regexOptions) set(c rune) bool {
	switch c {
	case 'i':
		o.ignoreCase = true
	case 'c':
		o.ignoreCase = false
	case 'n', 'm':
		o.dotStops, o.lineAnchors = true, true
	case 'p':
		o.dotStops, o.lineAnchors = true, false
	case 'w':
		o.dotStops, o.lineAnchors = false, true
	case 's':
		o.dotStops, o.lineAnchors = false, false
	case 'x':
		o.expanded = true
	case 't':
		o.expanded = false
	case 'q':
		o.literal = true
	case 'e', 'b':
	default:
		return false
	}
	return true
}

// compileRegex compiles a PostgreSQL advanced regular expression by translating
// it to Go's syntax. Matches are the leftmost and longest, unless the expression
// has a quantifier that is not greedy. What a regular expression without
// backtracking cannot do is refused: back references and look-around (0A000).
func compileRegex(pattern string, o regexOptions) (*regexp.Regexp, error) {
	pattern, err := o.embedded(pattern)
	if err != nil {
		return nil, err
	}
	t := translator{source: pattern, options: o}
	translated := regexp.QuoteMeta(pattern)
	if !o.literal {
		if translated, err = t.translate(); err != nil {
			return nil, err
		}
	}
	prefix := "(?s)"
	if o.dotStops {
		prefix = ""
	}
	if o.lineAnchors {
		prefix += "(?m)"
	}
	if o.ignoreCase {
		prefix += "(?i)"
	}
	re, err := regexp.Compile(prefix + translated)
	if err != nil {
		return nil, errRegex(err)
	}
	if !t.lazy {
		re.Longest()
	}
	return re, nil
}

func errRegex(reason any) error {
	text := fmt.Sprint(reason)
	text = strings.TrimPrefix(text, "error parsing regexp: ")
	return sqlerr.New(sqlerr.InvalidRegularExpression, -1, "invalid regular expression: %s", text)
}

// embedded takes the director (***: or ***=) and the options at the start of a
// pattern off.
func (o *regexOptions) embedded(pattern string) (string, error) {
	if rest, ok := strings.CutPrefix(pattern, "***="); ok {
		o.literal = true
		return rest, nil
	}
	pattern = strings.TrimPrefix(pattern, "***:")
	if !strings.HasPrefix(pattern, "(?") || len(pattern) < 3 || !isLetterOrDigit(pattern[2]) {
		return pattern, nil
	}
	options, rest, ok := strings.Cut(pattern[2:], ")")
	if !ok {
		return "", errRegex("invalid embedded option")
	}
	for _, c := range options {
		if !o.set(c) {
			return "", errRegex("invalid embedded option")
		}
	}
	return rest, nil
}

// translator rewrites one expression.
type translator struct {
	source  string
	options regexOptions
	at      int
	lazy    bool
	out     strings.Builder
}

func (t *translator) translate() (string, error) {
	for t.at < len(t.source) {
		c := t.source[t.at]
		var err error
		switch {
		case c == '\\':
			err = t.escape(false)
		case c == '[':
			err = t.bracket()
		case c == '(':
			err = t.group()
		case c == '?' && t.at > 0 && strings.IndexByte("*+?}", t.source[t.at-1]) >= 0:
			t.lazy = true
			t.copy(1)
		case t.options.expanded && strings.IndexByte(" \t\n\r\v\f", c) >= 0:
			t.at++
		case t.options.expanded && c == '#':
			for t.at < len(t.source) && t.source[t.at] != '\n' {
				t.at++
			}
		default:
			_, size := utf8.DecodeRuneInString(t.source[t.at:])
			t.copy(size)
		}
		if err != nil {
			return "", err
		}
	}
	return t.out.String(), nil
}

func (t *translator) copy(n int) {
	t.out.WriteString(t.source[t.at : t.at+n])
	t.at += n
}

// group copies an opening parenthesis with what follows a question mark.
func (t *translator) group() error {
	rest := t.source[t.at:]
	switch {
	case strings.HasPrefix(rest, "(?:"):
		t.copy(3)
	case strings.HasPrefix(rest, "(?#"):
		end := strings.IndexByte(rest, ')')
		if end < 0 {
			return errRegex("parentheses () not balanced")
		}
		t.at += end + 1
	case strings.HasPrefix(rest, "(?="), strings.HasPrefix(rest, "(?!"), strings.HasPrefix(rest, "(?<"):
		return sqlerr.New(sqlerr.FeatureNotSupported, -1, "look-around in regular expressions is not supported")
	case strings.HasPrefix(rest, "(?"):
		return errRegex("quantifier operand invalid")
	default:
		t.copy(1)
	}
	return nil
}

// escapes maps the letter of an escape to Go's syntax, outside brackets.
var escapes = map[byte]string{
	'a': `\x07`, 'b': `\x08`, 'B': `\\`, 'e': `\x1b`, 'f': `\f`, 'n': `\n`, 'r': `\r`, 't': `\t`, 'v': `\v`, '0': `\x00`,
	'd': `\d`, 's': `\s`, 'w': `\w`, 'D': `\D`, 'S': `\S`, 'W': `\W`,
	'A': `\A`, 'Z': `\z`, 'm': `\b`, 'M': `\b`, 'y': `\b`, 'Y': `\B`,
}

// escape translates a backslash and what follows it.
func (t *translator) escape(inBracket bool) error {
	if t.at+1 >= len(t.source) {
		return errRegex("invalid escape \\ sequence")
	}
	c := t.source[t.at+1]
	switch {
	case !isLetterOrDigit(c):
		t.at++
		_, size := utf8.DecodeRuneInString(t.source[t.at:])
		t.out.WriteString(regexp.QuoteMeta(t.source[t.at : t.at+size]))
		t.at += size
		return nil
	case c >= '1' && c <= '9':
		return sqlerr.New(sqlerr.FeatureNotSupported, -1, "back references in regular expressions are not supported")
	case c == 'u' || c == 'U' || c == 'x':
		return t.numericEscape(c)
	case inBracket && strings.IndexByte("AZmMyYB", c) >= 0:
		return errRegex("invalid escape \\ sequence")
	}
	translated, ok := escapes[c]
	if !ok {
		return errRegex("invalid escape \\ sequence")
	}
	t.out.WriteString(translated)
	t.at += 2
	return nil
}

// numericEscape translates \uXXXX, \UXXXXXXXX and \xHHH.
func (t *translator) numericEscape(c byte) error {
	digits := map[byte]int{'u': 4, 'U': 8, 'x': 255}[c]
	start := t.at + 2
	end := start
	for end < len(t.source) && end-start < digits && strings.IndexByte("0123456789abcdefABCDEF", t.source[end]) >= 0 {
		end++
	}
	if end == start || c != 'x' && end-start != digits {
		return errRegex("invalid escape \\ sequence")
	}
	fmt.Fprintf(&t.out, `\x{%s}`, strings.TrimLeft(t.source[start:end-1], "0")+t.source[end-1:end])
	t.at = end
	return nil
}

// bracket translates a bracket expression; [[:<:]] and [[:>:]] are word
// boundaries.
func (t *translator) bracket() error {
	rest := t.source[t.at:]
	if strings.HasPrefix(rest, "[[:<:]]") || strings.HasPrefix(rest, "[[:>:]]") {
		t.out.WriteString(`\b`)
		t.at += 7
		return nil
	}
	t.copy(1)
	if t.at < len(t.source) && t.source[t.at] == '^' {
		t.copy(1)
	}
	for first := true; t.at < len(t.source); first = false {
		c := t.source[t.at]
		switch {
		case c == ']' && first:
			t.out.WriteString(`\]`)
			t.at++
		case c == ']':
			t.copy(1)
			return nil
		case c == '\\':
			if err := t.bracketEscape(); err != nil {
				return err
			}
		case c == '[':
			if err := t.bracketClass(); err != nil {
				return err
			}
		default:
			_, size := utf8.DecodeRuneInString(t.source[t.at:])
			t.copy(size)
		}
	}
	return errRegex("brackets [] not balanced")
}

// bracketEscape translates an escape in brackets, where any punctuation may be
// escaped.
func (t *translator) bracketEscape() error {
	if t.at+1 < len(t.source) && !isLetterOrDigit(t.source[t.at+1]) && t.source[t.at+1] < utf8.RuneSelf {
		t.copy(2)
		return nil
	}
	return t.escape(true)
}

// bracketClass copies [:class:], takes [.x.] and [=x=] as the character, and
// quotes a bracket that stands for itself.
func (t *translator) bracketClass() error {
	rest := t.source[t.at:]
	for _, mark := range []string{":", ".", "="} {
		if !strings.HasPrefix(rest, "["+mark) {
			continue
		}
		body, _, ok := strings.Cut(rest[2:], mark+"]")
		if !ok {
			return errRegex("brackets [] not balanced")
		}
		if mark == ":" {
			t.copy(len(body) + 4)
			return nil
		}
		t.out.WriteString(regexp.QuoteMeta(body))
		t.at += len(body) + 4
		return nil
	}
	t.out.WriteString(`\[`)
	t.at++
	return nil
}

// regexCache keeps the last compiled expression, for one program.
type regexCache struct {
	pattern string
	options regexOptions
	re      *regexp.Regexp
}

// compile returns the compiled expression.
func (c *regexCache) compile(pattern string, o regexOptions) (*regexp.Regexp, error) {
	if c.re != nil && c.pattern == pattern && c.options == o {
		return c.re, nil
	}
	re, err := compileRegex(pattern, o)
	if err != nil {
		return nil, err
	}
	c.pattern, c.options, c.re = pattern, o, re
	return re, nil
}
