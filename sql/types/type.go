package types

// Kind is the family of a type; parameters (length, precision, element) are in
// Type.
type Kind uint8

// The kinds. Unknown is the type of an untyped string literal or NULL before
// it is resolved, as in PostgreSQL.
const (
	KindUnknown Kind = iota
	KindBool
	KindInt2
	KindInt4
	KindInt8
	KindFloat4
	KindFloat8
	KindNumeric
	KindText
	KindVarchar
	KindBpchar
	KindName
	KindChar // PostgreSQL's one-byte "char", of the system catalog
	KindBytea
	KindDate
	KindTime
	KindTimeTZ
	KindTimestamp
	KindTimestampTZ
	KindInterval
	KindUUID
	KindJSON
	KindJSONB
	KindOID
	KindRegclass
	KindRegtype
	KindRegproc
	KindRegprocedure
	KindRegoper
	KindRegoperator
	KindRegnamespace
	KindRegrole
	KindRegcollation
	KindRegconfig
	KindRegdictionary
	KindEnum
	KindArray
	KindStruct
	KindMap
	KindVoid
	kindCount
)

// Physical is how values of a type lie in memory: which of a Vector's slices
// (and of a Datum's fields) holds them.
type Physical uint8

const (
	// PhysicalInt holds the value in Int: bool (0, 1), the integers, OIDs and
	// reg types, date (days since 2000-01-01), time (microseconds since
	// midnight), timetz (in the form of timetz.go), enums (in the form of named.go), timestamp and timestamptz (microseconds since 2000-01-01 00:00
	// UTC). math.MaxInt64 / MinInt64 (for date MaxInt32 / MinInt32) are infinity
	// and -infinity.
	PhysicalInt Physical = iota
	// PhysicalFloat holds the value in Float: real (already rounded to float32)
	// and double precision.
	PhysicalFloat
	// PhysicalString holds the value in Str: the text types as UTF-8, bytea and
	// uuid as raw bytes, numeric in the form of numeric.go, interval in the form
	// of interval.go, json as it came, jsonb as its canonical text, arrays, structs and maps in
	// the form of array.go.
	PhysicalString
)

// Type is a SQL type. The zero value is the unknown type. Types are small
// values, copied freely; Elem, Key and Fields are shared and never changed.
type Type struct {
	Kind Kind
	// Mod is the type modifier with PostgreSQL's meaning and encoding (length+4
	// of varchar(n) and char(n), precision and scale of numeric, fractional
	// digits of times), or -1. Constructors set it; the package variables have
	// -1.
	Mod int32
	// Elem is the element type of an array or the value type of a map.
	Elem *Type
	// Key is the key type of a map.
	Key *Type
	// Fields are the fields of a struct, in order.
	Fields []Field
	// Vector says that an array is an int2vector or oidvector of the system catalog:
	// one dimension, counted from 0, and printed with blanks between the elements. It
	// is an array all the same, also for SameKind.
	Vector bool
	// Named is what CREATE TYPE says of the type: set for enums, and for structs that
	// have a name.
	Named *Named
}

// Field is one named field of a struct type.
type Field struct {
	Name string
	Type Type
}

