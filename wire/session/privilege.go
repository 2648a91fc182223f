package session

import (
	"strings"

	"millrace/sql/catalog"
	"millrace/sql/catalog/systables"
	"millrace/sql/expr"
	"millrace/sql/sqlerr"
)

// Privilege implements expr.Session.
func (s *Session) Privilege(q *expr.PrivilegeQuestion) (allowed, known bool, err error) {
	role, err := s.askedRole(q.Role)
	if err != nil {
		return false, false, err
	}
	if q.Kind == "role" {
		return s.roleQuestion(role, q)
	}
	object, free, err := s.askedObject(q)
	switch {
	case err != nil || object == 0 && !free:
		return false, false, err
	case free:
		return true, true, nil
	}
	snapshot := s.catalog()
	for _, name := range q.Privileges {
		name, option := strings.CutSuffix(name, " WITH GRANT OPTION")
		privilege := catalog.PrivilegeByName(name)
		if privilege == 0 || privilege&snapshot.Class(object).All() == 0 {
			return false, false, sqlerr.New(sqlerr.InvalidParameterValue, -1, "unrecognized privilege type: %q", name)
		}
		if snapshot.Allowed(role, object, privilege) != 0 && (!option || snapshot.Grantable(role, object, privilege) != 0) {
			allowed = true
		}
	}
	return allowed, true, nil
}

// askedRole returns the role that is asked about.
func (s *Session) askedRole(reference *expr.RoleReference) (catalog.ObjectID, error) {
	switch {
	case reference == nil:
		return s.role(), nil
	case reference.Name == "public":
		return missingRole, nil
	case reference.Name == "":
		return catalog.ObjectID(reference.OID), nil
	}
	role := s.catalog().RoleByName(reference.Name)
	if role == nil {
		if reference.Name == s.identity.User && s.identity.Role == 0 {
			return catalog.SuperuserID, nil
		}
		return 0, sqlerr.New(sqlerr.UndefinedObject, -1, "role %q does not exist", reference.Name)
	}
	return role.ID, nil
}

// askedObject returns the object that is asked about; 0 for one that is not there.
// Free says that everybody has all privileges on it.
func (s *Session) askedObject(q *expr.PrivilegeQuestion) (object catalog.ObjectID, free bool, err error) {
	switch q.Kind {
	case "table", "sequence", "column", "any_column":
		return s.askedRelation(q)
	case "schema":
		return s.askedSchema(q)
	case "database":
		if q.Name != "" && q.Name != s.identity.Database {
			return 0, false, sqlerr.New(sqlerr.InvalidCatalogName, -1, "database %q does not exist", q.Name)
		}
		return catalog.DatabaseID, false, nil
	default:
		return 0, true, nil
	}
}

func (s *Session) askedRelation(q *expr.PrivilegeQuestion) (object catalog.ObjectID, free bool, err error) {
	oid := q.OID
	if q.Name != "" {
		var found bool
		schemas, name := append([]string{systables.SchemaPgCatalog}, s.Schemas()...), q.Name
		if schema, rest, qualified := strings.Cut(q.Name, "."); qualified {
			schemas, name = []string{strings.Trim(schema, `"`)}, rest
		}
		for _, schema := range schemas {
			if oid, found = s.RelationOID(schema, strings.Trim(name, `"`)); found {
				break
			}
		}
		if !found {
			return 0, false, sqlerr.New(sqlerr.UndefinedTable, -1, "relation %q does not exist", q.Name)
		}
	}
	if s.options.System != nil && s.options.System.ByOID(oid) != nil {
		return 0, true, nil
	}
	if s.catalog().Class(catalog.ObjectID(oid)) == 0 {
		return 0, false, nil
	}
	return catalog.ObjectID(oid), false, nil
}

func (s *Session) askedSchema(q *expr.PrivilegeQuestion) (object catalog.ObjectID, free bool, err error) {
	if q.Name == "" {
		return catalog.ObjectID(q.OID), s.catalog().SchemaByID(catalog.ObjectID(q.OID)) == nil, nil
	}
	if id := s.catalog().SchemaID(q.Name); id != 0 {
		return id, false, nil
	}
	switch q.Name {
	case systables.SchemaPgCatalog, systables.SchemaInformation, systables.SchemaMillrace:
		return 0, true, nil
	default:
		return 0, false, sqlerr.New(sqlerr.InvalidSchemaName, -1, "schema %q does not exist", q.Name)
	}
}

// roleQuestion answers pg_has_role.
func (s *Session) roleQuestion(role catalog.ObjectID, q *expr.PrivilegeQuestion) (allowed, known bool, err error) {
	snapshot := s.catalog()
	of := catalog.ObjectID(q.OID)
	if q.Name != "" {
		if of, err = s.askedRole(&expr.RoleReference{Name: q.Name}); err != nil {
			return false, false, err
		}
	}
	for _, name := range q.Privileges {
		switch name {
		case "USAGE":
			allowed = allowed || snapshot.Acts(role, of)
		case "MEMBER":
			allowed = allowed || snapshot.Member(role, of)
		case "MEMBER WITH ADMIN OPTION", "MEMBER WITH GRANT OPTION", "USAGE WITH ADMIN OPTION", "USAGE WITH GRANT OPTION":
			allowed = allowed || snapshot.Administers(role, of)
		default:
			return false, false, sqlerr.New(sqlerr.InvalidParameterValue, -1, "unrecognized privilege type: %q", name)
		}
	}
	return allowed, true, nil
}

// useSequence refuses a sequence that the session's role may not use. The values of an
// identity column come with INSERT on its table.
func (s *Session) useSequence(q *catalog.Sequence, privileges catalog.Privileges) error {
	snapshot := s.catalog()
	role := s.role()
	if snapshot.Allowed(role, q.ID, privileges) != 0 ||
		q.Identity && snapshot.Allowed(role, q.Owner, catalog.PrivilegeInsert|catalog.PrivilegeUpdate) != 0 {
		return nil
	}
	return sqlerr.New(sqlerr.InsufficientPrivilege, -1, "permission denied for sequence %s", q.Name)
}
