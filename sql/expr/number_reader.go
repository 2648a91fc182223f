package expr

import (
	"strings"

	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// numberReader reads a number by a template: each pattern takes what of the text
// it may stand for, and nothing where the text has something else.
type numberReader struct {
	template *numberTemplate
	text     string
	at       int

	sign          byte // of the number: blank, + or -
	digits        []byte
	before, after int // digits read on either side of the point
	pointRead     bool
}

// readNumber reads text by a template.
func readNumber(t *numberTemplate, text string) (string, error) {
	switch {
	case t.exponent:
		return "", sqlerr.New(sqlerr.FeatureNotSupported, -1, "\"EEEE\" not supported for input")
	case t.roman:
		return "", sqlerr.New(sqlerr.FeatureNotSupported, -1, "\"RN\" not supported for input")
	}
	r := numberReader{template: t, text: text, sign: ' '}
	for _, n := range t.nodes {
		if r.atEnd() {
			break
		}
		r.node(n)
	}
	number := string(r.sign) + strings.TrimSuffix(string(r.digits), ".")
	typ := types.NumericOf(int32(t.before+t.shifted+r.after), int32(r.after))
	d, err := types.ParseText(types.Numeric, number, types.DefaultFormat())
	if err == nil {
		d, err = types.CoerceToModifier(typ, d, false)
	}
	if err != nil || t.shifted == 0 {
		return d.Str, err
	}
	shift, err := types.NumericPower(types.NumericFromInt64(10), types.NumericFromInt64(int64(-t.shifted)))
	if err != nil {
		return "", err
	}
	return types.NumericMul(d.Str, shift)
}

func (r *numberReader) atEnd() bool { return r.at >= len(r.text) }

func (r *numberReader) next() byte { return r.text[r.at] }

func (r *numberReader) node(n numberNode) {
	switch n.pattern {
	case "":
		r.at += characterOffset(r.text[r.at:], 1)
	case "9", "0", ".", "D":
		r.place(n.pattern == "9" || n.pattern == "0")
		r.at++
	case ",", "G":
		if r.next() == ',' && !r.template.fill {
			r.at++
		}
	case "L":
		r.skip(1)
	case "TH":
		if r.sign != '-' && !r.template.hasPoint {
			r.skip(2)
		}
	case "MI":
		r.readSign("-")
	case "PL":
		r.readSign("+")
	case "SG":
		r.readSign("-+")
	}
}

// readSign reads one of some signs, or a character that means nothing.
func (r *numberReader) readSign(signs string) {
	if strings.IndexByte(signs, r.next()) >= 0 {
		r.sign = r.next()
		r.at++
		return
	}
	r.skip(1)
}

// skip passes over at most n characters that cannot belong to a number.
func (r *numberReader) skip(n int) {
	for ; n > 0 && !r.atEnd() && strings.IndexByte("0123456789.,+-", r.next()) < 0; n-- {
		r.at += characterOffset(r.text[r.at:], 1)
	}
}

// place reads a digit or the point, with the sign in front of the first or behind
// the last. It leaves at on the last character that it has read.
func (r *numberReader) place(digit bool) {
	if r.next() == ' ' {
		r.at++
	}
	if r.atEnd() {
		return
	}
	if r.sign == ' ' && digit && r.before+r.after == 0 {
		r.leadingSign()
	}
	if r.atEnd() {
		return
	}
	read := false
	switch c := r.next(); {
	case c >= '0' && c <= '9':
		if r.pointRead && r.after == r.template.after {
			return
		}
		r.digits = append(r.digits, c)
		if r.pointRead {
			r.after++
		} else {
			r.before++
		}
		read = true
	case c == '.' && r.template.hasPoint && !r.pointRead:
		r.digits = append(r.digits, '.')
		r.pointRead, read = true, true
	}
	if r.sign == ' ' && r.before+r.after > 0 {
		r.trailingSign(read)
	}
}

func (r *numberReader) leadingSign() {
	c := r.next()
	front := r.template.sign == signInFront
	switch {
	case c == '-', c == '<' && r.template.brackets && !front:
		r.sign = '-'
	case c == '+':
		r.sign = '+'
	default:
		return
	}
	r.at++
}

// trailingSign reads a sign behind the last digit: that of S at once, that of MI,
// PL and SG where something else than a digit stands.
func (r *numberReader) trailingSign(read bool) {
	t := r.template
	if t.sign != signNone {
		if next := r.at + 1; read && next < len(r.text) && (r.text[next] == '-' || r.text[next] == '+') {
			r.at, r.sign = next, r.text[next]
		}
		return
	}
	if c := r.next(); !read && (t.plus || t.minus) && (c == '-' || c == '+') {
		r.sign = c
	}
}
