package expr

import (
	"math"
	"strconv"
	"strings"

	"millrace/sql/types"
)

// defineNumberTemplates defines to_char and to_number for numbers.
func (b *builder) defineNumberTemplates() {
	const words = "printed by a template"
	b.function("to_char", "int4,text", "text", nil, words, stable, printingNumbers(integerText(math.MinInt32, math.MaxInt32)))
	b.function("to_char", "int8,text", "text", nil, words, stable, printingNumbers(integerText(math.MinInt64, math.MaxInt64)))
	b.function("to_char", "numeric,text", "text", nil, words, stable, printingNumbers(numericText))
	b.function("to_char", "float4,text", "text", nil, words, stable, printingNumbers(floatText(6)))
	b.function("to_char", "float8,text", "text", nil, words, stable, printingNumbers(floatText(15)))
	b.function("to_number", "text,text", "numeric", nil, "number read by a template", stable, stateful(func() Kernel {
		var cache numberTemplateCache
		return lift2e(func(text, template string) (string, error) {
			if template == "" {
				return "", errNull
			}
			t, err := cache.parse(template)
			if err != nil {
				return "", err
			}
			return readNumber(t, text)
		})
	}))
}

// numberTemplateCache keeps the last template, for one program.
type numberTemplateCache struct {
	source string
	parsed *numberTemplate
}

func (c *numberTemplateCache) parse(template string) (*numberTemplate, error) {
	if c.parsed == nil || c.source != template {
		parsed, err := parseNumberTemplate(template)
		if err != nil {
			return nil, err
		}
		c.source, c.parsed = template, parsed
	}
	return c.parsed, nil
}

// numberText is a number as a template's digits are filled from: a sign and
// decimal digits with a point, or NaN or Infinity; after is how many digits the
// template prints behind the point.
type numberText struct {
	negative bool
	text     string
	after    int
}

// textMaker turns a value into text by what a template asks for: Roman numerals,
// an exponent, or a shift and digits behind the point.
type textMaker[T cell] func(v T, t *numberTemplate) (numberText, error)

// printingNumbers makes a kernel of to_char.
func printingNumbers[T cell](makeText textMaker[T]) option {
	return stateful(func() Kernel {
		var cache numberTemplateCache
		return lift2e(func(v T, template string) (string, error) {
			if template == "" {
				return "", nil
			}
			t, err := cache.parse(template)
			if err != nil {
				return "", err
			}
			n, err := makeText(v, t)
			if err != nil || t.exponent {
				return n.text, err
			}
			return printNumber(t, n)
		})
	})
}

// signedText takes the sign off a number.
func signedText(text string, after int) numberText {
	rest, negative := strings.CutPrefix(text, "-")
	return numberText{negative, rest, after}
}

// integerText makes the text of integers of a type with the given range.
func integerText(lowest, highest int64) textMaker[int64] {
	return func(v int64, t *numberTemplate) (numberText, error) {
		switch {
		case t.roman:
			_, err := checkInteger(v, types.KindInt4)
			return numberText{text: romanNumber(float64(v))}, err
		case t.exponent && highest == math.MaxInt32:
			return numberText{text: exponentText(float64(v), t)}, nil
		case t.exponent:
			return numericText(types.NumericFromInt64(v), t)
		}
		if t.shifted > 0 {
			var err error
			if v, err = shiftedInteger(v, t.shifted, lowest, highest); err != nil {
				return numberText{}, err
			}
		}
		n := signedText(strconv.FormatInt(v, 10), t.after)
		if t.after > 0 {
			n.text += "." + strings.Repeat("0", t.after)
		}
		return n, nil
	}
}

// shiftedInteger multiplies by a power of ten; 22003 out of the type's range. A
// result of 32 bits wraps around.
func shiftedInteger(v int64, digits int, lowest, highest int64) (int64, error) {
	if highest == math.MaxInt32 {
		power := math.Pow10(digits)
		if power > math.MaxInt32 {
			power = math.MinInt32
		}
		return int64(int32(v) * int32(power)), nil
	}
	for range digits {
		if v > highest/10 || v < lowest/10 {
			return 0, errBigintRange
		}
		v *= 10
	}
	return v, nil
}

