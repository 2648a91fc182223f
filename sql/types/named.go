package types

import (
	"cmp"
	"math"
	"slices"

	"millrace/sql/sqlerr"
)

// Named is what is said of a type that a user made with CREATE TYPE
// (https://www.postgresql.org/docs/15/sql-createtype.html). It is shared and never
// changed: a type that is altered has another Named with the same ID.
type Named struct {
	// ID and Array are the OIDs of the type and of its arrays.
	ID, Array uint32
	// Schema and Name are the type's name.
	Schema, Name string
	// Labels are the values of an enum, in order.
	Labels []EnumLabel
}

// EnumLabel is one value of an enum. A datum of the type is its Position, so that values
// compare as integers; positions leave room between them, in which values can be added
// later without changing those that are stored.
type EnumLabel struct {
	// ID is the OID that pg_enum shows.
	ID       uint32
	Label    string
	Position int64
}

// enumSpace is the distance of the positions of values that are added at an end.
const enumSpace = 1 << 40

// MaxEnumLabel is the largest number of bytes of a label, as in PostgreSQL.
const MaxEnumLabel = 63

// String returns the type's name as format_type prints it.
func (n *Named) String() string {
	if n.Schema == "" || n.Schema == "public" {
		return QuoteIdentifier(n.Name)
	}
	return QuoteIdentifier(n.Schema) + "." + QuoteIdentifier(n.Name)
}

// Label returns the label of a value, "" where there is none.
func (n *Named) Label(position int64) string {
	i, found := slices.BinarySearchFunc(n.Labels, position, func(l EnumLabel, position int64) int {
		return cmp.Compare(l.Position, position)
	})
	if !found {
		return ""
	}
	return n.Labels[i].Label
}

// Position returns the value with a label, 22P02 where there is none.
func (n *Named) Position(label string) (int64, error) {
	for i := range n.Labels {
		if n.Labels[i].Label == label {
			return n.Labels[i].Position, nil
		}
	}
	return 0, sqlerr.New(sqlerr.InvalidTextRepresentation, -1, "invalid input value for enum %s: \"%s\"", n, label)
}

// WithLabel returns the enum with a label more, put at place i of its labels, 54000
// where there is no room between its neighbours.
func (n *Named) WithLabel(i int, label EnumLabel) (*Named, error) {
	low, high := int64(math.MinInt64), int64(math.MaxInt64)
	if i > 0 {
		low = n.Labels[i-1].Position
	}
	if i < len(n.Labels) {
		high = n.Labels[i].Position
	}
	switch {
	case len(n.Labels) == 0:
		label.Position = 0
	case i == len(n.Labels) && low <= math.MaxInt64-enumSpace:
		label.Position = low + enumSpace
	case i == 0 && high >= math.MinInt64+enumSpace:
		label.Position = high - enumSpace
	default:
		label.Position = low + (high-low)/2
	}
	if label.Position == low || label.Position == high {
		return nil, sqlerr.New(sqlerr.ProgramLimitExceeded, -1, "there is no room for another value of enum %s in this place", n)
	}
	next := *n
	next.Labels = slices.Insert(slices.Clone(n.Labels), i, label)
	return &next, nil
}

// EnumOf returns the enum type that n describes.
func EnumOf(n *Named) Type { return Type{Kind: KindEnum, Mod: -1, Named: n} }

// HasNamed reports whether CREATE TYPE made the type or one of its parts.
func (t Type) HasNamed() bool {
	if t.Named != nil || t.Elem != nil && t.Elem.HasNamed() || t.Key != nil && t.Key.HasNamed() {
		return true
	}
	return slices.ContainsFunc(t.Fields, func(f Field) bool { return f.Type.HasNamed() })
}

// ReplaceNamed returns the type with each part that CREATE TYPE made replaced by what
// replace returns for it. Parts that are replaced are not looked into.
func (t Type) ReplaceNamed(replace func(n *Named) (Type, error)) (Type, error) {
	if !t.HasNamed() {
		return t, nil
	}
	if t.Named != nil {
		return replace(t.Named)
	}
	for _, part := range []**Type{&t.Elem, &t.Key} {
		if *part == nil {
			continue
		}
		replaced, err := (*part).ReplaceNamed(replace)
		if err != nil {
			return t, err
		}
		*part = &replaced
	}
	t.Fields = slices.Clone(t.Fields)
	for i := range t.Fields {
		replaced, err := t.Fields[i].Type.ReplaceNamed(replace)
		if err != nil {
			return t, err
		}
		t.Fields[i].Type = replaced
	}
	return t, nil
}

// Identical reports whether the types are the same in everything, also in what is said
// of those that CREATE TYPE made.
func (t Type) Identical(u Type) bool {
	if t.Kind != u.Kind || t.Mod != u.Mod || t.Vector != u.Vector || len(t.Fields) != len(u.Fields) {
		return false
	}
	if (t.Named == nil) != (u.Named == nil) || t.Named != nil && !t.Named.identical(u.Named) {
		return false
	}
	for i := range t.Fields {
		if t.Fields[i].Name != u.Fields[i].Name || !t.Fields[i].Type.Identical(u.Fields[i].Type) {
			return false
		}
	}
	return identicalPart(t.Elem, u.Elem) && identicalPart(t.Key, u.Key)
}

func identicalPart(a, b *Type) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Identical(*b)
}

func (n *Named) identical(m *Named) bool {
	return n == m || n.ID == m.ID && n.Array == m.Array && n.Schema == m.Schema && n.Name == m.Name && slices.Equal(n.Labels, m.Labels)
}
