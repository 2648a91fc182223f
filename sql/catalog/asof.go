package catalog

import (
	"cmp"
	"slices"
)

// AsOf returns a catalog in which the given relations and views have the names and
// columns that they had in an earlier version, and that has no other ones. Columns keep
// their numbers, so that what is planned against it reads rows as they are now:
// columns are only ever added behind the others, and dropped ones are still there.
func (s *Snapshot) AsOf(version uint64, relations, views []ObjectID) *Snapshot {
	past := *s
	past.relations, past.views, past.present = nil, nil, s.Present()
	for _, id := range relations {
		if r := s.Relation(id); r != nil {
			past.relations = append(past.relations, r.asOf(version))
		}
	}
	for _, id := range views {
		if v := s.View(id); v != nil {
			past.views = append(past.views, v.asOf(version))
		}
	}
	slices.SortFunc(past.views, func(a, b *View) int { return cmp.Compare(a.ID, b.ID) })
	slices.SortFunc(past.relations, func(a, b *Relation) int { return cmp.Compare(a.ID, b.ID) })
	return past.index()
}

// Present returns the catalog that AsOf was asked of, with everything in it; any
// other is its own.
func (s *Snapshot) Present() *Snapshot {
	if s.present != nil {
		return s.present
	}
	return s
}

// asOf returns a relation's descriptor with its names and columns of a version.
func (r *Relation) asOf(version uint64) *Relation {
	if r.Changed <= version {
		return r
	}
	past := *r
	past.Schema, past.Name = qualifiedAsOf(r.FormerNames, r.Schema, r.Name, version)
	past.Columns = nil
	for i := range r.Columns {
		column := r.Columns[i]
		if column.Since > version {
			break // as are all behind it
		}
		column.Name = nameAsOf(column.FormerNames, column.Name, version)
		if column.Dropped && column.Name != r.Columns[i].Name {
			column.Dropped, column.Hidden = false, false
		}
		past.Columns = append(past.Columns, column)
	}
	return &past
}

// qualifiedAsOf is nameAsOf for an object in a schema.
func qualifiedAsOf(former []FormerName, schema, name string, version uint64) (string, string) {
	for _, f := range former {
		if version < f.Until {
			return f.Schema, f.Name
		}
	}
	return schema, name
}

func nameAsOf(former []FormerName, name string, version uint64) string {
	for _, f := range former {
		if version < f.Until {
			return f.Name
		}
	}
	return name
}