func numericText(v string, t *numberTemplate) (numberText, error) {
	switch {
	case t.roman:
		n, err := numericToInteger(v, types.Int4)
		return numberText{text: romanNumber(float64(n))}, err
	case t.exponent:
		return numberText{text: numericExponentText(v, t)}, nil
	}
	if t.shifted > 0 {
		shift, err := types.NumericPower(types.NumericFromInt64(10), types.NumericFromInt64(int64(t.shifted)))
		if err == nil {
			v, err = types.NumericMul(v, shift)
		}
		if err != nil {
			return numberText{}, err
		}
	}
	rounded, err := types.NumericRound(v, int32(t.after))
	return signedText(string(types.AppendNumericText(nil, rounded)), t.after), err
}

// floatText makes the text of floating point numbers, of which so many digits
// count.
func floatText(precision int) textMaker[float64] {
	return func(v float64, t *numberTemplate) (numberText, error) {
		switch {
		case t.roman:
			return numberText{text: romanNumber(math.RoundToEven(v))}, nil
		case t.exponent:
			return numberText{text: exponentText(v, t)}, nil
		}
		if t.shifted > 0 {
			v *= math.Pow10(t.shifted)
			if precision == 6 {
				v = float64(float32(v))
			}
		}
		whole := len(cFloat(math.Abs(v), 0))
		after := t.after
		switch {
		case whole >= precision:
			after = 0
		case whole+after > precision:
			after = precision - whole
		}
		return signedText(cFloat(v, after), after), nil
	}
}

// cFloat prints a number as C's %.*f.
func cFloat(v float64, after int) string {
	switch {
	case math.IsNaN(v):
		return "NaN"
	case math.IsInf(v, 1):
		return "Infinity"
	case math.IsInf(v, -1):
		return "-Infinity"
	}
	return strconv.FormatFloat(v, 'f', after, 64)
}

// exponentText prints a number with an exponent, behind a blank or a sign; what is
// not finite as number signs.
func exponentText(v float64, t *numberTemplate) string {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return overflowWithExponent(t)
	}
	text := strconv.FormatFloat(v, 'e', t.after, 64)
	if text[0] == '-' {
		return text
	}
	return " " + text
}

func overflowWithExponent(t *numberTemplate) string {
	text := []byte(strings.Repeat("#", t.before+t.after+6))
	text[0] = ' '
	text[t.before+1] = '.'
	return string(text)
}

// numericExponentText is exponentText for numerics, which are exact: the exponent
// has at least two digits.
func numericExponentText(v string, t *numberTemplate) string {
	if isSpecialNumeric(v) {
		return overflowWithExponent(t)
	}
	n := signedText(string(types.AppendNumericText(nil, v)), t.after)
	sign := " "
	if n.negative {
		sign = "-"
	}
	whole, fraction, _ := strings.Cut(n.text, ".")
	digits := strings.TrimLeft(whole+fraction, "0")
	exponent := len(whole) - 1 - (len(whole+fraction) - len(digits))
	if digits == "" {
		digits, exponent = "0", 0
	}
	// The exponent is that of the number before it is rounded: 9.99 is 10e+00.
	digits = roundDigits(digits, t.after+1)
	point := len(digits) - t.after
	text := sign + digits[:point]
	if t.after > 0 {
		text += "." + digits[point:]
	}
	exponentSign := "+"
	if exponent < 0 {
		exponentSign, exponent = "-", -exponent
	}
	if exponent < 10 {
		exponentSign += "0"
	}
	return text + "e" + exponentSign + strconv.Itoa(exponent)
}

// roundDigits rounds digits to n of them, or one more where it carries, halves up.
func roundDigits(digits string, n int) string {
	if len(digits) <= n {
		return digits + strings.Repeat("0", n-len(digits))
	}
	out := []byte(digits[:n])
	if digits[n] < '5' {
		return string(out)
	}
	for i := n - 1; i >= 0; i-- {
		if out[i] < '9' {
			out[i]++
			return string(out)
		}
		out[i] = '0'
	}
	return "1" + string(out)
}

// romanNumber returns a number from 1 to 3999 in Roman numerals, number signs for
// others.
func romanNumber(v float64) string {
	if !(v >= 1 && v <= 3999) {
		return strings.Repeat("#", 15)
	}
	n := int(v)
	var out strings.Builder
	for _, step := range [...]struct {
		value   int
		numeral string
	}{
		{1000, "M"}, {900, "CM"}, {500, "D"}, {400, "CD"}, {100, "C"}, {90, "XC"}, {50, "L"}, {40, "XL"}, {10, "X"}, {9, "IX"}, {5, "V"}, {4, "IV"}, {1, "I"},
	} {
		for n >= step.value {
			out.WriteString(step.numeral)
			n -= step.value
		}
	}
	return out.String()
}
