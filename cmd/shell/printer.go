package shell

import (
	"io"

	"github.com/jackc/pgx/v5/pgtype"
)

// Format is how rows are written.
type Format uint8

// Formats.
const (
	// Aligned has columns of equal width, as psql prints at a terminal.
	Aligned Format = iota
	// Unaligned has a separator between values.
	Unaligned
	// CSV is RFC 4180's.
	CSV
	// JSON has one object per line and row.
	JSON
)

// look is how results are printed.
type look struct {
	format     Format
	expanded   bool
	tuplesOnly bool
	// null stands for NULL.
	null string
	// separator is between the values of unaligned rows.
	separator string
	// title stands above a table, footers below in place of the number of rows.
	title   string
	footers []string
}

// printer prints results one after the other: begin, rows, and then end or abandon.
type printer interface {
	begin(fields []field)
	row(values [][]byte)
	// pause shows what has been gathered; rows behind it are shown at once.
	pause()
	end()
	// abandon ends a result behind an error: what is not shown is dropped.
	abandon()
}

// printerFor returns the printer of a request.
func (s *Shell) printerFor(r request) printer {
	look := s.look
	if r.look != nil {
		look = *r.look
	}
	return newPrinter(s.results(), look, s.styled && s.redirected == nil)
}

func newPrinter(out io.Writer, look look, styled bool) printer {
	switch {
	case look.format == JSON:
		return &jsonPrinter{out: out}
	case look.format != Aligned:
		return &plainPrinter{out: out, look: look}
	case look.expanded:
		return &expandedPrinter{out: out, look: look}
	}
	return &alignedPrinter{out: out, look: look, styled: styled}
}

// isNumeric says whether values of a type stand at the right of their column.
func isNumeric(oid uint32) bool {
	const money, xid8 = 790, 5069
	switch oid {
	case pgtype.Int2OID, pgtype.Int4OID, pgtype.Int8OID, pgtype.Float4OID, pgtype.Float8OID, pgtype.NumericOID,
		pgtype.OIDOID, pgtype.XIDOID, pgtype.CIDOID, money, xid8:
		return true
	}
	return false
}

// usualWidth is the width of a column of a type whose values are not known yet.
func usualWidth(oid uint32) int {
	switch oid {
	case pgtype.BoolOID:
		return 1
	case pgtype.Int2OID, pgtype.Int4OID:
		return 6
	case pgtype.Int8OID, pgtype.Float8OID, pgtype.NumericOID, pgtype.DateOID:
		return 10
	case pgtype.TimestamptzOID:
		return len("2001-01-01 00:00:00.000+00")
	case pgtype.TimestampOID:
		return len("2001-01-01 00:00:00.000")
	case pgtype.UUIDOID:
		return 36
	}
	return 12
}
