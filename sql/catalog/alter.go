package catalog

import (
	"fmt"
	"reflect"
	"slices"

	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// applyAlterRelation puts the new descriptor in the place of the old one. What
// may change depends on who reads the relation:
//
//   - names may always change: queries find what they read by the names of their
//     own version (AsOf);
//   - columns that are read may go only together with their readers;
//   - the type of a column that is read, and the key and the storage of a
//     relation that is read, cannot change: positions of running queries count on
//     them.
func applyAlterRelation(s *Snapshot, c *AlterRelation, result *Result) (*Snapshot, error) {
	old, err := s.alterable(c.Relation.ID, c.Base)
	if err != nil {
		return nil, err
	}
	r := c.Relation
	if r.Name != old.Name || r.Schema != old.Schema {
		if s.Schema(r.Schema) == nil {
			return nil, noSchema(r.Schema)
		}
		if err := s.checkMove(old, Name{r.Schema, r.Name}); err != nil {
			return nil, err
		}
	}
	if c.Shadow != 0 {
		if shadow := s.Shadow(c.Shadow); shadow == nil || shadow.Shadow != old.ID {
			return nil, changedError(old)
		}
		r.Storage = c.Shadow
	}
	if err := checkAltered(s, old, &r); err != nil {
		return nil, err
	}
	drop, err := s.alteredReaders(c, old, &r, result)
	if err != nil {
		return nil, err
	}
	next := s.edit()
	next.drop(drop, result)
	next.keepShared(s)
	for i := range old.Columns {
		if r.Columns[i].Dropped && !old.Columns[i].Dropped {
			next.dropOwned(old.ID, i, result)
		}
		if r.Columns[i].Identity == NotIdentity && old.Columns[i].Identity != NotIdentity {
			next.dropIdentity(old.ID, i, result)
		}
	}
	for _, q := range c.Sequences {
		if next.NameTaken(q.Schema, q.Name) {
			return nil, sqlerr.New(sqlerr.DuplicateTable, -1, "relation %q already exists", q.Name)
		}
		q.Owner = old.ID
		next.addSequence(q, result)
	}
	r.Columns = slices.Clone(r.Columns)
	keepHistory(old, &r, next.version)
	next.nameConstraints(&r)
	if err := next.alterIndexes(c, old, &r, result); err != nil {
		return nil, err
	}
	if c.Shadow != 0 {
		if err := next.swap(&r, c.Shadow, result); err != nil {
			return nil, err
		}
	}
	if r.Schema != old.Schema {
		next.moveIndexes(old.ID, r.Schema)
		next.moveOwned(old.ID, r.Schema)
	}
	r.Query, r.Frozen, r.Layout = old.Query, old.Frozen, old.Layout
	if !sameLayout(old, &r) {
		r.Layout = next.version
	}
	next.replaceRelation(&r)
	return next, nil
}

// nameConstraints gives constraints that are new their IDs.
func (s *Snapshot) nameConstraints(r *Relation) {
	r.Constraints = slices.Clone(r.Constraints)
	for i := range r.Constraints {
		switch c := &r.Constraints[i]; {
		case c.Kind == ConstraintPrimaryKey:
			c.ID = r.IndexID()
		case c.ID == 0:
			c.ID = s.nextID
			s.nextID++
		}
	}
}

// alterIndexes drops the indexes of constraints that are dropped and those on
// columns that are, and renames indexes.
func (s *Snapshot) alterIndexes(c *AlterRelation, old, r *Relation, result *Result) error {
	for _, i := range s.IndexesOf(old.ID) {
		if i.goes(r, c.DropIndexes) {
			s.removeIndex(i.ID)
			result.Dropped = append(result.Dropped, i.ID)
		}
	}
	for _, rename := range c.RenameIndexes {
		i := s.Index(rename.ID)
		if i == nil || i.Table != old.ID {
			return changedError(old)
		}
		if s.NameTaken(i.Schema, rename.Name) {
			return nameTaken(rename.Name)
		}
		renamed := *i
		renamed.Name = rename.Name
		s.replaceIndex(&renamed)
	}
	return nil
}

// goes reports whether an index is dropped with what is dropped of its table.
func (i *Index) goes(r *Relation, drop []ObjectID) bool {
	return slices.Contains(drop, i.ID) || slices.ContainsFunc(slices.Concat(i.Numbers(), i.Include), func(column int) bool {
		return r.Columns[column].Dropped
	})
}

// swap makes a copy that was built the storage of its table, and the copy's indexes
// the table's. The rows of the copy have all columns.
func (s *Snapshot) swap(r *Relation, shadow ObjectID, result *Result) error {
	r.complete()
	for _, i := range s.IndexesOf(r.ID) {
		if s.hasIndex(i.ID) {
			s.removeIndex(i.ID)
			result.Dropped = append(result.Dropped, i.ID)
		}
	}
	for _, i := range s.IndexesOf(shadow) {
		if s.NameTaken(i.Schema, i.Name) {
			return nameTaken(i.Name)
		}
		own := *i
		own.Table = r.ID
		s.replaceIndex(&own)
	}
	s.shadows = slices.DeleteFunc(s.shadows, func(r *Relation) bool { return r.ID == shadow })
	return nil
}

// hasIndex reports whether the lists have an index, which may not be so any more
// while they are edited.
func (s *Snapshot) hasIndex(id ObjectID) bool {
	return slices.ContainsFunc(s.indexes, func(i *Index) bool { return i.ID == id })
}

// complete says that all rows of a relation are stored with all columns.
func (r *Relation) complete() {
	for i := range r.Columns {
		r.Columns[i].Since, r.Columns[i].Missing = 0, types.Datum{}
	}
}

// alterable returns the relation with an ID where it is as it was in version base.
func (s *Snapshot) alterable(id ObjectID, base uint64) (*Relation, error) {
	r := s.Relation(id)
	if r == nil {
		return nil, sqlerr.New(sqlerr.UndefinedTable, -1, "the relation was dropped meanwhile")
	}
	if r.Changed != base {
		return nil, changedError(r)
	}
	return r, nil
}

// changedError says that a command was made from what is not so any more.
func changedError(r *Relation) error {
	return sqlerr.New(sqlerr.SerializationFailure, -1, "%s %q was changed by a concurrent statement", r.Kind, r.Name).
		WithHint("Run the statement again.")
}

// checkAltered refuses a descriptor that is not one of the same relation.
func checkAltered(s *Snapshot, old, r *Relation) error {
	if r.Kind != old.Kind || r.Partitions != old.Partitions || len(r.Columns) < len(old.Columns) {
		return sqlerr.New(sqlerr.InternalError, -1, "the new descriptor of %q is not one of it", old.Name)
	}
	return checkRelation(s, r)
}

// CheckReaders refuses a change of a relation's columns that queries which read it
// do not allow, as AlterRelation does, so that a statement fails at the action that
// is wrong.
func (s *Snapshot) CheckReaders(old, r *Relation, cascade bool) error {
	_, err := s.alteredReaders(&AlterRelation{Cascade: cascade}, old, r, &Result{})
	return err
}

// alteredReaders checks what the queries and views that read a relation, or insert
// into it, need of it, and returns what goes with the columns that are dropped.
func (s *Snapshot) alteredReaders(c *AlterRelation, old, r *Relation, result *Result) ([]dependant, error) {
	for i := range old.Columns {
		if r.Columns[i].Dropped || r.Columns[i].Type.Equal(old.Columns[i].Type) {
			continue
		}
		if readers := s.readingColumn(old.ID, i); len(readers) > 0 {
			return nil, s.typeError(readers[0], old.Columns[i].Name)
		}
	}
	drop := s.columnReaders(old, r)
	if len(drop) > 0 && !c.Cascade {
		message := fmt.Sprintf("cannot drop column %s of %s because other objects depend on it", drop[0].column, describe(old))
		return nil, s.dependantsError(message, drop)
	}
	if readers := append(s.QueriesReading(old.ID), s.QueriesInto(old.ID)...); len(readers) > 0 && (r.StorageID() != old.StorageID() || !slices.Equal(r.Key, old.Key)) {
		return nil, rewriteError(s, old, readers[0])
	}
	if len(drop) > 0 {
		result.Notices = append(result.Notices, s.cascadeNotice(drop))
	}
	return drop, nil
}

// typeError refuses another type for a column that is read.
func (s *Snapshot) typeError(reader ObjectID, column string) error {
	if v := s.View(reader); v != nil {
		return sqlerr.New(sqlerr.FeatureNotSupported, -1, "cannot alter type of a column used by a view or rule").
			WithDetail("rule _RETURN on %s depends on column %q", s.describe(reader), column)
	}
	return sqlerr.New(sqlerr.FeatureNotSupported, -1, "cannot alter type of a column used by a continuous query").
		WithDetail("%s depends on column %q", s.describe(reader), column).
		WithHint("Drop what the query writes, change the type, and create it again.")
}

// rewriteError refuses to store the rows of a relation anew that a query reads.
func rewriteError(s *Snapshot, r *Relation, reader *Query) error {
	return sqlerr.New(sqlerr.FeatureNotSupported, -1, "cannot rewrite %s because a continuous query reads it", describe(r)).
		WithDetail("%s depends on %s", s.describe(reader.goes()), describe(r)).
		WithHint("Drop what the query writes, change the table, and create it again.")
}

// Reads reports whether a query reads a column of a relation.
func (q *Query) Reads(relation ObjectID, column int) bool {
	i := slices.Index(q.Sources, relation)
	if i < 0 {
		return false
	}
	return q.Columns == nil || slices.Contains(q.Columns[i], column)
}

// keepHistory notes in a descriptor of version what its names were before, and
// since when its columns are there.
func keepHistory(old, r *Relation, version uint64) {
	r.FormerNames = renamedIn(old.FormerNames, Name{old.Schema, old.Name}, Name{r.Schema, r.Name}, version)
	for i := range r.Columns {
		column := &r.Columns[i]
		if i >= len(old.Columns) {
			column.Since, column.FormerNames = version, nil
			continue
		}
		column.Since = old.Columns[i].Since
		column.FormerNames = renamed(old.Columns[i].FormerNames, old.Columns[i].Name, column.Name, version)
	}
}

// renamedIn is renamed for an object in a schema.
func renamedIn(former []FormerName, old, is Name, version uint64) []FormerName {
	if old == is {
		return former
	}
	return append(slices.Clip(former), FormerName{Schema: old.Schema, Name: old.Name, Until: version})
}

func renamed(former []FormerName, old, name string, version uint64) []FormerName {
	if old == name {
		return former
	}
	return append(slices.Clip(former), FormerName{Name: old, Until: version})
}

// sameLayout reports whether rows that were made for one descriptor can be
// written by the other.
func sameLayout(a, b *Relation) bool { return reflect.DeepEqual(layout(a), layout(b)) }

// layout is a descriptor without what does not concern the writers of rows.
func layout(r *Relation) *Relation {
	bare := *r
	bare.Schema, bare.Name, bare.FormerNames, bare.Definition, bare.Options, bare.Comment = "", "", nil, "", nil, ""
	bare.RetentionMillis, bare.RetentionBytes, bare.DeleteRetentionMillis = 0, 0, 0
	bare.Constraints = slices.Clone(r.Constraints)
	for i := range bare.Constraints {
		bare.Constraints[i].Name, bare.Constraints[i].Comment = "", ""
	}
	bare.Changed, bare.Layout, bare.Storage = 0, 0, r.StorageID()
	bare.Columns = slices.Clone(r.Columns)
	for i := range bare.Columns {
		column := &bare.Columns[i]
		column.Name, column.FormerNames, column.Default, column.Comment = "", nil, "", ""
	}
	return &bare
}

// DroppedName is what a dropped column is called, as in PostgreSQL. No user can
// have a name like it in the way: the number is the column's.
func DroppedName(attribute int) string {
	return fmt.Sprintf("........pg.dropped.%d........", attribute)
}

// DroppedRowIDName is what the row id that was column number is called.
func DroppedRowIDName(column int) string {
	return fmt.Sprintf("........dropped.rowid.%d........", column)
}

func applyCreateShadow(s *Snapshot, c *CreateShadow, result *Result) (*Snapshot, error) {
	old, err := s.alterable(c.Relation.ID, c.Base)
	if err != nil {
		return nil, err
	}
	r := c.Relation
	if err := checkAltered(s, old, &r); err != nil {
		return nil, err
	}
	if readers := s.QueriesReading(old.ID); len(readers) > 0 {
		if _, err := s.alteredReaders(&AlterRelation{}, old, &r, &Result{}); err != nil {
			return nil, err
		}
		return nil, rewriteError(s, old, readers[0])
	}
	if old.Kind != KindTable || old.Derived() {
		return nil, sqlerr.New(sqlerr.WrongObjectType, -1, "%s cannot be rewritten", describe(old))
	}
	next := s.edit()
	r.Columns = slices.Clone(r.Columns)
	r.complete()
	r.Shadow, r.ID, r.Storage = old.ID, next.nextID, 0
	next.nextID++
	r.Changed, r.Layout = next.version, next.version
	result.Created = append(result.Created, r.ID)
	next.shadows = inserted(next.shadows, &r, func(x *Relation) ObjectID { return x.ID })
	return next, next.addShadowIndexes(c, old, &r, result)
}

// addShadowIndexes gives the copy of a table the indexes that the table is to have.
// They have no rows, as the copy has none, so they are ready.
func (s *Snapshot) addShadowIndexes(c *CreateShadow, old, shadow *Relation, result *Result) error {
	for _, i := range s.IndexesOf(old.ID) {
		if !i.goes(shadow, c.DropIndexes) {
			i := *i
			i.Table, i.Ready = shadow.ID, true
			s.addIndex(&i, result)
		}
	}
	names := []string{shadow.Name}
	for _, i := range c.Indexes {
		i.Schema, i.Table, i.Ready = shadow.Schema, shadow.ID, true
		if err := checkIndex(s, &i); err != nil {
			return err
		}
		if i.Name == "" {
			i.Name = s.indexName(&i, shadow, names)
		} else if s.NameTaken(i.Schema, i.Name) || slices.Contains(names, i.Name) {
			return nameTaken(i.Name)
		}
		names = append(names, i.Name)
		s.addIndex(&i, result)
	}
	return nil
}

func applyDropShadow(s *Snapshot, c *DropShadow, result *Result) *Snapshot {
	var next *Snapshot
	for _, shadow := range s.shadows {
		if c.ID != 0 && shadow.ID != c.ID {
			continue
		}
		if next == nil {
			next = s.edit()
		}
		next.shadows = slices.DeleteFunc(next.shadows, func(r *Relation) bool { return r.ID == shadow.ID })
		next.indexes = slices.DeleteFunc(next.indexes, func(i *Index) bool { return i.Table == shadow.ID })
		result.Dropped = append(result.Dropped, shadow.ID)
	}
	return next
}