// The types without parameters.
var (
	Unknown     = Type{Kind: KindUnknown, Mod: -1}
	Bool        = Type{Kind: KindBool, Mod: -1}
	Int2        = Type{Kind: KindInt2, Mod: -1}
	Int4        = Type{Kind: KindInt4, Mod: -1}
	Int8        = Type{Kind: KindInt8, Mod: -1}
	Float4      = Type{Kind: KindFloat4, Mod: -1}
	Float8      = Type{Kind: KindFloat8, Mod: -1}
	Numeric     = Type{Kind: KindNumeric, Mod: -1}
	Text        = Type{Kind: KindText, Mod: -1}
	Varchar     = Type{Kind: KindVarchar, Mod: -1}
	Bpchar      = Type{Kind: KindBpchar, Mod: -1}
	Name        = Type{Kind: KindName, Mod: -1}
	Char        = Type{Kind: KindChar, Mod: -1}
	Bytea       = Type{Kind: KindBytea, Mod: -1}
	Date        = Type{Kind: KindDate, Mod: -1}
	Time        = Type{Kind: KindTime, Mod: -1}
	TimeTZ      = Type{Kind: KindTimeTZ, Mod: -1}
	Timestamp   = Type{Kind: KindTimestamp, Mod: -1}
	TimestampTZ = Type{Kind: KindTimestampTZ, Mod: -1}
	Interval    = Type{Kind: KindInterval, Mod: -1}
	UUID        = Type{Kind: KindUUID, Mod: -1}
	JSON        = Type{Kind: KindJSON, Mod: -1}
	JSONB       = Type{Kind: KindJSONB, Mod: -1}
	OID         = Type{Kind: KindOID, Mod: -1}
	Regclass    = Type{Kind: KindRegclass, Mod: -1}
	Regtype     = Type{Kind: KindRegtype, Mod: -1}
	Regproc     = Type{Kind: KindRegproc, Mod: -1}
	Void        = Type{Kind: KindVoid, Mod: -1}
)

// The other types of object identifiers.
var (
	Regprocedure  = Type{Kind: KindRegprocedure, Mod: -1}
	Regoper       = Type{Kind: KindRegoper, Mod: -1}
	Regoperator   = Type{Kind: KindRegoperator, Mod: -1}
	Regnamespace  = Type{Kind: KindRegnamespace, Mod: -1}
	Regrole       = Type{Kind: KindRegrole, Mod: -1}
	Regcollation  = Type{Kind: KindRegcollation, Mod: -1}
	Regconfig     = Type{Kind: KindRegconfig, Mod: -1}
	Regdictionary = Type{Kind: KindRegdictionary, Mod: -1}
)

// IsReg reports whether values of the kind are OIDs that print as the names of
// objects (https://www.postgresql.org/docs/15/datatype-oid.html).
func (k Kind) IsReg() bool { return k >= KindRegclass && k <= KindRegdictionary }

// ArrayOf returns the array type with the given element type.
func ArrayOf(elem Type) Type { return Type{Kind: KindArray, Mod: -1, Elem: &elem} }

// VectorOf returns the type int2vector or oidvector of the system catalog, whose
// element type is Int2 or OID.
func VectorOf(elem Type) Type { return Type{Kind: KindArray, Mod: -1, Elem: &elem, Vector: true} }

// MapOf returns the map type from key to value.
func MapOf(key, value Type) Type { return Type{Kind: KindMap, Mod: -1, Key: &key, Elem: &value} }

// StructOf returns the struct type with the given fields, which it keeps.
func StructOf(fields []Field) Type { return Type{Kind: KindStruct, Mod: -1, Fields: fields} }

// Physical returns which slice of a Vector holds values of the type.
func (t Type) Physical() Physical {
	switch t.Kind {
	case KindBool, KindInt2, KindInt4, KindInt8, KindDate, KindTime, KindTimeTZ, KindTimestamp, KindTimestampTZ,
		KindOID, KindEnum:
		return PhysicalInt
	case KindFloat4, KindFloat8:
		return PhysicalFloat
	default:
		if t.Kind.IsReg() {
			return PhysicalInt
		}
		return PhysicalString
	}
}

// Equal reports whether the types are the same, modifiers included.
func (t Type) Equal(u Type) bool { return t.Mod == u.Mod && t.SameKind(u) }

// SameKind reports whether the types are the same but for modifiers.
func (t Type) SameKind(u Type) bool {
	if t.Kind != u.Kind || len(t.Fields) != len(u.Fields) {
		return false
	}
	if t.Named != u.Named && (t.Named == nil || u.Named == nil || t.Named.ID != u.Named.ID) {
		return false
	}
	for i := range t.Fields {
		if t.Fields[i].Name != u.Fields[i].Name || !t.Fields[i].Type.SameKind(u.Fields[i].Type) {
			return false
		}
	}
	return samePart(t.Elem, u.Elem) && samePart(t.Key, u.Key)
}

func samePart(a, b *Type) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.SameKind(*b)
}
