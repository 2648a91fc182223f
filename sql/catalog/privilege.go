package catalog

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Privileges is a set of privileges on an object
// (https://www.postgresql.org/docs/15/ddl-priv.html), by PostgreSQL's bits.
type Privileges uint16

// The privileges.
const (
	PrivilegeInsert Privileges = 1 << iota
	PrivilegeSelect
	PrivilegeUpdate
	PrivilegeDelete
	PrivilegeTruncate
	PrivilegeReferences
	PrivilegeTrigger
	PrivilegeExecute
	PrivilegeUsage
	PrivilegeCreate
	PrivilegeTemporary
	PrivilegeConnect
)

// privilegeNames are the privileges' names, and their letters in an aclitem, by bit.
var privilegeNames = [...]struct {
	name   string
	letter byte
}{
	{"INSERT", 'a'}, {"SELECT", 'r'}, {"UPDATE", 'w'}, {"DELETE", 'd'}, {"TRUNCATE", 'D'}, {"REFERENCES", 'x'},
	{"TRIGGER", 't'}, {"EXECUTE", 'X'}, {"USAGE", 'U'}, {"CREATE", 'C'}, {"TEMPORARY", 'T'}, {"CONNECT", 'c'},
}

// PrivilegeByName returns the privilege with a name in either case, 0 for none.
func PrivilegeByName(name string) Privileges {
	name = strings.ToUpper(name)
	if name == "TEMP" {
		name = "TEMPORARY"
	}
	for bit := range privilegeNames {
		if privilegeNames[bit].name == name {
			return 1 << bit
		}
	}
	return 0
}

// Each returns the privileges of a set, one by one, with their names.
func (p Privileges) Each() []string {
	var names []string
	for bit := range privilegeNames {
		if p&(1<<bit) != 0 {
			names = append(names, privilegeNames[bit].name)
		}
	}
	return names
}

// ObjectClass is what privileges distinguish.
type ObjectClass uint8

// The classes of objects.
const (
	// ClassRelation are streams, tables and views.
	ClassRelation ObjectClass = iota + 1
	ClassSequence
	ClassSchema
	ClassDatabase
	// ClassType are types, which everybody may use.
	ClassType
)

// The IDs of the objects that are always there, which are PostgreSQL's OIDs.
const (
	// PublicSchemaID is the schema public.
	PublicSchemaID ObjectID = 2200
	// DatabaseID is the cluster's one database.
	DatabaseID ObjectID = 5
)

// All are the privileges that objects of a class have.
func (c ObjectClass) All() Privileges {
	switch c {
	case ClassRelation:
		return PrivilegeInsert | PrivilegeSelect | PrivilegeUpdate | PrivilegeDelete | PrivilegeTruncate | PrivilegeReferences | PrivilegeTrigger
	case ClassSequence:
		return PrivilegeSelect | PrivilegeUpdate | PrivilegeUsage
	case ClassSchema:
		return PrivilegeUsage | PrivilegeCreate
	case ClassType:
		return PrivilegeUsage
	default:
		return PrivilegeCreate | PrivilegeTemporary | PrivilegeConnect
	}
}

// Public is the grantee that stands for every role.
const Public ObjectID = 0

// Access says who owns an object and what others may do with it. Values are
// immutable.
type Access struct {
	Object, Owner ObjectID
	// Grants are the privileges that were given; where Default is set they are
	// those that the owner and everybody have by default.
	Grants  []Grant
	Default bool
}

// Grant is what one role was given on an object by another.
type Grant struct {
	// Grantee is a role or Public.
	Grantee, Grantor ObjectID
	Privileges       Privileges
	// Options are the privileges among these that the grantee may give to others.
	Options Privileges
}

// Access returns who owns an object and what others may do with it. What nobody was
// given belongs to the first superuser.
func (s *Snapshot) Access(object ObjectID) *Access {
	if a := s.access[object]; a != nil && !a.Default {
		return a
	}
	class := s.Class(object)
	a := &Access{Object: object, Owner: SuperuserID, Default: true}
	if known := s.access[object]; known != nil {
		a.Owner = known.Owner
	} else if object == PublicSchemaID {
		a.Owner = databaseOwner
	}
	switch class {
	case ClassDatabase:
		a.Grants = append(a.Grants, Grant{Grantee: Public, Grantor: a.Owner, Privileges: PrivilegeConnect | PrivilegeTemporary})
	case ClassType:
		a.Grants = append(a.Grants, Grant{Grantee: Public, Grantor: a.Owner, Privileges: PrivilegeUsage})
	case ClassSchema:
		if object == PublicSchemaID {
			a.Grants = append(a.Grants, Grant{Grantee: Public, Grantor: a.Owner, Privileges: PrivilegeUsage})
		}
	}
	a.Grants = append(a.Grants, Grant{Grantee: a.Owner, Grantor: a.Owner, Privileges: class.All()})
	return a
}

