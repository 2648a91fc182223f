package expr

import (
	"crypto/md5"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"math/bits"
	"net/url"
	"strings"

	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// defineEncodings defines hashes and the functions on binary strings
// (https://www.postgresql.org/docs/15/functions-binarystring.html).
func (b *builder) defineEncodings() {
	sum := func(s string) string { h := md5.Sum([]byte(s)); return hex.EncodeToString(h[:]) }
	b.function("md5", "text", "text", lift1(sum), "MD5 hash in hexadecimal digits")
	b.function("md5", "bytea", "text", lift1(sum), "MD5 hash in hexadecimal digits")
	b.function("sha224", "bytea", "bytea", lift1(func(s string) string { h := sha256.Sum224([]byte(s)); return string(h[:]) }), "SHA-224 hash")
	b.function("sha256", "bytea", "bytea", lift1(func(s string) string { h := sha256.Sum256([]byte(s)); return string(h[:]) }), "SHA-256 hash")
	b.function("sha384", "bytea", "bytea", lift1(func(s string) string { h := sha512.Sum384([]byte(s)); return string(h[:]) }), "SHA-384 hash")
	b.function("sha512", "bytea", "bytea", lift1(func(s string) string { h := sha512.Sum512([]byte(s)); return string(h[:]) }), "SHA-512 hash")
	b.function("encode", "bytea,text", "text", lift2e(encode), "bytes as text: hex, base64 or escape")
	b.function("decode", "text,text", "bytea", lift2e(decode), "bytes from text: hex, base64 or escape")
	b.function("convert_from", "bytea,text", "text", lift2e(convertFrom), "text of bytes in an encoding", stable)
	b.function("convert_to", "text,text", "bytea", lift2e(convertTo), "bytes of a text in an encoding", stable)
	b.function("get_byte", "bytea,int4", "int4", lift2e(getByte), "the n-th byte, from 0")
	b.function("set_byte", "bytea,int4,int4", "bytea", lift3e(setByte), "the n-th byte, from 0, replaced")
	b.function("bit_count", "bytea", "int8", lift1(func(s string) int64 {
		n := 0
		for i := range len(s) {
			n += bits.OnesCount8(s[i])
		}
		return int64(n)
	}), "number of bits set")
	b.function("overlay", "bytea,bytea,int4", "bytea", lift3e(func(s, part string, from int64) (string, error) {
		return overlayBytes(s, part, from, int64(len(part)))
	}), "bytes from a position on replaced")
	b.function("overlay", "bytea,bytea,int4,int4", "bytea", lift4e(overlayBytes), "so many bytes from a position on replaced")
	b.function("url_encode_param", "text", "text", lift1(url.QueryEscape), "encoded as a parameter in a URL")
	b.function("url_decode_param", "text", "text", lift1e(decodeParameter), "decoded from a parameter in a URL")
}

// convertFrom reads bytes as text. Text is UTF-8 everywhere, so this is the encoding that
// can be named (https://www.postgresql.org/docs/15/functions-binarystring.html).
func convertFrom(s, encoding string) (string, error) {
	if err := checkEncoding(encoding, "source"); err != nil {
		return "", err
	}
	return s, types.CheckUTF8(s)
}

func convertTo(s, encoding string) (string, error) {
	return s, checkEncoding(encoding, "destination")
}

// checkEncoding refuses encodings but UTF-8. PostgreSQL looks at letters and digits of
// a name only.
func checkEncoding(name, role string) error {
	plain := strings.Map(func(r rune) rune {
		switch {
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		}
		return -1
	}, name)
	if plain != "utf8" && plain != "unicode" {
		return sqlerr.New(sqlerr.InvalidParameterValue, -1, "invalid %s encoding name \"%s\"", role, name).
			WithHint("Text is UTF-8: the encoding is 'UTF8'.")
	}
	return nil
}

func decodeParameter(s string) (string, error) {
	decoded, err := url.QueryUnescape(s)
	if err != nil {
		return "", sqlerr.New(sqlerr.InvalidParameterValue, -1, "invalid URL parameter \"%s\"", s)
	}
	return decoded, nil
}

func errUnknownEncoding(name string) error {
	return sqlerr.New(sqlerr.InvalidParameterValue, -1, "unrecognized encoding: \"%s\"", name)
}

// base64Line is how many characters PostgreSQL puts in a line.
const base64Line = 76

func encode(data, format string) (string, error) {
	switch lowerASCII(format) {
	case "hex":
		return hex.EncodeToString([]byte(data)), nil
	case "base64":
		text := base64.StdEncoding.EncodeToString([]byte(data))
		var out strings.Builder
		for len(text) > base64Line {
			out.WriteString(text[:base64Line] + "\n")
			text = text[base64Line:]
		}
		return out.String() + text, nil
	case "escape":
		var out strings.Builder
		for i := range len(data) {
			switch c := data[i]; {
			case c == 0 || c >= 0x80:
				fmt.Fprintf(&out, `\%03o`, c)
			case c == '\\':
				out.WriteString(`\\`)
			default:
				out.WriteByte(c)
			}
		}
		return out.String(), nil
	}
	return "", errUnknownEncoding(format)
}

func decode(text, format string) (string, error) {
	switch lowerASCII(format) {
	case "hex":
		return decodeHex(text)
	case "base64":
		text = strings.Map(func(r rune) rune {
			if r == ' ' || r == '\n' || r == '\t' || r == '\r' {
				return -1
			}
			return r
		}, text)
		data, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return "", sqlerr.New(sqlerr.InvalidParameterValue, -1, "invalid base64 end sequence")
		}
		return string(data), nil
	case "escape":
		return decodeEscape(text)
	}
	return "", errUnknownEncoding(format)
}

