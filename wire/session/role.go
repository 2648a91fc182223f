package session

import (
	"strings"

	"millrace/sql/catalog"
	"millrace/sql/sqlerr"
)

// A session acts as a role: the one that the client has proved to be, or another by
// SET SESSION AUTHORIZATION and SET ROLE. The settings hold names; what they mean is
// looked up for each statement, so that what is granted and revoked counts at once.

// missingRole is the ID of a role that has been dropped: it may do nothing.
const missingRole = ^catalog.ObjectID(0)

// role returns the ID of the role that statements run as.
func (s *Session) role() catalog.ObjectID {
	_, name, _ := s.settings.get("role")
	if name == "none" {
		return s.sessionRole()
	}
	return s.roleNamed(name)
}

// sessionRole returns the ID of the session's user.
func (s *Session) sessionRole() catalog.ObjectID {
	_, name, _ := s.settings.get("session_authorization")
	if name == s.identity.User {
		return s.clientRole()
	}
	return s.roleNamed(name)
}

// clientRole returns the ID of the role that the client has proved to be. A client
// that is believed and names no role that there is may do everything.
func (s *Session) clientRole() catalog.ObjectID { return s.clientRoleIn(s.catalog()) }

// clientRoleIn is clientRole by a catalog. It is safe for concurrent use.
func (s *Session) clientRoleIn(snapshot *catalog.Snapshot) catalog.ObjectID {
	switch {
	case s.identity.Role == 0:
		return catalog.SuperuserID
	case snapshot.Role(s.identity.Role) == nil:
		return missingRole
	default:
		return s.identity.Role
	}
}

func (s *Session) roleNamed(name string) catalog.ObjectID {
	if r := s.catalog().RoleByName(name); r != nil {
		return r.ID
	}
	return missingRole
}

// checkRole refuses a role that the session may not act as. Other settings pass.
func (s *Session) checkRole(setting, name string) error {
	snapshot := s.catalog()
	switch strings.ToLower(settingAlias(setting)) {
	case "role":
		if name == "none" {
			return nil
		}
		switch role := snapshot.RoleByName(name); {
		case role == nil && name == s.identity.User && s.identity.Role == 0:
			return nil
		case role == nil:
			return unknownRole(name)
		case !snapshot.Member(s.sessionRole(), role.ID):
			return sqlerr.New(sqlerr.InsufficientPrivilege, -1, "permission denied to set role %q", name)
		}
	case "session_authorization":
		switch {
		case name == s.identity.User || strings.EqualFold(name, "default"):
			return nil
		case snapshot.RoleByName(name) == nil:
			return unknownRole(name)
		case !snapshot.IsSuperuser(s.clientRole()):
			return sqlerr.New(sqlerr.InsufficientPrivilege, -1, "permission denied to set session authorization")
		}
	}
	return nil
}

func unknownRole(name string) error {
	return sqlerr.New(sqlerr.InvalidParameterValue, -1, "role %q does not exist", name)
}

// SessionUser implements expr.Session.
func (s *Session) SessionUser() string {
	_, name, _ := s.settings.get("session_authorization")
	return name
}

// User implements expr.Session.
func (s *Session) User() string {
	if _, name, _ := s.settings.get("role"); name != "none" {
		return name
	}
	return s.SessionUser()
}

// UserName implements expr.Session.
func (s *Session) UserName(oid uint32) string {
	return s.catalog().RoleName(catalog.ObjectID(oid))
}

// authored puts the name of the session's role under a command, so that what it makes
// belongs to the role.
func (s *Session) authored(command catalog.Command) catalog.Command {
	role := s.role()
	if role == catalog.SuperuserID {
		return command
	}
	return &catalog.Authored{Role: role, Command: command}
}

// noteSuperuser sets the setting that tells clients whether the role is a superuser.
func (s *Session) noteSuperuser() {
	is := "off"
	if s.catalog().IsSuperuser(s.role()) {
		is = "on"
	}
	s.settings = s.settings.replace(settingNumbers["is_superuser"], is)
}
