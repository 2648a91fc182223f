package catalog

import (
	"cmp"
	"math"
	"slices"
)

// SuperuserID is the ID of the superuser that Bootstrap makes: PostgreSQL's
// BOOTSTRAP_SUPERUSERID. It owns what nobody else owns, and cannot be dropped.
const SuperuserID ObjectID = 10

// DefaultSuperuser is the name of that role where Bootstrap gives none.
const DefaultSuperuser = "millrace"

// NoExpiry is the RoleOptions.ValidUntil of a password that does not expire.
const NoExpiry = math.MaxInt64

// Role is a user or group (https://www.postgresql.org/docs/15/user-manag.html).
// Descriptors are immutable.
type Role struct {
	ID   ObjectID
	Name string
	// Superuser roles pass every check of privileges.
	Superuser bool
	// Inherit says that the role has the privileges of those that it is a member of
	// without SET ROLE.
	Inherit bool
	// CreateRole lets it make, change and drop roles that are not superusers.
	CreateRole bool
	// CreateDatabase, Replication and BypassRowSecurity are kept and mean nothing
	// here.
	CreateDatabase, Replication, BypassRowSecurity bool
	// Login lets clients connect as the role.
	Login bool
	// ConnectionLimit bounds the role's connections on each node; -1 for no bound.
	ConnectionLimit int
	// Verifier is what passwords are held against, in PostgreSQL's form of a
	// SCRAM-SHA-256 secret; "" for no password.
	Verifier string
	// ValidUntil is when the password expires, in microseconds since the Unix epoch,
	// or NoExpiry.
	ValidUntil int64
	// Memberships are the roles that it is a member of, by their IDs.
	Memberships []Membership
}

// Membership says that a role is a member of another.
type Membership struct {
	Role ObjectID
	// Admin lets the member grant and revoke the membership.
	Admin   bool
	Grantor ObjectID
}

// predefinedRoles are the roles that are always there
// (https://www.postgresql.org/docs/15/predefined-roles.html). They are no part of
// encoded snapshots.
var predefinedRoles = []*Role{
	predefinedRole(3373, "pg_monitor", 3374, 3375),
	predefinedRole(3374, "pg_read_all_settings"),
	predefinedRole(3375, "pg_read_all_stats"),
	predefinedRole(SignalBackendID, "pg_signal_backend"),
	predefinedRole(6171, "pg_database_owner"),
	predefinedRole(6181, "pg_read_all_data"),
	predefinedRole(6182, "pg_write_all_data"),
}

// The predefined roles that checks know.
const (
	readAllStats  ObjectID = 3375
	databaseOwner ObjectID = 6171
	readAllData   ObjectID = 6181
	writeAllData  ObjectID = 6182
)

// SignalBackendID is the role pg_signal_backend, whose members end the statements and
// connections of other roles that are no superusers.
const SignalBackendID ObjectID = 4200

func predefinedRole(id ObjectID, name string, memberOf ...ObjectID) *Role {
	r := &Role{ID: id, Name: name, Inherit: true, ConnectionLimit: -1, ValidUntil: NoExpiry}
	for _, other := range memberOf {
		r.Memberships = append(r.Memberships, Membership{Role: other, Grantor: SuperuserID})
	}
	return r
}

// Predefined reports whether a role is there from the start and cannot be changed.
func (r *Role) Predefined() bool { return r.ID < FirstObjectID && r.ID != SuperuserID }

// Roles returns all roles in the order of their IDs, those that are always there
// among them.
func (s *Snapshot) Roles() []*Role {
	all := slices.Concat(s.roles, predefinedRoles)
	slices.SortFunc(all, func(a, b *Role) int { return cmp.Compare(a.ID, b.ID) })
	return all
}

// Role returns the role with an ID, or nil.
func (s *Snapshot) Role(id ObjectID) *Role {
	return s.findRole(func(r *Role) bool { return r.ID == id })
}

// RoleByName returns the role with a name, or nil.
func (s *Snapshot) RoleByName(name string) *Role {
	return s.findRole(func(r *Role) bool { return r.Name == name })
}

func (s *Snapshot) findRole(is func(*Role) bool) *Role {
	for _, list := range [2][]*Role{s.roles, predefinedRoles} {
		if i := slices.IndexFunc(list, is); i >= 0 {
			return list[i]
		}
	}
	return nil
}

// RoleName returns the name of a role, or "unknown (OID=n)" as PostgreSQL's
// pg_get_userbyid.
func (s *Snapshot) RoleName(id ObjectID) string {
	if r := s.Role(id); r != nil {
		return r.Name
	}
	return unknownRole(id)
}

// memberships calls visit for a role and, as long as it returns true for a role,
// for those that this one is a member of, each once.
func (s *Snapshot) memberships(role ObjectID, visit func(*Role) bool) {
	seen := map[ObjectID]bool{role: true}
	for next := []ObjectID{role}; len(next) > 0; next = next[1:] {
		r := s.Role(next[0])
		if r == nil || !visit(r) {
			continue
		}
		for _, m := range r.Memberships {
			if !seen[m.Role] {
				seen[m.Role] = true
				next = append(next, m.Role)
			}
		}
	}
}

// Acts reports whether a role has the privileges of another without SET ROLE: it is
// the same role, a superuser, or a member that inherits. Who owns the database, the
// first superuser, is a member of pg_database_owner.
func (s *Snapshot) Acts(role, as ObjectID) bool {
	return s.reaches(role, as, func(r *Role) bool { return r.Inherit })
}

// Member reports whether a role may SET ROLE to another.
func (s *Snapshot) Member(role, of ObjectID) bool {
	return s.reaches(role, of, func(*Role) bool { return true })
}

func (s *Snapshot) reaches(role, to ObjectID, through func(*Role) bool) bool {
	if s.IsSuperuser(role) {
		return true
	}
	found := false
	s.memberships(role, func(r *Role) bool {
		found = found || r.ID == to
		return through(r)
	})
	return found
}

// Administers reports whether a role may make others members of a role.
func (s *Snapshot) Administers(role, of ObjectID) bool {
	if s.IsSuperuser(role) {
		return true
	}
	found := false
	s.memberships(role, func(r *Role) bool {
		for _, m := range r.Memberships {
			found = found || m.Role == of && m.Admin
		}
		return true
	})
	return found
}

// IsSuperuser reports whether a role is a superuser.
func (s *Snapshot) IsSuperuser(role ObjectID) bool {
	if role == SuperuserID {
		return true
	}
	r := s.Role(role)
	return r != nil && r.Superuser
}

// ReadsStatistics reports whether a role sees what other roles' sessions do.
func (s *Snapshot) ReadsStatistics(role ObjectID) bool { return s.Acts(role, readAllStats) }
