package types

import (
	"encoding/binary"
	"math"
	"strings"

	"millrace/sql/sqlerr"
)

// The forms of values of composite types that have a name
// (https://www.postgresql.org/docs/15/rowtypes.html#ROWTYPES-IO-SYNTAX). Text has the
// fields in parentheses, with commas between them; NULL is nothing at all. In binary
// their number comes first, and each has its type's OID and its length, -1 for NULL.

func appendRowText(buf []byte, t Type, s string, f *Format) []byte {
	fields, _ := DecodeStruct(t, s)
	buf = append(buf, '(')
	for i, d := range fields {
		if i > 0 {
			buf = append(buf, ',')
		}
		if !d.Valid {
			continue
		}
		start := len(buf)
		buf = AppendText(buf, t.Fields[i].Type, d, f)
		if needsRowQuotes(buf[start:]) {
			plain := string(buf[start:])
			buf = append(buf[:start], '"')
			for n := 0; n < len(plain); n++ {
				if plain[n] == '"' || plain[n] == '\\' {
					buf = append(buf, plain[n])
				}
				buf = append(buf, plain[n])
			}
			buf = append(buf, '"')
		}
	}
	return append(buf, ')')
}

func needsRowQuotes(s []byte) bool {
	for _, c := range s {
		if c == '"' || c == '\\' || c == '(' || c == ')' || c == ',' || isSpace(c) {
			return true
		}
	}
	return len(s) == 0
}

// parseRowText reads the text of a row and encodes it.
func parseRowText(t Type, s string, f *Format) (string, error) {
	malformed := func(detail string) error {
		return sqlerr.New(sqlerr.InvalidTextRepresentation, -1, "malformed record literal: \"%s\"", s).WithDetail("%s", detail)
	}
	rest := strings.TrimLeftFunc(s, isSpaceRune)
	rest, ok := strings.CutPrefix(rest, "(")
	if !ok {
		return "", malformed("Missing left parenthesis.")
	}
	fields := make([]Datum, len(t.Fields))
	for i := range fields {
		if i > 0 {
			if rest, ok = strings.CutPrefix(rest, ","); !ok {
				return "", malformed("Too few columns.")
			}
		}
		text, isNull, end := rowField(rest)
		if end < 0 {
			return "", malformed("Unexpected end of input.")
		}
		rest = rest[end:]
		if isNull {
			continue
		}
		d, err := ParseText(t.Fields[i].Type, text, f)
		if err == nil {
			d, err = CoerceToModifier(t.Fields[i].Type, d, false)
		}
		if err != nil {
			return "", err
		}
		fields[i] = d
	}
	if rest, ok = strings.CutPrefix(rest, ")"); !ok {
		return "", malformed("Too many columns.")
	}
	if strings.TrimLeftFunc(rest, isSpaceRune) != "" {
		return "", malformed("Junk after right parenthesis.")
	}
	return EncodeStruct(t, fields), nil
}

// rowField reads a field up to the comma or parenthesis behind it; end is -1 where
// there is none.
func rowField(s string) (text string, isNull bool, end int) {
	if s != "" && (s[0] == ',' || s[0] == ')') {
		return "", true, 0
	}
	var out []byte
	quoted := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\':
			if i++; i == len(s) {
				return "", false, -1
			}
			out = append(out, s[i])
		case c == '"' && quoted && i+1 < len(s) && s[i+1] == '"':
			out = append(out, c)
			i++
		case c == '"':
			quoted = !quoted
		case !quoted && (c == ',' || c == ')'):
			return string(out), false, i
		default:
			out = append(out, c)
		}
	}
	return "", false, -1
}

func appendBinaryRow(buf []byte, t Type, s string) []byte {
	fields, _ := DecodeStruct(t, s)
	buf = binary.BigEndian.AppendUint32(buf, uint32(len(fields)))
	for i, d := range fields {
		buf = binary.BigEndian.AppendUint32(buf, t.Fields[i].Type.OID())
		if !d.Valid {
			buf = binary.BigEndian.AppendUint32(buf, math.MaxUint32)
			continue
		}
		start := len(buf)
		buf = AppendBinary(append(buf, 0, 0, 0, 0), t.Fields[i].Type, d)
		binary.BigEndian.PutUint32(buf[start:], uint32(len(buf)-start-4))
	}
	return buf
}

func parseBinaryRow(t Type, data []byte) (Datum, error) {
	r := binaryReader{data: data}
	if count := int(r.int32()); !r.failed && count != len(t.Fields) {
		return Null, sqlerr.New(sqlerr.DatatypeMismatch, -1, "wrong number of columns: %d, expected %d", count, len(t.Fields))
	}
	fields := make([]Datum, len(t.Fields))
	for i := range fields {
		oid, length := uint32(r.int32()), r.int32()
		if r.failed {
			return Null, binaryShortError()
		}
		field := t.Fields[i].Type
		if oid != field.OID() {
			return Null, sqlerr.New(sqlerr.DatatypeMismatch, -1, "binary data has type %d instead of expected %d in record column %d", oid, field.OID(), i+1)
		}
		if length == -1 {
			continue
		}
		value := r.next(int(length))
		if r.failed {
			return Null, binaryShortError()
		}
		d, err := ParseBinary(field, value)
		if err != nil {
			return Null, err
		}
		fields[i] = d
	}
	switch {
	case r.failed:
		return Null, binaryShortError()
	case len(r.data) > 0:
		return Null, binaryFormatError()
	}
	return StringDatum(EncodeStruct(t, fields)), nil
}
