package session

import (
	"bytes"
	"fmt"

	"millrace/planner/plan"
	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// lineDecoder decodes COPY data in text and CSV format.
type lineDecoder struct {
	loader  *copyLoader
	options *plan.CopyOptions
	lines   *lineReader
	fields  *fieldReader
	header  plan.CopyHeader
	// line and field tell where an error is: the line's text, while it is known,
	// and the number of the field or -1.
	line    []byte
	hasLine bool
	field   int
	value   field
	null    []byte
}

func newLineDecoder(l *copyLoader) *lineDecoder {
	o := &l.plan.Options
	return &lineDecoder{
		loader: l, options: o, lines: newLineReader(o), fields: newFieldReader(o),
		header: o.Header, null: []byte(o.Null), field: -1,
	}
}

func (d *lineDecoder) add(data []byte) { d.lines.add(data) }

func (d *lineDecoder) lastRow() (line int64, text []byte) { return d.lines.line, d.line }

func (d *lineDecoder) finished() bool { return d.lines.finished }

func (d *lineDecoder) row(last bool) (bool, error) {
	for {
		d.line, d.hasLine, d.field = nil, false, -1
		line, ok, err := d.lines.next(last)
		if !ok && err == nil && d.header == plan.CopyHeaderMatch && (last || d.lines.finished) {
			// Without any line the header is missing.
			ok, d.lines.line = true, 1
		}
		if err == nil && !ok {
			err = checkRowSize(d.lines.unfinished())
		}
		if err != nil || !ok {
			return false, err
		}
		d.line, d.hasLine = line, true
		header := d.header
		d.header = plan.CopyNoHeader
		if header == plan.CopyHeaderLine {
			continue
		}
		fields, err := d.fields.split(line)
		if err != nil {
			return false, err
		}
		if header == plan.CopyNoHeader {
			return true, d.appendRow(line, fields)
		}
		if err := d.matchHeader(fields); err != nil {
			return false, err
		}
	}
}

// appendRow appends the fields of a line as a row.
func (d *lineDecoder) appendRow(line []byte, fields []field) error {
	l := d.loader
	if len(l.fields) == 0 {
		if len(line) > 0 {
			return sqlerr.New(sqlerr.BadCopyFileFormat, -1, "extra data after last expected column")
		}
		return nil
	}
	if len(fields) > len(l.fields) {
		return sqlerr.New(sqlerr.BadCopyFileFormat, -1, "extra data after last expected column")
	}
	for i := range l.fields {
		if i >= len(fields) {
			return sqlerr.New(sqlerr.BadCopyFileFormat, -1, "missing data for column %q", l.fieldName(i))
		}
		f := &fields[i]
		null := f.null
		if d.options.Format == plan.CopyCSV {
			null = d.forced(i, f)
		}
		if null {
			l.fields[i].Append(types.Null)
			continue
		}
		if err := types.ParseTextIntoArena(l.fields[i], f.value, l.format, l.arena); err != nil {
			if sqlerr.CodeOf(err) == sqlerr.CharacterNotInRepertoire {
				// PostgreSQL refuses the line before it looks for columns.
				d.hasLine = false
				return err
			}
			d.field, d.value = i, *f
			return err
		}
	}
	return nil
}

// forced applies FORCE_NOT_NULL and FORCE_NULL, and returns whether the field is
// NULL.
func (d *lineDecoder) forced(i int, f *field) bool {
	o := d.options
	switch {
	case f.null && o.ForceNotNull != nil && o.ForceNotNull[i]:
		return false
	case !f.null && o.ForceNull != nil && o.ForceNull[i]:
		return bytes.Equal(f.value, d.null)
	default:
		return f.null
	}
}

// matchHeader checks a line of column names.
func (d *lineDecoder) matchHeader(fields []field) error {
	l := d.loader
	if len(fields) != len(l.fields) {
		return sqlerr.New(sqlerr.BadCopyFileFormat, -1, "wrong number of fields in header line: got %d, expected %d",
			len(fields), len(l.fields))
	}
	for i := range fields {
		want := l.fieldName(i)
		if fields[i].null {
			return sqlerr.New(sqlerr.BadCopyFileFormat, -1,
				"column name mismatch in header line field %d: got null value (\"%s\"), expected \"%s\"", i+1, d.options.Null, want)
		}
		if string(fields[i].value) != want {
			return sqlerr.New(sqlerr.BadCopyFileFormat, -1,
				"column name mismatch in header line field %d: got \"%s\", expected \"%s\"", i+1, fields[i].value, want)
		}
	}
	return nil
}

// fieldName returns the name of the column that a field goes to.
func (l *copyLoader) fieldName(i int) string {
	column := l.plan.Columns[i]
	switch column {
	case plan.FetchRowtime:
		return "rowtime"
	case plan.FetchHeaders:
		return "headers"
	}
	return l.plan.Target.Columns[column].Name
}

// where gives PostgreSQL's CONTEXT line.
func (d *lineDecoder) where() string {
	place := fmt.Sprintf("COPY %s, line %d", d.loader.plan.Target.Name, max(1, d.lines.line))
	switch {
	case d.field >= 0:
		return fmt.Sprintf("%s, column %s: \"%s\"", place, d.loader.fieldName(d.field), shortText(d.value.value))
	case d.hasLine:
		return fmt.Sprintf("%s: \"%s\"", place, shortText(d.line))
	default:
		return place
	}
}
