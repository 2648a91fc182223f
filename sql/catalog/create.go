package catalog

import (
	"slices"

	"millrace/sql/sqlerr"
)

func applyCreateRelation(s *Snapshot, c *CreateRelation, result *Result) (*Snapshot, error) {
	r := c.Relation
	if s.Schema(r.Schema) == nil {
		return nil, noSchema(r.Schema)
	}
	if s.NameTaken(r.Schema, r.Name) {
		if !c.IfNotExists {
			return nil, sqlerr.New(sqlerr.DuplicateTable, -1, "relation %q already exists", r.Name)
		}
		result.Notices = append(result.Notices, Notice{
			Code: string(sqlerr.DuplicateTable), Message: `relation "` + r.Name + `" already exists, skipping`,
		})
		return nil, nil
	}
	if err := checkRelation(s, &r); err != nil {
		return nil, err
	}
	if key := r.PrimaryKey(); key != nil && (key.Name == r.Name || s.NameTaken(r.Schema, key.Name)) {
		return nil, sqlerr.New(sqlerr.DuplicateTable, -1, "relation %q already exists", key.Name)
	}
	next := s.edit()
	// The ID behind a relation's own belongs to the index of its key.
	r.ID = next.nextID
	next.nextID += 2
	r.Query, r.Frozen = 0, false
	r.Constraints = slices.Clone(r.Constraints)
	for i := range r.Constraints {
		if r.Constraints[i].Kind == ConstraintPrimaryKey {
			r.Constraints[i].ID = r.IndexID()
		} else {
			r.Constraints[i].ID = next.nextID
			next.nextID++
		}
	}
	r.Changed, r.Layout = next.version, next.version
	result.Created = append(result.Created, r.ID)
	if len(c.Sequences) > 0 {
		r.Columns = slices.Clone(r.Columns)
	}
	for _, sequence := range c.Sequences {
		if next.NameTaken(sequence.Schema, sequence.Name) || sequence.Name == r.Name || r.Constraint(sequence.Name) != nil {
			return nil, sqlerr.New(sqlerr.DuplicateTable, -1, "relation %q already exists", sequence.Name)
		}
		sequence.Owner = r.ID
		q := next.addSequence(sequence, result)
		if column := &r.Columns[q.OwnerColumn]; column.Identity == NotIdentity {
			column.Sequences = []ObjectID{q.ID}
		}
	}
	if c.Query != nil {
		q := *c.Query
		if err := checkQuery(s, &q); err != nil {
			return nil, err
		}
		q.Sink, q.Into, q.Shared = r.ID, nil, s.stillShared(q.Shared)
		next.addQuery(&q, result)
		r.Query = q.ID
	}
	next.relations = inserted(next.relations, &r, func(x *Relation) ObjectID { return x.ID })
	if err := addConstraintIndexes(next, &r, c.Indexes, result); err != nil {
		return nil, err
	}
	return next, nil
}

// checkRelation refuses a descriptor that breaks what all readers rely on.
func checkRelation(s *Snapshot, r *Relation) error {
	if r.Name == "" {
		return sqlerr.New(sqlerr.InvalidName, -1, "a relation needs a name")
	}
	if r.Kind != KindStream && r.Kind != KindTable {
		return sqlerr.New(sqlerr.InvalidTableDefinition, -1, "relation %q has no kind", r.Name)
	}
	if len(r.Columns) > MaxColumns {
		return sqlerr.New(sqlerr.TooManyColumns, -1, "tables can have at most %d columns", MaxColumns)
	}
	seen := make(map[string]bool, len(r.Columns))
	for i := range r.Columns {
		name := r.Columns[i].Name
		if name == "" || seen[name] {
			return sqlerr.New(sqlerr.DuplicateColumn, -1, "column %q specified more than once", name)
		}
		seen[name] = true
	}
	for _, columns := range [][]int{r.Key, r.Distribution, r.Window} {
		if !validColumns(r, columns) {
			return sqlerr.New(sqlerr.InvalidTableDefinition, -1, "relation %q has an invalid key", r.Name)
		}
	}
	for i := range r.Constraints {
		c := &r.Constraints[i]
		if r.Constraint(c.Name) != c {
			return sqlerr.New(sqlerr.DuplicateObject, -1, "constraint %q for relation %q already exists", c.Name, r.Name)
		}
		if !validColumns(r, c.Columns) {
			return sqlerr.New(sqlerr.InvalidTableDefinition, -1, "constraint %q of relation %q has invalid columns", c.Name, r.Name)
		}
	}
	if r.Window != nil && len(r.Window) != 2 {
		return sqlerr.New(sqlerr.InvalidTableDefinition, -1, "relation %q has invalid window columns", r.Name)
	}
	if r.Rowtime < -1 || r.Rowtime >= len(r.Columns) {
		return sqlerr.New(sqlerr.InvalidTableDefinition, -1, "relation %q has an invalid rowtime column", r.Name)
	}
	if r.Partitions < 1 || r.Partitions > s.shards {
		return sqlerr.New(sqlerr.InvalidParameterValue, -1, "the number of partitions must be between 1 and %d", s.shards).
			WithHint("The cluster has %d shards; partition p of everything lies on shard p.", s.shards)
	}
	return nil
}

// validColumns reports whether all numbers are columns of the relation and none
// is there twice.
func validColumns(r *Relation, columns []int) bool {
	for i, k := range columns {
		if k < 0 || k >= len(r.Columns) || slices.Contains(columns[:i], k) {
			return false
		}
	}
	return true
}

// checkQuery makes sure that what a query was planned on is still there.
func checkQuery(s *Snapshot, q *Query) error {
	if q.Name == "" || s.QueryByName(q.Name) != nil {
		return sqlerr.New(sqlerr.DuplicateObject, -1, "query %q already exists", q.Name)
	}
	return s.checkRead(q.Sources, q.Views, q.Version)
}
