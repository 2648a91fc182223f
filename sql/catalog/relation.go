package catalog

// Derived reports whether a query writes, or wrote, the relation, so that
// clients cannot.
func (r *Relation) Derived() bool { return r.Query != 0 || r.Frozen }

// IndexID is the OID under which system tables show the index of the
// relation's key. Every relation owns the ID behind its own for it.
func (r *Relation) IndexID() ObjectID { return r.ID + 1 }

// Column returns the number of the column with the given name, or -1.
func (r *Relation) Column(name string) int {
	for i := range r.Columns {
		if r.Columns[i].Name == name {
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
	default:
		return "relation"
	}
}
