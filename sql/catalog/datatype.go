package catalog

import (
	"cmp"
	"slices"
	"strings"

	"millrace/sql/types"
)

// DataType describes a type that CREATE TYPE made: an enum or a composite type.
// Descriptors are immutable.
//
//   - Its ID is the type's OID; the ID behind it is that of the type of arrays, and the
//     next one, for a composite type, the relation that pg_class shows for it.
//   - Records name it by its ID. What columns and other types know of it is filled in
//     from here whenever the catalog changes (settleTypes), so that every descriptor of
//     one snapshot has the same.
//   - A type is not dropped while something is of it or mentions it: columns, other
//     types, and the queries and views whose Types have it.
type DataType struct {
	ID     ObjectID
	Schema string
	Name   string
	// Type is the type; its Named has the ID, the name, and the labels.
	Type types.Type
	// Changed is the version that made this descriptor.
	Changed uint64
	Comment string
}

// ArrayID is the OID of the type of arrays.
func (t *DataType) ArrayID() ObjectID { return t.ID + 1 }

// RowID is the OID of the relation that stands for a composite type in pg_class.
func (t *DataType) RowID() ObjectID { return t.ID + 2 }

// IsEnum tells enums from composite types.
func (t *DataType) IsEnum() bool { return t.Type.Kind == types.KindEnum }

// DataTypes returns the types that users made, in the order of their IDs.
func (s *Snapshot) DataTypes() []*DataType { return s.types }

// DataType returns the type with an ID, or nil.
func (s *Snapshot) DataType(id ObjectID) *DataType {
	i, found := slices.BinarySearchFunc(s.types, id, func(t *DataType, id ObjectID) int { return cmp.Compare(t.ID, id) })
	if !found {
		return nil
	}
	return s.types[i]
}

// LookupType returns the type with a qualified name, or nil.
func (s *Snapshot) LookupType(schema, name string) *DataType {
	for _, t := range s.types {
		if t.Name == name && t.Schema == schema {
			return t
		}
	}
	return nil
}

// TypeByOID returns the type without modifier with an OID, one of PostgreSQL's or of
// CREATE TYPE.
func (s *Snapshot) TypeByOID(oid uint32) (types.Type, bool) {
	if t, ok := types.TypeByOID(oid); ok {
		return t, true
	}
	if t := s.DataType(ObjectID(oid)); t != nil {
		return t.Type, true
	}
	if t := s.DataType(ObjectID(oid) - 1); t != nil {
		return types.ArrayOf(t.Type), true
	}
	return types.Type{}, false
}

// TypeNamed finds a type that CREATE TYPE made by its name as text, in quotes where
// needed and with [] behind it for arrays, in the schemas where it has none.
func (s *Snapshot) TypeNamed(schemas []string, text string) (types.Type, bool) {
	name, isArray := strings.CutSuffix(strings.TrimSpace(text), "[]")
	t := s.typeCalled(schemas, name)
	switch {
	case t == nil:
		return types.Type{}, false
	case isArray:
		return types.ArrayOf(t.Type), true
	default:
		return t.Type, true
	}
}

// typeCalled returns the type of a name with its schema, or else the first along the
// search path.
func (s *Snapshot) typeCalled(schemas []string, name string) *DataType {
	for _, t := range s.types {
		if types.QuoteIdentifier(t.Schema)+"."+types.QuoteIdentifier(t.Name) == name {
			return t
		}
	}
	for _, schema := range schemas {
		for _, t := range s.types {
			if t.Schema == schema && (types.QuoteIdentifier(t.Name) == name || t.Name == strings.ToLower(name)) {
				return t
			}
		}
	}
	return nil
}

// TypesChanged reports whether one of the types was changed after a version.
func (s *Snapshot) TypesChanged(ids []ObjectID, version uint64) bool {
	return slices.ContainsFunc(ids, func(id ObjectID) bool {
		t := s.DataType(id)
		return t != nil && t.Changed > version
	})
}
