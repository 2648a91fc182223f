package session

import (
	"bytes"

	"millrace/planner/plan"
	"millrace/sql/sqlerr"
)

// lineEnd is how the lines of COPY data end. The first line shows it, and all
// others have to end alike.
type lineEnd uint8

const (
	lineEndUnknown lineEnd = iota
	lineEndLF
	lineEndCR
	lineEndCRLF
)

// lineReader cuts COPY data in text or CSV format into lines, by the rules of
// PostgreSQL's CopyReadLineText. Data comes in pieces of any size; what is
// known of an unfinished line is kept, so that each byte is looked at once.
type lineReader struct {
	csv           bool
	quote, escape byte
	end           lineEnd
	// line is the number of the current line, from 1; newlines in quotes count.
	line int64

	// buffer[start:] has not been given out; scan is how far it was looked at.
	buffer      []byte
	start, scan int
	inQuote     bool
	lastEscape  bool
	// finished says that the end marker was read.
	finished bool
}

func newLineReader(o *plan.CopyOptions) *lineReader {
	r := &lineReader{csv: o.Format == plan.CopyCSV, quote: o.Quote, escape: o.Escape}
	if r.escape == r.quote {
		// A doubled quote closes and opens again, so that it needs no care here.
		r.escape = 0
	}
	return r
}

// add appends data. Lines given out before are not valid any more.
func (r *lineReader) add(data []byte) {
	if r.start > 0 {
		n := copy(r.buffer, r.buffer[r.start:])
		r.buffer = r.buffer[:n]
		r.scan -= r.start
		r.start = 0
	}
	r.buffer = append(r.buffer, data...)
}

// unfinished returns how many bytes wait for the end of their line.
func (r *lineReader) unfinished() int { return len(r.buffer) - r.start }

// next returns the next line without its end. It returns ok false when the
// line is not complete; with last set no more data comes, and what is left is a
// line. At the end of the data it returns ok false with last set.
func (r *lineReader) next(last bool) (line []byte, ok bool, err error) {
	if r.finished {
		return nil, false, nil
	}
	if line, ok := r.nextPlain(); ok {
		return line, true, nil
	}
	return r.nextCareful(last)
}

// nextPlain is the fast path: a line that ends with \n, as the lines before,
// and has no quote, backslash or carriage return in it.
func (r *lineReader) nextPlain() ([]byte, bool) {
	if r.scan != r.start || r.end != lineEndLF && r.end != lineEndCRLF {
		return nil, false
	}
	rest := r.buffer[r.start:]
	n := bytes.IndexByte(rest, '\n')
	if n < 0 {
		return nil, false
	}
	line := rest[:n]
	if r.end == lineEndCRLF {
		if n == 0 || line[n-1] != '\r' {
			return nil, false
		}
		line = line[:n-1]
	}
	if bytes.IndexByte(line, '\r') >= 0 {
		return nil, false
	}
	if r.csv {
		if bytes.IndexByte(line, r.quote) >= 0 || len(line) > 0 && line[0] == '\\' {
			return nil, false
		}
	} else if bytes.IndexByte(line, '\\') >= 0 {
		return nil, false
	}
	r.line++
	r.start += n + 1
	r.scan = r.start
	return line, true
}

// nextCareful looks at every byte, and goes on where it stopped for want of
// data.
func (r *lineReader) nextCareful(last bool) (line []byte, ok bool, err error) {
	for i := r.scan; i < len(r.buffer); i++ {
		ch := r.buffer[i]
		if r.csv {
			r.trackQuote(ch)
		}
		if r.csv && r.inQuote {
			r.scan = i + 1
			continue
		}
		switch ch {
		case '\r':
			if i+1 == len(r.buffer) && !last && r.end != lineEndLF && r.end != lineEndCR {
				return r.wait(i)
			}
			length, err := r.carriageReturn(i)
			if err != nil {
				r.line++
				return r.buffer[r.start:i], false, err
			}
			return r.cut(i, length), true, nil
		case '\n':
			if r.end == lineEndCR || r.end == lineEndCRLF {
				r.line++
				return r.buffer[r.start:i], false, r.badLineEnd("newline", `\n`)
			}
			r.end = lineEndLF
			return r.cut(i, 1), true, nil
		case '\\':
			if r.csv && i != r.start {
				break
			}
			skip, marker, enough, err := r.backslash(i, last)
			switch {
			case err != nil:
				r.line++
				return r.buffer[r.start:i], false, err
			case !enough:
				return r.wait(i)
			case marker:
				line := r.buffer[r.start:i]
				r.finished = true
				if len(line) == 0 {
					return nil, false, nil
				}
				r.line++
				return line, true, nil
			}
			i += skip
		}
		r.scan = i + 1
	}
	if !last || r.start >= len(r.buffer) {
		return nil, false, nil
	}
	return r.cut(len(r.buffer), 0), true, nil
}

