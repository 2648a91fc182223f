package types

import (
	"strconv"
	"strings"

	"millrace/sql/sqlerr"
)

// appendArrayText appends an array literal as PostgreSQL prints it: the
// dimensions in front unless all begin at 1, elements in quotes where the
// reader would need them
// (https://www.postgresql.org/docs/15/arrays.html#ARRAYS-IO).
func appendArrayText(buf []byte, elem Type, s string, f *Format) []byte {
	a, err := DecodeArray(elem, s)
	if err != nil || len(a.Dims) == 0 {
		return append(buf, "{}"...)
	}
	if a.LowerBounds != nil {
		for i, length := range a.Dims {
			buf = append(buf, '[')
			buf = strconv.AppendInt(buf, int64(a.LowerBounds[i]), 10)
			buf = append(buf, ':')
			buf = strconv.AppendInt(buf, int64(a.LowerBounds[i])+int64(length)-1, 10)
			buf = append(buf, ']')
		}
		buf = append(buf, '=')
	}
	buf, _ = appendDimension(buf, elem, a.Dims, a.Elems, f)
	return buf
}

// appendBlankSeparated appends the elements of an int2vector or oidvector.
func appendBlankSeparated(buf []byte, elem Type, s string, f *Format) []byte {
	a, err := DecodeArray(elem, s)
	if err != nil {
		return buf
	}
	for i, d := range a.Elems {
		if i > 0 {
			buf = append(buf, ' ')
		}
		buf = AppendText(buf, elem, d, f)
	}
	return buf
}

// appendDimension appends the first of the dimensions and returns the elements
// behind it.
func appendDimension(buf []byte, elem Type, dims []int32, elems []Datum, f *Format) ([]byte, []Datum) {
	buf = append(buf, '{')
	for i := range dims[0] {
		if i > 0 {
			buf = append(buf, ',')
		}
		if len(dims) > 1 {
			buf, elems = appendDimension(buf, elem, dims[1:], elems, f)
			continue
		}
		buf = appendElement(buf, elem, elems[0], f)
		elems = elems[1:]
	}
	return append(buf, '}'), elems
}

func appendElement(buf []byte, elem Type, d Datum, f *Format) []byte {
	if !d.Valid {
		return append(buf, "NULL"...)
	}
	start := len(buf)
	if elem.Kind == KindArray {
		buf = appendJSONValue(buf, elem, d, f)
	} else {
		buf = AppendText(buf, elem, d, f)
	}
	if !needsArrayQuotes(buf[start:]) {
		return buf
	}
	plain := string(buf[start:])
	buf = append(buf[:start], '"')
	for i := 0; i < len(plain); i++ {
		if plain[i] == '"' || plain[i] == '\\' {
			buf = append(buf, '\\')
		}
		buf = append(buf, plain[i])
	}
	return append(buf, '"')
}

func needsArrayQuotes(s []byte) bool {
	if len(s) == 0 || len(s) == 4 && strings.EqualFold(string(s), "NULL") {
		return true
	}
	for _, c := range s {
		if c == '"' || c == '\\' || c == '{' || c == '}' || c == ',' || isSpace(c) {
			return true
		}
	}
	return false
}

// arrayParser reads an array literal.
type arrayParser struct {
	elem   Type
	format *Format
	whole  string // for messages
	rest   string
	array  Array
	items  []arrayItem
	// leaf is the number of dimensions at which elements were found, 0 until
	// then.
	leaf int
}

// arrayItem is the text of an element.
type arrayItem struct {
	text string
	null bool
}

// parseArrayText reads an array literal and encodes it.
func parseArrayText(elem Type, s string, f *Format) (string, error) {
	p := arrayParser{elem: elem, format: f, whole: s, rest: s}
	p.skipSpace()
	stated, err := p.dimensions()
	if err != nil {
		return "", err
	}
	if !strings.HasPrefix(p.rest, "{") {
		if stated != nil {
			return "", p.malformed("Array contents must start with \"{\".")
		}
		return "", p.malformed("Array value must start with \"{\" or dimension information.")
	}
	// PostgreSQL shows the contents alone when it finds fault with them.
	p.whole = p.rest
	if _, err := p.braces(1); err != nil {
		return "", err
	}
	p.skipSpace()
	if p.rest != "" {
		return "", p.malformed("Junk after closing right brace.")
	}
	p.whole = s
	return p.finish(stated)
}

