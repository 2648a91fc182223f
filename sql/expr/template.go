package expr

import (
	"strings"
	"unicode/utf8"
)

// A template is the second argument of to_char, to_timestamp and to_date, taken
// apart (https://www.postgresql.org/docs/15/functions-formatting.html).

// templateNode is one field of a template, or one character of its text.
type templateNode struct {
	// field is the pattern in upper case, "" for text.
	field string
	// written is the pattern as it stands in the template, or the character.
	written string
	// digits says that the field is read as a number.
	digits bool
	// separator says that the text is a blank or a punctuation mark, not quoted.
	separator bool
	// fill is the modifier FM: no blanks or zeros to fill.
	fill bool
	// translated is the modifier TM: no blanks to fill. Names stay English.
	translated bool
	// ordinal is 'T' or 't' for the suffix TH or th, 0 for none.
	ordinal byte
}

// templateFields are the patterns of dates and times, longer ones before their
// prefixes. Those in digitFields are read as numbers.
var (
	templateFields = strings.Fields("A.D. A.M. AD AM B.C. BC CC DAY DDD DD DY D FF1 FF2 FF3 FF4 FF5 FF6 FX HH24 HH12 HH " +
		"IDDD ID IW IYYY IYY IY I J MI MM MONTH MON MS OF P.M. PM Q RM SSSSS SSSS SS TZH TZM TZ US WW W Y,YYY YYYY YYY YY Y")
	digitFields = " CC DDD DD D FF1 FF2 FF3 FF4 FF5 FF6 HH24 HH12 HH IDDD ID IW IYYY IYY IY I J MI MM MS Q SSSSS SSSS SS TZM US WW W Y,YYY YYYY YYY YY Y "
)

// parseTemplate takes a date template apart. Patterns are written in capitals or
// in small letters; names of months and days also capitalized.
func parseTemplate(template string) []templateNode {
	var nodes []templateNode
	for i := 0; i < len(template); {
		node := templateNode{}
		switch prefix := template[i:min(i+2, len(template))]; prefix {
		case "FM", "fm":
			node.fill = true
			i += 2
		case "TM", "tm":
			node.translated = true
			i += 2
		}
		if i == len(template) {
			break
		}
		rest := template[i:]
		if field := templateFieldAt(rest); field != "" {
			node.field, node.written = field, rest[:len(field)]
			node.digits = strings.Contains(digitFields, " "+field+" ")
			i += len(field)
			switch suffix := template[i:min(i+2, len(template))]; suffix {
			case "TH", "th":
				node.ordinal = suffix[0]
				i += 2
			case "SP": // spelled numbers do not exist
				i += 2
			}
			nodes = append(nodes, node)
			continue
		}
		if rest[0] == '"' {
			var size int
			nodes, size = appendQuoted(nodes, rest)
			i += size
			continue
		}
		if strings.HasPrefix(rest, `\"`) {
			i++
			rest = rest[1:]
		}
		_, size := utf8.DecodeRuneInString(rest)
		nodes = append(nodes, templateNode{written: rest[:size], separator: isSeparator(rest[0])})
		i += size
	}
	return nodes
}

// appendQuoted appends the characters of text in double quotes, in which \
// quotes the next one, and returns the length of what it has read.
func appendQuoted(nodes []templateNode, s string) ([]templateNode, int) {
	i := 1
	for i < len(s) {
		if s[i] == '"' {
			return nodes, i + 1
		}
		if s[i] == '\\' && i+1 < len(s) {
			i++
		}
		_, size := utf8.DecodeRuneInString(s[i:])
		nodes = append(nodes, templateNode{written: s[i : i+size]})
		i += size
	}
	return nodes, i
}

// templateFieldAt returns the pattern that s begins with, in upper case.
func templateFieldAt(s string) string {
	for _, field := range templateFields {
		if len(s) < len(field) {
			continue
		}
		written := s[:len(field)]
		switch {
		case written == field, written == lowerASCII(field):
			return field
		case written == initialCapitals(field) && (field == "MONTH" || field == "MON" || field == "DAY" || field == "DY"):
			return field
		}
	}
	return ""
}

// isSeparator reports whether c separates fields: a blank or a punctuation mark.
func isSeparator(c byte) bool {
	return isBlank(c) || c > ' ' && c < 0x7f && !isLetterOrDigit(c)
}

// isBlank reports whether c is white space.
func isBlank(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }

// likeCase gives a word the case of a pattern: upper, capitalized or lower.
func likeCase(word, pattern string) string {
	switch {
	case pattern[0] >= 'a' && pattern[0] <= 'z':
		return lowerASCII(word)
	case len(pattern) > 1 && pattern[1] >= 'a' && pattern[1] <= 'z':
		return initialCapitals(word)
	}
	return upperASCII(word)
}

var monthNames = []string{
	"January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December",
}

var dayNames = []string{"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"}

// romanMonths are the months' numbers, from December on: none is a prefix of one
// behind it.
var romanMonths = []string{"XII", "XI", "X", "IX", "VIII", "VII", "VI", "V", "IV", "III", "II", "I"}

// ordinalSuffix returns st, nd, rd or th for a number.
func ordinalSuffix(digits string) string {
	n := len(digits)
	if n == 0 || n > 1 && digits[n-2] == '1' {
		return "th"
	}
	switch digits[n-1] {
	case '1':
		return "st"
	case '2':
		return "nd"
	case '3':
		return "rd"
	}
	return "th"
}
