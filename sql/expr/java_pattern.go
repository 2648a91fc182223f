package expr

import (
	"strings"

	"millrace/sql/sqlerr"
)

// A pattern of ksqlDB's functions of time is one of Java's DateTimeFormatter
// (https://docs.oracle.com/javase/8/docs/api/java/time/format/DateTimeFormatter.html):
// a letter, repeated as often as its form asks, stands for a field; text stands in
// single quotes, and what stands in brackets may be absent.

// javaNode is one field or text of a pattern.
type javaNode struct {
	letter byte // 0 for text
	count  int
	text   string
	// open and close are the brackets [ and ].
	open, close bool
}

// javaFields are the letters that are supported with how often they may stand.
var javaFields = map[byte]int{
	'G': 4, 'u': 9, 'y': 9, 'D': 3, 'M': 5, 'L': 5, 'd': 2, 'Q': 2, 'q': 2, 'E': 5, 'a': 1,
	'h': 2, 'K': 2, 'k': 2, 'H': 2, 'm': 2, 's': 2, 'S': 9, 'A': 19, 'n': 9, 'N': 19,
	'V': 2, 'z': 3, 'X': 3, 'x': 3, 'Z': 5,
}

// parseJavaPattern takes a pattern apart; 0A000 for letters that are not
// supported, 22023 for what Java refuses.
func parseJavaPattern(pattern string) ([]javaNode, error) {
	var nodes []javaNode
	depth := 0
	for i := 0; i < len(pattern); {
		c := pattern[i]
		switch {
		case c == '\'':
			text, size, ok := javaQuoted(pattern[i:])
			if !ok {
				return nil, sqlerr.New(sqlerr.InvalidParameterValue, -1, "pattern \"%s\" ends with an incomplete string literal", pattern)
			}
			nodes = append(nodes, javaNode{text: text})
			i += size
		case c == '[', c == ']':
			if c == '[' {
				depth++
			} else if depth--; depth < 0 {
				return nil, sqlerr.New(sqlerr.InvalidParameterValue, -1, "pattern \"%s\" has ] without [", pattern)
			}
			nodes = append(nodes, javaNode{open: c == '[', close: c == ']'})
			i++
		case c|0x20 >= 'a' && c|0x20 <= 'z', c == '#', c == '{', c == '}':
			count := 1
			for i+count < len(pattern) && pattern[i+count] == c {
				count++
			}
			if err := checkJavaField(c, count); err != nil {
				return nil, err
			}
			nodes = append(nodes, javaNode{letter: c, count: count})
			i += count
		default:
			size := characterOffset(pattern[i:], 1)
			nodes = append(nodes, javaNode{text: pattern[i : i+size]})
			i += size
		}
	}
	for ; depth > 0; depth-- {
		nodes = append(nodes, javaNode{close: true})
	}
	return nodes, nil
}

func checkJavaField(letter byte, count int) error {
	most, ok := javaFields[letter]
	name := strings.Repeat(string(letter), count)
	if !ok || letter == 'Z' && count == 4 {
		err := sqlerr.New(sqlerr.FeatureNotSupported, -1, "pattern letters \"%s\" are not supported", name)
		switch letter {
		case 'Y', 'w', 'W', 'e', 'c':
			return err.WithHint("The weeks of ISO 8601 are IYYY, IW and ID of to_char.")
		}
		return err.WithHint("Letters that stand for themselves are written in single quotes.")
	}
	if count > most || letter == 'V' && count != 2 {
		return sqlerr.New(sqlerr.InvalidParameterValue, -1, "wrong number of pattern letters: \"%s\"", name)
	}
	return nil
}

// javaQuoted reads text in single quotes, two of which are one quote.
func javaQuoted(s string) (text string, size int, ok bool) {
	if strings.HasPrefix(s, "''") {
		return "'", 2, true
	}
	var out strings.Builder
	for i := 1; i < len(s); i++ {
		if s[i] != '\'' {
			out.WriteByte(s[i])
			continue
		}
		if i+1 == len(s) || s[i+1] != '\'' {
			return out.String(), i + 1, true
		}
		out.WriteByte('\'')
		i++
	}
	return "", 0, false
}

// isNumber reports whether a node is read and printed as a number.
func (n javaNode) isNumber() bool {
	switch n.letter {
	case 'M', 'L':
		return n.count <= 2
	case 'u', 'y', 'D', 'd', 'Q', 'q', 'h', 'K', 'k', 'H', 'm', 's', 'S', 'A', 'n', 'N':
		return true
	}
	return false
}

// fixedWidth returns how many digits a number has, 0 where it may have more than
// the pattern says.
func (n javaNode) fixedWidth() int {
	switch {
	case !n.isNumber():
		return 0
	case n.letter == 'S', n.letter == 'D' && n.count == 3:
		return n.count
	case n.count == 2:
		return 2
	}
	return 0
}

// javaPatternCache keeps the last pattern, for one program.
type javaPatternCache struct {
	pattern string
	parsed  []javaNode
	known   bool
}

func (c *javaPatternCache) nodes(pattern string) ([]javaNode, error) {
	if c.known && c.pattern == pattern {
		return c.parsed, nil
	}
	parsed, err := parseJavaPattern(pattern)
	if err != nil {
		return nil, err
	}
	c.pattern, c.parsed, c.known = pattern, parsed, true
	return parsed, nil
}
