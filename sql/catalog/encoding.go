package catalog

import (
	"bytes"
	"encoding/json"
	"fmt"

	"millrace/sql/sqlerr"
)

// Commands and snapshots are encoded as one byte, the version of the format,
// and a JSON object. Readers pass over fields that they do not know, so that a
// newer node may add some; a command of an unknown kind is refused. Every
// record (record.go) names its fields for ever.
const formatVersion = 1

// commandEnvelope says of which kind a command is.
type commandEnvelope struct {
	Kind string          `json:"kind"`
	Body json.RawMessage `json:"body"`
}

// EncodeCommand returns a command's bytes for the catalog's log.
func EncodeCommand(command Command) ([]byte, error) {
	kind, body, err := commandBody(command)
	if err != nil {
		return nil, err
	}
	encoded, err := json.Marshal(body)
	if err != nil {
		return nil, fmt.Errorf("encode catalog command: %w", err)
	}
	return marshalVersioned(commandEnvelope{Kind: kind, Body: encoded})
}

func commandBody(command Command) (kind string, body any, err error) {
	if kind, body, err := roleCommandBody(command); kind != "" || err != nil {
		return kind, body, err
	}
	if kind, body, err := typeCommandBody(command); kind != "" || err != nil {
		return kind, body, err
	}
	if kind, body, err := reignBody(command); kind != "" || err != nil {
		return kind, body, err
	}
	if kind, body, err := definitionBody(command); kind != "" || err != nil {
		return kind, body, err
	}
	if kind, body, err := onceBody(command); kind != "" || err != nil {
		return kind, body, err
	}
	if kind := schemaCommandKind(command); kind != "" {
		return kind, command, nil
	}
	switch c := command.(type) {
	case *Bootstrap:
		return "bootstrap", bootstrapRecord(*c), nil
	case *CreateRelation:
		record, err := newCreateRecord(c)
		return "create_relation", record, err
	case *CreateQuery:
		return "create_query", createQueryRecord{queryRecord(c.Query)}, nil
	case *DropRelations:
		return "drop_relations", dropRecord{Kind: c.Kind.String(), Names: c.Names, IfExists: c.IfExists, Cascade: c.Cascade}, nil
	case *TerminateQuery:
		return "terminate_query", queryNameRecord{c.Name}, nil
	case *PauseQuery:
		return "pause_query", queryNameRecord{c.Name}, nil
	case *ResumeQuery:
		return "resume_query", queryNameRecord{c.Name}, nil
	case *CommentOn:
		return "comment_on", commentRecord{Kind: c.Kind.String(), Name: c.Name, Column: c.Column, Text: c.Text}, nil
	case *CreateView:
		view, err := newViewRecord(&c.View)
		return "create_view", createViewRecord{View: view, OrReplace: c.OrReplace}, err
	case *AlterView:
		view, err := newViewRecord(&c.View)
		return "alter_view", alterViewRecord{View: view, Base: c.Base}, err
	case *CreateIndex:
		return "create_index", createIndexRecord{Index: newIndexRecord(&c.Index), IfNotExists: c.IfNotExists}, nil
	case *IndexReady:
		return "index_ready", indexIDRecord(*c), nil
	case *DropIndexes:
		return "drop_indexes", dropIndexesRecord(*c), nil
	case *AbandonIndex:
		return "abandon_index", indexIDRecord(*c), nil
	case *CommentOnIndex:
		return "comment_on_index", indexCommentRecord(*c), nil
	case *CommentOnSequence:
		return "comment_on_sequence", sequenceCommentRecord(*c), nil
	case *CommentOnConstraint:
		return "comment_on_constraint", constraintCommentRecord(*c), nil
	case *CreateSequence:
		return "create_sequence", createSequenceRecord{Sequence: newSequenceRecord(&c.Sequence), IfNotExists: c.IfNotExists}, nil
	case *AlterSequence:
		return "alter_sequence", alterSequenceRecord{Sequence: newSequenceRecord(&c.Sequence), Restart: c.Restart, RestartWith: c.RestartWith, IfExists: c.IfExists}, nil
	case *DropSequences:
		return "drop_sequences", dropSequencesRecord(*c), nil
	case *NextValues:
		return "next_values", nextValuesRecord(*c), nil
	case *SetSequence:
		return "set_sequence", setSequenceRecord(*c), nil
	case *ReturnValues:
		return "return_values", returnValuesRecord(*c), nil
	case *ReserveRowIDs:
		return "reserve_row_ids", reserveRecord(*c), nil
	case *AlterRelation:
		relation, err := newRelationRecord(&c.Relation)
		record := alterRecord{Relation: relation, Base: c.Base, Shadow: c.Shadow, Cascade: c.Cascade, DropIndexes: c.DropIndexes}
		for _, name := range c.RenameIndexes {
			record.RenameIndexes = append(record.RenameIndexes, indexNameRecord(name))
		}
		for i := range c.Sequences {
			record.Sequences = append(record.Sequences, newSequenceRecord(&c.Sequences[i]))
		}
		return "alter_relation", record, err
	case *CreateShadow:
		relation, err := newRelationRecord(&c.Relation)
		record := alterRecord{Relation: relation, Base: c.Base, DropIndexes: c.DropIndexes}
		for i := range c.Indexes {
			record.Indexes = append(record.Indexes, newIndexRecord(&c.Indexes[i]))
		}
		return "create_shadow", record, err
	case *DropShadow:
		return "drop_shadow", dropShadowRecord(*c), nil
	default:
		return "", nil, fmt.Errorf("encode catalog command: unknown kind %T", command)
	}
}

