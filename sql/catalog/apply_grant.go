package catalog

import (
	"slices"

	"millrace/sql/sqlerr"
)

func applySetOwner(s *Snapshot, c *SetOwner) (*Snapshot, error) {
	if s.Role(c.Owner) == nil {
		return nil, noRole(c.Owner)
	}
	if s.Class(c.Object) == 0 {
		return nil, objectGone(c.Object)
	}
	old := s.Access(c.Object)
	if old.Owner == c.Owner {
		return nil, nil
	}
	next := s.edit()
	changed := &Access{Object: c.Object, Owner: c.Owner, Default: old.Default}
	if !old.Default {
		for _, g := range old.Grants {
			if g.Grantee == old.Owner {
				g.Grantee = c.Owner
			}
			if g.Grantor == old.Owner {
				g.Grantor = c.Owner
			}
			changed.Grants = addGrant(changed.Grants, g)
		}
	}
	next.setAccess(changed)
	return next, nil
}

func objectGone(id ObjectID) error {
	return sqlerr.New(sqlerr.UndefinedObject, -1, "the object with OID %d does not exist any more", id)
}

func applyGrantPrivileges(s *Snapshot, c *GrantPrivileges) (*Snapshot, error) {
	for _, grantee := range c.Grantees {
		if grantee != Public && s.Role(grantee) == nil {
			return nil, noRole(grantee)
		}
	}
	if s.Role(c.Grantor) == nil {
		return nil, noRole(c.Grantor)
	}
	next := s.edit()
	for _, object := range c.Objects {
		class := s.Class(object)
		if class == 0 {
			return nil, objectGone(object)
		}
		old := next.Access(object)
		changed := &Access{Object: object, Owner: old.Owner, Grants: slices.Clone(old.Grants)}
		for _, grantee := range c.Grantees {
			if err := changed.change(c, grantee, c.Privileges&class.All()); err != nil {
				return nil, err
			}
		}
		next.setAccess(changed)
	}
	return next, nil
}

// change gives privileges to one grantee or takes them back.
func (a *Access) change(c *GrantPrivileges, grantee ObjectID, privileges Privileges) error {
	if !c.Revoke {
		if c.Option && grantee == Public {
			return sqlerr.New("0LP01", -1, "grant options can only be granted to roles")
		}
		g := Grant{Grantee: grantee, Grantor: c.Grantor, Privileges: privileges}
		if c.Option {
			g.Options = privileges
		}
		a.Grants = addGrant(a.Grants, g)
		return nil
	}
	return a.revoke(grantee, c.Grantor, privileges, c.Option, c.Cascade)
}

// addGrant adds a grant to those of the same grantee and grantor.
func addGrant(list []Grant, g Grant) []Grant {
	for i := range list {
		if list[i].Grantee == g.Grantee && list[i].Grantor == g.Grantor {
			list[i].Privileges |= g.Privileges
			list[i].Options |= g.Options
			return list
		}
	}
	return append(list, g)
}

// revoke takes back what a grantor gave, and what the grantee has given to others
// without having it from anybody else.
func (a *Access) revoke(grantee, grantor ObjectID, privileges Privileges, optionOnly, cascade bool) error {
	var lost Privileges // options that the grantee had
	for i := range a.Grants {
		g := &a.Grants[i]
		if g.Grantee != grantee || g.Grantor != grantor {
			continue
		}
		lost |= g.Options & privileges
		g.Options &^= privileges
		if !optionOnly {
			g.Privileges &^= privileges
		}
	}
	a.Grants = slices.DeleteFunc(a.Grants, func(g Grant) bool { return g.Privileges == 0 })
	for i := range a.Grants {
		if a.Grants[i].Grantee == grantee {
			lost &^= a.Grants[i].Options
		}
	}
	if lost == 0 || grantee == a.Owner {
		return nil
	}
	for _, g := range slices.Clone(a.Grants) {
		if g.Grantor != grantee || g.Privileges&lost == 0 {
			continue
		}
		if !cascade {
			return sqlerr.New(sqlerr.DependentObjectsStillExist, -1, "dependent privileges exist").
				WithHint("Use CASCADE to revoke them too.")
		}
		if err := a.revoke(g.Grantee, grantee, g.Privileges&lost, false, true); err != nil {
			return err
		}
	}
	return nil
}
