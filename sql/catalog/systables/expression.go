package systables

import (
	"strconv"
	"strings"

	"millrace/sql/catalog"
	"millrace/sql/expr"
)

// The catalog keeps expressions as their authors wrote them. PostgreSQL shows
// operators in parentheses and literals with their types, and programs read that.

// shownExpression is an expression as PostgreSQL shows it where it is not asked for
// a pretty text.
func shownExpression(text string) string {
	if hasOperator(text) {
		return "(" + text + ")"
	}
	return text
}

// shownDefault is the default of a column.
func shownDefault(env *Environment, c *catalog.Column, pretty bool) string {
	bare := c.Type
	bare.Mod = -1
	switch {
	case strings.HasPrefix(c.Default, "CAST('"):
		if literal, to, ok := strings.Cut(c.Default[len("CAST("):], " AS "); ok && isString(literal) {
			return literal + "::" + strings.TrimSuffix(to, ")")
		}
		return c.Default
	case isString(c.Default):
		return c.Default + "::" + bare.String()
	case isNegative(c.Default):
		return "'" + c.Default + "'::" + bare.String()
	case c.Default == "TRUE" || c.Default == "FALSE":
		return strings.ToLower(c.Default)
	case strings.HasPrefix(c.Default, "nextval("):
		return shownNextValue(env, c)
	case pretty:
		return c.Default
	default:
		return shownExpression(c.Default)
	}
}

// shownNextValue is the default of a column that takes its values from a sequence, which
// is named as the client has to name it.
func shownNextValue(env *Environment, c *catalog.Column) string {
	if len(c.Sequences) != 1 || strings.Count(c.Default, "(") != 1 || !strings.HasSuffix(c.Default, ")") {
		return c.Default
	}
	q := env.Catalog.Sequence(c.Sequences[0])
	if q == nil {
		return c.Default
	}
	name := expr.QuoteIdentifier(q.Name)
	if env.Visible != nil && !env.Visible(q.Schema) {
		name = expr.QuoteIdentifier(q.Schema) + "." + name
	}
	return "nextval('" + strings.ReplaceAll(name, "'", "''") + "'::regclass)"
}

// isString reports whether the text of an expression is a string literal and nothing
// else.
func isString(text string) bool {
	if len(text) < 2 || text[0] != '\'' || text[len(text)-1] != '\'' {
		return false
	}
	return !strings.Contains(strings.ReplaceAll(text[1:len(text)-1], "''", ""), "'")
}

func isNegative(text string) bool {
	digits, negative := strings.CutPrefix(text, "-")
	return negative && digits != "" && strings.Trim(digits, "0123456789.") == ""
}

// hasOperator reports whether the text of an expression is an operation rather than
// a name, a call or CASE: then it has a space outside of parentheses and quotes.
func hasOperator(text string) bool {
	if strings.HasPrefix(text, "CASE ") {
		return false
	}
	depth, quote := 0, byte(0)
	for i := range len(text) {
		switch c := text[i]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '\'' || c == '"':
			quote = c
		case c == '(' || c == '[':
			depth++
		case c == ')' || c == ']':
			depth--
		case c == ' ' && depth == 0:
			return true
		}
	}
	return false
}

func decimal(n int64) string { return strconv.FormatInt(n, 10) }

func yesNo(v bool) string {
	if v {
		return "YES"
	}
	return "NO"
}
