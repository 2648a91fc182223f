package shell

import (
	"strings"

	"millrace/sql"
)

// interpolate puts the values of variables for :name, :'name' and :"name", and leaves
// what names none as it is.
func (s *Shell) interpolate(text string) string {
	text = trimStart(text)
	if len(s.variables) == 0 || !strings.Contains(text, ":") {
		return text
	}
	var b strings.Builder
	at := 0
	for _, name := range sql.ColonNames(text) {
		value, set := s.variables[name.Name]
		if !set {
			continue
		}
		b.WriteString(text[at:name.Start])
		switch name.Quote {
		case '\'':
			b.WriteString(quoteLiteral(value))
		case '"':
			b.WriteString(quoteName(value))
		default:
			b.WriteString(value)
		}
		at = name.End
	}
	return b.String() + text[at:]
}

// quoteLiteral writes a string as a literal of SQL.
func quoteLiteral(value string) string {
	prefix := ""
	if strings.Contains(value, `\`) {
		prefix, value = " E", strings.ReplaceAll(value, `\`, `\\`)
	}
	return prefix + "'" + strings.ReplaceAll(value, "'", "''") + "'"
}

// quoteName writes a string as a quoted name of SQL.
func quoteName(value string) string { return `"` + strings.ReplaceAll(value, `"`, `""`) + `"` }

// trimStart drops white space and line comments before a statement, so that the lines
// of errors count from its first one.
func trimStart(text string) string {
	for {
		text = strings.TrimLeft(text, " \t\r\n\f")
		if !strings.HasPrefix(text, "--") {
			return text
		}
		_, behind, found := strings.Cut(text, "\n")
		if !found {
			return ""
		}
		text = behind
	}
}