// DecodeCommand reads what EncodeCommand wrote. Damaged bytes are an error
// with SQLSTATE XX001, and so is a command that this version does not know.
func DecodeCommand(encoded []byte) (Command, error) {
	var envelope commandEnvelope
	if err := unmarshalVersioned(encoded, &envelope); err != nil {
		return nil, err
	}
	return decodeEnvelope(&envelope)
}

func decodeEnvelope(envelope *commandEnvelope) (Command, error) {
	if c, err := decodeRoleCommand(envelope); c != nil || err != nil {
		return c, err
	}
	if c, err := decodeReignCommand(envelope); c != nil || err != nil {
		return c, err
	}
	if c, err := decodeTypeCommand(envelope); c != nil || err != nil {
		return c, err
	}
	if c, err := decodeDefinition(envelope); c != nil || err != nil {
		return c, err
	}
	if c, err := decodeOnce(envelope); c != nil || err != nil {
		return c, err
	}
	if c, err := decodeSchemaCommand(envelope.Kind, envelope.Body); c != nil || err != nil {
		return c, err
	}
	switch envelope.Kind {
	case "bootstrap":
		var r bootstrapRecord
		return (*Bootstrap)(&r), unmarshal(envelope.Body, &r)
	case "create_relation":
		var r createRecord
		if err := unmarshal(envelope.Body, &r); err != nil {
			return nil, err
		}
		return r.command()
	case "create_query":
		var r createQueryRecord
		if err := unmarshal(envelope.Body, &r); err != nil {
			return nil, err
		}
		return &CreateQuery{Query: Query(r.Query)}, nil
	case "drop_relations":
		var r dropRecord
		if err := unmarshal(envelope.Body, &r); err != nil {
			return nil, err
		}
		kind, err := parseKind(r.Kind)
		return &DropRelations{Kind: kind, Names: r.Names, IfExists: r.IfExists, Cascade: r.Cascade}, err
	case "terminate_query", "pause_query", "resume_query":
		var r queryNameRecord
		if err := unmarshal(envelope.Body, &r); err != nil {
			return nil, err
		}
		return controlCommand(envelope.Kind, r.Name), nil
	case "comment_on":
		var r commentRecord
		if err := unmarshal(envelope.Body, &r); err != nil {
			return nil, err
		}
		c := &CommentOn{Name: r.Name, Column: r.Column, Text: r.Text}
		if r.Column != "" { // a column's comment does not say what its relation is
			return c, nil
		}
		var err error
		c.Kind, err = parseKind(r.Kind)
		return c, err
	case "create_index", "index_ready", "drop_indexes", "abandon_index", "comment_on_index":
		return decodeIndexCommand(envelope)
	case "create_view", "alter_view":
		return decodeViewCommand(envelope)
	case "create_sequence", "alter_sequence", "drop_sequences", "next_values", "set_sequence", "return_values":
		return decodeSequenceCommand(envelope)
	case "comment_on_sequence":
		var r sequenceCommentRecord
		return (*CommentOnSequence)(&r), unmarshal(envelope.Body, &r)
	case "comment_on_constraint":
		var r constraintCommentRecord
		return (*CommentOnConstraint)(&r), unmarshal(envelope.Body, &r)
	case "reserve_row_ids":
		var r reserveRecord
		return (*ReserveRowIDs)(&r), unmarshal(envelope.Body, &r)
	case "alter_relation", "create_shadow":
		return decodeAlter(envelope)
	case "drop_shadow":
		var r dropShadowRecord
		return (*DropShadow)(&r), unmarshal(envelope.Body, &r)
	default:
		return nil, corrupt("unknown catalog command %q", envelope.Kind)
	}
}

