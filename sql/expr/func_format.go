package expr

import (
	"strconv"
	"strings"

	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

func concatAny(ctx *Context, args []*types.Vector, row []types.Datum, _ types.Type) (types.Datum, error) {
	return joinText(ctx, args, row, "")
}

func concatSeparated(ctx *Context, args []*types.Vector, row []types.Datum, _ types.Type) (types.Datum, error) {
	if !row[0].Valid {
		return types.Null, nil
	}
	return joinText(ctx, args[1:], row[1:], row[0].Str)
}

// joinText joins the printed values that are not NULL.
func joinText(ctx *Context, args []*types.Vector, row []types.Datum, separator string) (types.Datum, error) {
	var out strings.Builder
	first := true
	for i, d := range row {
		if !d.Valid {
			continue
		}
		text, err := textOf(ctx, args[i].Type, d)
		if err != nil {
			return types.Null, err
		}
		if !first {
			out.WriteString(separator)
		}
		first = false
		out.WriteString(text)
	}
	return types.StringDatum(out.String()), nil
}

// formatText is format(): %s, %I, %L and %%, with positions and widths
// (https://www.postgresql.org/docs/15/functions-string.html#FUNCTIONS-STRING-FORMAT).
func formatText(ctx *Context, args []*types.Vector, row []types.Datum, _ types.Type) (types.Datum, error) {
	if !row[0].Valid {
		return types.Null, nil
	}
	f := formatter{ctx: ctx, args: args[1:], row: row[1:], template: row[0].Str}
	text, err := f.run()
	return types.StringDatum(text), err
}

// formatter interprets one template.
type formatter struct {
	ctx      *Context
	args     []*types.Vector
	row      []types.Datum
	template string
	at       int // in the template
	next     int // argument that is used without a position
	out      strings.Builder
}

func (f *formatter) run() (string, error) {
	for f.at < len(f.template) {
		c := f.template[f.at]
		f.at++
		if c != '%' {
			f.out.WriteByte(c)
			continue
		}
		if err := f.specifier(); err != nil {
			return "", err
		}
	}
	return f.out.String(), nil
}

var errUnterminatedFormat = sqlerr.New(sqlerr.InvalidParameterValue, -1, "unterminated format() type specifier").
	WithHint("For a single \"%%\" use \"%%%%\".")

// specifier handles what follows a percent sign: position$, -, width, type.
func (f *formatter) specifier() error {
	if f.at < len(f.template) && f.template[f.at] == '%' {
		f.at++
		f.out.WriteByte('%')
		return nil
	}
	position, width, leftAlign := -1, 0, false
	n, isNumber := f.number()
	if isNumber && f.at < len(f.template) && f.template[f.at] == '$' {
		if n == 0 {
			return sqlerr.New(sqlerr.InvalidParameterValue, -1, "format specifies argument 0, but arguments are numbered from 1")
		}
		position = n - 1
		f.at++
		isNumber = false
	}
	if !isNumber {
		for f.at < len(f.template) && f.template[f.at] == '-' {
			leftAlign = true
			f.at++
		}
		var err error
		if n, err = f.width(); err != nil {
			return err
		}
	}
	if width = n; width < 0 {
		leftAlign, width = true, -width
	}
	if f.at >= len(f.template) {
		return errUnterminatedFormat
	}
	kind := f.template[f.at]
	f.at++
	if strings.IndexByte("sIL", kind) < 0 {
		return sqlerr.New(sqlerr.InvalidParameterValue, -1, "unrecognized format() type specifier \"%c\"", kind).
			WithHint("For a single \"%%\" use \"%%%%\".")
	}
	if position < 0 {
		position = f.next
	}
	f.next = position + 1
	return f.value(kind, position, width, leftAlign)
}

// width reads a number, * or *n$.
func (f *formatter) width() (int, error) {
	if f.at < len(f.template) && f.template[f.at] == '*' {
		f.at++
		position := f.next
		if n, ok := f.number(); ok {
			if f.at >= len(f.template) || f.template[f.at] != '$' {
				return 0, sqlerr.New(sqlerr.InvalidParameterValue, -1, "width argument position must be ended by \"$\"")
			}
			f.at++
			position = n - 1
		}
		f.next = position + 1
		if position >= len(f.row) {
			return 0, errTooFewFormat
		}
		if !f.row[position].Valid {
			return 0, nil
		}
		text, err := textOf(f.ctx, f.args[position].Type, f.row[position])
		if err != nil {
			return 0, err
		}
		width, err := types.ParseText(types.Int4, text, types.DefaultFormat())
		return int(width.Int), err
	}
	n, _ := f.number()
	return n, nil
}

func (f *formatter) number() (int, bool) {
	start := f.at
	for f.at < len(f.template) && f.template[f.at] >= '0' && f.template[f.at] <= '9' {
		f.at++
	}
	n, err := strconv.Atoi(f.template[start:f.at])
	return n, err == nil
}

var errTooFewFormat = sqlerr.New(sqlerr.InvalidParameterValue, -1, "too few arguments for format()")

func (f *formatter) value(kind byte, position, width int, leftAlign bool) error {
	if position >= len(f.row) {
		return errTooFewFormat
	}
	d := f.row[position]
	text := ""
	switch {
	case !d.Valid && kind == 'I':
		return sqlerr.New(sqlerr.NullValueNotAllowed, -1, "null values cannot be formatted as an SQL identifier")
	case !d.Valid && kind == 'L':
		text = "NULL"
	case d.Valid:
		var err error
		if text, err = textOf(f.ctx, f.args[position].Type, d); err != nil {
			return err
		}
		switch kind {
		case 'I':
			text = QuoteIdentifier(text)
		case 'L':
			text = quoteLiteral(text)
		}
	}
	padding := strings.Repeat(" ", max(0, width-int(characters(text))))
	if leftAlign {
		f.out.WriteString(text + padding)
	} else {
		f.out.WriteString(padding + text)
	}
	return nil
}
