package expr

import (
	"slices"
	"strings"
)

// A template is the second argument of to_char, to_timestamp and to_date,
// taken apart
// (https://www.postgresql.org/docs/15/functions-formatting.html).

// templateNode is one field of a template, or literal text.
type templateNode struct {
	// field is the pattern in upper case, "" for text.
	field string
	// written is the pattern as it stands in the template, or the text.
	written string
	// fill is the modifier FM: no blanks or zeros to fill.
	fill bool
	// ordinal is the suffix TH or th, as written.
	ordinal string
}

// dateFields are the patterns of dates and times, longer ones before their
// prefixes.
var dateFields = func() []string {
	fields := []string{
		"A.D.", "A.M.", "AD", "AM", "B.C.", "BC", "CC", "DAY", "DDD", "DD", "DY", "D", "FF1", "FF2", "FF3", "FF4", "FF5", "FF6",
		"HH24", "HH12", "HH", "IDDD", "ID", "IW", "IYYY", "IYY", "IY", "I", "J", "MI", "MM", "MONTH", "MON", "MS",
		"OF", "P.M.", "PM", "Q", "RM", "SSSSS", "SSSS", "SS", "TZH", "TZM", "TZ", "US", "WW", "W", "Y,YYY", "YYYY", "YYY", "YY", "Y",
	}
	slices.SortFunc(fields, func(a, b string) int { return len(b) - len(a) })
	return fields
}()

// parseTemplate takes a date template apart.
func parseTemplate(template string) []templateNode {
	var nodes []templateNode
	text := func(s string) {
		if n := len(nodes); n > 0 && nodes[n-1].field == "" {
			nodes[n-1].written += s
			return
		}
		nodes = append(nodes, templateNode{written: s})
	}
	fill := false
	for i := 0; i < len(template); {
		rest := template[i:]
		switch {
		case rest[0] == '"':
			quoted, size := quotedText(rest)
			text(quoted)
			i += size
			continue
		case rest[0] == '\\' && len(rest) > 1 && rest[1] == '"':
			text(`"`)
			i += 2
			continue
		case hasPrefixFold(rest, "FM"):
			fill = true
			i += 2
			continue
		case hasPrefixFold(rest, "FX"), hasPrefixFold(rest, "TM"):
			i += 2
			continue
		}
		field := fieldAt(rest)
		if field == "" {
			size := characterOffset(rest, 1)
			text(rest[:size])
			i += size
			continue
		}
		node := templateNode{field: field, written: rest[:len(field)], fill: fill}
		fill = false
		i += len(field)
		if rest = template[i:]; hasPrefixFold(rest, "TH") {
			node.ordinal = rest[:2]
			i += 2
		}
		nodes = append(nodes, node)
	}
	return nodes
}

// quotedText reads text in double quotes, with \ before a quote or backslash.
func quotedText(s string) (text string, size int) {
	var out strings.Builder
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '"':
			return out.String(), i + 1
		case s[i] == '\\' && i+1 < len(s):
			i++
		}
		out.WriteByte(s[i])
	}
	return out.String(), len(s)
}

func hasPrefixFold(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}

func fieldAt(s string) string {
	for _, field := range dateFields {
		if hasPrefixFold(s, field) {
			return field
		}
	}
	return ""
}

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

var monthNames = [...]string{
	"January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December",
}

var dayNames = [...]string{"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"}

var romanMonths = [...]string{"I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII"}

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
