package catalog

import "millrace/sql/types"

type formerNameRecord struct {
	Schema string `json:"schema,omitempty"`
	Name   string `json:"name"`
	Until  uint64 `json:"until"`
}

type relationRecord struct {
	ID      ObjectID       `json:"id"`
	Kind    string         `json:"kind"`
	Schema  string         `json:"schema"`
	Name    string         `json:"name"`
	Columns []columnRecord `json:"columns"`
	Key     []int          `json:"key"`
	Bag     bool           `json:"bag,omitempty"`
	// An empty list of columns places all rows on one shard; null says nothing.
	Distribution    []int    `json:"distribution"`
	Window          []int    `json:"window,omitempty"`
	Partitions      int      `json:"partitions"`
	Rowtime         int      `json:"rowtime"`
	RowtimeFormat   string   `json:"rowtime_format,omitempty"`
	MaxAheadMillis  int64    `json:"max_ahead_ms"`
	RetentionMillis int64    `json:"retention_ms,omitempty"`
	RetentionBytes  int64    `json:"retention_bytes,omitempty"`
	Compact         bool     `json:"compact,omitempty"`
	DeleteRetention int64    `json:"delete_retention_ms,omitempty"`
	ChangesMillis   int64    `json:"changes_retention_ms,omitempty"`
	ChangesBytes    int64    `json:"changes_retention_bytes,omitempty"`
	Query           ObjectID `json:"query,omitempty"`
	Frozen          bool     `json:"frozen,omitempty"`
	Upsert          bool     `json:"upsert,omitempty"`

	FormerNames []formerNameRecord `json:"former_names,omitempty"`
	Storage     ObjectID           `json:"storage,omitempty"`
	Shadow      ObjectID           `json:"shadow,omitempty"`
	Changed     uint64             `json:"changed,omitempty"`
	Layout      uint64             `json:"layout,omitempty"`

	Constraints []constraintRecord `json:"constraints,omitempty"`
	Definition  string             `json:"definition"`
	Options     []Option           `json:"options,omitempty"`
	Comment     string             `json:"comment,omitempty"`
}

type columnRecord struct {
	Name    string     `json:"name"`
	Type    typeRecord `json:"type"`
	NotNull bool       `json:"not_null,omitempty"`
	Default string     `json:"default,omitempty"`

	Sequences []ObjectID `json:"sequences,omitempty"`
	Identity  string     `json:"identity,omitempty"`
	Generated string     `json:"generated,omitempty"`

	Hidden  bool   `json:"hidden,omitempty"`
	Comment string `json:"comment,omitempty"`

	Dropped     bool               `json:"dropped,omitempty"`
	Unseen      bool               `json:"unseen,omitempty"`
	FormerNames []formerNameRecord `json:"former_names,omitempty"`
	Since       uint64             `json:"since,omitempty"`
	// Missing is a row of this column alone, in the row encoding.
	Missing []byte `json:"missing,omitempty"`
}

type constraintRecord struct {
	ID         ObjectID `json:"id"`
	Name       string   `json:"name"`
	Kind       string   `json:"kind"`
	Columns    []int    `json:"columns"`
	Expression string   `json:"expression,omitempty"`
	Comment    string   `json:"comment,omitempty"`
}

// newRelationRecords returns the records of relations, which are not nil.
func newRelationRecords(relations []*Relation) ([]relationRecord, error) {
	records := make([]relationRecord, len(relations))
	for i, r := range relations {
		var err error
		if records[i], err = newRelationRecord(r); err != nil {
			return nil, err
		}
	}
	return records, nil
}

func newRelationRecord(r *Relation) (relationRecord, error) {
	record := relationRecord{
		ID: r.ID, Kind: r.Kind.String(), Schema: r.Schema, Name: r.Name,
		Columns: make([]columnRecord, len(r.Columns)),
		Key:     r.Key, Bag: r.Bag, Distribution: r.Distribution, Window: r.Window, Partitions: r.Partitions, Rowtime: r.Rowtime, RowtimeFormat: r.RowtimeFormat,
		MaxAheadMillis: r.MaxAheadMillis, RetentionMillis: r.RetentionMillis, RetentionBytes: r.RetentionBytes,
		Compact: r.Compact, DeleteRetention: r.DeleteRetentionMillis, ChangesMillis: r.ChangesMillis, ChangesBytes: r.ChangesBytes,
		Query: r.Query, Frozen: r.Frozen, Upsert: r.Upsert, Definition: r.Definition, Options: r.Options, Comment: r.Comment,
		FormerNames: formerNameRecords(r.FormerNames), Storage: r.Storage, Shadow: r.Shadow, Changed: r.Changed, Layout: r.Layout,
	}
	for i := range r.Constraints {
		c := &r.Constraints[i]
		record.Constraints = append(record.Constraints, constraintRecord{
			ID: c.ID, Name: c.Name, Kind: constraintKinds[c.Kind], Columns: c.Columns, Expression: c.Expression, Comment: c.Comment,
		})
	}
	for i := range r.Columns {
		c := &r.Columns[i]
		t, err := newTypeRecord(c.Type)
		if err != nil {
			return relationRecord{}, err
		}
		record.Columns[i] = columnRecord{
			Name: c.Name, Type: t, NotNull: c.NotNull, Default: c.Default, Hidden: c.Hidden, Comment: c.Comment,
			Sequences: c.Sequences, Identity: identities[c.Identity], Generated: c.Generated,
			Dropped: c.Dropped, Unseen: c.Unseen, FormerNames: formerNameRecords(c.FormerNames), Since: c.Since,
		}
		if c.Missing.Valid {
			record.Columns[i].Missing = types.NewRowCodec([]types.Type{c.Type}).AppendDatums(nil, []types.Datum{c.Missing})
		}
	}
	return record, nil
}

