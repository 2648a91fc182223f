package expr

import (
	"strings"
	"unicode/utf8"

	"millrace/sql/sqlerr"
)

// numberTemplate is a template of a number, taken apart
// (https://www.postgresql.org/docs/15/functions-formatting.html#FUNCTIONS-FORMATTING-NUMERIC-TABLE).
type numberTemplate struct {
	nodes []numberNode
	// before and after are the digits on either side of the point, shifted those
	// behind V.
	before, after, shifted int
	// zeroFrom is the digit from which on zeros are printed, -1 where no pattern
	// is 0; zeroUntil is the digit behind the last 0.
	zeroFrom, zeroUntil int
	// sign is where S stands, and signAt how many digits were in front of it.
	sign   signPlace
	signAt int

	hasPoint, hasShift, fill, brackets, minus, plus, roman, exponent bool
}

// numberNode is one pattern, in upper case, or one character of the text where
// pattern is "".
type numberNode struct {
	pattern, text string
	lower         bool
}

// signPlace is where the pattern S anchors the sign.
type signPlace uint8

const (
	signNone signPlace = iota
	signInFront
	signBehind
)

// numberPatterns are the patterns of numbers, longer ones before their prefixes.
var numberPatterns = []string{",", ".", "0", "9", "B", "C", "D", "EEEE", "FM", "G", "L", "MI", "PL", "PR", "RN", "SG", "SP", "S", "TH", "V"}

// parseNumberTemplate takes a template apart; 42601 for patterns that exclude
// each other.
func parseNumberTemplate(template string) (*numberTemplate, error) {
	t := &numberTemplate{zeroFrom: -1}
	for i := 0; i < len(template); {
		rest := template[i:]
		if n, ok := numberNodeAt(rest); ok {
			if err := t.add(n); err != nil {
				return nil, err
			}
			t.nodes = append(t.nodes, n)
			i += len(n.pattern)
			continue
		}
		if rest[0] == '"' {
			quoted, size := appendQuoted(nil, rest)
			for _, n := range quoted {
				t.nodes = append(t.nodes, numberNode{text: n.written})
			}
			i += size
			continue
		}
		if strings.HasPrefix(rest, `\"`) {
			i++
			rest = rest[1:]
		}
		_, size := utf8.DecodeRuneInString(rest)
		t.nodes = append(t.nodes, numberNode{text: rest[:size]})
		i += size
	}
	return t, nil
}

// numberNodeAt returns the pattern that s begins with.
func numberNodeAt(s string) (numberNode, bool) {
	for _, pattern := range numberPatterns {
		if len(s) < len(pattern) {
			continue
		}
		switch written := s[:len(pattern)]; written {
		case pattern:
			return numberNode{pattern: pattern}, true
		case lowerASCII(pattern):
			return numberNode{pattern: pattern, lower: true}, true
		}
	}
	return numberNode{}, false
}

func errNumberTemplate(format string, args ...any) error {
	return sqlerr.New(sqlerr.SyntaxError, -1, format, args...)
}

// add notes what a pattern asks for.
func (t *numberTemplate) add(n numberNode) error {
	if t.exponent && n.pattern != "EEEE" {
		return errNumberTemplate("\"EEEE\" must be the last pattern used")
	}
	switch n.pattern {
	case "9", "0":
		return t.addDigit(n.pattern == "0")
	case ".", "D":
		switch {
		case t.hasPoint:
			return errNumberTemplate("multiple decimal points")
		case t.hasShift:
			return errNumberTemplate("cannot use \"V\" and decimal point together")
		}
		t.hasPoint = true
	case "V":
		if t.hasPoint {
			return errNumberTemplate("cannot use \"V\" and decimal point together")
		}
		t.hasShift = true
	case "FM":
		t.fill = true
	case "RN":
		t.roman = true
	case "EEEE":
		if t.exponent {
			return errNumberTemplate("cannot use \"EEEE\" twice")
		}
		if t.fill || t.sign != signNone || t.brackets || t.minus || t.plus || t.roman || t.hasShift || t.hasBlank() {
			return sqlerr.From(errNumberTemplate("\"EEEE\" is incompatible with other formats")).
				WithDetail("\"EEEE\" may only be used together with digit and decimal point patterns.")
		}
		t.exponent = true
	default:
		return t.addSign(n.pattern)
	}
	return nil
}

// hasBlank reports whether there is a B in front of all digits.
func (t *numberTemplate) hasBlank() bool {
	for _, n := range t.nodes {
		switch n.pattern {
		case "B":
			return true
		case "9", "0":
			return false
		}
	}
	return false
}

func (t *numberTemplate) addDigit(zero bool) error {
	if t.brackets {
		pattern := "9"
		if zero {
			pattern = "0"
		}
		return errNumberTemplate("\"%s\" must be ahead of \"PR\"", pattern)
	}
	if !zero && t.hasShift {
		t.shifted++
		return nil
	}
	if zero && t.zeroFrom < 0 && !t.hasPoint {
		t.zeroFrom = t.before
	}
	if t.hasPoint {
		t.after++
	} else {
		t.before++
	}
	if zero {
		t.zeroUntil = t.before + t.after
	}
	return nil
}

func (t *numberTemplate) addSign(pattern string) error {
	switch pattern {
	case "S":
		if t.sign != signNone {
			return errNumberTemplate("cannot use \"S\" twice")
		}
		if t.plus || t.minus || t.brackets {
			return errNumberTemplate("cannot use \"S\" and \"PL\"/\"MI\"/\"SG\"/\"PR\" together")
		}
		t.sign, t.signAt = signBehind, t.before
		if !t.hasPoint {
			t.sign = signInFront
		}
	case "MI", "PL", "SG":
		if t.sign != signNone {
			return errNumberTemplate("cannot use \"S\" and \"%s\" together", pattern)
		}
		t.minus = t.minus || pattern != "PL"
		t.plus = t.plus || pattern != "MI"
	case "PR":
		if t.sign != signNone || t.plus || t.minus {
			return errNumberTemplate("cannot use \"PR\" and \"S\"/\"PL\"/\"MI\"/\"SG\" together")
		}
		t.brackets = true
	}
	return nil
}