func decodeAlter(envelope *commandEnvelope) (Command, error) {
	var r alterRecord
	if err := unmarshal(envelope.Body, &r); err != nil {
		return nil, err
	}
	relation, err := r.Relation.relation()
	if err != nil {
		return nil, err
	}
	if envelope.Kind == "create_shadow" {
		c := &CreateShadow{Relation: *relation, Base: r.Base, DropIndexes: r.DropIndexes}
		for i := range r.Indexes {
			c.Indexes = append(c.Indexes, *r.Indexes[i].index())
		}
		return c, nil
	}
	c := &AlterRelation{Relation: *relation, Base: r.Base, Shadow: r.Shadow, Cascade: r.Cascade, DropIndexes: r.DropIndexes}
	for _, name := range r.RenameIndexes {
		c.RenameIndexes = append(c.RenameIndexes, IndexName(name))
	}
	for i := range r.Sequences {
		q, err := r.Sequences[i].sequence()
		if err != nil {
			return nil, err
		}
		if q.OwnerColumn >= len(relation.Columns) {
			return nil, corrupt("sequence %q belongs to no column", q.Name)
		}
		c.Sequences = append(c.Sequences, *q)
	}
	return c, nil
}

func controlCommand(kind, name string) Command {
	switch kind {
	case "terminate_query":
		return &TerminateQuery{Name: name}
	case "pause_query":
		return &PauseQuery{Name: name}
	default:
		return &ResumeQuery{Name: name}
	}
}

// Encode returns the snapshot's bytes, for a snapshot of the catalog's Raft
// group.
func (s *Snapshot) Encode() ([]byte, error) {
	record, err := newSnapshotRecord(s)
	if err != nil {
		return nil, err
	}
	return marshalVersioned(record)
}

// DecodeSnapshot reads what Encode wrote. Damaged bytes are an error with
// SQLSTATE XX001.
func DecodeSnapshot(encoded []byte) (*Snapshot, error) {
	var record snapshotRecord
	if err := unmarshalVersioned(encoded, &record); err != nil {
		return nil, err
	}
	return record.snapshot()
}

func marshalVersioned(record any) ([]byte, error) {
	encoded, err := json.Marshal(record)
	if err != nil {
		return nil, fmt.Errorf("encode catalog: %w", err)
	}
	return append([]byte{formatVersion}, encoded...), nil
}

func unmarshalVersioned(encoded []byte, record any) error {
	if len(encoded) == 0 {
		return corrupt("empty catalog record")
	}
	if encoded[0] != formatVersion {
		return corrupt("catalog format %d is not known to this version", encoded[0])
	}
	return unmarshal(encoded[1:], record)
}

func unmarshal(encoded []byte, record any) error {
	if err := json.NewDecoder(bytes.NewReader(encoded)).Decode(record); err != nil {
		return sqlerr.New(sqlerr.DataCorrupted, -1, "damaged catalog record: %w", err)
	}
	return nil
}

func corrupt(format string, args ...any) error {
	return sqlerr.New(sqlerr.DataCorrupted, -1, format, args...)
}
