package catalog

type createIndexRecord struct {
	Index       indexRecord `json:"index"`
	IfNotExists bool        `json:"if_not_exists,omitempty"`
}

type indexIDRecord struct {
	ID ObjectID `json:"id"`
}

type dropIndexesRecord struct {
	Names    []Name `json:"names"`
	IfExists bool   `json:"if_exists,omitempty"`
}

type indexCommentRecord struct {
	Name Name   `json:"name"`
	Text string `json:"text"`
}

type indexRecord struct {
	ID               ObjectID            `json:"id"`
	Schema           string              `json:"schema"`
	Name             string              `json:"name"`
	Table            ObjectID            `json:"table"`
	Method           string              `json:"method"`
	Columns          []indexColumnRecord `json:"columns"`
	Include          []int               `json:"include,omitempty"`
	Unique           bool                `json:"unique,omitempty"`
	NullsNotDistinct bool                `json:"nulls_not_distinct,omitempty"`
	Constraint       bool                `json:"constraint,omitempty"`
	Ready            bool                `json:"ready,omitempty"`
	Comment          string              `json:"comment,omitempty"`
}

type indexColumnRecord struct {
	Column     int    `json:"column"`
	Descending bool   `json:"descending,omitempty"`
	NullsFirst bool   `json:"nulls_first,omitempty"`
	Class      string `json:"class,omitempty"`
}

func newIndexRecord(i *Index) indexRecord {
	record := indexRecord{
		ID: i.ID, Schema: i.Schema, Name: i.Name, Table: i.Table, Method: i.Method, Include: i.Include, Unique: i.Unique,
		NullsNotDistinct: i.NullsNotDistinct, Constraint: i.Constraint, Ready: i.Ready, Comment: i.Comment,
	}
	for _, c := range i.Columns {
		record.Columns = append(record.Columns, indexColumnRecord(c))
	}
	return record
}

func (r *indexRecord) index() *Index {
	i := &Index{
		ID: r.ID, Schema: r.Schema, Name: r.Name, Table: r.Table, Method: r.Method, Include: r.Include, Unique: r.Unique,
		NullsNotDistinct: r.NullsNotDistinct, Constraint: r.Constraint, Ready: r.Ready, Comment: r.Comment,
	}
	for _, c := range r.Columns {
		i.Columns = append(i.Columns, IndexColumn(c))
	}
	return i
}

// decodeIndexCommand reads the commands about indexes.
func decodeIndexCommand(envelope *commandEnvelope) (Command, error) {
	switch envelope.Kind {
	case "create_index":
		var r createIndexRecord
		err := unmarshal(envelope.Body, &r)
		return &CreateIndex{Index: *r.Index.index(), IfNotExists: r.IfNotExists}, err
	case "drop_indexes":
		var r dropIndexesRecord
		return (*DropIndexes)(&r), unmarshal(envelope.Body, &r)
	case "comment_on_index":
		var r indexCommentRecord
		return (*CommentOnIndex)(&r), unmarshal(envelope.Body, &r)
	}
	var r indexIDRecord
	if err := unmarshal(envelope.Body, &r); err != nil {
		return nil, err
	}
	if envelope.Kind == "index_ready" {
		return &IndexReady{ID: r.ID}, nil
	}
	return &AbandonIndex{ID: r.ID}, nil
}