// Class returns what an object is to privileges, 0 for one that has none.
func (s *Snapshot) Class(object ObjectID) ObjectClass {
	switch {
	case s.SchemaByID(object) != nil:
		return ClassSchema
	case object == DatabaseID:
		return ClassDatabase
	case s.Relation(object) != nil, s.View(object) != nil:
		return ClassRelation
	case s.Sequence(object) != nil:
		return ClassSequence
	case s.DataType(object) != nil:
		return ClassType
	default:
		return 0
	}
}

// Owns reports whether a role may do with an object what only its owner may.
func (s *Snapshot) Owns(role, object ObjectID) bool {
	return s.Acts(role, s.Access(object).Owner)
}

// Allowed returns those of the privileges on an object that a role has.
func (s *Snapshot) Allowed(role, object ObjectID, privileges Privileges) Privileges {
	if s.IsSuperuser(role) {
		return privileges
	}
	return privileges & s.held(role, object, func(g *Grant) Privileges { return g.Privileges })
}

// grantable returns the privileges on an object that a role may give to others.
func (s *Snapshot) grantable(role, object ObjectID) Privileges {
	if s.Owns(role, object) {
		return s.Class(object).All()
	}
	return s.held(role, object, func(g *Grant) Privileges { return g.Options })
}

// Grantable reports which of the privileges on an object a role may give to others.
func (s *Snapshot) Grantable(role, object ObjectID, privileges Privileges) Privileges {
	return privileges & s.grantable(role, object)
}

// held adds up what a role was given on an object, as itself and through the roles
// whose privileges it inherits.
func (s *Snapshot) held(role, object ObjectID, of func(*Grant) Privileges) Privileges {
	var have Privileges
	access := s.Access(object)
	s.memberships(role, func(r *Role) bool {
		for i := range access.Grants {
			if g := &access.Grants[i]; g.Grantee == r.ID || g.Grantee == Public {
				have |= of(g)
			}
		}
		have |= everywhere(r.ID, s.Class(object))
		return r.Inherit
	})
	return have
}

// everywhere are the privileges of the predefined roles on all objects of a class.
func everywhere(role ObjectID, class ObjectClass) Privileges {
	switch {
	case role == readAllData && class == ClassSchema, role == writeAllData && class == ClassSchema:
		return PrivilegeUsage
	case role == readAllData && class != ClassDatabase:
		return PrivilegeSelect
	case role == writeAllData && class == ClassRelation:
		return PrivilegeInsert | PrivilegeUpdate | PrivilegeDelete
	default:
		return 0
	}
}

// Items prints the grants of an object as PostgreSQL's aclitems, nil where they are
// the default ones.
func (s *Snapshot) Items(object ObjectID) []string {
	access := s.Access(object)
	if access.Default && object != PublicSchemaID {
		return nil
	}
	items := make([]string, 0, len(access.Grants))
	for _, g := range access.Grants {
		var b strings.Builder
		if g.Grantee != Public {
			b.WriteString(s.RoleName(g.Grantee))
		}
		b.WriteByte('=')
		for bit := range privilegeNames {
			if g.Privileges&(1<<bit) != 0 {
				b.WriteByte(privilegeNames[bit].letter)
			}
			if g.Options&(1<<bit) != 0 {
				b.WriteByte('*')
			}
		}
		b.WriteByte('/')
		b.WriteString(s.RoleName(g.Grantor))
		items = append(items, b.String())
	}
	return items
}

// setAccess puts a in the place of what is known of its object.
func (s *Snapshot) setAccess(a *Access) {
	s.access = maps.Clone(s.access)
	if s.access == nil {
		s.access = make(map[ObjectID]*Access)
	}
	s.access[a.Object] = a
}

// forget drops what is known of objects that are gone.
func (s *Snapshot) forget(dropped []ObjectID) {
	if !slices.ContainsFunc(dropped, func(id ObjectID) bool { return s.access[id] != nil }) {
		return
	}
	s.access = maps.Clone(s.access)
	for _, id := range dropped {
		delete(s.access, id)
	}
}

// describeObject names an object in messages.
func (s *Snapshot) describeObject(id ObjectID) string {
	switch s.Class(id) {
	case ClassSchema:
		return "schema " + s.SchemaByID(id).Name
	case ClassDatabase:
		return "database"
	case ClassType:
		return "type " + s.DataType(id).Name
	case ClassSequence:
		return "sequence " + s.Sequence(id).Name
	case ClassRelation:
		if v := s.View(id); v != nil {
			return "view " + v.Name
		}
		return describe(s.Relation(id))
	default:
		return fmt.Sprintf("object %d", id)
	}
}

func unknownRole(id ObjectID) string { return fmt.Sprintf("unknown (OID=%d)", id) }
