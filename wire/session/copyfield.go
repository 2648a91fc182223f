package session

import (
	"bytes"

	"millrace/planner/plan"
	"millrace/sql/sqlerr"
)

// field is one value of a line of COPY data: its bytes after unquoting, and
// whether it is the NULL string.
type field struct {
	value  []byte
	null   bool
	quoted bool
}

// fieldReader splits lines into fields. The fields are valid until the next
// line and while the line's memory is.
type fieldReader struct {
	options *plan.CopyOptions
	null    []byte
	fields  []field
	scratch []byte
}

func newFieldReader(o *plan.CopyOptions) *fieldReader {
	return &fieldReader{options: o, null: []byte(o.Null)}
}

// split returns the fields of a line.
func (f *fieldReader) split(line []byte) ([]field, error) {
	f.fields, f.scratch = f.fields[:0], f.scratch[:0]
	special := byte('\\')
	if f.options.Format == plan.CopyCSV {
		special = f.options.Quote
	}
	switch {
	case bytes.IndexByte(line, special) < 0:
		f.splitPlain(line)
		return f.fields, nil
	case f.options.Format == plan.CopyCSV:
		return f.fields, f.splitCSV(line)
	default:
		f.splitText(line)
		return f.fields, nil
	}
}

// splitPlain splits a line without quotes or escapes at its delimiters.
func (f *fieldReader) splitPlain(line []byte) {
	delimiter := f.options.Delimiter
	start := 0
	for i, ch := range line {
		if ch == delimiter {
			f.addPlain(line[start:i])
			start = i + 1
		}
	}
	f.addPlain(line[start:])
}

func (f *fieldReader) addPlain(value []byte) {
	null := len(value) == len(f.null) && string(value) == string(f.null)
	f.fields = append(f.fields, field{value: value, null: null})
}

// reserve makes room for the unescaped bytes of a line, so that fields stay
// where they are.
func (f *fieldReader) reserve(line []byte) {
	if cap(f.scratch) < len(line) {
		f.scratch = make([]byte, 0, len(line)+len(line)/2)
	}
}

// splitCSV splits a line by the rules of PostgreSQL's CopyReadAttributesCSV: a
// field may change between plain and quoted text any number of times.
func (f *fieldReader) splitCSV(line []byte) error {
	f.reserve(line)
	o := f.options
	for i := 0; ; i++ {
		rawStart, start, quoted := i, len(f.scratch), false
		for ; i < len(line) && line[i] != o.Delimiter; i++ {
			if line[i] != o.Quote {
				f.scratch = append(f.scratch, line[i])
				continue
			}
			quoted = true
			end, err := f.quotedPart(line, i+1)
			if err != nil {
				return err
			}
			i = end
		}
		raw := line[rawStart:i]
		f.fields = append(f.fields, field{
			value:  f.scratch[start:len(f.scratch):len(f.scratch)],
			null:   !quoted && string(raw) == string(f.null),
			quoted: quoted,
		})
		if i >= len(line) {
			return nil
		}
	}
}

// quotedPart unquotes from byte i on, and returns where the closing quote is.
func (f *fieldReader) quotedPart(line []byte, i int) (int, error) {
	o := f.options
	for ; i < len(line); i++ {
		ch := line[i]
		if ch == o.Escape && i+1 < len(line) && (line[i+1] == o.Escape || line[i+1] == o.Quote) {
			i++
			f.scratch = append(f.scratch, line[i])
			continue
		}
		if ch == o.Quote {
			return i, nil
		}
		f.scratch = append(f.scratch, ch)
	}
	return 0, sqlerr.New(sqlerr.BadCopyFileFormat, -1, "unterminated CSV quoted field")
}

// splitText splits a line of the text format and undoes its backslashes
// (https://www.postgresql.org/docs/15/sql-copy.html#id-1.9.3.55.9.2).
func (f *fieldReader) splitText(line []byte) {
	f.reserve(line)
	delimiter := f.options.Delimiter
	for i := 0; ; i++ {
		rawStart, start := i, len(f.scratch)
		for i < len(line) && line[i] != delimiter {
			if line[i] == '\\' && i+1 < len(line) {
				i = f.unescape(line, i+1)
				continue
			}
			f.scratch = append(f.scratch, line[i])
			i++
		}
		f.fields = append(f.fields, field{
			value: f.scratch[start:len(f.scratch):len(f.scratch)],
			null:  string(line[rawStart:i]) == string(f.null),
		})
		if i >= len(line) {
			return
		}
	}
}

// unescape adds what stands behind a backslash at byte i, and returns where it
// ends.
func (f *fieldReader) unescape(line []byte, i int) int {
	ch := line[i]
	switch {
	case ch >= '0' && ch <= '7':
		value, n := 0, 0
		for ; n < 3 && i+n < len(line) && line[i+n] >= '0' && line[i+n] <= '7'; n++ {
			value = value<<3 | int(line[i+n]-'0')
		}
		f.scratch = append(f.scratch, byte(value))
		return i + n
	case ch == 'x':
		value, n := 0, 0
		for ; n < 2 && i+1+n < len(line); n++ {
			digit, ok := hexDigit(line[i+1+n])
			if !ok {
				break
			}
			value = value<<4 | digit
		}
		if n == 0 {
			break
		}
		f.scratch = append(f.scratch, byte(value))
		return i + 1 + n
	}
	f.scratch = append(f.scratch, unescaped(ch))
	return i + 1
}

func unescaped(ch byte) byte {
	switch ch {
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	case 'v':
		return '\v'
	default:
		return ch
	}
}

func hexDigit(ch byte) (int, bool) {
	switch {
	case ch >= '0' && ch <= '9':
		return int(ch - '0'), true
	case ch >= 'a' && ch <= 'f':
		return int(ch-'a') + 10, true
	case ch >= 'A' && ch <= 'F':
		return int(ch-'A') + 10, true
	default:
		return 0, false
	}
}
