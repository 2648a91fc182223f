package catalog

import (
	"cmp"
	"slices"

	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// View describes a view (https://www.postgresql.org/docs/15/sql-createview.html).
// Descriptors are immutable.
//
//   - A view has no rows: where it is named, its query stands. What it reads is
//     found by the names of its own version (AsOf), so renaming that changes nothing.
//   - The names and types of its columns are fixed. A replacement may only add
//     columns behind them, so that whatever reads the view stays valid.
//   - What a view reads itself is what it depends on; what it reads through other
//     views follows from these, which may be replaced meanwhile.
type View struct {
	ID     ObjectID
	Schema string
	Name   string
	// FormerNames are the names that it had before, oldest first.
	FormerNames []FormerName
	Columns     []ViewColumn
	// Text is the SELECT, as the printer writes it.
	Text string
	// Sources are the relations that Text names, Reads the numbers of the columns
	// that it reads of each, ascending, and Views the views that it names.
	Sources []ObjectID
	Reads   [][]int
	Views   []ObjectID
	// Types are the types of CREATE TYPE that Text mentions.
	Types []ObjectID
	// Version is the catalog version in which Text was bound, Changed the one that
	// made this descriptor. Apply sets both.
	Version, Changed uint64
	// Settings are those by which Text was read: search_path, and those that
	// literals depend on.
	Settings []Option
	Comment  string
}

// ViewColumn is a column of a view.
type ViewColumn struct {
	Name        string
	Type        types.Type
	FormerNames []FormerName
	// Since is the version that added the column, 0 for one that was always there.
	Since   uint64
	Comment string
}

// Column returns the number of the column with the given name, or -1.
func (v *View) Column(name string) int {
	return slices.IndexFunc(v.Columns, func(c ViewColumn) bool { return c.Name == name })
}

// asOf returns a view's descriptor with its names and columns of a version.
func (v *View) asOf(version uint64) *View {
	if v.Changed <= version {
		return v
	}
	past := *v
	past.Schema, past.Name = qualifiedAsOf(v.FormerNames, v.Schema, v.Name, version)
	past.Columns = nil
	for _, column := range v.Columns {
		if column.Since > version {
			break // as are all behind it
		}
		column.Name = nameAsOf(column.FormerNames, column.Name, version)
		past.Columns = append(past.Columns, column)
	}
	return &past
}

// CreateView makes a view or, with OrReplace, gives the one of its name another
// query. Apply gives out its ID and sets Version, which says before in which version
// the query was bound: what it reads must not have changed since.
type CreateView struct {
	View      View
	OrReplace bool
}

// AlterView gives a view or its columns other names. Base is Changed of the
// descriptor that View was made from.
type AlterView struct {
	View View
	Base uint64
}

func (*CreateView) command() {}
func (*AlterView) command()  {}

// Views returns all views in the order of their IDs.
func (s *Snapshot) Views() []*View { return s.views }

// View returns the view with an ID, or nil.
func (s *Snapshot) View(id ObjectID) *View {
	i, found := slices.BinarySearchFunc(s.views, id, func(v *View, id ObjectID) int { return cmp.Compare(v.ID, id) })
	if !found {
		return nil
	}
	return s.views[i]
}

// LookupView returns the view with a qualified name, or nil.
func (s *Snapshot) LookupView(schema, name string) *View { return s.viewByName[Name{schema, name}] }

func (s *Snapshot) replaceView(v *View) {
	v.Changed = s.version
	for i := range s.views {
		if s.views[i].ID == v.ID {
			s.views[i] = v
		}
	}
}

func applyCreateView(s *Snapshot, c *CreateView, result *Result) (*Snapshot, error) {
	v := c.View
	if s.Schema(v.Schema) == nil {
		return nil, noSchema(v.Schema)
	}
	old := s.LookupView(v.Schema, v.Name)
	if s.NameTaken(v.Schema, v.Name) && (old == nil || !c.OrReplace) {
		if c.OrReplace {
			return nil, sqlerr.New(sqlerr.WrongObjectType, -1, "%q is not a view", v.Name)
		}
		return nil, sqlerr.New(sqlerr.DuplicateTable, -1, "relation %q already exists", v.Name)
	}
	if len(v.Columns) > MaxColumns {
		return nil, sqlerr.New(sqlerr.TooManyColumns, -1, "tables can have at most %d columns", MaxColumns)
	}
	if err := s.checkRead(v.Sources, v.Views, v.Version); err != nil {
		return nil, err
	}
	next := s.edit()
	v.Version, v.Changed = next.version, next.version
	v.Columns = slices.Clone(v.Columns)
	if old != nil {
		if err := s.checkReplacement(old, &v); err != nil {
			return nil, err
		}
		v.ID, v.FormerNames, v.Comment = old.ID, old.FormerNames, old.Comment
		for i := range v.Columns {
			if i < len(old.Columns) {
				v.Columns[i] = old.Columns[i]
			} else {
				v.Columns[i].Since = next.version
			}
		}
		next.replaceView(&v)
		return next, nil
	}
	v.ID = next.nextID
	next.nextID++
	result.Created = append(result.Created, v.ID)
	next.views = inserted(next.views, &v, func(x *View) ObjectID { return x.ID })
	return next, nil
}

// checkRead makes sure that what a text was bound to in a version, 0 for any, is
// still so.
func (s *Snapshot) checkRead(relations, views []ObjectID, version uint64) error {
	for _, id := range relations {
		r := s.Relation(id)
		if r == nil {
			return sqlerr.New(sqlerr.UndefinedTable, -1, "a relation that the query reads was dropped")
		}
		if version != 0 && r.Changed > version {
			return changedError(r)
		}
	}
	for _, id := range views {
		v := s.View(id)
		if v == nil {
			return sqlerr.New(sqlerr.UndefinedTable, -1, "a view that the query reads was dropped")
		}
		if version != 0 && v.Changed > version {
			return changedView(v)
		}
	}
	return nil
}

func changedView(v *View) error {
	return sqlerr.New(sqlerr.SerializationFailure, -1, "view %q was changed by a concurrent statement", v.Name).
		WithHint("Run the statement again.")
}

// checkReplacement refuses a replacement that readers of a view would not
// understand, and any under a continuous query, whose result would no longer be
// that of its text.
func (s *Snapshot) checkReplacement(old, v *View) error {
	if len(v.Columns) < len(old.Columns) {
		return sqlerr.New(sqlerr.InvalidTableDefinition, -1, "cannot drop columns from view")
	}
	for i := range old.Columns {
		was, is := &old.Columns[i], &v.Columns[i]
		if was.Name != is.Name {
			return sqlerr.New(sqlerr.InvalidTableDefinition, -1, "cannot change name of view column %q to %q", was.Name, is.Name).
				WithHint("Use ALTER VIEW ... RENAME COLUMN ... to change name of view column instead.")
		}
		if !was.Type.Equal(is.Type) || was.Type.Mod != is.Type.Mod {
			return sqlerr.New(sqlerr.InvalidTableDefinition, -1, "cannot change data type of view column %q from %s to %s", was.Name, was.Type, is.Type)
		}
	}
	if s.viewReads(v, old.ID) {
		return sqlerr.New(sqlerr.InvalidObjectDefinition, -1, "infinite recursion detected in rules for relation %q", v.Name)
	}
	for _, q := range s.queries {
		if slices.Contains(q.Views, old.ID) {
			return sqlerr.New(sqlerr.DependentObjectsStillExist, -1, "cannot replace view %s because a continuous query reads it", Name{old.Schema, old.Name}).
				WithDetail("%s depends on view %s", s.describe(q.Sink), Name{old.Schema, old.Name}).
				WithHint("Drop what the query writes, replace the view, and create it again.")
		}
	}
	return nil
}

// viewReads reports whether a view reads another one, itself or through views.
func (s *Snapshot) viewReads(v *View, other ObjectID) bool {
	for _, id := range v.Views {
		if id == other {
			return true
		}
		if inner := s.View(id); inner != nil && s.viewReads(inner, other) {
			return true
		}
	}
	return false
}

func applyAlterView(s *Snapshot, c *AlterView) (*Snapshot, error) {
	old := s.View(c.View.ID)
	if old == nil {
		return nil, sqlerr.New(sqlerr.UndefinedTable, -1, "the view was dropped meanwhile")
	}
	if old.Changed != c.Base || len(c.View.Columns) != len(old.Columns) {
		return nil, changedView(old)
	}
	v := *old
	v.Columns = slices.Clone(old.Columns)
	name := Name{c.View.Schema, c.View.Name}
	if s.Schema(name.Schema) == nil {
		return nil, noSchema(name.Schema)
	}
	if name != (Name{old.Schema, old.Name}) && s.NameTaken(name.Schema, name.Name) {
		return nil, nameTakenIn(Name{old.Schema, old.Name}, name)
	}
	next := s.edit()
	v.moveTo(name.Schema, name.Name, next.version)
	for i := range v.Columns {
		was, name := &old.Columns[i], c.View.Columns[i].Name
		v.Columns[i].Name = name
		v.Columns[i].FormerNames = renamed(was.FormerNames, was.Name, name, next.version)
	}
	next.replaceView(&v)
	return next, nil
}

func applyCommentOnView(s *Snapshot, c *CommentOn, v *View) (*Snapshot, error) {
	if c.Column == "" && c.Kind != KindView {
		return nil, sqlerr.New(sqlerr.WrongObjectType, -1, "%q is not a %s", v.Name, c.Kind)
	}
	changed := *v
	if c.Column == "" {
		changed.Comment = c.Text
	} else {
		column := v.Column(c.Column)
		if column < 0 {
			return nil, sqlerr.New(sqlerr.UndefinedColumn, -1, "column %q of relation %q does not exist", c.Column, v.Name)
		}
		changed.Columns = slices.Clone(v.Columns)
		changed.Columns[column].Comment = c.Text
	}
	next := s.edit()
	next.replaceView(&changed)
	return next, nil
}