// finish checks the stated dimensions against those found and encodes.
func (p *arrayParser) finish(stated *Array) (string, error) {
	if len(p.items) == 0 {
		p.array = Array{}
	}
	if stated != nil {
		same := len(stated.Dims) == len(p.array.Dims)
		for i := range stated.Dims {
			same = same && stated.Dims[i] == p.array.Dims[i]
		}
		if !same {
			return "", p.malformed("Specified array dimensions do not match array contents.")
		}
		p.array.LowerBounds = stated.LowerBounds
	}
	for _, item := range p.items {
		d, err := p.convert(item)
		if err != nil {
			return "", err
		}
		p.array.Elems = append(p.array.Elems, d)
	}
	return EncodeArray(p.elem, p.array), nil
}

func (p *arrayParser) malformed(detail string, args ...any) error {
	return sqlerr.New(sqlerr.InvalidTextRepresentation, -1, "malformed array literal: \"%s\"", p.whole).
		WithDetail(detail, args...)
}

func (p *arrayParser) skipSpace() {
	for p.rest != "" && isSpace(p.rest[0]) {
		p.rest = p.rest[1:]
	}
}

// dimensions reads "[1:2][0:3]=" if it is there.
func (p *arrayParser) dimensions() (*Array, error) {
	if !strings.HasPrefix(p.rest, "[") {
		return nil, nil
	}
	stated := &Array{}
	for strings.HasPrefix(p.rest, "[") {
		low, high, err := p.bounds()
		if err != nil {
			return nil, err
		}
		if high < low {
			return nil, sqlerr.New(sqlerr.ArraySubscriptError, -1, "upper bound cannot be less than lower bound")
		}
		if len(stated.Dims) == maxDimensions {
			return nil, tooManyDimensions(maxDimensions + 1)
		}
		stated.Dims = append(stated.Dims, int32(high-low+1))
		stated.LowerBounds = append(stated.LowerBounds, int32(low))
		p.skipSpace()
	}
	rest, found := strings.CutPrefix(p.rest, "=")
	if !found {
		return nil, p.malformed("Missing \"%s\" after array dimensions.", "=")
	}
	p.rest = rest
	p.skipSpace()
	return stated, nil
}

// bounds reads "[low:high]" or "[high]", which counts from 1.
func (p *arrayParser) bounds() (low, high int64, err error) {
	isBound := func(c byte) bool { return isDigit(c) || c == '-' || c == '+' }
	s := strings.TrimLeft(p.rest[1:], " \t\n\r\v\f")
	end := skipWhile(s, 0, isBound)
	if end == 0 {
		return 0, 0, p.malformed("\"[\" must introduce explicitly-specified array dimensions.")
	}
	low, high = 1, boundValue(s[:end])
	if end < len(s) && s[end] == ':' {
		second := skipWhile(s, end+1, isBound)
		if second == end+1 {
			return 0, 0, p.malformed("Missing array dimension value.")
		}
		low, high = high, boundValue(s[end+1:second])
		end = second
	}
	if end == len(s) || s[end] != ']' {
		return 0, 0, p.malformed("Missing \"%s\" after array dimensions.", "]")
	}
	p.rest = s[end+1:]
	return low, high, nil
}

// boundValue reads a bound as C's atoi does: what is no number is 0.
func boundValue(s string) int64 {
	digits := s[:len(s)-len(strings.TrimLeft(s, "+-"))]
	end := skipWhile(s, len(digits), isDigit)
	if len(digits) > 1 {
		return 0
	}
	v, err := strconv.ParseInt(s[:end], 10, 32)
	if err != nil {
		return 0
	}
	return v
}

func tooManyDimensions(n int) error {
	return sqlerr.New(sqlerr.ProgramLimitExceeded, -1,
		"number of array dimensions (%d) exceeds the maximum allowed (%d)", n, maxDimensions)
}

