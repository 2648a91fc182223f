package catalog

import (
	"fmt"
	"slices"

	"millrace/sql/sqlerr"
)

func applyDropRelations(s *Snapshot, c *DropRelations, result *Result) (*Snapshot, error) {
	var named []dependant
	for _, name := range c.Names {
		id, err := s.droppable(c, name, result)
		if err != nil {
			return nil, err
		}
		if id != 0 && !slices.ContainsFunc(named, func(d dependant) bool { return d.id == id }) {
			named = append(named, dependant{id: id})
		}
	}
	if len(named) == 0 {
		return nil, nil
	}
	found, err := s.toDrop(named, len(c.Names), c.Cascade, result)
	if err != nil {
		return nil, err
	}
	next := s.edit()
	next.drop(found, result)
	next.keepShared(s)
	return next, nil
}

// toDrop returns the objects that a DROP of so many names drops: those named with what
// depends on them, which a notice tells with CASCADE and an error without.
func (s *Snapshot) toDrop(named []dependant, names int, cascade bool, result *Result) ([]dependant, error) {
	found := s.withDependants(named)
	switch {
	case len(found) == len(named):
		return found, nil
	case cascade:
		result.Notices = append(result.Notices, s.cascadeNotice(found))
		return found, nil
	case names == 1:
		return nil, s.dependantsError(fmt.Sprintf("cannot drop %s because other objects depend on it", s.describe(named[0].id)), found)
	default:
		return nil, s.dependantsError("cannot drop desired object(s) because other objects depend on them", found)
	}
}

// droppable returns the object that a name of a DROP means, 0 where there is none
// and need not be.
func (s *Snapshot) droppable(c *DropRelations, name Name, result *Result) (ObjectID, error) {
	if s.LookupSequence(name.Schema, name.Name) != nil {
		return 0, sqlerr.New(sqlerr.WrongObjectType, -1, "%q is not a %s", name.Name, c.Kind).
			WithHint("Use DROP SEQUENCE to remove a sequence.")
	}
	r, v := s.Lookup(name.Schema, name.Name), s.LookupView(name.Schema, name.Name)
	switch {
	case v != nil && c.Kind == KindView:
		return v.ID, nil
	case v != nil:
		return 0, sqlerr.New(sqlerr.WrongObjectType, -1, "%q is not a %s", v.Name, c.Kind).
			WithHint("Use DROP VIEW to remove a view.")
	case r == nil && c.IfExists:
		result.Notices = append(result.Notices, Notice{Message: fmt.Sprintf("%s %q does not exist, skipping", c.Kind, name.String())})
		return 0, nil
	case r == nil:
		return 0, sqlerr.New(sqlerr.UndefinedTable, -1, "%s %q does not exist", c.Kind, name.String())
	case r.Kind == KindTable && c.Kind == KindView:
		return 0, sqlerr.New(sqlerr.WrongObjectType, -1, "%q is not a view", r.Name).
			WithHint("Use DROP TABLE to remove a table.")
	case r.Kind != c.Kind:
		return 0, wrongKind(r, c.Kind, "DROP")
	default:
		return r.ID, nil
	}
}
