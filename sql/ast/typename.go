package ast

// TypeName is the name of a type, not resolved.
//
// Names that SQL spells with several words or synonyms are normalised to
// PostgreSQL's own: int2, int4, int8, float4, float8, numeric, bool, bpchar,
// varchar, bit, varbit, time, timetz, timestamp, timestamptz, interval. All
// others are as written (folded), such as text, string, uuid, jsonb.
type TypeName struct {
	Span
	// Qualifier is the schema (and database) in front, usually empty.
	Qualifier []string
	Name      string
	// Modifiers are the arguments in parentheses: numeric(10, 2).
	// CHAR without a length has the modifier 1.
	Modifiers []Expr
	// IntervalFields restricts an interval, such as "day to second"; "" without.
	IntervalFields string
	// SetOf is SETOF type.
	SetOf bool

	// ArrayBounds has one element for each pair of brackets after the type:
	// the bound, or -1 for []. The word ARRAY after the type counts as one.
	ArrayBounds []int

	// Element is t of ARRAY<t>; Name is "array" then.
	Element *TypeName
	// Key and Value are k and v of MAP<k, v>; Name is "map" then.
	Key, Value *TypeName
	// Fields are those of STRUCT<f t, …>; Name is "struct" then.
	Fields []*TypeField
}

// TypeField is a field of a struct type, or an attribute of a composite type.
type TypeField struct {
	Span
	Name      Identifier
	Type      *TypeName
	Collation *Name
}

// IntegerModifiers returns the modifiers as integers, and false where one of
// them is anything else.
func (t *TypeName) IntegerModifiers() ([]int64, bool) {
	if len(t.Modifiers) == 0 {
		return nil, true
	}
	values := make([]int64, len(t.Modifiers))
	for i, modifier := range t.Modifiers {
		value, ok := integerOf(modifier)
		if !ok {
			return nil, false
		}
		values[i] = value
	}
	return values, true
}

// integerOf reads an integer constant with an optional minus sign.
func integerOf(e Expr) (int64, bool) {
	switch e := e.(type) {
	case *IntegerLiteral:
		return e.Value, true
	case *Unary:
		if e.Operator.Symbol == "-" && len(e.Operator.Qualifier) == 0 {
			value, ok := integerOf(e.Operand)
			return -value, ok
		}
	}
	return 0, false
}
