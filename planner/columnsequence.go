package planner

import (
	"strings"

	"millrace/sql/ast"
	"millrace/sql/catalog"
	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// serialType returns the type of a column that is declared as serial.
func serialType(name *ast.TypeName) (types.Type, bool) {
	t, is := serialTypes[name.Name]
	return t, is && len(name.ArrayBounds) == 0 && !name.SetOf && name.Element == nil && name.Key == nil
}

// columnSequence makes the sequence that gives a column its values.
func (cb *createBinder) columnSequence(number int, options []*ast.Option, identity bool) (*catalog.Sequence, error) {
	r := cb.relation
	column := &r.Columns[number]
	q := catalog.Sequence{Schema: r.Schema, Type: column.Type, OwnerColumn: number, Identity: identity}
	o := &sequenceOptions{sequence: &q, fresh: true, identity: identity}
	if err := o.read(cb.binder, options); err != nil {
		return nil, err
	}
	if option := o.given["sequence name"]; option != nil {
		// pg_dump's way to keep the name of an identity column's sequence.
		text, err := optionText(option)
		if err != nil {
			return nil, err
		}
		q.Name = text[strings.LastIndexByte(text, '.')+1:]
		if cb.env.Catalog.NameTaken(r.Schema, q.Name) {
			return nil, sqlerr.New(sqlerr.DuplicateTable, option.Pos(), "relation %q already exists", q.Name)
		}
		cb.sequences = append(cb.sequences, q)
		return &q, nil
	}
	besides := []string{r.Name}
	for i := range cb.sequences {
		besides = append(besides, cb.sequences[i].Name)
	}
	q.Name = cb.env.Catalog.ChooseName(r.Schema, r.Name, []string{column.Name}, "seq", besides...)
	cb.sequences = append(cb.sequences, q)
	return &q, nil
}

// serial makes a column one that takes its values from a sequence by default.
func (cb *createBinder) serial(number int) error {
	q, err := cb.columnSequence(number, nil, false)
	if err != nil {
		return err
	}
	column := &cb.relation.Columns[number]
	column.NotNull, column.Default = true, SequenceDefault(q)
	return nil
}

// SequenceDefault is the text of the default that takes the next value of a
// sequence.
func SequenceDefault(q *catalog.Sequence) string {
	parts := []string{q.Name}
	if q.Schema != catalog.DefaultSchema {
		parts = []string{q.Schema, q.Name}
	}
	return nextValueText(ast.String(&ast.ColumnRef{Parts: parts}))
}

// nextValueText is a call of nextval as PostgreSQL shows it.
func nextValueText(name string) string {
	return "nextval(" + ast.String(&ast.StringLiteral{Value: name}) + "::regclass)"
}

// defaultText is the text of a DEFAULT expression as the catalog keeps it.
func defaultText(e ast.Expr) string {
	if call, ok := e.(*ast.FunctionCall); ok && call.Name.Last() == "nextval" && len(call.Args) == 1 {
		arg := call.Args[0]
		if cast, ok := arg.(*ast.Cast); ok && cast.Type.Name == "regclass" {
			arg = cast.Operand
		}
		if literal, ok := arg.(*ast.StringLiteral); ok {
			return nextValueText(literal.Value)
		}
	}
	return ast.String(e)
}

// identity makes a column an identity column.
func (cb *createBinder) identity(c *ast.ColumnConstraint, number int) error {
	column := &cb.relation.Columns[number]
	switch {
	case column.Identity != catalog.NotIdentity:
		return sqlerr.New(sqlerr.SyntaxError, c.Pos(), "multiple identity specifications for column %q of table %q", column.Name, cb.relation.Name)
	case column.Default != "":
		return sqlerr.New(sqlerr.SyntaxError, c.Pos(), "both default and identity specified for column %q of table %q", column.Name, cb.relation.Name)
	case column.Generated != "":
		return sqlerr.New(sqlerr.SyntaxError, c.Pos(), "both identity and generation expression specified for column %q of table %q", column.Name, cb.relation.Name)
	}
	switch column.Type.Kind {
	case types.KindInt2, types.KindInt4, types.KindInt8:
	default:
		return sqlerr.New(sqlerr.InvalidParameterValue, c.Pos(), "identity column type must be smallint, integer, or bigint")
	}
	if nullable, said := cb.nullable[column.Name]; said && nullable {
		return cb.conflictingNull(column, c.Pos())
	}
	if _, err := cb.columnSequence(number, c.Sequence, true); err != nil {
		return err
	}
	column.Identity, column.NotNull = catalog.IdentityAlways, true
	if c.ByDefault {
		column.Identity = catalog.IdentityByDefault
	}
	cb.nullable = withEntry(cb.nullable, column.Name, false)
	return nil
}
