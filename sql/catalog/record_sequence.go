package catalog

import "millrace/sql/types"

type sequenceRecord struct {
	ID          ObjectID `json:"id"`
	Schema      string   `json:"schema"`
	Name        string   `json:"name"`
	Type        string   `json:"type"`
	Start       int64    `json:"start"`
	Increment   int64    `json:"increment"`
	Min         int64    `json:"min"`
	Max         int64    `json:"max"`
	Cache       int64    `json:"cache"`
	Cycle       bool     `json:"cycle,omitempty"`
	Owner       ObjectID `json:"owner,omitempty"`
	OwnerColumn int      `json:"owner_column,omitempty"`
	Identity    bool     `json:"identity,omitempty"`
	Comment     string   `json:"comment,omitempty"`
	Last        int64    `json:"last"`
	Called      bool     `json:"called,omitempty"`
	Epoch       uint64   `json:"epoch,omitempty"`
}

type createSequenceRecord struct {
	Sequence    sequenceRecord `json:"sequence"`
	IfNotExists bool           `json:"if_not_exists,omitempty"`
}

type alterSequenceRecord struct {
	Sequence    sequenceRecord `json:"sequence"`
	Restart     bool           `json:"restart,omitempty"`
	RestartWith int64          `json:"restart_with,omitempty"`
	IfExists    bool           `json:"if_exists,omitempty"`
}

type dropSequencesRecord struct {
	Names    []Name `json:"names"`
	IfExists bool   `json:"if_exists,omitempty"`
	Cascade  bool   `json:"cascade,omitempty"`
}

type nextValuesRecord struct {
	ID    ObjectID `json:"id"`
	Count int64    `json:"count"`
}

type setSequenceRecord struct {
	ID      ObjectID `json:"id"`
	Value   int64    `json:"value"`
	Called  bool     `json:"called,omitempty"`
	Restart bool     `json:"restart,omitempty"`
}

type returnValuesRecord struct {
	ID       ObjectID `json:"id"`
	Epoch    uint64   `json:"epoch"`
	Reserved int64    `json:"reserved"`
	Given    int64    `json:"given"`
}

type sequenceCommentRecord struct {
	Name Name   `json:"name"`
	Text string `json:"text"`
}

type constraintCommentRecord struct {
	Relation   Name   `json:"relation"`
	Constraint string `json:"constraint"`
	Text       string `json:"text"`
}

func newSequenceRecord(q *Sequence) sequenceRecord {
	return sequenceRecord{
		ID: q.ID, Schema: q.Schema, Name: q.Name, Type: typeKinds[q.Type.Kind],
		Start: q.Start, Increment: q.Increment, Min: q.Min, Max: q.Max, Cache: q.Cache, Cycle: q.Cycle,
		Owner: q.Owner, OwnerColumn: q.OwnerColumn, Identity: q.Identity, Comment: q.Comment,
		Last: q.Last, Called: q.Called, Epoch: q.Epoch,
	}
}

// sequence checks what arithmetic relies on.
func (r *sequenceRecord) sequence() (*Sequence, error) {
	q := &Sequence{
		ID: r.ID, Schema: r.Schema, Name: r.Name,
		Start: r.Start, Increment: r.Increment, Min: r.Min, Max: r.Max, Cache: r.Cache, Cycle: r.Cycle,
		Owner: r.Owner, OwnerColumn: r.OwnerColumn, Identity: r.Identity, Comment: r.Comment,
		Last: r.Last, Called: r.Called, Epoch: r.Epoch,
	}
	switch r.Type {
	case "int2":
		q.Type = types.Int2
	case "int4":
		q.Type = types.Int4
	case "int8":
		q.Type = types.Int8
	default:
		return nil, corrupt("sequence %q has type %q", r.Name, r.Type)
	}
	if q.Increment == 0 || q.Min > q.Max || q.OwnerColumn < 0 {
		return nil, corrupt("sequence %q has no values", r.Name)
	}
	return q, nil
}

func decodeSequenceCommand(envelope *commandEnvelope) (Command, error) {
	switch envelope.Kind {
	case "create_sequence":
		var r createSequenceRecord
		if err := unmarshal(envelope.Body, &r); err != nil {
			return nil, err
		}
		q, err := r.Sequence.sequence()
		if err != nil {
			return nil, err
		}
		return &CreateSequence{Sequence: *q, IfNotExists: r.IfNotExists}, nil
	case "alter_sequence":
		var r alterSequenceRecord
		if err := unmarshal(envelope.Body, &r); err != nil {
			return nil, err
		}
		q, err := r.Sequence.sequence()
		if err != nil {
			return nil, err
		}
		return &AlterSequence{Sequence: *q, Restart: r.Restart, RestartWith: r.RestartWith, IfExists: r.IfExists}, nil
	case "drop_sequences":
		var r dropSequencesRecord
		return (*DropSequences)(&r), unmarshal(envelope.Body, &r)
	case "next_values":
		var r nextValuesRecord
		return (*NextValues)(&r), unmarshal(envelope.Body, &r)
	case "set_sequence":
		var r setSequenceRecord
		return (*SetSequence)(&r), unmarshal(envelope.Body, &r)
	default:
		var r returnValuesRecord
		return (*ReturnValues)(&r), unmarshal(envelope.Body, &r)
	}
}
