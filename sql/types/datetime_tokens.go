package types

import (
	"errors"
	"strings"

	"millrace/sql/sqlerr"
)

// The general reader of dates, times and intervals works as PostgreSQL
// describes in its Appendix B.1: the text is cut into fields by their
// characters alone, then each field is given a meaning from its form, the
// words around it and what is known already
// (https://www.postgresql.org/docs/15/datetime-input-rules.html).

// fieldKind is what a field's characters say about it.
type fieldKind uint8

const (
	fieldNumber  fieldKind = iota // digits, perhaps with a point
	fieldWord                     // letters
	fieldDate                     // digits or letters with - / . in between
	fieldTime                     // digits with colons
	fieldZone                     // a sign and digits
	fieldSpecial                  // a sign and letters
)

// dateField is one field: its text as written and in lower case.
type dateField struct {
	kind     fieldKind
	original string
	text     string
}

// The ways in which reading a date can fail; describeDateError turns them into
// PostgreSQL's errors.
var (
	errDateSyntax       = errors.New("bad format")
	errDateOverflow     = errors.New("field overflow")
	errMonthDayOverflow = errors.New("month or day overflow")
	errZoneOverflow     = errors.New("zone overflow")
)

const (
	maxDateFields = 25
	maxDateLength = 128

	intervalFieldOverflow sqlerr.Code = "22015"
)

// describeDateError returns the error that PostgreSQL gives for text s of the
// type named so in its messages.
func describeDateError(err error, typeName, s string) error {
	switch {
	case errors.Is(err, errDateSyntax):
		return sqlerr.New(sqlerr.InvalidDatetimeFormat, -1, "invalid input syntax for type %s: \"%s\"", typeName, s)
	case errors.Is(err, errDateOverflow) && typeName == "interval":
		return sqlerr.New(intervalFieldOverflow, -1, "interval field value out of range: \"%s\"", s)
	case errors.Is(err, errDateOverflow):
		return sqlerr.New(sqlerr.DatetimeFieldOverflow, -1, "date/time field value out of range: \"%s\"", s)
	case errors.Is(err, errMonthDayOverflow):
		return sqlerr.New(sqlerr.DatetimeFieldOverflow, -1, "date/time field value out of range: \"%s\"", s).
			WithHint("Perhaps you need a different \"datestyle\" setting.")
	case errors.Is(err, errZoneOverflow):
		return sqlerr.New(sqlerr.InvalidTimeZoneDisplacement, -1, "time zone displacement out of range: \"%s\"", s)
	default:
		return err
	}
}

// splitDate cuts text into fields.
func splitDate(s string) ([]dateField, error) {
	if len(s) > maxDateLength {
		return nil, errDateSyntax
	}
	fields := make([]dateField, 0, 4)
	for i := 0; i < len(s); {
		if isSpace(s[i]) {
			i++
			continue
		}
		field, end, err := nextDateField(s, i)
		if err != nil {
			return nil, err
		}
		i = end
		if field.original == "" {
			continue
		}
		if len(fields) == maxDateFields {
			return nil, errDateSyntax
		}
		field.text = strings.ToLower(field.original)
		fields = append(fields, field)
	}
	return fields, nil
}

// nextDateField returns the field that begins at i and where it ends; the
// field is empty for punctuation, which only separates.
func nextDateField(s string, i int) (dateField, int, error) {
	switch c := s[i]; {
	case isDigit(c):
		return numericDateField(s, i)
	case c == '.':
		end := skipWhile(s, i+1, isDigit)
		return dateField{kind: fieldNumber, original: s[i:end]}, end, nil
	case isLetter(c):
		return wordDateField(s, i)
	case c == '+' || c == '-':
		return signedDateField(s, i)
	case c > ' ' && c < 0x7f:
		return dateField{}, i + 1, nil
	default:
		return dateField{}, 0, errDateSyntax
	}
}

// numericDateField reads a field that begins with a digit.
func numericDateField(s string, i int) (dateField, int, error) {
	end := skipWhile(s, i, isDigit)
	kind := fieldNumber
	switch {
	case end == len(s):
	case s[end] == ':':
		kind = fieldTime
		end = skipWhile(s, end, func(c byte) bool { return isDigit(c) || c == ':' || c == '.' })
	case s[end] == '-' || s[end] == '/' || s[end] == '.':
		separator := s[end]
		second := end + 1
		if second < len(s) && isDigit(s[second]) {
			end = skipWhile(s, second, isDigit)
			if separator != '.' {
				kind = fieldDate
			}
			// A number with a point stays one, unless a second separator
			// follows.
			if end < len(s) && s[end] == separator {
				kind = fieldDate
				end = skipWhile(s, end, func(c byte) bool { return isDigit(c) || c == separator })
			}
			break
		}
		kind = fieldDate
		end = skipWhile(s, second, func(c byte) bool { return isDigit(c) || isLetter(c) || c == separator })
	}
	return dateField{kind: kind, original: s[i:end]}, end, nil
}

// wordDateField reads a field that begins with a letter: a word, a date with a
// month's name, or a zone's name with punctuation.
func wordDateField(s string, i int) (dateField, int, error) {
	end := skipWhile(s, i, isLetter)
	kind := fieldWord
	if end < len(s) {
		c := s[end]
		joined := c == '-' || c == '/' || c == '.'
		if c == '+' || isDigit(c) {
			_, known := dateWords[strings.ToLower(s[i:end])]
			joined = !known
		}
		if joined {
			kind = fieldDate
			end = skipWhile(s, end, func(c byte) bool {
				return isDigit(c) || isLetter(c) || strings.IndexByte("+-/_.:", c) >= 0
			})
		}
	}
	return dateField{kind: kind, original: s[i:end]}, end, nil
}

// signedDateField reads a zone's offset or a word such as -infinity.
func signedDateField(s string, i int) (dateField, int, error) {
	start := skipWhile(s, i+1, isSpace)
	if start == len(s) {
		return dateField{}, 0, errDateSyntax
	}
	sign := s[i : i+1]
	switch c := s[start]; {
	case isDigit(c):
		end := skipWhile(s, start, func(c byte) bool { return isDigit(c) || c == ':' || c == '.' || c == '-' })
		return dateField{kind: fieldZone, original: sign + s[start:end]}, end, nil
	case isLetter(c):
		end := skipWhile(s, start, isLetter)
		return dateField{kind: fieldSpecial, original: sign + s[start:end]}, end, nil
	default:
		return dateField{}, 0, errDateSyntax
	}
}

func skipWhile(s string, i int, in func(byte) bool) int {
	for i < len(s) && in(s[i]) {
		i++
	}
	return i
}

func isDigit(c byte) bool { return c-'0' <= 9 }

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }
