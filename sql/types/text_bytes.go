package types

import (
	"strings"
	"unicode/utf8"

	"millrace/sql/sqlerr"
)

const hexDigits = "0123456789abcdef"

// appendBytea appends bytes in the form bytea_output asks for.
func appendBytea(buf []byte, s string, f *Format) []byte {
	if f.ByteaOutput == ByteaOutputEscape {
		return appendByteaEscape(buf, s)
	}
	buf = append(buf, `\x`...)
	for i := 0; i < len(s); i++ {
		buf = append(buf, hexDigits[s[i]>>4], hexDigits[s[i]&15])
	}
	return buf
}

func appendByteaEscape(buf []byte, s string) []byte {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\':
			buf = append(buf, `\\`...)
		case c < 0x20 || c > 0x7e:
			buf = appendOctal(buf, c)
		default:
			buf = append(buf, c)
		}
	}
	return buf
}

func appendOctal(buf []byte, c byte) []byte {
	return append(buf, '\\', '0'+c>>6, '0'+c>>3&7, '0'+c&7)
}

// parseBytea reads both forms of bytea input.
func parseBytea(s string) (string, error) {
	if hex, ok := strings.CutPrefix(s, `\x`); ok {
		return parseByteaHex(hex)
	}
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); {
		switch {
		case s[i] != '\\':
			out = append(out, s[i])
			i++
		case i+3 < len(s) && isOctal(s[i+1:i+4]):
			out = append(out, (s[i+1]-'0')<<6|(s[i+2]-'0')<<3|(s[i+3]-'0'))
			i += 4
		case i+1 < len(s) && s[i+1] == '\\':
			out = append(out, '\\')
			i += 2
		default:
			return "", sqlerr.New(sqlerr.InvalidTextRepresentation, -1, "invalid input syntax for type bytea")
		}
	}
	return aliasString(out), nil
}

// isOctal reports whether s is the number of a byte in three octal digits.
func isOctal(s string) bool {
	return s[0]-'0' <= 3 && s[1]-'0' <= 7 && s[2]-'0' <= 7
}

func parseByteaHex(s string) (string, error) {
	out := make([]byte, 0, len(s)/2)
	for i := 0; i < len(s); {
		if s[i] == ' ' || s[i] == '\n' || s[i] == '\t' || s[i] == '\r' {
			i++
			continue
		}
		high, err := hexDigit(s[i:])
		if err != nil {
			return "", err
		}
		if i+1 == len(s) {
			return "", sqlerr.New(sqlerr.InvalidParameterValue, -1, "invalid hexadecimal data: odd number of digits")
		}
		low, err := hexDigit(s[i+1:])
		if err != nil {
			return "", err
		}
		out = append(out, high<<4|low)
		i += 2
	}
	return aliasString(out), nil
}

// hexDigit returns the value of the digit that s begins with.
func hexDigit(s string) (byte, error) {
	if v, ok := hexValue(s[0]); ok {
		return v, nil
	}
	_, size := utf8.DecodeRuneInString(s)
	return 0, sqlerr.New(sqlerr.InvalidParameterValue, -1, "invalid hexadecimal digit: \"%s\"", s[:size])
}

func hexValue(c byte) (byte, bool) {
	switch {
	case c-'0' <= 9:
		return c - '0', true
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return c | 0x20 - 'a' + 10, true
	default:
		return 0, false
	}
}

const uuidSize = 16

// appendUUID appends 16 bytes in the groups 8-4-4-4-12.
func appendUUID(buf []byte, s string) []byte {
	for i := 0; i < len(s); i++ {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			buf = append(buf, '-')
		}
		buf = append(buf, hexDigits[s[i]>>4], hexDigits[s[i]&15])
	}
	return buf
}

// parseUUID reads 32 hexadecimal digits, with hyphens behind any group of four
// and braces around. It does not allocate.
func parseUUID(s string) (out [uuidSize]byte, ok bool) {
	start, end := 0, len(s)
	if end > 1 && s[0] == '{' && s[end-1] == '}' {
		start, end = 1, end-1
	}
	digits := 0
	for i := start; i < end; i++ {
		v, isDigit := hexValue(s[i])
		switch {
		case isDigit && digits < 2*uuidSize:
			out[digits/2] = out[digits/2]<<4 | v
			digits++
		case s[i] == '-' && digits%4 == 0 && digits > 0 && digits < 2*uuidSize && s[i-1] != '-':
		default:
			return out, false
		}
	}
	return out, digits == 2*uuidSize
}

// appendChar appends a value of the one-byte type "char", other than ASCII as
// an octal escape.
func appendChar(buf []byte, s string) []byte {
	switch {
	case s == "":
		return buf
	case s[0] >= utf8.RuneSelf:
		return appendOctal(buf, s[0])
	default:
		return append(buf, s[0])
	}
}

// parseChar reads a value of the type "char": the first byte, or an octal
// escape.
func parseChar(s string) string {
	if len(s) == 4 && s[0] == '\\' && s[1]-'0' <= 7 && s[2]-'0' <= 7 && s[3]-'0' <= 7 {
		// The first digit's third bit is lost, as in PostgreSQL.
		return charString((s[1]-'0')<<6 | (s[2]-'0')<<3 | (s[3] - '0'))
	}
	if s == "" {
		return ""
	}
	return charString(s[0])
}

// charString returns a byte as a value of "char"; the zero byte is the empty
// string.
func charString(c byte) string {
	if c == 0 {
		return ""
	}
	return string([]byte{c})
}

// maxNameLength is the longest name in bytes.
const maxNameLength = 63

// truncateName cuts a name to 63 bytes at a character's boundary.
func truncateName(s string) string {
	if len(s) <= maxNameLength {
		return s
	}
	end := maxNameLength
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end]
}

// CheckUTF8 returns PostgreSQL's error 22021 when s is not UTF-8 or has a zero
// byte.
func CheckUTF8(s string) error {
	if strings.IndexByte(s, 0) >= 0 {
		return sqlerr.New(sqlerr.CharacterNotInRepertoire, -1,
			"invalid byte sequence for encoding \"UTF8\": 0x00")
	}
	if utf8.ValidString(s) {
		return nil
	}
	return invalidUTF8(s)
}

// invalidUTF8 names the bytes of the first character that is not one.
func invalidUTF8(s string) error {
	i := 0
	for i < len(s) {
		r, size := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && size <= 1 {
			break
		}
		i += size
	}
	length := 1
	switch c := s[i]; {
	case c&0xe0 == 0xc0:
		length = 2
	case c&0xf0 == 0xe0:
		length = 3
	case c&0xf8 == 0xf0:
		length = 4
	}
	var shown []byte
	for _, c := range []byte(s[i:min(i+length, len(s))]) {
		shown = append(shown, ' ', '0', 'x', hexDigits[c>>4], hexDigits[c&15])
	}
	return sqlerr.New(sqlerr.CharacterNotInRepertoire, -1,
		"invalid byte sequence for encoding \"UTF8\":%s", shown)
}