// braces reads one pair of braces at a depth, 1 for the outermost, and returns
// the number of things in it.
func (p *arrayParser) braces(depth int) (count int32, err error) {
	if depth > maxDimensions {
		return 0, tooManyDimensions(depth)
	}
	p.rest = p.rest[1:]
	p.skipSpace()
	if strings.HasPrefix(p.rest, "}") {
		if depth > 1 {
			return 0, p.malformed("Unexpected \"%c\" character.", '}')
		}
		p.rest = p.rest[1:]
		return 0, nil
	}
	for {
		if err := p.item(depth, count == 0); err != nil {
			return 0, err
		}
		count++
		p.skipSpace()
		switch {
		case p.rest == "":
			return 0, p.malformed("Unexpected end of input.")
		case p.rest[0] == ',':
			p.rest = p.rest[1:]
			p.skipSpace()
		case p.rest[0] == '}':
			p.rest = p.rest[1:]
			return count, p.setLength(depth, count)
		case p.rest[0] == '{' || p.rest[0] == '\\':
			return 0, p.malformed("Unexpected \"%c\" character.", p.rest[0])
		default:
			return 0, p.malformed("Unexpected array element.")
		}
	}
}

// setLength records the length of the dimension at a depth, or checks it.
func (p *arrayParser) setLength(depth int, count int32) error {
	for len(p.array.Dims) < depth {
		p.array.Dims = append(p.array.Dims, 0)
	}
	if have := p.array.Dims[depth-1]; have != 0 && have != count {
		return p.malformed("Multidimensional arrays must have sub-arrays with matching dimensions.")
	}
	p.array.Dims[depth-1] = count
	return nil
}

// item reads a pair of braces or an element, the first of its level or not.
func (p *arrayParser) item(depth int, first bool) error {
	switch {
	case p.rest == "":
		return p.malformed("Unexpected end of input.")
	case p.rest[0] == '{':
		if p.leaf != 0 && p.leaf <= depth {
			return p.malformed("Unexpected \"%c\" character.", '{')
		}
		_, err := p.braces(depth + 1)
		return err
	case p.rest[0] == ',' || p.rest[0] == '}':
		return p.malformed("Unexpected \"%c\" character.", p.rest[0])
	}
	if p.leaf > depth && !first {
		return p.malformed("Unexpected array element.")
	}
	if p.leaf != 0 && p.leaf != depth {
		return p.malformed("Multidimensional arrays must have sub-arrays with matching dimensions.")
	}
	p.leaf = depth
	return p.element()
}

// element reads one element, in quotes or not.
func (p *arrayParser) element() error {
	var value string
	var err error
	quoted := p.rest[0] == '"'
	if quoted {
		value, err = p.quoted()
	} else {
		value, err = p.unquoted()
	}
	if err != nil {
		return err
	}
	p.items = append(p.items, arrayItem{text: value, null: !quoted && value == ""})
	return nil
}

// convert reads an element's text; an array within an array is JSON.
func (p *arrayParser) convert(item arrayItem) (Datum, error) {
	switch {
	case item.null:
		return Null, nil
	case p.elem.Kind == KindArray:
		return parseJSONValue(p.elem, item.text, p.format)
	default:
		return ParseText(p.elem, item.text, p.format)
	}
}

func (p *arrayParser) quoted() (string, error) {
	var out []byte
	for i := 1; i < len(p.rest); i++ {
		switch c := p.rest[i]; {
		case c == '"':
			p.rest = p.rest[i+1:]
			return aliasString(out), nil
		case c == '\\' && i+1 < len(p.rest):
			i++
			out = append(out, p.rest[i])
		default:
			out = append(out, c)
		}
	}
	return "", p.malformed("Unexpected end of input.")
}

// unquoted reads an element up to the delimiter, without the blanks at its end.
// The word NULL yields the empty string, which no other element can be.
func (p *arrayParser) unquoted() (string, error) {
	var out []byte
	kept, escaped := 0, false
	i := 0
	for ; i < len(p.rest) && p.rest[i] != ',' && p.rest[i] != '}'; i++ {
		switch c := p.rest[i]; {
		case c == '"':
			return "", p.malformed("Unexpected array element.")
		case c == '{':
			return "", p.malformed("Unexpected \"%c\" character.", '{')
		case c == '\\':
			if i++; i == len(p.rest) {
				return "", p.malformed("Unexpected end of input.")
			}
			out = append(out, p.rest[i])
			kept, escaped = len(out), true
		default:
			out = append(out, c)
			if !isSpace(c) {
				kept = len(out)
			}
		}
	}
	if i == len(p.rest) {
		return "", p.malformed("Unexpected end of input.")
	}
	p.rest = p.rest[i:]
	if value := string(out[:kept]); escaped || !strings.EqualFold(value, "NULL") {
		return value, nil
	}
	return "", nil
}
