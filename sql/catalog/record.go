package catalog

// The records are what commands and snapshots look like on disk and between
// nodes: their field names are never used for anything else.

type bootstrapRecord struct {
	ClusterID     string `json:"cluster_id"`
	Shards        int    `json:"shards"`
	CreatedMillis int64  `json:"created_ms"`
	Superuser     string `json:"superuser,omitempty"`
	Verifier      string `json:"verifier,omitempty"`
}

type createRecord struct {
	Relation    relationRecord `json:"relation"`
	Query       *queryRecord   `json:"query,omitempty"`
	IfNotExists bool           `json:"if_not_exists,omitempty"`
	Indexes     []indexRecord  `json:"indexes,omitempty"`

	Sequences []sequenceRecord `json:"sequences,omitempty"`
}

type dropRecord struct {
	Kind     string `json:"kind"`
	Names    []Name `json:"names"`
	IfExists bool   `json:"if_exists,omitempty"`
	Cascade  bool   `json:"cascade,omitempty"`
}

type createQueryRecord struct {
	Query queryRecord `json:"query"`
}

type queryNameRecord struct {
	Name string `json:"name"`
}

type alterRecord struct {
	Relation relationRecord `json:"relation"`
	Base     uint64         `json:"base"`
	Shadow   ObjectID       `json:"shadow,omitempty"`
	Cascade  bool           `json:"cascade,omitempty"`

	DropIndexes   []ObjectID        `json:"drop_indexes,omitempty"`
	Indexes       []indexRecord     `json:"indexes,omitempty"`
	RenameIndexes []indexNameRecord `json:"rename_indexes,omitempty"`
	Sequences     []sequenceRecord  `json:"sequences,omitempty"`
}

type indexNameRecord struct {
	ID   ObjectID `json:"id"`
	Name string   `json:"name"`
}

type dropShadowRecord struct {
	ID ObjectID `json:"id,omitempty"`
}

type commentRecord struct {
	Kind   string `json:"kind"`
	Name   Name   `json:"name"`
	Column string `json:"column,omitempty"`
	Text   string `json:"text"`
}

type reserveRecord struct {
	Count int64 `json:"count"`
}

type queryRecord struct {
	ID            ObjectID   `json:"id"`
	Name          string     `json:"name"`
	Text          string     `json:"text"`
	Sink          ObjectID   `json:"sink"`
	Into          []int      `json:"into"`
	Sources       []ObjectID `json:"sources"`
	Columns       [][]int    `json:"columns,omitempty"`
	Views         []ObjectID `json:"views,omitempty"`
	Indirect      []ObjectID `json:"indirect,omitempty"`
	Types         []ObjectID `json:"types,omitempty"`
	Shared        []ObjectID `json:"shared,omitempty"`
	Version       uint64     `json:"version"`
	Paused        bool       `json:"paused,omitempty"`
	StopOnError   bool       `json:"stop_on_error,omitempty"`
	Settings      []Option   `json:"settings,omitempty"`
	CreatedMillis int64      `json:"created_ms"`
}

func newCreateRecord(c *CreateRelation) (createRecord, error) {
	relation, err := newRelationRecord(&c.Relation)
	if err != nil {
		return createRecord{}, err
	}
	record := createRecord{Relation: relation, IfNotExists: c.IfNotExists}
	if c.Query != nil {
		query := queryRecord(*c.Query)
		record.Query = &query
	}
	for i := range c.Sequences {
		record.Sequences = append(record.Sequences, newSequenceRecord(&c.Sequences[i]))
	}
	for i := range c.Indexes {
		record.Indexes = append(record.Indexes, newIndexRecord(&c.Indexes[i]))
	}
	return record, nil
}

func (r *createRecord) command() (Command, error) {
	relation, err := r.Relation.relation()
	if err != nil {
		return nil, err
	}
	c := &CreateRelation{Relation: *relation, IfNotExists: r.IfNotExists}
	if r.Query != nil {
		query := Query(*r.Query)
		c.Query = &query
	}
	for i := range r.Sequences {
		q, err := r.Sequences[i].sequence()
		if err != nil {
			return nil, err
		}
		if q.OwnerColumn >= len(c.Relation.Columns) {
			return nil, corrupt("sequence %q belongs to no column", q.Name)
		}
		c.Sequences = append(c.Sequences, *q)
	}
	for i := range r.Indexes {
		c.Indexes = append(c.Indexes, *r.Indexes[i].index())
	}
	return c, nil
}
