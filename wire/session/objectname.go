package session

import (
	"slices"
	"strings"

	"millrace/sql/catalog"
	"millrace/sql/catalog/systables"
	"millrace/sql/expr"
	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// The names of objects that values of types such as regclass stand for, and the way
// back (https://www.postgresql.org/docs/15/datatype-oid.html).

// objectName returns what the OID of an object of a kind is printed as: its name in
// quotes where needed, with its schema where the search path finds another object, or
// none, by the name.
func (s *Session) objectName(kind types.Kind, oid uint32) (string, bool) {
	name := ""
	switch kind {
	case types.KindRegclass:
		return s.relationName(oid)
	case types.KindRegproc, types.KindRegprocedure:
		return s.functionName(kind, oid)
	case types.KindRegtype:
		// PostgreSQL's own are known to package types.
		if _, ok := types.TypeByOID(oid); ok {
			return "", false
		}
		return s.typeName(oid)
	case types.KindRegnamespace:
		name = systables.NamespaceName(s.catalog(), oid)
	case types.KindRegrole:
		if role := s.catalog().Role(catalog.ObjectID(oid)); role != nil {
			name = role.Name
		}
	case types.KindRegcollation:
		name = systables.CollationName(oid)
	}
	return expr.QuoteIdentifier(name), name != ""
}

// typeName prints the name of a type that a user made, or of an array of it.
func (s *Session) typeName(oid uint32) (string, bool) {
	t, ok := s.catalog().TypeByOID(oid)
	if !ok {
		return "", false
	}
	named, brackets := t.Named, ""
	if t.Kind == types.KindArray {
		named, brackets = t.Elem.Named, "[]"
	}
	quoted := types.QuoteIdentifier(named.Name) + brackets
	_, hidden := types.TypeNamed(quoted)
	if found, ok := s.catalog().TypeNamed(s.Schemas(), quoted); ok && hidden != nil && found.OID() == oid {
		return quoted, true
	}
	return types.QuoteIdentifier(named.Schema) + "." + quoted, true
}

func (s *Session) relationName(oid uint32) (string, bool) {
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

// functionName prints a function's name, for regprocedure with its arguments. The
// name alone has its schema where there are several functions of it.
func (s *Session) functionName(kind types.Kind, oid uint32) (string, bool) {
	functions := s.functionNames()
	name, arguments := functions.Name(oid)
	switch {
	case name == "":
		return "", false
	case kind == types.KindRegprocedure:
		return expr.QuoteIdentifier(name) + "(" + arguments + ")", true
	case len(functions.Named(name)) > 1:
		return "pg_catalog." + expr.QuoteIdentifier(name), true
	default:
		return expr.QuoteIdentifier(name), true
	}
}

// functionNames are made when they are first asked for: most sessions never do.
func (s *Session) functionNames() *systables.FunctionNames {
	if s.functions == nil {
		s.functions = systables.NewFunctionNames(s.options.Functions)
	}
	return s.functions
}

// ObjectOID implements expr.Session.
func (s *Session) ObjectOID(kind types.Kind, text string) (uint32, error) {
	switch kind {
	case types.KindRegprocedure:
		return s.procedureOID(text)
	case types.KindRegproc:
		return s.functionOID(text)
	case types.KindRegoper, types.KindRegoperator:
		return 0, sqlerr.New(sqlerr.UndefinedFunction, -1, "operator does not exist: %s", text)
	case types.KindRegconfig:
		return 0, sqlerr.New(sqlerr.UndefinedObject, -1, "text search configuration %q does not exist", text)
	case types.KindRegdictionary:
		return 0, sqlerr.New(sqlerr.UndefinedObject, -1, "text search dictionary %q does not exist", text)
	}
	parts := expr.SplitName(text)
	name := parts[len(parts)-1]
	switch kind {
	case types.KindRegtype:
		if t, ok := s.catalog().TypeNamed(s.Schemas(), text); ok {
			return t.OID(), nil
		}
		return 0, sqlerr.New(sqlerr.UndefinedObject, -1, "type %q does not exist", text)
	case types.KindRegnamespace:
		if oid := systables.NamespaceOID(s.catalog(), name); oid != 0 && len(parts) == 1 {
			return oid, nil
		}
		return 0, sqlerr.New(sqlerr.InvalidSchemaName, -1, "schema %q does not exist", text)
	case types.KindRegrole:
		if role := s.catalog().RoleByName(name); role != nil && len(parts) == 1 {
			return uint32(role.ID), nil
		}
		return 0, sqlerr.New(sqlerr.UndefinedObject, -1, "role %q does not exist", text)
	default:
		if oid := systables.CollationOID(name); oid != 0 && inPgCatalog(parts) {
			return oid, nil
		}
		return 0, sqlerr.New(sqlerr.UndefinedObject, -1, "collation %q for encoding \"UTF8\" does not exist", text)
	}
}

// inPgCatalog reports whether a name may be that of an object in pg_catalog.
func inPgCatalog(parts []string) bool {
	return len(parts) == 1 || len(parts) == 2 && parts[0] == systables.SchemaPgCatalog
}

func (s *Session) functionOID(text string) (uint32, error) {
	parts := expr.SplitName(text)
	found := s.functionNames().Named(parts[len(parts)-1])
	switch {
	case len(found) == 0 || !inPgCatalog(parts):
		return 0, sqlerr.New(sqlerr.UndefinedFunction, -1, "function %q does not exist", text)
	case len(found) > 1:
		return 0, sqlerr.New(sqlerr.AmbiguousFunction, -1, "more than one function named %q", text)
	}
	return found[0], nil
}

// procedureOID finds a function by its name and the types of its arguments.
func (s *Session) procedureOID(text string) (uint32, error) {
	name, list, ok := strings.Cut(text, "(")
	list, closed := strings.CutSuffix(strings.TrimSpace(list), ")")
	switch {
	case !ok:
		return 0, sqlerr.New(sqlerr.InvalidTextRepresentation, -1, "expected a left parenthesis")
	case !closed:
		return 0, sqlerr.New(sqlerr.InvalidTextRepresentation, -1, "expected a right parenthesis")
	}
	var arguments []string
	if strings.TrimSpace(list) != "" {
		for _, argument := range strings.Split(list, ",") {
			argument = strings.ToLower(strings.TrimSpace(argument))
			if t, err := types.TypeByName(strings.TrimPrefix(argument, "pg_catalog."), nil); err == nil {
				argument = t.BaseName()
			} else if argument != `"any"` && argument != "any" {
				return 0, err
			}
			arguments = append(arguments, strings.Trim(argument, `"`))
		}
	}
	parts := expr.SplitName(strings.TrimSpace(name))
	if inPgCatalog(parts) {
		for _, oid := range s.functionNames().Named(parts[len(parts)-1]) {
			if _, types := s.functionNames().Name(oid); types == strings.Join(arguments, ",") {
				return oid, nil
			}
		}
	}
	return 0, sqlerr.New(sqlerr.UndefinedFunction, -1, "function %q does not exist", text)
}