// wait stops in front of byte i until there is more data.
func (r *lineReader) wait(i int) ([]byte, bool, error) {
	r.scan = i
	return nil, false, nil
}

// cut gives out the line that ends before byte i, with length bytes of line end.
func (r *lineReader) cut(i, length int) []byte {
	line := r.buffer[r.start:i]
	r.start = min(i+length, len(r.buffer))
	r.scan = r.start
	r.line++
	r.inQuote, r.lastEscape = false, false
	return line
}

// trackQuote follows whether a byte stands in quotes. The escape character
// counts inside of quotes and in front of a quote only.
func (r *lineReader) trackQuote(ch byte) {
	if r.inQuote && ch == r.escape {
		r.lastEscape = !r.lastEscape
	}
	if ch == r.quote && !r.lastEscape {
		r.inQuote = !r.inQuote
	}
	if ch != r.escape {
		r.lastEscape = false
	}
	newline := byte('\n')
	if r.end == lineEndCR || r.end == lineEndCRLF {
		newline = '\r'
	}
	if r.inQuote && ch == newline {
		r.line++
	}
}

// carriageReturn decides on the \r at byte i, and returns the length of the line
// end that begins with it.
func (r *lineReader) carriageReturn(i int) (int, error) {
	switch r.end {
	case lineEndUnknown, lineEndCRLF:
		if i+1 < len(r.buffer) && r.buffer[i+1] == '\n' {
			r.end = lineEndCRLF
			return 2, nil
		}
		if r.end == lineEndCRLF {
			return 0, r.badLineEnd("carriage return", `\r`)
		}
		r.end = lineEndCR
	case lineEndLF:
		return 0, r.badLineEnd("carriage return", `\r`)
	}
	return 1, nil
}

func (r *lineReader) badLineEnd(what, escape string) error {
	if r.csv {
		return sqlerr.New(sqlerr.BadCopyFileFormat, -1, "unquoted %s found in data", what).
			WithHint("Use quoted CSV field to represent %s.", what)
	}
	return sqlerr.New(sqlerr.BadCopyFileFormat, -1, "literal %s found in data", what).
		WithHint(`Use "%s" to represent %s.`, escape, what)
}

// backslash decides on the backslash at byte i: whether it begins the end
// marker, else how many bytes behind it to pass over. It needs enough data to
// see the whole marker.
func (r *lineReader) backslash(i int, last bool) (skip int, marker, enough bool, err error) {
	rest := r.buffer[i+1:]
	if len(rest) == 0 {
		return 0, false, last, nil
	}
	if rest[0] != '.' {
		if r.csv {
			return 0, false, true, nil
		}
		return 1, false, true, nil
	}
	rest = rest[1:]
	if len(rest) == 0 || r.end == lineEndCRLF && len(rest) == 1 && rest[0] == '\r' {
		if !last {
			return 0, false, false, nil
		}
		if r.end == lineEndCRLF && len(rest) == 1 {
			return 0, false, false, r.badMarker("does not match previous newline style")
		}
		return 0, true, true, nil
	}
	if r.end == lineEndCRLF {
		switch {
		case rest[0] == '\n':
			return r.notMarker("does not match previous newline style")
		case rest[0] != '\r':
			return r.notMarker("corrupt")
		}
		rest = rest[1:]
	}
	switch {
	case rest[0] != '\r' && rest[0] != '\n':
		return r.notMarker("corrupt")
	case r.end == lineEndCR && rest[0] != '\r', (r.end == lineEndLF || r.end == lineEndCRLF) && rest[0] != '\n':
		return 0, false, false, r.badMarker("does not match previous newline style")
	}
	return 0, true, true, nil
}

// notMarker is \. that does not end the data: a value in CSV, an error in text.
func (r *lineReader) notMarker(why string) (skip int, marker, enough bool, err error) {
	if r.csv {
		return 1, false, true, nil
	}
	return 0, false, false, r.badMarker(why)
}

func (r *lineReader) badMarker(why string) error {
	return sqlerr.New(sqlerr.BadCopyFileFormat, -1, "end-of-copy marker %s", why)
}
