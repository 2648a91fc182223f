package types

import (
	"strconv"
	"strings"
)

// String returns the type's name as PostgreSQL's format_type prints it, with
// its modifier: "integer", "character varying(10)", "timestamp(3) with time
// zone", "text[]". Structs and maps, which PostgreSQL lacks, are
// "struct<a integer, b text>" and "map<text, integer>".
func (t Type) String() string {
	switch t.Kind {
	case KindArray:
		if t.Vector {
			return t.vectorName()
		}
		return t.Elem.String() + "[]"
	case KindMap:
		return "map<" + t.Key.String() + ", " + t.Elem.String() + ">"
	case KindStruct:
		if t.Named != nil {
			return t.Named.String()
		}
		return t.structName()
	case KindEnum:
		return t.Named.String()
	case KindBpchar:
		// "character" means one character, so a bpchar without a length has
		// its internal name.
		if t.Mod < modifierHeader {
			return "bpchar"
		}
	case KindInterval:
		return "interval" + intervalModifierName(t.Mod)
	case KindTime, KindTimeTZ, KindTimestamp, KindTimestampTZ:
		if t.Mod >= 0 {
			base, zone, _ := strings.Cut(kinds[t.Kind].name, " ")
			return base + "(" + strconv.Itoa(int(t.Mod)) + ") " + zone
		}
	}
	return kinds[t.Kind].name + t.lengthName()
}

// BaseName returns the type's name without modifier, as PostgreSQL's error
// messages have it.
func (t Type) BaseName() string {
	switch t.Kind {
	case KindArray:
		if t.Vector {
			return t.vectorName()
		}
		return t.Elem.BaseName() + "[]"
	case KindMap, KindStruct, KindEnum:
		return t.String()
	default:
		return kinds[t.Kind].name
	}
}

// vectorName is the name of a type of VectorOf.
func (t Type) vectorName() string {
	if t.Elem.Kind == KindInt2 {
		return "int2vector"
	}
	return "oidvector"
}

// lengthName returns the modifier of a numeric or character type in
// parentheses, or nothing.
func (t Type) lengthName() string {
	if t.Mod < modifierHeader {
		return ""
	}
	switch t.Kind {
	case KindVarchar, KindBpchar:
		return "(" + strconv.Itoa(int(t.Mod-modifierHeader)) + ")"
	case KindNumeric:
		precision, scale := numericModifier(t.Mod)
		return "(" + strconv.Itoa(int(precision)) + "," + strconv.Itoa(int(scale)) + ")"
	default:
		return ""
	}
}

func (t Type) structName() string {
	var b strings.Builder
	b.WriteString("struct<")
	for i, f := range t.Fields {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(QuoteIdentifier(f.Name))
		b.WriteByte(' ')
		b.WriteString(f.Type.String())
	}
	b.WriteByte('>')
	return b.String()
}

// QuoteIdentifier puts a name in double quotes unless it is plain lower case.
func QuoteIdentifier(name string) string {
	for i := 0; i < len(name); i++ {
		c := name[i]
		letter := c >= 'a' && c <= 'z' || c == '_'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
		}
	}
	if name == "" {
		return `""`
	}
	return name
}