func decodeHex(text string) (string, error) {
	var digits []byte
	for _, c := range text {
		if c == ' ' || c == '\n' || c == '\t' || c == '\r' {
			continue
		}
		if !strings.ContainsRune("0123456789abcdefABCDEF", c) {
			return "", sqlerr.New(sqlerr.InvalidParameterValue, -1, "invalid hexadecimal digit: \"%c\"", c)
		}
		digits = append(digits, byte(c))
	}
	if len(digits)%2 == 1 {
		return "", sqlerr.New(sqlerr.InvalidParameterValue, -1, "invalid hexadecimal data: odd number of digits")
	}
	data, err := hex.DecodeString(string(digits))
	return string(data), err
}

func decodeEscape(text string) (string, error) {
	var out []byte
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] != '\\':
			out = append(out, text[i])
		case i+1 < len(text) && text[i+1] == '\\':
			out = append(out, '\\')
			i++
		case i+3 < len(text) && text[i+1] >= '0' && text[i+1] <= '3' && isOctal(text[i+2]) && isOctal(text[i+3]):
			out = append(out, (text[i+1]-'0')<<6|(text[i+2]-'0')<<3|(text[i+3]-'0'))
			i += 3
		default:
			return "", sqlerr.New(sqlerr.InvalidTextRepresentation, -1, "invalid input syntax for type %s", "bytea")
		}
	}
	return string(out), nil
}

func isOctal(c byte) bool { return c >= '0' && c <= '7' }

func checkByteIndex(s string, n int64) error {
	if n < 0 || n >= int64(len(s)) {
		return sqlerr.New(sqlerr.ArraySubscriptError, -1, "index %d out of valid range, 0..%d", n, len(s)-1)
	}
	return nil
}

func getByte(s string, n int64) (int64, error) {
	if err := checkByteIndex(s, n); err != nil {
		return 0, err
	}
	return int64(s[n]), nil
}

func setByte(s string, n, v int64) (string, error) {
	if err := checkByteIndex(s, n); err != nil {
		return "", err
	}
	changed := []byte(s)
	changed[n] = byte(v)
	return string(changed), nil
}

func overlayBytes(s, part string, from, length int64) (string, error) {
	if from <= 0 {
		return "", errNegativeLength
	}
	size := int64(len(s))
	return s[:min(from-1, size)] + part + s[min(max(from-1+length, 0), size):], nil
}
