package catalog

import (
	"fmt"
	"slices"
	"strings"

	"millrace/sql/sqlerr"
)

func applyCreateIndex(s *Snapshot, c *CreateIndex, result *Result) (*Snapshot, error) {
	i := c.Index
	table := s.Relation(i.Table)
	if table == nil {
		return nil, sqlerr.New(sqlerr.UndefinedTable, -1, "the table of the index was dropped")
	}
	i.Schema = table.Schema
	if err := checkIndex(s, &i); err != nil {
		return nil, err
	}
	if i.Name == "" {
		i.Name = s.indexName(&i, table, nil)
	} else if s.NameTaken(i.Schema, i.Name) {
		if !c.IfNotExists {
			return nil, nameTaken(i.Name)
		}
		result.Notices = append(result.Notices, Notice{
			Code: string(sqlerr.DuplicateTable), Message: fmt.Sprintf("relation %q already exists, skipping", i.Name),
		})
		return nil, nil
	}
	next := s.edit()
	i.Ready = false
	next.addIndex(&i, result)
	return next, nil
}

func nameTaken(name string) error {
	return sqlerr.New(sqlerr.DuplicateTable, -1, "relation %q already exists", name)
}

// indexName makes up the name of an index.
func (s *Snapshot) indexName(i *Index, table *Relation, besides []string) string {
	label := "idx"
	if i.Constraint {
		label = "key"
	}
	var columns []string
	for _, number := range slices.Concat(i.Numbers(), i.Include) {
		columns = append(columns, table.Columns[number].Name)
	}
	return s.ChooseName(table.Schema, table.Name, columns, label, besides...)
}

// addIndex gives an index its ID and adds it.
func (s *Snapshot) addIndex(i *Index, result *Result) {
	i.ID = s.nextID
	s.nextID++
	s.indexes = inserted(s.indexes, i, func(x *Index) ObjectID { return x.ID })
	result.Created = append(result.Created, i.ID)
}

// addConstraintIndexes adds the indexes of the UNIQUE constraints that a new table
// is declared with.
func addConstraintIndexes(next *Snapshot, table *Relation, indexes []Index, result *Result) error {
	names := []string{table.Name}
	for n := range indexes {
		i := indexes[n]
		i.Schema, i.Table, i.Ready = table.Schema, table.ID, true
		if err := checkIndex(next, &i); err != nil {
			return err
		}
		if i.Name == "" {
			i.Name = next.indexName(&i, table, names)
		} else if next.NameTaken(i.Schema, i.Name) || slices.Contains(names, i.Name) {
			return nameTaken(i.Name)
		}
		if table.Constraint(i.Name) != nil {
			return sqlerr.New(sqlerr.DuplicateObject, -1, "constraint %q for relation %q already exists", i.Name, table.Name)
		}
		names = append(names, i.Name)
		next.addIndex(&i, result)
	}
	return nil
}

// indexed returns the table that an index is on, which may be a copy that a rewrite
// is building.
func (s *Snapshot) indexed(i *Index) *Relation {
	if table := s.Relation(i.Table); table != nil {
		return table
	}
	return s.Shadow(i.Table)
}

// checkIndex refuses a descriptor that breaks what all readers rely on.
func checkIndex(s *Snapshot, i *Index) error {
	table := s.indexed(i)
	switch {
	case table == nil || table.Kind != KindTable:
		return sqlerr.New(sqlerr.WrongObjectType, -1, "index %q is not on a table", i.Name)
	case i.Unique && table.Derived():
		return sqlerr.New(sqlerr.WrongObjectType, -1, "index %q of a derived table cannot be unique", i.Name)
	case len(i.Columns) == 0:
		return sqlerr.New(sqlerr.InvalidObjectDefinition, -1, "index %q has no columns", i.Name)
	}
	for _, number := range slices.Concat(i.Numbers(), i.Include) {
		if number < 0 || number >= len(table.Columns) {
			return sqlerr.New(sqlerr.InvalidObjectDefinition, -1, "index %q has an invalid column", i.Name)
		}
	}
	return nil
}

func applyIndexReady(s *Snapshot, c *IndexReady) *Snapshot {
	i := s.Index(c.ID)
	if i == nil || i.Ready {
		return nil
	}
	changed := *i
	changed.Ready = true
	next := s.edit()
	next.replaceIndex(&changed)
	return next
}

func applyDropIndexes(s *Snapshot, c *DropIndexes, result *Result) (*Snapshot, error) {
	var next *Snapshot
	for _, name := range c.Names {
		i := s.LookupIndex(name.Schema, name.Name)
		if i == nil {
			if err := s.missingIndex(name); sqlerr.CodeOf(err) != sqlerr.UndefinedObject || !c.IfExists {
				return nil, err
			}
			result.Notices = append(result.Notices, Notice{Message: fmt.Sprintf("index %q does not exist, skipping", name.String())})
			continue
		}
		if i.Constraint {
			table := s.Relation(i.Table)
			return nil, constraintNeedsIndex(name, i.Name, table)
		}
		if next == nil {
			next = s.edit()
		}
		next.removeIndex(i.ID)
		result.Dropped = append(result.Dropped, i.ID)
	}
	return next, nil
}

// missingIndex is the error for a name that no secondary index has.
func (s *Snapshot) missingIndex(name Name) error {
	if r := s.Lookup(name.Schema, name.Name); r != nil {
		return sqlerr.New(sqlerr.WrongObjectType, -1, "%q is not an index", name.Name).
			WithHint("Use DROP %s to remove a %s.", strings.ToUpper(r.Kind.String()), r.Kind)
	}
	return sqlerr.New(sqlerr.UndefinedObject, -1, "index %q does not exist", name.String())
}

// constraintNeedsIndex refuses to drop the index of a constraint.
func constraintNeedsIndex(index Name, constraint string, table *Relation) error {
	return sqlerr.New(sqlerr.DependentObjectsStillExist, -1, "cannot drop index %s because constraint %s on table %s requires it",
		index, constraint, Name{table.Schema, table.Name}).
		WithHint("You can drop constraint %s on table %s instead.", constraint, Name{table.Schema, table.Name})
}

func applyAbandonIndex(s *Snapshot, c *AbandonIndex, result *Result) *Snapshot {
	i := s.Index(c.ID)
	if i == nil || i.Ready {
		return nil
	}
	next := s.edit()
	next.removeIndex(i.ID)
	result.Dropped = append(result.Dropped, i.ID)
	return next
}

func applyCommentOnIndex(s *Snapshot, c *CommentOnIndex) (*Snapshot, error) {
	i := s.LookupIndex(c.Name.Schema, c.Name.Name)
	if i == nil {
		return nil, s.missingIndex(c.Name)
	}
	changed := *i
	changed.Comment = c.Text
	next := s.edit()
	next.replaceIndex(&changed)
	return next, nil
}
