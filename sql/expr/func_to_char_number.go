package expr

import (
	"strconv"
	"strings"

	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// defineNumberTemplates defines to_char and to_number for numbers.
func (b *builder) defineNumberTemplates() {
	const words = "printed by a template"
	numeric := func(v string, _ int) (string, error) { return v, nil }
	integer := func(v int64, _ int) (string, error) { return types.NumericFromInt64(v), nil }
	// A floating point number is rounded from its exact value, ties to even.
	float := func(v float64, after int) (string, error) {
		d, err := types.ParseText(types.Numeric, strconv.FormatFloat(v, 'f', after, 64), types.DefaultFormat())
		return d.Str, err
	}
	b.function("to_char", "int4,text", "text", nil, words, printingNumbers(integer))
	b.function("to_char", "int8,text", "text", nil, words, printingNumbers(integer))
	b.function("to_char", "numeric,text", "text", nil, words, printingNumbers(numeric))
	b.function("to_char", "float4,text", "text", nil, words, printingNumbers(float))
	b.function("to_char", "float8,text", "text", nil, words, printingNumbers(float))
	b.function("to_number", "text,text", "numeric", lift2e(toNumber), "number read by a template")
}

// printingNumbers makes a kernel of to_char, which remembers the last template;
// numeric converts a value that is to be printed with so many digits behind the
// point.
func printingNumbers[T cell](numeric func(v T, after int) (string, error)) option {
	return stateful(func() Kernel {
		var source string
		var template *numberTemplate
		return lift2e(func(v T, text string) (string, error) {
			if template == nil || text != source {
				parsed, err := parseNumberTemplate(text)
				if err != nil {
					return "", err
				}
				source, template = text, parsed
			}
			n, err := numeric(v, template.after)
			if err != nil {
				return "", err
			}
			return template.format(n)
		})
	})
}

// numberTemplate is a template of a number, taken apart
// (https://www.postgresql.org/docs/15/functions-formatting.html#FUNCTIONS-FORMATTING-NUMERIC-TABLE).
type numberTemplate struct {
	tokens []numberToken
	// before and after are the digits on either side of the point.
	before, after int
	// zeroFrom is the digit from which on zeros are printed, before if none.
	zeroFrom int
	// zeroUntil is how many digits behind the point are printed even if zero.
	zeroUntil int
	fill      bool
	sign      signStyle
	hasPoint  bool
}

// numberToken is one element: 9 (for 9 and 0), a point, a comma, a sign, a
// suffix, or text.
type numberToken struct {
	kind byte
	text string
}

// signStyle is where the sign stands.
type signStyle uint8

const (
	signBefore   signStyle = iota // - before the first digit, or a blank
	signAnchored                  // S in front: + or - before the first digit
	signInPlace                   // S behind, MI, SG: where the pattern stands
	signBrackets                  // PR
)

// parseNumberTemplate takes a template apart. Roman numerals, exponents, shifts
// and blanks for zero are not supported.
func parseNumberTemplate(template string) (*numberTemplate, error) {
	t := &numberTemplate{zeroFrom: -1}
	for i := 0; i < len(template); {
		size, err := t.token(template[i:])
		if err != nil {
			return nil, err
		}
		i += size
	}
	if t.zeroFrom < 0 {
		t.zeroFrom = t.before
	}
	return t, nil
}

// token reads one element and returns its length.
func (t *numberTemplate) token(rest string) (int, error) {
	add := func(kind byte, text string) { t.tokens = append(t.tokens, numberToken{kind, text}) }
	for _, word := range []string{"EEEE", "RN", "V", "B"} {
		if hasPrefixFold(rest, word) {
			return 0, sqlerr.New(sqlerr.FeatureNotSupported, -1, "number template pattern \"%s\" is not supported", word)
		}
	}
	switch {
	case rest[0] == '9' || rest[0] == '0':
		t.digit(rest[0] == '0')
		add('9', "")
		return 1, nil
	case rest[0] == '.' || hasPrefixFold(rest, "D"):
		t.hasPoint = true
		add('.', "")
		return 1, nil
	case rest[0] == ',' || hasPrefixFold(rest, "G"):
		add(',', "")
		return 1, nil
	case rest[0] == '"':
		text, size := quotedText(rest)
		add('t', text)
		return size, nil
	case hasPrefixFold(rest, "FM"):
		t.fill = true
		return 2, nil
	case hasPrefixFold(rest, "PR"):
		t.sign = signBrackets
		add('>', "")
		return 2, nil
	case hasPrefixFold(rest, "TH"):
		add('h', rest[:2])
		return 2, nil
	case hasPrefixFold(rest, "MI"), hasPrefixFold(rest, "SG"), hasPrefixFold(rest, "PL"):
		word := upperASCII(rest[:2])
		if word != "PL" {
			t.sign = signInPlace
		}
		add(word[0], word)
		return 2, nil
	case hasPrefixFold(rest, "S"):
		if t.before+t.after == 0 {
			t.sign = signAnchored
		} else {
			t.sign = signInPlace
			add('S', "SG")
		}
		return 1, nil
	case hasPrefixFold(rest, "L"):
		add('t', " ")
		return 1, nil
	}
	size := characterOffset(rest, 1)
	add('t', rest[:size])
	return size, nil
}

// digit counts a digit.
func (t *numberTemplate) digit(zero bool) {
	if t.hasPoint {
		t.after++
		if zero {
			t.zeroUntil = t.after
		}
		return
	}
	if zero && t.zeroFrom < 0 {
		t.zeroFrom = t.before
	}
	t.before++
}

// format prints a number.
func (t *numberTemplate) format(v string) (string, error) {
	if isSpecialNumeric(v) {
		return "", sqlerr.New(sqlerr.FeatureNotSupported, -1, "NaN and infinity cannot be printed by a template")
	}
	rounded, err := types.NumericRound(v, int32(t.after))
	if err != nil {
		return "", err
	}
	text := string(types.AppendText(nil, types.Numeric, types.StringDatum(types.NumericAbs(rounded)), types.DefaultFormat()))
	whole, fraction, _ := strings.Cut(text, ".")
	p := numberPrinter{template: t, negative: types.NumericSign(v) < 0, isZero: types.NumericSign(rounded) == 0, fraction: fraction}
	if p.isZero && t.after == 0 {
		p.negative = p.negative && types.NumericSign(rounded) < 0
	}
	p.digits, p.overflow = t.wholeDigits(whole, p.isZero)
	if p.overflow {
		p.fraction = strings.Repeat("#", t.after)
	}
	return p.print(), nil
}

// wholeDigits returns a character for each digit before the point, a blank
// where none is printed.
func (t *numberTemplate) wholeDigits(whole string, isZero bool) (digits []byte, overflow bool) {
	if whole == "0" && (t.hasPoint && t.after > 0 && !(isZero && t.fill && t.zeroUntil == 0) || t.before == 0) {
		whole = ""
	}
	digits = make([]byte, t.before) // a template without digits before the point fits nothing
	if len(whole) > t.before || t.before == 0 && t.after > 0 {
		for i := range digits {
			digits[i] = '#'
		}
		return digits, true
	}
	for i := range digits {
		at := i - (t.before - len(whole))
		switch {
		case at >= 0:
			digits[i] = whole[at]
		case i >= t.zeroFrom:
			digits[i] = '0'
		default:
			digits[i] = ' '
		}
	}
	return digits, false
}

// numberPrinter prints one number.
type numberPrinter struct {
	template *numberTemplate
	negative bool
	isZero   bool
	overflow bool
	digits   []byte
	fraction string

	out     strings.Builder
	started bool // the first digit, or the point, is printed
	behind  bool // the point is passed
	next    int  // digit that comes next, on its side of the point
}

func (p *numberPrinter) print() string {
	for _, token := range p.template.tokens {
		switch token.kind {
		case '9':
			p.digit()
		case '.':
			p.start()
			p.out.WriteByte('.')
			p.behind, p.next = true, 0
		case ',':
			switch {
			case p.started:
				p.out.WriteByte(',')
			case !p.template.fill:
				p.out.WriteByte(' ')
			}
		case 'h':
			if !p.negative && !p.overflow && !p.template.hasPoint {
				suffix := ordinalSuffix(strings.TrimLeft(string(p.digits), " "))
				if token.text[0] == 'T' {
					suffix = upperASCII(suffix)
				}
				p.out.WriteString(suffix)
			}
		case '>':
			p.blankOr(p.negative, ">")
		case 'M':
			p.blankOr(p.negative, "-")
		case 'S':
			p.out.WriteString(map[bool]string{true: "-", false: "+"}[p.negative])
		case 'P':
			p.blankOr(!p.negative, "+")
		default:
			p.out.WriteString(token.text)
		}
	}
	return p.out.String()
}

// blankOr prints a sign or, where it does not hold, a blank (nothing with FM).
func (p *numberPrinter) blankOr(holds bool, sign string) {
	switch {
	case holds:
		p.out.WriteString(sign)
	case !p.template.fill:
		p.out.WriteByte(' ')
	}
}

// digit prints the next digit.
func (p *numberPrinter) digit() {
	at := p.next
	p.next++
	if p.behind {
		if p.template.fill && !p.overflow && at >= p.template.zeroUntil && strings.Trim(p.fraction[at:], "0") == "" {
			return
		}
		p.out.WriteByte(p.fraction[at])
		return
	}
	c := p.digits[at]
	if c == ' ' && !p.started {
		if !p.template.fill {
			p.out.WriteByte(' ')
		}
		return
	}
	p.start()
	p.out.WriteByte(c)
}

// start prints the sign before the first digit or the point.
func (p *numberPrinter) start() {
	if p.started {
		return
	}
	p.started = true
	switch p.template.sign {
	case signBefore:
		p.blankOr(p.negative, "-")
	case signAnchored:
		p.out.WriteString(map[bool]string{true: "-", false: "+"}[p.negative])
	case signBrackets:
		p.blankOr(p.negative, "<")
	}
}

// toNumber reads a number that may have what a template allows: group
// separators, blanks, a currency sign, a sign on either side or brackets.
func toNumber(text, template string) (string, error) {
	if text == "" || template == "" {
		return "", errNull
	}
	var digits strings.Builder
	negative, hasPoint := false, false
	brackets := strings.Contains(upperASCII(template), "PR")
	for _, c := range text {
		switch {
		case c >= '0' && c <= '9':
			digits.WriteRune(c)
		case c == '.' && !hasPoint && strings.ContainsAny(template, ".dD"):
			hasPoint = true
			digits.WriteRune(c)
		case c == '-' || c == '<' && brackets:
			negative = true
		}
	}
	number := digits.String()
	if negative {
		number = "-" + number
	}
	d, err := types.ParseText(types.Numeric, number, types.DefaultFormat())
	return d.Str, err
}
