package catalog

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"millrace/sql/sqlerr"
)

// applyAuthored applies a command and gives what it creates to the role that gave it.
func applyAuthored(s *Snapshot, c *Authored) (*Snapshot, Result, error) {
	if s.Role(c.Role) == nil {
		return s, Result{Version: s.version}, noRole(c.Role)
	}
	if _, nested := c.Command.(*Authored); nested {
		return s, Result{Version: s.version}, sqlerr.New(sqlerr.InternalError, -1, "a command has two authors")
	}
	next, result, err := Apply(s, c.Command)
	if err != nil {
		return s, result, err
	}
	for _, id := range result.Created {
		if next.Class(id) != 0 && s.Class(id) == 0 && next.access[id] == nil {
			next.setAccess(&Access{Object: id, Owner: c.Role, Default: true})
		}
	}
	return next, result, nil
}

func applyCreateRole(s *Snapshot, c *CreateRole, result *Result) (*Snapshot, error) {
	if err := s.checkRoleName(c.Name); err != nil {
		return nil, err
	}
	next := s.edit()
	r := &Role{ID: next.nextID, Name: c.Name, Inherit: true, ConnectionLimit: -1, ValidUntil: NoExpiry}
	next.nextID++
	c.Options.apply(r)
	next.roles = inserted(next.roles, r, func(x *Role) ObjectID { return x.ID })
	result.Created = append(result.Created, r.ID)
	grants := []GrantRoles{
		{Roles: c.InRoles, Members: []ObjectID{r.ID}},
		{Roles: []ObjectID{r.ID}, Members: c.Members},
		{Roles: []ObjectID{r.ID}, Members: c.Admins, Admin: true},
	}
	for i := range grants {
		grants[i].Grantor = c.Grantor
		if err := next.grantRoles(&grants[i], result); err != nil {
			return nil, err
		}
	}
	return next, nil
}

func (s *Snapshot) checkRoleName(name string) error {
	if s.RoleByName(name) != nil {
		return sqlerr.New(sqlerr.DuplicateObject, -1, "role %q already exists", name)
	}
	if strings.HasPrefix(name, "pg_") {
		return sqlerr.New(sqlerr.ReservedName, -1, "role name %q is reserved", name).
			WithDetail("Role names starting with \"pg_\" are reserved.")
	}
	return nil
}

// apply sets the attributes that are given.
func (o *RoleOptions) apply(r *Role) {
	set(&r.Superuser, o.Superuser)
	set(&r.Inherit, o.Inherit)
	set(&r.CreateRole, o.CreateRole)
	set(&r.CreateDatabase, o.CreateDatabase)
	set(&r.Login, o.Login)
	set(&r.Replication, o.Replication)
	set(&r.BypassRowSecurity, o.BypassRowSecurity)
	set(&r.ConnectionLimit, o.ConnectionLimit)
	set(&r.Verifier, o.Verifier)
	set(&r.ValidUntil, o.ValidUntil)
}

func set[T any](field, value *T) {
	if value != nil {
		*field = *value
	}
}

func applyAlterRole(s *Snapshot, c *AlterRole) (*Snapshot, error) {
	r, err := s.changeableRole(c.Role)
	if err != nil {
		return nil, err
	}
	changed := *r
	c.Options.apply(&changed)
	if c.RenameTo != "" {
		if err := s.checkRoleName(c.RenameTo); err != nil {
			return nil, err
		}
		changed.Name = c.RenameTo
	}
	if changed.ID == SuperuserID && !changed.Superuser {
		return nil, sqlerr.New(sqlerr.FeatureNotSupported, -1, "permission denied to alter role").
			WithDetail("The bootstrap user must have the SUPERUSER attribute.")
	}
	next := s.edit()
	next.replaceRole(&changed)
	return next, nil
}

// changeableRole returns a role that is there and not predefined.
func (s *Snapshot) changeableRole(id ObjectID) (*Role, error) {
	r := s.Role(id)
	if r == nil {
		return nil, noRole(id)
	}
	if r.Predefined() {
		return nil, sqlerr.New(sqlerr.ReservedName, -1, "role name %q is reserved", r.Name).
			WithDetail("Cannot alter reserved roles.")
	}
	return r, nil
}

func noRole(id ObjectID) error {
	return sqlerr.New(sqlerr.UndefinedObject, -1, "role with OID %d does not exist", id)
}

