package catalog

import (
	"fmt"
	"slices"
	"strings"

	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// CreateType is CREATE TYPE. Apply gives out the IDs, also those of labels.
type CreateType struct {
	Type        DataType
	IfNotExists bool
}

// AlterType puts a new descriptor in the place of the type with its ID, where that is
// still the one of version Base. Labels without an ID are given one.
type AlterType struct {
	Type DataType
	Base uint64
}

// DropTypes is DROP TYPE: all of Names or none.
type DropTypes struct {
	Names    []Name
	IfExists bool
	Cascade  bool
}

func (*CreateType) command() {}
func (*AlterType) command()  {}
func (*DropTypes) command()  {}

func applyCreateType(s *Snapshot, c *CreateType, result *Result) (*Snapshot, error) {
	t := c.Type
	if s.LookupType(t.Schema, t.Name) != nil || s.Lookup(t.Schema, t.Name) != nil || s.LookupView(t.Schema, t.Name) != nil {
		if !c.IfNotExists || s.LookupType(t.Schema, t.Name) == nil {
			return nil, sqlerr.New(sqlerr.DuplicateObject, -1, "type %q already exists", t.Name)
		}
		result.Notices = append(result.Notices, Notice{
			Code: string(sqlerr.DuplicateObject), Message: `type "` + t.Name + `" already exists, skipping`,
		})
		return nil, nil
	}
	next := s.edit()
	t.ID = next.nextID
	next.nextID += 3
	next.identify(&t)
	next.types = inserted(next.types, &t, func(x *DataType) ObjectID { return x.ID })
	result.Created = append(result.Created, t.ID)
	return next, nil
}

// identify gives a type's Named what it has from the descriptor, and labels their IDs.
func (s *Snapshot) identify(t *DataType) {
	named := types.Named{}
	if t.Type.Named != nil {
		named = *t.Type.Named
	}
	named.ID, named.Array, named.Schema, named.Name = uint32(t.ID), uint32(t.ArrayID()), t.Schema, t.Name
	named.Labels = slices.Clone(named.Labels)
	for i := range named.Labels {
		if named.Labels[i].ID == 0 {
			named.Labels[i].ID = uint32(s.nextID)
			s.nextID++
		}
	}
	t.Type.Named, t.Changed = &named, s.version
}

func applyAlterType(s *Snapshot, c *AlterType) (*Snapshot, error) {
	old := s.DataType(c.Type.ID)
	if old == nil {
		return nil, sqlerr.New(sqlerr.UndefinedObject, -1, "type %q does not exist", c.Type.Name)
	}
	if old.Changed != c.Base {
		return nil, sqlerr.New(sqlerr.SerializationFailure, -1, "type %q was changed at the same time", old.Name).
			WithHint("Run the statement again.")
	}
	t := c.Type
	if t.Name != old.Name && (s.LookupType(t.Schema, t.Name) != nil || s.NameTaken(t.Schema, t.Name)) {
		return nil, sqlerr.New(sqlerr.DuplicateObject, -1, "type %q already exists", t.Name)
	}
	next := s.edit()
	next.identify(&t)
	i := slices.IndexFunc(next.types, func(other *DataType) bool { return other.ID == t.ID })
	next.types[i] = &t
	return next, nil
}

func applyDropTypes(s *Snapshot, c *DropTypes, result *Result) (*Snapshot, error) {
	var drop []*DataType
	for _, name := range c.Names {
		t := s.LookupType(name.Schema, name.Name)
		switch {
		case t != nil:
			drop = append(drop, t)
		case !c.IfExists:
			return nil, sqlerr.New(sqlerr.UndefinedObject, -1, "type %q does not exist", name.String())
		default:
			result.Notices = append(result.Notices, Notice{Message: fmt.Sprintf("type %q does not exist, skipping", name.String())})
		}
	}
	if len(drop) == 0 {
		return nil, nil
	}
	var lines []string
	for _, t := range drop {
		for _, user := range s.TypeUsers(t.ID) {
			if !slices.ContainsFunc(drop, func(other *DataType) bool { return user.Type == other.ID }) {
				lines = append(lines, user.What+" depends on type "+t.Type.String())
			}
		}
	}
	switch {
	case len(lines) == 0:
	case c.Cascade:
		return nil, sqlerr.New(sqlerr.FeatureNotSupported, -1, "DROP TYPE with CASCADE is not supported where other objects depend on the type").
			WithDetail("%s", strings.Join(lines, "\n")).WithHint("Drop these first.")
	default:
		message := "cannot drop desired object(s) because other objects depend on them"
		if len(drop) == 1 {
			message = "cannot drop type " + drop[0].Type.String() + " because other objects depend on it"
		}
		return nil, sqlerr.New(sqlerr.DependentObjectsStillExist, -1, "%s", message).
			WithDetail("%s", strings.Join(lines, "\n")).
			WithHint("Use DROP ... CASCADE to drop the dependent objects too.")
	}
	next := s.edit()
	for _, t := range drop {
		next.types = slices.DeleteFunc(next.types, func(other *DataType) bool { return other.ID == t.ID })
		result.Dropped = append(result.Dropped, t.ID)
	}
	return next, nil
}

// TypeUser is what uses a type that CREATE TYPE made.
type TypeUser struct {
	// What names it in messages: "column a of table t".
	What string
	// Type is the ID of a type whose field it is, or 0.
	Type ObjectID
	// Mentions is set for a view or query in whose text the type, or a value of it, may
	// stand.
	Mentions bool
}

// TypeUsers returns what uses a type itself, in the order of the IDs.
func (s *Snapshot) TypeUsers(id ObjectID) []TypeUser {
	var users []TypeUser
	for _, t := range s.types {
		for _, f := range t.Type.Fields {
			if UsesType(f.Type, id) {
				users = append(users, TypeUser{What: fmt.Sprintf("column %s of composite type %s", f.Name, t.Type), Type: t.ID})
			}
		}
	}
	for _, list := range [][]*Relation{s.relations, s.keptRelations} {
		for _, r := range list {
			for i := range r.Columns {
				if c := &r.Columns[i]; !c.Dropped && UsesType(c.Type, id) {
					users = append(users, TypeUser{What: fmt.Sprintf("column %s of %s", c.Name, describe(r))})
				}
			}
		}
	}
	for _, v := range s.views {
		if slices.Contains(v.Types, id) || slices.ContainsFunc(v.Columns, func(c ViewColumn) bool { return UsesType(c.Type, id) }) {
			users = append(users, TypeUser{What: "view " + v.Name, Mentions: true})
		}
	}
	for _, list := range [][]*Query{s.queries, s.keptQueries} {
		for _, q := range list {
			if slices.Contains(q.Types, id) {
				users = append(users, TypeUser{What: "query " + q.Name, Mentions: true})
			}
		}
	}
	return users
}

// UsesType reports whether a type is that with an ID or has a part of it; parts of
// other types that CREATE TYPE made do not count.
func UsesType(t types.Type, id ObjectID) bool {
	found := false
	// Nothing fails here.
	_, _ = t.ReplaceNamed(func(n *types.Named) (types.Type, error) {
		found = found || ObjectID(n.ID) == id
		return types.Type{}, nil
	})
	return found
}