func (r *relationRecord) relation() (*Relation, error) {
	kind, err := parseKind(r.Kind)
	if err != nil {
		return nil, err
	}
	relation := &Relation{
		ID: r.ID, Kind: kind, Schema: r.Schema, Name: r.Name,
		Columns: make([]Column, len(r.Columns)),
		Key:     r.Key, Bag: r.Bag, Distribution: r.Distribution, Window: r.Window, Partitions: r.Partitions, Rowtime: r.Rowtime, RowtimeFormat: r.RowtimeFormat,
		MaxAheadMillis: r.MaxAheadMillis, RetentionMillis: r.RetentionMillis, RetentionBytes: r.RetentionBytes,
		Compact: r.Compact, DeleteRetentionMillis: r.DeleteRetention, ChangesMillis: r.ChangesMillis, ChangesBytes: r.ChangesBytes,
		Query: r.Query, Frozen: r.Frozen, Upsert: r.Upsert, Definition: r.Definition, Options: r.Options, Comment: r.Comment,
		FormerNames: formerNames(r.FormerNames), Storage: r.Storage, Shadow: r.Shadow, Changed: r.Changed, Layout: r.Layout,
	}
	for i := range r.Constraints {
		c := &r.Constraints[i]
		kind, err := parseConstraintKind(c.Kind)
		if err != nil {
			return nil, err
		}
		relation.Constraints = append(relation.Constraints, Constraint{
			ID: c.ID, Name: c.Name, Kind: kind, Columns: c.Columns, Expression: c.Expression, Comment: c.Comment,
		})
	}
	for i := range r.Columns {
		c := &r.Columns[i]
		t, err := c.Type.dataType(0)
		if err != nil {
			return nil, err
		}
		identity, err := parseIdentity(c.Identity)
		if err != nil {
			return nil, err
		}
		relation.Columns[i] = Column{
			Name: c.Name, Type: t, NotNull: c.NotNull, Default: c.Default, Hidden: c.Hidden, Comment: c.Comment,
			Sequences: c.Sequences, Identity: identity, Generated: c.Generated,
			Dropped: c.Dropped, Unseen: c.Unseen, FormerNames: formerNames(c.FormerNames), Since: c.Since,
		}
		if c.Missing != nil {
			missing, err := types.NewRowCodec([]types.Type{t}).DecodeDatums(c.Missing, nil)
			if err != nil {
				return nil, err
			}
			relation.Columns[i].Missing = missing[0]
		}
	}
	return relation, nil
}

func formerNameRecords(names []FormerName) []formerNameRecord {
	var records []formerNameRecord
	for _, name := range names {
		records = append(records, formerNameRecord(name))
	}
	return records
}

func formerNames(records []formerNameRecord) []FormerName {
	var names []FormerName
	for _, record := range records {
		names = append(names, FormerName(record))
	}
	return names
}

func parseKind(name string) (Kind, error) {
	switch name {
	case "stream":
		return KindStream, nil
	case "table":
		return KindTable, nil
	case "view":
		return KindView, nil
	default:
		return 0, corrupt("unknown kind of relation %q", name)
	}
}

// constraintKinds names the kinds of constraint.
var constraintKinds = map[ConstraintKind]string{
	ConstraintPrimaryKey: "primary key", ConstraintCheck: "check",
}

func parseConstraintKind(name string) (ConstraintKind, error) {
	for kind, known := range constraintKinds {
		if known == name {
			return kind, nil
		}
	}
	return 0, corrupt("unknown kind of constraint %q", name)
}

// identities names the kinds of identity column.
var identities = map[Identity]string{NotIdentity: "", IdentityAlways: "always", IdentityByDefault: "by default"}

func parseIdentity(name string) (Identity, error) {
	for identity, known := range identities {
		if known == name {
			return identity, nil
		}
	}
	return 0, corrupt("unknown kind of identity column %q", name)
}
