package catalog

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"millrace/sql/sqlerr"
)

// dependant is an object that goes with another one: a view, the result of a query, or
// a query that inserts.
type dependant struct {
	id ObjectID
	// on is the object by which it was found, or 0, and column the name of that
	// one's column which it reads, or "".
	on     ObjectID
	column string
}

// direct returns what reads an object itself, not through views, or inserts into it, in
// the order of the IDs.
func (s *Snapshot) direct(id ObjectID) []ObjectID {
	if schema := s.SchemaByID(id); schema != nil {
		return s.InSchema(schema.Name)
	}
	var found []ObjectID
	for _, q := range s.queries {
		if (slices.Contains(q.needs(), id) || slices.Contains(q.Views, id)) && !slices.Contains(q.Indirect, id) {
			found = append(found, q.goes())
		}
	}
	for _, v := range s.views {
		if slices.Contains(v.Sources, id) || slices.Contains(v.Views, id) {
			found = append(found, v.ID)
		}
	}
	slices.Sort(found)
	return found
}

// readingColumn is direct for a column of a relation.
func (s *Snapshot) readingColumn(relation ObjectID, column int) []ObjectID {
	return slices.DeleteFunc(s.direct(relation), func(id ObjectID) bool {
		if v := s.View(id); v != nil {
			return !slices.Contains(v.Reads[slices.Index(v.Sources, relation)], column)
		}
		q := s.Query(id)
		if q == nil {
			q = s.Query(s.Relation(id).Query)
		}
		return !q.Reads(relation, column) && !(q.Sink == relation && slices.Contains(q.Into, column))
	})
}

// withDependants returns the given objects and everything that is computed from
// them, each once. The order is that in which PostgreSQL reports them: what depends
// on an object stands behind it.
func (s *Snapshot) withDependants(roots []dependant) []dependant {
	var found []dependant
	var visit func(d dependant)
	visit = func(d dependant) {
		readers := s.direct(d.id)
		slices.Reverse(readers)
		for _, id := range readers {
			if !slices.ContainsFunc(found, func(known dependant) bool { return known.id == id }) &&
				!slices.ContainsFunc(roots, func(root dependant) bool { return root.id == id }) {
				visit(dependant{id: id, on: d.id})
			}
		}
		found = append(found, d)
	}
	for _, root := range slices.Backward(roots) {
		visit(root)
	}
	slices.Reverse(found)
	return found
}

// columnReaders returns what reads the columns that r does not have any more, and
// everything that is computed from it.
func (s *Snapshot) columnReaders(old, r *Relation) []dependant {
	var roots []dependant
	for i := range old.Columns {
		if !r.Columns[i].Dropped || old.Columns[i].Dropped {
			continue
		}
		for _, id := range s.readingColumn(old.ID, i) {
			if !slices.ContainsFunc(roots, func(d dependant) bool { return d.id == id }) {
				roots = append(roots, dependant{id: id, on: old.ID, column: old.Columns[i].Name})
			}
		}
	}
	slices.SortStableFunc(roots, func(a, b dependant) int { return cmp.Compare(a.id, b.id) })
	return s.withDependants(roots)
}

// dependsLine is a line of DETAIL: who depends on what.
func (s *Snapshot) dependsLine(d dependant) string {
	on := s.describe(d.on)
	if d.column != "" {
		on = "column " + d.column + " of " + on
	}
	return s.describe(d.id) + " depends on " + on
}

// dependantsError is PostgreSQL's error for what cannot be dropped alone.
func (s *Snapshot) dependantsError(message string, found []dependant) error {
	var lines []string
	for _, d := range found {
		if d.on != 0 {
			lines = append(lines, s.dependsLine(d))
		}
	}
	return sqlerr.New(sqlerr.DependentObjectsStillExist, -1, "%s", message).
		WithDetail("%s", strings.Join(lines, "\n")).
		WithHint("Use DROP ... CASCADE to drop the dependent objects too.")
}

// cascadeNotice tells what goes with what was named; there is something.
func (s *Snapshot) cascadeNotice(found []dependant) Notice {
	var lines []string
	for _, d := range found {
		if d.on != 0 {
			lines = append(lines, "drop cascades to "+s.describe(d.id))
		}
	}
	if len(lines) == 1 {
		return Notice{Message: lines[0]}
	}
	return Notice{Message: fmt.Sprintf("drop cascades to %d other objects", len(lines)), Detail: strings.Join(lines, "\n")}
}

// drop removes objects and the queries that write them.
func (s *Snapshot) drop(objects []dependant, result *Result) {
	for _, d := range objects {
		result.Dropped = append(result.Dropped, d.id)
		if s.View(d.id) != nil {
			s.views = slices.DeleteFunc(s.views, func(v *View) bool { return v.ID == d.id })
			continue
		}
		if schema := s.SchemaByID(d.id); schema != nil {
			s.schemas = slices.DeleteFunc(slices.Clone(s.schemas), func(other *Schema) bool { return other == schema })
		} else if s.DataType(d.id) != nil {
			s.types = slices.DeleteFunc(s.types, func(t *DataType) bool { return t.ID == d.id })
		} else if s.Sequence(d.id) != nil {
			s.sequences = slices.DeleteFunc(s.sequences, func(q *Sequence) bool { return q.ID == d.id })
		} else if r := s.Relation(d.id); r != nil {
			s.dropRelation(r, result)
		} else {
			s.removeQuery(d.id)
		}
	}
}

// dropRelation removes a relation with what belongs to it.
func (s *Snapshot) dropRelation(r *Relation, result *Result) {
	s.removeRelation(r.ID)
	s.dropOwned(r.ID, -1, result)
	if r.Query != 0 {
		s.removeQuery(r.Query)
		result.Dropped = append(result.Dropped, r.Query)
	}
	for _, shadow := range s.shadows {
		if shadow.Shadow == r.ID {
			s.indexes = slices.DeleteFunc(s.indexes, func(i *Index) bool { return i.Table == shadow.ID })
		}
	}
	s.shadows = slices.DeleteFunc(s.shadows, func(shadow *Relation) bool { return shadow.Shadow == r.ID })
}
