package types

import (
	"strconv"
	"strings"

	"millrace/sql/sqlerr"
)

// TypeNamed reads a type's name as text that is given to regtype has it: folded where it
// is not quoted, with its schema, modifiers and brackets where it has them
// (`"pg_catalog"."int4"`, `Double Precision`, `numeric(10, 2)[]`). The modifiers say
// nothing about which type it is.
//
// Errors: 42704 for an unknown type; 42602, 42601 and 22P02 for what is no name.
// https://www.postgresql.org/docs/15/datatype-oid.html
func TypeNamed(text string) (Type, error) {
	name, quoted, err := foldedTypeName(text)
	if err != nil {
		return Type{}, err
	}
	t, err := TypeByName(name, nil)
	if quoted && err == nil && !isCatalogName(name) { // "integer" is no type: its name is int4
		err = unknownType(name)
	}
	return t, err
}

func unknownType(name string) error {
	return sqlerr.New(sqlerr.UndefinedObject, -1, "type \"%s\" does not exist", name)
}

// isCatalogName tells whether pg_type has the name, which quotes ask for: names of SQL
// alone, as those of two words, are not there.
func isCatalogName(name string) bool {
	name = strings.TrimPrefix(strings.TrimPrefix(name, "pg_catalog."), "_")
	switch name {
	case "boolean", "smallint", "int", "integer", "bigint", "real", "float", "decimal", "dec", "char", "character", "string", "bytes", "double":
		return false
	}
	return !strings.Contains(name, " ")
}

// foldedTypeName is the name as [TypeByName] takes it, and whether a part of it has
// quotes. The type "char" keeps them: without, it is character(1).
func foldedTypeName(text string) (name string, quoted bool, err error) {
	text = trimSpace(text)
	var out strings.Builder
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"':
			part, rest, ok := quotedPart(text[i+1:])
			if !ok {
				return "", false, sqlerr.New(sqlerr.InvalidName, -1, "invalid type name \"%s\"", text)
			}
			if part == "char" {
				part = `"char"`
			}
			out.WriteString(part)
			quoted, i = true, len(text)-len(rest)-1
		case c == '(':
			end := strings.IndexByte(text[i:], ')')
			if end < 0 {
				return "", false, sqlerr.New(sqlerr.SyntaxError, -1, "syntax error at end of input")
			}
			if err := checkModifiers(text[i+1 : i+end]); err != nil {
				return "", false, err
			}
			i += end
		case c >= 'A' && c <= 'Z':
			out.WriteByte(c + 'a' - 'A')
		default:
			out.WriteByte(c)
		}
	}
	return strings.Join(strings.Fields(out.String()), " "), quoted, nil
}

// quotedPart takes a quoted name apart from what is behind its end.
func quotedPart(text string) (part, rest string, ok bool) {
	var out strings.Builder
	for {
		before, after, found := strings.Cut(text, `"`)
		if !found {
			return "", "", false
		}
		out.WriteString(before)
		if !strings.HasPrefix(after, `"`) {
			return out.String(), after, out.Len() > 0
		}
		out.WriteByte('"')
		text = after[1:]
	}
}

// checkModifiers takes a list of numbers.
func checkModifiers(list string) error {
	for modifier := range strings.SplitSeq(list, ",") {
		modifier = trimSpace(modifier)
		if _, err := strconv.ParseInt(modifier, 10, 32); err != nil {
			return sqlerr.New(sqlerr.InvalidTextRepresentation, -1, "invalid input syntax for type integer: \"%s\"", modifier)
		}
	}
	return nil
}
