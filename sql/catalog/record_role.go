package catalog

import (
	"encoding/json"
	"maps"
	"slices"
)

type authoredRecord struct {
	Role    ObjectID        `json:"role"`
	Command commandEnvelope `json:"command"`
}

type roleRecord struct {
	ID          ObjectID           `json:"id"`
	Name        string             `json:"name"`
	Attributes  RoleOptions        `json:"attributes"`
	Memberships []membershipRecord `json:"memberships,omitempty"`
}

type membershipRecord struct {
	Role    ObjectID `json:"role"`
	Admin   bool     `json:"admin,omitempty"`
	Grantor ObjectID `json:"grantor"`
}

type accessRecord struct {
	Object  ObjectID      `json:"object"`
	Owner   ObjectID      `json:"owner"`
	Default bool          `json:"default,omitempty"`
	Grants  []grantRecord `json:"grants,omitempty"`
}

type grantRecord struct {
	Grantee    ObjectID   `json:"grantee"`
	Grantor    ObjectID   `json:"grantor"`
	Privileges Privileges `json:"privileges"`
	Options    Privileges `json:"options,omitempty"`
}

// roleCommandBody returns the record of a command about roles and privileges, nil
// for others. These commands are their own records.
func roleCommandBody(command Command) (kind string, body any, err error) {
	switch c := command.(type) {
	case *Authored:
		kind, body, err := commandBody(c.Command)
		if err != nil {
			return "", nil, err
		}
		encoded, err := json.Marshal(body)
		return "authored", authoredRecord{Role: c.Role, Command: commandEnvelope{Kind: kind, Body: encoded}}, err
	case *CreateRole:
		return "create_role", c, nil
	case *AlterRole:
		return "alter_role", c, nil
	case *DropRoles:
		return "drop_roles", c, nil
	case *GrantRoles:
		return "grant_roles", c, nil
	case *GrantPrivileges:
		return "grant_privileges", c, nil
	case *SetOwner:
		return "set_owner", c, nil
	default:
		return "", nil, nil
	}
}

// decodeRoleCommand reads what roleCommandBody wrote; nil for other kinds.
func decodeRoleCommand(envelope *commandEnvelope) (Command, error) {
	var c Command
	switch envelope.Kind {
	case "authored":
		var r authoredRecord
		if err := unmarshal(envelope.Body, &r); err != nil {
			return nil, err
		}
		if r.Command.Kind == "authored" {
			return nil, corrupt("a catalog command has two authors")
		}
		inner, err := decodeEnvelope(&r.Command)
		return &Authored{Role: r.Role, Command: inner}, err
	case "create_role":
		c = &CreateRole{}
	case "alter_role":
		c = &AlterRole{}
	case "drop_roles":
		c = &DropRoles{}
	case "grant_roles":
		c = &GrantRoles{}
	case "grant_privileges":
		c = &GrantPrivileges{}
	case "set_owner":
		c = &SetOwner{}
	default:
		return nil, nil
	}
	return c, unmarshal(envelope.Body, c)
}

func newRoleRecords(s *Snapshot) []roleRecord {
	var records []roleRecord
	for _, r := range s.roles {
		record := roleRecord{ID: r.ID, Name: r.Name, Attributes: RoleOptions{
			Superuser: &r.Superuser, Inherit: &r.Inherit, CreateRole: &r.CreateRole, CreateDatabase: &r.CreateDatabase,
			Login: &r.Login, Replication: &r.Replication, BypassRowSecurity: &r.BypassRowSecurity,
			ConnectionLimit: &r.ConnectionLimit, Verifier: &r.Verifier, ValidUntil: &r.ValidUntil,
		}}
		for _, m := range r.Memberships {
			record.Memberships = append(record.Memberships, membershipRecord(m))
		}
		records = append(records, record)
	}
	return records
}

func (r *roleRecord) role() *Role {
	role := &Role{ID: r.ID, Name: r.Name, ConnectionLimit: -1, ValidUntil: NoExpiry}
	r.Attributes.apply(role)
	for _, m := range r.Memberships {
		role.Memberships = append(role.Memberships, Membership(m))
	}
	return role
}

func newAccessRecords(s *Snapshot) []accessRecord {
	var records []accessRecord
	for _, object := range slices.Sorted(maps.Keys(s.access)) {
		a := s.access[object]
		record := accessRecord{Object: object, Owner: a.Owner, Default: a.Default}
		for _, g := range a.Grants {
			record.Grants = append(record.Grants, grantRecord(g))
		}
		records = append(records, record)
	}
	return records
}

// access reads what is known of an object, whose roles must be there.
func (r *accessRecord) access(s *Snapshot) (*Access, error) {
	a := &Access{Object: r.Object, Owner: r.Owner, Default: r.Default}
	known := s.Class(r.Object) != 0 && s.Role(r.Owner) != nil
	for _, g := range r.Grants {
		known = known && (g.Grantee == Public || s.Role(g.Grantee) != nil) && s.Role(g.Grantor) != nil
		a.Grants = append(a.Grants, Grant(g))
	}
	if !known {
		return nil, corrupt("damaged catalog record: access to object %d", r.Object)
	}
	return a, nil
}
