package expr

import (
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// defineText defines https://www.postgresql.org/docs/15/functions-string.html
// but for patterns and encodings, which have files of their own.
func (b *builder) defineText() {
	b.operator("||", "text,text", "text", concatTexts, "concatenation")
	b.operator("||", "text,anynonarray", "text", liftRows(concatRow), "concatenation", stable)
	b.operator("||", "anynonarray,text", "text", liftRows(concatRow), "concatenation", stable)
	b.operator("||", "bytea,bytea", "bytea", concatTexts, "concatenation")
	b.operator("^@", "text,text", "bool", lift2(startsWith), "whether the string starts with the prefix")
	b.function("starts_with", "text,text", "bool", lift2(startsWith), "whether the string starts with the prefix")

	for _, name := range []string{"length", "char_length", "character_length"} {
		b.function(name, "text", "int4", lift1(characters), "number of characters")
		b.function(name, "bpchar", "int4", lift1(func(s string) int64 { return characters(trimBlanks(s)) }), "number of characters without trailing blanks")
	}
	b.function("length", "bytea", "int4", lift1(byteLength), "number of bytes")
	for _, arg := range []string{"text", "bytea", "bpchar"} {
		b.function("octet_length", arg, "int4", lift1(byteLength), "number of bytes")
		if arg != "bpchar" {
			b.function("bit_length", arg, "int4", lift1(func(s string) int64 { return 8 * int64(len(s)) }), "number of bits")
		}
	}
	b.function("upper", "text", "text", lift1(upperASCII), "upper case (of ASCII letters)")
	b.function("lower", "text", "text", lift1(lowerASCII), "lower case (of ASCII letters)")
	b.function("initcap", "text", "text", lift1(initialCapitals), "first letter of each word upper case, the rest lower case")
	b.function("reverse", "text", "text", lift1(reverse), "characters in reverse order")
	b.function("repeat", "text,int4", "text", lift2e(repeat), "the string repeated")
	b.defineTextParts()
	b.defineTrim()
	b.defineQuoting()
}

func (b *builder) defineTextParts() {
	for _, name := range []string{"substring", "substr"} {
		b.function(name, "text,int4", "text", lift2(func(s string, from int64) string {
			return s[characterOffset(s, int(from)-1):]
		}), "the string from a character on")
		b.function(name, "text,int4,int4", "text", lift3e(substring), "so many characters from a character on")
		b.function(name, "bytea,int4", "bytea", lift2(func(s string, from int64) string {
			return s[min(max(from-1, 0), int64(len(s))):]
		}), "the string from a byte on")
		b.function(name, "bytea,int4,int4", "bytea", lift3e(substringBytes), "so many bytes from a byte on")
	}
	b.function("left", "text,int4", "text", lift2(left), "first characters; a negative number leaves out the last ones")
	b.function("right", "text,int4", "text", lift2(right), "last characters; a negative number leaves out the first ones")
	b.function("strpos", "text,text", "int4", lift2(position), "where a string first occurs, 0 if nowhere")
	b.function("position", "text,text", "int4", lift2(position), "where the second string first occurs in the first, 0 if nowhere")
	b.function("position", "bytea,bytea", "int4", lift2(func(s, part string) int64 { return int64(strings.Index(s, part)) + 1 }),
		"where the second string first occurs in the first, 0 if nowhere")
	b.function("replace", "text,text,text", "text", lift3e(replace), "all occurrences of a string replaced by another")
	b.function("translate", "text,text,text", "text", lift3e(translate), "each character of a set replaced by the one at its place in another")
	b.function("split_part", "text,text,int4", "text", lift3e(splitPart), "the n-th part between delimiters, from the end if n is negative")
	b.function("lpad", "text,int4", "text", lift2e(func(s string, n int64) (string, error) { return pad(s, n, " ", true) }), "padded on the left, or cut, to a length")
	b.function("lpad", "text,int4,text", "text", lift3e(func(s string, n int64, fill string) (string, error) { return pad(s, n, fill, true) }), "padded on the left, or cut, to a length")
	b.function("rpad", "text,int4", "text", lift2e(func(s string, n int64) (string, error) { return pad(s, n, " ", false) }), "padded on the right, or cut, to a length")
	b.function("rpad", "text,int4,text", "text", lift3e(func(s string, n int64, fill string) (string, error) { return pad(s, n, fill, false) }), "padded on the right, or cut, to a length")
	b.function("overlay", "text,text,int4", "text", lift3e(func(s, part string, from int64) (string, error) {
		return overlay(s, part, from, characters(part))
	}), "characters from a position on replaced")
	b.function("overlay", "text,text,int4,int4", "text", lift4e(overlay), "so many characters from a position on replaced")
	b.function("ascii", "text", "int4", lift1(codePoint), "code point of the first character")
	b.function("chr", "int4", "text", lift1e(character), "character with a code point")
	b.function("to_hex", "int4", "text", lift1(func(v int64) string { return strconv.FormatUint(uint64(uint32(v)), 16) }), "hexadecimal digits")
	b.function("to_hex", "int8", "text", lift1(func(v int64) string { return strconv.FormatUint(uint64(v), 16) }), "hexadecimal digits")
	b.function("concat", "any...", "text", liftRows(concatAny), "the arguments' text, NULLs left out", notStrict, stable)
	b.function("concat_ws", "text,any...", "text", liftRows(concatSeparated), "the arguments' text, NULLs left out, with a separator", notStrict, stable)
	b.function("format", "text", "text", liftRows(formatText), "formatted as by sprintf: %s, %I, %L", notStrict, stable)
	b.function("format", "text,any...", "text", liftRows(formatText), "formatted as by sprintf: %s, %I, %L", notStrict, stable)
}

func (b *builder) defineTrim() {
	for _, f := range []struct {
		name, where string
		trim        func(s, set string) string
	}{
		{"btrim", "both ends", trimBoth}, {"ltrim", "the start", trimLeft}, {"rtrim", "the end", trimRight},
	} {
		b.function(f.name, "text", "text", lift1(func(s string) string { return f.trim(s, " ") }), "blanks removed from "+f.where)
		b.function(f.name, "text,text", "text", lift2(f.trim), "characters of a set removed from "+f.where)
	}
	b.function("btrim", "bytea,bytea", "bytea", lift2(func(s, set string) string {
		return trimRightBytes(trimLeftBytes(s, set), set)
	}), "bytes of a set removed from both ends")
	b.function("ltrim", "bytea,bytea", "bytea", lift2(trimLeftBytes), "bytes of a set removed from the start")
	b.function("rtrim", "bytea,bytea", "bytea", lift2(trimRightBytes), "bytes of a set removed from the end")
}

func (b *builder) defineQuoting() {
	b.function("quote_ident", "text", "text", lift1(QuoteIdentifier), "quoted as an identifier where needed")
	b.function("quote_literal", "text", "text", lift1(quoteLiteral), "quoted as a string literal")
	b.function("quote_literal", "anyelement", "text", liftRows(func(ctx *Context, args []*types.Vector, row []types.Datum, _ types.Type) (types.Datum, error) {
		text, err := castToTextDatum(ctx, args[0].Type, row[0])
		return types.StringDatum(quoteLiteral(text)), err
	}), "the value's text, quoted as a string literal", stable)
	nullable := liftRows(func(ctx *Context, args []*types.Vector, row []types.Datum, _ types.Type) (types.Datum, error) {
		if !row[0].Valid {
			return types.StringDatum("NULL"), nil
		}
		text, err := castToTextDatum(ctx, args[0].Type, row[0])
		return types.StringDatum(quoteLiteral(text)), err
	})
	b.function("quote_nullable", "text", "text", nullable, "quoted as a string literal, or NULL as a word", notStrict)
	b.function("quote_nullable", "anyelement", "text", nullable, "quoted as a string literal, or NULL as a word", notStrict, stable)
}

// castToTextDatum converts a value to text as a cast does.
func castToTextDatum(ctx *Context, t types.Type, d types.Datum) (string, error) {
	if t.Kind == types.KindText || t.Kind == types.KindVarchar {
		return d.Str, nil
	}
	text, err := castToText(t, types.Text)(ctx, d)
	return text.Str, err
}

func concatTexts(_ *Context, args []*types.Vector, selection []int32, out *types.Vector) {
	a, b, r := args[0].Strs, args[1].Strs, out.Strs
	for _, i := range selection {
		r[i] = a[i] + b[i]
	}
}

func concatRow(ctx *Context, args []*types.Vector, row []types.Datum, _ types.Type) (types.Datum, error) {
	left, err := castToTextDatum(ctx, args[0].Type, row[0])
	if err != nil {
		return types.Null, err
	}
	right, err := castToTextDatum(ctx, args[1].Type, row[1])
	return types.StringDatum(left + right), err
}

func startsWith(s, prefix string) int64 { return boolInt(strings.HasPrefix(s, prefix)) }

func characters(s string) int64 { return int64(utf8.RuneCountInString(s)) }

func byteLength(s string) int64 { return int64(len(s)) }

// upperASCII and lowerASCII change ASCII letters only, as collation C does.
func upperASCII(s string) string { return mapASCII(s, 'a', 'z') }
func lowerASCII(s string) string { return mapASCII(s, 'A', 'Z') }

// mapASCII exchanges the case of the letters from first to last.
func mapASCII(s string, first, last byte) string {
	for i := range len(s) {
		if s[i] < first || s[i] > last {
			continue
		}
		changed := []byte(s)
		for ; i < len(changed); i++ {
			if changed[i] >= first && changed[i] <= last {
				changed[i] ^= 0x20
			}
		}
		return string(changed)
	}
	return s
}

func isLetterOrDigit(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

func initialCapitals(s string) string {
	out := []byte(lowerASCII(s))
	inWord := false
	for i, c := range out {
		if !inWord && c >= 'a' && c <= 'z' {
			out[i] = c - 0x20
		}
		inWord = isLetterOrDigit(c)
	}
	return string(out)
}

func reverse(s string) string {
	out := make([]byte, len(s))
	end := len(s)
	for i := 0; i < len(s); {
		_, size := utf8.DecodeRuneInString(s[i:])
		end -= size
		copy(out[end:], s[i:i+size])
		i += size
	}
	return string(out)
}

// maxTextLength is PostgreSQL's limit of a value, in bytes.
const maxTextLength = 1<<30 - 1

var errTooLong = sqlerr.New(sqlerr.ProgramLimitExceeded, -1, "requested length too large")

func repeat(s string, n int64) (string, error) {
	if n <= 0 || s == "" {
		return "", nil
	}
	if n > maxTextLength/int64(len(s)) {
		return "", errTooLong
	}
	return strings.Repeat(s, int(n)), nil
}

var errNegativeLength = sqlerr.New(sqlerr.SubstringError, -1, "negative substring length not allowed")

func substring(s string, from, length int64) (string, error) {
	if length < 0 {
		return "", errNegativeLength
	}
	start, end := from-1, from-1+length
	if end <= 0 {
		return "", nil
	}
	start = max(start, 0)
	first := characterOffset(s, int(start))
	return s[first : first+characterOffset(s[first:], int(end-start))], nil
}

func substringBytes(s string, from, length int64) (string, error) {
	if length < 0 {
		return "", errNegativeLength
	}
	size := int64(len(s))
	start, end := min(max(from-1, 0), size), min(max(from-1+length, 0), size)
	return s[start:max(start, end)], nil
}

func left(s string, n int64) string {
	if n < 0 {
		n += characters(s)
	}
	return s[:characterOffset(s, int(n))]
}

func right(s string, n int64) string {
	if n < 0 {
		n = -n
	} else {
		n = characters(s) - n
	}
	return s[characterOffset(s, int(n)):]
}

func position(s, part string) int64 {
	at := strings.Index(s, part)
	if at < 0 {
		return 0
	}
	return characters(s[:at]) + 1
}

func replace(s, from, to string) (string, error) {
	if from == "" {
		return s, nil
	}
	return strings.ReplaceAll(s, from, to), nil
}

func translate(s, from, to string) (string, error) {
	source, target := []rune(from), []rune(to)
	var out strings.Builder
	for _, c := range s {
		at := -1
		for i, f := range source {
			if f == c {
				at = i
				break
			}
		}
		switch {
		case at < 0:
			out.WriteRune(c)
		case at < len(target):
			out.WriteRune(target[at])
		}
	}
	return out.String(), nil
}

func splitPart(s, delimiter string, n int64) (string, error) {
	if n == 0 {
		return "", sqlerr.New(sqlerr.InvalidParameterValue, -1, "field position must not be zero")
	}
	parts := []string{s}
	switch {
	case s == "":
		return "", nil
	case delimiter != "":
		parts = strings.Split(s, delimiter)
	}
	if n < 0 {
		n += int64(len(parts)) + 1
	}
	if n < 1 || n > int64(len(parts)) {
		return "", nil
	}
	return parts[n-1], nil
}

func pad(s string, n int64, fill string, onLeft bool) (string, error) {
	n = max(n, 0)
	if fill == "" {
		n = min(n, characters(s))
	}
	if n*utf8.UTFMax > maxTextLength {
		return "", errTooLong
	}
	missing := n - characters(s)
	if missing <= 0 {
		return s[:characterOffset(s, int(n))], nil
	}
	padding := strings.Repeat(fill, int(missing/characters(fill))+1)
	padding = padding[:characterOffset(padding, int(missing))]
	if onLeft {
		return padding + s, nil
	}
	return s + padding, nil
}

func overlay(s, part string, from, length int64) (string, error) {
	if from <= 0 {
		return "", errNegativeLength
	}
	end := from - 1 + length
	if end > math.MaxInt32 {
		return "", errIntegerRange
	}
	return s[:characterOffset(s, int(from-1))] + part + s[characterOffset(s, int(end)):], nil
}

func codePoint(s string) int64 {
	if s == "" {
		return 0
	}
	c, _ := utf8.DecodeRuneInString(s)
	return int64(c)
}

func character(code int64) (string, error) {
	switch {
	case code < 0:
		return "", sqlerr.New(sqlerr.InvalidParameterValue, -1, "character number must be positive")
	case code == 0:
		return "", sqlerr.New(sqlerr.ProgramLimitExceeded, -1, "null character not permitted")
	case code > utf8.MaxRune:
		return "", sqlerr.New(sqlerr.ProgramLimitExceeded, -1, "requested character too large for encoding: %d", code)
	case !utf8.ValidRune(rune(code)):
		return "", sqlerr.New(sqlerr.ProgramLimitExceeded, -1, "requested character not valid for encoding: %d", code)
	}
	return string(rune(code)), nil
}

func trimBoth(s, set string) string  { return trimRight(trimLeft(s, set), set) }
func trimLeft(s, set string) string  { return strings.TrimLeft(s, set) }
func trimRight(s, set string) string { return strings.TrimRight(s, set) }

func trimLeftBytes(s, set string) string {
	for s != "" && strings.IndexByte(set, s[0]) >= 0 {
		s = s[1:]
	}
	return s
}

func trimRightBytes(s, set string) string {
	for s != "" && strings.IndexByte(set, s[len(s)-1]) >= 0 {
		s = s[:len(s)-1]
	}
	return s
}
