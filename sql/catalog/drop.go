package catalog

import (
	"fmt"
	"slices"
	"strings"

	"millrace/sql/sqlerr"
)

func applyDropRelations(s *Snapshot, c *DropRelations, result *Result) (*Snapshot, error) {
	var drop []ObjectID
	for _, name := range c.Names {
		r := s.Lookup(name.Schema, name.Name)
		if r == nil && s.LookupSequence(name.Schema, name.Name) != nil {
			return nil, sqlerr.New(sqlerr.WrongObjectType, -1, "%q is not a %s", name.Name, c.Kind).
				WithHint("Use DROP SEQUENCE to remove a sequence.")
		}
		if r == nil {
			if !c.IfExists {
				return nil, sqlerr.New(sqlerr.UndefinedTable, -1, "%s %q does not exist", c.Kind, name.String())
			}
			result.Notices = append(result.Notices, Notice{Message: fmt.Sprintf("%s %q does not exist, skipping", c.Kind, name.String())})
			continue
		}
		if r.Kind != c.Kind {
			return nil, wrongKind(r, c.Kind, "DROP")
		}
		if !slices.Contains(drop, r.ID) {
			drop = append(drop, r.ID)
		}
	}
	if len(drop) == 0 {
		return nil, nil
	}
	named := len(drop)
	drop = s.withDependants(drop)
	if len(drop) > named {
		if !c.Cascade {
			return nil, dependantsError(s, c, drop, named)
		}
		result.Notices = append(result.Notices, cascadeNotice(s, drop[named:]))
	}
	next := s.edit()
	next.drop(drop, result)
	return next, nil
}

// drop removes relations with the queries whose results they are, and queries that
// insert.
func (s *Snapshot) drop(objects []ObjectID, result *Result) {
	for _, id := range objects {
		r := s.Relation(id)
		if r == nil {
			s.removeQuery(id)
			result.Dropped = append(result.Dropped, id)
			continue
		}
		s.removeRelation(id)
		s.dropOwned(id, -1, result)
		result.Dropped = append(result.Dropped, id)
		if r.Query != 0 {
			s.removeQuery(r.Query)
			result.Dropped = append(result.Dropped, r.Query)
		}
		for _, shadow := range s.shadows {
			if shadow.Shadow == id {
				s.indexes = slices.DeleteFunc(s.indexes, func(i *Index) bool { return i.Table == shadow.ID })
			}
		}
		s.shadows = slices.DeleteFunc(s.shadows, func(shadow *Relation) bool { return shadow.Shadow == id })
	}
}

// withDependants adds, behind the given relations, everything that is computed
// from them and the queries that insert into them, each once, nearest first.
func (s *Snapshot) withDependants(objects []ObjectID) []ObjectID {
	for i := 0; i < len(objects); i++ {
		for _, q := range s.queries {
			if slices.Contains(q.needs(), objects[i]) && !slices.Contains(objects, q.goes()) {
				objects = append(objects, q.goes())
			}
		}
	}
	return objects
}

// dependencyLines lists what each of the dependants needs of the objects that are
// to be dropped.
func (s *Snapshot) dependencyLines(dependants, objects []ObjectID) []string {
	var lines []string
	for _, id := range dependants {
		query := s.Query(id)
		if query == nil {
			query = s.Query(s.Relation(id).Query)
		}
		for _, relation := range query.needs() {
			if slices.Contains(objects, relation) {
				lines = append(lines, fmt.Sprintf("%s depends on %s", s.describe(id), s.describe(relation)))
			}
		}
	}
	return lines
}

// dependantsError lists who reads what, as PostgreSQL does.
func dependantsError(s *Snapshot, c *DropRelations, drop []ObjectID, named int) error {
	lines := s.dependencyLines(drop[named:], drop)
	message := "cannot drop desired object(s) because other objects depend on them"
	if len(c.Names) == 1 {
		message = fmt.Sprintf("cannot drop %s because other objects depend on it", describe(s.Relation(drop[0])))
	}
	return sqlerr.New(sqlerr.DependentObjectsStillExist, -1, "%s", message).
		WithDetail("%s", strings.Join(lines, "\n")).
		WithHint("Use DROP ... CASCADE to drop the dependent objects too.")
}

func cascadeNotice(s *Snapshot, dropped []ObjectID) Notice {
	if len(dropped) == 1 {
		return Notice{Message: "drop cascades to " + s.describe(dropped[0])}
	}
	lines := make([]string, len(dropped))
	for i, id := range dropped {
		lines[i] = "drop cascades to " + s.describe(id)
	}
	return Notice{
		Message: fmt.Sprintf("drop cascades to %d other objects", len(dropped)),
		Detail:  strings.Join(lines, "\n"),
	}
}
