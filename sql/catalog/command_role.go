package catalog

// Authored is a command that a role other than the first superuser gives: what it
// creates belongs to that role.
type Authored struct {
	Role    ObjectID
	Command Command
}

// RoleOptions are attributes of a role that CREATE ROLE and ALTER ROLE give; nil
// leaves one as it is, or as it is by default.
type RoleOptions struct {
	Superuser         *bool   `json:"superuser,omitempty"`
	Inherit           *bool   `json:"inherit,omitempty"`
	CreateRole        *bool   `json:"create_role,omitempty"`
	CreateDatabase    *bool   `json:"create_database,omitempty"`
	Login             *bool   `json:"login,omitempty"`
	Replication       *bool   `json:"replication,omitempty"`
	BypassRowSecurity *bool   `json:"bypass_row_security,omitempty"`
	ConnectionLimit   *int    `json:"connection_limit,omitempty"`
	Verifier          *string `json:"verifier,omitempty"`
	ValidUntil        *int64  `json:"valid_until,omitempty"`
}

// CreateRole makes a role: a member of InRoles, with Members and Admins for members.
// Apply gives out its ID.
type CreateRole struct {
	Name    string      `json:"name"`
	Options RoleOptions `json:"options"`
	InRoles []ObjectID  `json:"in_roles,omitempty"`
	Members []ObjectID  `json:"members,omitempty"`
	Admins  []ObjectID  `json:"admins,omitempty"`
	Grantor ObjectID    `json:"grantor"`
}

// AlterRole changes attributes of a role, and its name where RenameTo is not "".
type AlterRole struct {
	Role     ObjectID    `json:"role"`
	Options  RoleOptions `json:"options"`
	RenameTo string      `json:"rename_to,omitempty"`
}

// DropRoles drops all of the roles or none. A role that owns something, or has been
// granted something, is not dropped.
type DropRoles struct {
	Roles []ObjectID `json:"roles"`
}

// GrantRoles makes the members members of the roles or, with Revoke, ends that.
type GrantRoles struct {
	Roles   []ObjectID `json:"roles"`
	Members []ObjectID `json:"members"`
	// Admin lets the members make others members; with Revoke only this is taken back.
	Admin   bool     `json:"admin,omitempty"`
	Revoke  bool     `json:"revoke,omitempty"`
	Grantor ObjectID `json:"grantor"`
}

// GrantPrivileges gives privileges on objects to roles or, with Revoke, takes them
// back.
type GrantPrivileges struct {
	Objects    []ObjectID `json:"objects"`
	Privileges Privileges `json:"privileges"`
	// Grantees are roles, or Public.
	Grantees []ObjectID `json:"grantees"`
	// Option lets the grantees give them to others; with Revoke only this is taken
	// back.
	Option bool `json:"option,omitempty"`
	Revoke bool `json:"revoke,omitempty"`
	// Cascade takes back what those gave to others who lose the option to do so.
	Cascade bool `json:"cascade,omitempty"`
	// Grantor is the role that gives, by default or by GRANTED BY.
	Grantor ObjectID `json:"grantor"`
}

// SetOwner gives an object to another role.
type SetOwner struct {
	Object ObjectID `json:"object"`
	Owner  ObjectID `json:"owner"`
}

func (*Authored) command()        {}
func (*CreateRole) command()      {}
func (*AlterRole) command()       {}
func (*DropRoles) command()       {}
func (*GrantRoles) command()      {}
func (*GrantPrivileges) command() {}
func (*SetOwner) command()        {}
