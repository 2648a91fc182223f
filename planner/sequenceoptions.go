package planner

import (
	"math"
	"strings"

	"millrace/sql/ast"
	"millrace/sql/catalog"
	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// sequenceOptions reads the options of a sequence into its descriptor.
type sequenceOptions struct {
	sequence *catalog.Sequence
	// fresh tells CREATE from ALTER, identity an identity column's sequence.
	fresh, identity bool
	restart         bool
	restartWith     int64
	given           map[string]*ast.Option
}

func (o *sequenceOptions) read(b *binder, list []*ast.Option) error {
	o.given = map[string]*ast.Option{}
	for _, option := range list {
		name := strings.TrimPrefix(option.Name, "no ")
		if o.given[name] != nil {
			return sqlerr.New(sqlerr.SyntaxError, option.Pos(), "conflicting or redundant options")
		}
		o.given[name] = option
		if name == "sequence name" && !o.identity {
			return sqlerr.New(sqlerr.SyntaxError, option.Pos(), "invalid sequence option SEQUENCE NAME")
		}
	}
	for _, step := range []func() error{
		o.readType, o.readIncrement, o.readBounds, o.readStart, o.readRestart, o.readCache,
		func() error { return o.readOwner(b) },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	if option := o.given["cycle"]; option != nil {
		o.sequence.Cycle = option.Name == "cycle"
	}
	return nil
}

// number returns the value of an option.
func (o *sequenceOptions) number(option *ast.Option) (int64, error) {
	text := strings.TrimPrefix(strings.ReplaceAll(ast.String(option.Value), " ", ""), "+")
	d, err := types.ParseText(types.Int8, text, types.DefaultFormat())
	if err != nil {
		return 0, sqlerr.From(err).At(option.Value.Pos())
	}
	return d.Int, nil
}

func invalidSequence(pos int, format string, args ...any) error {
	return sqlerr.New(sqlerr.InvalidParameterValue, pos, format, args...)
}

// bounds returns the smallest and the largest value of an integer type.
func bounds(t types.Type) (least, most int64) {
	switch t.Kind {
	case types.KindInt2:
		return math.MinInt16, math.MaxInt16
	case types.KindInt4:
		return math.MinInt32, math.MaxInt32
	default:
		return math.MinInt64, math.MaxInt64
	}
}

func (o *sequenceOptions) readType() error {
	option := o.given["as"]
	if option == nil {
		return nil
	}
	if o.identity {
		return sqlerr.New(sqlerr.SyntaxError, option.Pos(), "conflicting or redundant options")
	}
	name, err := optionText(option)
	if err != nil {
		return err
	}
	t, err := types.TypeByName(strings.TrimPrefix(strings.ToLower(name), "pg_catalog."), nil)
	if err != nil {
		return sqlerr.From(err).At(option.Value.Pos())
	}
	switch t.Kind {
	case types.KindInt2, types.KindInt4, types.KindInt8:
	default:
		return invalidSequence(option.Value.Pos(), "sequence type must be smallint, integer, or bigint")
	}
	if !o.fresh {
		// Bounds that were those of the old type become those of the new one.
		least, most := bounds(o.sequence.Type)
		newLeast, newMost := bounds(t)
		if o.sequence.Max == most {
			o.sequence.Max = newMost
		}
		if o.sequence.Min == least {
			o.sequence.Min = newLeast
		}
	}
	o.sequence.Type = t
	return nil
}

func (o *sequenceOptions) readIncrement() error {
	option := o.given["increment"]
	if option == nil {
		if o.fresh {
			o.sequence.Increment = 1
		}
		return nil
	}
	n, err := o.number(option)
	if err != nil {
		return err
	}
	if n == 0 {
		return invalidSequence(option.Pos(), "INCREMENT must not be zero")
	}
	o.sequence.Increment = n
	return nil
}

func (o *sequenceOptions) readBounds() error {
	q := o.sequence
	least, most := bounds(q.Type)
	for _, bound := range []struct {
		option string
		to     *int64
		// ascending and descending are what the bound is unless it is given.
		ascending, descending int64
	}{
		{"maxvalue", &q.Max, most, -1},
		{"minvalue", &q.Min, 1, least},
	} {
		option := o.given[bound.option]
		switch {
		case option != nil && option.Value != nil:
			n, err := o.number(option)
			if err != nil {
				return err
			}
			*bound.to = n
		case option != nil || o.fresh:
			*bound.to = bound.ascending
			if q.Increment < 0 {
				*bound.to = bound.descending
			}
		}
		if *bound.to < least || *bound.to > most {
			return invalidSequence(o.at(bound.option), "%s (%d) is out of range for sequence data type %s", strings.ToUpper(bound.option), *bound.to, q.Type.BaseName())
		}
	}
	if q.Min >= q.Max {
		return invalidSequence(o.at("minvalue"), "MINVALUE (%d) must be less than MAXVALUE (%d)", q.Min, q.Max)
	}
	return nil
}

// at is where an option stands, -1 where it is not given.
func (o *sequenceOptions) at(name string) int {
	if option := o.given[name]; option != nil {
		return option.Pos()
	}
	return -1
}

func (o *sequenceOptions) readStart() error {
	q := o.sequence
	if option := o.given["start"]; option != nil {
		n, err := o.number(option)
		if err != nil {
			return err
		}
		q.Start = n
	} else if o.fresh {
		q.Start = q.Min
		if q.Increment < 0 {
			q.Start = q.Max
		}
	}
	if q.Start < q.Min {
		return invalidSequence(o.at("start"), "START value (%d) cannot be less than MINVALUE (%d)", q.Start, q.Min)
	}
	if q.Start > q.Max {
		return invalidSequence(o.at("start"), "START value (%d) cannot be greater than MAXVALUE (%d)", q.Start, q.Max)
	}
	return nil
}

func (o *sequenceOptions) readRestart() error {
	option := o.given["restart"]
	if option == nil {
		return nil
	}
	if o.fresh {
		return sqlerr.New(sqlerr.SyntaxError, option.Pos(), "RESTART is for ALTER SEQUENCE")
	}
	o.restart, o.restartWith = true, o.sequence.Start
	if option.Value == nil {
		return nil
	}
	var err error
	o.restartWith, err = o.number(option)
	return err
}

func (o *sequenceOptions) readCache() error {
	option := o.given["cache"]
	if option == nil {
		if o.fresh {
			o.sequence.Cache = 1
		}
		return nil
	}
	n, err := o.number(option)
	if err != nil {
		return err
	}
	if n <= 0 {
		return invalidSequence(option.Pos(), "CACHE (%d) must be greater than zero", n)
	}
	o.sequence.Cache = n
	return nil
}

func (o *sequenceOptions) readOwner(b *binder) error {
	option := o.given["owned by"]
	if option == nil {
		return nil
	}
	if o.sequence.Identity {
		return notSupported(option.Pos(), "cannot change ownership of identity sequence").
			WithDetail("Sequence %q is linked to table %q.", o.sequence.Name, b.env.Catalog.Relation(o.sequence.Owner).Name)
	}
	text, err := optionText(option)
	if err != nil {
		return err
	}
	parts := strings.Split(text, ".")
	if len(parts) == 1 {
		if text != "none" {
			return sqlerr.New(sqlerr.SyntaxError, option.Pos(), "invalid OWNED BY option").
				WithHint("Specify OWNED BY table.column or OWNED BY NONE.")
		}
		o.sequence.Owner, o.sequence.OwnerColumn = 0, 0
		return nil
	}
	name := &ast.Name{Span: ast.Span{Start: ast.Position(option.Value.Pos())}, Parts: parts[:len(parts)-1]}
	r, err := b.relation(name)
	if err != nil {
		return err
	}
	if r == nil {
		return b.undefinedTable(name)
	}
	column := r.Column(parts[len(parts)-1])
	if column < 0 || r.Columns[column].Hidden {
		return sqlerr.New(sqlerr.UndefinedColumn, option.Value.Pos(), "column %q of relation %q does not exist", parts[len(parts)-1], r.Name)
	}
	o.sequence.Owner, o.sequence.OwnerColumn = r.ID, column
	return nil
}
