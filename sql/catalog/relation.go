package catalog

// Derived reports whether a query writes, or wrote, the relation, so that
// clients cannot.
func (r *Relation) Derived() bool { return r.Query != 0 || r.Frozen }

// IndexID is the OID under which system tables show the index of the
// relation's key. Every relation owns the ID behind its own for it.
func (r *Relation) IndexID() ObjectID { return r.ID + 1 }

// StorageID is the ID under which a table's rows are stored.
func (r *Relation) StorageID() ObjectID {
	if r.Storage != 0 {
		return r.Storage
	}
	return r.ID
}

// Attribute is the number of a column as system tables show it: as in
// PostgreSQL, columns that were dropped count, and those that users never saw do
// not.
func (r *Relation) Attribute(column int) int {
	number := 1
	for i := range r.Columns[:column] {
		if c := &r.Columns[i]; !c.Hidden || c.Dropped && !c.Unseen {
			number++
		}
	}
	return number
}

// Altered reports whether rows may be stored in another form than that in which
// they are written now: without columns that were added since.
func (r *Relation) Altered() bool {
	for i := range r.Columns {
		if r.Columns[i].Since != 0 {
			return true
		}
	}
	return false
}

// Column returns the number of the column with the given name, or -1. It does
// not find columns that were dropped.
func (r *Relation) Column(name string) int {
	for i := range r.Columns {
		if r.Columns[i].Name == name && !r.Columns[i].Dropped {
			return i
		}
	}
	return -1
}

// IsKey reports whether the column with the given number belongs to the key.
func (r *Relation) IsKey(column int) bool {
	for _, k := range r.Key {
		if k == column {
			return true
		}
	}
	return false
}

// RowID returns the number of the hidden column that is the key of a source table
// without PRIMARY KEY, or -1. Its values are given when rows are inserted and mean
// nothing; they make rows with equal values different ones.
func (r *Relation) RowID() int {
	if r.Kind != KindTable || r.Derived() || len(r.Key) != 1 || !r.Columns[r.Key[0]].Hidden {
		return -1
	}
	return r.Key[0]
}

// Constraint returns the constraint with the given name, or nil.
func (r *Relation) Constraint(name string) *Constraint {
	for i := range r.Constraints {
		if r.Constraints[i].Name == name {
			return &r.Constraints[i]
		}
	}
	return nil
}

// PrimaryKey returns the PRIMARY KEY constraint, or nil.
func (r *Relation) PrimaryKey() *Constraint {
	for i := range r.Constraints {
		if r.Constraints[i].Kind == ConstraintPrimaryKey {
			return &r.Constraints[i]
		}
	}
	return nil
}

// String returns the kind as SQL spells it.
func (k Kind) String() string {
	switch k {
	case KindStream:
		return "stream"
	case KindTable:
		return "table"
	case KindView:
		return "view"
	default:
		return "relation"
	}
}
