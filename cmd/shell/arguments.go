package shell

import (
	"strings"
)

// arguments reads the words of a command up to the end of its line or the next
// backslash, which begins the rest. Single quotes keep space and know \n, \t and the
// like, double quotes keep space and stay, a colon names a variable.
func (s *Shell) arguments(text string) (words []string, rest string) {
	for {
		text = strings.TrimLeft(text, " \t\r\n")
		if text == "" || text[0] == '\\' {
			return words, text
		}
		var word string
		word, text = s.argument(text)
		words = append(words, word)
	}
}

// argument reads the word that a text begins with.
func (s *Shell) argument(text string) (word, rest string) {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		switch c := text[i]; c {
		case ' ', '\t', '\r', '\n', '\\':
			return b.String(), text[i:]
		case '\'':
			value, end := singleQuoted(text[i+1:])
			b.WriteString(value)
			i += end
		case '"':
			end := strings.IndexByte(text[i+1:], '"')
			if end < 0 {
				end = len(text) - i - 2
			}
			b.WriteString(text[i : i+end+2])
			i += end + 1
		case ':':
			value, length := s.variableAt(text[i:])
			b.WriteString(value)
			i += length - 1
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), ""
}

// singleQuoted reads up to the closing quote, and returns the offset of that.
func singleQuoted(text string) (value string, end int) {
	var b strings.Builder
	escapes := map[byte]byte{'n': '\n', 't': '\t', 'r': '\r', 'b': '\b', 'f': '\f'}
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\'' && i+1 < len(text) && text[i+1] == '\'':
			b.WriteByte('\'')
			i++
		case c == '\'':
			return b.String(), i + 1
		case c == '\\' && i+1 < len(text):
			i++
			if escaped, known := escapes[text[i]]; known {
				b.WriteByte(escaped)
			} else {
				b.WriteByte(text[i])
			}
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), len(text)
}

// variableAt replaces the variable that a text begins with, or nothing but its colon.
func (s *Shell) variableAt(text string) (value string, length int) {
	quote := byte(0)
	start := 1
	if len(text) > 1 && (text[1] == '\'' || text[1] == '"') {
		quote, start = text[1], 2
	}
	end := start
	for end < len(text) && (text[end] == '_' || text[end] >= '0' && text[end] <= '9' || text[end]|32 >= 'a' && text[end]|32 <= 'z') {
		end++
	}
	value, set := s.variables[text[start:end]]
	switch {
	case !set || quote != 0 && (end == len(text) || text[end] != quote):
		return ":", 1
	case quote == '\'':
		return quoteLiteral(value), end + 1
	case quote == '"':
		return quoteName(value), end + 1
	}
	return value, end
}