func (s *Snapshot) replaceRole(r *Role) {
	for i := range s.roles {
		if s.roles[i].ID == r.ID {
			s.roles[i] = r
		}
	}
}

func applyDropRoles(s *Snapshot, c *DropRoles, result *Result) (*Snapshot, error) {
	next := s.edit()
	for _, id := range c.Roles {
		r, err := s.changeableRole(id)
		if err != nil {
			return nil, err
		}
		if id == SuperuserID {
			return nil, sqlerr.New(sqlerr.DependentObjectsStillExist, -1, "cannot drop role %s because it is required by the database system", r.Name)
		}
		if lines := s.dependantsOfRole(id); len(lines) > 0 {
			return nil, sqlerr.New(sqlerr.DependentObjectsStillExist, -1, "role %q cannot be dropped because some objects depend on it", r.Name).
				WithDetail("%s", strings.Join(lines, "\n"))
		}
		next.roles = slices.DeleteFunc(next.roles, func(other *Role) bool { return other.ID == id })
		result.Dropped = append(result.Dropped, id)
	}
	for i, r := range next.roles {
		gone := func(m Membership) bool { return slices.Contains(c.Roles, m.Role) }
		if slices.ContainsFunc(r.Memberships, gone) {
			changed := *r
			changed.Memberships = slices.DeleteFunc(slices.Clone(r.Memberships), gone)
			next.roles[i] = &changed
		}
	}
	return next, nil
}

// dependantsOfRole lists what a role owns and what it was granted.
func (s *Snapshot) dependantsOfRole(id ObjectID) []string {
	var lines []string
	for _, object := range slices.Sorted(maps.Keys(s.access)) {
		a := s.access[object]
		if a.Owner == id {
			lines = append(lines, "owner of "+s.describeObject(object))
		} else if slices.ContainsFunc(a.Grants, func(g Grant) bool { return g.Grantee == id || g.Grantor == id }) {
			lines = append(lines, "privileges for "+s.describeObject(object))
		}
	}
	return lines
}

func applyGrantRoles(s *Snapshot, c *GrantRoles, result *Result) (*Snapshot, error) {
	next := s.edit()
	if err := next.grantRoles(c, result); err != nil {
		return nil, err
	}
	return next, nil
}

// grantRoles changes memberships of s, which is not shared yet.
func (s *Snapshot) grantRoles(c *GrantRoles, result *Result) error {
	for _, id := range c.Roles {
		role := s.Role(id)
		if role == nil {
			return noRole(id)
		}
		if id == databaseOwner && !c.Revoke {
			return sqlerr.New(sqlerr.FeatureNotSupported, -1, "role %q cannot have explicit members", role.Name)
		}
		for _, member := range c.Members {
			if err := s.grantRole(role, member, c, result); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *Snapshot) grantRole(role *Role, id ObjectID, c *GrantRoles, result *Result) error {
	member, err := s.changeableRole(id)
	if err != nil {
		return err
	}
	at, found := slices.BinarySearchFunc(member.Memberships, role.ID, func(m Membership, id ObjectID) int { return cmp.Compare(m.Role, id) })
	changed := *member
	changed.Memberships = slices.Clone(member.Memberships)
	switch {
	case !c.Revoke && !found:
		if s.belongs(role.ID, id) {
			return sqlerr.New("0LP01", -1, "role %q is a member of role %q", role.Name, member.Name)
		}
		changed.Memberships = slices.Insert(changed.Memberships, at, Membership{Role: role.ID, Admin: c.Admin, Grantor: c.Grantor})
	case !c.Revoke && (!c.Admin || changed.Memberships[at].Admin):
		result.Notices = append(result.Notices, Notice{Message: fmt.Sprintf("role %q is already a member of role %q", member.Name, role.Name)})
		return nil
	case !c.Revoke:
		changed.Memberships[at].Admin = true
	case !found:
		result.Notices = append(result.Notices, Notice{Code: string(sqlerr.Warning), Message: fmt.Sprintf("role %q is not a member of role %q", member.Name, role.Name)})
		return nil
	case c.Admin:
		changed.Memberships[at].Admin = false
	default:
		changed.Memberships = slices.Delete(changed.Memberships, at, at+1)
	}
	s.replaceRole(&changed)
	return nil
}

// belongs reports whether a role is, or is a member of, another, superuser or not.
func (s *Snapshot) belongs(role, to ObjectID) bool {
	found := false
	s.memberships(role, func(r *Role) bool {
		found = found || r.ID == to
		return true
	})
	return found
}
