package expr

import (
	"strings"
	"unicode/utf8"

	"millrace/sql/sqlerr"
)

// similarToRegex translates a SIMILAR TO pattern to a regular expression that
// matches whole strings
// (https://www.postgresql.org/docs/15/functions-matching.html#FUNCTIONS-SIMILARTO-REGEXP).
func similarToRegex(pattern, escape string) (string, error) {
	if err := checkEscape(escape); err != nil {
		return "", err
	}
	return "^(?:" + similarPart(pattern, escape, false) + ")$", nil
}

func checkEscape(escape string) error {
	if characters(escape) > 1 {
		return sqlerr.New(sqlerr.InvalidEscapeSequence, -1, "invalid escape string").
			WithHint("Escape string must be empty or one character.")
	}
	return nil
}

// tooManySeparators is PostgreSQL's invalid_use_of_escape_character.
const tooManySeparators sqlerr.Code = "2200C"

// similarSubstring is substring(string SIMILAR pattern ESCAPE escape): the part
// that matches what stands between two separators, escape and a double quote.
func similarSubstring(c *regexCache, s, pattern, escape string) (string, error) {
	if err := checkEscape(escape); err != nil {
		return "", err
	}
	parts := []string{pattern}
	if escape != "" {
		parts = strings.Split(pattern, escape+`"`)
	}
	if len(parts) > 3 {
		return "", sqlerr.New(tooManySeparators, -1, "SQL regular expression may not contain more than two escape-double-quote separators")
	}
	expression := "^(" + similarPart(pattern, escape, false) + ")$"
	if len(parts) > 1 {
		expression = "^(?:" + similarPart(parts[0], escape, true) + ")(" + similarPart(parts[1], escape, false) + ")"
		if len(parts) > 2 {
			expression += "(?:" + similarPart(parts[2], escape, false) + ")"
		}
		expression += "$"
	}
	re, err := c.compile(expression, regexOptions{})
	if err != nil {
		return "", err
	}
	found := submatch(s, re.FindStringSubmatchIndex(s), 1)
	if !found.Valid {
		return "", errNull
	}
	return found.Str, nil
}

// similarPart translates a part of a pattern; a lazy one matches as little as it
// can.
func similarPart(pattern, escape string, lazy bool) string {
	var out strings.Builder
	inBracket := false
	for i := 0; i < len(pattern); {
		_, size := utf8.DecodeRuneInString(pattern[i:])
		c := pattern[i : i+size]
		i += size
		switch {
		case c == escape && i < len(pattern):
			_, size := utf8.DecodeRuneInString(pattern[i:])
			out.WriteString(`\` + pattern[i:i+size])
			i += size
		case inBracket:
			inBracket = c != "]"
			if c == `\` {
				out.WriteByte('\\')
			}
			out.WriteString(c)
		case c == "[":
			inBracket = true
			out.WriteString(c)
		case c == "%" && lazy:
			out.WriteString(".*?")
		case c == "%":
			out.WriteString(".*")
		case c == "_":
			out.WriteString(".")
		case c == "(":
			out.WriteString("(?:")
		case strings.Contains(`\.^$`, c):
			out.WriteString(`\` + c)
		default:
			out.WriteString(c)
		}
	}
	return out.String()
}
