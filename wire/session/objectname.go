package session

import (
	"slices"

	"millrace/sql/expr"
	"millrace/sql/types"
)

// objectName returns what the OID of a relation or function is printed as: its name
// in quotes where needed, with its schema where the search path finds another
// object, or none, by the name (https://www.postgresql.org/docs/15/datatype-oid.html).
func (s *Session) objectName(kind types.Kind, oid uint32) (string, bool) {
	if kind != types.KindRegclass {
		return "", false
	}
	schema, name, ok := s.RelationName(oid)
	if !ok {
		return "", false
	}
	quoted := expr.QuoteIdentifier(name)
	path := s.Schemas()
	if !slices.Contains(path, "pg_catalog") {
		path = append([]string{"pg_catalog"}, path...)
	}
	for _, visible := range path {
		if found, ok := s.RelationOID(visible, name); ok {
			if found == oid {
				return quoted, true
			}
			break
		}
	}
	return expr.QuoteIdentifier(schema) + "." + quoted, true
}
